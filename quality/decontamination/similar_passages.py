"""The passage of a training text most similar to a benchmark item: a question in a prompt, an answer, a context.

It maximises the bits of the item's distinct words, less a share of the bits of all other words (Kadane's maximum
subarray). The passage must then contain most of the item and be dense in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled
from quality.decontamination.inverted_index import Candidates
from quality.decontamination.similarity import (
    NOTHING,
    OPTION_PART,
    PASSAGE,
    PASSAGE_WITH_OPTIONS,
    QUESTION_PART,
    SUSPECT,
    Items,
)

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]

GAP_COST, DENSITY = 0.6, 0.75
"""Cost of a foreign bit relative to the gain of an item's bit, and the item's least share of the passage's bits."""

OPTIONS_GAP_COST, OPTIONS_DENSITY = 0.3, 0.5
"""The same where options are retold with the question, since connecting text lies between them."""

STAMP = 1 << 32
HALF = STAMP // 2


class PassageLimits(NamedTuple):
    """Thresholds of passages; see ``quality.decontamination.lexical_layers.SimilarityThresholds``."""

    share: float
    bits: float
    option_bits: float
    suspect_bits: float


class Passages(NamedTuple):
    """Passages: text, item, kind, share of the item, bits shared, first word (counted over all texts), one past the
    last.
    """

    texts: I32
    items: I32
    kinds: U8
    scores: F32
    bits: F32
    lows: I64
    highs: I64


class Marks(NamedTuple):
    """By word id: the comparison it is marked for, and the comparison and position of its last occurrence."""

    item: I64
    last: I64


class Passage(NamedTuple):
    """Words ``low`` to ``high`` hold ``bits`` of the item; ``density`` is the item's share of all their bits."""

    low: int
    high: int
    bits: float
    density: float


class PassageMatch(NamedTuple):
    """Result of a comparison: kind, share of the item, bits, and the passage."""

    kind: int
    score: float
    bits: float
    low: int
    high: int


@compiled
def passages(offsets: I64, ids: I32, items: Items, pairs: Candidates, near: I64, limits: PassageLimits) -> Passages:
    """Return the passages of the candidate ``pairs`` at the positions ``near``."""
    marks = Marks(np.zeros(items.bits.size, np.int64), np.zeros(items.bits.size, np.int64))
    out, count = _room(near.size), 0
    for stamp in range(near.size):
        k = near[stamp]
        first = offsets[pairs.texts[k]] + pairs.firsts[k]
        window = ids[first : offsets[pairs.texts[k]] + pairs.stops[k]]
        seen = _compare(window, items, marks, pairs.items[k], 2 * stamp + 1, limits)
        if seen.kind != NOTHING:
            out.texts[count], out.items[count], out.kinds[count] = pairs.texts[k], pairs.items[k], seen.kind
            out.scores[count], out.bits[count] = seen.score, seen.bits
            out.lows[count], out.highs[count] = first + seen.low, first + seen.high
            count += 1
    return _front(out, count)


@compiled
def _room(size: int) -> Passages:
    texts, items, kinds = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.uint8)
    scores, bits = np.empty(size, np.float32), np.empty(size, np.float32)
    return Passages(texts, items, kinds, scores, bits, np.empty(size, np.int64), np.empty(size, np.int64))


@compiled
def _front(old: Passages, count: int) -> Passages:
    texts, items, kinds = old.texts[:count].copy(), old.items[:count].copy(), old.kinds[:count].copy()
    scores, bits = old.scores[:count].copy(), old.bits[:count].copy()
    return Passages(texts, items, kinds, scores, bits, old.lows[:count].copy(), old.highs[:count].copy())


@compiled
def _compare(window: I32, items: Items, marks: Marks, item: int, stamp: int, limits: PassageLimits) -> PassageMatch:
    question_bits, all_bits = items.question_bits[item], items.all_bits[item]
    question_passage = _passage(window, items, marks, item, QUESTION_PART, stamp, GAP_COST)
    dense = question_passage.density >= DENSITY and question_passage.bits >= limits.share * question_bits
    if dense and question_passage.bits >= limits.bits:
        return PassageMatch(
            PASSAGE,
            question_passage.bits / question_bits,
            question_passage.bits,
            question_passage.low,
            question_passage.high,
        )
    if all_bits > question_bits:
        whole_passage = _passage(window, items, marks, item, QUESTION_PART | OPTION_PART, stamp + 1, OPTIONS_GAP_COST)
        enough = whole_passage.bits >= max(limits.option_bits, limits.share * all_bits)
        if enough and whole_passage.density >= OPTIONS_DENSITY:
            return PassageMatch(
                PASSAGE_WITH_OPTIONS,
                whole_passage.bits / all_bits,
                whole_passage.bits,
                whole_passage.low,
                whole_passage.high,
            )
    suspect = dense and question_passage.bits >= limits.suspect_bits
    return PassageMatch(
        SUSPECT if suspect else NOTHING,
        question_passage.bits / max(question_bits, 1.0),
        question_passage.bits,
        question_passage.low,
        question_passage.high,
    )


@compiled
def _passage(window: I32, items: Items, marks: Marks, item: int, parts: int, stamp: int, gap_cost: float) -> Passage:
    """Return the passage of a window most similar to the given ``parts`` of an item."""
    for p in range(items.starts[item], items.starts[item + 1]):
        if items.entries[p] & parts:
            marks.item[items.entries[p] >> 2] = stamp
    best, score, begin, low, high = 0.0, 0.0, 0, 0, 0
    for k in range(window.size):
        word = window[k]
        if marks.item[word] != stamp:
            score -= gap_cost * items.bits[word]
        else:
            score += items.bits[word] if marks.last[word] < stamp * STAMP + begin else 0.0
            marks.last[word] = stamp * STAMP + k
        if score <= 0:
            score, begin = 0.0, k + 1
        elif score > best:
            best, low, high = score, begin, k + 1
    return _weigh(window, items.bits, marks, low, high, stamp)


@compiled
def _weigh(window: I32, bits: F32, marks: Marks, low: int, high: int, stamp: int) -> Passage:
    distinct, matched, everything = 0.0, 0.0, 0.0
    for k in range(low, high):
        word = window[k]
        everything += bits[word]
        if marks.item[word] == stamp:
            matched += bits[word]
            if marks.last[word] < stamp * STAMP + HALF:
                marks.last[word] = stamp * STAMP + HALF
                distinct += bits[word]
    return Passage(low, high, distinct, matched / everything if everything else 0.0)
