"""Answers that break off in the middle of a sentence, found by how they end.

An answer that merely lacks its last full stop, as many lists and short answers do, is not one.
"""

from __future__ import annotations

import polars as pl

LEAST_CHARS = 60
"""Characters from which on an answer is prose that can break off."""

LINKING = (
    "a an the of and or with to in for by at from that which who whose is are was were be been has have had may can "
    "could should would will must such as than their its your his her this these into about between because if when "
    "while although however very most more not el la los las un una de del y o con por para que en es son le les des "
    "du et ou avec pour dans est sont"
).replace(" ", "|")
"""Words that no sentence ends with."""

ENDS_LINKING = rf"(?i)[\pL\pN,;)] (?:{LINKING})\s*$"
"""A text whose last word, in lower or upper case, links to another one that is missing."""

ENDS_OPEN = r"(?:,|\s[(\[{“]|[\pL\pN]\s[-–—]|\d\s?[x×])\s*$"
"""A text that ends with a comma, an opening bracket, or a dash before words that are missing."""

CAPITAL_A = r"\s[A-Z]\s*$"
"""A single capital at the end is a name (vitamin A), no article."""


def cut_off(answer: pl.Expr) -> pl.Expr:
    """Return whether an answer breaks off: its last word or sign needs another one, or a block of code is open."""
    stripped = answer.str.strip_chars_end()
    long = stripped.str.len_chars() >= LEAST_CHARS
    tail = stripped.str.tail(40)
    links = tail.str.contains(ENDS_LINKING) & ~tail.str.contains(CAPITAL_A)
    fences = stripped.str.count_matches("```", literal=True) % 2 == 1
    return (long & (links | tail.str.contains(ENDS_OPEN))) | fences
