"""MEDEC, the MS collection (Ben Abacha et al. 2024): notes with at most one wrong sentence, and its correction.

Tasks: is there an error, which sentence has it, how is it corrected. -1 is the number of no sentence. The publisher's
files are on GitHub; ``mkieffer/MEDEC-MS`` has them on the Hub with other column names.
"""

import re
from typing import Any

from sources.files import RawFile
from sources.formats.csv_rows import table
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.benchmark_shapes import ERROR, SENTENCES
from sources.shapes.row_shapes import parquet, qa
from sources.source import Benchmark, Raw

LINE = re.compile(r"\s*(\d+)\s*\|?\s*(.*\S)")
"""A numbered sentence: "3 He was given aspirin.", on the Hub "3 | He was given aspirin."."""

COLUMNS = ("Text ID", "Text", "Sentences", "Error Flag", "Error Type", "Error Sentence ID", "Corrected Sentence")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one note into a draft."""
    return _draft(*(raw.value[name] for name in COLUMNS))


def parse_hub(raw: Raw, file: RawFile) -> Draft:
    """Turn one note of the Hub's copy into a draft."""
    return _draft(*(raw.value[name.lower().replace(" ", "_")] for name in COLUMNS))


def _draft(id: str, text: str, listed: str, flag: Any, kind: str | None, number: Any, correction: str | None) -> Draft:
    sentences = [[int(found[1]), found[2]] for line in listed.splitlines() if (found := LINE.fullmatch(line))]
    wrong = float(flag) > 0
    error = {"number": int(float(number)), "correction": correction} if wrong else None
    if error and error["number"] not in [place for place, _ in sentences]:
        raise ValueError(f"the wrong sentence is {error['number']}, expected one of {len(sentences)} sentences")
    meta = {"error_type": kind or None, SENTENCES: sentences, ERROR: error}
    return qa(id, text, (correction or None) if wrong else None, meta=meta)


MEDEC = Benchmark(
    name="medec",
    title="MEDEC-MS, validation and test",
    home="https://github.com/abachaa/MEDEC",
    license="CC-BY-4.0",
    license_read="README of abachaa/MEDEC",
    task="qa",
    lang="en",
    files={
        "validation": ("MEDEC-MS/MEDEC-MS-ValidationSet-with-GroundTruth-and-ErrorType.csv",),
        "test": ("MEDEC-MS/MEDEC-MS-TestSet-with-GroundTruth-and-ErrorType.csv",),
    },
    columns={
        "Text ID": "text",
        "Text": "text",
        "Sentences": "text",
        "Error Flag": "numeral",
        "Error Type": "text?",
        "Error Sentence ID": "numeral?",
        "Corrected Sentence": "text?",
    },
    rows=table,
    parse=parse,
    published_rows=1_171,
    subset_field="error_type",
    figures=("error_detection",),
    schema_read=(
        SchemaReading(
            checked=("columns", "splits", "license"),
            where="abachaa/MEDEC: README.md",
            result="agrees; the validation file's name was not read",
        ),
    ),
)

MEDEC_HUB = Benchmark(
    name="medec_hub",
    title="MEDEC-MS, validation and test, Hub",
    home="hf://datasets/mkieffer/MEDEC-MS",
    license="CC-BY-4.0",
    license_read="tag of mkieffer/MEDEC-MS",
    task="qa",
    lang="en",
    files={"validation": ("data/validation-*.parquet",), "test": ("data/test-*.parquet",)},
    columns={
        "text_id": "text",
        "text": "text",
        "sentences": "text",
        "error_flag": "any",
        "error_type": "text?",
        "error_sentence_id": "numeral?",
        "corrected_sentence": "text?",
    },
    rows=parquet,
    parse=parse_hub,
    published_rows=1_171,
    evaluated_as="medec",
    subset_field="error_type",
    figures=("error_detection",),
    schema_read=(SchemaReading(checked=("columns", "splits", "license"), where="card of mkieffer/MEDEC-MS"),),
)
