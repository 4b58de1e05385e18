"""Block-wise comparison of rows with an index: the lexical pairs of both sides of a row."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.decontamination.inverted_index import candidates
from quality.decontamination.item_index import LeakIndex
from quality.decontamination.similar_passages import PassageLimits, Passages, passages
from quality.decontamination.similarity import Limits, Pairs, Texts, similar_windows
from quality.decontamination.word_keys import Words, words

I64 = NDArray[np.int64]

BLOCK_ROWS = 1000
"""Rows at a time: enough to amortise clearing its tables."""

SIMILAR_SCHEMA = pl.Schema(
    {
        "row": pl.Int64(),
        "item_group": pl.Int64(),
        "kind": pl.UInt8(),
        "score": pl.Float32(),
        "bits": pl.Float32(),
        "passage": pl.String(),
    }
)
"""Row and item group by number, their similarity (``similarity``), and the passage where only that is similar."""


def question_side(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return question and options as one text per row, and the number of its bytes that are the question."""
    question = rows["question"].fill_null("")
    options = rows["options"].list.join("\n", ignore_nulls=True).fill_null("")
    return question + "\n" + options, question.str.len_bytes()


def reasoning_side(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return answer and reasoning as one text per row, without options."""
    texts = rows.select(pl.concat_str("answer", "reasoning", separator="\n", ignore_nulls=True)).to_series()
    return texts, texts.str.len_bytes()


def scan(
    texts: pl.Series, cuts: pl.Series, index: LeakIndex, limits: Limits, dense: PassageLimits
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the pairs (``SIMILAR_SCHEMA``) of texts and item groups similar as wholes, and those similar by a passage.

    The first ``cuts`` bytes of a text are its question. Each table has a pair once, sorted by row and item group.
    """
    blocks = [
        _block(texts[at : at + BLOCK_ROWS], cuts[at : at + BLOCK_ROWS], index, limits, dense, at)
        for at in range(0, len(texts), BLOCK_ROWS)
    ]
    return _strongest([wholes for wholes, _ in blocks]), _strongest([parts for _, parts in blocks])


def _strongest(tables: list[pl.DataFrame]) -> pl.DataFrame:
    pairs = pl.concat([pl.DataFrame(schema=SIMILAR_SCHEMA), *tables])
    pairs = pairs.sort("row", "item_group", "kind", "score", descending=[False, False, False, True])
    return pairs.unique(["row", "item_group"], keep="first", maintain_order=True)


def _block(
    texts: pl.Series, cuts: pl.Series, index: LeakIndex, limits: Limits, dense: PassageLimits, at: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    tokens = words(texts)
    mine = Texts(
        tokens.offsets, index.ids(tokens), _question_words(tokens, cuts.fill_null(0).to_numpy().astype(np.int64))
    )
    candidate_pairs = candidates(mine.offsets, mine.ids, index.postings)
    wholes, near = similar_windows(mine, index.arrays, candidate_pairs, limits)
    parts = passages(mine.offsets, mine.ids, index.arrays, candidate_pairs, near, dense)
    passage_texts = [
        _passage(texts, tokens, *place) for place in zip(parts.texts, parts.lows, parts.highs, strict=True)
    ]
    return _table(wholes, at, None), _table(parts, at, passage_texts)


def _table(pairs: Pairs | Passages, at: int, passage_texts: list[str] | None) -> pl.DataFrame:
    rows, item_groups = pairs.texts.astype(np.int64) + at, pairs.items.astype(np.int64)
    table = pl.DataFrame(
        {"row": rows, "item_group": item_groups, "kind": pairs.kinds, "score": pairs.scores, "bits": pairs.bits}
    )
    return table.with_columns(
        passage=pl.Series(passage_texts, dtype=pl.String) if passage_texts else pl.lit(None, pl.String)
    )


def _question_words(tokens: Words, cuts: I64) -> I64:
    """Return the number of words of each text that begin before its cut."""
    before = tokens.at < np.repeat(cuts, np.diff(tokens.offsets))
    counts = np.concatenate([np.zeros(1, np.int64), np.cumsum(before)])
    before_cut: I64 = counts[tokens.offsets[1:]] - counts[tokens.offsets[:-1]]
    return before_cut


def _passage(texts: pl.Series, tokens: Words, number: int, low: int, high: int) -> str:
    """Return the passage from word ``low`` to ``high`` of a text, counted over the block."""
    data = str(texts[int(number)]).encode()
    stop = tokens.at[high] if high < tokens.offsets[number + 1] else len(data)
    return data[tokens.at[low] : stop].decode().strip()
