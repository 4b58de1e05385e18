"""An inverted index from rare words to benchmark items, read once per window of a training text.

Linear in the training text: a window costs its words, the postings of its rare words.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]

WINDOW, STEP = 512, 256
"""Words per window, and the distance between windows: some window covers any item's words in a long text."""

GATE = 2048
"""The sum at which a part makes its item a candidate; whole numbers, so that the order of words does not matter."""

SPAN, SPANS = 2 * GATE, (1 << 16) // (2 * GATE)
"""Numbers that the sums of one window use, and the windows after which all sums are set to 0 again. A sum is below a
window's span until the window adds to it, so that no window needs cleared sums.
"""


class Postings(NamedTuple):
    """For each word id, the parts (question, options) of items that list it: ``parts[starts[word]:starts[word + 1]]``.

    ``weights`` are the bits of the word in each part, in units of which ``GATE`` make the part's item a candidate; none
    is above ``GATE``. Parts that list too little for that are left out; ``items`` are the items of the others.
    """

    starts: I64
    parts: I32
    weights: U16
    items: I32


class Candidates(NamedTuple):
    """Pairs to compare, by text and window: the text, the first word and one past the last of the window, the item."""

    texts: I32
    firsts: I32
    stops: I32
    items: I32


@compiled
def candidates(offsets: I64, ids: I32, postings: Postings) -> Candidates:
    """Return the candidates among the texts whose word ids are ``ids[offsets[i]:offsets[i + 1]]``."""
    sums, present = np.zeros(postings.items.size, np.uint16), np.zeros(postings.starts.size - 1, np.uint8)
    passed = np.empty(postings.items.size, np.int32)
    out, count, windows = _room(256), 0, 0
    for text in range(offsets.size - 1):
        first, stop = offsets[text], offsets[text]
        while stop < offsets[text + 1]:
            stop = min(offsets[text + 1], first + WINDOW)
            if windows == SPANS:
                sums[:], windows = 0, 0
            hits = _add(ids[first:stop], postings, present, sums, windows * SPAN, passed)
            windows += 1
            while count + hits > out.items.size:
                out = _grown(out)
            for k in range(count, count + hits):
                out.texts[k], out.items[k] = text, postings.items[passed[k - count]]
                out.firsts[k], out.stops[k] = first - offsets[text], stop - offsets[text]
            count, first = count + hits, first + STEP
    return _cut(out, count)


@compiled
def _add(window: I32, postings: Postings, present: U8, sums: U16, least: int, passed: I32) -> int:
    """Sum, for every part, the weights of the words of the window that it lists, each word once.

    Sums begin at ``least`` and end at their gate. Write the parts that come to it, one of an item, and return their
    number.
    """
    count, gate = 0, least + GATE
    for word in window:
        if not present[word]:
            present[word] = 1
            for p in range(postings.starts[word], postings.starts[word + 1]):
                part = postings.parts[p]
                before = least if sums[part] < least else int(sums[part])
                if before < gate:
                    after = before + postings.weights[p]
                    sums[part] = after
                    if after >= gate and not _passed(part, postings.items, sums, gate):
                        passed[count] = part
                        count += 1
    for word in window:
        present[word] = 0
    return count


@compiled
def _passed(part: int, items: I32, sums: U16, gate: int) -> bool:
    """Return whether the other part of the item, if it is listed, has come to its gate."""
    for other in range(max(0, part - 1), min(part + 2, items.size)):
        if other != part and items[other] == items[part] and sums[other] >= gate:
            return True
    return False


@compiled
def _room(size: int) -> Candidates:
    texts, firsts = np.empty(size, np.int32), np.empty(size, np.int32)
    return Candidates(texts, firsts, np.empty(size, np.int32), np.empty(size, np.int32))


@compiled
def _cut(old: Candidates, count: int) -> Candidates:
    texts, firsts = old.texts[:count].copy(), old.firsts[:count].copy()
    return Candidates(texts, firsts, old.stops[:count].copy(), old.items[:count].copy())


@compiled
def _grown(old: Candidates) -> Candidates:
    new, size = _room(2 * old.items.size), old.items.size
    new.texts[:size], new.firsts[:size] = old.texts, old.firsts
    new.stops[:size], new.items[:size] = old.stops, old.items
    return new
