"""How two texts are compared: case, punctuation and spacing aside, comparisons and signs kept."""

from __future__ import annotations

import polars as pl


def key(text: pl.Expr) -> pl.Expr:
    """Return the text as texts are compared: lower case, all but letters, digits and ``<>≤≥±%+`` one space."""
    return text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}<>≤≥±%+]+", " ").str.strip_chars(" ")
