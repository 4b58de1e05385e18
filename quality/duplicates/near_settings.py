"""What makes two rows near-duplicates: the settings of that step, with Aloe Beta's thresholds."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.duplicates.minhash import Banding, banding

SINGLE_TURN = 0.72
"""Threshold for a question and its answer together (arXiv 2505.04388)."""

CONVERSATION = 0.77
"""Threshold for the turns of a conversation, joined with their authors' names (arXiv 2505.04388)."""

Unit = Literal["auto", "word", "character"]


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
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
    """

    threshold: float = Field(default=SINGLE_TURN, gt=0, le=1)
    recall: float = Field(default=0.995, gt=0, lt=1)
    shingle_tokens: int = Field(default=5, ge=1, le=1000)
    unit: Unit = "auto"
    permutations: int = Field(default=128, ge=1, le=4096)
    seed: int = Field(default=1, ge=0, lt=2**32)
    join_empty: bool = False

    def __post_init__(self) -> None:
        _ = self.banding

    @property
    def banding(self) -> Banding:
        """The bands and rows that reach ``recall`` at ``threshold``."""
        return banding(self.threshold, self.recall, self.permutations)
