"""The rows that reviewers read: the same ones, in the same order, for every reviewer with the same settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import xxhash

from pipelines.release.data_files import scan
from pipelines.release.review_verdicts import ReviewError, row_mark, rows_by_id
from pipelines.report.row_sample import quotas

STRATA = ("source", "task", "lang", "license", "split")
"""Columns by which a sample can be divided."""


@dataclass(frozen=True, kw_only=True)
class SampledRow:
    """A row to judge, and the hash (mark) of its judged fields."""

    row: dict[str, Any]
    mark: str

    @property
    def id(self) -> str:
        """The id of the row."""
        return str(self.row["id"])


def review_sample(folder: Path, size: int, *, by: Sequence[str] = ("source",), seed: int = 0) -> list[SampledRow]:
    """Return ``size`` kept rows, equally many of each value of ``by``, drawn and ordered by a hash.

    Where a group has too few rows, larger groups give more. Raises ``ReviewError`` for a release without rows.
    """
    strata = list(dict.fromkeys(by))
    rows = scan(folder).select("id", *strata).collect()
    if rows.is_empty():
        raise ReviewError(f"{folder} has no row to review")
    hashes = [xxhash.xxh64_intdigest(f"{seed}:{id}".encode()) for id in rows["id"].to_list()]
    ordered = rows.with_columns(hash=pl.Series(hashes, dtype=pl.UInt64)).sort("hash", "id")
    if strata:
        sizes = ordered.group_by(strata).len().sort(strata)
        quota = pl.Series("quota", quotas(sizes["len"].to_list(), size), pl.Int64)
        rank = pl.int_range(pl.len()).over(strata)
        with_quota = ordered.with_columns(rank=rank).join(
            sizes.with_columns(quota).drop("len"), on=strata, nulls_equal=True, maintain_order="left"
        )
        ordered = with_quota.filter(pl.col("rank") < pl.col("quota"))
    ids = ordered["id"].head(size).to_list()
    row_of = rows_by_id(folder, ids)
    return [SampledRow(row=row_of[id], mark=row_mark(row_of[id])) for id in ids]
