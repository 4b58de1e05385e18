"""MedHallu (Pandit et al. 2025): answers to PubMedQA's questions, half of them hallucinated; is the answer right?

Each row has the true and the hallucinated answer and becomes two items. The 1,000 labelled rows are held out: their
questions are those of PubMedQA's labelled set, its training part too.
"""

from collections.abc import Iterator

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.benchmark_shapes import ABSTAIN, PROPOSED
from sources.shapes.row_shapes import mcq, numbered, parquet
from sources.source import Benchmark, Broken, Raw

OPTIONS = ("The proposed answer is right", "The proposed answer is hallucinated", "I am not sure")
SHOWN = {"factual": "Ground Truth", "hallucinated": "Hallucinated Answer"}
"""The column of the answer that is shown, by the label of the item."""


def both_answers(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield each row twice, once with its true answer and once with its hallucinated one."""
    for raw in parquet(file):
        if isinstance(raw, Broken):
            yield raw
            continue
        for label in SHOWN:
            yield Raw(raw.line, {**raw.value, "shown": label})


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one answer into a draft; the passages of the row are its context."""
    row = raw.value
    knowledge = row["Knowledge"]
    meta = {
        "difficulty": row["Difficulty Level"],
        "category": row["Category of Hallucination"],
        "label": row["shown"],
        PROPOSED: row[SHOWN[row["shown"]]],
        ABSTAIN: [2],
    }
    context = "\n".join(knowledge) if isinstance(knowledge, list) else knowledge
    gold = list(SHOWN).index(row["shown"])
    return mcq(
        f"{numbered(raw, file)}-{row['shown']}", row["Question"], OPTIONS, gold, context=context or None, meta=meta
    )


MEDHALLU = Benchmark(
    name="medhallu",
    title="MedHallu, labelled",
    home="hf://datasets/UTAustin-AIHealth/MedHallu",
    license="MIT",
    license_read="README of UTAustin-AIHealth and of MedHallu/MedHallu",
    task="mcqa",
    lang="en",
    files={"test": ("pqa_labeled/train-*.parquet",)},
    columns={
        "Question": "text",
        "Knowledge": "any",
        "Ground Truth": "text",
        "Hallucinated Answer": "text",
        "Difficulty Level": "text?",
        "Category of Hallucination": "text?",
    },
    rows=both_answers,
    parse=parse,
    published_rows=2_000,
    subset_field="difficulty",
    likelihood_prompt="listed_choice",
    figures=("detection", "abstention"),
    schema_read=(
        SchemaReading(checked=("columns", "splits"), where="card of UTAustin-AIHealth/MedHallu"),
        SchemaReading(
            checked=("gold",),
            where="MedARC-AI/med-lm-envs: environments/medhallu/medhallu.py",
            result="agrees: the publisher has two columns, the labels are given by the reader",
        ),
        SchemaReading(checked=("license",), where="MedHallu/MedHallu: README.md"),
    ),
)
