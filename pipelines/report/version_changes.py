"""What changed since another version, for the page: the summary of ``sabila diff``, and some rows word by word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.diff.compare_releases import CHANGES, diff
from pipelines.report.page_text import safe_text

EXAMPLES = 6
"""Rows shown of each kind of change."""

FIELD_CHARS = 1_500
REASONS = 40


def changes(before: Path, after: Path, *, unmasked: bool = False) -> dict[str, Any]:
    """Return the summary of the differences of two releases; of their ``rows``, some of each kind.

    Raises ``ReleaseError`` for what is no release.
    """
    found = diff(before, after, limit=EXAMPLES, unmasked=unmasked)
    rows = {change: [row for row in found["rows"] if row["change"] == change] for change in CHANGES}
    for row in found["rows"]:
        row["fields"] = [{"field": one["field"], "words": _short(one["words"])} for one in row.get("fields", [])]
    return {
        **{name: found[name] for name in ("before", "after", "counts", "licenses", "schema", "changed", "libraries")},
        "reasons": found["reasons"][:REASONS],
        "more_reasons": max(len(found["reasons"]) - REASONS, 0),
        "rows": rows,
    }


def _short(words: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Return the pieces of two texts up to ``FIELD_CHARS`` characters, shown."""
    pieces: list[tuple[str, str]] = []
    left = FIELD_CHARS
    for word in words:
        if left <= 0:
            return [*pieces, ("=", " ⟦more follows⟧")]
        pieces.append((word["op"], safe_text(word["text"][:left])))
        left -= len(word["text"])
    return pieces
