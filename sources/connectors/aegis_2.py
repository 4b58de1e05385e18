"""Aegis content safety 2.0 (Ghosh et al. 2025): prompts and replies, each with its own labels.

A safe reply is the answer, an unsafe one ``rejected``. Prompts of one origin are withheld: those rows are malformed.
"""

from typing import Any

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import public_code
from sources.shapes.row_shapes import json_rows, numbered, qa
from sources.source import Raw, Source, held_out

SIDES = {"safe": "answer", "unsafe": "rejected"}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one prompt into a draft, with its reply where there is one."""
    row = raw.value
    if row["prompt"] == "REDACTED":
        raise ValueError("prompt is withheld (REDACTED), expected its text from the Suicide Detection set")
    draft = qa(numbered(raw, file), row["prompt"], None, meta=_labels(row))
    if row["response"]:
        if row["response_label"] not in SIDES:
            raise ValueError(f"response_label is {row['response_label']!r}, expected safe or unsafe")
        setattr(draft, SIDES[row["response_label"]], row["response"])
    return draft


def _labels(row: dict[str, Any]) -> dict[str, Any]:
    categories = (name.strip() for name in (row["violated_categories"] or "").split(","))
    labels = {name: row[name] for name in ("prompt_label", "response_label")}
    return {**labels, "categories": [name for name in categories if name]}


AEGIS_2 = Source(
    name="aegis_2",
    title="Aegis content safety 2.0, training set",
    home="hf://datasets/nvidia/Aegis-AI-Content-Safety-Dataset-2.0",
    license="CC-BY-4.0",
    license_read="tag of the Hub card",
    task="safety",
    lang="en",
    kind="safety",
    folder="aegis_2",
    files={"train": ("train.json",)},
    columns={
        "prompt": "text",
        "response": "text?",
        "prompt_label": "text?",
        "response_label": "text?",
        "violated_categories": "text?",
    },
    schema_read=(
        public_code(
            'hf_hub_download("nvidia/Aegis-AI-Content-Safety-Dataset-2.0", "train.json")',
            "columns",
            "splits",
            "license",
            result="agrees; train, validation and test; CC-BY-4.0",
        ),
    ),
    rows=json_rows,
    parse=parse,
)

AEGIS_2_HELD_OUT = held_out(
    AEGIS_2,
    "aegis_2_held_out",
    {"validation": ("validation.json",), "test": ("test.json",)},
    title="Aegis content safety 2.0, validation and test sets",
)
