"""The signature index, which allows adding rows without reading the texts of earlier rows again.

An addition reads the band keys of the old sets once, sorts none of them and fetches only the sets that may be
similar to a new one. Its result equals that of one run over all rows, row for row.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.duplicates.clusters import CLUSTER_COLUMNS, clusters
from quality.duplicates.linking import link
from quality.duplicates.near_settings import NearRules
from quality.duplicates.segment import Segment, fetched, same_sets, segment, touching_sets
from quality.duplicates.shingle_sets import ShingleSets, SignedBlocks, collapse, concatenate, select_sets
from quality.duplicates.signatures import TEXT_COLUMNS, sign, signed_of

I64 = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SignatureIndex:
    """The segments of all additions and ``members``, the clusters among their rows.

    ``order`` names the columns of the keep policy, with their values when a row was added. ``members`` has
    ``CLUSTER_COLUMNS``, and ``set`` and ``cluster``, numbers of sets; it is None before the first addition. ``largest``
    is the most sets that shared a band key. ``cut`` counts the buckets cut short in the last addition
    (``linking.Linked``): where it is not 0 a pair may be missing.
    """

    rules: NearRules
    order: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    members: pl.DataFrame | None = None
    largest: int = 0
    cut: int = 0

    def __post_init__(self) -> None:
        if reserved := {"id", "set", "cluster", *TEXT_COLUMNS} & set(self.order):
            raise ValueError(f"order names {min(reserved)!r}, which has another meaning here; rename the column")
        bands = self.rules.banding.bands
        if other_bands := {part.bands for part in self.segments} - {bands}:
            raise ValueError(
                f"the index holds {other_bands.pop()} bands, expected {bands}; it was made under other rules"
            )

    @property
    def clusters(self) -> pl.DataFrame:
        """The rows of clusters of two or more (``CLUSTER_COLUMNS``), sorted by representative and id."""
        if self.members is None:
            raise ValueError("the index is empty, expected rows; add some first")
        return self.members.select(CLUSTER_COLUMNS).sort("representative", "id")

    @property
    def sets(self) -> int:
        """The number of distinct shingle sets."""
        return sum(part.sets.height for part in self.segments)


def add(index: SignatureIndex, batches: Iterable[pl.DataFrame], threads: int | None = None) -> SignatureIndex:
    """Return ``index`` with the rows of ``batches`` added as one segment; the old segments are unchanged.

    A batch has ``id`` (unique, never null), ``text``, optionally ``subject`` (the question in the text) and
    ``must_match`` (rows that differ in it are never duplicates), and the columns of ``index.order``: the first row of a
    cluster by these, ascending, null last, and then by id is kept. Batches are read one after another and released.
    In place of the texts all batches may have the columns of ``signed_table``.
    Raises ``ValueError`` for a missing column, one of another type than before, and for a repeated id.
    """
    threads = threads or _processors()
    with ThreadPoolExecutor(threads) as pool:
        rows, sets, numbers = _read(index, batches, pool, threads)
        same = _same(index, sets)
        new = select_sets(sets, np.flatnonzero(same < 0))
        same[same < 0] = index.sets + np.arange(len(new))
        rows = rows.with_columns(set=pl.Series(np.append(same, -1)[numbers]))
        return _extended(index, segment(rows, new), new, pool, compare_all=_may_be_cut(index.largest))


def _processors() -> int:
    """Return the number of processors available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compacted(index: SignatureIndex) -> SignatureIndex:
    """Return the same index with its segments merged into one."""
    if len(index.segments) < 2:
        return index
    rows = pl.concat([part.rows for part in index.segments])
    sets = pl.concat([part.sets for part in index.segments], rechunk=True)
    return replace(index, segments=(Segment(rows=rows, sets=sets),))


def _read(
    index: SignatureIndex, batches: Iterable[pl.DataFrame], pool: Executor, threads: int
) -> tuple[pl.DataFrame, ShingleSets, I64]:
    """Return the rows without their texts, their distinct sets, and for each row the number of its set or -1."""
    kept: list[pl.DataFrame] = []
    signed = SignedBlocks()

    def texts() -> Iterator[pl.DataFrame]:
        for batch in batches:
            kept.append(_policy_columns(index, batch))
            if "shingles" in batch.columns:
                signed.add(signed_of(batch, index.rules.banding.bands))
                continue
            absent = [pl.lit("").alias(name) for name in TEXT_COLUMNS if name not in batch.columns]
            yield batch.with_columns(absent)

    for block in sign(texts(), index.rules, pool, threads):
        signed.add(block)
    sets, numbers = collapse(signed.blocks(), index.rules.banding.bands, index.rules.join_empty)
    rows = pl.concat(kept) if kept else pl.DataFrame(schema=_schema(index))
    _check_ids(index, rows)
    return rows, sets, numbers


def _schema(index: SignatureIndex) -> dict[str, pl.DataType]:
    """Return the types of id and policy columns, as far as earlier rows determine them."""
    if index.segments:
        return {name: kind for name, kind in index.segments[0].rows.schema.items() if name != "set"}
    return {"id": pl.String(), **dict.fromkeys(index.order, pl.Int64())}


def _policy_columns(index: SignatureIndex, batch: pl.DataFrame) -> pl.DataFrame:
    names = ["id", *index.order]
    if missing := {*names, "text"} - {*batch.columns, *(("text",) if "shingles" in batch.columns else ())}:
        raise ValueError(f"a batch has columns {', '.join(batch.columns)}, expected {', '.join(sorted(missing))} too")
    rows = batch.select(names)
    if index.segments and dict(rows.schema) != _schema(index):
        raise ValueError(f"a batch has types {dict(rows.schema)}, expected {_schema(index)} as in the index")
    return rows


def _check_ids(index: SignatureIndex, rows: pl.DataFrame) -> None:
    """Raise ``ValueError`` for a null or repeated id: its row could be dropped in place of another."""
    if rows["id"].null_count():
        raise ValueError(f"{rows['id'].null_count()} rows have no id, expected one in every row")
    ids = rows["id"]
    twice = [ids.filter(ids.is_duplicated())] if ids.n_unique() < len(ids) else []
    twice += [part.rows["id"].filter(part.rows["id"].is_in(ids.implode())) for part in index.segments]
    for met in twice:
        if len(met):
            raise ValueError(f"id {met[0]!r} occurs twice, expected every row to have its own")


def _same(index: SignatureIndex, sets: ShingleSets) -> I64:
    """Return for each set the number of the equal set in the index, or -1."""
    same = np.full(len(sets), -1, np.int64)
    for part, base in _bases(index):
        places, numbers = same_sets(part, sets.names)
        same[places] = base + numbers
    return same


def _bases(index: SignatureIndex) -> Iterator[tuple[Segment, int]]:
    """Yield the segments, each with the number of its first set."""
    base = 0
    for part in index.segments:
        yield part, base
        base += part.sets.height


def _touching(index: SignatureIndex, new: ShingleSets, pool: Executor) -> I64:
    """Return the numbers of the old sets that share a band key with a new one."""
    lookups = [(part, base, band) for part, base in _bases(index) for band in range(len(new.keys))]
    touching = pool.map(lambda ask: ask[1] + touching_sets(ask[0], ask[2], new.keys[ask[2]]), lookups)
    return np.unique(np.concatenate([np.zeros(0, np.int64), *touching]))


def _fetch(index: SignatureIndex, which: I64) -> list[ShingleSets]:
    """Return the sets ``which``, ascending, one part per segment."""
    parts = []
    for part, base in _bases(index):
        first, last = np.searchsorted(which, [base, base + part.sets.height])
        if last > first:
            parts.append(fetched(part, which[first:last] - base))
    return parts


def _clusters_of_sets(index: SignatureIndex) -> I64:
    """Return the cluster of each old set; a set outside all clusters is its own."""
    of = np.arange(index.sets)
    if index.members is not None:
        of[index.members["set"].to_numpy()] = index.members["cluster"].to_numpy()
    return of


def _extended(
    index: SignatureIndex, latest: Segment, new: ShingleSets, pool: Executor, compare_all: bool
) -> SignatureIndex:
    """Return ``index`` with its latest segment linked; ``compare_all`` compares the old sets with each other again.

    That is needed where a bucket may be cut short, since the omitted pairs then depend on the rest of the bucket. Else
    the relevant old sets are those that share a band key with a new set or equal one, and their whole clusters.
    """
    of = np.arange(index.sets) if compare_all else _clusters_of_sets(index)
    matters = np.full(index.sets, compare_all)
    if not compare_all:
        again = latest.rows["set"].to_numpy()
        matters[of[_touching(index, new, pool)]] = True
        matters[of[again[(again >= 0) & (again < index.sets)]]] = True
    old = np.flatnonzero(matters[of])
    numbers = np.concatenate([old, index.sets + np.arange(len(new))])
    before = np.concatenate([of[old], numbers[len(old) :]])
    sets = concatenate([*_fetch(index, old), new])
    labels = np.unique(before, return_inverse=True)[1]
    linked = link(sets, labels, 0 if compare_all else len(old), index.rules.threshold, pool)
    if index.segments and not compare_all and _may_be_cut(linked.largest):
        return _extended(index, latest, new, pool, compare_all=True)
    largest = max(index.largest, linked.largest)
    extended = replace(index, segments=(*index.segments, latest), largest=largest)
    members, cut = _members(extended, numbers, before, sets, linked.labels, pool)
    return replace(extended, members=members, cut=linked.cut + cut)


def _may_be_cut(largest: int) -> bool:
    from quality.duplicates.set_kernels import LARGE

    return largest > LARGE


def _members(
    index: SignatureIndex, numbers: I64, before: I64, sets: ShingleSets, labels: I64, pool: Executor
) -> tuple[pl.DataFrame, int]:
    """Return the clusters of the index, those of ``labels`` new and all others unchanged; and the buckets cut short.

    ``numbers`` are the sets' numbers in the index, ``before`` their previous clusters.
    """
    place = np.full(index.sets + 1, -1, np.int64)
    place[numbers] = np.arange(len(numbers))
    rows = pl.concat([_with_positions(part.rows, place) for part in index.segments])
    new_members, cut = clusters(rows, index.order, sets, labels, index.rules.threshold, pool)
    new_members = new_members.with_columns(set=pl.Series(numbers[new_members["set"].to_numpy()]))
    new_members = new_members.with_columns(cluster=pl.col("set").min().over("cluster"))
    if index.members is None:
        return new_members, cut
    reclustered = np.zeros(index.sets, np.bool_)
    reclustered[before] = True
    return pl.concat(
        [index.members.filter(pl.Series(~reclustered[index.members["cluster"].to_numpy()])), new_members]
    ), cut


def _with_positions(rows: pl.DataFrame, place: I64) -> pl.DataFrame:
    """Return the rows whose set has a position, with that position in ``set``."""
    at = place[rows["set"].to_numpy()]
    return rows.with_columns(set=pl.Series(at)).filter(pl.Series(at >= 0))
