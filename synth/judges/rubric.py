"""Marks for written reasoning: a judge scores five criteria from 1 to 5, and rows below the marks wanted go.

A right answer is no proof of right reasons; a judge's marks are no proof either, so that they stand in ``meta`` one by
one and the completions stay. No mark is ever filled in for a reply that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import orjson
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from sources.record import Message, Record
from sources.table import records, to_json
from synth.answers import json_reply
from synth.judges.readable_verdicts import require_readable
from synth.prompting import templates as prompt_files
from synth.prompting.generators import answer_text, stem
from synth.prompting.turns import conversation
from synth.teachers.candidates import FAILED, Author, candidate, candidate_table
from synth.teachers.teacher import Answered, Completion, Failure, Request, Sampling

STAGE = "rubric"
PROMPT = "judges/rubric.jinja"
CRITERIA = ("correct", "grounded", "complete", "coherent", "safe")
KINDS = {"remark": str, **dict.fromkeys(CRITERIA, int)}
MARKS = range(1, 6)
REPLY_SCHEMA = json_reply.object_schema(
    {"remark": {"type": "string"}, **{name: {"type": "integer", "minimum": 1, "maximum": 5} for name in CRITERIA}}
)
HINT = f"expected one JSON object with remark, {', '.join(CRITERIA)}; use a judge that can write JSON to a schema"
SCORED, UNPARSED, TRUNCATED = "scored", "unparsed", "truncated"


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Rubric:
    """Who marks, and the mark that each criterion must reach: 1 lets everything pass that was marked at all."""

    by: Author
    min_mark: Annotated[int, Field(ge=1, le=5)] = 3
    max_tokens: Annotated[int, Field(ge=64)] = 400
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))


def requests(rows: pl.DataFrame, config: Rubric) -> list[Request]:
    """Return one request for every row with a response."""
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens, json_schema=REPLY_SCHEMA)
    return [
        Request(row=record.id, stage=STAGE, messages=_messages(record), sampling=sampling)
        for record in records(_eligible_rows(rows))
    ]


def judge(rows: pl.DataFrame, answered: Iterable[Answered], config: Rubric) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows with their marks as ``rubric`` in ``meta``, ``drop`` and ``evidence``, and the completions.

    A row with a mark below the one wanted goes (``low_mark``, with the marks as evidence), and so does one that was not
    marked (``unmarked``, with ``unparsed``, ``truncated``, ``failed`` or ``missing``).
    """
    readable = require_readable(answered, lambda text: _marks(text) is not None, config.by.name, HINT)
    table = candidate_table(candidate(request, answer, config.by, *_verdict(answer)) for request, answer in readable)
    marks = {id: parsed for id, parsed in table.select("id", "parsed").iter_rows() if parsed}
    verdicts = dict(table.select("id", "verdict").iter_rows())
    asked = set(_eligible_rows(rows)["id"])
    reasons = [
        _reason(marks.get(id), verdicts.get(id, "missing"), config) if id in asked else (None, None)
        for id in rows["id"]
    ]
    metas = [
        to_json({**orjson.loads(meta), "rubric": orjson.loads(marks[id])}) if id in marks else meta
        for id, meta in rows.select("id", "meta").iter_rows()
    ]
    columns = pl.DataFrame(reasons, {"drop": pl.String, "evidence": pl.String}, orient="row")
    return rows.with_columns(pl.Series("meta", metas, pl.String)).hstack(columns), table


def _eligible_rows(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("response").fill_null("") != "")


def _messages(record: Record) -> tuple[Message, ...]:
    asked = "\n\n".join(filter(None, (record.context, stem(record))))
    answer = answer_text(record, tuple(range(len(record.options)))) if record.gold or record.answer else None
    return conversation(PROMPT, question=asked, options=record.options, answer=answer, response=record.response)


def _verdict(answer: Completion | Failure) -> tuple[str, str | None, str | None]:
    """Return (verdict, marks as JSON, remark); those of a failure are its own."""
    if isinstance(answer, Failure):
        return FAILED, None, None
    if answer.ended != "stop":
        return TRUNCATED, None, answer.finish_reason
    said = _marks(answer.text)
    if said is None:
        return UNPARSED, None, None
    return SCORED, to_json({name: said[name] for name in CRITERIA}), said["remark"]


def _marks(text: str) -> dict[str, Any] | None:
    """Return the remark and the marks of a reply, or None where a mark is missing or none of 1 to 5."""
    said = json_reply.parse(text, KINDS)
    return said if said and all(said[name] in MARKS for name in CRITERIA) else None


def _reason(marks: str | None, verdict: str, config: Rubric) -> tuple[str | None, str | None]:
    if marks is None:
        return "unmarked", verdict
    low = any(mark < config.min_mark for mark in orjson.loads(marks).values())
    return ("low_mark", marks) if low else (None, None)
