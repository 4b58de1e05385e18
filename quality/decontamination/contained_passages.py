"""Passages of items that a text contains: enough of their pieces, added up text by text.

One sentence may be a piece of thousands of passages, so that pairs of text and passage are not listed: a passage is
compared only where all matches in the text would suffice for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.compiled import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


class Passages(NamedTuple):
    """The pieces of passages, by sequence.

    ``owners[starts[i]:starts[i + 1]]`` are the passages with sequence i, those that need fewest words first, and
    ``order`` their places in the table of pieces. ``words[i]`` is the length of sequence i and ``needs[p]`` the number
    of words from which on passage p is contained.
    """

    starts: I64
    owners: I32
    order: I32
    words: I64
    needs: F64


class Contained(NamedTuple):
    """Text, passage and its words found in the text, with first word and length of the longest piece."""

    texts: I32
    passages: I32
    words: I64
    firsts: I64
    longest: I64


def index_passages(pieces: pl.DataFrame, words: I64, needs: F64) -> Passages:
    """Return the index of a table of ``sequence`` and ``passage``; ``words`` are those of sequences."""
    distinct = pieces.unique(["sequence", "passage"], keep="first", maintain_order=True)
    sequence, passage = distinct["sequence"].to_numpy(), distinct["passage"].to_numpy()
    by_need = np.lexsort((needs[passage], sequence))
    starts = np.searchsorted(sequence[by_need], np.arange(len(words) + 1)).astype(np.int64)
    return Passages(starts, passage[by_need].astype(np.int32), by_need.astype(np.int32), words, needs)


def contained(texts: I32, sequences: I32, at: I64, known: Passages) -> Contained:
    """Return the passages contained in texts, given the occurrences of sequences, text by text.

    They are in the order of their first pieces in the text.
    """
    found, order = _contained(texts, sequences, at, known)
    at_place = np.lexsort((order[:, 1], order[:, 0]))
    return Contained(
        found.texts[at_place],
        found.passages[at_place],
        found.words[at_place],
        found.firsts[at_place],
        found.longest[at_place],
    )


class Open(NamedTuple):
    """The passages with a piece in the current text, by passage, and in ``opened`` in the order in which they were met.

    ``text_of`` is the text to which the other numbers belong; ``places`` are first occurrence and place of the piece.
    """

    text_of: I32
    words: I64
    firsts: I64
    longest: I64
    opened: I32
    places: I64


@compiled
def _contained(texts: I32, sequences: I32, at: I64, known: Passages) -> tuple[Contained, I64]:
    """Return the contained passages, and for each the number of its first occurrence and its place among the pieces."""
    size, count, low, many = 64, 0, 0, known.needs.size
    out, order = _space(size), np.empty((size, 2), np.int64)
    counted = np.full(known.starts.size - 1, -1, np.int32)
    now = Open(
        np.full(many, -1, np.int32), np.zeros(many, np.int64), np.zeros(many, np.int64), np.zeros(many, np.int64),
        np.empty(many, np.int32), np.empty((many, 2), np.int64),
    )  # fmt: skip
    while low < texts.size:
        high, total = _words_found(texts, sequences, low, counted, known.words)
        for one in range(_add_pieces(texts[low], sequences, at, low, high, total, counted, now, known)):
            p = now.opened[one]
            if now.words[p] < known.needs[p]:
                continue
            if count == size:
                size *= 2
                out, order = _copied(out, size, count), _enlarged(order, size, count)
            out.texts[count], out.passages[count], out.words[count] = texts[low], p, now.words[p]
            out.firsts[count], out.longest[count] = now.firsts[p], now.longest[p]
            order[count] = now.places[one]
            count += 1
        low = high
    return _copied(out, count, count), order[:count]


@compiled
def _words_found(texts: I32, sequences: I32, low: int, counted: I32, words: I64) -> tuple[int, int]:
    """Return the end of the text that begins at occurrence ``low``, and the words of its distinct sequences.

    ``counted`` marks them with the text.
    """
    high, total = low, 0
    while high < texts.size and texts[high] == texts[low]:
        i = sequences[high]
        if counted[i] != texts[low]:
            counted[i] = texts[low]
            total += words[i]
        high += 1
    return high, total


@compiled
def _add_pieces(
    text: int, sequences: I32, at: I64, low: int, high: int, total: int, counted: I32, now: Open, known: Passages
) -> int:
    """Add each sequence of one text once to the passages for which ``total`` words suffice; return their number."""
    opened = 0
    for hit in range(low, high):
        i = sequences[hit]
        if counted[i] != text:
            continue
        counted[i] = -1
        for k in range(known.starts[i], known.starts[i + 1]):
            p = known.owners[k]
            if known.needs[p] > total:
                break
            if now.text_of[p] != text:
                now.text_of[p], now.words[p], now.longest[p] = text, 0, 0
                now.opened[opened], now.places[opened, 0], now.places[opened, 1] = p, hit, known.order[k]
                opened += 1
            now.words[p] += known.words[i]
            if known.words[i] > now.longest[p]:
                now.firsts[p], now.longest[p] = at[hit], known.words[i]
    return opened


@compiled
def _space(size: int) -> Contained:
    texts, passages = np.empty(size, np.int32), np.empty(size, np.int32)
    return Contained(texts, passages, np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64))


@compiled
def _copied(old: Contained, size: int, count: int) -> Contained:
    new = _space(size)
    new.texts[:count], new.passages[:count] = old.texts[:count], old.passages[:count]
    new.words[:count], new.firsts[:count], new.longest[:count] = (
        old.words[:count],
        old.firsts[:count],
        old.longest[:count],
    )
    return new


@compiled
def _enlarged(old: I64, size: int, count: int) -> I64:
    new = np.empty((size, 2), np.int64)
    new[:count] = old[:count]
    return new
