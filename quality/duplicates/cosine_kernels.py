"""Compiled loops over rows of vectors: lengths, cosines, and which rows are kept.

Every deciding cosine is summed in float64 in a fixed order, so it is the same on every machine and for every
block size. It is rounded to six decimals before the comparison, so the reported value is the one that decides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

KEPT, OVER = -1, -2
"""Values in place of a leader: the row is kept, or there was no room for it."""

SCAN = 64
"""Bounds checked together: one comparison of vectors rules most of them out."""


@compiled
def dot(x: F32, i: int, y: F32, j: int) -> float:
    """Return the product of ``x[i]`` and ``y[j]``, in eight partial sums that the compiler vectorises."""
    a, b, c, d, e, f, g, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    p, q = x[i], y[j]
    lanes = len(p) // 8
    for lane in range(lanes):
        k = lane * 8
        a += np.float64(p[k]) * np.float64(q[k])
        b += np.float64(p[k + 1]) * np.float64(q[k + 1])
        c += np.float64(p[k + 2]) * np.float64(q[k + 2])
        d += np.float64(p[k + 3]) * np.float64(q[k + 3])
        e += np.float64(p[k + 4]) * np.float64(q[k + 4])
        f += np.float64(p[k + 5]) * np.float64(q[k + 5])
        g += np.float64(p[k + 6]) * np.float64(q[k + 6])
        h += np.float64(p[k + 7]) * np.float64(q[k + 7])
    for k in range(lanes * 8, len(p)):
        a += np.float64(p[k]) * np.float64(q[k])
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@compiled
def lengths(x: F32) -> F64:
    """Return the Euclidean length of each row of ``x``."""
    out = np.empty(len(x), np.float64)
    for i in range(len(x)):
        out[i] = np.sqrt(dot(x, i, x, i))
    return out


@compiled
def cosine(x: F32, x_length: F64, i: int, y: F32, y_length: F64, j: int) -> float:
    """Return the cosine of ``x[i]`` and ``y[j]``, rounded to six decimals."""
    return float(np.floor(dot(x, i, y, j) / (x_length[i] * y_length[j]) * 1e6 + 0.5) / 1e6)


@compiled
def cosines(x: F32, x_length: F64, left: I64, y: F32, y_length: F64, right: I64) -> F64:
    """Return the cosine of ``x[left[n]]`` and ``y[right[n]]`` for every n."""
    out = np.empty(len(left), np.float64)
    for n in range(len(left)):
        out[n] = cosine(x, x_length, left[n], y, y_length, right[n])
    return out


@compiled
def nearest_kept(
    bounds: F32, slack: float, x: F32, x_length: F64, rows: I64, kept: I64, threshold: float, best: F64, leader: I64
) -> None:
    """Raise ``best`` and ``leader`` of each row to its most similar kept row, if that reaches ``threshold``.

    ``bounds[r, c]`` plus ``slack`` is at least the cosine of ``x[rows[r]]`` and ``x[kept[c]]``; ``leader`` receives
    rows of ``x``. Of equally similar rows the one kept first wins.
    """
    for r in range(len(bounds)):
        row = bounds[r]
        least = np.float32(max(threshold, best[r]) - slack)
        for left in range(0, len(row), SCAN):
            part = row[left : left + SCAN]
            hits = 0
            for c in range(len(part)):
                hits += part[c] >= least
            if hits == 0:
                continue
            for c in range(len(part)):
                if part[c] >= least:
                    value = cosine(x, x_length, rows[r], x, x_length, kept[left + c])
                    if value >= threshold and value > best[r]:
                        best[r], leader[r] = value, kept[left + c]


@compiled
def keep_in_order(
    bounds: F32,
    slack: float,
    x: F32,
    x_length: F64,
    rows: I64,
    threshold: float,
    best: F64,
    leader: I64,
    weights: I64,
    room: int,
    chosen: I64,
) -> tuple[int, int]:
    """Take ``rows`` in order, keep each that fits and has no similar kept row; return their number and the room left.

    ``best`` and ``leader`` come from ``nearest_kept`` and are completed here: a row of ``x``, ``KEPT`` or ``OVER``.
    ``chosen`` receives the positions of the kept among ``rows``. A row of weight 0 always fits.
    """
    count = 0
    for r in range(len(rows)):
        least = np.float32(threshold - slack)
        for n in range(count):
            c = chosen[n]
            if bounds[r, c] >= least:
                value = cosine(x, x_length, rows[r], x, x_length, rows[c])
                if value >= threshold and value > best[r]:
                    best[r], leader[r] = value, rows[c]
        if leader[r] != KEPT:
            continue
        if weights[rows[r]] > room:
            leader[r] = OVER
            continue
        room -= weights[rows[r]]
        chosen[count] = r
        count += 1
    return count, room
