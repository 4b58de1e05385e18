"""ROUGE of a text with its reference (Lin 2004): F1 of shared words, pairs, and longest common subsequence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

WORD = re.compile(r"[^\W_]+")
"""Words as the rouge-score package splits them, in any alphabet."""


class Rouge(NamedTuple):
    """ROUGE-1, ROUGE-2 and ROUGE-L, each F1 from 0 to 1."""

    one: float
    two: float
    longest: float


def rouge(text: str, reference: str) -> Rouge:
    """Return the overlap of a text with its reference, on words in lower case, without stemming."""
    words, expected = WORD.findall(text.lower()), WORD.findall(reference.lower())
    return Rouge(
        _shared(words, expected, 1),
        _shared(words, expected, 2),
        _f1(longest_common_subsequence(words, expected), len(words), len(expected)),
    )


def _shared(words: Sequence[str], expected: Sequence[str], n: int) -> float:
    """Return the F1 of runs of ``n`` words, each counted as often as both texts have it."""
    counts, expected_counts = (Counter(zip(*(text[i:] for i in range(n)), strict=False)) for text in (words, expected))
    return _f1((counts & expected_counts).total(), counts.total(), expected_counts.total())


def _f1(shared: int, n_words: int, n_expected: int) -> float:
    return 2 * shared / (n_words + n_expected) if shared else 0.0


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Return its length, by bits: one addition for each word of ``second`` (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    everything = (1 << len(first)) - 1
    unmatched = everything
    for word in second:
        matched = unmatched & places.get(word, 0)
        unmatched = (unmatched + matched | unmatched - matched) & everything
    return len(first) - unmatched.bit_count()
