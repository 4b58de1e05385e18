"""Similarity of a benchmark item and a whole window of a training text: kind and score of candidate pairs.

All sums are in bits (word rarity) and count equal words once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled
from quality.decontamination.inverted_index import Candidates

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]

QUESTION_PART, OPTION_PART = 1, 2
"""Part of an item or text that contains a word; both is 3."""

NOTHING, QUESTION, WITH_OPTIONS, REWRITE, PASSAGE, PASSAGE_WITH_OPTIONS, SUSPECT = range(7)
"""Kinds of matches; ``similar_passages`` finds passages. A suspect counts only with the right answer next to it, or
with a judge's verdict.
"""


class Items(NamedTuple):
    """Benchmark items: the entries of their distinct words end to end, and the bits of question and of all.

    An entry is four times the word's id, plus the parts that contain it: one number, because the items of a window lie
    far apart in memory. ``bits`` are those of every word id.
    """

    bits: F32
    starts: I64
    entries: I32
    question_bits: F32
    all_bits: F32


class Texts(NamedTuple):
    """Training texts: word ids end to end, and the number of question words of each (the rest are options)."""

    offsets: I64
    ids: I32
    questions: I64


class Limits(NamedTuple):
    """Thresholds of pairs; see ``quality.decontamination.lexical_layers.SimilarityThresholds``."""

    copy: float
    copy_bits: float
    copy_options: float
    rewrite: float
    rewrite_bits: float
    suspect: float
    suspect_bits: float
    passage: float


class Pairs(NamedTuple):
    """Similar pairs: text, item, kind, score in [0, 1], and the bits shared."""

    texts: I32
    items: I32
    kinds: U8
    scores: F32
    bits: F32


class Window(NamedTuple):
    """Words ``first`` to ``stop``: bits of the question and of everything, and whether it has words of options."""

    first: int
    stop: int
    question: float
    everything: float
    has_options: bool


class Shared(NamedTuple):
    """Bits shared by an item and a window: the two questions; the item's question and all; everything and all."""

    both_questions: float
    question: float
    everything: float


class WindowMatch(NamedTuple):
    """Result of a comparison."""

    kind: int
    score: float
    bits: float


@compiled
def similar_windows(texts: Texts, items: Items, pairs: Candidates, limits: Limits) -> tuple[Pairs, I64]:
    """Return the similar ones of the candidate ``pairs``, and the positions of those that may contain a passage.

    A pair may come from several windows of a text.
    """
    parts = np.zeros(items.bits.size, np.uint8)
    out, near, count, nearby = _room(pairs.items.size), np.empty(pairs.items.size, np.int64), 0, 0
    window, text, first = Window(0, 0, 0.0, 0.0, False), -1, -1
    for k in range(pairs.items.size):
        item = pairs.items[k]
        if pairs.texts[k] != text or pairs.firsts[k] != first:
            parts[texts.ids[window.first : window.stop]] = 0
            text, first = pairs.texts[k], pairs.firsts[k]
            window = _survey(texts, items.bits, parts, text, first, pairs.stops[k])
        shared = _overlap(items, item, parts)
        if shared.question >= max(limits.suspect_bits, limits.passage * items.question_bits[item]):
            near[nearby] = k
            nearby += 1
        seen = _compare(items.question_bits[item], items.all_bits[item], window, shared, limits)
        if seen.kind != NOTHING:
            out.texts[count], out.items[count], out.kinds[count] = text, item, seen.kind
            out.scores[count], out.bits[count] = seen.score, seen.bits
            count += 1
    return _front(out, count), near[:nearby].copy()


@compiled
def _room(size: int) -> Pairs:
    texts, items, kinds = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.uint8)
    return Pairs(texts, items, kinds, np.empty(size, np.float32), np.empty(size, np.float32))


@compiled
def _front(old: Pairs, count: int) -> Pairs:
    texts, items, kinds = old.texts[:count].copy(), old.items[:count].copy(), old.kinds[:count].copy()
    return Pairs(texts, items, kinds, old.scores[:count].copy(), old.bits[:count].copy())


@compiled
def _survey(texts: Texts, bits: F32, parts: U8, text: int, first: int, last: int) -> Window:
    """Mark the words of a window with their first part, and sum their bits."""
    start, stop = texts.offsets[text] + first, texts.offsets[text] + last
    cut = texts.offsets[text] + texts.questions[text]
    question, everything = 0.0, 0.0
    for k in range(start, stop):
        word = texts.ids[k]
        if not parts[word]:
            parts[word] = QUESTION_PART if k < cut else OPTION_PART
            everything += bits[word]
            question += bits[word] if k < cut else 0.0
    return Window(start, stop, question, everything, stop > cut)


@compiled
def _overlap(items: Items, item: int, parts: U8) -> Shared:
    both_questions, question, everything = 0.0, 0.0, 0.0
    for p in range(items.starts[item], items.starts[item + 1]):
        entry = items.entries[p]
        part = parts[entry >> 2]
        if part:
            bits = items.bits[entry >> 2]
            in_question = bits if entry & QUESTION_PART else 0.0
            everything += bits
            question += in_question
            both_questions += in_question if part == QUESTION_PART else 0.0
    return Shared(both_questions, question, everything)


@compiled
def _compare(question_bits: float, all_bits: float, window: Window, shared: Shared, limits: Limits) -> WindowMatch:
    """Compare an item, given by its bits, with a window, given the bits they share."""
    optioned, question_bits = all_bits > question_bits, max(question_bits, 1.0)
    questions = 2 * shared.both_questions / (question_bits + window.question)
    everything = 2 * shared.everything / (all_bits + window.everything)
    dice = questions
    if optioned and not window.has_options:  # the text may hold its options in the question
        dice = max(questions, shared.question / question_bits)
    if optioned and window.has_options and everything < limits.copy_options:
        dice = 0.0
    if shared.everything >= limits.copy_bits and (dice + everything) / 2 >= limits.copy:
        by_question = questions >= limits.copy and shared.both_questions >= limits.copy_bits
        return WindowMatch(QUESTION if by_question else WITH_OPTIONS, (dice + everything) / 2, shared.everything)
    rewrite = (0.3 * shared.both_questions / question_bits + shared.both_questions / max(window.question, 1.0)) / 1.3
    if rewrite >= limits.rewrite and shared.both_questions >= limits.rewrite_bits:
        return WindowMatch(REWRITE, rewrite, shared.both_questions)
    suspect = rewrite >= limits.suspect and shared.both_questions >= limits.suspect_bits
    return WindowMatch(SUSPECT if suspect else NOTHING, rewrite, shared.both_questions)
