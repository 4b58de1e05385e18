"""A hint for a mistyped name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'medquad'?"`` for the known name closest to ``name``, empty where none is close."""
    lowered = {one.lower(): one for one in known}
    close = get_close_matches(name.strip().lower(), lowered, n=1, cutoff=0.75)
    return f"; did you mean {lowered[close[0]]!r}?" if close else ""


SHOWN = 10


def some_of(names: Iterable[str]) -> str:
    """Return the first ten names of the catalog for a message, and the command that lists the others."""
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more (sabila sources lists all)" if len(listed) > SHOWN else ""
    return f"{', '.join(listed[:SHOWN])}{more}"
