"""Compiled loops that fetch shingle sets, and find band keys and the sets that share one."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled

I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
Parts = TypeVar("Parts", NDArray[np.uint32], NDArray[np.uint64])
SHIFT = np.uint64(32)


@compiled
def gather(values: Parts, starts: I64, which: I64, out: Parts) -> None:
    """Copy the sets ``which`` to ``out``, end to end."""
    used = 0
    for s in which:
        for k in range(starts[s], starts[s + 1]):
            out[used] = values[k]
            used += 1


@compiled
def holds(ordered: U32, value: np.uint32) -> bool:
    """Return whether the sorted numbers ``ordered`` contain ``value``."""
    low, high = 0, ordered.size
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low < ordered.size and ordered[low] == value


@compiled
def occurring(keys: U32, requested: U32, marks: NDArray[np.uint8]) -> I64:
    """Return the positions of ``keys`` that are among the sorted ``requested``, whose lower bits ``marks`` has."""
    positions, count, mask = np.empty(keys.size, np.int64), 0, np.uint32(marks.size - 1)
    for i in range(keys.size):
        if marks[keys[i] & mask] and holds(requested, keys[i]):
            positions[count] = i
            count += 1
    return positions[:count].copy()


@compiled
def bucket_bounds(keyed: U64) -> I64:
    """Return (buckets, 2): the bounds of the runs of two or more equal keys in sorted ``key << 32 | number``."""
    bounds, count, begin = np.empty((keyed.size // 2, 2), np.int64), 0, 0
    for end in range(1, keyed.size + 1):
        if end < keyed.size and keyed[end] >> SHIFT == keyed[begin] >> SHIFT:
            continue
        if end - begin > 1:
            bounds[count, 0], bounds[count, 1] = begin, end
            count += 1
        begin = end
    return bounds[:count].copy()
