"""The medical filter of MMLU's auxiliary questions: rows that a model does not call medical are dropped.

Aloe Beta (arXiv 2505.04388) took 4,300 of 100,000 questions in this way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.record import Record
from sources.shapes.row_shapes import LETTERS
from sources.table import records
from synth.answers import json_reply
from synth.answers.extractor import extract
from synth.prompting import prompt_files
from synth.prompting.generators import question_of
from synth.prompting.turns import render_turns
from synth.teachers.candidates import UNPARSED, Author
from synth.teachers.stage import Reading, Stage, named_sources, of_sources, with_reasons
from synth.teachers.teacher import Completion, Request, Sampling

STAGE_NAME = "medical-filter"
PROMPT = "labels/medical.jinja"
YES_NO = ("yes", "no")
REPLY_SCHEMA = json_reply.choice_schema("answer", YES_NO)
MEDICAL, NOT_MEDICAL = "medical", "not_medical"


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MedicalFilter:
    """The model that decides on the rows of ``sources``, or on all rows if none is named; other rows are kept."""

    generated_by: Author
    sources: tuple[str, ...] = ()
    max_tokens: Annotated[int, Field(ge=8)] = 200
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))


def eligible_records(rows: pl.DataFrame, config: MedicalFilter) -> Iterator[Record]:
    """Yield the rows to decide on."""
    return records(of_sources(rows, config.sources))


def filter_requests(record: Record, config: MedicalFilter) -> list[Request]:
    """Return the request whether one row is medical: its question and options, without the answer."""
    messages = render_turns(PROMPT, stem=question_of(record), options=record.options[: len(LETTERS)])
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens, json_schema=REPLY_SCHEMA)
    return [Request(row=record.id, stage=STAGE_NAME, messages=messages, sampling=sampling, reads_text=True)]


def read_decision(record: Record, request: Request, completion: Completion, config: MedicalFilter) -> Reading:
    """Return whether a completion calls the question medical."""
    answer = extract(completion.text, YES_NO)
    if answer.decision is None:
        return Reading(UNPARSED, None, answer.how)
    return Reading(MEDICAL if answer.decision == "yes" else NOT_MEDICAL, answer.decision, answer.how)


def drop_other_rows(
    rows: pl.DataFrame, eligible: list[Record], candidates: pl.DataFrame, config: MedicalFilter
) -> Outcome:
    """Return the rows, in order, with ``drop_reason`` and ``evidence``.

    Reasons: ``not_medical``, and ``medical_unknown`` with the verdict ``unparsed``, ``truncated``, ``failed`` or
    ``missing`` as evidence.
    """
    verdicts = dict(candidates.select("id", "verdict").iter_rows())
    verdict_of = {record.id: verdicts.get(record.id, "missing") for record in eligible}
    reasons: dict[str | None, tuple[str | None, str | None]] = {
        None: (None, None),
        MEDICAL: (None, None),
        NOT_MEDICAL: (NOT_MEDICAL, None),
    }
    row_verdicts = map(verdict_of.get, rows["id"])
    return Outcome(rows=with_reasons(rows, (reasons.get(one, ("medical_unknown", one)) for one in row_verdicts)))


STAGE = Stage(
    items=eligible_records,
    sources=named_sources,
    requests_of=filter_requests,
    read=read_decision,
    finish=drop_other_rows,
    readable=lambda text, config: bool(extract(text, YES_NO).decision),
    hint="expected a last line 'Answer: yes' or 'Answer: no'; use a model that follows its prompt",
)
