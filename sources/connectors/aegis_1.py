"""Aegis content safety 1.0 (Ghosh et al. 2024): texts labelled with their kind of harm by up to five people.

Texts are of several kinds, named by ``text_type``; only some are prompts.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import numbered, parquet, qa
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one text into a draft with its labels."""
    row = raw.value
    given = (row.get(f"labels_{i}") for i in range(5))
    meta = {"text_type": row["text_type"], "labels": [label for label in given if label]}
    return qa(numbered(raw, file), row["text"], None, meta=meta)


AEGIS_1 = Source(
    name="aegis_1",
    title="Aegis content safety 1.0, training set",
    home="hf://datasets/nvidia/Aegis-AI-Content-Safety-Dataset-1.0",
    license="CC-BY-4.0",
    license_read="tag of the Hub card",
    task="safety",
    lang="en",
    kind="safety",
    folder="aegis_1",
    files={"train": ("*_train_release_*.parquet",)},
    columns={
        "text": "text",
        "text_type": "text?",
        "labels_0": "text*",
        "labels_1": "text*",
        "labels_2": "text*",
        "labels_3": "text*",
        "labels_4": "text*",
    },
    schema_read=(
        public_code(
            'REPO_ID = "nvidia/Aegis-AI-Content-Safety-Dataset-1.0", a parquet file *_test_release_*',
            "columns",
            "splits",
        ),
        hub_page(
            "nvidia/Aegis-AI-Content-Safety-Dataset-1.0", "commits/refs/pr/3", "license", result="agrees; tag cc-by-4.0"
        ),
    ),
    rows=parquet,
    parse=parse,
)

AEGIS_1_TEST = held_out(
    AEGIS_1,
    "aegis_1_test",
    {"test": ("*_test_release_*.parquet",)},
    title="Aegis content safety 1.0, test set",
)
