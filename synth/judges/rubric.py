"""Marks for written reasoning: a judge scores five criteria from 1 to 5, and rows with a lower mark are dropped.

All marks are stored in ``meta``, since a judge can be wrong. No mark is filled in for an unreadable reply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import orjson
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.record import Record
from sources.table import records, to_json
from synth.answers import json_reply
from synth.formatting.render_prompts import response_text
from synth.judges.bound_license import bind_license
from synth.prompting import prompt_files
from synth.prompting.generators import answer_text, question_of
from synth.prompting.turns import render_turns
from synth.teachers.candidates import UNPARSED, Author
from synth.teachers.stage import Reading, Stage, with_reasons
from synth.teachers.teacher import Completion, Request, Sampling

STAGE_NAME = "rubric"
PROMPT = "judges/rubric.jinja"
CRITERIA = ("correct", "grounded", "complete", "coherent", "safe")
KINDS = {"remark": str, **dict.fromkeys(CRITERIA, int)}
MARKS = range(1, 6)
REPLY_SCHEMA = json_reply.object_schema(
    {"remark": {"type": "string"}, **{name: {"type": "integer", "minimum": 1, "maximum": 5} for name in CRITERIA}}
)
SCORED = "scored"


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Rubric:
    """The judge, the licence of its marks, and the least mark of every criterion; 1 keeps every row that has marks."""

    generated_by: Author
    license: str | None = None
    min_mark: Annotated[int, Field(ge=1, le=5)] = 3
    max_tokens: Annotated[int, Field(ge=64)] = 400
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))


def eligible_records(rows: pl.DataFrame, config: Rubric) -> Iterator[Record]:
    """Yield the rows with a response, or with the one that they will be rendered with, which forecasts count."""
    return records(rows.with_columns(response=response_text()).filter(pl.col("response").fill_null("") != ""))


def mark_requests(record: Record, config: Rubric) -> list[Request]:
    """Return the request for the marks of one row's response."""
    question = "\n\n".join(filter(None, (record.context, question_of(record))))
    answer = answer_text(record, tuple(range(len(record.options)))) if record.gold or record.answer else None
    messages = render_turns(PROMPT, question=question, options=record.options, answer=answer, response=record.response)
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens, json_schema=REPLY_SCHEMA)
    return [Request(row=record.id, stage=STAGE_NAME, messages=messages, sampling=sampling)]


def parse_marks(text: str) -> dict[str, Any] | None:
    """Return the remark and the marks of a reply, or None where a mark is missing or none of 1 to 5."""
    reply = json_reply.parse(text, KINDS)
    return reply if reply and all(reply[name] in MARKS for name in CRITERIA) else None


def read_marks(record: Record, request: Request, completion: Completion, config: Rubric) -> Reading:
    """Return the marks of a completion as JSON, with the judge's remark."""
    marks = parse_marks(completion.text)
    if marks is None:
        return Reading(UNPARSED)
    return Reading(SCORED, to_json({name: marks[name] for name in CRITERIA}), marks["remark"])


def drop_low_marks(rows: pl.DataFrame, eligible: list[Record], candidates: pl.DataFrame, config: Rubric) -> Outcome:
    """Return the rows, in order, with their marks as ``rubric`` in ``meta``, ``drop_reason`` and ``evidence``.

    Reasons: ``low_mark`` with the marks as evidence, and ``unmarked`` with ``unparsed``, ``truncated``, ``failed`` or
    ``missing``.
    """
    marks = {id: parsed for id, parsed in candidates.select("id", "parsed").iter_rows() if parsed}
    verdicts = dict(candidates.select("id", "verdict").iter_rows())
    ids, judge = {record.id for record in eligible}, config.generated_by.name
    metas, reasons = [], []
    for id, meta in rows.select("id", "meta").iter_rows():
        scored = orjson.loads(marks[id]) if id in marks else {}
        metas.append(to_json({**orjson.loads(meta), "rubric": scored, "rubric_by": judge}) if scored else meta)
        reason: tuple[str | None, str | None] = (None, None)
        if id in ids and not scored:
            reason = ("unmarked", verdicts.get(id, "missing"))
        elif any(mark < config.min_mark for mark in scored.values()):
            reason = ("low_mark", marks[id])
        reasons.append(reason)
    marked = with_reasons(rows.with_columns(pl.Series("meta", metas, pl.String)), reasons)
    return Outcome(rows=bind_license(marked, list(marks), config.license))


STAGE = Stage(
    items=eligible_records,
    requests_of=mark_requests,
    read=read_marks,
    finish=drop_low_marks,
    readable=lambda text, config: parse_marks(text) is not None,
    hint=f"expected one JSON object with remark, {', '.join(CRITERIA)}; use a judge that can write JSON to a schema",
)
