"""Cleaning of one shard: normalise the texts, then apply the rules.

A row that raises an error is dropped with the error as evidence; it does not stop the build.
"""

from __future__ import annotations

import polars as pl
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from quality.cleaning.normalize import FAULTS, UNSTABLE, Normalise, normalise
from quality.cleaning.rules import Rules, apply_rules
from quality.outcome import Outcome, without_passed
from sources.record import Message, Record
from sources.table import frame

EVIDENCE_CHARS = 500


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Clean:
    """Settings of cleaning: the edits, then the thresholds of the rules."""

    normalise: Normalise = Normalise()
    rules: Rules = Rules()


PROBE = Record(
    id="probe:1",
    source="probe",
    license="CC0-1.0",
    task="qa",
    lang="en",
    split="train",
    file="probe",
    line=1,
    messages=(Message("user", "Which vitamin prevents scurvy, and in which foods is it found?"),),
    answer="Vitamin C, which is found in citrus fruit, in berries and in most of the fresh vegetables.",
)
"""A valid row: if cleaning it fails too, the error does not come from the rows."""


def clean(rows: pl.DataFrame, config: Clean) -> Outcome:
    """Return the edited rows with ``drop_reason`` (null for a kept row) and ``evidence``, and the table of edits."""
    try:
        return _clean(rows, config)
    except (*FAULTS, ValueError) as error:
        _clean(frame([PROBE]), config)
        if rows.height > 1:
            half = rows.height // 2
            parts = [clean(rows.head(half), config), clean(rows.tail(rows.height - half), config)]
            return Outcome(rows=pl.concat([p.rows for p in parts]), edits=pl.concat([p.edits for p in parts]))
        message = f"{type(error).__name__}: {error}"[:EVIDENCE_CHARS]
        failed = {"drop_reason": pl.lit("cleaning_failed", pl.String), "evidence": pl.lit(message, pl.String)}
        return Outcome(rows=rows.with_columns(**failed))


def _clean(rows: pl.DataFrame, config: Clean) -> Outcome:
    edited, edits = normalise(rows, config.normalise)
    judged = apply_rules(edited, config.rules)
    restless = without_passed(edits.filter(pl.col("rule") == UNSTABLE), rows, pl.lit("unstable_text"))
    if restless.is_empty():
        return Outcome(rows=judged, edits=edits)
    why = restless.group_by("id", maintain_order=True).agg(pl.col("field").first(), pl.col("removed").first())
    reasons = why.select("id", why=pl.format("{}: edits that never come to rest: {}", "field", "removed"))
    judged = judged.join(reasons, on="id", how="left", maintain_order="left").with_columns(
        drop_reason=pl.when(pl.col("why").is_null()).then("drop_reason").otherwise(pl.lit("unstable_text")),
        evidence=pl.coalesce("why", "evidence"),
    )
    return Outcome(rows=judged.drop("why"), edits=edits)
