"""MedCalc-Bench v1.2 (Khandekar et al. 2024): a note and a value to calculate from it, right between two limits.

The limits of a decimal are 95% and 105% of the answer; of whole numbers, dates and gestational ages they are the answer
itself. The note is part of the question, because 55 calculators ask the same question of every note.
"""

from sources.files import RawFile
from sources.formats.csv_rows import table
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.benchmark_shapes import NUMBER
from sources.shapes.row_shapes import qa
from sources.source import Raw, Source, held_out

TYPES = {"decimal": "decimal", "integer": "integer", "date": "date", "time": "weeks_days"}


def number_type(output: str, answer: str) -> str:
    """Return the type of an answer by the publisher's name of it; a pair in brackets is weeks and days."""
    name = output.strip().lower()
    if "week" in name or answer.strip().startswith("("):
        return "weeks_days"
    if name not in TYPES:
        raise ValueError(f"output type is {output!r}, expected one of {', '.join(TYPES)}")
    return TYPES[name]


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one calculation into a draft."""
    row = raw.value
    answer = row["Ground Truth Answer"].strip()
    meta = {
        "calculator": row["Calculator Name"],
        "calculator_id": row["Calculator ID"],
        "category": row["Category"],
        NUMBER: {
            "type": number_type(row["Output Type"], answer),
            "lower": row["Lower Limit"].strip(),
            "upper": row["Upper Limit"].strip(),
        },
    }
    question = f"{row['Patient Note']}\n\n{row['Question']}"
    return qa(str(row["Row Number"]), question, answer, rationale=row["Ground Truth Explanation"] or None, meta=meta)


MEDCALC_BENCH_TRAIN = Source(
    name="medcalc_bench_train",
    title="MedCalc-Bench v1.2, training part",
    home="hf://datasets/ncbi/MedCalc-Bench-v1.2",
    license="CC-BY-SA-4.0",
    license_read="README of ncbi-nlp/MedCalc-Bench and tag of the Hub card",
    task="qa",
    lang="en",
    folder="medcalc_bench",
    files={"train": ("train_data_11_18_final.csv",)},
    columns={
        "Row Number": "numeral",
        "Calculator ID": "numeral",
        "Calculator Name": "text",
        "Category": "text",
        "Output Type": "text",
        "Patient Note": "text",
        "Question": "text",
        "Ground Truth Answer": "text",
        "Lower Limit": "text",
        "Upper Limit": "text",
        "Ground Truth Explanation": "text?",
    },
    rows=table,
    parse=parse,
    published_rows=10_543,
    by_name_only=True,
    schema_read=(
        SchemaReading(checked=("columns", "license"), where="ncbi-nlp/MedCalc-Bench: README.md"),
        SchemaReading(
            checked=("splits",),
            where="card of ncbi/MedCalc-Bench, a duplicate of v1.2",
            result="agrees, 10,543 rows in train; the files' names are those of the duplicate",
        ),
    ),
)

MEDCALC_BENCH = held_out(
    MEDCALC_BENCH_TRAIN,
    "medcalc_bench",
    {"test": ("test_data_11_18_final.csv",)},
    title="MedCalc-Bench v1.2, test",
    published_rows=1_100,
    subset_field="category",
)
