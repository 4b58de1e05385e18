"""The licences of what models write in the rows of own files, joined with those of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.own_files.file_tables import TableError
from sources.license import UNKNOWN, joint

LICENSE = "license"
NAMES = (LICENSE, "licence")


def license_column(schema: pl.Schema, licenses: Sequence[str]) -> str | None:
    """Return the column that gets the ``licenses`` of models: the table's own, or ``license`` where one is known.

    None where the table has no such column of texts and no licence is known. Raises ``TableError`` for a known licence
    and a column of another type.
    """
    known = [license for license in licenses if license != UNKNOWN.id]
    column = next((name for name in schema if name.strip().lower() in NAMES), None)
    if column is None:
        return LICENSE if known else None
    if schema[column] in (pl.String, pl.Null):
        return column if licenses else None
    if known:
        raise TableError(f"column {column!r} is {schema[column]}, expected texts, to join {known[0]} to; rename it")
    return None


def bind_licenses(rows: pl.LazyFrame, column: str | None, licenses: Sequence[str], written: pl.Expr) -> pl.LazyFrame:
    """Return the rows, those where a model has ``written`` under its ``licenses`` besides their own.

    A row that states no licence is under ``LicenseRef-unknown``. Without a ``column`` the rows are unchanged.
    """
    if column is None:
        return rows
    if column not in rows.collect_schema():
        rows = rows.with_columns(pl.lit(UNKNOWN.id).alias(column))
    own = pl.col(column).cast(pl.String)
    stated = own.str.strip_chars().replace("", None).fill_null(UNKNOWN.id)
    terms = {one: joint((one, *licenses)) for one in rows.select(stated.unique()).collect().to_series()}
    bound = stated.replace_strict(terms, return_dtype=pl.String)
    return rows.with_columns(pl.when(written).then(bound).otherwise(own).alias(column))
