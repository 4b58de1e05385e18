"""Normalised text for comparisons, without case, punctuation and spacing, but with all that can reverse a statement."""

from __future__ import annotations

import polars as pl

DASHES = r"\-‐‑‒–—−﹣－⁻"
"""Hyphens, dashes and minus signs for a character class: any of them may be used as a minus."""

LONE_SIGNS = "♀♂✓✔✗✘☐☑☒▲▼△▽⬆⬇⬅➡👍👎′″"
"""Symbols with a meaning of their own; other symbols (bullets, emoji, ®) are decoration."""

SIGNS = rf"[\p{{Sm}}--[|~⁻]]\p{{Sc}}{LONE_SIGNS}%‰"
"""Mathematical and currency signs, arrows and ``LONE_SIGNS``, for a character class."""

SHORT_WORDS = frozenset(
    "ah al am an as at ay be by da de di do du el en er es et eu ex go ha he hi ho id if il in is it je la le lo ma me "
    "mi my na ne ni no nu of oh ok on or os ou si so su te to tu ty un up us va we ye yo".split()
)
"""Two-letter words whose case does not matter."""

GENES = [f"{letter}{letter}" for letter in "ABCDEFGHJKLMNOPQRSTUVWXYZ"]
"""Genotypes, where a small letter is another gene (Aa, aa); II is a number."""

_BETWEEN_DIGITS = ((f"[{DASHES}]", "−"), ("/", "∕"), (r"[*·]", "×"), (":", "∶"), ("[.,]", "⋅"))


_SPECIAL = (
    rf"[^\x00-\x7F]|[+<=>$%]|^\s*[A-Za-z]{{2}}\s*$|[A-Z][a-z]{{2,}}[0-9]|\b(?:{'|'.join(map(str.title, GENES))})+\b"
    rf"|\b(?:{'|'.join(GENES)})+\b|[A-Za-z0-9)]-(?:\s|$|[+,;.)\]/])|(?:^|[^A-Za-z0-9])-[0-9]"
    r"|[0-9]\s*[-/*:.,]\s*[0-9]| / |[^\s] \* "
)
"""Texts that one of the rules below may change; in others, nine of ten, only letters and digits count."""


def key(text: pl.Expr) -> pl.Expr:
    """Return the normalised text: lower case, words and signs (``SIGNS``) with one space between them.

    Combining marks are part of a word (Hindi vowels). Between digits ``- / * : .`` count, as does a minus before a
    number, one at the end of a word (HIV-, HCO3-) and a ``/`` or ``*`` with a space on both sides. Case counts in a
    text of two letters (Mg, mg), in genotypes (Aa, AA) and in mouse gene symbols (Brca1, BRCA1).
    """
    return text.map_batches(_keys, return_dtype=pl.String, is_elementwise=True)


def _keys(texts: pl.Series) -> pl.Series:
    keys = texts.str.to_lowercase().str.replace_all("[^a-z0-9]+", " ").str.strip_chars(" ")
    special = texts.str.contains(_SPECIAL).arg_true()
    if special.is_empty():
        return keys
    return keys.scatter(
        special, texts.gather(special).to_frame("text").select(key_by_rules(pl.col("text"))).to_series()
    )


def key_by_rules(text: pl.Expr) -> pl.Expr:
    """Return what ``key`` does, with every rule tried on every text."""
    symbol = text.str.contains(r"^\s*[A-Za-z]{2}\s*$") & ~_stripped(text).str.to_lowercase().is_in(SHORT_WORDS)
    marked = text.str.normalize("NFC").str.replace_all(r"\p{Cf}+", "")
    for form, mark in ((str.title, "ʼ"), (str.upper, "ʼʼ")):
        marked = marked.str.replace_all(rf"\b((?:{'|'.join(map(form, GENES))})+)\b", f"${{1}}{mark}")
    marked = marked.str.replace_all(r"([A-Z][a-z]{2,}[0-9])", "ʼ$1").str.to_lowercase()
    marked = marked.str.replace_all(rf"([\p{{L}}\p{{N}})])[{DASHES}](\s|$|[+,;.)\]/])", "$1 − $2")
    marked = marked.str.replace_all(rf"(^|[^\p{{L}}\p{{M}}\p{{N}}])[{DASHES}](\p{{N}})", "$1 − $2")
    marked = marked.str.replace_all(rf"(\p{{N}})\s*([{DASHES}/*·:.,])", "$1\ue000$2")
    for pattern, sign in _BETWEEN_DIGITS:
        marked = marked.str.replace_all(rf"\ue000{pattern}(\s*\p{{N}})", f" {sign} $1")
    marked = marked.str.replace_all(" / ", " ∕ ", literal=True).str.replace_all(r"([^\s]) [*·] ", "$1 × ")
    spaced = marked.str.replace_all(rf"([{SIGNS}])", " $1 ")
    words = spaced.str.replace_all(rf"[^\p{{L}}\p{{M}}\p{{N}}{SIGNS}]+", " ").str.strip_chars(" ")
    return pl.when(symbol).then(_stripped(text)).otherwise(words)


def _stripped(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars()
