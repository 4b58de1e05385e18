"""The order of the options in a sample's prompt: the source's, or a permutation.

A model that is right in one order only knows the letter. A chain that mentions "option B" is true in its own order
alone, so the row keeps that order; letters are never rewritten in prose.
"""

from __future__ import annotations

from math import factorial, floor
from random import Random

Order = tuple[int, ...]
"""For each letter, A first, the place of its option in the source."""


def option_order(row: str, sample: int, options: int, *, share: float, seed: int) -> Order:
    """Return the order in which sample ``sample`` of a row sees its options, the same at every call.

    A ``share`` of the samples see permutations, spread evenly, sample 0 not among them unless all are. A row's
    permutations differ from each other and from the source's order as long as there are enough of them.
    """
    number = _number(sample, share)
    source = tuple(range(options))
    if number is None or options < 2:
        return source
    rng = Random(f"{seed} {row}")
    drawn = {source: None}
    while len(drawn) < number % (factorial(options) - 1) + 2:
        drawn[tuple(rng.sample(source, options))] = None
    return list(drawn)[-1]


def _number(sample: int, share: float) -> int | None:
    """Return how many samples before this one are permuted, or None if this one is not."""
    before = floor(sample * share + 1e-9)
    return before if floor((sample + 1) * share + 1e-9) > before else None
