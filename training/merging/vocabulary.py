"""Rows of embeddings and heads: which row of a model corresponds to which token of the result.

With the same tokenizer and number of rows in all models, rows correspond by number. Otherwise a row of the result is
one token of the chosen tokenizer; a model that lacks that token takes the row of the chosen tokenizer's own model, so
it does not influence it. Rows beyond a tokenizer's tokens are padding and matched by number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from training.merging.number_types import Raw
from training.merging.shards import Checkpoint
from training.merging.tokenizer import Choice, Tokenizer
from training.training_errors import MergeError

EMBEDDING = re.compile(r"(?:^|\.)(?:embed_tokens|wte|embed_in|word_embeddings|tok_embeddings)\.weight$")
HEAD = re.compile(r"(?:^|\.)(?:lm_head|embed_out)\.(?:weight|bias)$")

Rows = NDArray[np.int64]
"""For each row of the result the row of a model, -1 where it has none."""


def by_token(tensor: str) -> bool:
    """Return whether a tensor has one row per token."""
    return bool(EMBEDDING.search(tensor) or HEAD.search(tensor))


def row_count(checkpoint: Checkpoint) -> int | None:
    """Return the number of rows of a model's embeddings; None where no tensor is known to be embeddings."""
    for name in checkpoint.names():
        if EMBEDDING.search(name):
            return checkpoint.tensor(name).shape[0]
    return None


def aligned(
    choice: Choice, tokenizers: Mapping[str, Tokenizer], counts: Mapping[str, int | None]
) -> dict[str, Rows | None]:
    """Return for each model the mapping of its rows to those of the result; None for a model whose rows are unchanged.

    Raises ``MergeError`` where rows differ in number or meaning and the configuration does not choose one.
    """
    if not choice.requested or choice.tokenizer is None:
        _check_counts(choice, counts)
        return dict.fromkeys(counts)
    chosen = choice.tokenizer
    rows: dict[str, Rows | None] = {}
    for model, count in counts.items():
        same = tokenizers[model].identity == chosen.identity and count == counts[chosen.model]
        rows[model] = None if same else _rows(chosen, tokenizers[model], counts[chosen.model], count)
    return rows


def _check_counts(choice: Choice, counts: Mapping[str, int | None]) -> None:
    if len(set(counts.values())) <= 1:
        return
    listed = ", ".join(
        f"{count:,} in {model}" if count is not None else f"none in {model}" for model, count in counts.items()
    )
    hint = "say whose rows the result has, as tokenizer_source: MODEL"
    if choice.tokenizer is None:
        hint = (
            "put the tokenizer of each into its folder, and say whose rows the result has, as tokenizer_source: MODEL"
        )
    raise MergeError(f"the embeddings differ in rows ({listed}): {hint}")


def _rows(chosen: Tokenizer, own: Tokenizer, count: int | None, own_count: int | None) -> Rows | None:
    """Return for each of the ``count`` rows of the chosen tokenizer's model the row of another model."""
    if count is None or own_count is None:
        raise MergeError(f"{own.model} or {chosen.model} has no known embeddings, expected rows to match by token")
    if chosen.tokens is None or own.tokens is None:
        lacking = chosen if chosen.tokens is None else own
        raise MergeError(
            f"{lacking.folder} has no tokenizer.json, which is needed to match its tokens with those of "
            f"{chosen.model}: load the tokenizer with transformers and save it there"
        )
    rows = np.full(count, -1, dtype=np.int64)
    taken, own_taken = set(chosen.tokens.values()), set(own.tokens.values())
    for token, number in chosen.tokens.items():
        place = own.tokens.get(token, -1)
        if number < count and place < own_count:
            rows[number] = place
    for number in range(min(count, own_count)):
        if number not in taken and number not in own_taken:
            rows[number] = number
    return None if own_count == count and np.array_equal(rows, np.arange(count)) else rows


def taken_by_row(own: Raw, rows: Rows, filled: Raw) -> Raw:
    """Return the bytes of a tensor with its rows in the order of the result, missing ones taken from ``filled``."""
    table = filled.reshape(len(rows), -1).copy()
    there = rows >= 0
    table[there] = own.reshape(-1, table.shape[1])[rows[there]]
    return table.reshape(-1)
