"""Checks of the splits of a release: each row in the files of its split, no group and no passage in two of them."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipelines.release.assigned_splits import split_of_file
from pipelines.release.finding import Finding
from pipelines.release.ledger import ASSIGNED_SPLIT, SPLIT_GROUP
from pipelines.verify.release_under_test import ReleaseUnderTest
from quality.key import key
from quality.splits import SPLITS, TRAIN, Splits, split_of
from sources.fields.json_model import Values
from sources.formats.literal import parquet_schema, scan_parquet

SHOWN = 20
"""Rows or groups named of each kind."""


def splits(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find rows in the files of another split than their own, and groups and passages that are in two splits."""
    files = [(path, split_of_file(path.name)) for path in release.data()]
    configs = [Splits(**_shares(step.identity.settings)) for step in release.manifest.steps if step.name == "split"]
    if not configs:
        for path, split in files:
            if split in SPLITS and split != TRAIN:
                yield Finding(file=release.name(path), what="split", expected=TRAIN, found=split)
        return
    ledger = _ledger(release)
    if ledger is None:
        yield Finding(file="ledger", what=ASSIGNED_SPLIT.name, expected="a column of the ledger", found=None)
        return
    passage = pl.when(pl.col("context").fill_null("").str.strip_chars() != "").then(key(pl.col("context")).hash())
    tables = [
        scan_parquet(path).select("id", passage.alias("passage")).with_columns(split=pl.lit(split)).collect()
        for path, split in files
    ]
    rows = pl.concat(tables).join(ledger, on="id", how="left", maintain_order="left")
    yield from _elsewhere(rows)
    yield from _shared(rows, SPLIT_GROUP.name)
    yield from _shared(rows, "passage")
    known = rows.drop_nulls(SPLIT_GROUP.name)
    for config in configs[:1]:
        wrong = known.filter(split_of(pl.col(SPLIT_GROUP.name), config) != pl.col(ASSIGNED_SPLIT.name))
        for id, group, found in wrong.select("id", SPLIT_GROUP.name, ASSIGNED_SPLIT.name).head(SHOWN).iter_rows():
            yield Finding(file="ledger", what=f"split of {id}", expected=f"that of the hash {group}", found=found)


def _shares(settings: Values) -> Values:
    return {name: settings[name] for name in ("validation", "test", "seed") if name in settings}


def _ledger(release: ReleaseUnderTest) -> pl.DataFrame | None:
    """Return id, split and group of the kept rows of the ledger; None without these columns."""
    paths = sorted(release.folder.glob("ledger/*.parquet"))
    names = ["id", ASSIGNED_SPLIT.name, SPLIT_GROUP.name]
    if not paths or not all(set(names) <= set(parquet_schema(path)) for path in paths):
        return None
    return scan_parquet(paths).filter(status="kept").select(names).collect()


def _elsewhere(rows: pl.DataFrame) -> Iterator[Finding]:
    wrong = rows.filter(pl.col("split").ne_missing(pl.col(ASSIGNED_SPLIT.name)))
    for id, expected, actual in wrong.select("id", ASSIGNED_SPLIT.name, "split").head(SHOWN).iter_rows():
        yield Finding(file="data", what=f"split of {id}", expected=expected, found=actual)


def _shared(rows: pl.DataFrame, name: str) -> Iterator[Finding]:
    """Find values of a column that rows of two splits have."""
    by_value = rows.drop_nulls(name).group_by(name).agg(pl.col("split").unique().sort(), pl.col("id").min())
    several = by_value.filter(pl.col("split").list.len() > 1).sort("id")
    what = {"passage": "passage"}.get(name, "group")
    for id, both in several.select("id", "split").head(SHOWN).iter_rows():
        yield Finding(file="data", what=f"{what} of {id}", expected="in one split", found=", ".join(both))
