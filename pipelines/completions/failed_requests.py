"""Failed requests: counted during a step, and the reason why it is not complete."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil

from sources.errors import SabilaError
from sources.releases.manifest_model import FailedRequests
from synth.teachers.teacher import Answered, Ask, Failure, Request

SHOWN = 3
"""Errors that a message lists, the most common first."""

LONGEST = 300


class RequestsFailedError(SabilaError):
    """More requests of a step failed than allowed: the step stays incomplete, and the next build sends them again."""


class TooManyFailedError(Exception):
    """A stage that requests another round although too many of its requests failed."""


@dataclass
class Outcomes:
    """Numbers of sent and failed requests, and their errors; errors that differ only in digits count as one."""

    total: int = 0
    failed: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    _examples: dict[str, str] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The failed share."""
        return self.failed / self.total if self.total else 0.0

    def counting(self, ask: Ask, max_failed: float) -> Ask:
        """Return ``ask`` with its outcomes counted here.

        Raises ``TooManyFailedError`` for another round although more than ``max_failed`` failed, since that round
        depends on the missing answers.
        """

        def counted(requests: Iterable[Request]) -> Iterator[Answered]:
            if self.too_many(max_failed):
                raise TooManyFailedError
            for request, outcome in ask(requests):
                self.total += 1
                if isinstance(outcome, Failure):
                    self.failed += 1
                    kind = re.sub(r"\d+", "#", outcome.error[:LONGEST])
                    self.errors[self._examples.setdefault(kind, outcome.error[:LONGEST])] += 1
                yield request, outcome

        return counted

    def too_many(self, max_failed: float) -> bool:
        """Return whether more than this share failed, or all."""
        return self.failed > 0 and (self.share > max_failed or self.failed == self.total)

    def add(self, other: Outcomes) -> None:
        """Add the outcomes of another part of the step."""
        self.total += other.total
        self.failed += other.failed
        self.errors += other.errors

    def failures(self) -> FailedRequests | None:
        """Return the counts for the summary of a step; None where no request failed."""
        if not self.failed:
            return None
        return FailedRequests(requests=self.total, failed=self.failed, errors=dict(self.errors))


def not_complete(step: str, outcomes: Outcomes, max_failed: float) -> RequestsFailedError:
    """Return the error of a step with too many failed requests."""
    failures = FailedRequests(requests=outcomes.total, failed=outcomes.failed, errors=dict(outcomes.errors))
    allowed = f", expected {max_failed:.2%} at most" if max_failed else ""
    return RequestsFailedError(
        f"{step} is not complete: {failures_text(failures)}{allowed}. What was "
        f"answered is kept: build again to send the failed requests again{how_to_accept(outcomes.share)}"
    )


def how_to_accept(share: float) -> str:
    """Return how a message offers to accept this share of failed requests; nothing where all failed."""
    share = ceil(share * 1000) / 1000
    return f", or accept rows without them with --max-failed {share:g}" if share < 1 else ""


def failures_text(failed: FailedRequests) -> str:
    """Return the number of failed requests, and the most common errors."""
    ranked = sorted(failed.errors.items(), key=lambda one: (-one[1], one[0]))
    shown = "; ".join(f"{error} ({count:,} times)" for error, count in ranked[:SHOWN])
    more = f"; and {len(ranked) - SHOWN} other errors" if len(ranked) > SHOWN else ""
    return f"{failed.failed:,} of {failed.requests:,} requests failed: {shown}{more}"
