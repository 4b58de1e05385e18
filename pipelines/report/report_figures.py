"""Figures of the report: totals, the mix, lengths, outcomes of rows, and the counts of every filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl

STATUSES = ("kept", "dropped", "quarantined")

FACETS = ("status", "source", "task", "lang", "license", "step", "reason")
"""The columns that rows can be filtered by, each by one value."""

EDGES = (0, *(int(n * 10**power) for power in (1, 2, 3, 4) for n in (1, 1.5, 2, 3, 5, 7)), 100_000)
"""Bin edges of a length histogram, in ratios of about 1.5."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar: its name, its rows and its share of all rows; ``tokens`` are estimated."""

    name: str
    rows: int
    share: float
    tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Distribution of a length: bars from the first to the last that has rows, and summary figures."""

    name: str
    bars: tuple[Bar, ...]
    total: int
    mean: float
    median: int
    p95: int
    longest: int


def totals(rows: pl.DataFrame) -> dict[str, int]:
    """Return how many rows were read, kept, dropped and quarantined, and the totals of the kept rows."""
    by_status = dict(rows.group_by("status").len().iter_rows())
    kept = rows.filter(pl.col("status") == "kept")
    return {
        "read": rows.height,
        **{status: by_status.get(status, 0) for status in STATUSES},
        "tokens": int(kept["tokens"].sum()),
        "sources": kept["source"].n_unique(),
        "licenses": kept["license"].n_unique(),
        "languages": kept["lang"].n_unique(),
        "without_text": int((~rows["has_text"]).sum()),
    }


def mix(rows: pl.DataFrame, column: str) -> list[Bar]:
    """Return the kept rows by ``column``, the largest first."""
    kept = rows.filter(pl.col("status") == "kept")
    counted = kept.group_by(column).agg(rows=pl.len(), tokens=pl.col("tokens").sum())
    ordered = counted.sort(pl.col("rows"), pl.col(column), descending=[True, False])
    return [
        Bar(name=str(name), rows=n, share=n / max(kept.height, 1), tokens=tokens)
        for name, n, tokens in ordered.select(column, "rows", "tokens").iter_rows()
    ]


def histogram(rows: pl.DataFrame, column: str, name: str) -> Histogram:
    """Return the distribution of ``column`` over the kept rows."""
    values = rows.filter(pl.col("status") == "kept")[column].drop_nulls()
    longest = cast(int, values.max() or 0)
    edges = [*EDGES, max(EDGES[-1], longest) + 1]
    places = np.searchsorted(EDGES[1:], values.to_numpy(), side="right")
    counts = np.bincount(places, minlength=len(EDGES)).tolist()
    filled = [n for n, count in enumerate(counts) if count] or [0]
    bars = [
        Bar(name=_span(edges[n], edges[n + 1]), rows=counts[n], share=counts[n] / max(len(values), 1))
        for n in range(filled[0], filled[-1] + 1)
    ]
    return Histogram(
        name=name,
        bars=tuple(bars),
        total=len(values),
        mean=float(values.mean() or 0),  # type: ignore[arg-type]
        median=int(values.quantile(0.5, "nearest") or 0),
        p95=int(values.quantile(0.95, "nearest") or 0),
        longest=longest,
    )


def _span(low: int, high: int) -> str:
    return f"{low:,} to {high - 1:,}"


def sources(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the outcomes of the rows of each source, the largest first, with their reasons."""
    counted = rows.group_by("source").agg(
        pl.len().alias("read"), *((pl.col("status") == status).sum().alias(status) for status in STATUSES)
    )
    ended = rows.filter(pl.col("status") != "kept").group_by("source", "reason").len()
    reasons: dict[str, list[tuple[str, int]]] = {}
    for source, reason, n in ended.sort("len", "reason", descending=[True, False]).iter_rows():
        reasons.setdefault(source, []).append((reason, n))
    ordered = counted.sort("read", "source", descending=[True, False]).rows(named=True)
    return [{**row, "reasons": reasons.get(row["source"], [])} for row in ordered]


def reasons(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the drop reasons with their rows and sources, the most frequent first."""
    ended = rows.filter(pl.col("status") != "kept")
    counted = ended.group_by("status", "reason").agg(rows=pl.len(), sources=pl.col("source").n_unique())
    return counted.sort("rows", "reason", descending=[True, False]).rows(named=True)


def counts(rows: pl.DataFrame) -> dict[str, Any]:
    """Return the number of rows for every combination of facets, so that any filter can be counted exactly.

    ``names`` has the values of each facet, ``cells`` one list per combination: an index into each list, then the rows.
    Null, where a row's text is not available, is the empty name.
    """
    grouped = rows.group_by([pl.col(name).fill_null("").cast(pl.String) for name in FACETS]).len().sort(FACETS)
    names = {name: sorted(grouped[name].unique().to_list()) for name in FACETS}
    places = {name: {value: n for n, value in enumerate(values)} for name, values in names.items()}
    cells = [
        [*(places[name][value] for name, value in zip(FACETS, row, strict=False)), row[-1]]
        for row in grouped.iter_rows()
    ]
    return {"names": names, "cells": cells}
