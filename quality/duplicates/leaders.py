"""Selection of rows of vectors such that no two kept rows are too similar, and all similar pairs; both exact."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from quality.duplicates.cosine_bounds import Bounds, bounds_for, slack
from quality.duplicates.cosine_kernels import F32, F64, I64, KEPT, OVER, cosines, keep_in_order, lengths, nearest_kept
from quality.embeddings import VectorError

BLOCK = 2048
"""Rows decided at a time, against as many kept rows at a time."""

SHARE = 256
"""Rows per thread and turn: 2 MB of bounds, which fit its cache."""

TINY = 1e-30
"""Length below which a row has no direction."""


class Leaders(NamedTuple):
    """Per row: the most similar kept row, or ``KEPT`` or ``OVER``; and their cosine, NaN where there is none."""

    leader: I64
    similarity: F64


class Pairs(NamedTuple):
    """Similar pairs: row ``left[n]`` of the first set, row ``right[n]`` of the second, their cosine; sorted by both
    rows.
    """

    left: I64
    right: I64
    similarity: F64


@dataclass(frozen=True, kw_only=True)
class Space:
    """Vectors with the values computed once to compare them at a threshold."""

    vectors: F32
    lengths: F64
    bounds: Bounds
    threshold: float
    slack: float


@dataclass(kw_only=True)
class Kept:
    """The rows kept so far, in order, and their narrow copies, in arrays with room for all."""

    rows: I64
    narrow: F32
    count: int = 0


def directed(vectors: F32) -> NDArray[np.bool_]:
    """Return which rows have a direction; ``VectorError`` unless ``vectors`` is a finite float32 matrix."""
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        raise VectorError(f"vectors are {vectors.dtype} of shape {vectors.shape}, expected float32 of (rows, width)")
    size = lengths(_own(vectors))
    if not np.isfinite(size).all():
        row = int(np.flatnonzero(~np.isfinite(size))[0])
        raise VectorError(f"the vector of row {row} holds NaN or infinity; the embedding model failed on that text")
    return size > TINY


def leaders(vectors: F32, order: I64, threshold: float, *, weights: I64 | None = None, room: int = 0) -> Leaders:
    """Return the leader of each row: rows are taken in ``order`` and kept unless a kept row is similar.

    A row is dropped for the most similar kept row, at a cosine of ``threshold`` or more, so no chain of small steps
    joins dissimilar rows. With ``weights`` (whole numbers from 0) a row is skipped where the kept rows leave no
    ``room``. Rows outside ``order`` are ``OVER``; those in it must have a direction. Time is rows times kept rows,
    memory a narrow copy of the kept.
    """
    space = _space(_own(vectors), order, threshold)
    sizes = np.zeros(len(vectors), np.int64) if weights is None else weights
    least = sizes[order].min(initial=np.iinfo(np.int64).max)
    kept = _none_kept(len(order), space.bounds.width(vectors.shape[1]))
    result = Leaders(np.full(len(vectors), OVER, np.int64), np.full(len(vectors), np.nan))
    # One thread a product: a product's own threads wait for each other busily, and take the cores from the others.
    with ThreadPoolExecutor(os.cpu_count()) as pool, threadpool_limits(1, "blas"):
        for start in range(0, len(order), BLOCK):
            if least > room:
                break
            block = order[start : start + BLOCK]
            narrow = space.bounds.narrow(vectors[block], space.lengths[block])
            best, leader = _against_kept(space, kept, block, narrow, pool)
            room = _among_themselves(space, kept, block, narrow, best, leader, sizes, room)
            result.leader[block] = leader
            result.similarity[block] = np.where(leader >= 0, best, np.nan)
    return result


def neighbours(queries: F32, base: F32, threshold: float) -> Pairs:
    """Return all pairs of a query and a base row whose cosine is ``threshold`` or more.

    Rows without a direction have none. Memory grows with the number of pairs, so a low threshold is expensive.
    """
    queries, base = _own(queries), _own(base)
    requested, among = np.flatnonzero(directed(queries)), np.flatnonzero(directed(base))
    space = _space(base, among, threshold)
    query_lengths = lengths(queries)
    narrow = space.bounds.narrow(base[among], space.lengths[among])
    tiles = [Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for start in range(0, len(requested), BLOCK):
        block = requested[start : start + BLOCK]
        narrow_queries = space.bounds.narrow(queries[block], query_lengths[block])
        for tile in range(0, len(among), BLOCK):
            rows, columns = np.nonzero(
                narrow_queries @ narrow[tile : tile + BLOCK].T >= np.float32(threshold - space.slack)
            )
            left, right = block[rows], among[tile + columns]
            similarity = cosines(queries, query_lengths, left, base, space.lengths, right)
            near = similarity >= threshold
            tiles.append(Pairs(left[near], right[near], similarity[near]))
    left, right, similarity = (np.concatenate(part) for part in zip(*tiles, strict=True))
    order = np.lexsort((right, left))
    return Pairs(left[order], right[order], similarity[order])


def _own(vectors: F32) -> F32:
    """Return the vectors in the array layout that the compiled code takes, copied if needed."""
    return np.require(vectors, requirements=["C", "W"])


def _space(vectors: F32, rows: I64, threshold: float) -> Space:
    size = lengths(vectors)
    return Space(
        vectors=vectors,
        lengths=size,
        bounds=bounds_for(vectors, size, rows, threshold),
        threshold=threshold,
        slack=slack(vectors.shape[1]),
    )


def _none_kept(rows: int, width: int) -> Kept:
    return Kept(
        rows=np.empty(rows, np.int64),
        narrow=np.empty((rows, width), np.float32),
    )


def _against_kept(space: Space, kept: Kept, block: I64, narrow: F32, pool: ThreadPoolExecutor) -> tuple[F64, I64]:
    """Return per row of ``block`` the greatest cosine with a previously kept row, and that row."""
    best, leader = np.full(len(block), -2.0), np.full(len(block), KEPT, np.int64)

    def look(share: slice) -> None:
        rows = narrow[share]
        place = np.empty(len(rows) * BLOCK, np.float32)
        for start in range(0, kept.count, BLOCK):
            tile = slice(start, min(start + BLOCK, kept.count))
            shape = len(rows), tile.stop - tile.start
            bounds = np.matmul(rows, kept.narrow[tile].T, out=place[: shape[0] * shape[1]].reshape(shape))
            nearest_kept(
                bounds,
                space.slack,
                space.vectors,
                space.lengths,
                block[share],
                kept.rows[tile],
                space.threshold,
                best[share],
                leader[share],
            )

    deque(pool.map(look, (slice(first, first + SHARE) for first in range(0, len(block), SHARE))), maxlen=0)
    return best, leader


def _among_themselves(
    space: Space, kept: Kept, block: I64, narrow: F32, best: F64, leader: I64, sizes: I64, room: int
) -> int:
    """Decide the rows of ``block`` in order, add the kept ones to ``kept`` and return the room left."""
    chosen = np.empty(len(block), np.int64)
    # A copy, because for a product of an array with itself numpy takes a path that is several times slower.
    count, room = keep_in_order(
        np.matmul(narrow, narrow.copy().T),
        space.slack,
        space.vectors,
        space.lengths,
        block,
        space.threshold,
        best,
        leader,
        sizes,
        room,
        chosen,
    )
    added = slice(kept.count, kept.count + count)
    kept.rows[added], kept.narrow[added] = block[chosen[:count]], narrow[chosen[:count]]
    kept.count += count
    return room
