"""The one type of a privacy rule, and the common way to make one from a pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "NAME", "PHONE", "EMAIL", "ADDRESS", "RECORD", "INSURANCE", "ID", "BIRTH_DATE", "IP", "URL", "CARD"
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

Spans = Callable[[str], Iterator[tuple[int, int]]]
"""Text in, start and end of every piece of personal data out, in characters."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How one form of personal data is found.

    ``hint`` is a pattern of polars' regular expressions (Rust: no look-around) that every text with a span contains; it
    is run over the whole column, so that ``spans``, in Python, sees only the few texts that may hold something.
    ``organisation`` marks a rule whose finding leads to an organisation, not to a person.
    """

    name: str
    kind: Kind
    hint: str
    spans: Spans
    organisation: bool = False


def by_pattern(pattern: re.Pattern[str], keep: Callable[[re.Match[str]], bool] | None = None) -> Spans:
    """Return the spans of a pattern: its group ``x`` where it has one, the whole match otherwise, if ``keep`` agrees."""
    group: str | int = "x" if "x" in pattern.groupindex else 0

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for match in pattern.finditer(text):
            if keep is None or keep(match):
                yield match.span(group)

    return spans
