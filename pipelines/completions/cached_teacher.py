"""A teacher with a cache: stored completions are returned at once, the others stored as they arrive."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Protocol

from pipelines.completions.budget import Reservation, Spending
from pipelines.completions.completion_store import Completions, opened
from pipelines.completions.leaked_secrets import without_keys
from synth.teachers.teacher import Answered, Ask, Completion, Failure, Request, Teacher, TeacherError, Usage

LOOKED_UP = 1000
"""Keys looked up at a time."""

BLOCK = 32
"""Requests with similar prompts sent one after another, for servers that cache prefixes; see ``_spread``."""

STORED_AT_LEAST = 100
STORED_WITHIN_S = 0.5
"""Answers of one burst are stored in one commit, within this time."""

REPORT_EVERY_S = 0.2


@dataclass(frozen=True, kw_only=True)
class ProgressSnapshot:
    """Progress of the requests: ``done`` of ``total``, of those ``cached`` and ``failed``, and the rate.

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


class GenerateProgress(Protocol):
    """Receiver of the progress, a few times per second and at the end."""

    def report(self, snapshot: ProgressSnapshot) -> None:
        """Receive a snapshot."""


class NullProgress:
    """A receiver that ignores everything."""

    def report(self, snapshot: ProgressSnapshot) -> None:
        """Ignore the snapshot."""


def cached_teacher(path: Path, teacher: Teacher, spending: Spending, progress: GenerateProgress) -> Ask:
    """Return the teacher's ``complete`` behind the cache at ``path``.

    Every request is answered once; equal keys share one completion. Where processes share a store, only requests in
    flight in both can be sent twice; both then get the completion that was stored first. Raises ``BudgetReachedError``
    when the budget is used up, ``TeacherError`` when the teacher fails, ``StoreError`` when the store fails, each after
    all earlier answers; a further call continues from there.
    """

    def ask(requests: Iterable[Request]) -> Iterator[Answered]:
        with opened(path) as store:
            yield from _CachedTeacher(store, teacher, spending, progress).answers(requests)

    return ask


class _Meter:
    """Costs and reservation of one request in flight."""

    def __init__(
        self, spending: Spending, request: Request, reservation: Reservation, *, answered_before: bool
    ) -> None:
        self._spending, self._request = spending, request
        self.answered_before = answered_before
        self._reservation: Reservation | None = reservation
        self.no_room = False

    def charge(self, usage: Usage) -> None:
        """Add the tokens of an unusable reply."""
        self._spending.rejected(self._request, usage, self._reservation)
        self._reservation = None

    def renew(self) -> bool:
        """Reserve the maximum of another try; False where less than that is left."""
        self._reservation = self._spending.set_aside(self._request)
        self.no_room = self._reservation is None
        return not self.no_room

    def answered(self, completion: Completion) -> None:
        """Enter the costs of the answer."""
        self._spending.answered(self._request, completion, self._reservation)
        self._reservation = None

    def close(self) -> None:
        """Release the remaining reservation."""
        if self._reservation is not None:
            self._spending.give_back(self._reservation)
            self._reservation = None


class _CachedTeacher:
    """One call: the pending requests by key, and the reservations of those in flight."""

    def __init__(self, store: Completions, teacher: Teacher, spending: Spending, progress: GenerateProgress) -> None:
        self._store, self._teacher = store, teacher
        self._spending, self._tally = spending, _Tally(spending, progress)
        self._pending: dict[str, list[Request]] = {}
        self._meters: dict[str, _Meter] = {}
        self._unpaid: list[str] = []
        self._answered_stages: set[str] = set()  # stages of which a request is in the store
        self._received: list[tuple[str, Request, Completion | Failure]] = []
        self._first_received = 0.0
        self._ready: deque[Answered] = deque()
        self._sending = False  # whether the teacher still takes requests

    def answers(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield the stored answers, then those of the teacher."""
        try:
            yield from self._stored(requests)
            keys = deque(_spread(sorted(self._pending, key=lambda key: _key(self._pending[key][0])), Random()))
            while keys:
                before = len(keys)
                yield from self._round(keys)
                keys.extend(self._unpaid)
                self._unpaid = []
                if len(keys) == before:
                    raise self._spending.reached(sum(len(self._pending[key]) for key in keys))
        finally:
            for meter in self._meters.values():
                meter.close()
            self._tally.report_progress()

    def _stored(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield the cached requests, and note the others as pending."""
        feed = iter(requests)
        while chunk := list(islice(feed, LOOKED_UP)):
            keys = [self._key(request) for request in chunk]
            completions = self._look_up(dict(zip(keys, chunk, strict=True)))
            self._tally.total += len(chunk)
            for key, request in zip(keys, chunk, strict=True):
                if key in completions:
                    self._answered_stages.add(request.stage)
                    self._tally.cached([request])
                    yield request, completions[key]
                else:
                    self._pending.setdefault(key, []).append(request)

    def _look_up(self, requests: dict[str, Request]) -> dict[str, Completion]:
        """Return the stored completions; one of another limit of tokens is stored under this one too."""
        completions = self._store.lookup(list(requests))
        missing = {key: request for key, request in requests.items() if key not in completions}
        others = self._store.lookup_under_other_limits(missing, self._teacher)
        if others:
            self._store.keep([(key, requests[key], completion) for key, completion in others.items()], self._teacher)
        return completions | others

    def _round(self, keys: deque[str]) -> Iterator[Answered]:
        """Send as many requests as the budget allows, remove them from ``keys``, and yield the stored answers.

        Requests in flight reserve more than they cost, so afterwards there may be room for another round.
        """
        self._tally.begin()
        self._sending = True
        try:
            for request, outcome in self._teacher.complete(self._affordable(keys)):
                self._receive(request, outcome)
                yield from self._passed_on()
        except TeacherError:
            self._store_received()
            yield from self._passed_on()
            raise
        finally:
            self._store_received()
        yield from self._passed_on()

    def _affordable(self, keys: deque[str]) -> Iterator[Request]:
        """Yield requests as long as the budget allows, except those answered meanwhile by another process.

        A teacher that takes another request may block on its answer next, so received answers are stored first.
        """
        while keys:
            completions = self._store.lookup(list(islice(keys, BLOCK)))
            for _ in range(min(BLOCK, len(keys))):
                self._store_received()
                if (key := keys[0]) in completions:
                    self._pass_on(keys.popleft(), completions[key], by_another=True)
                    continue
                request = self._pending[key][0]
                if (reservation := self._spending.set_aside(request)) is None:
                    self._sending = False
                    return
                meter = _Meter(
                    self._spending, request, reservation, answered_before=request.stage in self._answered_stages
                )
                self._meters[keys.popleft()] = meter
                yield replace(request, meter=meter)
        self._store_received()
        self._sending = False

    def _receive(self, request: Request, outcome: Completion | Failure) -> None:
        """Collect received answers, to be stored together with those that arrive at once."""
        now = time.monotonic()
        key = self._key(request)
        meter = self._meters.pop(key)
        if isinstance(outcome, Completion):
            meter.answered(outcome)
        meter.close()
        if isinstance(outcome, Failure) and meter.no_room:
            self._unpaid.append(key)  # not a failure: the budget was used up before its next try
            return
        self._tally.worked(request, outcome, now)
        self._first_received = self._first_received if self._received else now
        self._received.append((key, request, outcome))
        if not self._sending or len(self._received) >= STORED_AT_LEAST or now - self._first_received > STORED_WITHIN_S:
            self._store_received()

    def _store_received(self) -> None:
        if not self._received:
            return
        received, self._received = self._received, []
        without_secrets = without_keys(outcome for _, _, outcome in received)
        received = [
            (key, request, outcome) for (key, request, _), outcome in zip(received, without_secrets, strict=True)
        ]
        if failed := [(key, request, outcome) for key, request, outcome in received if isinstance(outcome, Failure)]:
            self._store.list_failures(failed, self._teacher)
        if answers := [
            (key, request, outcome) for key, request, outcome in received if isinstance(outcome, Completion)
        ]:
            kept = self._store.keep(answers, self._teacher)
            answers = [(key, request, outcome) for (key, request, _), outcome in zip(answers, kept, strict=True)]
        for key, _, failure in failed:
            self._pass_on(key, failure)
        for key, _, completion in answers:
            self._pass_on(key, completion)

    def _pass_on(self, key: str, outcome: Completion | Failure, *, by_another: bool = False) -> None:
        """Queue an outcome for all requests with its key, of which only the first was sent, if any."""
        requests = self._pending[key]
        if isinstance(outcome, Failure):
            self._tally.failed(requests)
        else:
            self._tally.cached(requests if by_another else requests[1:])
        self._ready.extend((request, outcome) for request in requests)

    def _passed_on(self) -> Iterator[Answered]:
        """Yield the stored outcomes not yielded yet."""
        while self._ready:
            yield self._ready.popleft()

    def _key(self, request: Request) -> str:
        return request.key(self._teacher.name, self._teacher.revision)


class _Tally:
    """Counts so far, for the account and the progress display."""

    def __init__(self, spending: Spending, progress: GenerateProgress) -> None:
        self._spending, self._progress = spending, progress
        self.total = 0
        self._answered = self._cached = self._failed = self._tokens = 0
        self._began: float | None = None
        self._last = self._reported = 0.0

    def begin(self) -> None:
        """Note that a teacher starts to work."""
        self._last = time.monotonic()
        self._began = self._began or self._last

    def cached(self, requests: Sequence[Request]) -> None:
        """Count cached requests."""
        self._cached += len(requests)
        for request in requests:
            self._spending.cached(request)

    def failed(self, requests: Sequence[Request]) -> None:
        """Count failed requests."""
        self._failed += len(requests)
        for request in requests:
            self._spending.failed(request)

    def worked(self, request: Request, outcome: Completion | Failure, now: float) -> None:
        """Add the time since the last answer to the stage of this one, so that the sum is the elapsed time."""
        self._spending.passed(request.stage, now - self._last)
        self._last = now
        if isinstance(outcome, Completion):
            self._answered += 1
            self._tokens += (outcome.prompt_tokens or 0) + (outcome.completion_tokens or 0)
        if now - self._reported > REPORT_EVERY_S:
            self._reported = now
            self.report_progress()

    def report_progress(self) -> None:
        """Report the progress."""
        done = self._answered + self._cached + self._failed
        seconds = self._last - self._began if self._began else 0.0
        rate = (self._answered + self._failed) / seconds if seconds else 0.0
        self._progress.report(
            ProgressSnapshot(
                total=self.total,
                done=done,
                cached=self._cached,
                failed=self._failed,
                requests_per_s=rate,
                tokens_per_s=self._tokens / seconds if seconds else 0.0,
                seconds_left=(self.total - done) / rate if rate else None,
                cost=sum(account.cost for account in self._spending.accounts.copy().values()),
            )
        )


def _key(request: Request) -> tuple[object, ...]:
    """Return a sort key that makes requests with a long common prefix neighbours."""
    return request.messages, request.sample


def _spread(keys: list[str], random: Random) -> list[str]:
    """Return the keys in blocks of neighbours, the blocks in random order.

    Two processes with the same requests use different orders, so that each finds the other's answers in the cache.
    """
    blocks = [keys[at : at + BLOCK] for at in range(0, len(keys), BLOCK)]
    random.shuffle(blocks)
    return [key for block in blocks for key in block]
