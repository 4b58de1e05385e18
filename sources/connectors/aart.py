"""AART (Radharapu et al. 2023): adversarial prompts written by a model for regions, media and crimes; no answers."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import numbered, qa, table
from sources.source import Raw, Source

LABELS = ("crime", "use_case", "region", "region_specific_topic", "medium_keyword")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a prompt with its labels; the columns that explain why it is harmful are left out."""
    row = raw.value
    return qa(numbered(raw, file), row["prompt"], None, meta={name: row[name] for name in LABELS})


AART = Source(
    name="aart",
    title="AART, adversarial prompts",
    home="https://github.com/google-research-datasets/aart-ai-safety-dataset",
    license="CC-BY-4.0",
    license_read="LICENSE of google-research-datasets/aart-ai-safety-dataset",
    task="safety",
    lang="en",
    kind="safety",
    files={"train": ("aart-v1-20231117.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=3_269,
)
