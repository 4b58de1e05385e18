"""A subset of good and diverse rows: best score first, nothing too similar to the rows taken, up to a size or budget.

DEITA's selection (arXiv 2312.15685, section 2): rows sorted by score, each taken if its greatest cosine to the rows
taken so far is 0.9 at most.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as checked

from quality.embeddings import F32, VectorError
from quality.outcome import DROP_SCHEMA
from quality.scores.score_columns import check_scores

I64 = NDArray[np.int64]

FIRST_ROWS = 1024
"""Least number of rows whose vectors are asked for at once."""

SELECTED_SCHEMA = pl.Schema({"id": pl.String, "position": pl.Int64})
"""A row of the subset and its position in the selection, from 1."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Diversity:
    """Selection criteria of a subset.

    ``score`` names the column to sort by, highest first. A row is skipped if its cosine to a row taken before is above
    ``most_similar``. Selection ends at ``size`` rows, or at ``budget_tokens`` of the column ``tokens``: a row that
    would exceed the budget is skipped, and shorter ones after it may still fit. With neither, every row unlike those
    before it is taken.
    """

    score: str
    most_similar: float = Field(default=0.9, gt=0, le=1)
    size: int | None = Field(default=None, ge=1)
    budget_tokens: int | None = Field(default=None, ge=1)
    tokens: str = "tokens"

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if self.size is not None and self.budget_tokens is not None:
            raise ValueError(f"size is {self.size} and budget_tokens is {self.budget_tokens}, expected one of the two")
        return self


@dataclass(frozen=True, kw_only=True)
class Subset:
    """``selected`` (``SELECTED_SCHEMA``) in the order of selection; ``drops`` (``DROP_SCHEMA``), the others by id."""

    selected: pl.DataFrame
    drops: pl.DataFrame


def select(rows: pl.DataFrame, vectors_of: Callable[[I64], F32], config: Diversity) -> Subset:
    """Return the subset of ``rows``; equal scores are taken by id, shorter ids first.

    ``vectors_of`` returns the embeddings of rows by their places. It is asked for the best rows first, and not for
    those that cannot be in the subset any more, since embedding is what takes the time.

    The drop reasons: ``unscored``, ``no_vector`` (all zeros, nothing to compare), ``too_similar`` (the evidence names
    the most similar row taken) and ``beyond_target``.
    """
    from quality.duplicates.cosine_kernels import KEPT, OVER
    from quality.duplicates.leaders import Leaders, directed, leaders

    check_scores(rows[config.score])
    weights, target = _weights(rows, config)
    waiting, scored = _ranked(rows, config.score)
    limited = config.size is not None or config.budget_tokens is not None
    asked, vectors = waiting[:0], np.empty((0, 0), np.float32)
    compared = np.empty(0, np.bool_)
    leading = Leaders(np.empty(0, np.int64), np.empty(0))
    while len(waiting):
        count = max(FIRST_ROWS, config.size or 0, len(asked) // 2) if limited else len(waiting)
        part, waiting = waiting[:count], waiting[count:]
        added = vectors_of(part)
        if len(added) != len(part):
            raise VectorError(f"{len(added)} vectors for {len(part)} rows, expected one each")
        asked, vectors = np.concatenate([asked, part]), np.concatenate([vectors, added]) if len(vectors) else added
        compared = directed(vectors)
        order = np.flatnonzero(compared)
        leading = leaders(vectors, order, _above(config.most_similar), weights=weights[asked], room=target)
        room = target - weights[asked[leading.leader == KEPT]].sum()
        waiting = waiting[weights[waiting] <= room]
    leader = np.full(len(rows), OVER, np.int64)
    leader[asked] = np.where(leading.leader >= 0, asked[leading.leader], leading.leader)
    similarity = np.full(len(rows), np.nan)
    similarity[asked] = leading.similarity
    without_vector = np.zeros(len(rows), np.bool_)
    without_vector[asked] = ~compared
    taken = rows["id"].gather(asked[leading.leader == KEPT])
    left = _reasons(scored, ~without_vector, leader, KEPT)
    similar = left.with_columns(similar_to=rows["id"].gather(np.maximum(leader, 0)), similarity=similarity)
    return Subset(
        selected=pl.DataFrame({"id": taken, "position": np.arange(1, len(taken) + 1)}, SELECTED_SCHEMA),
        drops=_drops(rows.select("id", score=config.score).hstack(similar), config),
    )


def best_rows(rows: pl.DataFrame, config: Diversity) -> pl.DataFrame:
    """Return the rows (``DROP_SCHEMA``) that are not among the best by score alone, up to the size or budget."""
    check_scores(rows[config.score])
    weights, room = _weights(rows, config)
    ranked, scored = _ranked(rows, config.score)
    taken = np.zeros(len(rows), np.bool_)
    unbounded = config.size is None and config.budget_tokens is None
    for place in ranked:
        if unbounded or weights[place] <= room:
            taken[place] = True
            room -= int(weights[place])
    reason = pl.when(~pl.Series(scored)).then(pl.lit("unscored")).when(~pl.Series(taken)).then(pl.lit("beyond_target"))
    nothing = pl.lit(None)
    marked = rows.select("id", score=config.score, drop_reason=reason, similar_to=nothing, similarity=nothing)
    return _drops(marked, config)


def _ranked(rows: pl.DataFrame, score: str) -> tuple[I64, NDArray[np.bool_]]:
    """Return the scored rows, best first, and which rows are scored."""
    by = rows.select("id", score=score).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    # Numbers as ids are in the order of the rows: 2 before 10.
    ranked = by.drop_nulls("score").sort(
        "score", pl.col("id").cast(pl.String).str.len_chars(), "id", descending=[True, False, False]
    )
    return ranked["row"].to_numpy(writable=True), rows[score].is_not_null().to_numpy()


def _weights(rows: pl.DataFrame, config: Diversity) -> tuple[I64, int]:
    """Return the share of the target that each row takes, and the target; zeros where there is none."""
    if config.budget_tokens is None:
        return np.full(len(rows), int(config.size is not None), np.int64), config.size or 0
    tokens = rows[config.tokens]
    if tokens.null_count() or (tokens < 0).any():
        raise ValueError(f"column {config.tokens!r} holds nulls or negative numbers, expected the tokens of each row")
    return tokens.cast(pl.Int64).to_numpy(writable=True), config.budget_tokens


def _above(similarity: float) -> float:
    """Return the least number of six decimals (the precision of cosines) above ``similarity``."""
    return (math.floor(similarity * 1e6 + 1e-3) + 1) / 1e6


def _reasons(scored: NDArray[np.bool_], compared: NDArray[np.bool_], leader: I64, kept: int) -> pl.DataFrame:
    states = pl.DataFrame({"scored": scored, "compared": compared, "leader": leader})
    reason = (
        pl.when(~pl.col("scored"))
        .then(pl.lit("unscored"))
        .when(~pl.col("compared"))
        .then(pl.lit("no_vector"))
        .when(pl.col("leader") >= 0)
        .then(pl.lit("too_similar"))
        .when(pl.col("leader") != kept)
        .then(pl.lit("beyond_target"))
    )
    return states.select(drop_reason=reason)


def _drops(rows: pl.DataFrame, config: Diversity) -> pl.DataFrame:
    gone = rows.filter(pl.col("drop_reason").is_not_null()).sort("id")
    target = {"size": config.size} if config.size else {"budget_tokens": config.budget_tokens}
    evidence = []
    for drop, score, other, similarity in gone.select("drop_reason", "score", "similar_to", "similarity").iter_rows():
        seen = {"score": score}
        if drop == "too_similar":
            seen |= {"similar_to": other, "similarity": similarity, "most_similar": config.most_similar}
        elif drop == "beyond_target":
            seen |= target
        evidence.append(json.dumps(seen, ensure_ascii=False))
    return pl.DataFrame({"id": gone["id"], "drop_reason": gone["drop_reason"], "evidence": evidence}, DROP_SCHEMA)
