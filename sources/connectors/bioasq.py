"""BioASQ Task B (Tsatsaronis et al. 2015): biomedical questions with ideal answers and the supporting snippets.

The files require registration, ``training<n>b.json``. ``bigbio/bioasq_task_b`` is a loading script without rows:
those of its ``bioasq_<n>b_bigbio_qa`` are read as JSON Lines written from its training split, a row a snippet. The test
batches are a split of their own there, which is not read.
"""

from typing import Any

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading, repository_file
from sources.shapes.row_shapes import json_rows, placed, qa, under
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft with its first ideal answer and its snippets as context."""
    row = raw.value
    context = "\n\n".join(snippet["text"] for snippet in row.get("snippets", ()))
    meta = {"id": row["id"], "type": row["type"], "exact_answer": row.get("exact_answer")}
    return qa(placed(raw, file), row["body"], _first(row["ideal_answer"]), context=context or None, meta=meta)


def parse_bigbio(raw: Raw, file: RawFile) -> Draft:
    """Turn one question of the bigbio schema into a draft; its rows have the exact answers and one snippet each."""
    row = raw.value
    meta = {"id": row["question_id"], "type": row["type"]}
    return qa(placed(raw, file), row["question"], "; ".join(row["answer"]), context=row["context"], meta=meta)


def _first(value: str | list[str]) -> Any:
    return value if isinstance(value, str) else value[0]


BIGBIO = "bigscience-workshop/biomedical"
LOADER = "bigbio/hub/hub_repos/bioasq_task_b"
LICENSE_READ = (
    SchemaReading(
        checked=("license",), where="paper of Aloe Beta (arXiv 2505.04388), table A1", result="agrees; CC BY 2.5"
    ),
    repository_file(
        BIGBIO,
        f"{LOADER}/LICENSE",
        "license",
        result="adds the NLM's terms for its abstracts, which ask to name it and to say where rows are not the latest",
    ),
)

BIOASQ = Source(
    name="bioasq",
    title="BioASQ Task B, training set",
    home="http://participants-area.bioasq.org/datasets/",
    license="CC-BY-2.5",
    license_read="paper of Aloe Beta; abstracts under the terms of the NLM",
    task="qa",
    lang="en",
    files={"train": ("training*b.json",)},
    schema_read=(
        repository_file(
            BIGBIO,
            f"{LOADER}/bioasq_task_b.py",
            "columns",
            "splits",
            result="agrees from training8b.json on; files of earlier years have other names",
        ),
        *LICENSE_READ,
    ),
    rows=under("questions"),
    parse=parse,
    instruction_subject="biomedical research",
)

BIOASQ_BIGBIO = Source(
    name="bioasq_bigbio",
    title="BioASQ Task B, bigbio schema",
    home="https://huggingface.co/datasets/bigbio/bioasq_task_b",
    license="CC-BY-2.5",
    license_read="paper of Aloe Beta; abstracts under the terms of the NLM",
    task="qa",
    lang="en",
    files={"train": ("train*.jsonl",)},
    schema_read=(
        repository_file(BIGBIO, "bigbio/utils/schemas/qa.py", "columns"),
        repository_file(
            BIGBIO,
            f"{LOADER}/bioasq_task_b.py",
            "columns",
            "splits",
            result="agrees; splits train and test, a row a snippet, the ideal answers for a summary question",
        ),
        *LICENSE_READ,
    ),
    rows=json_rows,
    parse=parse_bigbio,
    instruction_subject="biomedical research",
)
