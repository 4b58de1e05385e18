"""The split of each row of a release: assigned by the step ``split``, or inherited from the row it was derived from."""

from __future__ import annotations

import polars as pl

from pipelines.build.shard import LostRowsError
from pipelines.storage.store import Store
from quality.splits import ASSIGNED, SPLITS, TABLE, TRAIN
from sources.formats.literal import read_parquet, scan_parquet
from sources.releases.manifest_model import StepSummary

DEPTH = 8
"""Most generations of rows derived from derived rows."""


def assigned_splits(store: Store, graph: list[StepSummary]) -> pl.DataFrame | None:
    """Return the split and the group of every row that the last step kept; None where no step assigns splits.

    Raises ``LostRowsError`` for a row without a split.
    """
    paths = [path for step in graph if (path := store.folder(step.folder) / f"{TABLE}.parquet").exists()]
    if not paths:
        return None
    known = read_parquet(paths).select(ASSIGNED.names()).unique("id", keep="first", maintain_order=True)
    kept = sorted((store.folder(graph[-1].folder) / "kept").glob("*.parquet"))
    if not kept:
        return pl.DataFrame(schema=ASSIGNED)
    rows = scan_parquet(kept).select("id", parent="id").collect()
    tables = [pl.DataFrame(schema=ASSIGNED)]
    for _ in range(DEPTH):
        joined = rows.join(known, left_on="parent", right_on="id", how="left", maintain_order="left")
        tables.append(joined.drop_nulls("split").select(ASSIGNED.names()))
        rows = joined.filter(pl.col("split").is_null() & pl.col("parent").str.contains("/", literal=True))
        rows = rows.select("id", pl.col("parent").str.replace("/[^/]*$", ""))
        if rows.is_empty():
            break
    assigned = pl.concat(tables)
    if assigned.height != (expected := int(scan_parquet(kept).select(pl.len()).collect().item())):
        raise LostRowsError(
            f"{expected - assigned.height} rows of {graph[-1].name} have no split, expected that of the row they were "
            "derived from; this is a defect of the recipe: rows without a split join after the step split"
        )
    return assigned.sort("id")


def held_out(splits: pl.DataFrame | None) -> pl.DataFrame:
    """Return id and split of the rows that are not for training."""
    if splits is None:
        return pl.DataFrame(schema={"id": pl.String, "split": pl.String})
    return splits.filter(pl.col("split") != TRAIN).select("id", "split")


def split_of_file(name: str) -> str:
    """Return the split of a data file, from its name: ``train-00000-of-00001.parquet``."""
    return name.partition("-")[0]


def split_names(names: set[str]) -> list[str]:
    """Return splits in their order: train, validation, test."""
    return [name for name in SPLITS if name in names]
