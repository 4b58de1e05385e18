"""What an embedding model is to the steps that compare texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sources.errors import SabilaError

F32 = NDArray[np.float32]


class VectorError(SabilaError, ValueError):
    """Vectors that an embedding model may not return: too few, of another width, or not finite."""


Embed: TypeAlias = Callable[[Sequence[str]], F32]
"""Texts in, one float32 row each out."""

VECTORS = pl.List(pl.Float32())
"""The type of a column of vectors in a table."""


def one_vector_each(embedded: object, texts: int, model: str) -> F32:
    """Return what a model gave for some texts as a matrix; ``VectorError`` unless it has one row for each."""
    vectors = np.asarray(embedded, np.float32)
    if vectors.ndim != 2 or len(vectors) != texts:
        raise VectorError(f"{model} gave shape {vectors.shape} for {texts} texts, expected a row each")
    return vectors


def check_one_width(column: pl.Series, model: str) -> None:
    """Raise ``VectorError`` where the vectors of a column, which one model gave, differ in their width."""
    widths = column.list.len().unique().sort().to_list()
    if len(widths) > 1:
        raise VectorError(
            f"{model} gave vectors of {' and '.join(map(str, widths))} numbers, expected one width: "
            "name one model, whose server does not change it during a run"
        )


def as_column(vectors: F32) -> pl.Series:
    """Return a matrix as a column, one vector a row."""
    return pl.Series(vectors).cast(VECTORS)


def as_matrix(column: pl.Series) -> F32:
    """Return a column of vectors of one width as a matrix."""
    numbers = column.explode(empty_as_null=False).to_numpy()
    matrix: F32 = numbers.reshape(len(column), -1 if len(column) else 0)
    return matrix
