"""COVID-QA (Moeller et al. 2020): questions on research articles, answered by a span, in SQuAD's layout.

An article has some 21,000 characters and is asked 14 questions, an answer some 70 characters. Whole articles would cost
5,000 tokens a row, repeat the same 98 texts and lose answers to truncation; the context is therefore the passage of at
most 3,000 characters around the answer, and ``meta`` says which part of which article it is.
"""

from collections.abc import Mapping
from typing import Any

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.passage_window import located, passage
from sources.shapes.row_shapes import qa, squad
from sources.source import Raw, Source

PASSAGE_CHARS = 3_000


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft; ``answer_start`` may be off by a few characters."""
    row = raw.value
    answer = row["answers"][0]
    return draft(row, answer["text"], answer["answer_start"])


def draft(row: Mapping[str, Any], answer: str, stated: int) -> Draft:
    """Return the draft of a question whose answer begins at or near ``stated`` in its article, ``context``."""
    article = row["context"]
    start = located(article, answer, stated)
    first, last = passage(article, start, start + len(answer), PASSAGE_CHARS)
    meta = {"document_id": row["document_id"], "passage": [first, last], "answer_start": start - first}
    return qa(str(row["id"]), row["question"], answer, context=article[first:last], meta=meta)


COVID_QA = Source(
    name="covid_qa",
    title="COVID-QA",
    home="https://github.com/deepset-ai/COVID-QA",
    license="Apache-2.0",
    license_read="LICENSE of deepset-ai/COVID-QA",
    task="qa",
    lang="en",
    folder="covid_qa_deepset",
    files={"train": ("data/question-answering/200423_covidQA.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=squad,
    parse=parse,
    published_rows=1_380,
    instruction_subject="research on COVID-19",
)
