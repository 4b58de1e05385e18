"""An inverted index from rare words to benchmark items, read once per window of a training text.

Linear in the training text: a window costs its words plus the postings of its rare words.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]

WINDOW, STEP = 512, 256
"""Words per window, and the distance between windows: some window covers any item's words in a long text."""


class Postings(NamedTuple):
    """For each word id, the parts of items that list it (twice the item's number, plus 1 for its options).

    ``bits`` are the weights of words, ``gates`` the sum of listed bits at which a part makes its item a candidate.
    """

    bits: F32
    starts: I64
    parts: I32
    gates: F32


class Candidates(NamedTuple):
    """Pairs to compare, by text and window: the text, the first word and one past the last of the window, the item."""

    texts: I32
    firsts: I32
    stops: I32
    items: I32


@compiled
def candidates(offsets: I64, ids: I32, postings: Postings) -> Candidates:
    """Return the candidates among the texts whose word ids are ``ids[offsets[i]:offsets[i + 1]]``."""
    sums, touched = np.zeros(postings.gates.size, np.float32), np.empty(postings.gates.size, np.int32)
    seen = np.zeros(postings.bits.size, np.int32)
    item_seen, window_items = np.zeros(postings.gates.size // 2, np.int32), np.empty(postings.gates.size // 2, np.int32)
    out, count, number = _room(256), 0, 0
    for text in range(offsets.size - 1):
        first, stop = offsets[text], offsets[text]
        while stop < offsets[text + 1]:
            stop, number = min(offsets[text + 1], first + WINDOW), number + 1
            hits = _add(ids[first:stop], postings, number, seen, sums, touched)
            hits = _pass(touched[:hits], postings.gates, number, item_seen, sums, window_items)
            while count + hits > out.items.size:
                out = _grown(out)
            for k in range(count, count + hits):
                out.texts[k], out.items[k] = text, window_items[k - count]
                out.firsts[k], out.stops[k] = first - offsets[text], stop - offsets[text]
            count, first = count + hits, first + STEP
    return _cut(out, count)


@compiled
def _add(window: I32, postings: Postings, number: int, seen: I32, sums: F32, touched: I32) -> int:
    """Sum, for every part that lists a word of the window, the bits of those words; return the number of parts."""
    count = 0
    for word in window:
        if seen[word] != number:
            seen[word] = number
            for p in range(postings.starts[word], postings.starts[word + 1]):
                part = postings.parts[p]
                if sums[part] == 0:
                    touched[count] = part
                    count += 1
                sums[part] += postings.bits[word]
    return count


@compiled
def _pass(touched: I32, gates: F32, number: int, item_seen: I32, sums: F32, passed: I32) -> int:
    """Write the items with a part at its gate, clear the sums, and return the number of items."""
    count = 0
    for part in touched:
        item = part >> 1
        if sums[part] >= gates[part] and item_seen[item] != number:
            item_seen[item] = number
            passed[count] = item
            count += 1
        sums[part] = 0
    return count


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
