"""The rows changed by a step and their changed fields, written as it runs, so that nothing is compared later."""

from __future__ import annotations

import polars as pl

CHANGED = "changed"
"""Subfolder of a step with tables of ``CHANGED_SCHEMA``, one file per shard with changed rows."""

CHANGED_SCHEMA = pl.Schema([("id", pl.String), ("fields", pl.List(pl.String))])


def changed_rows(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return the differing rows and the names of their differing fields (``CHANGED_SCHEMA``), in order.

    Both tables have the same rows in the same order.
    """
    from sources.table import SCHEMA

    differs = {name: before[name].ne_missing(after[name]) for name in SCHEMA.names() if name != "id"}
    changed = [pl.when(mask).then(pl.lit(name)).alias(name) for name, mask in differs.items() if mask.any()]
    if not changed:
        return pl.DataFrame(schema=CHANGED_SCHEMA)
    rows = before.select("id", fields=pl.concat_list(changed).list.drop_nulls())
    return rows.filter(pl.col("fields").list.len() > 0)
