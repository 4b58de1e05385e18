"""Decontamination: training rows that contain benchmark items, found layer by layer, each with its evidence.

Words weighted by rarity find copies, shuffled options, rewrites and leaks into answers; embeddings find matches without
shared words. A judge may review the matches; where it gives no verdict, the row counts as contaminated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_config

from quality.decontamination.inputs import ROW_SCHEMA, checked
from quality.decontamination.item_index import LeakIndex, build_index
from quality.decontamination.lexical_layers import FOUND_SCHEMA, LAYERS, SUSPECTED, SimilarityThresholds, lexical_pairs
from quality.decontamination.neighbors import Embed, neighbours, unit_vectors
from quality.decontamination.scan import question_side
from quality.decontamination.verbatim import findable
from quality.outcome import DROP_SCHEMA

Judge = Callable[[Sequence[tuple[str, str]]], Sequence[bool | None]]
"""(Training text, benchmark text) pairs in; for each, whether they are the same question, or None if unknown."""

LEAK_SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "benchmark": pl.String(),
        "item": pl.String(),
        "layer": pl.String(),
        "score": pl.Float64(),
        "bits": pl.Float64(),
        "verdict": pl.Boolean(),
        "passage": pl.String(),
        "row_text": pl.String(),
        "item_text": pl.String(),
    }
)
"""A leak: row, benchmark item, layer, score in [0, 1], shared bits, the judge's verdict, the passage, both texts."""

Near = Callable[[pl.DataFrame], pl.DataFrame]
"""Rows in, the pairs of the embedding layer out."""

SLICE_ROWS = 25_000
"""Most rows that a thread processes at a time, which bounds the memory."""


@checked_config(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Decontaminate:
    """``thresholds`` are those of the lexical layers, ``similarity`` is the cosine of the embedding layer.

    The cosine depends on the model; `sabila calibrate` measures it.
    """

    thresholds: SimilarityThresholds = Field(default_factory=SimilarityThresholds)
    similarity: float = Field(default=0.9, gt=0, le=1)


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """The matched pairs (``LEAK_SCHEMA``), the rows to drop (``DROP_SCHEMA``), and the report by benchmark."""

    pairs: pl.DataFrame
    drops: pl.DataFrame
    report: pl.DataFrame


def decontaminate(
    rows: pl.DataFrame,
    items: pl.DataFrame,
    config: Decontaminate | None = None,
    *,
    embed: Embed | None = None,
    judge: Judge | None = None,
    workers: int | None = None,
) -> Leaks:
    """Return the leaks of benchmark ``items`` (``ITEM_SCHEMA``) in ``rows`` (``ROW_SCHEMA``).

    Without ``embed`` and ``judge`` their layers are skipped. The result does not depend on the number of ``workers`` or
    the order of rows. Raises ``ValueError`` for a table with wrong columns.
    """
    config = config or Decontaminate()
    index = build_index(items)
    pairs = find_leaks(rows, index, config, embed=embed, judge=judge, workers=workers)
    return Leaks(pairs=pairs, drops=drop_table(pairs), report=report(pairs, index, config))


def find_leaks(
    rows: pl.DataFrame,
    index: LeakIndex,
    config: Decontaminate,
    *,
    embed: Embed | None = None,
    judge: Judge | None = None,
    workers: int | None = None,
    suspects: bool = False,
) -> pl.DataFrame:
    """Return the pairs (``LEAK_SCHEMA``) of rows and indexed items, sorted by row id, layer and score.

    With ``suspects`` pairs too weak to drop a row are among them, with the layer ``suspected``. Each row is judged
    alone, so shards may be searched one after the other.
    """
    rows, workers = checked(rows, ROW_SCHEMA), workers or os.cpu_count() or 1
    size = min(SLICE_ROWS, max(1, -(-rows.height // workers)))
    slices = [rows[at : at + size] for at in range(0, rows.height, size)]
    near = _neighbourhood(index, config, embed) if embed is not None else None
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(lambda part: lexical_pairs(part, index, config.thresholds), slices)
        per_slice = [
            _in_slice(part, pairs, index, near, judge, suspects=suspects)
            for part, pairs in zip(slices, found, strict=True)
        ]
    pairs = pl.concat([pl.DataFrame(schema=LEAK_SCHEMA), *per_slice])
    pairs = pairs.sort("id", _strength(), "score", "benchmark", "item", descending=[False, False, True, False, False])
    return pairs.unique(["id", "benchmark", "item"], keep="first", maintain_order=True)


def _in_slice(
    rows: pl.DataFrame,
    pairs: pl.DataFrame,
    index: LeakIndex,
    near: Near | None,
    judge: Judge | None,
    *,
    suspects: bool,
) -> pl.DataFrame:
    """Return the leaks (``LEAK_SCHEMA``) among some rows, given their lexical pairs."""
    if near is not None:
        pairs = pl.concat([pairs, near(rows)])
    order = [pl.col("row"), pl.col("item_group"), _strength(), pl.col("score")]
    pairs = pairs.sort(order, descending=[False, False, False, True], maintain_order=True)  # whole questions first
    pairs = pairs.unique(["row", "item_group"], keep="first", maintain_order=True)
    if judge is not None:
        return _apply_judge(_spelled_out(pairs, rows, index), judge)
    return _spelled_out(pairs if suspects else pairs.filter(pl.col("layer") != SUSPECTED), rows, index)


def _strength() -> pl.Expr:
    return pl.col("layer").replace_strict({name: at for at, name in enumerate((*LAYERS, SUSPECTED))})


def _neighbourhood(index: LeakIndex, config: Decontaminate, embed: Embed) -> Near:
    """Return a function that finds the pairs of the embedding layer.

    It compares questions and columns without a role, each alone, with items long enough to be distinctive.
    """
    item_groups, theirs = _embedded_items(index, config.thresholds.question_bits, embed)

    def near(rows: pl.DataFrame) -> pl.DataFrame:
        each = pl.concat_list("question", pl.col("texts").fill_null([]))
        texts = rows.select(row=pl.int_range(pl.len(), dtype=pl.Int64), text=each)
        texts = texts.explode("text", empty_as_null=True, keep_nulls=True)
        pairs = neighbours(unit_vectors(texts["text"].fill_null("").to_list(), embed), theirs, config.similarity)
        return pairs.select(
            row=texts["row"].gather(pairs["row"]),
            item_group=item_groups.gather(pairs["item"]),
            layer=pl.lit("embedding"),
            score="score",
            bits=pl.lit(None),
            passage=pl.lit(None),
        ).cast(FOUND_SCHEMA)

    return near


@lru_cache(maxsize=1)
def _embedded_items(index: LeakIndex, least_bits: float, embed: Embed) -> tuple[pl.Series, NDArray[np.float32]]:
    """Return the groups of items to compare and their unit vectors, embedded once per process for all its shards."""
    item_groups, questions = distinctive_questions(index, least_bits)
    return item_groups, unit_vectors(questions.to_list(), embed)


def distinctive_questions(index: LeakIndex, least_bits: float) -> tuple[pl.Series, pl.Series]:
    """Return the groups of items whose questions are long enough to be compared by embedding, and these questions."""
    item_groups = (index.item_groups["question_bits"] >= least_bits).arg_true().cast(pl.Int64)
    return item_groups, index.first_items["question"].gather(item_groups).fill_null("")


def _spelled_out(numbered: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.DataFrame:
    """Return the pairs with ids, names and texts instead of numbers: one for each item of an item group."""
    found = index.items.join(
        numbered.select(pl.col("item_group").cast(pl.Int32)), on="item_group", how="semi", maintain_order="left"
    )
    items = found.select("item_group", "benchmark", item="id", item_text=question_side(found)[0].str.strip_chars())
    mine = rows.select("id", row_text=question_side(rows)[0].str.strip_chars())[numbered["row"]]
    pairs = (
        numbered.with_columns(pl.col("item_group").cast(pl.Int32))
        .hstack(mine)
        .join(items, on="item_group", maintain_order="left")
    )
    return pairs.with_columns(verdict=pl.lit(None, pl.Boolean)).select(LEAK_SCHEMA.names())


def _apply_judge(pairs: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    """Return the pairs that the judge does not clear; exact ones are not sent to it.

    A missing verdict leaves a pair contaminated. A suspect that is not cleared gets the layer ``judge``.
    """
    to_judge = pairs.filter(pl.col("layer") != "exact")
    texts = list(
        zip(to_judge.select(pl.coalesce("passage", "row_text")).to_series(), to_judge["item_text"], strict=True)
    )
    verdicts = list(judge(texts)) if texts else []
    if len(verdicts) != len(texts):
        raise ValueError(
            f"judge gave {len(verdicts)} verdicts on {len(texts)} pairs, expected one each, None if unknown"
        )
    to_judge = to_judge.with_columns(verdict=pl.Series(verdicts, dtype=pl.Boolean))
    kept = to_judge.filter(pl.col("verdict").fill_null(True))
    return pl.concat([pairs.filter(pl.col("layer") == "exact"), with_layer_of_judge(kept)])


def with_layer_of_judge(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return pairs that a judge did not clear: those that were only suspected have the layer ``judge``."""
    layer = pl.when(pl.col("layer") == SUSPECTED).then(pl.lit("judge")).otherwise("layer")
    return pairs.with_columns(layer=layer)


def drop_table(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the rows to drop (``DROP_SCHEMA``) by id, with reason ``leak:`` and the layer of the strongest pair."""
    order = ("id", _strength(), "score", "benchmark", "item")
    ordered = pairs.sort(*order, descending=[False, False, True, False, False])
    first = ordered.group_by("id", maintain_order=True).agg(pl.all().first(), pairs=pl.len())
    evidence = [json.dumps(_evidence(pair), ensure_ascii=False) for pair in first.iter_rows(named=True)]
    return (
        first.select("id", drop_reason="leak:" + pl.col("layer"))
        .with_columns(evidence=pl.Series(evidence, dtype=pl.String))
        .match_to_schema(DROP_SCHEMA)
    )


def _evidence(pair: dict[str, object]) -> dict[str, object]:
    names = ("benchmark", "item", "layer", "score", "bits", "verdict", "passage", "item_text", "pairs")
    rounded = {name: round(value, 3) if isinstance(value := pair[name], float) else value for name in names}
    return {name: value for name, value in rounded.items() if value is not None}


def report(pairs: pl.DataFrame, index: LeakIndex, config: Decontaminate) -> pl.DataFrame:
    """Return one row per benchmark: ``items``; ``checked`` (some rule could find them); ``flagged``, in total and by
    layer; and ``rows`` that contain one. An item counts for the strongest layer that found it.
    """
    totals = _once(index).group_by("benchmark").agg(items=pl.len(), checked=pl.col("checked").sum())
    strongest = pairs.sort(_strength()).unique(["benchmark", "item"], keep="first", maintain_order=True)
    by_layer = strongest.group_by("benchmark").agg(
        pl.len().alias("flagged"), *((pl.col("layer") == name).sum().alias(name) for name in LAYERS)
    )
    rows = pairs.group_by("benchmark").agg(rows=pl.col("id").n_unique())
    table = totals.join(by_layer, on="benchmark", how="left").join(rows, on="benchmark", how="left")
    return table.with_columns(pl.exclude("benchmark").fill_null(0).cast(pl.Int64)).sort("benchmark")


def _once(index: LeakIndex) -> pl.DataFrame:
    """Return each item once, whatever its number of forms, with ``checked``: whether a rule could find any form."""
    known = index.items.with_columns(checked=pl.Series(findable(index.verbatim)).gather(index.items["item_group"]))
    known = known.with_columns(pl.col("checked").any().over("benchmark", "id"))
    return known.unique(["benchmark", "id"], keep="first", maintain_order=True)


def not_checked(index: LeakIndex) -> pl.DataFrame:
    """Return benchmark, item and text of the items that no rule could find: bare stems without a distinctive answer."""
    unseen = _once(index).filter(~pl.col("checked"))
    return unseen.select("benchmark", item="id", item_text=question_side(unseen)[0])
