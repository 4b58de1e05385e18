"""Sentences of a text by position, the largest unit that one removal may take.

A sentence ends at a full stop, question or exclamation mark followed by a blank, or at the end of its line. A wrong
split at an abbreviation only makes shorter pieces; joined, they give the text again.
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
    """Start and end of one sentence, with its end mark and without the blanks after it."""

    start: int
    end: int


@lru_cache(maxsize=2048)
def sentences(text: str) -> tuple[Span, ...]:
    """Return the spans of the non-blank sentences of ``text``, in order."""
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


def strip_list_marker(sentence: str) -> str:
    """Return a sentence without the dash or number of a list item before it."""
    return _MARKER.sub("", sentence).strip()


def without(text: str, spans: list[Span]) -> tuple[str, str]:
    """Return ``text`` without some of its sentences, and the removed text joined by line breaks."""
    pieces, at = [], 0
    for start, end in spans:
        pieces.append(text[at:start])
        at = end
    return "".join([*pieces, text[at:]]), "\n".join(text[start:end] for start, end in spans)


Removal = Callable[[str], tuple[str, str]]
"""A function that removes part of a text: the text that is left, and the removed part."""
