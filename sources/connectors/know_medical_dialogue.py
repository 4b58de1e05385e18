"""know_medical_dialogue_v2: patients' questions and doctors' replies, expanded by GPT-4; ``input`` is empty."""

from sources.schema.columns import ALPACA, collected_card
from sources.shapes.row_shapes import alpaca, json_rows
from sources.source import Source

KNOW_MEDICAL_DIALOGUE = Source(
    name="know_medical_dialogue",
    title="know_medical_dialogue_v2",
    home="hf://datasets/knowrohit07/know_medical_dialogue_v2",
    license="LicenseRef-openrail",
    license_read="tag of the Hub card, which names no variant",
    task="dialogue",
    lang="en",
    files={"train": ("know_med_v4.json",)},
    columns=ALPACA,
    schema_read=(
        collected_card(
            "knowrohit07/know_medical_dialogue_v2",
            "columns",
            "splits",
            "license",
            result="agrees; know_med_v4.json, 6,307 rows, tag openrail",
        ),
    ),
    rows=json_rows,
    parse=alpaca,
    published_rows=6_307,
    instruction_subject="online consultations",
)
