"""CareQA (Garcia-Gasulla et al. 2025) on the Hub: English, Spanish and open questions. ``cop`` is 1-based.

Made for evaluation: all of it is a benchmark.
"""

from dataclasses import replace

from sources.fields.dates import parse_date
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import GoldColumn, hub_page, public_code, repository_file
from sources.shapes.row_shapes import json_rows, mcq, numbered, one_based, qa
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a multiple-choice draft."""
    row = raw.value
    options = [row[f"op{i}"] for i in range(1, 5)]
    meta = {"category": row["category"], "year": row["year"], "exam_id": row["exam_id"]}
    more = {"meta": meta, "date": parse_date(row["year"])}
    return mcq(str(row["unique_id"]), row["question"], options, one_based(row["cop"]), **more)


def parse_open(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into an open question."""
    return qa(numbered(raw, file), raw.value["question"], raw.value["answer"])


CAREQA_HUB_EN = Benchmark(
    name="careqa_hub_en",
    title="CareQA, English, Hub",
    home="hf://datasets/HPAI-BSC/CareQA",
    license="Apache-2.0",
    license_read="tag of HPAI-BSC/CareQA",
    task="mcqa",
    lang="en",
    folder="careqa_hub",
    files={"test": ("CareQA_en.json",)},
    columns={
        "unique_id": "any",
        "question": "text",
        "op1": "text",
        "op2": "text",
        "op3": "text",
        "op4": "text",
        "cop": "integer",
        "category": "text?",
        "year": "any?",
        "exam_id": "any?",
    },
    gold=GoldColumn(name="cop", base=1, options=4),
    schema_read=(
        hub_page("HPAI-BSC/CareQA", "tree/main", "splits", "license", result="agrees; two JSON files, tag apache-2.0"),
        public_code('load_dataset("HPAI-BSC/CareQA", "CareQA_en", split="test")', "columns", "gold", "splits"),
    ),
    rows=json_rows,
    parse=parse,
    published_rows=5_621,
    evaluated_as="careqa",
    subset_field="category",
    likelihood_prompt="listed_choice",
)

CAREQA_HUB_ES = replace(
    CAREQA_HUB_EN,
    name="careqa_hub_es",
    title="CareQA, Spanish",
    lang="es",
    files={"test": ("CareQA_es.json",)},
    evaluated_as="careqa_es",
)

CAREQA_HUB_OPEN = replace(
    CAREQA_HUB_EN,
    name="careqa_hub_open",
    title="CareQA, English, open questions",
    task="qa",
    files={"test": ("CareQA_en_open.json",)},
    columns={"question": "text", "answer": "text"},
    gold=None,
    schema_read=(
        hub_page("HPAI-BSC/CareQA", "viewer/CareQA_en/test", "splits", result="agrees; 2,770 rows, file not seen"),
        hub_page("HPAI-BSC/CareQA", "tree/main", "license", result="agrees; tag apache-2.0"),
        repository_file("EleutherAI/lm-evaluation-harness", "lm_eval/tasks/careqa/utils_open.py", "columns"),
    ),
    parse=parse_open,
    published_rows=None,
    evaluated_as="careqa_open",
    subset_field=None,
)
