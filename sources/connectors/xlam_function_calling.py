"""xLAM function calling 60k (Liu et al. 2024, APIGen): queries, the available tools, and the calls that answer them."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import collected_card
from sources.shapes.row_shapes import json_rows, qa
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one query into a draft: the tools are its context, the calls its answer, both as JSON text."""
    row = raw.value
    return qa(str(row["id"]), row["query"], row["answers"], context=row["tools"])


XLAM_FUNCTION_CALLING = Source(
    name="xlam_function_calling",
    title="xlam-function-calling-60k",
    home="hf://datasets/Salesforce/xlam-function-calling-60k",
    license="CC-BY-4.0",
    license_read="paper of Aloe Beta, table of general data",
    task="function-calling",
    lang="en",
    kind="general",
    files={"train": ("xlam_function_calling_60k.json",)},
    columns={"id": "integer", "query": "text", "tools": "text", "answers": "text"},
    schema_read=(
        collected_card(
            "Salesforce/xlam-function-calling-60k",
            "columns",
            "splits",
            "license",
            result="agrees; one JSON file, CC-BY-4.0; gated, it needs a token that accepted its terms",
        ),
    ),
    rows=json_rows,
    parse=parse,
    published_rows=60_000,
)
