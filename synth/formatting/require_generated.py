"""The step that drops rows without a generated text, at the end of a recipe whose rows a teacher writes."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RequireGenerated:
    """The ``part`` of ``meta`` that a row must have; ``reason`` and ``evidence`` of the rows dropped without it."""

    part: Literal["cot", "pair"]
    reason: Annotated[str, Field(min_length=1)]
    evidence: str


def require_generated(rows: pl.DataFrame, config: RequireGenerated) -> Outcome:
    """Drop the rows that have no generated chain or pair."""
    lacks = pl.col("meta").str.json_path_match(f"$.{config.part}.origin").is_null()
    drop, evidence = (pl.when(lacks).then(pl.lit(text)) for text in (config.reason, config.evidence))
    return Outcome(rows=rows.with_columns(drop_reason=drop, evidence=evidence))
