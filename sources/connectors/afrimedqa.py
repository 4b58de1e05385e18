"""AfriMed-QA v2 (Olatunji et al. 2025): questions from African medical schools, with options, short and of consumers.

``correct_answer`` names one or several keys of ``answer_options``, which is JSON; unused options read "n/a". The
publisher's licence is CC BY-NC-SA, a mirror's CC BY: the stricter one binds. Questions with options and open ones,
15,275 together, are a benchmark each; consumers' questions have no reference.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sources.files import RawFile
from sources.formats.csv_rows import table
from sources.license import StatedLicense
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.benchmark_shapes import rows_where
from sources.shapes.row_shapes import letter, mcq, qa
from sources.source import Benchmark, Raw

UNUSED = frozenset({"n/a", "na", ""})


def has_options(row: Mapping[str, Any]) -> bool:
    """Return whether a question has options."""
    return str(row.get("question_type")).strip().lower() == "mcq"


def of_type(row: Mapping[str, Any], options: bool) -> bool:
    """Return whether a row has options or not, as wanted; True without the column, so that its absence is reported."""
    return "question_type" not in row or has_options(row) is options


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft: with options, or open with its rationale as the reference."""
    row = raw.value
    question = row["question_clean"] or row["question"]
    names = ("specialty", "country", "tier", "split", "question_type")
    meta = {name: row[name] or None for name in names}
    rationale = row["answer_rationale"] or None
    if not has_options(row):
        return qa(row["sample_id"], question, rationale, meta=meta)
    right = [name.strip() for name in row["correct_answer"].split(",") if name.strip()]
    given = {
        name: text
        for name, text in json.loads(row["answer_options"]).items()
        if name in right or text.strip().lower() not in UNUSED
    }
    gold = [letter(name, given) for name in right]
    return mcq(row["sample_id"], question, list(given.values()), gold, rationale=rationale, meta=meta)


AFRIMEDQA = Benchmark(
    name="afrimedqa",
    title="AfriMed-QA v2, with options",
    home="hf://datasets/intronhealth/afrimedqa_v2",
    license="CC-BY-NC-SA-4.0",
    license_read="tag of intronhealth/afrimedqa_v2; the copy afrimedqa/afrimedqa_v2 says CC-BY-4.0: the stricter holds",
    stated_licenses=(
        StatedLicense(license="CC-BY-NC-SA-4.0", where="tag of intronhealth/afrimedqa_v2, the original"),
        StatedLicense(license="CC-BY-4.0", where="card of its mirror", copy="afrimedqa/afrimedqa_v2"),
    ),
    task="mcqa",
    lang="en",
    folder="afrimedqa",
    files={"test": ("afri_med_qa_15k_v2.5_phase_2_15275.csv",)},
    columns={
        "sample_id": "text",
        "question_type": "text",
        "question": "text",
        "question_clean": "text?",
        "answer_options": "text?",
        "correct_answer": "text?",
        "answer_rationale": "text?",
        "specialty": "text?",
        "country": "text?",
        "tier": "text?",
        "split": "text?",
    },
    rows=rows_where(table, partial(of_type, options=True)),
    parse=parse,
    published_rows=15_275,
    subset_field="specialty",
    likelihood_prompt="listed_choice",
    schema_read=(
        SchemaReading(checked=("columns", "gold"), where="intron-innovation/AfriMed-QA: data/sample_10.csv"),
        SchemaReading(
            checked=("splits",),
            where="intron-innovation/AfriMed-QA: names of its files",
            result="the csv's name by a lock file there, the Hub's file was not read",
        ),
        SchemaReading(
            checked=("license",),
            where="card of intronhealth/afrimedqa_v2",
            result="CC BY-NC-SA 4.0 there, CC BY 4.0 in the copy: the stricter",
        ),
    ),
)

AFRIMEDQA_OPEN = replace(
    AFRIMEDQA,
    name="afrimedqa_open",
    title="AfriMed-QA v2, short answers and consumers' questions",
    task="qa",
    rows=rows_where(table, partial(of_type, options=False)),
    likelihood_prompt="choice",
)
