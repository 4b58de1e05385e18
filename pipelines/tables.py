"""Any parquet, JSON Lines or csv files as one table, and the files that a verb on them writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from pipelines.store import replacing

READERS: dict[str, Callable[..., pl.LazyFrame]] = {
    ".parquet": pl.scan_parquet,
    ".jsonl": pl.scan_ndjson,
    ".ndjson": pl.scan_ndjson,
    ".csv": pl.scan_csv,
}


class TableError(Exception):
    """A file that is no table this reads, or a column that is not in it."""


def scan(files: Sequence[Path]) -> pl.LazyFrame:
    """Return the rows of ``files`` one after the other, columns that one lacks null there.

    Raises ``TableError`` for a file that is not there or of a kind that is not read.
    """
    return pl.concat([_scan(path) for path in files], how="diagonal_relaxed")


def _scan(path: Path) -> pl.LazyFrame:
    suffix = Path(path.name.removesuffix(".gz")).suffix
    if suffix not in READERS:
        raise TableError(f"{path} ends in {suffix or 'nothing'}, expected one of {', '.join(READERS)}, plain or .gz")
    if not path.is_file():
        raise TableError(f"{path} is not there")
    frame: pl.LazyFrame = READERS[suffix](path)
    with reading():
        frame.collect_schema()
    return frame


@contextmanager
def reading() -> Iterator[None]:
    """Turn what polars says of a damaged table into a ``TableError``."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableError(f"cannot read the table: {error}") from error


def text_columns(rows: pl.LazyFrame, wanted: Sequence[str]) -> list[str]:
    """Return the columns to compare: those wanted, else ``text``. Raises ``TableError`` where one is no text."""
    schema = rows.collect_schema()
    for name in wanted or ("text",):
        if schema.get(name) != pl.String:
            texts = [column for column, kind in schema.items() if kind == pl.String]
            raise TableError(f"{name!r} is no text column; name one or more of {', '.join(texts)} with --text-column")
    return list(wanted or ("text",))


def write_rows(rows: pl.LazyFrame, path: Path) -> None:
    """Write rows as parquet, a batch at a time, complete or not at all."""
    with reading(), replacing(path) as temporary:
        rows.sink_parquet(temporary, compression="zstd", compression_level=1, maintain_order=True)


def height(path: Path) -> int:
    """Return the number of rows of a parquet file."""
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())
