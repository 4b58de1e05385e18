"""The order of the options in a sample's prompt: the source's, or a permutation.

A model that is right in one order only knows the letter. A chain that mentions "option B" is true in its own order
alone, so the row keeps that order; letters are never rewritten in prose.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from math import factorial, floor
from random import Random

Order = tuple[int, ...]
"""For each letter, A first, the place of its option in the source."""

NAMES_PLACES = re.compile(
    r"\b(?:all|none|any|both|neither|some|either|two|three)\b(?: of)?(?: the)?"
    r"(?: (?:two|three|options|choices|answers))? (?:above|below|mentioned|preceding|these|those|following)\b"
    r"|\b(?:all|none|any|both|neither) of (?:them|these|the options|the choices)\b"
    r"|\b(?:todas|todos|ninguna|ninguno)\b.{0,20}\b(?:anteriores?|correctas?|ciertas?|verdaderas?|falsas?)\b"
    r"|\b(?:toutes|aucune)\b.{0,20}\b(?:réponses?|propositions?|précédentes?)\b",
    re.IGNORECASE,
)
"""Options that refer to the others by where they are: "all of the above", "todas las anteriores"."""

NAMES_LETTERS = re.compile(
    r"^\W*(?:(?i:options?|both|only|all of|neither|answers?|either)\s+)*\(?[A-Fa-f]\)?"
    r"(?:\s*(?:,|;|&|/|\+|and|or|nor|y|et)\s*\(?[A-Fa-f]\)?)+(?:\s+(?:only|are correct|are true|both))*\W*$"
    r"|\b(?:options?|choices?|answers?|opci[oó]n(?:es)?|r[eé]ponses?)\s+\(?[A-F]\)?(?=\W|$)"
)
"""Options that name others by letter: "Both A and B", "a & c"."""


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


def distinct_orders(row: str, options: int, count: int, *, seed: int, pinned: Collection[int] = ()) -> list[Order]:
    """Return ``count`` orders of a row's options, the same at every call, all different as long as there are enough.

    The source's order is one like any other. Each block of as many orders as there are movable options shows every
    such option once at each of their places, so that a preference for a place cancels out in a vote. ``pinned``
    options keep their place.
    """
    movable = [place for place in range(options) if place not in pinned]
    rng = Random(f"{seed} {row} orders")
    orders: dict[Order, None] = {}
    possible = factorial(len(movable))
    while len(orders) < min(count, possible):
        shuffled = rng.sample(movable, len(movable))
        if _placed(shuffled, movable, options) in orders:
            continue
        rotations = [shuffled[turn:] + shuffled[:turn] for turn in range(max(1, len(movable)))]
        orders |= {_placed(rotation, movable, options): None for rotation in rotations}
    found = list(orders)[:possible]
    return [found[number % len(found)] for number in range(count)]


def _placed(sources: Sequence[int], places: Sequence[int], options: int) -> Order:
    """Return an order with the options ``sources`` at ``places``, all others where they are."""
    order = list(range(options))
    for place, source in zip(places, sources, strict=True):
        order[place] = source
    return tuple(order)


def pinned_options(options: Sequence[str]) -> frozenset[int]:
    """Return the options that must keep their place: "all of the above" and the like, or all if any names letters."""
    if any(NAMES_LETTERS.search(option) for option in options):
        return frozenset(range(len(options)))
    return frozenset(place for place, option in enumerate(options) if NAMES_PLACES.search(option))
