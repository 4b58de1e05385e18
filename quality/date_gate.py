"""The date gate: rows that are not older than a date are dropped with that reason."""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.fields.dates import check_date, first_day

NOT_BEFORE, NO_DATE = "not_before", "no_date"

Undated = Literal["keep", "drop"]
"""What happens to rows without a date."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class DateGate:
    """The date before which every row must lie, and what happens to rows without a date."""

    before: str
    undated: Undated = "drop"

    def __post_init__(self) -> None:
        check_date(self.before)


def date_gate(rows: pl.DataFrame, config: DateGate) -> Outcome:
    """Return the rows, dropped where their date is not before ``config.before`` (``not_before``) or they have none.

    A year or month counts as its last day, so that a row of 2019 is not before June 2019. Rows without a date are
    dropped (``no_date``) or, if they are kept, listed in the table ``undated``.
    """
    limit = first_day(config.before)
    last = pl.concat_str("date", pl.lit("-12-31").str.slice(pl.col("date").str.len_chars() - 4))
    last = pl.when(pl.col("date").str.len_chars() < 10).then(last).otherwise("date")
    undated = pl.col("date").is_null()
    lost = pl.lit(NO_DATE if config.undated == "drop" else None, pl.String)
    reason = pl.when(last >= limit).then(pl.lit(NOT_BEFORE)).when(undated).then(lost)
    evidence = pl.when(last >= limit).then(pl.format("{} is not before {}", "date", pl.lit(config.before)))
    gated = rows.with_columns(drop_reason=reason, evidence=evidence)
    kept = rows.filter(undated).select("id")
    return Outcome(rows=gated, tables={"undated": kept} if config.undated == "keep" else {})
