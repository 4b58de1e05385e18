"""UltraMedical-Preference (Zhang et al. 2024): pairs of replies to medical questions, ranked by GPT-4.

The authors' training code reads ``chosen`` and ``rejected`` as message lists that share all but the last turn. The
development and test files are held out.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import MESSAGE_PAIR, hub_page, public_code
from sources.shapes.row_shapes import json_rows, numbered, preference
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a draft."""
    row = raw.value
    return preference(numbered(raw, file), row, meta={"label_type": row.get("label_type")})


ULTRAMEDICAL_PREFERENCE = Source(
    name="ultramedical_preference",
    title="UltraMedical-Preference, training pairs",
    home="hf://datasets/TsinghuaC3I/UltraMedical-Preference",
    license="MIT",
    license_read="tag of the Hub card",
    task="preference",
    lang="en",
    kind="preference",
    folder="ultramedical_preference",
    files={"train": ("data/train.json",)},
    columns={**MESSAGE_PAIR, "label_type": "text*"},
    schema_read=(
        hub_page(
            "TsinghuaC3I/UltraMedical-Preference",
            "blob/main/data/test.json",
            "splits",
            "license",
            result="agrees; tag mit",
        ),
        public_code(
            "manifest of UltraMedical-Preference at 761eb79", "splits", result="agrees; 109,353, 2,232 and 777 pairs"
        ),
        public_code(
            'get_datasets({"TsinghuaC3I/UltraMedical-Preference": train_num_ratio})',
            "columns",
            result="agrees; prompt, chosen and rejected, the reply second; label_type not seen",
        ),
    ),
    rows=json_rows,
    parse=parse,
)

ULTRAMEDICAL_PREFERENCE_HELD_OUT = held_out(
    ULTRAMEDICAL_PREFERENCE,
    "ultramedical_preference_held_out",
    {"validation": ("data/dev.json",), "test": ("data/test.json",)},
    title="UltraMedical-Preference, development and test pairs",
)
