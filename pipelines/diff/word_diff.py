"""Word-by-word comparison of two texts."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

KEPT, REMOVED, ADDED = "=", "-", "+"

_MARKS = r"!-/:-@\[-`{-~¡«»¿‐-‧‰-⁞\u3000-〿！-／"
_SIGNS = r"\u3040-ヿ㐀-䶿一-鿿가-힯"
_WORD = rf"[^\s{_MARKS}{_SIGNS}]"
_TOKEN = re.compile(rf"(?:{_WORD}+(?:[.,'’-]{_WORD}+)*|\S)\s*|\s+")
"""A word (``0.8`` and ``don't`` are one) or a single sign (a mark, or a character that is a word), with the space after
it.
"""

ANCHOR = 4
"""Words of a sequence that is unique in both texts and aligns them, as in patience diff."""

LARGE = 1_000_000
"""Pairs of words between two anchors above which frequent words are ignored, to save time."""

Piece = tuple[str, str]


def word_diff(before: str, after: str) -> list[Piece]:
    """Return the pieces of both texts as (``=`` | ``-`` | ``+``, text), removed text before its replacement.

    The pieces that are not ``+`` form ``before``, those that are not ``-`` form ``after``; neighbours differ in kind.
    Texts of 10,000 words take a tenth of a second if they share words.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    pieces: list[list[str]] = []
    for kind, tokens in _compared(old, new):
        if pieces and pieces[-1][0] == kind:
            pieces[-1].append(tokens)
        elif tokens:
            pieces.append([kind, tokens])
    return [(kind, "".join(tokens)) for kind, *tokens in pieces]


def _compared(old: list[str], new: list[str]) -> Iterator[Piece]:
    """Yield kinds and texts; the text between two anchors is compared separately."""
    at_old = at_new = 0
    for i, j in [*_anchors(old, new), (len(old), len(new))]:
        yield from _between(old[at_old:i], new[at_new:j])
        yield KEPT, "".join(old[i : i + 1])
        at_old, at_new = i + 1, j + 1


def _between(old: list[str], new: list[str]) -> Iterator[Piece]:
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) * len(new) > LARGE)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield KEPT, "".join(old[a:b])
        else:
            yield from _replaced("".join(old[a:b]), "".join(new[c:d]))


def _replaced(old: str, new: str) -> Iterator[Piece]:
    """Yield removed and added text, except common words that differ only in the following space."""
    stem = min(old, new, key=len).rstrip()
    rests = [text.removeprefix(stem) for text in (old, new) if text.startswith(stem)]
    if stem and len(rests) == 2 and all(not rest or rest[0].isspace() for rest in rests):
        yield KEPT, stem
        old, new = rests
    yield REMOVED, old
    yield ADDED, new


def _anchors(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Return the longest sequence of words unique in both texts whose positions increase in both."""
    unique_old, unique_new = _alone(old), _alone(new)
    pairs = [(at, unique_new[words]) for words, at in unique_old.items() if words in unique_new]
    ends: list[int] = []  # patience sorting: position in the new text where the best sequence of each length ends
    last: list[int] = []
    before: list[int] = []
    for n, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        ends[length : length + 1], last[length : length + 1] = [j], [n]
        before.append(last[length - 1] if length else -1)
    row, at = [], last[-1] if last else -1
    while at >= 0:
        row.append(pairs[at])
        at = before[at]
    return row[::-1]


def _alone(tokens: list[str]) -> dict[tuple[str, ...], int]:
    """Return the position of every unique sequence of a few words."""
    ngrams = list(zip(*(tokens[shift:] for shift in range(ANCHOR)), strict=False))
    times = Counter(ngrams)
    return {words: at for at, words in enumerate(ngrams) if times[words] == 1}
