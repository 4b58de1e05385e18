"""A stage that sends requests about rows to a model: eligible items, requests, parsed replies, resulting rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import polars as pl

from quality.outcome import Outcome
from synth.teachers.candidates import FAILED, TRUNCATED, Author, candidate_row, candidate_table
from synth.teachers.teacher import Answered, Ask, Completion, Failure, Request, TeacherError

FIRST_REPLIES = 20
"""Replies after which a model must have given a readable verdict."""

FEWEST_REPLIES = 10
"""Replies of a smaller batch after which it is refused where all are unreadable."""

QUOTED_CHARS = 120

Item = TypeVar("Item")
Config = TypeVar("Config")
Inner = TypeVar("Inner")


class Reading(NamedTuple):
    """The verdict on a completion, the value read from it, and a detail such as how it was read."""

    verdict: str
    parsed: str | None = None
    detail: str | None = None


def author_of(item: Any, config: Any) -> Author:
    """Return the model that a config names as ``generated_by``."""
    author: Author = config.generated_by
    return author


def named_sources(config: Any) -> tuple[str, ...]:
    """Return the sources that a config names."""
    sources: tuple[str, ...] = config.sources
    return sources


def any_source(config: Any) -> tuple[str, ...]:
    """Return no source: a stage that may send requests about rows of all of them."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Stage(Generic[Item, Config]):
    """Requests of eligible items, the reading of replies, and the rows that follow from them.

    - ``items``: the items of a table that requests are made for
    - ``requests_of``: the first requests of one item
    - ``follow_up``: further requests, given all candidates so far; none by default
    - ``read``: what a completion says. With ``complete_only`` it gets only completions that ended by themselves; the
      others are ``truncated``
    - ``finish``: the outcome, given the table, its items and all candidates
    - ``readable``: whether a reply has a verdict. A model whose first replies have none ends the run with ``hint``
    - ``author``: the model that answers requests about an item
    - ``sources``: the only sources whose rows may be items; none if all may
    - ``most_requests_of``: the most requests about an item in all rounds; those of the first round by default
    - ``part``: the part of the stage that an item belongs to, in forecasts; stages have one part by default
    """

    items: Callable[[pl.DataFrame, Config], Iterable[Item]]
    requests_of: Callable[[Item, Config], Iterable[Request]]
    read: Callable[[Item, Request, Completion, Config], Reading]
    finish: Callable[[pl.DataFrame, list[Item], pl.DataFrame, Config], Outcome]
    follow_up: Callable[[list[Item], pl.DataFrame, Config], Iterable[tuple[Item, Request]]] | None = None
    complete_only: bool = True
    readable: Callable[[str, Config], bool] | None = None
    hint: str = ""
    author: Callable[[Item, Config], Author] = author_of
    sources: Callable[[Config], tuple[str, ...]] = any_source
    part: Callable[[Item, Config], str] | None = None
    most_requests_of: Callable[[Item, Config], int] | None = None

    def requests(self, rows: pl.DataFrame, config: Config) -> list[Request]:
        """Return the first round of requests."""
        return [request for _, request in self._first(self.items(rows, config), config)]

    def requests_by_part(self, rows: pl.DataFrame, config: Config) -> dict[str, list[Request]]:
        """Return the first round of requests by part; the only part of most stages has an empty name."""
        parts: dict[str, list[Request]] = {}
        for item, request in self._first(self.items(rows, config), config):
            parts.setdefault(self.part(item, config) if self.part else "", []).append(request)
        return parts

    def most_requests(self, rows: pl.DataFrame, config: Config) -> int | None:
        """Return the most requests that all rounds together send; None for a stage of one round."""
        most = self.most_requests_of
        return sum(most(item, config) for item in self.items(rows, config)) if most else None

    def run(self, rows: pl.DataFrame, config: Config, ask: Ask) -> Outcome:
        """Send all requests, round by round, and return the outcome with every completion as ``candidates``.

        A request that ``ask`` leaves without a reply, as at the end of a budget, is not repeated.
        """
        items = list(self.items(rows, config))
        table = candidate_table([])
        pending = self._first(items, config)
        sent: set[tuple[Any, ...]] = set()
        while pending:
            sent.update(request.identity for _, request in pending)
            replies = ask([request for _, request in pending])
            table = pl.concat([table, self._candidates(replies, pending, config)])
            further = self.follow_up(items, table, config) if self.follow_up else ()
            pending = [(item, request) for item, request in further if request.identity not in sent]
        return self._outcome(rows, items, table, config)

    def assess(self, rows: pl.DataFrame, answered: Iterable[Answered], config: Config) -> pl.DataFrame:
        """Return replies to the first round as candidates (``CANDIDATE_SCHEMA``), each with its verdict.

        Raises ``ValueError`` for a reply to a request that ``rows`` do not make.
        """
        return self._candidates(answered, self._first(self.items(rows, config), config), config)

    def judge(self, rows: pl.DataFrame, answered: Iterable[Answered], config: Config) -> Outcome:
        """Return the outcome of replies to the first round."""
        return self._outcome(rows, list(self.items(rows, config)), self.assess(rows, answered, config), config)

    def _first(self, items: Iterable[Item], config: Config) -> list[tuple[Item, Request]]:
        return [(item, request) for item in items for request in self.requests_of(item, config)]

    def _candidates(
        self, answered: Iterable[Answered], sent: list[tuple[Item, Request]], config: Config
    ) -> pl.DataFrame:
        item_of = {request.identity: item for item, request in sent}
        readable = self.readable
        if readable and sent:
            model = self.author(sent[0][0], config).name
            answered = require_readable(answered, lambda text: readable(text, config), model, self.hint)
        candidates = {}
        for request, answer in answered:
            if (identity := request.identity) not in item_of:
                raise ValueError(
                    f"got a reply about row {request.row!r}, which has no such request; "
                    "pass the rows that requests were made of"
                )
            item = item_of[identity]
            reading = self._reading(item, request, answer, config)
            candidates[identity] = candidate_row(request, answer, self.author(item, config), *reading)
        return candidate_table(candidates.values())

    def _reading(self, item: Item, request: Request, answer: Completion | Failure, config: Config) -> Reading:
        if isinstance(answer, Failure):
            return Reading(FAILED)
        if self.complete_only and answer.ended != "stop":
            return Reading(TRUNCATED, detail=answer.finish_reason)
        return self.read(item, request, answer, config)

    def _outcome(self, rows: pl.DataFrame, items: list[Item], candidates: pl.DataFrame, config: Config) -> Outcome:
        outcome = self.finish(rows, items, candidates, config)
        return Outcome(rows=outcome.rows, edits=outcome.edits, tables={"candidates": candidates, **outcome.tables})


@dataclass(frozen=True, kw_only=True)
class DerivedStage(Generic[Config, Inner]):
    """A stage run on a table and a config derived from the rows; ``finish`` makes the rows' outcome of its outcome."""

    stage: Stage[Any, Inner]
    derive: Callable[[pl.DataFrame, Config], tuple[pl.DataFrame, Inner]]
    finish: Callable[[pl.DataFrame, Outcome, Config], Outcome]

    def requests(self, rows: pl.DataFrame, config: Config) -> list[Request]:
        """Return the first round of requests."""
        return self.stage.requests(*self.derive(rows, config))

    def requests_by_part(self, rows: pl.DataFrame, config: Config) -> dict[str, list[Request]]:
        """Return the first round of requests by part."""
        return self.stage.requests_by_part(*self.derive(rows, config))

    def most_requests(self, rows: pl.DataFrame, config: Config) -> int | None:
        """Return the most requests that all rounds together send; None for a stage of one round."""
        return self.stage.most_requests(*self.derive(rows, config))

    def sources(self, config: Config) -> tuple[str, ...]:
        """Return no source: the table may be derived from rows of all of them."""
        return ()

    def run(self, rows: pl.DataFrame, config: Config, ask: Ask) -> Outcome:
        """Send all requests and return the outcome, whose tables include ``candidates``."""
        inner = self.stage.run(*self.derive(rows, config), ask)
        outcome = self.finish(rows, inner, config)
        tables = {"candidates": inner.tables["candidates"], **outcome.tables}
        return Outcome(rows=outcome.rows, edits=outcome.edits, tables=tables)


def of_sources(rows: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    """Return the rows of ``sources``, or all rows if none is named."""
    return rows.filter(pl.col("source").is_in(sources)) if sources else rows


def with_reasons(rows: pl.DataFrame, reasons: Iterable[Sequence[str | None]]) -> pl.DataFrame:
    """Return the rows with ``drop_reason`` and ``evidence``, given as one pair for each row."""
    columns = pl.DataFrame(list(reasons), {"drop_reason": pl.String, "evidence": pl.String}, orient="row")
    return rows.hstack(columns)


def require_readable(
    answered: Iterable[Answered], readable: Callable[[str], bool], model: str, hint: str
) -> Iterator[Answered]:
    """Yield replies as long as some of a model's replies can be read.

    Raises ``TeacherError`` with ``hint`` where none of the first ``FIRST_REPLIES`` replies, or of all in a batch of at
    least ``FEWEST_REPLIES``, is readable.
    """
    unread, echoed, any_readable = 0, 0, False
    last = ""
    for request, answer in answered:
        if not any_readable and isinstance(answer, Completion):
            any_readable = readable(answer.text)
            unread, last = unread + (not any_readable), answer.text
            echoed += answer.text.strip().startswith(request.messages[-1].content.strip()[:QUOTED_CHARS])
            if not any_readable and unread == FIRST_REPLIES:
                raise _unreadable(model, unread, echoed, last, hint)
        yield request, answer
    if not any_readable and unread >= FEWEST_REPLIES:
        raise _unreadable(model, unread, echoed, last, hint)


def _unreadable(model: str, count: int, echoed: int, text: str, hint: str) -> TeacherError:
    repeats = f"; {echoed} of them repeat the answer they were to judge and go on with it" if echoed else ""
    return TeacherError(
        f"{model} gave no readable verdict in its first {count} replies{repeats}; "
        f"the last one is {text[:QUOTED_CHARS]!r}; {hint}"
    )
