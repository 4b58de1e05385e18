"""Leaks of benchmarks in any files: read, decide, write what stays, what goes and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.store import remove_leftovers, write_table
from pipelines.tables import height, scan, text_columns, write_rows
from quality.decontaminate import Decontaminate, drop_table, find_leaks, report
from quality.leak_index import build_index
from quality.leak_inputs import items_of, text_rows
from sources.catalog import BENCHMARKS
from sources.mirror import MissingCorpusError, mirrored
from sources.read import read
from sources.record import Record
from sources.source import Benchmark
from sources.table import frame

BATCH_ROWS = 50_000
"""Rows that are in memory with their texts at a time."""


def decontaminate(
    files: Sequence[Path],
    out: Path,
    *,
    against: Sequence[str],
    mirror: Path | None,
    text: Sequence[str],
    id: str | None,
) -> dict[str, Any]:
    """Part the rows of ``files`` into those that hold no item of a benchmark and those that do; return the account.

    Writes ``kept``, ``dropped`` (with reason and evidence), ``leaks`` (all pairs, both texts) and ``report`` (by
    benchmark and layer) to ``out``. ``against`` are benchmarks of the catalog by name, "all" of those that can be
    read, or files whose columns are those of ``text``. Raises ``TableError`` and ``MissingCorpusError``.
    """
    rows = scan(files)
    columns = text_columns(rows, text)
    config = Decontaminate()
    index = build_index(benchmark_items(against, mirror, columns))
    numbered = rows if id else rows.with_row_index("row").with_columns(pl.col("row").cast(pl.String))
    batches = numbered.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)
    pairs = pl.concat([find_leaks(text_rows(batch, columns, id or "row"), index, config) for batch in batches])
    drops = drop_table(pairs).rename({"id": id or "row", "drop": "reason"}).lazy()
    remove_leftovers(out)
    write_rows(numbered.join(drops, on=id or "row", how="anti", maintain_order="left"), out / "kept.parquet")
    write_rows(numbered.join(drops, on=id or "row", how="inner", maintain_order="left"), out / "dropped.parquet")
    write_table(out / "leaks.parquet", pairs)
    write_table(out / "report.parquet", report(pairs, index, config))
    kept, dropped = height(out / "kept.parquet"), height(out / "dropped.parquet")
    flagged = {f"{layer} pairs": n for layer, n in sorted(pairs.group_by("layer").len().iter_rows())}
    account = {"rows": kept + dropped, "items": index.items.height, "kept": kept, "dropped": dropped}
    return {**account, **flagged, "folder": str(out)}


def benchmark_items(against: Sequence[str], mirror: Path | None, columns: Sequence[str]) -> pl.DataFrame:
    """Return the items to hold rows against (``leak_inputs.ITEM_SCHEMA``)."""
    named = [name for name in against if name == "all" or name in BENCHMARKS]
    files = [Path(name) for name in against if name not in named]
    tables = [
        text_rows(scan([path]).collect(), columns).select(pl.lit(path.name).alias("benchmark"), pl.all())
        for path in files
    ]
    wanted = BENCHMARKS.values() if "all" in named else [BENCHMARKS[name] for name in named]
    for benchmark in wanted:
        try:
            tables.append(items_of(_records(benchmark, mirror)))
        except MissingCorpusError:
            if "all" not in named:
                raise
    if not tables:
        raise MissingCorpusError(f"no benchmark to hold rows against in {mirror}; name some, or files")
    return pl.concat(tables)


def _records(benchmark: Benchmark, mirror: Path | None) -> pl.DataFrame:
    if mirror is None:
        raise MissingCorpusError(f"{benchmark.name} is read from a mirror; name one with --mirror, or files")
    rows = [row for file in mirrored(benchmark, mirror) for row in read(benchmark, file)]
    return frame([row for row in rows if isinstance(row, Record)])
