"""Any table file in batches: readable rows, faults, and columns with values of several types.

The readers are those of own sources (``sources.mapping.file_rows``), where a bad line breaks only one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from sources.files import LINE_SUFFIXES, FileError, RawFile, plain_name
from sources.mapping.file_rows import SUFFIXES, rows_of_file
from sources.shapes.row_shapes import jsonl
from sources.source import Broken, Raw

BATCH_ROWS = 20_000
"""Most rows with their texts in memory at once."""

TYPES: dict[type, str] = {
    dict: "object",
    list: "list",
    str: "text",
    bool: "truth value",
    int: "number",
    float: "number",
}


@dataclass(frozen=True)
class Fault:
    """A reading error: the kind of finding, the line (0 for the whole file), details."""

    kind: str
    line: int
    detail: str


@dataclass(kw_only=True)
class TableBatch:
    """Rows of one file with their lines, and the faults found while reading them."""

    rows: pl.DataFrame
    lines: list[int]
    faults: list[Fault] = field(default_factory=list)


def is_table(path: Path) -> bool:
    """Return whether the name of a file is that of a table."""
    return Path(plain_name(path.name)).suffix.lower() in SUFFIXES


def table_batches(path: Path) -> Iterator[TableBatch]:
    """Yield the rows of a file, ``BATCH_ROWS`` at a time; a truncated or empty file ends with a fault."""
    file = RawFile(plain_name(path.name), path)
    empty = True
    try:
        rows = jsonl(file) if file.name.endswith(LINE_SUFFIXES) else rows_of_file(file)
        for batch in _parquet(path) if path.suffix == ".parquet" else _text(rows):
            empty = False
            yield batch
        if empty:
            yield TableBatch(rows=pl.DataFrame(), lines=[], faults=[Fault("no-rows", 0, "it has no rows")])
    except FileError as error:
        yield TableBatch(rows=pl.DataFrame(), lines=[], faults=[Fault("unreadable-file", 0, str(error))])


def _parquet(path: Path) -> Iterator[TableBatch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with RawFile(path.name, path).open():
        pass  # raises FileError for a Git LFS pointer or a web page
    number = 0
    try:
        with pq.ParquetFile(path) as content:
            for batch in content.iter_batches(batch_size=BATCH_ROWS):
                rows = pl.from_arrow(batch)
                assert isinstance(rows, pl.DataFrame), "an arrow batch becomes a frame"
                yield TableBatch(rows=_texts(rows), lines=list(range(number + 1, number + 1 + rows.height)))
                number += rows.height
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
        raise FileError(f"{path} is not a readable parquet file after row {number:,}: {error}") from error


def _texts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with categories as text."""
    names = [name for name, kind in rows.schema.items() if isinstance(kind, pl.Categorical | pl.Enum)]
    return rows.with_columns(pl.col(names).cast(pl.String)) if names else rows


class _Types:
    """The types of each column's values so far; the most frequent one is the type of the column."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def odd(self, rows: Sequence[dict[str, Any]]) -> dict[str, str]:
        """Count the values of ``rows``; return {column: its usual type} of columns with several types in them."""
        counts_by_column: dict[str, Counter[str]] = {}
        shapes = Counter((tuple(row), tuple(map(type, row.values()))) for row in rows)
        for (names, kinds), count in shapes.items():
            for name, kind in zip(names, kinds, strict=True):
                if kind is not type(None):
                    counts_by_column.setdefault(name, Counter())[TYPES.get(kind, kind.__name__)] += count
        for name, counts in counts_by_column.items():
            self._counts.setdefault(name, Counter()).update(counts)
        usual = {name: max(self._counts[name], key=self._counts[name].__getitem__) for name in counts_by_column}
        return {name: usual[name] for name, counts in counts_by_column.items() if set(counts) != {usual[name]}}


class _BatchBuffer:
    """Rows, lines and faults of the next batch of a text file."""

    def __init__(self) -> None:
        self.values: list[dict[str, Any]] = []
        self.lines: list[int] = []
        self.faults: list[Fault] = []
        self._types = _Types()

    def add(self, place: Raw | Broken) -> None:
        """Add a row; a value that is not an object, or a line that cannot be read, is a fault."""
        if isinstance(place, Broken):
            self.faults.append(Fault("unreadable-row", place.line, place.error))
        elif not isinstance(place.value, dict):
            kind = TYPES.get(type(place.value), "null")
            self.faults.append(Fault("unreadable-row", place.line, f"a {kind}, expected an object with columns"))
        else:
            self.values.append(place.value)
            self.lines.append(place.line)

    def batches(self) -> Iterator[TableBatch]:
        """Yield the added rows and reset the buffer; the last batch has the faults, since building frames adds some."""
        odd = self._types.odd(self.values)
        for line, row in zip(self.lines, self.values, strict=True) if odd else ():
            for name, usual in odd.items():
                value = row.get(name)
                if value is not None and (kind := TYPES.get(type(value), "other")) != usual:
                    detail = f"{name} is a {kind}, in other rows a {usual}"
                    self.faults.append(Fault("mixed-types", line, detail))
                    row[name] = _converted(value, usual)
        for rows, lines in _frames(self.values, self.lines, self.faults):
            yield TableBatch(rows=rows, lines=lines)
        if self.faults:
            yield TableBatch(rows=pl.DataFrame(), lines=[], faults=self.faults)
        self.values, self.lines, self.faults = [], [], []


def _text(places: Iterator[Raw | Broken]) -> Iterator[TableBatch]:
    buffer = _BatchBuffer()
    for place in places:
        buffer.add(place)
        if len(buffer.values) == BATCH_ROWS or len(buffer.faults) > BATCH_ROWS:
            yield from buffer.batches()
    yield from buffer.batches()


def _converted(value: Any, usual: str) -> Any:
    """Return a value as the type of the other rows, as far as that is possible without guessing."""
    if usual == "text":
        return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return [value] if usual == "list" and isinstance(value, str) else None


def _frames(
    values: list[dict[str, Any]], lines: list[int], faults: list[Fault]
) -> Iterator[tuple[pl.DataFrame, list[int]]]:
    """Yield the rows as frames: one, or several where nested values of one column have incompatible types.

    A row that fits no frame is a fault.
    """
    if not values:
        return
    try:
        # polars reads JSON many times faster than objects, and unifies the types of nested values.
        text = b"\n".join(orjson.dumps(row, default=str) for row in values)
        yield pl.read_ndjson(text, infer_schema_length=None), list(lines)
    except (pl.exceptions.PolarsError, TypeError) as error:
        if len(values) == 1:
            faults.append(Fault("unreadable-row", lines[0], str(error).splitlines()[0]))
            return
        half = len(values) // 2
        yield from _frames(values[:half], lines[:half], faults)
        yield from _frames(values[half:], lines[half:], faults)
