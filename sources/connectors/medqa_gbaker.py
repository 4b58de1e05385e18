"""MedQA-USMLE with four options (Jin et al. 2020) on the Hub, as JSON Lines in the original layout; letters."""

from sources.connectors.medqa import parse
from sources.schema.columns import collected_card
from sources.shapes.row_shapes import jsonl
from sources.source import Source, held_out

MEDQA_GBAKER = Source(
    name="medqa_gbaker",
    title="MedQA-USMLE, four options",
    home="hf://datasets/GBaker/MedQA-USMLE-4-options",
    license="CC-BY-4.0",
    license_read="tag of GBaker/MedQA-USMLE-4-options; jind11/MedQA is MIT",
    task="mcqa",
    lang="en",
    folder="medqa_gbaker",
    files={"train": ("phrases_no_exclude_train.jsonl",)},
    columns={"question": "text", "options": "object", "options.A": "text", "answer_idx": "text", "meta_info": "text?"},
    schema_read=(collected_card("GBaker/MedQA-USMLE-4-options", "columns", "gold", "splits", "license"),),
    rows=jsonl,
    parse=parse,
    published_rows=10_178,
    chain_prompt="medqa",
    instruction_subject="the medical licensing examination",
)

MEDQA_GBAKER_TEST = held_out(
    MEDQA_GBAKER,
    "medqa_gbaker_test",
    {"test": ("phrases_no_exclude_test.jsonl",)},
    title="MedQA-USMLE, four options, test",
    published_rows=1_273,
    evaluated_as="medqa",
    subset_field="meta_info",
    multimedqa=True,
)
