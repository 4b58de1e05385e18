"""Aligner-20K (Ji et al. 2024): questions, answers of models, and corrected answers: the correction is preferred.

Loaders read ``question, answer, correction``; the file's name could not be verified.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import json_rows, pair, placed, user
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a pair."""
    row = raw.value
    return pair(placed(raw, file), user(row["question"]), row["correction"], row["answer"])


ALIGNER = Source(
    name="aligner",
    title="Aligner-20K",
    home="hf://datasets/aligner/aligner-20K",
    license="CC-BY-NC-4.0",
    license_read="tag of the Hub card; the paper of Aloe Beta gives none",
    task="preference",
    lang="en",
    kind="preference",
    files={"train": ("*.json",)},
    columns={"question": "text", "answer": "text", "correction": "text"},
    schema_read=(
        public_code(
            'load_dataset("aligner/aligner-20K")["train"]', "columns", result="agrees; names of files not seen"
        ),
        hub_page(
            "aligner/aligner-20K",
            "blob/7c31966/README.md",
            "license",
            result="mended: tag cc-by-nc-4.0, was unknown; format json",
        ),
        hub_page(
            "aligner/aligner-20K",
            "viewer/default/train",
            "splits",
            result="agrees; one split of 20,000 rows; names of files not seen",
        ),
    ),
    rows=json_rows,
    parse=parse,
)
