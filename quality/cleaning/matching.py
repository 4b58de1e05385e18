"""Search of many texts at once: Python for few texts; polars, which compiles each pattern at every call, for many."""

from __future__ import annotations

import re

import polars as pl

from quality.key import key

MANY_TEXTS = 4_000
"""Number of texts from which polars is faster for a pattern anchored at the start."""
MANY_CHARS = 15_000
"""Number of characters from which polars is faster for an unanchored pattern."""


def ascii_boundaries(pattern: str) -> str:
    """Return a polars pattern whose word boundaries consider ASCII letters only.

    A Unicode boundary makes the search of a text with one accent about ten times slower.
    """
    return pattern.replace(r"\b", r"(?-u:\b)")


def matches(texts: pl.Series, pattern: re.Pattern[str], *, anchored: bool = True) -> pl.Series:
    """Return which texts contain a pattern."""
    many = texts.len() > MANY_TEXTS if anchored else int(texts.str.len_bytes().sum()) > MANY_CHARS
    if many:
        return texts.str.contains(ascii_boundaries(pattern.pattern))
    return pl.Series([pattern.search(text) is not None for text in texts], dtype=pl.Boolean)


def is_listed(texts: pl.Series, listed: frozenset[str]) -> pl.Series:
    """Return which texts are in ``listed``, compared by ``key``; only those with the same letters are compared."""
    letters = texts.str.normalize("NFC").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")
    likely = letters.is_in({re.sub(r"\W", "", text) for text in listed})
    if not likely.any():
        return likely
    compared = texts.filter(likely).alias("text").to_frame().select(key(pl.col("text")).is_in(listed)).to_series()
    return likely.scatter(likely.arg_true(), compared)
