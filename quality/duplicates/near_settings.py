"""Settings of near-duplicate detection, with Aloe Beta's thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from quality.duplicates.minhash import Banding, banding

SINGLE_TURN = 0.72
"""Threshold for a question and its answer together (arXiv 2505.04388)."""

CONVERSATION = 0.77
"""Threshold for the turns of a conversation, joined with their speakers' names (arXiv 2505.04388)."""

Unit = Literal["auto", "word", "character"]


@dataclass(frozen=True, kw_only=True)
class NearRules:
    """Two rows are near-duplicates if the Jaccard similarity of their shingle sets is ``threshold`` or more, they have
    the same subject and no opposite statement.

    The subject is the same if the words of their questions agree, except for function words, greetings and typing
    errors (one in ``set_kernels.TOLERANCE`` may differ). Statements are opposite if they have different numbers, units,
    signs, letters (type A, B) or opposites (left, right) between the same words, or if one has an additional negation
    or sign. All of this depends on the two rows alone, so later rows change nothing.

    A shingle is a run of ``shingle_tokens`` tokens; a shorter text is one shingle. With ``unit`` "auto" a token is a
    word in scripts with spaces between words and a character in others (Chinese, Japanese, Thai, …); "word" and
    "character" apply to all scripts.

    ``recall`` is the share of pairs exactly at the threshold that must be found; it determines bands and rows, within
    ``permutations`` MinHash values of datasketch's affine32 scheme with ``seed``.
    Texts without a token (null, empty, punctuation only) match nothing, unless ``join_empty`` makes them equal. Raises
    ``ValueError`` for a value out of range. The checks avoid pydantic, which takes 0.07 s to load.
    """

    threshold: float = SINGLE_TURN
    recall: float = 0.995
    shingle_tokens: int = 5
    unit: Unit = "auto"
    permutations: int = 128
    seed: int = 1
    join_empty: bool = False

    def __post_init__(self) -> None:
        for name, valid, expected in (
            ("threshold", 0 < self.threshold <= 1, "a number above 0 and at most 1"),
            ("recall", 0 < self.recall < 1, "a number between 0 and 1"),
            ("shingle_tokens", 1 <= self.shingle_tokens <= 1000, "1 to 1000"),
            ("unit", self.unit in get_args(Unit), " or ".join(get_args(Unit))),
            ("permutations", 1 <= self.permutations <= 4096, "1 to 4096"),
            ("seed", 0 <= self.seed < 2**32, "0 to 4294967295"),
        ):
            if not valid:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected {expected}")
        _ = self.banding

    @property
    def banding(self) -> Banding:
        """The bands and rows that reach ``recall`` at ``threshold``."""
        return banding(self.threshold, self.recall, self.permutations)
