"""The difficulty of a question for a model: a tier by its pass rate, as ReasonMed has (arXiv 2506.09513)."""

from __future__ import annotations

from typing import Literal

Difficulty = Literal["easy", "medium", "hard", "unsolved"]

EASY, MEDIUM = 0.75, 0.4
"""Least pass rates of a tier; the borders are our own: of four samples 3 right are easy, 2 medium, 1 is hard."""


def difficulty(right: int, samples: int) -> Difficulty | None:
    """Return the tier of a question with so many right samples, None without samples."""
    if not samples:
        return None
    rate = right / samples
    if rate >= EASY:
        return "easy"
    if rate >= MEDIUM:
        return "medium"
    return "hard" if right else "unsolved"
