"""HEAD-QA v2 (arXiv 2511.15355): the exams of 2013 to 2022, a language a configuration; ``ra`` is 1-based.

It contains HEAD-QA. The exams of 2013 and 2014 are HEAD-QA's training split and are passed over; those of 2020 to 2022
are also CareQA's. A question with ``ra`` 0 was annulled and has no right option.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sources.connectors import headqa
from sources.fields.dates import parse_date
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import GoldColumn, SchemaReading, public_code
from sources.shapes.benchmark_shapes import rows_where
from sources.shapes.row_shapes import mcq, parquet
from sources.source import Benchmark, Raw

LAST_TRAINING_YEAR = 2014


def is_held_out_exam(row: Mapping[str, Any]) -> bool:
    """Return whether an exam is later than those of HEAD-QA's training split; one without a year is held out."""
    year = str(row.get("year") or "")
    return not year.isdigit() or int(year) > LAST_TRAINING_YEAR


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft; exam and number are its id."""
    row = {"image": None, **raw.value}
    if str(row["ra"]) != "0":
        return headqa.parse(Raw(raw.line, row), file)
    meta = {"exam": row["name"], "category": row["category"], "year": int(row["year"]), "image": row["image"] or None}
    options = [one["atext"] for one in row["answers"]]
    date = parse_date(row["year"])
    return mcq(f"{row['name']}-{row['qid']}", row["qtext"], options, None, meta=meta, date=date)


HEADQA_V2_EN = Benchmark(
    name="headqa_v2_en",
    title="HEAD-QA v2, English, exams from 2015",
    home="hf://datasets/alesi12/head_qa_v2",
    license="MIT",
    license_read="README of aghie/head-qa, as loaders cite it",
    task="mcqa",
    lang="en",
    folder="headqa_v2",
    files={"test": ("en/train-*.parquet",)},
    columns={
        "name": "text",
        "category": "text",
        "year": "numeral",
        "qid": "any",
        "qtext": "text",
        "ra": "numeral",
        "image": "any*",
        "answers": "list",
        "answers.aid": "any",
        "answers.atext": "text",
    },
    gold=GoldColumn(name="ra", base=1, options="answers", hidden=0),
    rows=rows_where(parquet, is_held_out_exam),
    parse=parse,
    published_rows=12_751,
    subset_field="category",
    likelihood_prompt="listed_choice",
    schema_read=(
        SchemaReading(
            checked=("columns", "gold"),
            where="MedARC-AI/med-lm-envs: environments/head_qa_v2/head_qa_v2.py",
            result="agrees; the files' names were not read. 12,751 questions with those of 2013 and 2014",
        ),
        public_code(
            "alesi12/head_qa_v2 on HuggingFace (parquet)", "license", result="agrees; MIT, the card was not read"
        ),
    ),
)

HEADQA_V2_ES = replace(
    HEADQA_V2_EN,
    name="headqa_v2_es",
    title="HEAD-QA v2, Spanish, exams from 2015",
    lang="es",
    files={"test": ("es/train-*.parquet",)},
)
