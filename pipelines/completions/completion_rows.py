"""Completions as rows of a table, in releases and in shared stores, and back into a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypedDict, cast

import polars as pl

from pipelines.completions.completion_store import LOOKED_UP, Completions
from sources.record import Message
from synth.teachers.replay import RecordedTeacher
from synth.teachers.teacher import Completion, Request, Sampling


class CompletionRow(TypedDict):
    """A row of ``EXPORTED``; ``messages``, ``sampling`` and ``logprobs`` are JSON."""

    key: str
    teacher: str
    revision: str
    messages: str
    sampling: str
    sample: int
    text: str
    reasoning: str | None
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    logprobs: str | None


def completion_rows(rows: pl.DataFrame) -> Iterator[CompletionRow]:
    """Yield the rows of a table with the columns of ``EXPORTED``."""
    yield from cast(Iterator[CompletionRow], rows.iter_rows(named=True))


def request(row: CompletionRow) -> Request:
    """Return the request of a completion, without the row that it was sent for."""
    sampling = json.loads(row["sampling"])
    return Request(
        row="",
        stage="",
        messages=tuple(Message(**message) for message in json.loads(row["messages"])),
        sampling=Sampling(**{**sampling, "stop": tuple(sampling["stop"])}),
        sample=row["sample"],
    )


def completion(row: CompletionRow) -> Completion:
    """Return the reply of a row."""
    return Completion(
        text=row["text"],
        reasoning=row["reasoning"],
        finish_reason=row["finish_reason"],
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        logprobs=None if row["logprobs"] is None else tuple(json.loads(row["logprobs"])),
    )


def store_rows(rows: pl.DataFrame, completions: Completions) -> Iterator[tuple[CompletionRow, bool]]:
    """Store rows and yield each, with whether its answer is the stored one: an earlier answer stays."""
    for of_teacher in rows.partition_by("teacher", "revision", maintain_order=True):
        teacher = RecordedTeacher(name=of_teacher["teacher"][0], revision=of_teacher["revision"][0], license="")
        for part in of_teacher.iter_slices(LOOKED_UP):
            part_rows = list(completion_rows(part))
            answers = [(row["key"], request(row), completion(row)) for row in part_rows]
            kept = completions.keep(answers, teacher)
            for row, (_, _, own), stored in zip(part_rows, answers, kept, strict=True):
                yield row, _comparable(own) == _comparable(stored)


def _comparable(answer: Completion) -> dict[str, object]:
    return {name: value for name, value in vars(answer).items() if name != "seconds"}
