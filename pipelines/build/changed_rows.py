"""Which rows a step changed, and in which fields: written as it runs, so that nothing has to be compared later."""

from __future__ import annotations

import polars as pl

CHANGED = "changed"
"""The folder, inside a step's, of tables of ``CHANGED_SCHEMA``, a file a shard that has changed rows."""

CHANGED_SCHEMA = pl.Schema([("id", pl.String), ("fields", pl.List(pl.String))])


def changed_rows(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that differ and the names of their fields that do (``CHANGED_SCHEMA``), in order.

    Both tables hold the same rows in the same order.
    """
    from sources.table import SCHEMA

    differs = {name: before[name].ne_missing(after[name]) for name in SCHEMA.names() if name != "id"}
    changed = [pl.when(mask).then(pl.lit(name)).alias(name) for name, mask in differs.items() if mask.any()]
    if not changed:
        return pl.DataFrame(schema=CHANGED_SCHEMA)
    rows = before.select("id", fields=pl.concat_list(changed).list.drop_nulls())
    return rows.filter(pl.col("fields").list.len() > 0)
