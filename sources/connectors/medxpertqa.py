"""MedXpertQA, text questions (Zuo et al. 2025): expert questions with ten options; ``label`` is a letter.

``question`` repeats the options after its text, which is cut here.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.row_shapes import jsonl, lettered
from sources.source import Benchmark, Raw

LISTED = "Answer Choices:"
"""Begins the list of options in a question; the list itself starts with "(A)" and the first option."""


def stem(question: str, first_option: str) -> str:
    """Return a question without the list of its options at the end."""
    start = question.rfind(f"(A) {first_option}")
    if start < 0:
        return question
    return question[:start].rstrip().removesuffix(LISTED).rstrip()


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft."""
    row = raw.value
    options = dict(sorted(row["options"].items()))
    meta = {name: row[name] for name in ("medical_task", "body_system", "question_type")}
    question = stem(row["question"], next(iter(options.values()), ""))
    return lettered(row["id"], question, options, row["label"], meta=meta)


MEDXPERTQA = Benchmark(
    name="medxpertqa",
    title="MedXpertQA, text",
    home="hf://datasets/TsinghuaC3I/MedXpertQA",
    license="MIT",
    license_read="tag of TsinghuaC3I/MedXpertQA; its paper asks not to publish items online",
    task="mcqa",
    lang="en",
    files={"dev": ("Text/dev.jsonl",), "test": ("Text/test.jsonl",)},
    columns={
        "id": "text",
        "question": "text",
        "options": "object",
        "label": "text",
        "medical_task": "text?",
        "body_system": "text?",
        "question_type": "text?",
    },
    rows=jsonl,
    parse=parse,
    published_rows=2_455,
    subset_field="question_type",
    likelihood_prompt="listed_choice",
    schema_read=(
        SchemaReading(checked=("columns", "splits", "license"), where="card of TsinghuaC3I/MedXpertQA"),
        SchemaReading(
            checked=("gold",), where="MedARC-AI/med-lm-envs: environments/medxpertqa/README.md", result="letters A to J"
        ),
    ),
)
