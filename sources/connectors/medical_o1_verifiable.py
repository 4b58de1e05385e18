"""medical-o1-verifiable-problem (Chen et al. 2024, HuatuoGPT-o1): exam questions made open, with short answers."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import public_code
from sources.shapes.row_shapes import json_rows, numbered, qa
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one problem into an open question."""
    row = raw.value
    return qa(numbered(raw, file), row["Open-ended Verifiable Question"], row["Ground-True Answer"])


MEDICAL_O1_VERIFIABLE = Source(
    name="medical_o1_verifiable",
    title="medical-o1-verifiable-problem",
    home="hf://datasets/FreedomIntelligence/medical-o1-verifiable-problem",
    license="Apache-2.0",
    license_read="tag of the Hub card, as public lists of data sets cite it",
    task="qa",
    lang="en",
    files={"train": ("medical_o1_verifiable_problem.json",)},
    columns={"Open-ended Verifiable Question": "text", "Ground-True Answer": "text"},
    schema_read=(
        public_code("required_keys = ['Open-ended Verifiable Question', 'Ground-True Answer']", "columns", "license"),
        public_code(
            "the card's data_files: medical_o1_verifiable_problem.json, split train",
            "splits",
            result="agrees; 40,644 rows",
        ),
    ),
    rows=json_rows,
    parse=parse,
    published_rows=40_644,
    by_name_only=True,
)
