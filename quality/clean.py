"""The cleaning of one shard: normalise its texts, then let the rules say which rows stay."""

from __future__ import annotations

import polars as pl
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from quality.normalise import Normalise, normalise
from quality.outcome import Outcome
from quality.rules import Rules, apply_rules


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Clean:
    """How to clean: the edits, then the thresholds of the rules."""

    normalise: Normalise = Normalise()
    rules: Rules = Rules()


def clean(rows: pl.DataFrame, config: Clean) -> Outcome:
    """Return the rows edited, each with the rule that drops it or null, and the table of edits."""
    edited, edits = normalise(rows, config.normalise)
    return Outcome(rows=apply_rules(edited, config.rules), edits=edits)
