"""What a step says of the rows it was given: every one of them, kept or dropped, and what was edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl

EDIT_SCHEMA = pl.Schema({"id": pl.String, "field": pl.String, "rule": pl.String, "removed": pl.String})
"""One edit of one field: the rule that made it and, where it takes text out, the text."""

DROP_SCHEMA = pl.Schema({"id": pl.String, "drop": pl.String, "evidence": pl.String})
"""One dropped row: the reason, and what was seen (a text, or a JSON object that names another row)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The rows that came in, in order, with ``drop`` (null for a kept row) and ``evidence``.

    Besides: the edits made, and whatever else was found, a table by name.
    """

    rows: pl.DataFrame
    edits: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EDIT_SCHEMA))
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)


Shards = Callable[[], Iterator[pl.DataFrame]]
"""All rows of a step, shard by shard; each call starts over."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Which of all rows to drop (``DROP_SCHEMA``, each id once), and what else was found, a table by name.

    ``memory`` are the tables that a step which remembers wants back when rows have been added; one that is the very
    table it got back has not changed.
    """

    drops: pl.DataFrame
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    memory: dict[str, pl.DataFrame] = field(default_factory=dict)


VERBATIM_TASKS = ("function-calling", "instruction", "long-context", "math", "safety")
"""Tasks whose texts may hold markup, addresses or odd spacing on purpose."""

REFUSING_TASKS = ("preference", "safety")
"""Tasks in which declining is an answer."""
