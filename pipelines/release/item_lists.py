"""The benchmark items that the rows of a release were compared with, and which of them leaked into the corpora.

With the list, scores on clean items alone can be computed from a copy of the release. A contaminated item was found in
at least one row that was read; such rows were dropped. A clean one was found in no row by its words. The file has names
and numbers only, no text.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipelines.release.ledger import REFERENCE_ONLY
from pipelines.storage.store import Store
from quality.decontamination.find_leaks import LEAK_SCHEMA
from quality.decontamination.lexical_layers import LAYERS
from sources.atomic import write_table
from sources.formats.literal import scan_parquet
from sources.releases.manifest_model import StepSummary

ITEM_LIST = "benchmark_items.parquet"

ITEMS = pl.Schema(
    {"benchmark": pl.String, "item": pl.String, "status": pl.String, "rows": pl.Int64, "layer": pl.String}
)
"""An item: its benchmark and id, its status, the rows that contained it, and the strongest layer that found it."""

CLEAN, CONTAMINATED = "clean", "contaminated"

LEAKS = "leaks"
"""The folder of a step in the store that has all pairs of a row and an item."""


def write_item_list(store: Store, graph: list[StepSummary], folder: Path) -> None:
    """Write ``benchmark_items.parquet`` of a release whose ledger is written; none where no item was compared."""
    items = compared_items(folder)
    if items.is_empty():
        return
    files = [path for step in graph for path in sorted((store.folder(step.folder) / LEAKS).glob("*.parquet"))]
    pairs = scan_parquet(files) if files else pl.LazyFrame(schema=LEAK_SCHEMA)
    write_table(folder / ITEM_LIST, item_list(items, pairs))


def compared_items(folder: Path) -> pl.DataFrame:
    """Return ``benchmark`` and ``item`` of all items that the ledger of a release lists, sorted."""
    ledger = sorted((folder / "ledger").glob("*.parquet"))
    if not ledger:
        return pl.DataFrame(schema={"benchmark": pl.String, "item": pl.String})
    items = scan_parquet(ledger).filter(pl.col("status") == REFERENCE_ONLY).select(benchmark="source", item="id")
    return items.sort("benchmark", "item").collect()


def item_list(items: pl.DataFrame, pairs: pl.LazyFrame) -> pl.DataFrame:
    """Return the items with their status (``ITEMS``), from all pairs of a row and an item (``LEAK_SCHEMA``)."""
    order = {name: place for place, name in enumerate((*LAYERS, "judge"))}
    place = pl.col("layer").replace_strict(order, default=len(order), return_dtype=pl.Int32)
    matches = pairs.group_by("item").agg(
        rows=pl.col("id").n_unique(), layer=pl.col("layer").sort_by(place, "layer").first()
    )
    known = items.join(matches.collect(), on="item", how="left", maintain_order="left")
    status = pl.when(pl.col("rows").is_null()).then(pl.lit(CLEAN)).otherwise(pl.lit(CONTAMINATED))
    rows = pl.col("rows").fill_null(0).cast(pl.Int64)
    return known.select("benchmark", "item", status=status, rows=rows, layer="layer")
