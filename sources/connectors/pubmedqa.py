"""PubMedQA (Jin et al. 2019), expert-labelled: yes, no or maybe from an abstract; the conclusion is the rationale.

One file has all rows, and the publisher's ground truth lists the 500 of the test. The source reads every row and
gives those split ``test``; the benchmark reads only them.
"""

from collections.abc import Sequence

from sources.fields.dates import parse_date
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.official_test import split_by_test_ids
from sources.shapes.row_shapes import json_dict, letter, mcq
from sources.source import Raw, Source, held_out

DECISIONS = ("yes", "no", "maybe")
GROUND_TRUTH = "data/test_ground_truth.json"


def labelled(labels: Sequence[str], paragraphs: Sequence[str]) -> str:
    """Return an abstract whose paragraphs each begin with their label."""
    return "\n\n".join(": ".join(pair) for pair in zip(labels, paragraphs, strict=True))


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one entry of the dict of abstracts into a draft; its PubMed id is its id."""
    row = raw.value
    gold = letter(row["final_decision"], DECISIONS)
    context = labelled(row["LABELS"], row["CONTEXTS"])
    return mcq(
        row["key"],
        row["QUESTION"],
        DECISIONS,
        gold,
        context=context,
        split=row["split"],
        rationale=row["LONG_ANSWER"],
        meta={"year": row["YEAR"], "meshes": row["MESHES"]},
        date=parse_date(row["YEAR"]),
    )


PUBMEDQA = Source(
    name="pubmedqa",
    title="PubMedQA, expert-labelled",
    home="https://github.com/pubmedqa/pubmedqa",
    license="MIT",
    license_read="LICENSE of pubmedqa/pubmedqa",
    task="mcqa",
    lang="en",
    folder="pubmedqa",
    files={"train": ("data/ori_pqal.json",)},
    companions=(GROUND_TRUTH,),
    schema_read=(PUBLISHED_FILES,),
    rows=split_by_test_ids(json_dict, "key", GROUND_TRUTH),
    parse=parse,
    published_rows=1_000,
    chain_prompt="pubmedqa",
    instruction_subject="biomedical research",
)

PUBMEDQA_TEST = held_out(
    PUBMEDQA,
    "pubmedqa_test",
    {"test": PUBMEDQA.files["train"]},
    title="PubMedQA, official test",
    rows=split_by_test_ids(json_dict, "key", GROUND_TRUTH, keep=("test",)),
    published_rows=500,
    evaluated_as="pubmedqa",
    likelihood_prompt="abstract",
    multimedqa=True,
)
