"""MMLU-Pro (Wang et al. 2024), the category health: up to ten options; ``answer_index`` is 0-based."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import GoldColumn, SchemaReading
from sources.shapes.benchmark_shapes import rows_where
from sources.shapes.row_shapes import letter, mcq, parquet
from sources.source import Benchmark, Raw

PLACEHOLDER = "N/A"
"""An option that fills a row up to ten, in the edition v1.1."""


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft; ``ValueError`` where letter and index name different options."""
    row = raw.value
    gold = row["answer_index"]
    if letter(row["answer"]) != gold:
        raise ValueError(f"answer is {row['answer']!r}, expected the option with answer_index {gold}")
    options = [text for place, text in enumerate(row["options"]) if place <= gold or text.strip() != PLACEHOLDER]
    return mcq(str(row["question_id"]), row["question"], options, gold, meta={"src": row["src"]})


MMLU_PRO_HEALTH = Benchmark(
    name="mmlu_pro_health",
    title="MMLU-Pro, health",
    home="hf://datasets/TIGER-Lab/MMLU-Pro",
    license="MIT",
    license_read="tag of TIGER-Lab/MMLU-Pro",
    task="mcqa",
    lang="en",
    folder="mmlu_pro",
    files={"test": ("data/test-*.parquet",)},
    columns={
        "question_id": "any",
        "question": "text",
        "options": "list",
        "answer": "text",
        "answer_index": "integer",
        "category": "text",
        "src": "text?",
    },
    gold=GoldColumn(name="answer_index", base=0, options="options"),
    rows=rows_where(parquet, lambda row: row.get("category") == "health"),
    parse=parse,
    published_rows=818,
    likelihood_prompt="listed_choice",
    schema_read=(
        SchemaReading(checked=("columns", "splits", "license"), where="card of TIGER-Lab/MMLU-Pro"),
        SchemaReading(
            checked=("gold",), where="MedARC-AI/med-lm-envs: environments/mmlu_pro_health/mmlu_pro_health.py"
        ),
    ),
)
