"""DEITA score of a row: the complexity of its questions times the quality of its answers, summed over the turns.

Liu et al., What Makes Good Data for Alignment? (arXiv 2312.15685, section 2); Aloe Beta drops the lowest tenth by it
(arXiv 2505.04388): ``scores.drop_lowest``. The published scorers use prompts of their own, from llama_scorer.py of
github.com/hkust-nlp/deita, unchanged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import polars as pl

from quality.scores.digits import Digits, NextToken, NextTokens, expected_digit
from quality.scores.score_columns import Score, Unscored, add_score, score_replies

PUBLISHED_COMPLEXITY = (
    "You are a helpful assistant. Please identify the complexity score of the following user query. \n"
    "##Query: {instruction}  \n##Complexity: "
)
PUBLISHED_QUALITY = (
    "You are a helpful assistant. Please identify the quality score of the Response corresponding to the Question. \n"
    " #Question#:\n{instruction}\n#Response#:\n{output} \n##Quality: "
)
"""The words that the published scorers (``hkust-nlp/deita-complexity-scorer``, ``-quality-scorer``) were trained on,
odd spaces included; with other words their digits mean nothing."""


class Turn(NamedTuple):
    """A question and its answer."""

    instruction: str
    response: str


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A model that answers a prompt with a digit, and that prompt, in which ``{instruction}`` and ``{output}`` are
    filled.

    The published scorers need exactly the words of their training, spaces included.
    """

    prompt: str
    next_tokens: NextTokens

    def __post_init__(self) -> None:
        if "{instruction}" not in self.prompt:
            raise ValueError(f"prompt is {self.prompt!r}, expected {{instruction}} in it, where the question goes")

    def digits(self, turns: Sequence[Turn]) -> list[NextToken | Unscored]:
        """Return the model's result for each turn, all requested in one call."""
        filled = [
            self.prompt.replace("{instruction}", turn.instruction).replace("{output}", turn.response) for turn in turns
        ]
        return score_replies(self.next_tokens, filled)


def turns(messages: Sequence[tuple[str, str]], response: str | None) -> tuple[Turn, ...] | Unscored:
    """Return the turns of a row: (role, content) messages and the response to the last of them, if it has one.

    Consecutive messages of one role are joined by a line break; system messages are not part of a question. A
    conversation that does not alternate user, assistant, …, assistant, or has an empty message, has no score.
    """
    dialogue = [(role, text) for role, text in messages if role != "system"]
    if response is not None:
        dialogue.append(("assistant", response))
    joined = [
        (role, "\n".join(text for _, text in group)) for role, group in groupby(dialogue, lambda message: message[0])
    ]
    for place, (role, text) in enumerate(joined):
        expected = "assistant" if place % 2 else "user"
        if role != expected:
            return Unscored(f"message {place + 1} is by {role}, expected {expected}")
        if not text.strip():
            return Unscored(f"message {place + 1}, by {role}, is empty")
    if not joined or len(joined) % 2:
        return Unscored("the last question has no answer")
    return tuple(Turn(question[1], reply[1]) for question, reply in zip(joined[::2], joined[1::2], strict=True))


def deita_scores(
    conversations: Sequence[Sequence[Turn] | Unscored],
    complexity: Scorer,
    quality: Scorer,
    rule: Digits | None = None,
) -> list[Score]:
    """Return Σ over turns of complexity × quality, 1 to 36 per turn, or the reason why a number is missing.

    Each model is called once with all its prompts. Longer conversations score higher, as in the paper.
    """
    every = [turn for conversation in conversations if not isinstance(conversation, Unscored) for turn in conversation]
    hard, good = complexity.digits(every), quality.digits(every)
    products = iter([_product(h, g, rule or Digits()) for h, g in zip(hard, good, strict=True)])
    return [
        conversation if isinstance(conversation, Unscored) else _sum([next(products) for _ in conversation])
        for conversation in conversations
    ]


def add_deita(rows: pl.DataFrame, complexity: Scorer, quality: Scorer, rule: Digits | None = None) -> pl.DataFrame:
    """Return ``rows`` (``messages``, ``response``) with ``deita`` and ``deita_reason``."""
    conversations = [
        turns([(message["role"], message["content"]) for message in messages], response)
        for messages, response in rows.select("messages", "response").iter_rows()
    ]
    return add_score(rows, "deita", deita_scores(conversations, complexity, quality, rule))


def _product(hard: NextToken | Unscored, good: NextToken | Unscored, rule: Digits) -> Score:
    complexity, quality = expected_digit(hard, rule), expected_digit(good, rule)
    if isinstance(complexity, Unscored):
        return Unscored(f"complexity: {complexity.reason}")
    if isinstance(quality, Unscored):
        return Unscored(f"quality: {quality.reason}")
    return complexity * quality


def _sum(products: Sequence[Score]) -> Score:
    total = 0.0
    for number, product in enumerate(products, 1):
        if isinstance(product, Unscored):
            return Unscored(f"turn {number}: {product.reason}")
        total += product
    return total
