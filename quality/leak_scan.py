"""Rows against an index, block by block in threads: the lexical pairs of both sides of a row."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.leak_candidates import candidates
from quality.leak_index import LeakIndex
from quality.leak_likeness import Limits, Texts, likeness
from quality.leak_words import Words, words

I64 = NDArray[np.int64]

BLOCK_ROWS = 1000
"""Rows that a thread compares at a time: enough to spread the cost of clearing its tables."""

PAIR_SCHEMA = pl.Schema(
    {
        "row": pl.Int64(),
        "unit": pl.Int64(),
        "kind": pl.UInt8(),
        "score": pl.Float32(),
        "bits": pl.Float32(),
        "passage": pl.String(),
    }
)
"""A row's number, a unit's, how alike they are (``quality.leak_likeness``), and the passage where only one is alike."""


def question_side(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return question and options as one text a row, and the bytes of it that are the question."""
    question = rows["question"].fill_null("")
    options = rows["options"].list.join("\n", ignore_nulls=True).fill_null("")
    return question + "\n" + options, question.str.len_bytes()


def reasoning_side(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return answer and reasoning as one text a row, none of it options."""
    texts = rows.select(pl.concat_str("answer", "reasoning", separator="\n", ignore_nulls=True)).to_series()
    return texts, texts.str.len_bytes()


def scan(texts: pl.Series, cuts: pl.Series, index: LeakIndex, limits: Limits, workers: int | None) -> pl.DataFrame:
    """Return the pairs (``PAIR_SCHEMA``) of texts and units, a pair once, by row and unit.

    The first ``cuts`` bytes of a text are its question. The same for any number of workers (None: one a core).
    """
    blocks = range(0, len(texts), BLOCK_ROWS)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        found = pool.map(
            lambda at: _block(texts[at : at + BLOCK_ROWS], cuts[at : at + BLOCK_ROWS], index, limits, at), blocks
        )
        pairs = pl.concat([pl.DataFrame(schema=PAIR_SCHEMA), *found])
    return pairs.sort("row", "unit", "kind", "score", descending=[False, False, False, True]).unique(
        ["row", "unit"], keep="first", maintain_order=True
    )


def _block(texts: pl.Series, cuts: pl.Series, index: LeakIndex, limits: Limits, at: int) -> pl.DataFrame:
    found = words(texts)
    mine = Texts(found.offsets, index.ids(found), _question_words(found, cuts.fill_null(0).to_numpy().astype(np.int64)))
    pairs = likeness(mine, index.arrays, candidates(mine.offsets, mine.ids, index.postings), limits)
    passages = [
        _passage(texts[int(text)], found, int(text), int(low), int(high)) if low >= 0 else None
        for text, low, high in zip(pairs.texts, pairs.lows, pairs.highs, strict=True)
    ]
    rows = pairs.texts.astype(np.int64) + at
    columns = (rows, pairs.items.astype(np.int64), pairs.kinds, pairs.scores, pairs.bits, passages)
    return pl.DataFrame(dict(zip(PAIR_SCHEMA.names(), columns, strict=True)), schema=PAIR_SCHEMA)


def _question_words(found: Words, cuts: I64) -> I64:
    """Return how many words of each text begin before its cut."""
    before = found.at < np.repeat(cuts, np.diff(found.offsets))
    counts = np.concatenate([np.zeros(1, np.int64), np.cumsum(before)])
    before_cut: I64 = counts[found.offsets[1:]] - counts[found.offsets[:-1]]
    return before_cut


def _passage(text: str, found: Words, number: int, low: int, high: int) -> str:
    """Return the text of words ``low`` to ``high`` (counted over the block)."""
    data = text.encode()
    stop = found.at[high] if high < found.offsets[number + 1] else len(data)
    return data[found.at[low] : stop].decode().strip()
