"""MEDEC, the MS collection (Ben Abacha et al. 2024): notes with at most one wrong sentence, and its correction.

Tasks: is there an error, which sentence has it, how is it corrected. -1 is the number of no sentence. The publisher's
files are on GitHub; ``mkieffer/MEDEC-MS`` has them on the Hub with other column names.
"""

import re
from typing import Any

from sources.files import RawFile
from sources.formats.csv_rows import table
from sources.record import Draft
from sources.schema.columns import SchemaReading, repository_file
from sources.shapes.benchmark_shapes import ERROR, SENTENCES
from sources.shapes.row_shapes import parquet, qa, task_and_question
from sources.source import Raw, Source, held_out

LINE = re.compile(r"\s*(\d+)\s*\|?\s*(.*\S)")
"""A numbered sentence: "3 He was given aspirin.", on the Hub "3 | He was given aspirin."."""

COLUMNS = ("Text ID", "Text", "Sentences", "Error Flag", "Error Type", "Error Sentence ID", "Corrected Sentence")

NONE = "NA"
"""What the files have where a note has no error."""

TASK = (
    "This clinical note is either correct or has exactly one wrong sentence, about diagnosis, management, treatment, a "
    "drug or a cause. Quote the wrong sentence and write it as it should be, or reply that the note is correct."
)
"""What is asked of a note in training, in our words; the corpus has labels instead of replies."""

CORRECT = "The note is correct."


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one note into a draft."""
    return _held_out_note(*(raw.value[name] for name in COLUMNS))


def parse_hub(raw: Raw, file: RawFile) -> Draft:
    """Turn one note of the Hub's copy into a draft."""
    return _held_out_note(*(raw.value[name.lower().replace(" ", "_")] for name in COLUMNS))


def parse_training(raw: Raw, file: RawFile) -> Draft:
    """Turn one note into a question with its task, and its labels into the answer."""
    return _training_note(parse(raw, file))


def parse_training_hub(raw: Raw, file: RawFile) -> Draft:
    """Turn one note of the Hub's copy into a question with its task, and its labels into the answer."""
    return _training_note(parse_hub(raw, file))


def _held_out_note(
    id: str, text: str, listed: str, flag: Any, kind: str | None, number: Any, correction: str | None
) -> Draft:
    sentences = [[int(found[1]), found[2]] for line in listed.splitlines() if (found := LINE.fullmatch(line))]
    wrong = float(flag) > 0
    correction, kind = (None if value in ("", NONE) else value for value in (correction, kind))
    error = {"number": int(float(number)), "correction": correction} if wrong else None
    if error and error["number"] not in [place for place, _ in sentences]:
        raise ValueError(f"the wrong sentence is {error['number']}, expected one of {len(sentences)} sentences")
    meta = {"error_type": kind, SENTENCES: sentences, ERROR: error}
    return qa(id, text, correction if wrong else None, meta=meta)


def _training_note(note: Draft) -> Draft:
    error, sentences = note.meta[ERROR], dict(note.meta[SENTENCES])
    if error and not error["correction"]:
        raise ValueError(f"sentence {error['number']} is wrong and has no correction, expected one")
    answer = f"Wrong: {sentences[error['number']]}\nCorrection: {error['correction']}" if error else CORRECT
    messages = task_and_question(TASK, note.messages[0].content)
    return Draft(id=note.id, messages=messages, answer=answer, meta={"error_type": note.meta["error_type"]})


MEDEC_TRAIN = Source(
    name="medec_train",
    title="MEDEC-MS, training part",
    home="https://github.com/abachaa/MEDEC",
    license="CC-BY-4.0",
    license_read="README of abachaa/MEDEC",
    task="fact-verification",
    lang="en",
    folder="medec",
    files={"train": ("MEDEC-MS/MEDEC-Full-TrainingSet-with-ErrorType.csv",)},
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
    parse=parse_training,
    published_rows=2_189,
    by_name_only=True,
    schema_read=(
        SchemaReading(
            checked=("columns", "splits", "license"),
            where="abachaa/MEDEC: README.md",
            result="agrees; the validation file's name was not read",
        ),
        repository_file(
            "stanford-crfm/helm",
            "src/helm/benchmark/scenarios/medec_scenario.py",
            "columns",
            "splits",
            result="agrees: names of the training and test files; an absent correction is NA",
        ),
    ),
)

MEDEC = held_out(
    MEDEC_TRAIN,
    "medec",
    {
        "validation": ("MEDEC-MS/MEDEC-MS-ValidationSet-with-GroundTruth-and-ErrorType.csv",),
        "test": ("MEDEC-MS/MEDEC-MS-TestSet-with-GroundTruth-and-ErrorType.csv",),
    },
    title="MEDEC-MS, validation and test",
    task="qa",
    parse=parse,
    published_rows=1_171,
    subset_field="error_type",
    figures=("error_detection",),
)

MEDEC_HUB_TRAIN = Source(
    name="medec_hub_train",
    title="MEDEC-MS, training part, Hub",
    home="hf://datasets/mkieffer/MEDEC-MS",
    license="CC-BY-4.0",
    license_read="tag of mkieffer/MEDEC-MS",
    task="fact-verification",
    lang="en",
    folder="medec_hub",
    files={"train": ("data/train-*.parquet",)},
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
    parse=parse_training_hub,
    published_rows=2_189,
    by_name_only=True,
    schema_read=(SchemaReading(checked=("columns", "splits", "license"), where="card of mkieffer/MEDEC-MS"),),
)

MEDEC_HUB = held_out(
    MEDEC_HUB_TRAIN,
    "medec_hub",
    {"validation": ("data/validation-*.parquet",), "test": ("data/test-*.parquet",)},
    title="MEDEC-MS, validation and test, Hub",
    task="qa",
    parse=parse_hub,
    published_rows=1_171,
    evaluated_as="medec",
    subset_field="error_type",
    figures=("error_detection",),
)
