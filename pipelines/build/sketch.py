"""Small tables made of shards, such as keys: written by workers and joined by ranges of the key, not by rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from quality.outcome import Decision, Shards
from sources.atomic import write_table
from sources.formats.literal import read_parquet

SHARDS_A_PART = 64
MOST_PARTS = 64


def parts_for(shards: int) -> int:
    """Return into how many ranges the keys of some shards are split, so that each range fits into memory."""
    return max(1, min(MOST_PARTS, shards // SHARDS_A_PART))


def write_sketch(
    sketch: Callable[[pl.DataFrame, Any], pl.DataFrame],
    config: Any,
    key: str | None,
    parts: int,
    path: Path,
    folder: Path,
    shard: int,
) -> None:
    """Make the table of one shard and write it, a file for each range of ``key``; the last one marks it as done."""
    if _file(folder, parts - 1, shard).exists():
        return
    table = sketch(read_parquet(path), config)
    if key is None or parts == 1:
        write_table(_file(folder, 0, shard), table)
        return
    first = pl.col(key).bin.slice(0, 2).bin.reinterpret(dtype=pl.UInt16, endianness="big").cast(pl.UInt32)
    numbers = table.select(first * parts // (1 << 16)).to_series()
    for part in range(parts):
        write_table(_file(folder, part, shard), table.filter(numbers == part))


def sketches(folder: Path, shards: Iterable[int], part: int = 0) -> Shards:
    """Return the tables of some shards in a range, shard by shard."""
    files = [_file(folder, part, shard) for shard in shards]

    def tables() -> Iterator[pl.DataFrame]:
        return map(read_parquet, files)

    return tables


def decide_part(decide: Callable[[Shards, Any], Decision], config: Any, shards: int, folder: Path, part: int) -> None:
    """Decide over one range of the keys, and write the rows to drop."""
    file = part_file(folder, part)
    if file.exists():
        return
    decision = decide(sketches(folder, range(shards), part), config)
    if decision.tables or decision.memory:
        name = f"{decide.__module__}.{decide.__name__}"
        raise TypeError(f"{name} returned tables, expected rows to drop alone: it decides over one range of keys")
    write_table(file, decision.drops)


def part_file(folder: Path, part: int) -> Path:
    """Return the file of the rows to drop of one range."""
    return folder / "decided" / f"part-{part:05}.parquet"


def _file(folder: Path, part: int, shard: int) -> Path:
    return folder / "sketch" / f"{part:05}" / f"{shard:05}.parquet"
