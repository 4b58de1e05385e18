"""Exact leaks: rows that ask what a benchmark item asks, with the same options in any order."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.decontamination.word_keys import text_keys

U64 = NDArray[np.uint64]


def exact_keys(table: pl.DataFrame) -> pl.DataFrame:
    """Return ``question_key`` and ``options_key`` (unsigned, 64 bits) of ``question`` and ``options``.

    Case, marks, punctuation, spacing and the order of options do not change a key. A question without a word and a
    missing list of options have key 0.
    """
    return pl.DataFrame({"question_key": text_keys(table["question"]), "options_key": option_keys(table["options"])})


def option_keys(options: pl.Series) -> U64:
    """Return one key for each list of texts, independent of their order; empty texts do not count, and an empty list
    gives 0.
    """
    rows = (
        pl.DataFrame({"options": options}).with_row_index("row").explode("options", empty_as_null=True, keep_nulls=True)
    )
    keyed = rows.select("row", key=pl.Series(text_keys(rows["options"]))).filter(pl.col("key") != 0)
    joined = keyed.sort("row", "key").group_by("row", maintain_order=True).agg(pl.col("key").cast(pl.String))
    out = np.zeros(len(options), np.uint64)
    out[joined["row"].to_numpy()] = text_keys(joined["key"].list.join(" "))
    return out


def exact_pairs(keys: pl.DataFrame, item_groups: pl.DataFrame, whole_bits: float) -> pl.DataFrame:
    """Return (row, item group, bits) of the rows equal to an item group in question and options, from ``whole_bits``
    on.

    ``keys`` are those of the rows (``exact_keys``). Questions without options are matched word for word (``verbatim``).
    """
    rows = keys.with_row_index("row").filter((pl.col("question_key") != 0) & (pl.col("options_key") != 0))
    there = item_groups.with_row_index("item_group").select(
        "item_group", "question_key", "options_key", bits="all_bits"
    )
    both = rows.join(there.filter(pl.col("bits") >= whole_bits), on=["question_key", "options_key"])
    return both.select(pl.col("row").cast(pl.Int64), pl.col("item_group").cast(pl.Int64), "bits")
