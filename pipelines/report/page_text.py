"""Safe display of row texts: hidden characters written out, long texts cut, and two texts compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipelines.diff.word_diff import ADDED, KEPT, REMOVED, word_diff

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Invisible characters and those that change the text direction, except tab and line feed."""


def safe_text(text: str) -> str:
    """Return a text with every hidden character written out, as in ⟦U+202E⟧."""
    return _HIDDEN.sub(lambda hidden: f"⟦U+{ord(hidden[0]):04X}⟧", text)


def cut(text: str, limit: int) -> str:
    """Return at most ``limit`` characters, made safe, and the number of characters left out."""
    if len(text) <= limit:
        return safe_text(text)
    return f"{safe_text(text[:limit])} ⟦{len(text) - limit:,} more characters⟧"


def plain(value: Any, limit: int) -> Any:
    """Return a value of a row with all of its texts cut and made safe."""
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, list | tuple):
        return [plain(one, limit) for one in value]
    if isinstance(value, dict):
        return {safe_text(str(name)): plain(one, limit) for name, one in value.items()}
    return value


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A run of words, and whether the other text has it too."""

    text: str
    same: bool


def compared(left: str, right: str, limit: int) -> tuple[list[Piece], list[Piece]]:
    """Return the first ``limit`` characters of both texts in pieces, shared and different."""
    pieces = word_diff(cut(left, limit), cut(right, limit))
    return (
        [Piece(text=text, same=kind == KEPT) for kind, text in pieces if kind != ADDED],
        [Piece(text=text, same=kind == KEPT) for kind, text in pieces if kind != REMOVED],
    )
