"""MedQA-USMLE with four options (Jin et al. 2020) on the Hub, nested in ``data``; answers are letters."""

from collections.abc import Mapping
from typing import Any

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import lettered, parquet
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft."""
    return nested(raw.value["id"], raw.value)


def nested(id: str, row: Mapping[str, Any]) -> Draft:
    """Return the draft of a row in the layout shared by the question sets of openlifescienceai."""
    data, meta = row["data"], {"subject_name": row.get("subject_name")}
    return lettered(id, data["Question"], data["Options"], data["Correct Option"], meta=meta)


MEDQA_OPENLIFESCIENCE = Source(
    name="medqa_openlifescience",
    title="MedQA-USMLE, four options, nested layout",
    home="hf://datasets/openlifescienceai/medqa",
    license="MIT",
    license_read="LICENSE of jind11/MedQA; openlifescienceai/medqa states none",
    task="mcqa",
    lang="en",
    folder="medqa_openlifescience",
    files={"train": ("data/train-*.parquet",)},
    columns={
        "id": "text",
        "data": "object",
        "data.Question": "text",
        "data.Options": "object",
        "data.Correct Option": "text",
        "subject_name": "text*",
    },
    schema_read=(
        hub_page(
            "openlifescienceai/medqa", "tree/main/data", "splits", "license", result="agrees; no licence is stated"
        ),
        public_code('load_dataset("openlifescienceai/medqa")', "columns", "gold"),
    ),
    rows=parquet,
    parse=parse,
    rank=60,
    published_rows=10_178,
    chain_prompt="medqa",
    instruction_subject="the medical licensing examination",
)

MEDQA_OPENLIFESCIENCE_HELD_OUT = held_out(
    MEDQA_OPENLIFESCIENCE,
    "medqa_openlifescience_held_out",
    {"validation": ("data/dev-*.parquet",), "test": ("data/test-*.parquet",)},
    title="MedQA-USMLE, four options, nested layout, development and test",
    published_rows=2_545,
    evaluated_as="medqa",
    multimedqa=True,
)
