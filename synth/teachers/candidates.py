"""Every completion that a stage received, kept or not, as one row of a table with its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from synth.teachers.teacher import Completion, Failure, Request, Teacher

CANDIDATE_SCHEMA = pl.Schema(
    {
        "id": pl.String,
        "stage": pl.String,
        "sample": pl.Int64,
        "key": pl.String,
        "teacher": pl.String,
        "revision": pl.String,
        "text": pl.String,
        "reasoning": pl.String,
        "finish_reason": pl.String,
        "prompt_tokens": pl.Int64,
        "completion_tokens": pl.Int64,
        "verdict": pl.String,
        "parsed": pl.String,
        "detail": pl.String,
    }
)
"""One completion: its row and stage, its author, the reply, and the verdict on it.

``parsed`` is null where nothing could be read. A failed request has no text, verdict ``failed`` and its error as
``detail``.
"""

FAILED, TRUNCATED, UNPARSED = "failed", "truncated", "unparsed"
"""Verdicts of any stage: the request failed, the completion broke off, nothing could be read from it."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Author:
    """The model that answers the requests of a stage, as part of its config."""

    name: Annotated[str, Field(min_length=1)]
    revision: Annotated[str, Field(min_length=1)]


def author(teacher: Teacher) -> Author:
    """Return the name and revision of a teacher."""
    return Author(name=teacher.name, revision=teacher.revision)


def candidate_row(
    request: Request,
    answer: Completion | Failure,
    by: Author,
    verdict: str,
    parsed: str | None = None,
    detail: str | None = None,
) -> dict[str, Any]:
    """Return one row of ``CANDIDATE_SCHEMA``; a failure has verdict ``failed``, whatever is given."""
    row = {
        "id": request.row,
        "stage": request.stage,
        "sample": request.sample,
        "key": request.key(by.name, by.revision),
        "teacher": by.name,
        "revision": by.revision,
    }
    if isinstance(answer, Failure):
        return {**row, "verdict": FAILED, "detail": answer.error}
    fields = ("text", "reasoning", "finish_reason", "prompt_tokens", "completion_tokens")
    reply = {name: getattr(answer, name) for name in fields}
    return {**row, **reply, "verdict": verdict, "parsed": parsed, "detail": detail}


def candidate_table(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Return the rows as a table of ``CANDIDATE_SCHEMA``, sorted by id, stage, sample and key, however they arrived."""
    return pl.DataFrame(list(rows), CANDIDATE_SCHEMA).sort("id", "stage", "sample", "key")
