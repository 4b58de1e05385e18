"""Costs of a run's teachers and their limit: tokens, money, time and energy, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from threading import Lock

from sources.errors import SabilaError
from synth.teachers.options import Rates
from synth.teachers.teacher import Completion, Request, Usage

MESSAGE_BYTES = 16
"""Allowance for the text of a chat template around each message."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits of a run in tokens, read and written, and in the currency of the rates; None is no limit."""

    tokens: int | None = None
    cost: float | None = None


class BudgetReachedError(SabilaError):
    """The next request might exceed the budget: the run ends here, and the next one continues."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Costs of one stage in this run.

    Every request was ``cached``, ``sent`` or ``failed``. ``rejected`` are unusable replies, which were paid for too.
    Tokens, ``cost`` and ``kwh`` cover all that was paid for; ``uncounted`` replies came without a count of tokens and
    are in no sum. ``seconds`` run from the first request to the last answer; parallel stages each count them.
    """

    cached: int = 0
    sent: int = 0
    failed: int = 0
    rejected: int = 0
    uncounted: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    kwh: float | None = None

    @property
    def requests(self) -> int:
        """All requests."""
        return self.cached + self.sent + self.failed


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Tokens and money reserved for a request until its costs are known."""

    tokens: int
    cost: float


@dataclass
class Spending:
    """The account of one run, shared by its stages and their threads, and the budget that stops it.

    Before a request is sent, its maximum is reserved: the tokens of its prompt, estimated from earlier prompts, and all
    that it may write, or more where a server exceeded that (reasoning). Its costs then replace the reservation, also
    for an unusable reply. So a run stops below its budget, by less than its longest requests. What a server does not
    count is charged at the maximum; a refused request, or one that never reached a server, costs nothing.
    """

    rates: Rates = field(default_factory=Rates)
    budget: Budget = field(default_factory=Budget)
    accounts: dict[str, Account] = field(default_factory=dict)
    _tokens: int = field(default=0, repr=False)
    _cost: float = field(default=0.0, repr=False)
    _tokens_a_byte: float | None = field(default=None, repr=False)
    _written_share: float = field(default=1.0, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def set_aside(self, request: Request) -> Reservation | None:
        """Reserve the maximum of a request and return it; None where less than that is left."""
        with self._lock:
            reservation = self._most(request)
            if not self._fits(reservation):
                return None
            self._tokens += reservation.tokens
            self._cost += reservation.cost
            return reservation

    def give_back(self, reservation: Reservation) -> None:
        """Release the reservation of a request that was not sent, or failed."""
        with self._lock:
            self._tokens -= reservation.tokens
            self._cost -= reservation.cost

    def answered(self, request: Request, completion: Completion, reservation: Reservation | None) -> None:
        """Replace the reservation by the costs of an answer."""
        usage = Usage(prompt_tokens=completion.prompt_tokens, completion_tokens=completion.completion_tokens)
        self._enter(request, usage, reservation, sent=1)

    def rejected(self, request: Request, usage: Usage, reservation: Reservation | None) -> None:
        """Add the costs of an unusable reply."""
        self._enter(request, usage, reservation, rejected=1)

    def _enter(self, request: Request, usage: Usage, reservation: Reservation | None, **counts: int) -> None:
        prompt, written = usage.prompt_tokens or 0, usage.completion_tokens or 0
        counted = usage.prompt_tokens is not None and usage.completion_tokens is not None
        with self._lock:
            if counted:
                self._take(Reservation(tokens=prompt + written, cost=self.rates.cost(prompt, written)), reservation)
                self._tokens_a_byte = max(self._tokens_a_byte or 0.0, prompt / _size(request))
                self._written_share = max(self._written_share, written / request.sampling.max_tokens)
            elif reservation is None:
                self._take(self._most(request), None)
            now = self._account(request.stage)
            self.accounts[request.stage] = replace(
                now,
                **{name: getattr(now, name) + count for name, count in counts.items()},
                uncounted=now.uncounted + (not counted),
                prompt_tokens=now.prompt_tokens + prompt,
                completion_tokens=now.completion_tokens + written,
                cost=now.cost + self.rates.cost(prompt, written),
            )

    def _take(self, taken: Reservation, reservation: Reservation | None) -> None:
        """Replace the reservation, if any, by tokens and cost."""
        self._tokens += taken.tokens - (reservation.tokens if reservation else 0)
        self._cost += taken.cost - (reservation.cost if reservation else 0.0)

    def failed(self, request: Request) -> None:
        """Count a failed request."""
        with self._lock:
            now = self._account(request.stage)
            self.accounts[request.stage] = replace(now, failed=now.failed + 1)

    def cached(self, request: Request) -> None:
        """Count a cached request."""
        with self._lock:
            now = self._account(request.stage)
            self.accounts[request.stage] = replace(now, cached=now.cached + 1)

    def passed(self, stage: str, seconds: float) -> None:
        """Add working time of a teacher to a stage."""
        with self._lock:
            now = self._account(stage)
            total = now.seconds + seconds
            kwh = None if self.rates.watts is None else total * self.rates.watts / 3.6e6
            self.accounts[stage] = replace(now, seconds=total, kwh=kwh)

    def reached(self, left: int) -> BudgetReachedError:
        """Return the error that ends the run, with the number of remaining requests."""
        limits = []
        if self.budget.tokens is not None:
            limits.append(f"{self._tokens:,} of {self.budget.tokens:,} tokens")
        if self.budget.cost is not None:
            limits.append(f"{self._cost:,.4f} of {self.budget.cost:,.4f} in cost")
        return BudgetReachedError(
            f"budget reached: {' and '.join(limits)} used, and the next request might exceed it; "
            f"{left:,} requests remain. Answers so far are kept: run again with a new budget to continue"
        )

    def _account(self, stage: str) -> Account:
        return self.accounts.get(stage, Account())

    def _most(self, request: Request) -> Reservation:
        """Return the maximum of a request; before any prompt was counted, one token per byte."""
        ratio = 1.0 if self._tokens_a_byte is None else self._tokens_a_byte
        prompt, written = int(_size(request) * ratio) + 1, ceil(request.sampling.max_tokens * self._written_share)
        return Reservation(tokens=prompt + written, cost=self.rates.cost(prompt, written))

    def _fits(self, reservation: Reservation) -> bool:
        tokens, cost = self.budget.tokens, self.budget.cost
        return (tokens is None or self._tokens + reservation.tokens <= tokens) and (
            cost is None or self._cost + reservation.cost <= cost
        )


def _size(request: Request) -> int:
    return sum(len(message.content.encode()) + MESSAGE_BYTES for message in request.messages) + MESSAGE_BYTES
