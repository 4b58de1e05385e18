"""Text embeddings from any model, each text once, stored by the text's hash and the model's name."""

from __future__ import annotations

import hashlib
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

VECTOR_SCHEMA = pl.Schema({"model": pl.String(), "text_hash": pl.Binary(), "vector": pl.List(pl.Float32())})
"""One text under one model: the model's name with its revision, 16 bytes of the text's BLAKE2b, the vector."""


def text_hash(text: str) -> bytes:
    """Return the 16-byte key of ``text``: BLAKE2b over its UTF-8."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def new_vectors(texts: Sequence[str | None], model: str, embed: Embed, known: pl.DataFrame) -> pl.DataFrame:
    """Return the vectors (``VECTOR_SCHEMA``) of ``texts`` missing from ``known``, each requested once, in order.

    Null and blank texts have no vector. ``known`` has ``VECTOR_SCHEMA`` and may contain other models' vectors. Raises
    ``VectorError`` unless ``embed`` returns one finite row per text, as wide as the model's known vectors.
    """
    mine = known.filter(pl.col("model") == model)
    have = set(mine["text_hash"])
    missing = {key: text for text in texts if text and text.strip() and (key := text_hash(text)) not in have}
    if not missing:
        return pl.DataFrame(schema=VECTOR_SCHEMA)
    vectors = embed(list(missing.values()))
    _check(vectors, len(missing), model, mine)
    columns = {"model": [model] * len(missing), "text_hash": list(missing), "vector": pl.Series(vectors).arr.to_list()}
    return pl.DataFrame(columns, VECTOR_SCHEMA)


def matrix(texts: Sequence[str | None], model: str, known: pl.DataFrame) -> F32:
    """Return the vectors of ``texts`` as one float32 matrix, a row of zeros for a null or blank text.

    Raises ``KeyError`` where ``known`` lacks a text's vector.
    """
    mine = known.filter(pl.col("model") == model)
    place = {key: row for row, key in enumerate(mine["text_hash"])}
    rows = np.array([_vector_file(text, model, place) if text and text.strip() else -1 for text in texts], np.int64)
    width = mine["vector"].list.len().max() or 0
    assert isinstance(width, int), "a length is a whole number"
    flat = mine["vector"].explode(empty_as_null=False).to_numpy().astype(np.float32, copy=False)
    table = np.vstack([flat.reshape(len(mine), width), np.zeros((1, width), np.float32)])
    return np.asarray(table[rows], np.float32)


def _vector_file(text: str, model: str, place: dict[bytes, int]) -> int:
    key = text_hash(text)
    if key not in place:
        raise KeyError(f"no vector by {model} for the text {text[:60]!r}; make it with new_vectors first")
    return place[key]


def _check(vectors: F32, texts: int, model: str, mine: pl.DataFrame) -> None:
    if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != texts:
        raise VectorError(f"{model} returned {vectors.dtype} of shape {vectors.shape}, expected float32 ({texts}, any)")
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise VectorError(f"{model} returned NaN or infinity for text {row} of {texts}, expected finite numbers")
    width = None if mine.is_empty() else len(mine["vector"][0])
    if width not in (None, vectors.shape[1]):
        raise VectorError(
            f"{model} returned vectors of {vectors.shape[1]} numbers, expected {width} as in its known ones; "
            "is it another revision? name the revision in the model's name"
        )
