"""The number of requests in flight to a server, adjusted to its response times and never more than allowed.

Additive increase, multiplicative decrease (Chiu and Jain 1989), with the slow start of TCP (Jacobson 1988): the number
doubles in every round until answers take markedly longer for it, then grows by a step a round, and is halved where the
server pushes back. Longer response times alone do not count as a push-back, since a server that batches has
more throughput with more delay; they do when they approach a request's timeout. A single broken request does not count,
since its prompt may be the cause; many at a time do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

START = 1
"""In flight at first: a server that answers one at a time would give the others of a batch no answer in their time."""

SLOWER = 1.7
"""A round that takes this many times as long as the one before, at up to twice the number, gained nothing."""

NEAR_TIMEOUT = 1 / 3

HALF_TIME = 0.5
"""Share of the time given that an answer may take at the next limit if the server gains nothing by more at a time."""

STEPS = 16
"""From one in flight to the most in so many rounds: a round of long answers takes minutes, so not by ones."""

MANY_BROKEN = 0.2
MEMORY = 0.05
"""Weight of the newest try in the share of those that broke."""


@dataclass
class Pace:
    """The number of requests to have in flight, ``limit``, from 1 to ``most``; times are seconds on any one clock.

    It begins at ``start``, which is ``most`` for a server whose number of slots is known.
    """

    most: int
    timeout_s: float
    start: int = START
    limit: float = 0.0
    doubling: bool = True
    broken: float = 0.0
    _cut_at: float = field(default=float("-inf"), repr=False)
    _round_since: float = field(default=float("-inf"), repr=False)
    _round_limit: float = field(default=0.0, repr=False)
    _delays: list[float] = field(default_factory=list, repr=False)
    _before: float | None = field(default=None, repr=False)
    _ceiling: float = field(default=float("inf"), repr=False)

    def __post_init__(self) -> None:
        self.limit = self._round_limit = float(min(self.start, self.most))

    def answered(self, since: float, now: float) -> None:
        """Record that a request sent at ``since`` was answered ``now``."""
        self.broken *= 1 - MEMORY
        if since >= self._round_since:
            self._delays.append(now - since)
            # A server that works on one request at a time needs n times as long for n: grow no further than it bears.
            self._ceiling = self._round_limit * HALF_TIME * self.timeout_s / max(*self._delays, 1e-9)
        growth = 1.0 if self.doubling else min(1.0, self.most / STEPS / self.limit)
        most = min(2 * self._round_limit, float(self.most), max(self.limit, self._ceiling))
        self.limit = min(self.limit + growth, most)
        if since >= self._round_since and len(self._delays) >= self.limit / 2:
            self._end_round(sum(self._delays) / len(self._delays), now)

    def pushed_back(self, since: float, now: float) -> None:
        """Record that a request sent at ``since`` overloaded the server; those sent before the last cut count once."""
        if since < self._cut_at:
            return
        self._cut_at = now
        self._cut(0.5)

    def broke(self, since: float, now: float) -> None:
        """Record that a request sent at ``since`` failed; many failures mean that the server is overloaded."""
        self.broken += MEMORY * (1 - self.broken)
        if self.broken > MANY_BROKEN:
            self.pushed_back(since, now)

    def _end_round(self, delay: float, now: float) -> None:
        if self.doubling and self._before is not None and delay > SLOWER * self._before:
            self.doubling = False
            self.limit = self._round_limit
        if delay > NEAR_TIMEOUT * self.timeout_s:
            self._cut(0.8)
        self._before, self._delays = delay, []
        self._round_since, self._round_limit = now, self.limit

    def _cut(self, factor: float) -> None:
        self.limit = self._round_limit = max(1.0, self.limit * factor)
        self.doubling = False


class Slots:
    """Slots for requests in flight, first come first served, as many as the pace allows. For one event loop."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        """Wait for a slot."""
        if self._taken < int(self._pace.limit) and not self._waiting:
            self._taken += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Leave it to the next."""
        self._leave()

    def _leave(self) -> None:
        self._taken -= 1
        while self._waiting and self._taken < int(self._pace.limit):
            place = self._waiting.popleft()
            if not place.done():
                self._taken += 1
                place.set_result(None)
