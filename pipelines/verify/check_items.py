"""Checks of the list of benchmark items of a release against its ledger."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipelines.release.finding import Finding, listed
from pipelines.release.item_lists import CLEAN, CONTAMINATED, ITEM_LIST, ITEMS, compared_items
from pipelines.verify.release_under_test import ReleaseUnderTest
from sources.formats.literal import read_parquet, scan_parquet


def item_list(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find items that the ledger lists and the list lacks, or the reverse, and contradictions about their leaks."""
    compared = compared_items(release.folder)
    path = release.folder / ITEM_LIST
    if not path.is_file():
        if not compared.is_empty():
            absence = f"missing, and the ledger lists {compared.height:,} items"
            yield _about("file", "the items that the rows were compared with", absence)
        return
    items = read_parquet(path)
    if items.schema != ITEMS:
        yield _about("columns", ", ".join(ITEMS.names()), ", ".join(items.columns))
        return
    key = ["benchmark", "item"]
    if missing := compared.join(items, on=key, how="anti")["item"].to_list():
        yield _about("items", "all that the ledger lists", f"{len(missing):,} missing: {listed(missing)}")
    if unknown := items.join(compared, on=key, how="anti")["item"].to_list():
        yield _about("items", "only those that the ledger lists", f"{len(unknown):,} others: {listed(unknown)}")
    if twice := items.filter(pl.struct(key).is_duplicated())["item"].unique(maintain_order=True).to_list():
        yield _about("items", "each once", f"repeated: {listed(twice)}")
    yield from _statuses(items)
    yield from _leaks(items, release)


def _statuses(items: pl.DataFrame) -> Iterator[Finding]:
    """Find items whose status contradicts the number of rows that contained them."""
    expected = pl.when(pl.col("rows") > 0).then(pl.lit(CONTAMINATED)).otherwise(pl.lit(CLEAN))
    wrong = items.filter(
        pl.col("status").ne_missing(expected) | ((pl.col("rows") > 0) != pl.col("layer").is_not_null())
    )
    if names := wrong["item"].to_list():
        yield _about("status", "contaminated with rows and a layer, or clean with neither", listed(names))


def _leaks(items: pl.DataFrame, release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find items that the ledger names as the reason of a drop more often than the list counts rows."""
    ledger = scan_parquet(sorted((release.folder / "ledger").glob("*.parquet")))
    drops = ledger.filter(pl.col("reason").str.starts_with("leak:"))
    named = drops.group_by(item=pl.col("evidence").str.json_path_match("$.item")).agg(drops=pl.len()).collect()
    known = named.drop_nulls("item").join(items, on="item", how="left")
    fewer = known.filter(pl.col("rows").fill_null(0) < pl.col("drops")).sort("item")
    if names := fewer["item"].to_list():
        yield _about("rows", "at least the rows that the ledger drops for the item", f"fewer for {listed(names)}")


def _about(what: str, expected: str, found: str) -> Finding:
    return Finding(file=ITEM_LIST, what=what, expected=expected, found=found)
