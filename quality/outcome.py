"""The result of a step: every input row, kept or dropped, and the edits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl

EDIT_SCHEMA = pl.Schema({"id": pl.String, "field": pl.String, "rule": pl.String, "removed": pl.String})
"""One edit of one field: the rule and, where it removes text, the text."""

DROP_SCHEMA = pl.Schema({"id": pl.String, "drop_reason": pl.String, "evidence": pl.String})
"""One dropped row: the reason and the evidence (a text, or a JSON object that names another row)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The input rows in order, with ``drop_reason`` (null if kept) and ``evidence``; the edits; other tables."""

    rows: pl.DataFrame
    edits: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EDIT_SCHEMA))
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)


Shards = Callable[[], Iterator[pl.DataFrame]]
"""All rows of a step, shard by shard; each call starts over."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The rows to drop (``DROP_SCHEMA``, each id once), and other tables by name.

    ``memory`` are the tables that the step reads again when rows are added; an unchanged table is returned as it is.
    """

    drops: pl.DataFrame
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    memory: dict[str, pl.DataFrame] = field(default_factory=dict)


PASSES = "passes"
"""Column of the rules that a row passes although it breaks them, by the names of their reasons; most rows have none."""


def without_passed(matches: pl.DataFrame, rows: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    """Return ``matches`` without those of rules that their rows pass; both tables have the column ``id``."""
    if PASSES not in rows.columns:
        return matches
    allowed = rows.select("id", PASSES)
    passed = pl.col(PASSES).fill_null([]).list.contains(reason)
    return matches.join(allowed, on="id", how="left", maintain_order="left").filter(~passed).drop(PASSES)


VERBATIM_TASKS = ("function-calling", "instruction", "long-context", "math", "safety")
"""Tasks whose texts may contain markup, addresses or unusual spacing on purpose."""

REFUSING_TASKS = ("preference", "safety")
"""Tasks in which declining is an answer."""
