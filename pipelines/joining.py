"""Joins over whole sets: DuckDB within bounds of memory, going to disk where they do not suffice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "2GB"
"""What DuckDB may hold at once; a process with it takes about a gigabyte more."""


@contextmanager
def joining(memory: str = MEMORY) -> Iterator[DuckDBPyConnection]:
    """Give a connection to an empty database whose overflow goes to a folder that is gone afterwards."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix="sabila-") as folder:
        connection = duckdb.connect(
            config={"memory_limit": memory, "temp_directory": folder, "preserve_insertion_order": False}
        )
        connection.execute("SET enable_progress_bar = false")  # it would go to stdout, among the results
        try:
            yield connection
        finally:
            connection.close()


def listed(paths: Sequence[Path]) -> str:
    """Return files as DuckDB's SQL names them."""
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"
