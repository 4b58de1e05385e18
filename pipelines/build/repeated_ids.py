"""Rows of a source with a repeated id: moved to the quarantine, so that an id identifies one row."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from sources.atomic import write_table
from sources.formats.literal import read_parquet, scan_parquet
from sources.table import MALFORMED_SCHEMA, SCHEMA


def quarantine_repeated_ids(folder: Path) -> None:
    """Move rows whose id occurred before, in order of files and lines, from kept and dropped to the quarantine.

    Safe to interrupt and repeat: a row is in the quarantine before it is removed from its file.
    """
    paths = sorted(
        [*folder.glob("kept/*.parquet"), *folder.glob("dropped/*.parquet")], key=lambda p: (p.name, p.parent)
    )
    if not paths:
        return
    places = pl.concat(
        scan_parquet(path).select("id", "file", "line", shard=pl.lit(str(path)), offset=pl.int_range(pl.len()))
        for path in paths
    ).collect()
    repeated = places.filter(~pl.col("id").is_first_distinct())
    first = places.unique("id", keep="first", maintain_order=True).select(
        "id", first=pl.format("{}:{}", "file", "line")
    )
    for path in map(Path, repeated["shard"].unique(maintain_order=True)):
        _move(path, repeated.filter(pl.col("shard") == str(path)).join(first, on="id"), folder)


def _move(path: Path, repeated: pl.DataFrame, folder: Path) -> None:
    rows = read_parquet(path).with_row_index("offset", 0)
    out = rows.join(repeated.select(pl.col("offset").cast(pl.UInt32), "first"), on="offset")
    text = out.select(SCHEMA.names()).rows(named=True)
    quarantined = out.select(
        "source",
        "file",
        "line",
        error=pl.format("id {} repeats that of {}", "id", "first"),
        text=pl.Series(map(str, text)),
    )
    name = f"{path.stem}-{path.parent.name}-repeated.parquet"
    write_table(folder / "quarantine" / name, quarantined.match_to_schema(MALFORMED_SCHEMA))
    write_table(path, rows.join(out.select("offset"), on="offset", how="anti", maintain_order="left").drop("offset"))
