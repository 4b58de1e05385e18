"""Decontamination of records: rows that contain a benchmark item are dropped with the item as evidence."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import polars as pl

from quality.decontamination.cleaned_items import with_cleaned
from quality.decontamination.find_leaks import Decontaminate, drop_table, find_leaks
from quality.decontamination.inputs import items_of, rows_of
from quality.decontamination.item_index import LeakIndex, build_index
from quality.decontamination.neighbors import Embed
from quality.kept_values import kept
from quality.outcome import Outcome, without_passed
from sources.formats.literal import read_parquet
from sources.table import frame


def drop_leaks(
    rows: pl.DataFrame, config: Decontaminate, benchmarks: tuple[Path, ...], *, embed: Embed | None = None
) -> Outcome:
    """Return the rows, with leaking rows dropped, and the table ``leaks`` of all pairs with both texts.

    ``benchmarks`` are parquet files of records, used for comparison only.
    """
    pairs = leaking_pairs(rows, config, benchmarks, embed=embed)
    drops = drop_table(without_passed(pairs, rows, "leak:" + pl.col("layer")))
    marked = rows.join(drops, on="id", how="left", maintain_order="left")
    return Outcome(rows=marked, tables={"leaks": pairs})


def leaking_pairs(
    rows: pl.DataFrame,
    config: Decontaminate,
    benchmarks: tuple[Path, ...],
    *,
    embed: Embed | None = None,
    suspects: bool = False,
) -> pl.DataFrame:
    """Return the pairs (``LEAK_SCHEMA``) of rows and items of benchmarks, those too weak to drop a row if asked for."""
    return find_leaks(rows_of(rows), _index(benchmarks), config, embed=embed, workers=1, suspects=suspects)


@lru_cache(maxsize=1)
def _index(benchmarks: tuple[Path, ...]) -> LeakIndex:
    """Return the index, which all shards of a process share, and all processes of a step."""

    def make() -> LeakIndex:
        return build_index(with_cleaned(items_of(pl.concat([frame([]), *map(read_parquet, benchmarks)]))))

    return kept(LeakIndex, make)
