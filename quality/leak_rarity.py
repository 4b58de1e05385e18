"""What the words of benchmark items are worth in bits: much where few items have them, little where many do.

A word is worth -log2 of the rate at which items have it: inverse document frequency (Spärck Jones 1972). The rate is
the higher of two: that among all items; and that in any one benchmark, the item itself left out, because boilerplate
belongs to a benchmark and its language.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.leak_words import words

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]

IMAGINED_ITEMS = 1000
"""Items imagined besides the real ones, that a small set may not call its words rare: a lone item's have 10 bits."""

PRIOR_ITEMS = 200
"""How many items' worth the rate among all weighs in the rate of one benchmark: a small one says little."""

COMMON_RATE = 0.25
COMMON_WORDS = (
    "a about all also am an and any are as at be because been but by can case choose correct did do does each except "
    "false following for from given had has have he her his how if in indicate into is it its least less likely may "
    "most more no none not of on one only option options or other patient question regarding select she should some "
    "statement statements such than that the their them then there these they this those to true two used was were "
    "what when where which who why will with would year years you your al algo como con cual cuales de del el ella en "
    "entre es esta este las lo los mas o para pero por que se señale siguiente siguientes sin sobre son su sus un una "
    "uno y au aux ce ces dans des du est et exacte fausse il la le les leur ou parmi pas plus pour propositions quelle "
    "quelles quels sont suivantes sur une vous"
)
"""Words that examinations of any kind have in every item, whatever a small set says of them."""


def unknown_bits(items: int) -> float:
    """Return what a word is worth that none of so many items has."""
    return float(np.log2(items + IMAGINED_ITEMS))


def word_bits(items: I64, found: I64, vocabulary: U64, benchmarks: list[I64]) -> F64:
    """Return the bits of each word of the vocabulary.

    ``items`` and ``found`` are pairs of an item and a word it has, each pair once; ``benchmarks`` are the items of each
    benchmark.
    """
    count = int(items.max()) + 1 if len(items) else 0
    rate = np.bincount(found, minlength=len(vocabulary)) / (count + IMAGINED_ITEMS)
    highest = rate.copy()
    for members in benchmarks:
        mine = np.bincount(found[np.isin(items, members)], minlength=len(vocabulary))
        others = np.maximum(mine - 1, 0)
        np.maximum(highest, (others + PRIOR_ITEMS * rate) / (len(members) + PRIOR_ITEMS), out=highest)
    common = np.isin(vocabulary, words(pl.Series([COMMON_WORDS])).keys)
    highest[common] = np.maximum(highest[common], COMMON_RATE)
    return -np.log2(np.minimum(highest, 1.0))
