"""Aligner-20K (Ji et al. 2024): questions, answers of models, and corrected answers: the correction is preferred.

Loaders read ``question, answer, correction``; the file's name could not be verified.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import public_code
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
    license="LicenseRef-unknown",
    license_read="not read; the paper of Aloe Beta gives none",
    task="preference",
    lang="en",
    kind="preference",
    files={"train": ("*.json",)},
    columns={"question": "text", "answer": "text", "correction": "text"},
    schema_read=(
        public_code(
            'load_dataset("aligner/aligner-20K")["train"]', "columns", result="agrees; names of files not seen"
        ),
    ),
    rows=json_rows,
    parse=parse,
)
