"""Medical terms and the text of the encyclopedia's page on each."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import numbered, parquet, qa
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one page into a draft: the term is the prompt, its text the answer."""
    row = raw.value
    return qa(numbered(raw, file), row["page_title"], row["page_text"])


WIKI_MEDICAL_TERMS = Source(
    name="wiki_medical_terms",
    title="Wiki medical terms",
    home="hf://datasets/gamino/wiki_medical_terms",
    license="GPL-3.0-only",
    license_read="tag gpl-3.0 of the Hub card",
    task="explanation",
    lang="en",
    files={"train": ("wiki_medical_terms.parquet",)},
    columns={"page_title": "text", "page_text": "text"},
    schema_read=(
        public_code(
            "huggingface.co/datasets/gamino/wiki_medical_terms/resolve/main/wiki_medical_terms.parquet",
            "columns",
            "splits",
        ),
        hub_page("gamino/wiki_medical_terms", "tree/main", "splits", "license", result="agrees; tag gpl-3.0"),
    ),
    rows=parquet,
    parse=parse,
    instruction_subject="medicine",
)
