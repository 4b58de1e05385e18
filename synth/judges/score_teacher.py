"""Models that score rows as teachers: the store of completions keeps their numbers, and no row is scored twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import orjson
import polars as pl

from sources.fields.names import portable_model
from sources.license import UNKNOWN
from sources.record import Message
from sources.table import SCHEMA, to_json
from synth.judges.score_step import Scores, add_scores
from synth.teachers.embedders import revision_of
from synth.teachers.teacher import Answered, Ask, Completion, Failure, Request, Sampling

BATCH = 32
"""Rows that are scored and stored at a time."""

STAGE_NAME = "score"
SAMPLING = Sampling(temperature=0.0, max_tokens=1)


@dataclass(frozen=True, kw_only=True)
class ScoreTeacher:
    """The models of some scores; a completion is the JSON of a conversation's scores and reasons.

    Model and content are the name and revision, so that rows are scored again when the weights change.
    """

    scores: Scores
    name: str
    revision: str
    license: str = UNKNOWN.id

    @property
    def columns(self) -> list[str]:
        """The columns of the scores and of their reasons."""
        return [column for name in self.scores.names for column in (name, f"{name}_reason")]

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its scores, a batch at a time."""
        pending = iter(requests)
        while batch := list(islice(pending, BATCH)):
            turns = [[message._asdict() for message in request.messages[:-1]] for request in batch]
            responses = [request.messages[-1].content or None for request in batch]
            schema = {name: SCHEMA[name] for name in ("messages", "response")}
            scored = add_scores(pl.DataFrame({"messages": turns, "response": responses}, schema), self.scores)
            for request, scores in zip(batch, scored.select(self.columns).iter_rows(named=True), strict=True):
                yield request, Completion(text=to_json(scores), finish_reason="stop")


def score_teachers(scores: Scores) -> list[ScoreTeacher]:
    """Return a teacher for each score; perplexity and IFD of one model share one, since they read the same texts."""
    single = [Scores(**{name: getattr(scores, name)}) for name in scores.names]
    if scores.perplexity and scores.perplexity == scores.ifd:
        both = Scores(perplexity=scores.perplexity, ifd=scores.ifd)
        single = [both, *(one for one in single if not (one.perplexity or one.ifd))]
    return [_teacher(one) for one in single]


def _teacher(scores: Scores) -> ScoreTeacher:
    named = [getattr(scores, name) for name in scores.names if name != "deita"]
    models = list(dict.fromkeys((*named, *scores.deita)))
    return ScoreTeacher(
        scores=scores,
        name=f"{'+'.join(scores.names)}:{','.join(map(portable_model, models))}",
        revision="-".join(filter(None, map(revision_of, models))) or "unpinned",
    )


def add_stored_scores(records: pl.DataFrame, teacher: ScoreTeacher, ask: Ask) -> pl.DataFrame:
    """Return the rows with the columns of a teacher's scores, asked of the store first."""
    requests = []
    for id, messages, response in records.select("id", "messages", "response").iter_rows():
        turns = (*(Message(**message) for message in messages), Message("assistant", response or ""))
        requests.append(Request(row=id, stage=STAGE_NAME, messages=turns, sampling=SAMPLING))
    scores = {request.row: _read(reply) for request, reply in ask(requests)}
    table = [scores[id] for id in records["id"]]
    columns = {
        name: pl.Series([row[name] for row in table], dtype=pl.String if name.endswith("_reason") else pl.Float64)
        for name in teacher.columns
    }
    return records.with_columns(**columns)


def _read(reply: Completion | Failure) -> dict[str, float | str | None]:
    assert isinstance(reply, Completion), "a scorer raises or answers"
    scores: dict[str, float | str | None] = orjson.loads(reply.text)
    return scores
