"""Clusters of near-duplicates, and the rows of each that are kept.

A cluster is a component of similar rows, whose ends may be dissimilar, so it may keep several rows. Rows are taken in
the caller's order, then by id; each is kept unless a kept row is similar to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.duplicates.shingle_sets import ShingleSets, kernel_view, select_sets

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

CLUSTER_COLUMNS = ("id", "representative", "duplicate_of", "similarity")
"""One row of a cluster: its id and that of the cluster's first row, which names it; then, for a dropped row, the id of
the most similar kept row and their Jaccard similarity.
"""

BROAD = 2000
"""Sets of a cluster above which only sets that share a band key are compared; the pairs missed at the threshold are
those that ``NearRules.recall`` allows.
"""

SHARE = 4096
"""Approximate number of sets per thread and turn."""


@dataclass(frozen=True, kw_only=True)
class Members:
    """The distinct sets of all clusters, cluster by cluster, each in the order of its rows.

    ``sets`` are numbers of sets, ``bounds`` the positions where clusters begin, and the end. ``rows`` is the position
    of the first row that has the set.
    """

    sets: I64
    bounds: I64
    rows: I64


def clusters(
    rows: pl.DataFrame, order: Sequence[str], sets: ShingleSets, labels: I64, threshold: float, pool: Executor
) -> tuple[pl.DataFrame, int]:
    """Return the rows of clusters of two or more, and the number of buckets cut short while choosing the kept rows.

    The table has ``CLUSTER_COLUMNS``, ``set`` and ``cluster``. ``rows`` has ``id``, ``set`` (-1 for a row without
    matches) and the columns of ``order``: the kept row is first by these, null last. ``labels`` are the components of
    the sets, in whose order clusters are numbered.
    """
    shared = _shared(rows, labels).sort("cluster", *order, "id", nulls_last=True)
    members, place = _members(shared["set"].to_numpy(), shared["cluster"].to_numpy())
    stays, score, cut = resolve_clusters(members, sets, threshold, pool)
    ids, kept = shared["id"], members.rows[stays[place]]
    first = np.repeat(members.rows[members.bounds[:-1]], np.diff(members.bounds))
    goes = pl.Series(kept != np.arange(len(kept)))
    table = shared.select(
        "id",
        ids.gather(first[place]).alias("representative"),
        pl.when(goes).then(ids.gather(kept)).alias("duplicate_of"),
        pl.when(goes).then(pl.Series(score[place])).alias("similarity"),
        "set",
        "cluster",
    )
    return table, cut


def _shared(rows: pl.DataFrame, labels: I64) -> pl.DataFrame:
    """Return the rows that share a cluster with another row, with its number in ``cluster``."""
    number = np.append(labels, -1)[rows["set"].to_numpy()]
    sizes = np.bincount(number + 1, minlength=1)
    sizes[0] = 0
    return rows.with_columns(cluster=pl.Series(number)).filter(pl.Series(sizes[number + 1] > 1))


def _members(sets: I64, clusters: I64) -> tuple[Members, I64]:
    """Return the distinct sets of rows sorted by cluster and policy, and for each row the position of its set."""
    _, first, inverse = np.unique(sets, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    rows = first[order]
    starts = np.flatnonzero(np.diff(clusters[rows], prepend=-1))
    return Members(sets=sets[rows], bounds=np.append(starts, len(rows)), rows=rows), place[inverse]


def resolve_clusters(members: Members, sets: ShingleSets, threshold: float, pool: Executor) -> tuple[I64, F64, int]:
    """Return for each member the position of the member kept for it, their similarity, and the buckets cut short."""
    stays, score = np.empty(len(members.sets), np.int64), np.empty(len(members.sets), np.float64)
    sizes = np.diff(members.bounds)
    shares = _shares(members.bounds, sizes)
    deque(pool.map(lambda share: _settle(sets, members, share, threshold, stays, score), shares), maxlen=0)
    cut = 0
    for start, size in zip(members.bounds[:-1][sizes > BROAD], sizes[sizes > BROAD], strict=True):
        cut += _settle_broad(sets, members.sets, slice(start, start + size), threshold, stays, score)
    return stays, score, cut


def _shares(bounds: I64, sizes: I64) -> list[I64]:
    """Return runs of bounds of the clusters that are not broad, each of about ``SHARE`` sets."""
    runs: list[I64] = []
    for run in np.split(np.arange(len(sizes)), np.flatnonzero(sizes > BROAD)):
        own = run[sizes[run] <= BROAD]
        if len(own):
            turns = np.cumsum(sizes[own]) // SHARE
            parts = np.split(own, np.flatnonzero(np.diff(turns)) + 1)
            runs += [np.append(bounds[part], bounds[part[-1] + 1]) for part in parts]
    return runs


def _settle(sets: ShingleSets, members: Members, bounds: I64, threshold: float, stays: I64, score: F64) -> None:
    from quality.duplicates.set_kernels import settle

    settle(kernel_view(sets), members.sets, bounds, threshold, stays, score)


def _settle_broad(sets: ShingleSets, which: I64, at: slice, threshold: float, stays: I64, score: F64) -> int:
    """Choose the kept members among ``at`` of one broad cluster; the result depends on its sets alone."""
    from quality.duplicates.set_kernels import settle_broad

    part = select_sets(sets, which[at])
    buckets = np.stack([np.unique(keys, return_inverse=True)[1] for keys in part.keys]).astype(np.int64)
    cut = settle_broad(kernel_view(part), buckets, threshold, stays[at], score[at])
    stays[at] += at.start
    return int(cut)
