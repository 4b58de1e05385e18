"""LiveQA TREC 2017, medical task (Ben Abacha et al. 2017): questions to the NLM, a subject and a message, with answers.

A copy on the Hub, with one row per answer. The test set is ``liveqa_trec``.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import numbered, parquet, qa
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a draft."""
    row = raw.value
    meta = {name: row.get(name) for name in ("questionid", "focus", "type")}
    return qa(numbered(raw, file), questions_of(row["subject"], row["message"]), row["answer"], meta=meta)


def questions_of(subject: str | None, message: str | None) -> str:
    """Return the question made of a message and its subject; either may be empty, not both."""
    parts = [part.strip() for part in (subject, message) if part and part.strip()]
    if not parts:
        raise ValueError("subject and message are empty, expected a question in one of them")
    return "\n\n".join(parts)


LIVEQA = Source(
    name="liveqa",
    title="LiveQA TREC 2017 medical, training pairs",
    home="hf://datasets/truehealth/liveqa",
    license="LicenseRef-none-stated",
    license_read="Hub card, which states none",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns={
        "subject": "text?",
        "message": "text?",
        "answer": "text",
        "questionid": "any*",
        "focus": "text*",
        "type": "text*",
    },
    schema_read=(
        public_code('load_dataset("truehealth/liveqa")["train"]', "columns", "splits", result="agrees; 635 rows"),
        hub_page("truehealth/liveqa", "tree/main", "license", result="agrees; no tag"),
    ),
    rows=parquet,
    parse=parse,
    instruction_subject="consumer health",
)
