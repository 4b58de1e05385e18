"""MedText: patient presentations and their diagnosis and treatment, checked for accuracy by its author."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import numbered, qa, table
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one presentation into a draft."""
    row = raw.value
    return qa(numbered(raw, file), row["Prompt"], row["Completion"])


MEDTEXT = Source(
    name="medtext",
    title="MedText",
    home="hf://datasets/BI55/MedText",
    license="CC-BY-4.0",
    license_read="tag of the Hub card",
    task="diagnosis",
    lang="en",
    files={"train": ("medtext_2.csv",)},
    columns={"Prompt": "text", "Completion": "text"},
    schema_read=(
        hub_page("BI55/MedText", "tree/main", "splits", "license", result="agrees; medtext_2.csv, tag cc-by-4.0"),
        public_code(
            'load_dataset("csv", data_files="MedText/medtext_2.csv")', "columns", "splits", result="agrees; 1,412 rows"
        ),
    ),
    rows=table,
    parse=parse,
)
