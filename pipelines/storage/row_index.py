"""An index from row id to shard for each source, written after the source has been read.

Rows stay in the same shard number in every later step, so one index locates them in all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from sources.atomic import write_table
from sources.formats.literal import scan_parquet

PLACES = "places.parquet"
"""Columns ``id``, sorted, and ``shard``, the number of the row's file."""


def write_row_index(folder: Path) -> None:
    """Write the index of a source into ``folder``."""
    paths = sorted([*folder.glob("kept/*.parquet"), *folder.glob("dropped/*.parquet")])
    parts = [scan_parquet(path).select("id", shard=pl.lit(int(path.stem), pl.UInt32)) for path in paths]
    if parts:
        write_table(folder / PLACES, pl.concat(parts).sort("id").collect())


def find_rows(folder: Path, ids: Sequence[str]) -> dict[str, int]:
    """Return the shards of those of ``ids`` that the source has."""
    rows = scan_parquet(folder / PLACES)
    return dict(rows.filter(pl.any_horizontal(*(pl.col("id") == id for id in ids))).collect().iter_rows())
