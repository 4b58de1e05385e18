"""Items that ask the same question in two benchmarks, so that one question is known to be in both."""

from __future__ import annotations

import polars as pl

from quality.decontamination.item_index import LeakIndex

WHOLE_QUESTION_BITS = 30.0
"""Bits from which a question is the same one whatever its options, half a sentence of a case; one of fewer must have
the same options. "Which one of the following is not a side effect of aspirin?" has 15.
"""


def repeated_questions(index: LeakIndex) -> pl.DataFrame:
    """Return ``question`` (a number), ``benchmark`` and ``item`` of all questions that several benchmarks have."""
    long = pl.col("question_bits") >= WHOLE_QUESTION_BITS
    groups = index.item_groups.with_row_index("item_group").select(
        pl.col("item_group").cast(pl.Int32),
        "question_key",
        options=pl.when(long).then(pl.lit(0, pl.UInt64)).otherwise(pl.col("options_key")),
    )
    items = index.items.select("item_group", "benchmark", item="id").join(groups, on="item_group", how="left")
    same = ["question_key", "options"]
    items = items.filter(pl.col("question_key") != 0).unique([*same, "benchmark", "item"])
    shared = items.filter(pl.col("benchmark").n_unique().over(same) > 1).sort("benchmark", "item")
    numbers = pl.struct(same).rank("dense").cast(pl.Int64).alias("question")
    return shared.select(numbers, "benchmark", "item").sort("question", "benchmark", "item")
