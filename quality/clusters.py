"""Clusters of near-duplicates: which row stays, and what is seen between every other row and it.

The row that stays is the first by the caller's order, then by id. A row of a cluster need not be similar to it: it may
be linked through others. So every row names its *neighbour*: the row that stays if the two are similar, else the most
similar row among those that are one link nearer to it. A neighbour's similarity is always at or above the threshold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.shingle_sets import ShingleSets

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

CLUSTER_COLUMNS = ("id", "representative", "similarity", "neighbour", "neighbour_similarity")
"""One row of a cluster: its id and the id of the row that stays, their Jaccard similarity, the neighbour and its
similarity. The row that stays is its own representative and has no neighbour."""

SHARE = 4096
"""Sets that a thread looks at by turns."""


@dataclass(frozen=True, kw_only=True)
class Members:
    """The distinct sets of all clusters, cluster by cluster, each cluster's leading set first.

    ``sets`` and ``clusters`` are numbers of sets and clusters, ``leaders`` is the place of the leading set. ``rows``
    is the place of the first row that has the set.
    """

    sets: I64
    clusters: I64
    leaders: I64
    rows: I64


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """For each member its similarity to the leader, the place of its neighbour and its similarity to that."""

    similarity: F64
    neighbour: I64
    neighbour_similarity: F64


def clusters(
    rows: pl.DataFrame, order: Sequence[str], sets: ShingleSets, labels: I64, threshold: float, pool: Executor
) -> pl.DataFrame:
    """Return the rows of clusters of two or more: ``CLUSTER_COLUMNS``, ``set`` and ``cluster``.

    ``rows`` has ``id``, ``set`` (-1 for a row that resembles nothing) and the columns of ``order``, by which the row
    that stays comes first; null comes last. ``labels`` are the components of the sets, and clusters go by their number.
    """
    shared = _shared(rows, labels).sort("cluster", *order, "id", nulls_last=True)
    members, place = _members(shared["set"].to_numpy(), shared["cluster"].to_numpy())
    seen = evidence(members, sets, threshold, pool)
    ids, leads = shared["id"], members.rows[members.leaders[place]]
    stays = pl.Series(leads == np.arange(len(leads)))
    neighbours = pl.DataFrame(
        {
            "neighbour": ids.gather(members.rows[seen.neighbour[place]]),
            "neighbour_similarity": seen.neighbour_similarity[place],
        }
    )
    return shared.select(
        "id",
        ids.gather(leads).alias("representative"),
        pl.Series("similarity", seen.similarity[place]),
        *(pl.when(~stays).then(column).alias(column.name) for column in neighbours),
        "set",
        "cluster",
    )


def _shared(rows: pl.DataFrame, labels: I64) -> pl.DataFrame:
    """Return the rows that share a cluster with another one, with its number in ``cluster``."""
    number = np.append(labels, -1)[rows["set"].to_numpy()]
    sizes = np.bincount(number + 1, minlength=1)
    sizes[0] = 0
    return rows.with_columns(cluster=pl.Series(number)).filter(pl.Series(sizes[number + 1] > 1))


def _members(sets: I64, clusters: I64) -> tuple[Members, I64]:
    """Return the distinct sets of rows that are sorted by cluster and policy, and for each row the place of its set."""
    _, first, inverse = np.unique(sets, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    rows = first[order]
    starts = np.flatnonzero(np.diff(clusters[rows], prepend=-1))
    leaders = np.repeat(starts, np.diff(starts, append=len(rows)))
    return Members(sets=sets[rows], clusters=clusters[rows], leaders=leaders, rows=rows), place[inverse]


def evidence(members: Members, sets: ShingleSets, threshold: float, pool: Executor) -> Evidence:
    """Return what links each member to its leader, going outwards from the leader one link at a time."""
    everyone = np.arange(len(members.sets))
    spans = np.stack([members.leaders, members.leaders + 1], axis=1)
    _, similarity = _nearest(sets, members.sets, members.sets, spans, 0.0, pool)
    neighbour, neighbour_similarity = members.leaders.copy(), similarity.copy()
    reached, left = everyone[similarity >= threshold], everyone[similarity < threshold]
    while len(left):
        near, far = members.clusters[reached], members.clusters[left]
        spans = np.stack([np.searchsorted(near, far), np.searchsorted(near, far, "right")], axis=1)
        best, score = _nearest(sets, members.sets[left], members.sets[reached], spans, threshold, pool)
        found = best >= 0
        if not found.any():
            raise RuntimeError(f"{len(left)} sets of a cluster are linked to nothing in it; please report this")
        neighbour[left[found]], neighbour_similarity[left[found]] = reached[best[found]], score[found]
        reached, left = left[found], left[~found]
    return Evidence(similarity=similarity, neighbour=neighbour, neighbour_similarity=neighbour_similarity)


def _nearest(sets: ShingleSets, these: I64, among: I64, spans: I64, least: float, pool: Executor) -> tuple[I64, F64]:
    """Return for each set the place of the most similar one in its span of ``among``, or -1, and the similarity."""
    from quality.set_kernels import nearest

    best, score = np.empty(len(these), np.int64), np.empty(len(these), np.float64)
    shares = [slice(first, first + SHARE) for first in range(0, len(these), SHARE)]
    work = pool.map(
        lambda s: nearest(sets.values, sets.starts, these[s], among, spans[s], least, best[s], score[s]), shares
    )
    deque(work, maxlen=0)
    return best, score
