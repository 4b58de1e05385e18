"""The keep policy for exact, near and semantic duplicates: which of several equal rows is kept.

First the row under the freer licence (of several that apply to a row the strictest counts), then the one from the
source of lower rank, the one with more fields filled, and the one whose id sorts first. Neither row order nor workers
count.
"""

from __future__ import annotations

import polars as pl

from sources.known_licenses import LICENSES
from sources.license import UNKNOWN
from sources.source import USUAL_RANK

FIELDS = ("context", "answer", "rationale", "response", "rejected")
KEEP_ORDER = ("strictness", "source_rank", "unfilled", "id")
"""Columns to sort by, ascending; the first row of a group is kept."""


def keep_columns(source_ranks: dict[str, int]) -> list[pl.Expr]:
    """Return the expressions of the columns of ``KEEP_ORDER`` over a table of records."""
    strictness = {name: license.strictness for name, license in LICENSES.items()}
    of_one = pl.element().replace_strict(strictness, default=UNKNOWN.strictness, return_dtype=pl.Int16)
    filled = pl.sum_horizontal(pl.col(name).fill_null("") != "" for name in FIELDS)
    lists = (pl.col("options").list.len() > 0).cast(pl.UInt32) + (pl.col("gold").list.len() > 0).cast(pl.UInt32)
    return [
        pl.col("license").str.split(" AND ").list.eval(of_one).list.max().alias("strictness"),
        pl.col("source").replace_strict(source_ranks, default=USUAL_RANK, return_dtype=pl.Int16).alias("source_rank"),
        (len(FIELDS) + 2 - filled - lists).cast(pl.Int16).alias("unfilled"),
        pl.col("id"),
    ]
