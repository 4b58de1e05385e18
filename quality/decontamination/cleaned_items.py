"""Benchmark items after cleaning, since the rows of a recipe are cleaned before they are compared."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.cleaning.normalize import FAULTS, Normalise, normalise
from quality.decontamination.exact_questions import option_keys
from quality.decontamination.inputs import ITEM_SCHEMA, checked
from quality.decontamination.word_keys import text_keys

TEXTS = ("question", "answer", "reasoning", "context")

REPAIRED = Normalise(repairs=(("benchmark", ("calculator_marks",)),))


def with_cleaned(items: pl.DataFrame) -> pl.DataFrame:
    """Return ``items`` (``ITEM_SCHEMA``) and, for items whose words cleaning changes, their cleaned form as well.

    Of the repairs requested by a corpus one changes words (``REPAIRED``); the others change only spacing and case,
    which are not compared. The cleaning edits affect the result here, so a change of one changes the fingerprint of the
    leak step.
    """
    items = checked(items, ITEM_SCHEMA)
    cleaned = _cleaned(items)
    changed = np.zeros(items.height, np.bool_)
    for mine, theirs in zip(_keys(items), _keys(cleaned), strict=True):
        changed |= mine != theirs
    return pl.concat([items, cleaned.filter(pl.Series(changed, dtype=pl.Boolean))])


def _keys(items: pl.DataFrame) -> list[NDArray[np.uint64]]:
    return [option_keys(items["options"]), *(text_keys(items[name]) for name in TEXTS)]


def _cleaned(items: pl.DataFrame) -> pl.DataFrame:
    """Return the items cleaned as prose; an item that cannot be cleaned is unchanged."""
    turn = pl.struct(role=pl.lit("user"), content="question")
    nothing = pl.lit(None, pl.String)
    rows = items.select(
        id=pl.int_range(pl.len()).cast(pl.String),
        source="benchmark",
        task=pl.lit("qa"),
        messages=pl.concat_list(turn),
        context="context",
        options=pl.col("options").fill_null([]),
        answer="answer",
        rationale="reasoning",
        response=nothing,
        rejected=nothing,
    )
    try:
        edited, _ = normalise(rows, REPAIRED)
    except (*FAULTS, ValueError):
        if items.height < 2:
            return items
        half = items.height // 2
        return pl.concat([_cleaned(items.head(half)), _cleaned(items.tail(items.height - half))])
    question = pl.col("messages").list.first().struct.field("content")
    texts = edited.select(question.alias("question"), "options", "answer", "context", reasoning="rationale")
    return items.with_columns(texts).select(ITEM_SCHEMA.names())
