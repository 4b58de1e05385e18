"""The distinct shingle sets of many texts: stored once each, in the order in which they were first met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quality.signatures import Signed

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
Numbers = TypeVar("Numbers", U32, I64)


@dataclass(frozen=True, kw_only=True)
class ShingleSets:
    """Sets numbered from 0: ``values[starts[s]:starts[s + 1]]`` are the shingles of set ``s``, sorted and unique.

    ``keys`` are the band keys, shape (bands, sets), ``names`` the 128 bits that name a set, shape (sets, 2).
    """

    values: U32
    starts: I64
    keys: U32
    names: U64

    def __len__(self) -> int:
        return len(self.names)


def collapse(signed: list[Signed], bands: int, join_empty: bool) -> tuple[ShingleSets, I64]:
    """Return the distinct sets and for each text the number of its set, -1 for a text without shingles.

    With ``join_empty`` the texts without shingles share the empty set instead. ``signed`` is emptied on the way, so
    that the shingles are never held twice.
    """
    names = np.concatenate([np.zeros((0, 2), np.uint64), *(block.names for block in signed)])
    counts = np.concatenate([np.zeros(0, np.int64), *(block.counts for block in signed)])
    first, numbers = _distinct(names, np.flatnonzero(join_empty | (counts > 0)))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts[first])])
    values = np.empty(starts[-1], np.uint32)
    keys = np.empty((bands, len(first)), np.uint32)
    _move(signed, first, values, starts, keys)
    return ShingleSets(values=values, starts=starts, keys=keys, names=names[first]), numbers


def _distinct(names: U64, texts: I64) -> tuple[I64, I64]:
    """Return the first text of each distinct name, ascending, and for each text its place there, -1 if not asked."""
    numbers = np.full(len(names), -1, np.int64)
    if not len(texts):
        return texts, numbers
    ordered = texts[np.argsort(names[texts, 0])]
    changes = np.any(names[ordered[1:]] != names[ordered[:-1]], axis=1)
    groups = np.concatenate([[0], np.cumsum(changes)])
    first = np.minimum.reduceat(ordered, np.concatenate([[0], np.flatnonzero(changes) + 1]))
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    numbers[ordered] = place[groups]
    return np.sort(first), numbers


def _move(signed: list[Signed], first: I64, values: U32, starts: I64, keys: U32) -> None:
    """Move the sets of the texts ``first`` out of their blocks."""
    from quality.lookup_kernels import gather

    signed.reverse()
    begin, done = 0, 0
    while signed:
        block = signed.pop()
        upto = int(np.searchsorted(first, begin + len(block.counts)))
        which = first[done:upto] - begin
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(block.counts)])
        gather(readable(block.shingles), readable(ends), which, values[starts[done] : starts[upto]])
        keys[:, done:upto] = block.keys[which].T
        begin, done = begin + len(block.counts), upto


def readable(array: Numbers) -> Numbers:
    """Return a read-only view, as arrays out of Arrow are, so that one compilation serves both."""
    view = array.view()
    view.flags.writeable = False
    return view


def joined(parts: Sequence[ShingleSets]) -> ShingleSets:
    """Return the sets of ``parts`` one after another; of a single part, that part itself."""
    parts = [part for part in parts if len(part)] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    sizes = np.concatenate([np.diff(part.starts) for part in parts])
    return ShingleSets(
        values=np.concatenate([part.values for part in parts]),
        starts=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        keys=np.concatenate([part.keys for part in parts], axis=1),
        names=np.concatenate([part.names for part in parts]),
    )


def taken(sets: ShingleSets, which: I64) -> ShingleSets:
    """Return the sets ``which``, renumbered; all of them are the sets themselves."""
    from quality.lookup_kernels import gather

    if len(which) == len(sets):
        return sets
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.diff(sets.starts)[which])])
    values = np.empty(starts[-1], np.uint32)
    gather(readable(sets.values), readable(sets.starts), which, values)
    return ShingleSets(values=values, starts=starts, keys=np.take(sets.keys, which, axis=1), names=sets.names[which])
