"""Rows of vectors compared by cosine, exactly: neighbours above a threshold, and leaders.

Comparing all pairs of n rows is one matrix product after another. Most of it is saved by a bound: turned into the axes
along which the rows vary most, a cosine is at most the product of the first few coordinates plus the product of what is
left of both lengths (Cauchy and Schwarz). One more column holds that remainder, so a narrow product gives the bound
itself; only pairs whose bound reaches the threshold are compared in full. Nothing is lost: the result is that of the
full comparison, whatever the width, the blocks or the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quality.cosine_kernels import F32, F64, I64, KEPT, OVER, cosines, keep_in_order, nearest_kept, norms

BLOCK, TILE = 1024, 4096  # Rows by kept rows in one product: 16 MB of bounds, small enough to stay in the caches.
SAMPLE = 1024
SMALL = 4096  # Below this many rows a full product takes less time than finding the axes.


class Pairs(NamedTuple):
    """Pairs of rows and their cosines: ``left[n]`` of the queries is ``similarity[n]`` near ``right[n]`` of the base."""

    left: I64
    right: I64
    similarity: F64


class Leaders(NamedTuple):
    """Per row: the kept row that it resembles most, or ``KEPT`` or ``OVER``; and their cosine, or NaN."""

    leader: I64
    similarity: F64


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Narrow rows whose products bound the cosines, and the least bound that a pair at the threshold can show."""

    axes: F32
    whole: bool
    limit: float

    def rows(self, vectors: F32, lengths: F64) -> F32:
        """Return the narrow rows of ``vectors``, (rows, width)."""
        out = np.empty((len(vectors), self.axes.shape[1] + (not self.whole)), np.float32)
        for start in range(0, len(vectors), TILE):
            part = slice(start, start + TILE)
            unit = vectors[part] / lengths[part, None].astype(np.float32)
            first = unit @ self.axes
            out[part, : first.shape[1]] = first
            if not self.whole:
                out[part, -1] = np.sqrt(np.maximum(0.0, 1.0 - np.einsum("ij,ij->i", first, first)))
        return out


def check_vectors(vectors: F32) -> None:
    """Raise ``ValueError`` unless ``vectors`` is a float32 matrix without NaN or infinity."""
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        raise ValueError(f"vectors are {vectors.dtype} of shape {vectors.shape}, expected a float32 matrix (rows, width)")
    for start in range(0, len(vectors), TILE):
        bad = ~np.isfinite(vectors[start : start + TILE]).all(axis=1)
        if bad.any():
            raise ValueError(f"vector of row {start + int(bad.argmax())} is not finite: the embedding model failed on it")


def leaders(
    vectors: F32, order: I64, threshold: float, *, weights: I64 | None = None, room: int | None = None
) -> Leaders:
    """Return who leads whom when rows are taken in ``order`` and each is kept unless a kept one is that similar.

    A row is dropped for the kept row most similar to it, whose cosine is ``threshold`` or more, so no chain of small steps
    ties unlike rows together. With ``weights`` (one per row) and ``room`` a row that no longer fits is passed over. Rows
    not in ``order`` and rows for which there is no room are ``OVER``. Memory is one narrow copy of the rows, twice;
    time is rows times kept rows.
    """
    lengths = norms(vectors)
    bounds = bounds_for(vectors, lengths, order, threshold)
    sizes, left = _room(len(vectors), weights, room)
    result = Leaders(np.full(len(vectors), OVER, np.int64), np.full(len(vectors), np.nan))
    kept, kept_rows, count = np.empty(len(order), np.int64), _empty_rows(len(order), bounds), 0
    least = int(sizes[order].min()) if len(order) else 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(order), BLOCK):
            if left < least:
                break
            block = order[start : start + BLOCK]
            narrow = bounds.rows(vectors[block], lengths[block])
            best, at = np.full(len(block), -2.0), np.full(len(block), KEPT)
            for tile in range(0, count, TILE):
                part = slice(tile, min(tile + TILE, count))
                product = narrow @ kept_rows[part].T
                list(pool.map(lambda cut: nearest_kept(product[cut], bounds.limit, vectors, lengths, block[cut], kept[part], threshold, best[cut], at[cut]), _cuts(len(block))))
            chosen = np.empty(len(block), np.int64)
            added, left = keep_in_order(narrow @ narrow.T, bounds.limit, vectors, lengths, block, threshold, best, at, sizes, left, chosen)
            kept[count : count + added] = block[chosen[:added]]
            kept_rows[count : count + added] = narrow[chosen[:added]]
            count += added
            result.leader[block] = at
            result.similarity[block] = np.where(best > -2.0, best, np.nan)
    return result

def _room(rows, weights, room):
    if weights is None or room is None:
        return np.zeros(rows, np.int64), 0
    return weights, room

def _empty_rows(n, bounds):
    return np.empty((n, bounds.axes.shape[1] + (not bounds.whole)), np.float32)

def _cuts(n):
    w = os.cpu_count() or 1
    e = np.linspace(0, n, w + 1).astype(int)
    return [slice(a, b) for a, b in zip(e[:-1], e[1:])]

def bounds_for(vectors, lengths, order, threshold, width=None):
    size = vectors.shape[1]
    slack = 4 * size * 2.0**-24 + 1e-6
    limit = threshold - slack
    whole = Bounds(axes=np.eye(size, dtype=np.float32), whole=True, limit=limit)
    if len(order) < SMALL or size < 32:
        return whole
    picked = order[np.linspace(0, len(order) - 1, 4*SAMPLE).astype(np.int64)]
    unit = (vectors[picked] / lengths[picked, None]).astype(np.float64)
    axes = np.linalg.eigh(unit.T @ unit)[1][:, ::-1].astype(np.float32)
    best, cost = whole, 0.2 + 0.0065 * size
    s = unit[:SAMPLE].astype(np.float32) @ axes
    for k in (15, 23, 31, 47, 63, 95, 127, 191, 255, 383):
        if k >= size * .75: break
        rest = np.sqrt(np.maximum(0, 1 - (s[:, :k] ** 2).sum(1)))
        b = s[:, :k] @ s[:, :k].T + rest[:, None] * rest
        frac = (b[np.triu_indices(SAMPLE, 1)] >= limit).mean()
        c = 0.25 + 0.0065 * (k+1) + frac * (30 + 0.6*size)
        if c < cost:
            best, cost = Bounds(axes=np.ascontiguousarray(axes[:, :k]), whole=False, limit=limit), c
    print('width', best.axes.shape, cost)
    return best
