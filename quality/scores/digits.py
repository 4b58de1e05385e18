"""The digit that a model is about to write, as an expectation over its probabilities for "1" to "6".

DEITA's scorers (arXiv 2312.15685; ``hkust-nlp/deita-complexity-scorer`` and ``-quality-scorer``) are read this way: the
logits of the six digits at the first generated position, softmax over these six, Σ digit · probability.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.scores.score_columns import Score, Unscored

DIGITS = ("1", "2", "3", "4", "5", "6")


class NextToken(NamedTuple):
    """Natural log-probabilities of the next token by its text, and the probability mass not reported.

    With all logits nothing is missing; a server that returns the most likely few leaves the rest unreported.
    """

    logprobs: Mapping[str, float]
    unseen: float = 0.0


NextTokens: TypeAlias = Callable[[Sequence[str]], Sequence[NextToken | Unscored]]
"""Prompts in; for each the model's distribution of the first token after it."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Digits:
    """When an expectation counts as a score.

    The digits must have ``least_mass`` of the probability together, else the model is about to write something else
    (trained scorers give them nearly 1; promptbase asks for 0.2 of its letters). Unreported probability may hide
    digits: if that could move the score by more than ``most_error``, there is none.
    """

    least_mass: float = Field(default=0.2, ge=0, lt=1)
    most_error: float = Field(default=0.05, ge=0)


def from_top_logprobs(top: Iterable[tuple[str, float]]) -> NextToken | Unscored:
    """Return the next token from a server's ``top_logprobs``: pairs of token text and log-probability, the rest
    unreported.

    Tokens that differ in spaces only are merged, as servers report ``" 3"`` and ``"3"`` as two tokens.
    """
    masses: dict[str, float] = {}
    for token, logprob in top:
        if math.isnan(logprob) or logprob > 1e-3:
            return Unscored(f"{logprob} for token {token!r} is no log-probability")
        text = token.strip(" ▁Ġ\n")
        masses[text] = masses.get(text, 0.0) + math.exp(logprob)
    total = sum(masses.values())
    if not masses or total > 1.001:
        return Unscored(f"{len(masses)} tokens with probabilities that sum to {total:.3f}, expected some, up to 1")
    logprobs = {text: math.log(mass) if mass > 0 else -math.inf for text, mass in masses.items()}
    return NextToken(logprobs, max(0.0, 1.0 - total))


def expected_digit(token: NextToken | Unscored, rule: Digits) -> Score:
    """Return the expected digit, from 1 to 6, or why there is none.

    With mass d on the reported digits and n their sum weighted by digit, the score is n / d. Unreported probability u
    can at worst all be "1" or all be "6", so the true value lies between (n + u) / (d + u) and (n + 6u) / (d + u).
    """
    if isinstance(token, Unscored):
        return token
    masses = {digit: math.exp(token.logprobs[digit]) for digit in DIGITS if digit in token.logprobs}
    mass = sum(masses.values())
    if not mass:
        return Unscored(f"no digit among the {len(token.logprobs)} likeliest tokens")
    if mass < rule.least_mass:
        return Unscored(f"the digits hold {mass:.3g} of the probability, expected {rule.least_mass} at least")
    weighted = sum(int(digit) * value for digit, value in masses.items())
    score, unseen = weighted / mass, token.unseen
    low, high = (weighted + unseen) / (mass + unseen), (weighted + 6 * unseen) / (mass + unseen)
    error = max(score - low, high - score)
    if error > rule.most_error:
        return Unscored(
            f"unseen tokens hold {unseen:.3g} of the probability and could move the score by {error:.2g}, "
            f"expected {rule.most_error} at most; ask for more top_logprobs"
        )
    return score
