"""A segment of the signature index: rows and shingle sets as two tables, and the lookups in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.duplicates.shingle_sets import Parts, ShingleSets, copy_parts, ends_of, readable
from quality.scratch import new_array

if TYPE_CHECKING:
    import pyarrow as pa

I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]

MARKS_PER_KEY = 64
"""Entries per key of the table that rules most keys out before the lookup; the total is a power of two."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The rows of one addition and the shingle sets that were new with them; a segment never changes.

    ``rows`` has ``id``, the columns of the keep policy and ``set``, the number of the row's set among the sets of all
    segments (-1: none). ``sets`` has ``name_1`` and ``name_2`` (128 bits), ``shingles`` (a list of 32-bit numbers),
    ``marks`` (a list of 64-bit numbers) and ``band_0``, ``band_1``, … (32 bits).
    """

    rows: pl.DataFrame
    sets: pl.DataFrame

    @property
    def bands(self) -> int:
        """The number of bands with stored keys."""
        return sum(name.startswith("band_") for name in self.sets.columns)


def segment(rows: pl.DataFrame, sets: ShingleSets) -> Segment:
    """Return the segment of ``rows``; its table of sets shares the arrays of ``sets``."""
    import pyarrow as pa

    def lists(values: pa.Array, bounds: I64) -> pa.Array:
        kind = pa.large_list(values.type)
        return pa.Array.from_buffers(kind, len(sets), [None, pa.py_buffer(bounds)], children=[values])

    columns = {
        "name_1": _column(np.ascontiguousarray(sets.names[:, 0])),
        "name_2": _column(np.ascontiguousarray(sets.names[:, 1])),
        "shingles": lists(_column(sets.values), sets.starts),
        "marks": lists(_column(sets.marks), sets.bounds),
        **{f"band_{band}": _column(keys) for band, keys in enumerate(sets.keys)},
    }
    table = pl.from_arrow(pa.table(columns))
    assert isinstance(table, pl.DataFrame), "a pyarrow table becomes a frame"
    return Segment(rows=rows, sets=table)


def _column(numbers: NDArray[np.unsignedinteger[Any]]) -> pa.Array:
    """Return an Arrow array that shares the memory of ``numbers``."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.from_numpy_dtype(numbers.dtype), len(numbers), [None, pa.py_buffer(numbers)])


def same_sets(old: Segment, names: NDArray[np.uint64]) -> tuple[I64, I64]:
    """Return (positions in ``names``, numbers within the segment) of the sets found in both."""
    lower = names[:, 0].astype(np.uint32)
    candidates = occurring(old.sets["name_1"].to_numpy().astype(np.uint32), lower)
    there = old.sets.select("name_1", "name_2")[candidates].with_columns(number=pl.Series(candidates, dtype=pl.Int64))
    requested = pl.DataFrame({"name_1": names[:, 0], "name_2": names[:, 1]}).with_row_index("place")
    both = requested.join(there, on=["name_1", "name_2"])
    return both["place"].to_numpy().astype(np.int64), both["number"].to_numpy()


def touching_sets(old: Segment, band: int, keys: U32) -> I64:
    """Return the numbers within the segment of the sets that have one of ``keys`` in ``band``."""
    return occurring(old.sets[f"band_{band}"].to_numpy(), keys)


def occurring(there: U32, requested: U32) -> I64:
    """Return the positions of ``there`` that are among ``requested``, in one pass without sorting ``there``."""
    from quality.duplicates import lookup_kernels

    distinct = np.unique(requested)
    if not len(distinct):
        return np.zeros(0, np.int64)
    marks = np.zeros(1 << (len(distinct) * MARKS_PER_KEY).bit_length(), np.uint8)
    marks[distinct & np.uint32(len(marks) - 1)] = 1
    return lookup_kernels.occurring(readable(there), distinct, marks)


def fetched(old: Segment, which: I64) -> ShingleSets:
    """Return the sets ``which`` of a segment."""
    values, starts = _parts(old.sets["shingles"], which, np.empty(0, np.uint32))
    marks, bounds = _parts(old.sets["marks"], which, np.empty(0, np.uint64))
    keys = np.array([old.sets[f"band_{band}"].to_numpy()[which] for band in range(old.bands)], np.uint32)
    names = np.stack([old.sets[name].to_numpy()[which] for name in ("name_1", "name_2")], axis=1)
    return ShingleSets(values=values, starts=starts, keys=keys, names=names, marks=marks, bounds=bounds)


def _parts(lists: pl.Series, which: I64, kind: Parts) -> tuple[Parts, I64]:
    """Return the lists ``which`` end to end, as numbers of the type of ``kind``, and their bounds."""
    array = lists.rechunk().to_arrow()
    offsets = array.offsets.to_numpy()
    bounds = ends_of(np.diff(offsets)[which])
    out = new_array(bounds[-1], kind.dtype.type)
    copy_parts(array.values.to_numpy(), offsets, which, out)
    return out, bounds
