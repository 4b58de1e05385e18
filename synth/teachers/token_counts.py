"""Token counts of texts, by a tokenizer or by an estimate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, TypeVar

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

Numbers = TypeVar("Numbers", pl.Series, pl.Expr)

Count = Callable[[pl.Series], pl.Series]
"""Texts in, their numbers of tokens out."""

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English under byte-pair vocabularies; Spanish and French need some 20% more tokens."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Tokenizer:
    """A ``tokenizer.json`` and the hash it must have, so that the same name never means two tokenizers."""

    path: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def estimate_tokens(characters: Numbers) -> Numbers:
    """Return estimated tokens from numbers of characters: a quarter, rounded up."""
    return (characters + CHARACTERS_PER_TOKEN - 1) // CHARACTERS_PER_TOKEN


def quarter_of_characters(texts: pl.Series) -> pl.Series:
    """Return the estimated tokens of texts, for when no tokenizer is named."""
    return estimate_tokens(texts.str.len_chars())


def tokenizer_count(tokenizer: Tokenizer) -> Count:
    """Return a count by ``tokenizer``, special tokens left out.

    Raises ``ValueError`` where the file's hash is another, ``ModuleNotFoundError`` without the library ``tokenizers``.
    """
    digest = hashlib.sha256(Path(tokenizer.path).read_bytes()).hexdigest()
    if digest != tokenizer.sha256:
        raise ValueError(f"{tokenizer.path} has sha256 {digest}, expected {tokenizer.sha256}")
    loaded = import_module("tokenizers").Tokenizer.from_file(tokenizer.path)

    def count(texts: pl.Series) -> pl.Series:
        encoded = loaded.encode_batch_fast(texts.to_list(), add_special_tokens=False)
        return pl.Series(texts.name, [len(encoding.ids) for encoding in encoded], pl.Int64)

    return count
