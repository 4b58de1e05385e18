"""Adaptive stopping: how many further samples a vote needs before its winner is known, or likely enough."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import Any, Literal

StopRule = Literal["never", "decided", "beta"]
"""Take all samples; stop when no further sample can change the winner; or when a Beta posterior is confident as well.

The exact rule changes no vote. The Beta rule is that of Adaptive-Consistency (arXiv 2305.11860).
"""


def samples_needed(counts: Mapping[Any, int], left: int, rule: StopRule = "decided", confidence: float = 0.95) -> int:
    """Return the fewest further samples after which ``rule`` could stop the vote, up to ``left``; 0 to stop now.

    ``counts`` are votes by answer in the order in which they were first given, as in ``voting.Vote``. To ask for so
    many samples at once takes no more samples than to ask for one at a time.
    """
    if rule == "never" or left == 0:
        return left
    needed = _until_decided(counts, left)
    if rule == "beta":
        needed = min(needed, _until_confident(counts, left, confidence))
    return min(needed, left)


def _until_decided(counts: Mapping[Any, int], left: int) -> int:
    """Return how many more votes the leader needs until no other answer can win, by the tie rule of ``voting.vote``.

    With j more votes for the leader, another answer can still get ``left - j``. An answer that appeared before the
    leader, and every other answer with more votes, would win; one that appeared later loses a tie.
    """
    leader = max(counts, key=lambda answer: counts[answer], default=None)
    most, needed, before = counts.get(leader, 0), (left - counts.get(leader, 0) + 1) // 2, True
    for answer, count in counts.items():
        if answer == leader:
            before = False
        elif before:
            needed = max(needed, (count + left - most) // 2 + 1)
        else:
            needed = max(needed, (count + left - most + 1) // 2)
    return max(0, needed)


def _until_confident(counts: Mapping[Any, int], left: int, confidence: float) -> int:
    """Return how many more votes of the leader alone would make the posterior confident; ``left`` if too few."""
    first, second = [*sorted(counts.values(), reverse=True), 0, 0][:2]
    return next((more for more in range(left) if lead_probability(first + more, second) > confidence), left)


def lead_probability(first: int, second: int) -> float:
    """Return the posterior probability that the answer with ``first`` votes is the more likely of two.

    The prior of its share is uniform, so that the posterior is Beta(first + 1, second + 1); its mass above 1/2 is a
    sum of binomial terms: I_0.5(a, b) = P(Binomial(a + b - 1, 0.5) >= a).
    """
    trials = first + second + 1
    return float(sum(comb(trials, hits) for hits in range(first + 1)) / 2**trials)
