"""Clusters of near-duplicates: which row stays, and what is seen between every other row and it.

The row that stays is the first by the caller's order, then by id. A row of a cluster need not be similar to it: it may
be linked through others. So every row names its *neighbour*: the row that stays if the two are similar, else the most
similar row among those that are one link nearer to it (in clusters of more than ``BROAD`` texts, a similar one that is
nearer). A neighbour's similarity is always at or above the threshold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.linking import link, parents
from quality.shingle_sets import ShingleSets, taken

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

CLUSTER_COLUMNS = ("id", "representative", "similarity", "neighbour", "neighbour_similarity")
"""One row of a cluster: its id and the id of the row that stays, their Jaccard similarity, the neighbour and its
similarity. The row that stays is its own representative and has no neighbour."""

BROAD = 2000
"""Sets of a cluster above which neighbours are links as they were found, not the most similar ones."""

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
    everyone, leaders = np.arange(len(members.sets)), members.leaders
    similarity = _similarity(sets, members.sets, members.sets[leaders], pool)
    neighbour, neighbour_similarity, linked = leaders.copy(), similarity.copy(), similarity >= threshold
    at, before = _along_links(members, sets, threshold, linked, pool)
    neighbour[at], linked[at] = before, True
    neighbour_similarity[at] = _similarity(sets, members.sets[at], members.sets[before], pool)
    reached, left = everyone[linked], everyone[~linked]
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


def _along_links(
    members: Members, sets: ShingleSets, threshold: float, linked: NDArray[np.bool_], pool: Executor
) -> tuple[I64, I64]:
    """Return the places of sets not yet ``linked`` to their leader, in broad clusters, and of the sets before them.

    Links are made anew among the sets of one cluster alone, so that they depend on nothing else.
    """
    places, neighbours = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    starts, sizes = np.unique(members.leaders, return_counts=True)
    for start, size in zip(starts[sizes > BROAD], sizes[sizes > BROAD], strict=True):
        unlinked = np.flatnonzero(~linked[start : start + size])
        if not len(unlinked):
            continue
        part = taken(sets, members.sets[start : start + size])
        before = parents(link(part, np.arange(size), 0, threshold, pool).pairs, size, 0)[unlinked]
        places.append(start + unlinked[before >= 0])
        neighbours.append(start + before[before >= 0])
    return np.concatenate(places), np.concatenate(neighbours)


def _similarity(sets: ShingleSets, these: I64, those: I64, pool: Executor) -> F64:
    """Return the Jaccard similarity of each of ``these`` sets with the one beside it in ``those``."""
    spans = np.stack([np.arange(len(these)), np.arange(1, len(these) + 1)], axis=1)
    return _nearest(sets, these, those, spans, 0.0, pool)[1]


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
