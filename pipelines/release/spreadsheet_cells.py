"""Cells of files that people open in a spreadsheet."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a cell that a spreadsheet would run as a formula."""


def without_formula(value: T) -> T | str:
    """Return a cell's value; one that would be a formula is prefixed with an apostrophe, which makes it text."""
    return f"'{value}" if str(value).startswith(FORMULA) else value
