"""What a run takes from its teachers, and where it stops: tokens, money, time and energy, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from threading import Lock

from sources.errors import SabilaError
from synth.teachers.options import Rates
from synth.teachers.teacher import Completion, Request, Usage

MESSAGE_BYTES = 16
"""Allowance for what a chat template writes around each message."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most that a run may take in tokens, read and written, and in the currency of the rates; None is no limit."""

    tokens: int | None = None
    cost: float | None = None


class BudgetReachedError(SabilaError):
    """The next request might take more than is left: the run ends here, and another goes on from here."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """What one stage took in this run.

    Every request was ``cached``, ``asked`` or ``failed``. ``rejected`` are the replies, to any of them, that could not
    be used and were paid for all the same. Tokens, ``cost`` and ``kwh`` are of all that was paid for; ``uncounted``
    replies came without a count of tokens and are in no sum. ``seconds`` pass from the first request sent to the last
    answer; stages that run side by side each count them.
    """

    cached: int = 0
    asked: int = 0
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
        """All that were wanted."""
        return self.cached + self.asked + self.failed


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Tokens and money set aside for a request until it is known what it took."""

    tokens: int
    cost: float


@dataclass
class Spending:
    """The account of one run, shared by its stages and their threads, and the budget that stops it.

    Before a request is sent, the most that it can take is set aside: as many tokens as its prompt can have, by what
    was seen of prompts so far, and all that it may write, or more where a server was seen to write more (reasoning).
    What it took replaces that, also where the reply could not be used. So a run stops short of its budget, by less than
    its longest requests, and not past it. What a server does not count is charged as the most; what was refused, or
    never reached a server, costs nothing.
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
        """Return the most that a request can take, set aside; None where less than that is left."""
        with self._lock:
            hold = self._most(request)
            if not self._fits(hold):
                return None
            self._tokens += hold.tokens
            self._cost += hold.cost
            return hold

    def give_back(self, hold: Reservation) -> None:
        """Take back what was set aside for a request that was not sent, or failed."""
        with self._lock:
            self._tokens -= hold.tokens
            self._cost -= hold.cost

    def answered(self, request: Request, completion: Completion, hold: Reservation | None) -> None:
        """Enter what an answer took in place of what was set aside."""
        usage = Usage(prompt_tokens=completion.prompt_tokens, completion_tokens=completion.completion_tokens)
        self._enter(request, usage, hold, asked=1)

    def rejected(self, request: Request, usage: Usage, hold: Reservation | None) -> None:
        """Enter what a reply took that could not be used."""
        self._enter(request, usage, hold, rejected=1)

    def _enter(self, request: Request, usage: Usage, hold: Reservation | None, **counts: int) -> None:
        prompt, written = usage.prompt_tokens or 0, usage.completion_tokens or 0
        counted = usage.prompt_tokens is not None and usage.completion_tokens is not None
        with self._lock:
            if counted:
                self._take(Reservation(tokens=prompt + written, cost=self.rates.cost(prompt, written)), hold)
                self._tokens_a_byte = max(self._tokens_a_byte or 0.0, prompt / _size(request))
                self._written_share = max(self._written_share, written / request.sampling.max_tokens)
            elif hold is None:
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

    def _take(self, taken: Reservation, hold: Reservation | None) -> None:
        """Enter tokens and cost in place of what was set aside, if anything was."""
        self._tokens += taken.tokens - (hold.tokens if hold else 0)
        self._cost += taken.cost - (hold.cost if hold else 0.0)

    def failed(self, request: Request) -> None:
        """Enter a request that came to nothing."""
        with self._lock:
            now = self._account(request.stage)
            self.accounts[request.stage] = replace(now, failed=now.failed + 1)

    def cached(self, request: Request) -> None:
        """Enter a request that was answered before."""
        with self._lock:
            now = self._account(request.stage)
            self.accounts[request.stage] = replace(now, cached=now.cached + 1)

    def passed(self, stage: str, seconds: float) -> None:
        """Enter time that a teacher worked for a stage."""
        with self._lock:
            now = self._account(stage)
            total = now.seconds + seconds
            kwh = None if self.rates.watts is None else total * self.rates.watts / 3.6e6
            self.accounts[stage] = replace(now, seconds=total, kwh=kwh)

    def reached(self, left: int) -> BudgetReachedError:
        """Return the error that says where the run stopped, with so many requests to go."""
        limits = []
        if self.budget.tokens is not None:
            limits.append(f"{self._tokens:,} of {self.budget.tokens:,} tokens")
        if self.budget.cost is not None:
            limits.append(f"{self._cost:,.4f} of {self.budget.cost:,.4f} in cost")
        return BudgetReachedError(
            f"budget reached: {' and '.join(limits)} taken, and the next request might take more than is left; "
            f"{left:,} requests are to go. What came is kept: run again, with a new budget, to go on"
        )

    def _account(self, stage: str) -> Account:
        return self.accounts.get(stage, Account())

    def _most(self, request: Request) -> Reservation:
        """Return the most a request can take; before any prompt was counted, a token for every byte."""
        ratio = 1.0 if self._tokens_a_byte is None else self._tokens_a_byte
        prompt, written = int(_size(request) * ratio) + 1, ceil(request.sampling.max_tokens * self._written_share)
        return Reservation(tokens=prompt + written, cost=self.rates.cost(prompt, written))

    def _fits(self, hold: Reservation) -> bool:
        tokens, cost = self.budget.tokens, self.budget.cost
        return (tokens is None or self._tokens + hold.tokens <= tokens) and (
            cost is None or self._cost + hold.cost <= cost
        )


def _size(request: Request) -> int:
    return sum(len(message.content.encode()) + MESSAGE_BYTES for message in request.messages) + MESSAGE_BYTES
