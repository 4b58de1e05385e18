"""Access to single rows in the files of finished steps: located by id, read by position."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from sources.formats.literal import parquet_schema, read_parquet, scan_parquet

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RowLocation:
    """Location of a row: the file, and its number in it, from 0."""

    id: str
    path: Path
    offset: int

    @property
    def shard(self) -> int:
        """The number of the row's file."""
        return int(self.path.stem)

    def read(self, columns: Sequence[str]) -> Row:
        """Return some columns of the row."""
        return scan_parquet(self.path).slice(self.offset, 1).select(columns).collect().row(0, named=True)


def shard_file(folder: Path, shard: int) -> Path:
    """Return the file of a shard in one of a step's folders."""
    return folder / f"{shard:05}.parquet"


def _ids(path: Path) -> pl.Series | None:
    """Return the ids in a file, which takes a twentieth of the time of reading whole rows."""
    if not path.exists() or "id" not in parquet_schema(path):
        return None
    return read_parquet(path, columns=["id"])["id"]


def _shards(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.parquet")))


@dataclass(frozen=True)
class Files:
    """The files of finished steps, which do not change, with a cache of the latest."""

    ids: Callable[[Path], pl.Series | None] = field(default_factory=lambda: lru_cache(maxsize=64)(_ids))
    shards: Callable[[Path], tuple[Path, ...]] = field(default_factory=lambda: lru_cache(maxsize=1024)(_shards))

    def locate(self, path: Path, ids: Sequence[str]) -> RowLocation | None:
        """Return the location of the first of ``ids`` in a file; None where it has none or does not exist."""
        file_ids = self.ids(path)
        if file_ids is None:
            return None
        places = ((id, file_ids.index_of(id)) for id in ids)
        return next((RowLocation(id=id, path=path, offset=at) for id, at in places if at is not None), None)

    def rows_of(self, path: Path, ids: Collection[str]) -> list[Row]:
        """Return the rows of a table about one of ``ids``, in order; none where it does not exist or has no ids."""
        file_ids = self.ids(path)
        if file_ids is None or (offsets := file_ids.is_in(list(ids)).arg_true()).is_empty():
            return []
        first, last = int(offsets[0]), int(offsets[-1])
        near = scan_parquet(path).slice(first, last - first + 1)
        return near.filter(pl.col("id").is_in(list(ids))).collect().rows(named=True)
