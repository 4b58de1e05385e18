"""The distinct shingle sets of many texts, stored once each in the order of first occurrence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from quality.duplicates.signatures import Signed
from quality.scratch import Spill, new_array

if TYPE_CHECKING:
    from quality.duplicates.set_kernels import Sets

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
Numbers = TypeVar("Numbers", U32, U64, I64)
Parts = TypeVar("Parts", U32, U64)


@dataclass(frozen=True, kw_only=True)
class ShingleSets:
    """Sets numbered from 0: ``values[starts[s]:starts[s + 1]]`` are the shingles of set ``s``, sorted and unique.

    ``keys`` are the band keys, shape (bands, sets), ``names`` the 128 bits that name a set, shape (sets, 2). The marks
    of a set (``text_kernels``) are ``marks[bounds[s]:bounds[s + 1]]``.
    """

    values: U32
    starts: I64
    keys: U32
    names: U64
    marks: U64
    bounds: I64

    def __len__(self) -> int:
        return len(self.names)


@dataclass(kw_only=True)
class SignedBlocks:
    """Blocks of signatures added one after another; their shingles, marks and keys may be in files (``scratch``)."""

    _small: list[tuple[I64, U64, I64]] = field(default_factory=list)
    _large: Spill = field(default_factory=Spill)

    def add(self, block: Signed) -> None:
        """Add a block."""
        self._small.append((block.counts, block.names, block.mark_counts))
        for array in (block.shingles, block.keys, block.marks):
            self._large.add(array)

    def blocks(self) -> list[Signed]:
        """Return the blocks in order, and forget them here."""
        small, self._small = self._small, []
        large = self._large.arrays()
        return [
            Signed(
                shingles=large[3 * number],
                counts=counts,
                keys=large[3 * number + 1],
                names=names,
                marks=large[3 * number + 2],
                mark_counts=mark_counts,
            )
            for number, (counts, names, mark_counts) in enumerate(small)
        ]


def collapse(signed: list[Signed], bands: int, join_empty: bool) -> tuple[ShingleSets, I64]:
    """Return the distinct sets and for each text the number of its set, -1 for a text without shingles.

    With ``join_empty`` the texts without shingles share the empty set instead. ``signed`` is emptied on the way, so
    that the shingles are in memory once.
    """
    names = np.concatenate([np.zeros((0, 2), np.uint64), *(block.names for block in signed)])
    counts = np.concatenate([np.zeros(0, np.int64), *(block.counts for block in signed)])
    first, numbers = _distinct(names, np.flatnonzero(join_empty | (counts > 0)))
    mark_counts = np.concatenate([np.zeros(0, np.int64), *(block.mark_counts for block in signed)])
    starts, bounds = ends_of(counts[first]), ends_of(mark_counts[first])
    sets = ShingleSets(
        values=new_array(starts[-1], np.uint32),
        starts=starts,
        keys=new_array((bands, len(first)), np.uint32),
        names=names[first],
        marks=new_array(bounds[-1], np.uint64),
        bounds=bounds,
    )
    _move(signed, first, sets)
    return sets, numbers


def ends_of(counts: I64) -> I64:
    """Return the bounds, from 0, of parts of these sizes laid end to end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _distinct(names: U64, texts: I64) -> tuple[I64, I64]:
    """Return the first text of each distinct name, ascending, and each text's position there, -1 if not requested."""
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


def _move(signed: list[Signed], first: I64, sets: ShingleSets) -> None:
    """Move the sets of the texts ``first`` out of their blocks."""
    signed.reverse()
    begin, done = 0, 0
    while signed:
        block = signed.pop()
        upto = int(np.searchsorted(first, begin + len(block.counts)))
        which = first[done:upto] - begin
        copy_parts(block.shingles, ends_of(block.counts), which, sets.values[sets.starts[done] : sets.starts[upto]])
        copy_parts(block.marks, ends_of(block.mark_counts), which, sets.marks[sets.bounds[done] : sets.bounds[upto]])
        sets.keys[:, done:upto] = block.keys[which].T
        begin, done = begin + len(block.counts), upto


def copy_parts(values: Parts, starts: I64, which: I64, out: Parts) -> None:
    """Copy the parts ``which`` of ``values`` to ``out``, end to end."""
    from quality.duplicates.lookup_kernels import gather

    gather(readable(values), readable(starts), which, out)


def readable(array: Numbers) -> Numbers:
    """Return a read-only view, as Arrow arrays are, so that one compilation serves both."""
    view = array.view()
    view.flags.writeable = False
    return view


def kernel_view(sets: ShingleSets) -> Sets:
    """Return the arrays needed for comparing sets."""
    from quality.duplicates.set_kernels import Sets

    return Sets(readable(sets.values), readable(sets.starts), readable(sets.marks), readable(sets.bounds))


def concatenate(parts: Sequence[ShingleSets]) -> ShingleSets:
    """Return the sets of ``parts`` one after another; a single part is returned as it is."""
    parts = [part for part in parts if len(part)] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    return ShingleSets(
        values=_joined([part.values for part in parts]),
        starts=ends_of(np.concatenate([np.diff(part.starts) for part in parts])),
        keys=_joined([part.keys for part in parts]),
        names=np.concatenate([part.names for part in parts]),
        marks=_joined([part.marks for part in parts]),
        bounds=ends_of(np.concatenate([np.diff(part.bounds) for part in parts])),
    )


def _joined(parts: Sequence[Parts]) -> Parts:
    """Return arrays joined along their last axis."""
    size = sum(part.shape[-1] for part in parts)
    joined = new_array((*parts[0].shape[:-1], size), parts[0].dtype.type)
    np.concatenate(parts, axis=-1, out=joined)
    return joined


def select_sets(sets: ShingleSets, which: I64) -> ShingleSets:
    """Return the sets ``which``, renumbered; all of them return the sets themselves."""
    if len(which) == len(sets):
        return sets
    starts, bounds = ends_of(np.diff(sets.starts)[which]), ends_of(np.diff(sets.bounds)[which])
    values, marks = new_array(starts[-1], np.uint32), new_array(bounds[-1], np.uint64)
    copy_parts(sets.values, sets.starts, which, values)
    copy_parts(sets.marks, sets.bounds, which, marks)
    return ShingleSets(
        values=values,
        starts=starts,
        keys=np.take(sets.keys, which, axis=1, out=new_array((len(sets.keys), len(which)), np.uint32), mode="clip"),
        names=sets.names[which],
        marks=marks,
        bounds=bounds,
    )
