"""MetaMedQA (Griot et al. 2025): questions of MedQA's test with the options "None of the above" and "I don't know".

Some questions were changed so that one of these is right; 100 are about an organ that does not exist (Glianorex).
``answer`` is the text of the right option. All of it is a benchmark.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.benchmark_shapes import ABSTAIN
from sources.shapes.row_shapes import letter, mcq, numbered, parquet
from sources.source import Benchmark, Raw

DOES_NOT_KNOW = ("i don't know", "i do not know")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; options that are null do not exist."""
    row = raw.value
    options = {name: text for name, text in sorted(row["options"].items()) if text is not None}
    texts = list(options.values())
    abstain = [place for place, text in enumerate(texts) if text.lower().replace("’", "'").startswith(DOES_NOT_KNOW)]
    gold = letter(row["answer_idx"].strip(), options)
    if texts[gold].strip().casefold() != row["answer"].strip().casefold():
        raise ValueError(f"answer is {row['answer']!r}, expected option {row['answer_idx']}, {texts[gold]!r}")
    meta = {"meta_info": row["meta_info"], "kind": row["kind"], ABSTAIN: abstain}
    return mcq(numbered(raw, file), row["question"], texts, gold, meta=meta)


METAMEDQA = Benchmark(
    name="metamedqa",
    title="MetaMedQA",
    home="hf://datasets/maximegmd/MetaMedQA",
    license="CC-BY-4.0",
    license_read="tag of maximegmd/MetaMedQA",
    task="mcqa",
    lang="en",
    files={"test": ("data/test-*.parquet",)},
    columns={
        "question": "text",
        "options": "object",
        "answer_idx": "letter",
        "answer": "text",
        "meta_info": "text?",
        "kind": "text?",
    },
    rows=parquet,
    parse=parse,
    published_rows=1_373,
    subset_field="kind",
    likelihood_prompt="listed_choice",
    figures=("abstention",),
    schema_read=(
        SchemaReading(checked=("columns", "splits", "license"), where="card of maximegmd/MetaMedQA"),
        SchemaReading(
            checked=("gold",),
            where="MedARC-AI/med-lm-envs: environments/metamedqa/metamedqa.py",
            result="agrees: answer is the text of an option",
        ),
    ),
)
