"""Search of many texts at once: in Python where they are few, in polars, which compiles anew, where they are many."""

from __future__ import annotations

import re

import polars as pl

from quality.key import key

MANY_TEXTS = 4_000
"""Texts from which on polars takes less time to find a pattern that is anchored at their start."""
MANY_CHARS = 15_000
"""Characters from which on polars takes less time to find a pattern that may stand anywhere."""


def ascii_boundaries(pattern: str) -> str:
    """Return a pattern for polars whose word boundaries look at ASCII letters only.

    A Unicode boundary makes the search of a text with one accent some ten times slower.
    """
    return pattern.replace(r"\b", r"(?-u:\b)")


def matches(texts: pl.Series, pattern: re.Pattern[str], *, anchored: bool = True) -> pl.Series:
    """Return in which texts a pattern is found."""
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
