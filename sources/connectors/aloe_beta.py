"""The medical rows and the preference pairs of Aloe Beta (Garcia-Gasulla et al. 2025) as its authors released them.

The cards' tag is Apache-2.0, yet each set has rows under stricter terms, which apply. Field names could not be
verified: rows may be ShareGPT or chat turns, Alpaca, or question and response; pairs may be text or messages.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page
from sources.shapes.row_shapes import json_rows, placed, preference, sft
from sources.source import Raw, Source


def parse_pair(raw: Raw, file: RawFile) -> Draft:
    """Turn one preference pair into a draft."""
    return preference(placed(raw, file), raw.value)


ALOE_BETA_MEDICAL = Source(
    name="aloe_beta_medical",
    title="Aloe Beta, medical collection",
    home="hf://datasets/HPAI-BSC/Aloe-Beta-Medical-Collection",
    license="CC-BY-NC-4.0",
    license_read="Hub tag Apache-2.0; by its row count it holds MedInstruct-52k, CC BY-NC 4.0",
    task="qa",
    lang="en",
    files={"train": ("aloe_beta_medical_collection.json",)},
    columns={
        "conversations": "list*",
        "messages": "list*",
        "instruction": "text*",
        "input": "text*",
        "output": "text*",
        "question": "text*",
        "response": "text*",
    },
    schema_read=(
        hub_page(
            "HPAI-BSC/Aloe-Beta-Medical-Collection",
            "tree/main",
            "splits",
            "license",
            result="agrees; one file of 193 MB, tag apache-2.0",
        ),
    ),
    rows=json_rows,
    parse=sft,
)

ALOE_BETA_DPO = Source(
    name="aloe_beta_dpo",
    title="Aloe Beta, preference pairs of both stages",
    home="hf://datasets/HPAI-BSC/Aloe-Beta-DPO",
    license="LicenseRef-research-only",
    license_read="Hub tag Apache-2.0; Infinity-Preference is for research only, Do-Not-Answer CC BY-NC-SA 4.0",
    task="preference",
    lang="en",
    kind="preference",
    files={"train": ("aloe_beta_chunk_[0-4].json",)},
    columns={"chosen": "any", "rejected": "any", "prompt": "any*"},
    schema_read=(
        hub_page(
            "HPAI-BSC/Aloe-Beta-DPO",
            "tree/0937542",
            "splits",
            "license",
            result="agrees; five chunks, tag apache-2.0, which its parts are stricter than",
        ),
    ),
    rows=json_rows,
    parse=parse_pair,
)
