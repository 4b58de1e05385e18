"""Neighbours by embedding: all pairs of a row and a benchmark item above a threshold that labelled pairs calibrate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

F32 = NDArray[np.float32]

Embed = Callable[[Sequence[str]], NDArray[Any]]
"""Texts in, one vector each out: a matrix of shape (texts, dimensions)."""

TILE_ROWS, TILE_ITEMS = 4096, 8192
"""Similarities in memory at a time: 128 MiB."""


def neighbours(rows: Sequence[str], items: Sequence[str], embed: Embed, threshold: float) -> pl.DataFrame:
    """Return (row, item, score) of all pairs whose cosine similarity is at or above ``threshold``, exactly.

    Rows and items are places in the two lists. Equal texts are embedded once; a text without a word has no neighbours.
    Raises ``ValueError`` where ``embed`` gives another number of vectors than of texts, or one that is not finite.
    """
    mine, theirs = _distinct(rows), _distinct(items)
    left, right = unit_vectors(mine["text"], embed), unit_vectors(theirs["text"], embed)
    found = [pl.DataFrame(schema={"row": pl.Int64, "item": pl.Int64, "score": pl.Float32})]
    for i in range(0, len(left), TILE_ROWS):
        for j in range(0, len(right), TILE_ITEMS):
            scores = left[i : i + TILE_ROWS] @ right[j : j + TILE_ITEMS].T
            at, to = np.nonzero(scores >= threshold)
            found.append(pl.DataFrame({"row": at + i, "item": to + j, "score": scores[at, to]}))
    pairs = pl.concat(found)
    pairs = pairs.join(mine.select("places", row=pl.int_range(pl.len())), on="row").explode("places")
    pairs = pairs.select("item", "score", row=pl.col("places").cast(pl.Int64))
    pairs = pairs.join(theirs.select("places", item=pl.int_range(pl.len())), on="item").explode("places")
    return pairs.select("row", pl.col("places").cast(pl.Int64).alias("item"), "score").sort("row", "item")


def _distinct(texts: Sequence[str]) -> pl.DataFrame:
    """Return (text, places): each text that has a word, once, and where it stands."""
    table = pl.DataFrame({"text": texts}, schema={"text": pl.String}).with_row_index("places")
    table = table.filter(pl.col("text").str.contains(r"[\p{L}\p{N}]"))
    return table.group_by("text", maintain_order=True).agg("places")


def unit_vectors(texts: pl.Series, embed: Embed) -> F32:
    """Return the embeddings of texts, scaled to length 1."""
    if texts.is_empty():
        return np.zeros((0, 0), np.float32)
    vectors = np.asarray(embed(texts.to_list()), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ValueError(f"embed gave shape {vectors.shape} for {len(texts)} texts, expected one vector a text")
    if not np.isfinite(vectors).all():
        raise ValueError("embed gave a vector with a number that is not finite; look at the model and its precision")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: F32 = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A threshold, and the precision and recall that it has on the labelled pairs it was found on."""

    threshold: float
    precision: float
    recall: float


def calibrate(scores: Sequence[float], labels: Sequence[bool], precision: float = 0.95) -> Calibration:
    """Return the lowest threshold whose precision on labelled pairs is at least ``precision``.

    The lowest is the one of highest recall. Raises ``ValueError`` where no threshold reaches it, and where pairs of
    either label are missing, which calibrate nothing.
    """
    if len(scores) != len(labels) or len(set(labels)) != 2:
        raise ValueError(f"{len(scores)} scores and {len(labels)} labels, expected as many, of both kinds")
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    ranked, true = np.asarray(scores, np.float64)[order], np.cumsum(np.asarray(labels, bool)[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # pairs of equal score pass together
    precisions = true[last] / (last + 1)
    good = np.flatnonzero(precisions >= precision)
    if not len(good):
        raise ValueError(f"no threshold has a precision of {precision}, the best is {precisions.max():.3f}")
    best = good[-1]
    recall = true[last[best]] / true[-1]
    return Calibration(threshold=float(ranked[last[best]]), precision=float(precisions[best]), recall=float(recall))
