"""Groups of shards whose requests are sent together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.storage.stored_step import height

ASKED_ROWS = 50_000
"""Most rows of a group: a teacher that serves many requests at once idles at the end of each group."""


def shard_groups(shards: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Return the shards in groups of at most ``ASKED_ROWS`` rows, in order; a larger one is a group by itself."""
    groups: list[list[Path]] = []
    rows = ASKED_ROWS
    for path in shards:
        own = height([path])
        if rows + own > ASKED_ROWS:
            groups.append([])
            rows = 0
        groups[-1].append(path)
        rows += own
    return [tuple(group) for group in groups]
