"""Tables of other libraries as files that the verbs read, and their results as polars tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from sources.errors import SabilaError

if TYPE_CHECKING:
    import polars as pl


class CallError(SabilaError):
    """A wrong argument of a function; the message names it, what was found and what was expected."""

    exit_code = 2


class ArrowStream(Protocol):
    """A table that exports its columns as Arrow: pandas, pyarrow and polars."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


class ToPolars(Protocol):
    """A ``datasets.Dataset``."""

    def to_polars(self) -> Any:
        """Return the rows as a table of polars."""


File: TypeAlias = str | Path
Table: TypeAlias = "pl.DataFrame | pl.LazyFrame | ArrowStream | ToPolars"
Rows: TypeAlias = "Table | File | Sequence[File]"
"""Rows of a verb on own files: a table of polars, pandas, pyarrow or datasets, or one or more files."""


def as_files(rows: Rows, name: str, folder: Path) -> list[Path]:
    """Return the files given as ``rows``, or one in ``folder`` with the rows of a table.

    ``name`` is that of the argument. Raises ``CallError`` for anything else, and for a column that no file can hold.
    """
    if isinstance(rows, str | Path):
        return [Path(rows)]
    if isinstance(rows, list | tuple) and rows and all(isinstance(path, str | Path) for path in rows):
        return [Path(path) for path in rows]
    path = folder / f"{name}.parquet"
    try:
        as_polars(rows, name).write_parquet(path)
    except CallError:
        raise
    except Exception as error:  # each library of tables has errors of its own
        raise CallError(
            f"{name} is a table that cannot be written as parquet ({error}), expected columns of text, numbers, lists "
            "and structs; convert or drop the others"
        ) from error
    return [path]


def as_polars(rows: Any, name: str) -> pl.DataFrame:
    """Return a table as one of polars; ``CallError`` for anything else. The index of a pandas table is left out."""
    import polars as pl

    if isinstance(rows, pl.LazyFrame):
        return rows.collect()
    if isinstance(rows, pl.DataFrame):
        return rows
    library = type(rows).__module__.partition(".")[0]
    table: Any = None
    if library == "pandas" and hasattr(rows, "columns"):
        table = pl.from_pandas(rows)
    elif library == "datasets" and hasattr(rows, "to_polars"):
        table = rows.to_polars()
    elif hasattr(rows, "__arrow_c_stream__"):
        table = pl.DataFrame(rows)
    if not isinstance(table, pl.DataFrame):
        raise CallError(
            f"{name} is {type(rows).__module__}.{type(rows).__qualname__}, expected a table of polars, pandas, pyarrow "
            "or datasets (one split), the path of a file, or a list of paths"
        )
    return table
