"""Texts in, shingle sets and MinHash signatures out: block-wise calls of the compiled code on a polars column."""

from __future__ import annotations

import sys
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.duplicates.minhash import Signature, permutations
from quality.duplicates.near_settings import NearRules, Unit

if TYPE_CHECKING:
    from quality.duplicates.text_kernels import Column

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
Item = TypeVar("Item")
Result = TypeVar("Result")

BLOCK_BYTES = 1 << 21
"""Text that one thread signs at a time, small enough for a processor's cache with its results."""

ROW_BYTES = 64
"""Size counted for a row besides its text, so that a block of empty texts ends."""

TABLE_SIZE = 0x20000
"""Code points with a table entry; the compiled code handles those beyond."""

LONE_SIGNS = "%‰♀♂✓✔✗✘☐☑☒▲▼△▽⬆⬇⬅➡"
"""Signs that change the meaning of a medical sentence, besides those of mathematics and currencies."""

DECORATION = "|~⁻°"
"""Mathematical signs used as lines and the like, and the degree sign, which writers leave out."""

OPERATORS = {**dict.fromkeys("-‐‑‒–—−﹣－⁻", "-"), **dict.fromkeys("/∕⁄", "/"), **dict.fromkeys("*·∗", "*")}
"""Characters that are a sign only next to numbers, and the character they are compared as."""

SAME_SIGNS = {"×": "*", "÷": "/", "⬆": "↑", "⬇": "↓"}

TURNING = "<>≤≥≠≮≯×÷↑↓→←↔⇑⇓⬆⬇▲▼-/*"
"""Signs whose omission reverses a statement."""

TEXT_COLUMNS = ("text", "subject", "must_match")
"""The compared text of a row; the question in it, if known; and the value that duplicates must share."""

UNSPACED = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0xA9E0, 0xA9FF)),
    *((0xAA60, 0xAADF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3040, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF)),
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xA48F), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x1AFF0, 0x1B16F)),
)
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, Tai; kana, Bopomofo, ideographs, Yi."""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A block of texts: their shingles end to end, the count of each, their band keys and the names of their sets.

    ``keys`` has shape (texts, bands). A name is 128 bits, shape (texts, 2); equal sets with equal marks have equal
    names. Marks are end to end too (``text_kernels``: the subject, and the turning points).
    """

    shingles: U32
    counts: I64
    keys: U32
    names: U64
    marks: U64
    mark_counts: I64


@lru_cache
def character_table(unit: Unit) -> U32:
    """Return for each code point its folded character (24 bits) and, above that, its role and class.

    Letters, digits, marks and the underscore form tokens, signs and symbols such as emoji are tokens by themselves,
    format characters and variation selectors are skipped, everything else separates tokens; ``OPERATORS`` are tokens
    where they are signs.
    """
    from quality.duplicates.text_kernels import (
        ALONE,
        DIGIT,
        IGNORED,
        JOINS,
        OPERATOR,
        QUESTION_MARK,
        SIGN,
        TURNS,
        UPPER,
    )

    points = np.arange(TABLE_SIZE, dtype=np.uint32)
    characters = [chr(point) for point in range(TABLE_SIZE)]
    categories = np.frombuffer("".join(map(unicodedata.category, characters)).encode(), "S2")
    kinds = categories.view("S1")[::2]
    role = np.zeros(TABLE_SIZE, np.uint32)
    letters = (kinds == b"L") | (kinds == b"N") | (kinds == b"M") | (categories == b"Pc")
    role[letters] = ALONE if unit == "character" else JOINS
    if unit == "auto":
        for first, last in UNSPACED:
            role[first : last + 1] *= np.uint32(ALONE)
    decoration, operators = (np.isin(points, [ord(c) for c in chosen]) for chosen in (DECORATION, OPERATORS))
    signs = ((categories == b"Sm") | (categories == b"Sc")) & ~decoration
    signs |= np.isin(points, [ord(sign) for sign in LONE_SIGNS])
    role[(categories == b"So") & ~decoration | signs] = ALONE
    role[(categories == b"Cf") | ((points >= 0xFE00) & (points <= 0xFE0F))] = IGNORED
    role[operators] = OPERATOR
    role |= np.uint32(DIGIT) * (kinds == b"N")
    role |= np.uint32(UPPER) * (categories == b"Lu") | np.uint32(SIGN) * (signs | operators)
    role |= np.uint32(TURNS) * np.isin(points, [ord(c) for c in (*TURNING, *OPERATORS)])
    role |= np.uint32(QUESTION_MARK) * np.isin(points, [ord(c) for c in "?؟？"])
    return _folded(characters) | role << np.uint32(24)


def _folded(characters: list[str]) -> U32:
    """Return the folded form of each of the first code points: its sign or its casefold, itself if that is longer."""
    between = sys.maxunicode  # no character of the table; one call of casefold instead of one for each character
    text = chr(between).join(["", *characters, ""]).casefold()
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.flatnonzero(points == between)
    folded = np.where(np.diff(ends) == 2, points[ends[:-1] + 1], np.arange(len(characters), dtype=np.uint32))
    for character, sign in {**SAME_SIGNS, **OPERATORS}.items():
        folded[ord(character)] = ord(sign)
    return folded


def blocks(texts: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows of ``TEXT_COLUMNS`` in slices of about ``BLOCK_BYTES``; null is an empty text."""
    texts = texts.select(pl.col(TEXT_COLUMNS).cast(pl.String).fill_null("")).rechunk()
    bytes_ = texts.select(pl.sum_horizontal(pl.all().str.len_bytes().cast(pl.Int64)).alias("bytes"))["bytes"]
    weight = (bytes_ + ROW_BYTES).cum_sum().to_numpy()
    cuts = np.flatnonzero(np.diff(weight // BLOCK_BYTES)) + 1
    for first, last in zip([0, *cuts], [*cuts, len(texts)], strict=True):
        if last > first:
            yield texts.slice(first, last - first)


def _column(texts: pl.Series) -> Column:
    from quality.duplicates.text_kernels import Column

    array = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, ends, data = array.buffers()
    bounds = np.frombuffer(ends, np.int64)[array.offset : array.offset + len(texts) + 1]
    return Column(np.frombuffer(data or b"", np.uint8), bounds)


def sign_block(texts: pl.DataFrame, rules: NearRules) -> Signed:
    """Return the shingle sets, band keys and marks of rows of ``TEXT_COLUMNS`` without nulls."""
    from quality.duplicates.distinguishing_words import word_table
    from quality.duplicates.text_kernels import Words, sign_texts

    shingles, counts, keys, names, marks, mark_counts = sign_texts(
        _column(texts["text"]),
        _column(texts["subject"]),
        _column(texts["must_match"]),
        character_table(rules.unit),
        Words(*word_table()),
        rules.shingle_tokens,
        permutations(rules.permutations, rules.seed),
        rules.banding.bands,
        rules.banding.rows,
    )
    return Signed(shingles=shingles, counts=counts, keys=keys, names=names, marks=marks, mark_counts=mark_counts)


def signed_table(texts: pl.DataFrame, rules: NearRules) -> pl.DataFrame:
    """Return the signatures of rows of ``TEXT_COLUMNS`` as a table with a row for each, which ``signed_of`` reads."""
    import pyarrow as pa

    parts = [sign_block(block, rules) for block in blocks(texts)]

    def lists(name: str, counts: str, kind: type[np.unsignedinteger[Any]]) -> pa.Array:
        sizes = np.concatenate([np.zeros(1, np.int64), *(getattr(part, counts) for part in parts)])
        values = np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in parts)])
        return pa.LargeListArray.from_arrays(np.cumsum(sizes), values)

    names = np.concatenate([np.zeros((0, 2), np.uint64), *(part.names for part in parts)])
    keys = np.concatenate([np.zeros((0, rules.banding.bands), np.uint32), *(part.keys for part in parts)])
    return pl.DataFrame(
        {
            "shingles": pl.Series(lists("shingles", "counts", np.uint32), dtype=pl.List(pl.UInt32)),
            "marks": pl.Series(lists("marks", "mark_counts", np.uint64), dtype=pl.List(pl.UInt64)),
            "name_1": names[:, 0].copy(),
            "name_2": names[:, 1].copy(),
            **{f"band_{band}": keys[:, band].copy() for band in range(rules.banding.bands)},
        }
    )


def signed_of(table: pl.DataFrame, bands: int) -> Signed:
    """Return the block of signatures that a table of ``signed_table`` holds."""
    lists = {name: table[name].rechunk().to_arrow() for name in ("shingles", "marks")}
    values = {name: array.flatten().to_numpy() for name, array in lists.items()}
    counts = {name: np.diff(array.offsets.to_numpy()).astype(np.int64) for name, array in lists.items()}
    keys = [table[f"band_{band}"].to_numpy() for band in range(bands)]
    return Signed(
        shingles=values["shingles"],
        counts=counts["shingles"],
        keys=np.ascontiguousarray(np.array(keys, np.uint32).reshape(bands, table.height).T),
        names=np.stack([table["name_1"].to_numpy(), table["name_2"].to_numpy()], axis=1),
        marks=values["marks"],
        mark_counts=counts["marks"],
    )


def sign(batches: Iterable[pl.DataFrame], rules: NearRules, pool: Executor, threads: int) -> Iterator[Signed]:
    """Yield the signed blocks of batches of ``TEXT_COLUMNS``, in order, a few of them in progress at a time."""
    slices = (block for batch in batches for block in blocks(batch))
    return in_order(pool, lambda block: sign_block(block, rules), slices, 2 * threads)


def in_order(pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """Yield the results in the order of ``items``, at most ``ahead`` of them started in advance."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def shingle_sets(texts: pl.Series, rules: NearRules) -> pl.Series:
    """Return the shingle hashes of each text, sorted and unique: a column of lists of 32-bit numbers."""
    import pyarrow as pa

    rows = pl.DataFrame({"text": texts}).with_columns(subject=pl.lit(""), must_match=pl.lit(""))
    signed = [sign_block(block, rules) for block in blocks(rows)]
    counts = np.concatenate([np.zeros(1, np.int64), *(block.counts for block in signed)])
    values = np.concatenate([np.zeros(0, np.uint32), *(block.shingles for block in signed)])
    return pl.Series("shingles", pa.LargeListArray.from_arrays(np.cumsum(counts), values), pl.List(pl.UInt32))


def signatures(texts: pl.Series, rules: NearRules) -> Signature:
    """Return the MinHash values of each text, shape (texts, rules.permutations)."""
    from quality.duplicates.text_kernels import sign_sets

    sets = shingle_sets(texts, rules).to_arrow()
    out = np.empty((len(texts), rules.permutations), np.uint32)
    values, starts = sets.values.to_numpy(), sets.offsets.to_numpy()
    sign_sets(values, starts, permutations(rules.permutations, rules.seed), out)
    return out
