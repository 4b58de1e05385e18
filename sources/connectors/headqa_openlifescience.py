"""HEAD-QA in English (Vilares and Gomez-Rodriguez 2019) on the Hub, nested in ``data``; answers are letters."""

from sources.connectors.medqa_openlifescience import nested
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import json_rows, numbered
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; split and row number are its id."""
    return nested(numbered(raw, file), raw.value)


HEADQA_OPENLIFESCIENCE = Source(
    name="headqa_openlifescience",
    title="HEAD-QA, English, nested layout",
    home="hf://datasets/openlifescienceai/headqa",
    license="MIT",
    license_read="LICENSE of aghie/head-qa; openlifescienceai/headqa states none",
    task="mcqa",
    lang="en",
    folder="headqa_openlifescience",
    files={"train": ("train.json",)},
    columns={
        "data": "object",
        "data.Question": "text",
        "data.Options": "object",
        "data.Correct Option": "text",
        "subject_name": "text*",
    },
    schema_read=(
        hub_page("openlifescienceai/headqa", "tree/main", "splits", "license", result="agrees; no licence is stated"),
        public_code(
            'load_dataset("openlifescienceai/headqa", split="test")',
            "columns",
            "gold",
            result="agrees; an option may be null",
        ),
    ),
    rows=json_rows,
    parse=parse,
    rank=70,
    published_rows=2_657,
    chain_prompt="headqa",
    instruction_subject="specialist training in health care",
)

HEADQA_OPENLIFESCIENCE_HELD_OUT = held_out(
    HEADQA_OPENLIFESCIENCE,
    "headqa_openlifescience_held_out",
    {"validation": ("validation.json",), "test": ("test.json",)},
    title="HEAD-QA, English, nested layout, validation and test",
    published_rows=4_108,
    evaluated_as="headqa_en",
)
