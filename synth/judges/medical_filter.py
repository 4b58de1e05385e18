"""The medical filter of MMLU's auxiliary questions: a model says whether a question is medical; what is not goes.

Aloe Beta (arXiv 2505.04388) took 4,300 of 100,000 questions in this way. A reply that says neither keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from sources.record import Message, Record
from sources.shapes.row_shapes import LETTERS
from sources.table import records
from synth.answers.extractor import extract
from synth.judges.readable_verdicts import require_readable
from synth.prompting import templates as prompt_files
from synth.prompting.generators import stem
from synth.prompting.turns import conversation
from synth.teachers.candidates import FAILED, Author, candidate, candidate_table
from synth.teachers.teacher import Answered, Completion, Failure, Request, Sampling

STAGE = "medical-filter"
PROMPT = "labels/medical.jinja"
YES_NO = ("yes", "no")
HINT = "expected a last line 'Answer: yes' or 'Answer: no'; use a model that follows its prompt"
MEDICAL, NOT_MEDICAL, UNPARSED, TRUNCATED = "medical", "not_medical", "unparsed", "truncated"


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MedicalFilter:
    """Who decides on the rows of ``sources``, or on all rows if none is named; rows of other sources stay."""

    by: Author
    sources: tuple[str, ...] = ()
    max_tokens: Annotated[int, Field(ge=8)] = 200
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))


def requests(rows: pl.DataFrame, config: MedicalFilter) -> list[Request]:
    """Return one request for every row to be decided on."""
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens)
    return [
        Request(row=record.id, stage=STAGE, messages=_messages(record), sampling=sampling)
        for record in records(_eligible_rows(rows, config))
    ]


def judge(rows: pl.DataFrame, answered: Iterable[Answered], config: MedicalFilter) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows with ``drop`` and ``evidence``, in order, and the completions (``CANDIDATE_SCHEMA``).

    What is not found medical goes: ``not_medical``, or ``medical_unknown`` where the reply is ``unparsed``,
    ``truncated``, ``failed`` or ``missing``, which the evidence says.
    """
    readable = require_readable(answered, lambda text: bool(extract(text, YES_NO).decision), config.by.name, HINT)
    table = candidate_table(candidate(request, answer, config.by, *_verdict(answer)) for request, answer in readable)
    found = dict(table.select("id", "verdict").iter_rows())
    verdicts = {id: found.get(id, "missing") for id in _eligible_rows(rows, config)["id"]}
    drops = [_drop(verdicts.get(id)) for id in rows["id"]]
    columns = pl.DataFrame(drops, {"drop": pl.String, "evidence": pl.String}, orient="row")
    return rows.hstack(columns), table


def _eligible_rows(rows: pl.DataFrame, config: MedicalFilter) -> pl.DataFrame:
    return rows.filter(pl.col("source").is_in(config.sources)) if config.sources else rows


def _messages(record: Record) -> tuple[Message, ...]:
    return conversation(PROMPT, stem=stem(record), options=record.options[: len(LETTERS)])


def _verdict(answer: Completion | Failure) -> tuple[str, str | None, str | None]:
    """Return (verdict, parsed, detail); those of a failure are its own."""
    if isinstance(answer, Failure):
        return FAILED, None, None
    if answer.ended != "stop":
        return TRUNCATED, None, answer.finish_reason
    said = extract(answer.text, YES_NO)
    if said.decision is None:
        return UNPARSED, None, said.how
    return MEDICAL if said.decision == "yes" else NOT_MEDICAL, said.decision, said.how


def _drop(verdict: str | None) -> tuple[str | None, str | None]:
    if verdict in (None, MEDICAL):
        return None, None
    return (NOT_MEDICAL, None) if verdict == NOT_MEDICAL else ("medical_unknown", verdict)
