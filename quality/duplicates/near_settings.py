"""What makes two rows near-duplicates: the settings of that step, with Aloe Beta's thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from quality.duplicates.minhash import Banding, banding

SINGLE_TURN = 0.72
"""Threshold for a question and its answer together (arXiv 2505.04388)."""

CONVERSATION = 0.77
"""Threshold for the turns of a conversation, joined with their authors' names (arXiv 2505.04388)."""

Unit = Literal["auto", "word", "character"]


@dataclass(frozen=True, kw_only=True)
class NearRules:
    """Two rows are near-duplicates if the Jaccard similarity of their shingle sets is ``threshold`` or more, they are
    about the same and say nothing opposite.

    They are about the same if the words of their questions agree, function words, greetings and typing errors aside
    (one in ``set_kernels.TOLERANCE`` may differ). They say something opposite if between the same words they have
    other numbers, units, signs, letters (type A, B) or opposites (left, right), or if one has a negation or a sign
    where the other goes on without. All of this depends on the two rows alone, so rows added later change nothing.

    A shingle is a run of ``shingle_tokens`` tokens, a shorter text is one shingle. With ``unit`` "auto" a token is a
    word in scripts that put spaces between words and a character in those that do not (Chinese, Japanese, Thai, …);
    "word" and "character" hold for all scripts.

    ``recall`` is the share of pairs just at the threshold that must be found; bands and rows follow from it, within
    ``permutations`` MinHash values of datasketch's affine32 scheme with ``seed``.

    Texts without a token (null, empty, punctuation alone) resemble nothing, unless ``join_empty`` makes them equal.
    Raises ``ValueError`` for a value out of range. The checks need no pydantic, which takes 0.07 s to load.
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
