"""The licence of a judge's words, bound to the rows that hold them."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from sources.license import joint


def bind_license(rows: pl.DataFrame, ids: Collection[str], license: str | None) -> pl.DataFrame:
    """Return the rows, those of ``ids`` under ``license`` besides their own; unchanged without one."""
    if license is None or not ids:
        return rows
    terms = {own: joint((own, license)) for own in rows["license"].unique()}
    bound = pl.col("license").replace_strict(terms, return_dtype=pl.String)
    return rows.with_columns(license=pl.when(pl.col("id").is_in(list(ids))).then(bound).otherwise("license"))
