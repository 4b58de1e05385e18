"""The dataset card: README.md with the Hub's YAML; every number in it is computed from the data it describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.release_data import configs, scan


def card(manifest: dict[str, Any], folder: Path) -> str:
    """Return the card of a release whose data lies in ``folder``."""
    environment = Environment(
        loader=PackageLoader("pipelines", "templates"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    rows = scan(folder)
    return environment.get_template("card.md.jinja").render(
        manifest=manifest,
        configs=configs(folder),
        languages=sorted(rows.select(pl.col("lang").unique()).collect()["lang"]),
        size=_size_category(manifest["rows"]),
        mix=_mix(rows),
        funnel=[_funnel_row(step) for step in manifest["steps"]],
        licenses=_licenses(rows),
    )


def _mix(rows: pl.LazyFrame) -> list[dict[str, Any]]:
    by = rows.group_by("source", "license", "task", "lang").agg(
        rows=pl.len(), response_chars=pl.col("response").str.len_chars().mean().round(0)
    )
    return by.sort("rows", "source", descending=[True, False]).collect().rows(named=True)


def _licenses(rows: pl.LazyFrame) -> list[dict[str, Any]]:
    return (
        rows.group_by("license")
        .agg(rows=pl.len())
        .sort("rows", "license", descending=[True, False])
        .collect()
        .rows(named=True)
    )


def _funnel_row(step: dict[str, Any]) -> dict[str, Any]:
    reasons = sorted(step["reasons"].items(), key=lambda item: (-item[1], item[0]))
    return {"name": step["name"], **step["counts"], "reasons": ", ".join(f"{name} {n:,}" for name, n in reasons)}


def _size_category(rows: int) -> str:
    """Return the Hub's word for a number of rows."""
    for limit, word in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if rows < limit:
            return word
    return "1M<n<10M"
