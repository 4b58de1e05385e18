"""SuperGPQA (M-A-P 2025), the discipline Medicine: up to ten options; ``answer_letter`` is a letter.

The publisher calls the file a training split; the whole set is a benchmark. Its card was tagged MIT and is tagged
ODC-By: the stricter one binds.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.benchmark_shapes import rows_where
from sources.shapes.row_shapes import LETTERS, jsonl, letter, mcq
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft."""
    row = raw.value
    meta = {name: row[name] for name in ("field", "subfield", "difficulty")}
    gold = letter(row["answer_letter"], LETTERS[: len(row["options"])])
    return mcq(row["uuid"], row["question"], row["options"], gold, meta=meta)


SUPERGPQA_MEDICINE = Benchmark(
    name="supergpqa_medicine",
    title="SuperGPQA, medicine",
    home="hf://datasets/m-a-p/SuperGPQA",
    license="ODC-By-1.0",
    license_read="tag of m-a-p/SuperGPQA as other loaders pin it; an earlier card says MIT",
    task="mcqa",
    lang="en",
    folder="supergpqa",
    files={"test": ("SuperGPQA-all.jsonl",)},
    columns={
        "uuid": "text",
        "question": "text",
        "options": "list",
        "answer_letter": "text",
        "field": "text?",
        "subfield": "text?",
        "difficulty": "text?",
    },
    rows=rows_where(jsonl, lambda row: row.get("discipline") == "Medicine"),
    parse=parse,
    published_rows=2_755,
    subset_field="field",
    likelihood_prompt="listed_choice",
    schema_read=(
        SchemaReading(
            checked=("columns", "gold"),
            where="MedARC-AI/med-lm-envs: environments/supergpqa_medicine/supergpqa_medicine.py",
            result="agrees; 2,755 questions by its README, another list says 1,126",
        ),
        SchemaReading(
            checked=("splits", "license"),
            where="card of m-a-p/SuperGPQA",
            result="MIT in an earlier card, ODC-By in later loaders: the stricter",
        ),
    ),
)
