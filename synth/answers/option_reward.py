"""A reward for reinforcement learning on multiple choice: whether a reply chooses the right options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth.answers.extractor import extract


def option_reward(
    completions: Sequence[str | Sequence[Mapping[str, str]]],
    options: Sequence[Sequence[str]],
    gold: Sequence[Sequence[int]],
    **other: Any,
) -> list[float]:
    """Return 1 for each reply that chooses exactly the right options, and 0 for every other one.

    A reply without a readable answer gets 0 too: a trainer needs a number for each sample. The arguments are those of
    a reward function of TRL's ``GRPOTrainer``: replies as texts or as messages, and columns of the rows.
    """
    return [
        float(_positions(reply, listed, right) == set(right))
        for reply, listed, right in zip(completions, options, gold, strict=True)
    ]


def _positions(reply: str | Sequence[Mapping[str, str]], options: Sequence[str], right: Sequence[int]) -> set[int]:
    text = reply if isinstance(reply, str) else reply[-1]["content"] if reply else ""
    verdict = extract(text, options, several=len(right) > 1)
    return set(verdict.positions) if verdict.outcome == "parsed" else set()
