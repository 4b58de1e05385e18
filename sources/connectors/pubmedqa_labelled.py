"""PubMedQA (Jin et al. 2019), expert-labelled, on the Hub, which has a training split only.

The official test is listed in ``test_ground_truth.json`` of github.com/pubmedqa/pubmedqa, folder ``data``, which must
be in the same folder as the rows: without it nothing is read.
"""

from dataclasses import replace

from sources.connectors.pubmedqa_artificial import PUBMEDQA_ARTIFICIAL
from sources.shapes.official_test import split_by_test_ids
from sources.shapes.row_shapes import parquet
from sources.source import held_out

GROUND_TRUTH = "test_ground_truth.json"

PUBMEDQA_LABELLED = replace(
    PUBMEDQA_ARTIFICIAL,
    name="pubmedqa_labelled",
    title="PubMedQA, expert-labelled, Hub",
    files={"train": ("pqa_labeled/train-*.parquet",)},
    companions=(GROUND_TRUTH,),
    rows=split_by_test_ids(parquet, "pubid", GROUND_TRUTH),
    rank=60,
    published_rows=1_000,
)

PUBMEDQA_LABELLED_TEST = held_out(
    PUBMEDQA_LABELLED,
    "pubmedqa_labelled_test",
    {"test": PUBMEDQA_LABELLED.files["train"]},
    title="PubMedQA, official test, Hub",
    rows=split_by_test_ids(parquet, "pubid", GROUND_TRUTH, keep=("test",)),
    published_rows=500,
    evaluated_as="pubmedqa",
    likelihood_prompt="abstract",
    multimedqa=True,
)
