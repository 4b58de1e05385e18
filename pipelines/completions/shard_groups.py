"""Groups of shards whose requests are sent together, and shards without a row to send a request about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.storage.stored_step import height
from sources.formats.literal import scan_parquet

GROUP_ROWS = 50_000
"""Most rows of a group: a teacher that serves many requests at once idles at the end of each group."""


@dataclass(frozen=True, kw_only=True)
class ShardGroup:
    """Shards that become one; ``number`` is that of the first of them. A group that ``passes`` stays unchanged."""

    number: int
    paths: tuple[Path, ...]
    passes: bool = False


def shard_groups(shards: Sequence[Path], sources: Collection[str] = ()) -> list[ShardGroup]:
    """Return the shards in groups of at most ``GROUP_ROWS`` rows; a larger one is a group by itself.

    A shard without a row of ``sources``, where any are named, passes. Groups are in the order of their first shards.
    """
    passing: list[ShardGroup] = []
    groups: list[list[tuple[int, Path]]] = []
    rows = GROUP_ROWS
    for number, path in enumerate(shards):
        if sources and not _has_rows_of(path, sources):
            passing.append(ShardGroup(number=number, paths=(path,), passes=True))
            continue
        own = height([path])
        if rows + own > GROUP_ROWS:
            groups.append([])
            rows = 0
        groups[-1].append((number, path))
        rows += own
    joined = [ShardGroup(number=group[0][0], paths=tuple(path for _, path in group)) for group in groups]
    return sorted([*passing, *joined], key=lambda group: group.number)


def _has_rows_of(path: Path, sources: Collection[str]) -> bool:
    has_rows = scan_parquet(path).select(pl.col("source").is_in(list(sources)).any())
    return bool(has_rows.collect().item())
