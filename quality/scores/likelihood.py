"""Scores from a model's token probabilities: perplexity, and instruction-following difficulty.

IFD is Li et al., From Quantity to Quality (arXiv 2308.12032): how much an instruction helps a model to predict its
answer. As in the authors' code it is the ratio of mean losses, not of perplexities.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self, TypeAlias

import polars as pl
from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass as checked

from quality.scores.score_columns import Score, Unscored, add_score, ask_possible, finite
from sources.table import question_text


class Continuation(NamedTuple):
    """A text and its prefix; only ``text`` is scored."""

    prefix: str
    text: str


TokenLogprobs: TypeAlias = Callable[[Sequence[Continuation]], Sequence[Sequence[float] | Unscored]]
"""Continuations in; for each the natural log-probabilities of the tokens of its text, given all before them.

The text is tokenised by itself, so the same tokens are scored whatever the prefix. The prefix starts with the
tokenizer's special tokens. Without any of them and with an empty prefix the first token has no probability and is left
out. A text too long for the model is ``Unscored``; none is truncated.
"""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Ifd:
    """Prefixes of an answer: with its instruction (a format with ``{instruction}``) and without.

    The defaults are those of the authors' code for WizardLM prompts.
    """

    conditioned: str = "{instruction}\n\n### Response:"
    alone: str = "### Response:"

    @model_validator(mode="after")
    def _names_the_instruction(self) -> Self:
        if "{instruction}" not in self.conditioned:
            raise ValueError(f"conditioned is {self.conditioned!r}, expected {{instruction}} in it")
        return self


def mean_loss(logprobs: Sequence[float]) -> Score:
    """Return the mean of the negated log-probabilities, in nats per token."""
    if not logprobs:
        return Unscored("the text has no token to score")
    if max(logprobs) > 1e-3:
        return Unscored(f"{max(logprobs)} is no log-probability, expected 0 at most")
    return finite(-math.fsum(logprobs) / len(logprobs))


def perplexity(logprobs: Sequence[float]) -> Score:
    """Return exp(mean loss): 1 for a text predicted with certainty, the vocabulary size where all tokens are equally
    likely.
    """
    loss = mean_loss(logprobs)
    if isinstance(loss, Unscored):
        return loss
    return math.exp(loss) if loss < 700 else Unscored(f"the mean loss is {loss:.0f} nats, too much to be true")


def ifd(conditioned: Sequence[float], alone: Sequence[float]) -> Score:
    """Return mean loss with the instruction over mean loss without; above 1 the instruction misleads the model."""
    if len(conditioned) != len(alone):
        return Unscored(f"{len(conditioned)} tokens with the instruction and {len(alone)} without, expected the same")
    loss_with_instruction, loss_alone = mean_loss(conditioned), mean_loss(alone)
    if isinstance(loss_with_instruction, Unscored) or isinstance(loss_alone, Unscored):
        return loss_with_instruction if isinstance(loss_with_instruction, Unscored) else loss_alone
    return (
        loss_with_instruction / loss_alone
        if loss_alone > 0
        else Unscored("the answer is certain without its instruction")
    )


def perplexity_scores(continuations: Sequence[Continuation | Unscored], model: TokenLogprobs) -> list[Score]:
    """Return the perplexity of each text given its prefix."""
    replies = ask_possible(model, [_with_text(one) for one in continuations])
    return [reply if isinstance(reply, Unscored) else perplexity(reply) for reply in replies]


def ifd_scores(
    pairs: Sequence[tuple[str, str] | Unscored], model: TokenLogprobs, rule: Ifd | None = None
) -> list[Score]:
    """Return the IFD of each (instruction, answer)."""
    rule = rule or Ifd()
    conditioned = [_prefixed(pair, rule.conditioned) for pair in pairs]
    alone = [_prefixed(pair, rule.alone) for pair in pairs]
    replies = ask_possible(model, [*conditioned, *alone])
    return [_either(*two) for two in zip(replies[: len(pairs)], replies[len(pairs) :], strict=True)]


def add_ifd(rows: pl.DataFrame, model: TokenLogprobs, rule: Ifd | None = None) -> pl.DataFrame:
    """Return ``rows`` (``messages``, ``response``) with ``ifd`` and ``ifd_reason``; the instruction is all messages."""
    return add_score(rows, "ifd", ifd_scores(_pairs(rows), model, rule))


def add_perplexity(rows: pl.DataFrame, model: TokenLogprobs, rule: Ifd | None = None) -> pl.DataFrame:
    """Return ``rows`` with ``perplexity``, that of the response after its instruction, and ``perplexity_reason``.

    The instruction is written as for IFD, so that the model is asked once for both.
    """
    conditioned = [_prefixed(pair, (rule or Ifd()).conditioned) for pair in _pairs(rows)]
    return add_score(rows, "perplexity", perplexity_scores(conditioned, model))


def _pairs(rows: pl.DataFrame) -> list[tuple[str, str] | Unscored]:
    texts = rows.select(question_text(), "response").iter_rows()
    return [_pair(question, answer) for question, answer in texts]


def _pair(question: str | None, answer: str | None) -> tuple[str, str] | Unscored:
    """Return a question and its answer; both scores are of an answer given its question, and need both."""
    if answer is None:
        return Unscored("the row has no response")
    if question is None or not question.strip():
        return Unscored("the row has no question")
    return question, answer


def _prefixed(pair: tuple[str, str] | Unscored, template: str) -> Continuation | Unscored:
    if isinstance(pair, Unscored):
        return pair
    return _with_text(Continuation(template.format(instruction=pair[0]), pair[1]))


def _with_text(one: Continuation | Unscored) -> Continuation | Unscored:
    if isinstance(one, Unscored) or one.text.strip():
        return one
    return Unscored("the text is empty")


def _either(conditioned: Sequence[float] | Unscored, alone: Sequence[float] | Unscored) -> Score:
    if isinstance(conditioned, Unscored):
        return conditioned
    return alone if isinstance(alone, Unscored) else ifd(conditioned, alone)
