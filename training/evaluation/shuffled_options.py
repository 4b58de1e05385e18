"""Orders of an item's options: the source's, then orders in which each option is shown at other letters.

A model that knows a letter and not the answer is right in one order only. Orders are rotations by different steps: in
as many orders as there are options, each option is shown once at each letter.
"""

from __future__ import annotations

import re
from random import Random

from sources.shapes.row_shapes import LETTERS
from synth.answers.model_output import fold
from training.evaluation.benchmark_items import has_letters
from training.evaluation.item_results import Item

Order = tuple[int, ...]
"""For each letter, A first, the position of its option in the source."""

PINNED = re.compile(
    r"(?:(?:all|none|any|both|neither|either|each) (?:of )?(?:(?:the|these|those) )?(?:(?:above|options?|choices?|"
    r"answers?|statements?|other)(?: \w+){0,3}|of (?:these|those|them)|these|those|them)|(?:all|none|both|neither)"
    r"|(?:todas|ningun[ao]|todos|ambas|ambos)(?: (?:de )?(?:las|los) (?:anteriores|respuestas|opciones).{0,30})?"
    r"|(?:toutes|aucune|tous|aucun)(?: (?:les|des|de ces) (?:reponses|propositions|autres).{0,40})?"
    r"|the above(?: \w+){0,3}|above (?:all|both))[ .]*"
)
"""Options that speak of the others keep their place."""

NAMES_LETTERS = re.compile(
    r"\b(?:option|choice|answer|both|opcion|respuesta|proposition)s? \(?[a-j]\)?(?![\w'-])"
    r"|(?<![\w'-])\(?[a-j]\)?(?:\s*[,&+/]\s*|\s+(?:and|or|y|et|ou|und)\s+)\(?[a-j]\)?(?![\w'-])",
    re.IGNORECASE,
)
"""Options that name letters: "Both A and C", "a, b and d". Vitamins A and D are caught too, which does no harm."""


def option_orders(item: Item, count: int, seed: int) -> list[Order]:
    """Return up to ``count`` different orders of an item's options, the source's first.

    Fewer where the options have fewer places to change: yes, no and maybe have one, and so has an item whose options
    name letters.
    """
    source = tuple(range(len(item.options)))
    free = [place for place in source if not keeps_place(item.options[place])]
    if count < 2 or len(free) < 2 or not has_letters(item) or any(map(NAMES_LETTERS.search, item.options)):
        return [source]
    rng = Random(f"{seed} {item.id}")
    steps = rng.sample(range(1, len(free)), len(free) - 1)
    orders = [source]
    for step in steps[: count - 1]:
        rotated = iter([free[(place + step) % len(free)] for place in range(len(free))])
        orders.append(tuple(next(rotated) if place in free else place for place in source))
    while len(orders) < count and len(free) > 2:  # more orders than rotations: random ones
        mixed = iter(rng.sample(free, len(free)))
        orders.append(tuple(next(mixed) if place in free else place for place in source))
    return orders


def keeps_place(option: str) -> bool:
    """Return whether an option speaks of the others, such as "all of the above"."""
    return PINNED.fullmatch(" ".join(fold(option).split())) is not None


def letter_of(order: Order, position: int) -> str:
    """Return the letter at which an order shows the option of a position in the source."""
    return LETTERS[order.index(position)]
