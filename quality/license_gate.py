"""The licence gate: rows whose licence does not allow the intended use of a build are dropped with that reason."""

from __future__ import annotations

import polars as pl
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.license import Use, fits, parts, terms


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class LicenseGate:
    """The use that every row must allow."""

    use: Use = "any"


def license_gate(rows: pl.DataFrame, config: LicenseGate) -> Outcome:
    """Return the rows, dropped with reason ``license`` where one of their licences does not allow ``config.use``."""
    refused = {name: _why(name, config.use) for name in rows["license"].unique() if not fits(name, config.use)}
    evidence = pl.col("license").replace_strict(refused, default=None, return_dtype=pl.String)
    return Outcome(
        rows=rows.with_columns(
            drop_reason=pl.when(pl.col("license").is_in(list(refused))).then(pl.lit("license")), evidence=evidence
        )
    )


def _why(expression: str, use: str) -> str:
    guilty = next(id for id in parts(expression) if not fits(id, use))
    reason = "forbids it" if terms(guilty).id == guilty else "is not known to allow it"
    return f"{guilty} {reason}: {use} use"
