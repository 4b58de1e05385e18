"""A stratified sample of rows for the page, chosen by the hash of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.report.all_rows import ReleaseView, records
from pipelines.report.page import as_json
from pipelines.report.page_text import plain
from pipelines.report.paired_rows import order

BYTES = 7_500_000
"""Bytes of sampled rows in the page."""

LIMITS = (4_000, 2_000, 1_000, 500, 250)
"""Text limits in characters; the first that keeps the rows within ``BYTES`` is used."""

STRATA = ("status", "source", "reason")

TEXTS = ("messages", "response", "rejected", "options", "gold", "answer", "rationale", "text")
FACTS = ("id", "status", "source", "license", "task", "lang", "split", "file", "line", "step", "reason", "evidence")
COUNTED = ("changed_by", "prompt_chars", "response_chars", "tokens")


def quotas(sizes: Sequence[int], rows: int) -> list[int]:
    """Divide ``rows`` over strata of these sizes: evenly, and the rest of strata that are too small over the others.

    >>> quotas([3, 100, 50], 60)
    [3, 29, 28]
    """
    shares = [0] * len(sizes)
    left = min(rows, sum(sizes))
    while left:
        unfilled = [n for n, size in enumerate(sizes) if shares[n] < size]
        each, more = divmod(left, len(unfilled))
        for rank, n in enumerate(unfilled):
            taken = min(each + (rank < more), sizes[n] - shares[n])
            shares[n] += taken
            left -= taken
    return shares


def draw_rows(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    """Return ``size`` rows, half of them kept ones where there are enough, each half divided over its strata.

    Strata are the combinations of status, source and reason.
    """
    kept, ended = rows.filter(pl.col("status") == "kept"), rows.filter(pl.col("status") != "kept")
    for_kept, for_ended = quotas([kept.height, ended.height], size)
    return pl.concat([_shared_out(kept, for_kept), _shared_out(ended, for_ended)])


def _shared_out(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    sizes = rows.group_by(STRATA).len().sort(STRATA)
    shares = sizes.with_columns(quota=pl.Series(quotas(sizes["len"].to_list(), size), dtype=pl.Int64)).drop("len")
    ordered = rows.with_columns(draw_order=order(rows["id"])).sort(*STRATA, "draw_order", "id")
    rank = pl.int_range(pl.len()).over(STRATA)
    return (
        ordered.join(shares, on=STRATA, maintain_order="left")
        .filter(rank < pl.col("quota"))
        .drop("draw_order", "quota")
    )


def strata(rows: pl.DataFrame, sample: pl.DataFrame) -> list[dict[str, Any]]:
    """Return how many rows of each status and source were drawn, out of how many."""
    population = rows.group_by("status", "source").agg(population=pl.len())
    counted = sample.group_by("status", "source").agg(sample=pl.len())
    joined = population.join(counted, on=("status", "source"), how="left").with_columns(pl.col("sample").fill_null(0))
    return joined.sort("status", "population", "source", descending=[False, True, False]).rows(named=True)


def describe_sample(release: ReleaseView, rows: pl.DataFrame, size: int) -> dict[str, Any]:
    """Return the rows for the page: ``rows``, the ``limit`` their texts were cut to, and ``strata``.

    Texts are cut, and then rows left out, until all fit into ``BYTES``.
    """
    sample = draw_rows(rows, size)
    texts = records(release, sample["id"].to_list())
    for limit in LIMITS:
        shown = _shown(sample, texts, limit)
        if (page_bytes := len(as_json(shown))) <= BYTES:
            break
    while page_bytes > BYTES:
        sample = draw_rows(rows, sample.height * BYTES // page_bytes)
        shown = _shown(sample, texts, limit)
        page_bytes = len(as_json(shown))
    return {"rows": shown, "limit": limit, "strata": strata(rows, sample)}


def _shown(sample: pl.DataFrame, texts: dict[str, dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    return [_row(row, texts.get(row["id"]), limit) for row in sample.rows(named=True)]


def _row(row: dict[str, Any], text: dict[str, Any] | None, limit: int) -> dict[str, Any]:
    known = text or {}
    evidence = known.get("evidence") or known.get("error") or row["evidence"]
    facts = {**{name: row[name] for name in FACTS}, "evidence": evidence}
    merged = {**{name: known.get(name) for name in TEXTS}, **facts}
    filled = {name: value for name, value in merged.items() if value not in (None, "", [])}
    safe: dict[str, Any] = plain(filled, limit)
    return safe | {name: row[name] for name in COUNTED} | {"has_text": text is not None}
