"""Figures of the ledger of a release: outcomes of all rows, leaks, and duplicates.

Counted from the release alone.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from sources.fields.json_model import Number
from sources.formats.literal import scan_parquet
from sources.releases.figures_model import (
    BenchmarkLeaks,
    ChangedRows,
    ClusterSizes,
    DuplicateFigures,
    LeakExample,
    LeakFigures,
    LedgerFigures,
    RowStatuses,
)
from sources.releases.manifest_model import StepSummary

EXAMPLES = 8
"""Leaks listed in a card."""

SIZES = ((2, 2), (3, 5), (6, 10), (11, 100), (101, None))
"""Classes of cluster sizes, for the card and the report."""

_TEXTS = ("id", "source", "status", "step", "reason", "evidence")

KNOWN = pl.Schema([*((name, pl.String()) for name in _TEXTS), ("changed_by", pl.List(pl.String))])
"""The columns of a ledger used for figures."""


def ledger_figures(steps: list[StepSummary], folder: Path) -> LedgerFigures:
    """Return rows by status, kept rows changed by each step, leaks and duplicates.

    A release without a ledger has no row in any of them.
    """
    paths = sorted((folder / "ledger").glob("*.parquet"))
    ledger = scan_parquet(paths).select(KNOWN.names()) if paths else pl.LazyFrame(schema=KNOWN)
    dropped = ledger.filter(status="dropped")
    return LedgerFigures(
        ledger=RowStatuses(statuses=_statuses(ledger), changed=_changed(ledger)),
        leaks=_leaks(dropped, steps),
        duplicates=_duplicates(dropped, steps),
    )


def _statuses(ledger: pl.LazyFrame) -> dict[str, int]:
    return dict(ledger.group_by("status").len("rows").sort("status").collect().iter_rows())


def _changed(ledger: pl.LazyFrame) -> list[ChangedRows]:
    """Return how many of the kept rows of each source each step changed."""
    kept = ledger.filter(status="kept").select("source", step="changed_by").explode("step").drop_nulls()
    counted = kept.group_by("source", "step").len("rows").sort("source", "step").collect()
    return [ChangedRows(**one) for one in counted.to_dicts()]


def _seen(name: str) -> pl.Expr:
    return pl.col("evidence").str.json_path_match(f"$.{name}")


# --- leaks ---------------------------------------------------------------------------------------------------------


def _leaks(dropped: pl.LazyFrame, steps: list[StepSummary]) -> LeakFigures:
    """Return, by benchmark, the number of items searched for and of rows dropped, by layer; and examples."""
    reference_inputs = {name for step in steps for name in step.reference_inputs}
    read = [step for step in steps if step.folder in reference_inputs and not step.inputs]
    items = {step.source.name: step.counts.kept for step in read if step.source}
    leaks = dropped.filter(pl.col("reason").str.starts_with("leak:")).select(
        "id",
        *(_seen(name).alias(name) for name in ("benchmark", "item", "layer")),
        *(_seen(name).cast(pl.Float64).alias(name) for name in ("score", "bits")),
    )
    leaks_table = leaks.collect()
    layers: dict[str, dict[str, int]] = {}
    for benchmark, layer, rows in sorted(leaks_table.group_by("benchmark", "layer").len().iter_rows()):
        layers.setdefault(benchmark, {})[layer] = rows
    return LeakFigures(
        benchmarks=[
            BenchmarkLeaks(benchmark=name, n_items=items.get(name, 0), layers=layers.get(name, {}))
            for name in sorted({*items, *layers})
        ],
        n_items=sum(items.values()),
        rows=leaks_table.height,
        examples=_examples(leaks_table),
    )


def _examples(leaks: pl.DataFrame) -> list[LeakExample]:
    """Return the first leaks by name, one of each benchmark and layer before a second one."""
    turn = pl.int_range(pl.len()).over("benchmark", "layer")
    first = leaks.sort("benchmark", "layer", "id").sort(turn, maintain_order=True).head(EXAMPLES)
    return [
        LeakExample(**leak) for leak in first.with_columns(pl.col("score").round(3), pl.col("bits").round(1)).to_dicts()
    ]


# --- duplicates ----------------------------------------------------------------------------------------------------


def _duplicates(dropped: pl.LazyFrame, steps: list[StepSummary]) -> list[DuplicateFigures]:
    """Return, for each step that drops duplicates, the number and sizes of its clusters and its thresholds."""
    copies = dropped.filter(pl.col("reason").str.ends_with("duplicate"))
    heads = copies.group_by("step", "reason", _seen("duplicate_of").alias("of")).len("rows")
    sizes = heads.group_by("step", "reason", size=pl.col("rows") + 1).len("clusters").collect()
    order = list(dict.fromkeys(step.name for step in steps))
    figures = []
    for (step, reason), of_step in sorted(
        sizes.group_by("step", "reason"), key=lambda x: (order.index(x[0][0]), x[0][1])
    ):
        clusters = dict(of_step.select("size", "clusters").iter_rows())
        rows = sum(size * number for size, number in clusters.items())
        figures.append(
            DuplicateFigures(
                step=step,
                reason=reason,
                dropped=rows - sum(clusters.values()),
                clusters=sum(clusters.values()),
                rows=rows,
                largest=max(clusters),
                sizes=cluster_sizes(clusters),
                thresholds=_thresholds(step, steps),
            )
        )
    return figures


def cluster_sizes(clusters: dict[int, int]) -> list[ClusterSizes]:
    """Return the clusters in each class of ``SIZES`` that has any, from the number of clusters of each size."""
    sizes = []
    for low, high in SIZES:
        name = f"{low} or more" if high is None else f"{low}" if low == high else f"{low} to {high}"
        if number := sum(n for size, n in clusters.items() if low <= size <= (high or size)):
            sizes.append(ClusterSizes(size=name, clusters=number))
    return sizes


def _thresholds(name: str, steps: list[StepSummary]) -> dict[str, Number]:
    """Return the similarity thresholds in the config of a step, by what is compared."""
    [config, *_] = [step.identity.settings for step in steps if step.name == name]
    nested = {
        part: value["threshold"] for part, value in config.items() if isinstance(value, dict) and "threshold" in value
    }
    own = {"cosine": config["threshold"]} if "threshold" in config else {}
    return {**own, **nested}
