"""Embedding neighbours: all pairs of a row and a benchmark item above a threshold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.embeddings import VectorError

F32 = NDArray[np.float32]

Embed = Callable[[Sequence[str]], NDArray[Any]]
"""Texts in, one vector each out: a matrix of shape (texts, dimensions)."""

NEIGHBOUR_SCHEMA = pl.Schema({"row": pl.Int64(), "item": pl.Int64(), "score": pl.Float32()})

TILE_ROWS, TILE_ITEMS = 4096, 8192
"""Similarities in memory at a time: 128 MiB."""


def neighbours(rows: F32, items: F32, threshold: float) -> pl.DataFrame:
    """Return (row, item, score) of all pairs of unit vectors whose cosine is at or above ``threshold``, exactly.

    Rows and items are row numbers of the two matrices, of shapes (rows, dimensions) and (items, dimensions).
    """
    tiles = [pl.DataFrame(schema=NEIGHBOUR_SCHEMA)]
    if not rows.shape[1] or not items.shape[1]:  # a side without any text has no dimensions
        return tiles[0]
    if rows.shape[1] != items.shape[1]:
        raise VectorError(
            f"the embedding model gave rows vectors of {rows.shape[1]:,} numbers and benchmark items "
            f"{items.shape[1]:,}, expected one width: name one model, whose server does not change it during a run"
        )
    for i in range(0, len(rows), TILE_ROWS):
        for j in range(0, len(items), TILE_ITEMS):
            scores = rows[i : i + TILE_ROWS] @ items[j : j + TILE_ITEMS].T
            at, to = np.nonzero(scores >= threshold)
            tiles.append(
                pl.DataFrame({"row": at + i, "item": to + j, "score": scores[at, to]}, schema=NEIGHBOUR_SCHEMA)
            )
    return pl.concat(tiles)


def unit_vectors(texts: Sequence[str], embed: Embed) -> F32:
    """Return one vector per text, scaled to length 1; equal texts are embedded once.

    A text without a letter or digit gets a zero vector, which matches nothing. Raises ``VectorError`` where ``embed``
    returns a wrong number of vectors, or one that is not finite.
    """
    series = pl.Series(texts, dtype=pl.String)
    table = pl.DataFrame({"text": series, "offset": series.rank("dense") - 1}).with_row_index("row")
    worded = table.filter(pl.col("text").str.contains(r"[\p{L}\p{N}]"))
    distinct = worded.unique("offset", keep="first", maintain_order=True)
    if distinct.is_empty():
        return np.zeros((len(texts), 0), np.float32)
    vectors = _unit_rows(embed(distinct["text"].to_list()), distinct.height)
    places = worded.join(distinct.select("offset", place=pl.int_range(pl.len())), on="offset", maintain_order="left")
    out = np.zeros((len(texts), vectors.shape[1]), np.float32)
    out[places["row"].to_numpy()] = vectors[places["place"].to_numpy()]
    return out


def _unit_rows(embedded: NDArray[Any], expected: int) -> F32:
    vectors = np.asarray(embedded, np.float32)
    if vectors.ndim != 2 or len(vectors) != expected:
        raise VectorError(f"embed gave shape {vectors.shape} for {expected} texts, expected one vector a text")
    if not np.isfinite(vectors).all():
        raise VectorError("embed gave a vector with a number that is not finite; look at the model and its precision")
    scaled: F32 = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return scaled
