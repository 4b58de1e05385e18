"""From band keys to components: sets that share a key are compared, and similar ones joined.

A pair counts if it shares a band key, reaches the exact Jaccard threshold, has the same subject and no opposite
statement (``set_kernels.similarity``). That depends on the two sets alone, and components on the pairs alone, so
neither the order of rows, nor threads, nor the order of additions changes the result. The keys of one band are joined
by sorting them in memory, 8 bytes per set.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from quality.duplicates.shingle_sets import ShingleSets, kernel_view, readable

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

ROUND = 4
"""Bands compared before components are updated; fixed, so that threads do not change the result. As many are compared
one by one first, because what one has compared the next ones pass over.
"""

PARTS = 8
"""Parts of a band's buckets that threads take in turn."""


@dataclass(frozen=True, kw_only=True)
class Linked:
    """The component of each set, numbered from 0.

    ``largest`` is the most sets that shared a key. ``cut`` counts the buckets cut short, where too many sets were
    half similar to compare them all (``set_kernels.LARGE``).
    """

    labels: I64
    largest: int
    cut: int


def link(sets: ShingleSets, labels: I64, known: int, threshold: float, pool: Executor) -> Linked:
    """Return the components of sets after merging the similar ones of ``labels``; sets below ``known`` were linked
    before.
    """
    order, bands = np.argsort(sets.names[:, 0]), len(sets.keys)
    largest, cut = 0, np.zeros(bands, np.int64)
    for first, last in pairwise((*range(min(ROUND, bands)), *range(ROUND, bands, ROUND), bands)):
        buckets = list(pool.map(lambda keys: _buckets(keys, order), sets.keys[first:last]))
        largest = max(largest, *(int(np.diff(bounds).max(initial=0)) for _, bounds in buckets))
        work = [
            (band, keyed, part)
            for band, (keyed, bounds) in enumerate(buckets, first)
            for part in np.array_split(bounds, PARTS)
            if len(part)
        ]
        done = np.flatnonzero(cut[:first] == 0)
        compared = list(pool.map(partial(_similar, sets, order, labels, done, known, threshold), work))
        labels = merged(labels, np.concatenate([np.zeros((0, 2), np.int64), *(pairs for pairs, _ in compared)]))
        for (band, _, _), (_, tally) in zip(work, compared, strict=True):
            cut[band] += tally[2]
    return Linked(labels=labels, largest=largest, cut=int(cut.sum()))


def _buckets(keys: NDArray[np.uint32], order: I64) -> tuple[U64, I64]:
    """Return the sorted keys of one band, each combined with its set's position in ``order``, and the bucket bounds."""
    from quality.duplicates.lookup_kernels import bucket_bounds

    keyed = keys[order].astype(np.uint64)
    keyed <<= np.uint64(32)
    keyed |= np.arange(len(order), dtype=np.uint64)
    keyed.sort()
    return keyed, bucket_bounds(keyed)


def _similar(
    sets: ShingleSets,
    order: I64,
    labels: I64,
    done: I64,
    known: int,
    threshold: float,
    work: tuple[int, U64, I64],
) -> tuple[I64, I64]:
    """Return the pairs that join components within some buckets of a band, and the counts of the work.

    ``done`` are the earlier bands of which no bucket was cut short.
    """
    from quality.duplicates.set_kernels import link_buckets

    _, keyed, bounds = work
    return link_buckets(kernel_view(sets), keyed, order, bounds, labels, readable(sets.keys), done, known, threshold)


def merged(labels: I64, pairs: I64) -> I64:
    """Return ``labels`` with the components of each pair of sets merged, numbered from 0."""
    from quality.duplicates.set_kernels import components

    return components(labels[pairs], int(labels.max()) + 1)[labels] if len(pairs) else labels
