"""Orders of an item's options: the source's, then orders in which each option is shown at other letters.

A model that knows a letter and not the answer is right in one order only. Orders are rotations by different steps: in
as many orders as there are options, each option is shown once at each letter.
"""

from __future__ import annotations

from random import Random

from synth.prompting.option_orders import Order, pinned_options
from training.evaluation.benchmark_items import has_letters
from training.evaluation.item_results import Item


def option_orders(item: Item, count: int, seed: int) -> list[Order]:
    """Return up to ``count`` different orders of an item's options, the source's first.

    Fewer where the options have fewer places to change: yes, no and maybe have one, and so has an item whose options
    name letters.
    """
    source = tuple(range(len(item.options)))
    pinned = pinned_options(item.options)
    free = [place for place in source if place not in pinned]
    if count < 2 or len(free) < 2 or not has_letters(item):
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
