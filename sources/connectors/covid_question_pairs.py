"""Pairs of questions on COVID-19 with the same or a different meaning, written for COVID-QA."""

from dataclasses import replace

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import mcq, numbered, table, task_and_question
from sources.source import Raw, Source

YES_NO = ("yes", "no")
ANSWERS = {"1": 0, "0": 1}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a question with the options yes and no."""
    row = raw.value
    if row["similar"] not in ANSWERS:
        raise ValueError(f"similar is {row['similar']!r}, expected 0 or 1")
    asked = f"{row['question_1']}\n{row['question_2']}"
    draft = mcq(numbered(raw, file), asked, YES_NO, ANSWERS[row["similar"]])
    return replace(draft, messages=task_and_question("Do these two questions ask the same?", asked))


COVID_QUESTION_PAIRS = Source(
    name="covid_question_pairs",
    title="COVID-QA, pairs of questions",
    home="https://github.com/deepset-ai/COVID-QA",
    license="Apache-2.0",
    license_read="LICENSE of deepset-ai/COVID-QA",
    task="text-classification",
    lang="en",
    folder="covid_qa_deepset",
    files={"train": ("data/eval_question_similarity_en.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=488,
)
