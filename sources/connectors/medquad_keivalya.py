"""MedQuAD's answered pairs (Ben Abacha and Demner-Fushman 2019) on the Hub, as csv without their documents."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import public_code
from sources.shapes.row_shapes import numbered, qa, table
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; it has no id, so split and line are used."""
    row = raw.value
    return qa(numbered(raw, file), row["Question"], row["Answer"], meta={"qtype": row["qtype"]})


MEDQUAD_KEIVALYA = Source(
    name="medquad_keivalya",
    title="MedQuAD, answered pairs",
    home="hf://datasets/keivalya/MedQuad-MedicalQnADataset",
    license="CC-BY-4.0",
    license_read="LICENSE.txt of abachaa/MedQuAD; the Hub copy states none",
    task="qa",
    lang="en",
    files={"train": ("medDataset_processed.csv",)},
    columns={"qtype": "text", "Question": "text", "Answer": "text"},
    schema_read=(
        public_code(
            'read_csv("hf://datasets/keivalya/MedQuad-MedicalQnADataset/medDataset_processed.csv")',
            "columns",
            "splits",
            "license",
            result="agrees; 16,407 rows; no licence is stated",
        ),
    ),
    rows=table,
    parse=parse,
    repairs=frozenset({"flattened_lists", "spaced_punctuation"}),
    rank=70,
    published_rows=16_407,
    instruction_subject="consumer health",
)
