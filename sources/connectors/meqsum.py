"""MeQSum (Ben Abacha and Demner-Fushman 2019): consumers' health questions and their one-line summaries."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import qa, sheet
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row of the sheet into a draft; the file name in it is its id."""
    row = raw.value
    return qa(row["File"], row["CHQ"], row["Summary"])


MEQSUM = Source(
    name="meqsum",
    title="MeQSum",
    home="https://github.com/abachaa/MeQSum",
    license="CC-BY-4.0",
    license_read="README of abachaa/MeQSum",
    task="summarization",
    lang="en",
    folder="meqsum",
    files={"train": ("MeQSum_ACL2019_BenAbacha_Demner-Fushman.xlsx",)},
    schema_read=(PUBLISHED_FILES,),
    rows=sheet,
    parse=parse,
    published_rows=1_000,
    instruction_subject="consumer health",
)
