"""Asking a teacher once: stored completions at once, the rest as they arrive, each stored before it is passed on."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Protocol

from pipelines.completions import Completions, opened
from pipelines.spending import Hold, Spending
from synth.teacher import Answered, Completion, Failure, Request, Teacher

Ask = Callable[[Iterable[Request]], Iterator[Answered]]

LOOKED_UP = 1000
"""Keys looked up at a time."""

BLOCK = 64
"""Neighbours asked one after another, for servers that keep the prefixes of prompts; see ``_spread``."""

TOLD_EVERY_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far the asking is: of ``total`` requests ``done``, of those ``cached`` and ``failed``, and how fast it goes.

    ``seconds_left`` is None until the first answer.
    """

    total: int
    done: int
    cached: int
    failed: int
    requests_per_s: float
    tokens_per_s: float
    seconds_left: float | None
    cost: float


class AskProgress(Protocol):
    """Who is told how the asking goes on, a few times a second and at the end."""

    def asked(self, standing: Standing) -> None:
        """So far it is."""


class Silence:
    """Progress for nobody."""

    def asked(self, standing: Standing) -> None:
        """Say nothing."""


def asking(path: Path, teacher: Teacher, spending: Spending, progress: AskProgress) -> Ask:
    """Return the teacher's ``complete`` with the store at ``path`` before it.

    Every request comes back once, those with equal keys with the same completion, which was asked for once. Where
    processes share a store, at most what both have in flight is asked twice; the completion that was stored first is
    what both get. Raises ``BudgetReachedError`` when the budget ends, ``TeacherError`` when the teacher does,
    ``StoreError`` when the store does, each after what came before; asking again goes on from there.
    """

    def ask(requests: Iterable[Request]) -> Iterator[Answered]:
        with opened(path) as store:
            yield from _Asking(store, teacher, spending, progress).answers(requests)

    return ask


class _Asking:
    """One call: what is wanted, by key, and what is set aside for what is in flight."""

    def __init__(self, store: Completions, teacher: Teacher, spending: Spending, progress: AskProgress) -> None:
        self._store, self._teacher = store, teacher
        self._spending, self._progress = spending, progress
        self._wanted: dict[str, list[Request]] = {}
        self._holds: dict[str, Hold] = {}
        self._meanwhile: deque[Answered] = deque()
        self._pace = _Pace()

    def answers(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield what is stored, then what the teacher says of the rest."""
        try:
            yield from self._stored(requests)
            keys = deque(_spread(sorted(self._wanted, key=lambda key: _prefix(self._wanted[key][0]))))
            while keys:
                before = len(keys)
                yield from self._round(keys)
                if len(keys) == before:
                    raise self._spending.reached(sum(len(self._wanted[key]) for key in keys))
        finally:
            for hold in self._holds.values():
                self._spending.give_back(hold)
            self._progress.asked(self._pace.standing())

    def _stored(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield the requests that are answered already, and note the others as wanted."""
        feed = iter(requests)
        while chunk := list(islice(feed, LOOKED_UP)):
            keys = [request.key(self._teacher.name, self._teacher.revision) for request in chunk]
            found = self._store.found(keys)
            self._pace.total += len(chunk)
            for key, request in zip(keys, chunk, strict=True):
                if key in found:
                    self._cached(request)
                    yield request, found[key]
                else:
                    self._wanted.setdefault(key, []).append(request)

    def _round(self, keys: deque[str]) -> Iterator[Answered]:
        """Ask for as many as can be paid for now. Those in flight hold back more than they will take: hence rounds."""
        since = time.monotonic()
        for request, outcome in self._teacher.complete(self._affordable(keys)):
            now = time.monotonic()
            self._spending.passed(request.stage, now - since)
            since = now
            yield from self._landed(request, outcome)
            yield from self._others()
        yield from self._others()

    def _affordable(self, keys: deque[str]) -> Iterator[Request]:
        """Yield requests, taken off ``keys``, for as long as the budget has room, and nobody else has answered them."""
        while keys:
            block = [keys[n] for n in range(min(BLOCK, len(keys)))]
            found = self._store.found(block)
            for key in block:
                request = self._wanted[key][0]
                if key in found:
                    keys.popleft()
                    self._meanwhile.extend((one, found[key]) for one in self._wanted[key])
                    continue
                if (hold := self._spending.set_aside(request)) is None:
                    return
                keys.popleft()
                self._holds[key] = hold
                yield request

    def _landed(self, request: Request, outcome: Completion | Failure) -> Iterator[Answered]:
        """Store what came, enter it, and yield it for every request that wants it."""
        key = request.key(self._teacher.name, self._teacher.revision)
        hold = self._holds.pop(key)
        if isinstance(outcome, Failure):
            self._store.list_failure(key, request, self._teacher, outcome)
            self._spending.failed(request, outcome, hold)
        else:
            self._spending.answered(request, outcome, hold)
            self._pace.tokens += (outcome.prompt_tokens or 0) + (outcome.completion_tokens or 0)
            outcome = self._store.keep(key, request, self._teacher, outcome)
        ...
