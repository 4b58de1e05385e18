"""Votes over the answers of several samples, with a stated rule for ties."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Answer = TypeVar("Answer", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Vote(Generic[Answer]):
    """The result of a vote: ``counts`` by answer, in the order in which samples first gave them.

    ``winner`` is the most frequent answer and None where no sample was parsed. Of answers with equally many votes the
    one that the earliest sample gave wins, and the vote is ``tied``. ``unparsed`` samples have no vote.
    """

    winner: Answer | None
    counts: Mapping[Answer, int]
    unparsed: int
    tied: bool

    @property
    def samples(self) -> int:
        """All samples, those without an answer among them."""
        return sum(self.counts.values()) + self.unparsed

    @property
    def share(self) -> float:
        """The winner's share of all samples; the vote's confidence."""
        return 0.0 if self.winner is None else self.counts[self.winner] / self.samples


def vote(answers: Iterable[Answer | None]) -> Vote[Answer]:
    """Return the plurality vote of answers in the order of their samples; None is an unparsed sample."""
    counts: dict[Answer, int] = {}
    unparsed = 0
    for answer in answers:
        if answer is None:
            unparsed += 1
        else:
            counts[answer] = counts.get(answer, 0) + 1
    most = max(counts.values(), default=0)
    winners = [answer for answer, count in counts.items() if count == most]
    return Vote(winner=winners[0] if winners else None, counts=counts, unparsed=unparsed, tied=len(winners) > 1)
