"""LongHealth (Adams et al. 2024): questions on the long records of twenty invented patients.

``correct`` is the text of the right option. Three tasks with 400 questions each: the patient's own record is given;
only documents of other patients are given, so that the question cannot be answered; the documents with the answer are
given among those of others. Documents of others are chosen by a hash, the same at every call.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

from sources.files import FileError, RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading, public_code
from sources.shapes.benchmark_shapes import ABSTAIN
from sources.shapes.row_shapes import json_object, mcq
from sources.source import Benchmark, Raw, Rows

LETTERED = tuple(f"answer_{letter}" for letter in "abcde")
CANNOT = "Question cannot be answered with provided documents"
OTHERS = 4
"""Documents of other patients that are shown."""

SEPARATOR = "\n\n--------------\n\n"


def questions(*, own: bool, others: bool) -> Rows:
    """Return a shape that yields each question with its documents: the patient's ``own``, and some of ``others``."""

    def listed(file: RawFile) -> Iterator[Raw]:
        patients = json_object(file)
        try:
            every = [(patient, *pair) for patient, found in patients.items() for pair in found["texts"].items()]
            rows = [(patient, question) for patient, found in patients.items() for question in found["questions"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise FileError(f"{file.path} is not LongHealth's file (texts, questions): {error!r}") from error
        for line, (patient, question) in enumerate(rows, 1):
            texts = patients[patient]["texts"]
            located = [text for name, text in texts.items() if name in (question.get("answer_location") or {})]
            chosen = (located if others else list(texts.values())) if own else []
            if others:
                strange = [
                    (text, f"{patient} {question['No']} {of} {name}") for of, name, text in every if of != patient
                ]
                chosen = chosen + [text for text, _ in sorted(strange, key=_by_hash)[:OTHERS]]
            yield Raw(line, {**question, "patient": patient, "documents": chosen, "own": own, "others": others})

    return listed


def _by_hash(document: tuple[str, str]) -> str:
    return sha256(document[1].encode()).hexdigest()


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft; patient and number are its id."""
    row: dict[str, Any] = raw.value
    options = [row[name] for name in LETTERED]
    if row["correct"] not in options:
        raise ValueError(f"correct is {row['correct']!r}, expected one of the options")
    gold = options.index(row["correct"]) if row["own"] else len(options)
    options += [CANNOT] if row["others"] else []
    meta = {"patient": row["patient"], ABSTAIN: [len(options) - 1] if row["others"] else []}
    context = SEPARATOR.join(row["documents"])
    return mcq(f"{row['patient']}-{row['No']}", row["question"], options, gold, context=context or None, meta=meta)


LONGHEALTH = Benchmark(
    name="longhealth",
    title="LongHealth, the patient's record",
    home="https://github.com/kbressem/LongHealth",
    license="Apache-2.0",
    license_read="kbressem/LongHealth, as its users cite it",
    task="mcqa",
    lang="en",
    folder="longhealth",
    files={"test": ("data/benchmark_v5.json",)},
    rows=questions(own=True, others=False),
    parse=parse,
    published_rows=400,
    real_persons=False,
    likelihood_prompt="listed_choice",
    schema_read=(
        SchemaReading(
            checked=("columns", "gold", "license"),
            where="MedARC-AI/med-lm-envs: environments/longhealth/longhealth.py",
        ),
        public_code("kbressem/LongHealth/513ab30/data/benchmark_v5.json", "splits"),
    ),
)

LONGHEALTH_UNANSWERABLE = replace(
    LONGHEALTH,
    name="longhealth_unanswerable",
    title="LongHealth, documents of other patients only",
    rows=questions(own=False, others=True),
    variant_of="longhealth",
    figures=("abstention",),
)

LONGHEALTH_AMONG_OTHERS = replace(
    LONGHEALTH_UNANSWERABLE,
    name="longhealth_among_others",
    title="LongHealth, the answer among documents of other patients",
    rows=questions(own=True, others=True),
)
