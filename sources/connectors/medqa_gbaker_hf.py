"""MedQA-USMLE with four options (Jin et al. 2020) on the Hub in the layout of SWAG; ``label`` is 0-based."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import GoldColumn, collected_card, repository_file
from sources.shapes.row_shapes import json_rows, mcq
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; the question is split over ``sent1`` and ``sent2``, the latter mostly empty."""
    row = raw.value
    question = " ".join(part for part in (row["sent1"], row["sent2"]) if part)
    return mcq(row["id"], question, [row[f"ending{i}"] for i in range(4)], row["label"])


MEDQA_GBAKER_HF = Source(
    name="medqa_gbaker_hf",
    title="MedQA-USMLE, four options, SWAG layout",
    home="hf://datasets/GBaker/MedQA-USMLE-4-options-hf",
    license="CC-BY-SA-4.0",
    license_read="tag of GBaker/MedQA-USMLE-4-options-hf; jind11/MedQA is MIT",
    task="mcqa",
    lang="en",
    folder="medqa_gbaker_hf",
    files={"train": ("train.json",)},
    columns={
        "id": "text",
        "sent1": "text",
        "sent2": "text?",
        "ending0": "text",
        "ending1": "text",
        "ending2": "text",
        "ending3": "text",
        "label": "integer",
    },
    gold=GoldColumn(name="label", base=0, options=4),
    schema_read=(
        repository_file(
            "EleutherAI/lm-evaluation-harness", "lm_eval/tasks/medqa/preprocess_medqa.py", "columns", "gold"
        ),
        repository_file("EleutherAI/lm-evaluation-harness", "lm_eval/tasks/medqa/medqa.yaml", "splits"),
        collected_card(
            "GBaker/MedQA-USMLE-4-options",
            "splits",
            "license",
            result="its neighbour: 10,178, 1,272 and 1,273 rows, CC-BY-SA-4.0",
        ),
    ),
    rows=json_rows,
    parse=parse,
    rank=60,
    published_rows=10_178,
    chain_prompt="medqa",
    instruction_subject="the medical licensing examination",
)

MEDQA_GBAKER_HF_HELD_OUT = held_out(
    MEDQA_GBAKER_HF,
    "medqa_gbaker_hf_held_out",
    {"validation": ("dev.json",), "test": ("test.json",)},
    title="MedQA-USMLE, four options, SWAG layout, development and test",
    published_rows=2_545,
    evaluated_as="medqa",
    multimedqa=True,
)
