"""A text as sentences, by position: what a removal may take at most.

A sentence ends at a full stop, a question or exclamation mark with a blank after it, or at the end of its line. Where
an abbreviation is taken for an end, the pieces are shorter; together they are the text again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

# One class of characters in front lets the search skip to the next one that can end a sentence.
_END = re.compile(r"[.!?…\n。！？](?:(?<=[.!?…])[.!?…]*[\"'”’)\]]*(?=\s|$)|(?<=\n)\n*|(?<=[。！？]))")
_NUMBER = re.compile(r"\s*(?:\d{1,3}|[A-Za-z])[.)]")
_MARKER = re.compile(r"^[\s>*•–-]*(?:\d{1,3}[.)]\s)?\s*")


class Span(NamedTuple):
    """One sentence of a text: where it starts and ends, its end mark included, the blanks after it not."""

    start: int
    end: int


@lru_cache(maxsize=2048)
def sentences(text: str) -> tuple[Span, ...]:
    """Return the spans of the sentences of ``text`` that hold more than blanks, in order."""
    spans, at = [], 0
    for match in _END.finditer(text):
        if match.end() - at <= 6 and _NUMBER.fullmatch(text, at, match.end()):
            continue  # the number of a list item belongs to its sentence
        end = match.start() if match[0].startswith("\n") else match.end()
        if text[at:end].strip():
            spans.append(Span(_inked(text, at), end))
        at = match.end()
    if text[at:].strip():
        spans.append(Span(_inked(text, at), len(text.rstrip())))
    return tuple(spans)


def _inked(text: str, at: int) -> int:
    while text[at].isspace():
        at += 1
    return at


def bare(sentence: str) -> str:
    """Return a sentence without the dash or number of a list item in front of it."""
    return _MARKER.sub("", sentence).strip()


def without(text: str, spans: list[Span]) -> tuple[str, str]:
    """Return ``text`` without some of its sentences, and what was taken out, joined by line breaks."""
    pieces, at = [], 0
    for start, end in spans:
        pieces.append(text[at:start])
        at = end
    return "".join([*pieces, text[at:]]), "\n".join(text[start:end] for start, end in spans)


Removal = Callable[[str], tuple[str, str]]
"""What takes something out of a text: the text that stays, and what was taken out."""
