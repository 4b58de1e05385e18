"""How like a benchmark item a window of a training text is: kind, score and passage of candidate pairs.

All sums are in bits, what the rarity of a word is worth, and count equal words once unless said otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled
from quality.leak_candidates import Candidates

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]

QUESTION_PART, OPTION_PART = 1, 2
"""Where a word of an item, or of a text, stands; both is 3."""

NOTHING, QUESTION, WITH_OPTIONS, REWRITE, PASSAGE, PASSAGE_WITH_OPTIONS, SUSPECT = range(7)
"""Kinds. A suspect is too little by itself: it takes the right answer, or a judge, beside it."""

STAMP = 1 << 32
HALF = STAMP // 2


class Items(NamedTuple):
    """Benchmark items: distinct word ids end to end, the parts each stands in, and bits of question and of all."""

    bits: F32
    starts: I64
    words: I32
    parts: U8
    question_bits: F32
    all_bits: F32


class Texts(NamedTuple):
    """Training texts: word ids end to end, and how many words of each are its question (the rest are options)."""

    offsets: I64
    ids: I32
    questions: I64


class Limits(NamedTuple):
    """From where on a pair counts; see ``quality.decontaminate.Likeness``."""

    copy: float
    copy_bits: float
    copy_options: float
    rewrite: float
    rewrite_bits: float
    passage: float
    passage_density: float
    passage_bits: float
    passage_option_bits: float
    suspect: float
    suspect_bits: float
    gap_cost: float
    passages_only: bool


class Pairs(NamedTuple):
    """Pairs that are alike: text, item, kind, score in [0, 1], bits shared, first word of the passage and one past it.

    The passage is -1 to -1 where a window as a whole was compared.
    """

    texts: I32
    items: I32
    kinds: U8
    scores: F32
    bits: F32
    lows: I64
    highs: I64


class Window(NamedTuple):
    """Words ``first`` to ``stop`` of all: bits of the question and of everything, whether it has words of options."""

    first: int
    stop: int
    question: float
    everything: float
    has_options: bool


class Marks(NamedTuple):
    """By word id: the window it is present in and the parts there; item and parts it is marked for; where last seen."""

    present: I64
    parts: U8
    item: I64
    last: I64


class Seen(NamedTuple):
    """What a comparison says; see ``Pairs``."""

    kind: int
    score: float
    bits: float
    low: int
    high: int


@compiled
def likeness(texts: Texts, items: Items, wanted: Candidates, limits: Limits) -> Pairs:
    """Return the pairs among the ``wanted`` that are alike; a pair may come from several windows of a text."""
    size = items.bits.size
    marks = Marks(
        np.zeros(size, np.int64), np.zeros(size, np.uint8), np.zeros(size, np.int64), np.zeros(size, np.int64)
    )
    out, count, number = _room(wanted.items.size), 0, 0
    window, text, first = Window(0, 0, 0.0, 0.0, False), -1, -1
    for k in range(wanted.items.size):
        if wanted.texts[k] != text or wanted.firsts[k] != first:
            text, first, number = wanted.texts[k], wanted.firsts[k], number + 1
            window = _survey(texts, items.bits, marks, text, first, wanted.stops[k], number)
        seen = _compare(texts.ids, items, marks, window, wanted.items[k], number, k + 1, limits)
        if seen.kind != NOTHING:
            out.texts[count], out.items[count] = text, wanted.items[k]
            out.kinds[count], out.scores[count], out.bits[count] = seen.kind, seen.score, seen.bits
            out.lows[count], out.highs[count] = seen.low, seen.high
            count += 1
    return _front(out, count)


@compiled
def _room(size: int) -> Pairs:
    texts, items, kinds = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.uint8)
    scores, bits = np.empty(size, np.float32), np.empty(size, np.float32)
    return Pairs(texts, items, kinds, scores, bits, np.empty(size, np.int64), np.empty(size, np.int64))


@compiled
def _front(old: Pairs, count: int) -> Pairs:
    texts, items, kinds = old.texts[:count].copy(), old.items[:count].copy(), old.kinds[:count].copy()
    scores, bits = old.scores[:count].copy(), old.bits[:count].copy()
    return Pairs(texts, items, kinds, scores, bits, old.lows[:count].copy(), old.highs[:count].copy())


@compiled
def _survey(texts: Texts, bits: F32, marks: Marks, text: int, first: int, last: int, number: int) -> Window:
    """Mark the words that are present in a window, and weigh them."""
    start, stop = texts.offsets[text] + first, texts.offsets[text] + last
    cut = texts.offsets[text] + texts.questions[text]
    question, everything = 0.0, 0.0
    for k in range(start, stop):
        word = texts.ids[k]
        if marks.present[word] != number:
            marks.present[word], marks.parts[word] = number, QUESTION_PART if k < cut else OPTION_PART
            everything += bits[word]
            question += bits[word] if k < cut else 0.0
    return Window(start, stop, question, everything, stop > cut)


@compiled
def _compare(
    ids: I32, items: Items, marks: Marks, window: Window, item: int, number: int, stamp: int, limits: Limits
) -> Seen:
    asked, question, shared = 0.0, 0.0, 0.0
    for p in range(items.starts[item], items.starts[item + 1]):
        word = items.words[p]
        if marks.present[word] == number:
            shared += items.bits[word]
            if items.parts[p] & QUESTION_PART:
                question += items.bits[word]
                asked += items.bits[word] if marks.parts[word] == QUESTION_PART else 0.0
    whole = Seen(NOTHING, 0.0, 0.0, -1, -1)
    if not limits.passages_only:
        whole = _whole(items, item, window, asked, question, shared, limits)
    near = question >= max(limits.suspect_bits, limits.passage * items.question_bits[item])
    if not near or (whole.kind != NOTHING and whole.kind != SUSPECT):
        return whole
    passage = _passage(ids, items, marks, window, item, stamp, limits)
    return whole if passage.kind == NOTHING or (passage.kind == SUSPECT and whole.kind == SUSPECT) else passage


@compiled
def _whole(
    items: Items, item: int, window: Window, asked: float, question: float, shared: float, limits: Limits
) -> Seen:
    """Compare an item with all of a window.

    ``asked`` are the bits that the two questions share, ``question`` those of the item's question found anywhere in the
    window, ``shared`` those of the item's question and options found anywhere.
    """
    question_bits, all_bits = max(items.question_bits[item], 1.0), items.all_bits[item]
    optioned = all_bits > items.question_bits[item]
    questions = 2 * asked / (question_bits + window.question)
    everything = 2 * shared / (all_bits + window.everything)
    alike = questions
    if optioned and not window.has_options:  # the text may hold its options in the question
        alike = max(questions, question / question_bits)
    if optioned and window.has_options and everything < limits.copy_options:
        alike = 0.0
    if shared >= limits.copy_bits and (alike + everything) / 2 >= limits.copy:
        by_question = questions >= limits.copy and asked >= limits.copy_bits
        return Seen(QUESTION if by_question else WITH_OPTIONS, (alike + everything) / 2, shared, -1, -1)
    rewrite = (0.3 * asked / question_bits + asked / max(window.question, 1.0)) / 1.3
    if rewrite >= limits.rewrite and asked >= limits.rewrite_bits:
        return Seen(REWRITE, rewrite, asked, -1, -1)
    suspect = rewrite >= limits.suspect and asked >= limits.suspect_bits
    return Seen(SUSPECT if suspect else NOTHING, rewrite, asked, -1, -1)


@compiled
def _passage(ids: I32, items: Items, marks: Marks, window: Window, item: int, stamp: int, limits: Limits) -> Seen:
    """Compare an item with the passage of a window that is most like it.

    That passage maximises the bits of the item's words, equal ones once, less ``gap_cost`` times the bits of all others
    (Kadane's maximum subarray).
    """
    for p in range(items.starts[item], items.starts[item + 1]):
        marks.item[items.words[p]] = 4 * stamp + items.parts[p]
    best, score, begin, low, high = 0.0, 0.0, window.first, window.first, window.first
    for k in range(window.first, window.stop):
        word = ids[k]
        if marks.item[word] >> 2 != stamp:
            score -= limits.gap_cost * items.bits[word]
        else:
            score += items.bits[word] if marks.last[word] < stamp * STAMP + begin else 0.0
            marks.last[word] = stamp * STAMP + k
        if score <= 0:
            score, begin = 0.0, k + 1
        elif score > best:
            best, low, high = score, begin, k + 1
    return _weigh(ids, items, marks, low, high, item, stamp, limits)


@compiled
def _weigh(ids: I32, items: Items, marks: Marks, low: int, high: int, item: int, stamp: int, limits: Limits) -> Seen:
    """Judge a passage; its density is the item's share of its bits, every occurrence counted."""
    question, shared, matched, everything = 0.0, 0.0, 0.0, 0.0
    for k in range(low, high):
        word = ids[k]
        everything += items.bits[word]
        if marks.item[word] >> 2 == stamp:
            matched += items.bits[word]
            if marks.last[word] < stamp * STAMP + HALF:
                marks.last[word] = stamp * STAMP + HALF
                shared += items.bits[word]
                question += items.bits[word] if marks.item[word] & QUESTION_PART else 0.0
    by_question = question >= limits.passage * items.question_bits[item]
    if matched < limits.passage_density * everything:
        return Seen(NOTHING, 0.0, 0.0, -1, -1)
    if by_question and question >= limits.passage_bits:
        return Seen(PASSAGE, question / items.question_bits[item], question, low, high)
    if shared >= max(limits.passage_option_bits, limits.passage * items.all_bits[item]):
        return Seen(PASSAGE_WITH_OPTIONS, shared / items.all_bits[item], shared, low, high)
    kind = SUSPECT if by_question and question >= limits.suspect_bits else NOTHING
    return Seen(kind, question / max(items.question_bits[item], 1.0), question, low, high)
