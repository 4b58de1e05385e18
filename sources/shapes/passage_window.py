"""The passage of a long text around a span: whole sentences, for contexts too long to train on."""

from __future__ import annotations

import re

BREAK = re.compile(r"\n+|(?<=[.!?])\s+")
"""Where a paragraph or a sentence ends."""

SLACK_CHARS = 8
"""Largest distance of a span from its stated position; COVID-QA is off by 1 to 3 characters in every sixth row."""


def located(text: str, span: str, start: int) -> int:
    """Return the position of ``span`` in ``text``, at ``start`` or nearest to it; ``ValueError`` if it is absent."""
    for shift in sorted(range(-SLACK_CHARS, SLACK_CHARS + 1), key=abs):
        if start + shift >= 0 and text.startswith(span, start + shift):
            return start + shift
    raise ValueError(f"{span!r} is not within {SLACK_CHARS} characters of {start} in a text of {len(text)}")


def passage(text: str, start: int, end: int, size: int) -> tuple[int, int]:
    """Return (first, last) of a passage of at most some ``size`` characters around ``text[start:end]``.

    Both sides get the same share and are cut back to the nearest end of a sentence or paragraph; a side without one is
    cut at the span.
    """
    spare = max(0, size - (end - start)) // 2
    first, last = start - spare, end + spare
    if first > 0:
        first = next((found.end() for found in BREAK.finditer(text, first, start)), start)
    if last < len(text):
        last = max((found.start() for found in BREAK.finditer(text, end, last)), default=end)
    return max(0, first), min(len(text), last)
