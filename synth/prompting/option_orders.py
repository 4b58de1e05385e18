"""The order of the options in a sample's prompt: the source's, or a permutation.

A model that is right in one order only knows the letter. A chain that mentions "option B" is true in its own order
alone, so the row keeps that order; letters are never rewritten in prose.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from math import factorial, floor
from random import Random

from synth.answers.model_output import fold

Order = tuple[int, ...]
"""For each letter, A first, the place of its option in the source."""

SPEAKS_OF_OTHERS = re.compile(
    r"(?:(?:all|none|any|both|neither|either|each) (?:of )?(?:(?:the|these|those) )?(?:(?:above|options?|choices?|"
    r"answers?|statements?|other)(?: \w+){0,3}|of (?:these|those|them)|these|those|them)|(?:all|none|both|neither)"
    r"|(?:todas|ningun[ao]|todos|ambas|ambos)(?: (?:de )?(?:las|los) (?:anteriores|respuestas|opciones).{0,30})?"
    r"|(?:toutes|aucune|tous|aucun)(?: (?:les|des|de ces) (?:reponses|propositions|autres).{0,40})?"
    r"|the above(?: \w+){0,3}|above (?:all|both))[ .]*"
)
"""Options that speak of the others: "all of the above", "todas las anteriores"."""

NAMES_LETTERS = re.compile(
    r"\b(?:option|choice|answer|both|opcion|respuesta|proposition)s? \(?[a-j]\)?(?![\w'-])"
    r"|(?<![\w'-])\(?[a-j]\)?(?:\s*[,&+/]\s*|\s+(?:and|or|y|et|ou|und)\s+)\(?[a-j]\)?(?![\w'-])",
    re.IGNORECASE,
)
"""Options that name letters: "Both A and C", "a, b and d". Vitamins A and D are caught too, which does no harm."""


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
    orders = {source: None}
    while len(orders) < number % (factorial(options) - 1) + 2:
        orders[tuple(rng.sample(source, options))] = None
    return list(orders)[-1]


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
        if _order_of(shuffled, movable, options) in orders:
            continue
        rotations = [shuffled[turn:] + shuffled[:turn] for turn in range(max(1, len(movable)))]
        orders |= {_order_of(rotation, movable, options): None for rotation in rotations}
    distinct = list(orders)[:possible]
    return [distinct[number % len(distinct)] for number in range(count)]


def _order_of(sources: Sequence[int], places: Sequence[int], options: int) -> Order:
    """Return an order with the options ``sources`` at ``places``, all others where they are."""
    order = list(range(options))
    for place, source in zip(places, sources, strict=True):
        order[place] = source
    return tuple(order)


def pinned_options(options: Sequence[str]) -> frozenset[int]:
    """Return the options that must keep their place: those that speak of the others, or all if any names letters."""
    if any(NAMES_LETTERS.search(option) for option in options):
        return frozenset(range(len(options)))
    return frozenset(place for place, option in enumerate(options) if keeps_place(option))


def keeps_place(option: str) -> bool:
    """Return whether an option speaks of the others, such as "all of the above"."""
    return SPEAKS_OF_OTHERS.fullmatch(" ".join(fold(option).split())) is not None
