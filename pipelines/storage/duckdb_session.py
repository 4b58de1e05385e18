"""Joins over whole sets in DuckDB, within a memory limit and with access to the given files only.

Names from data enter a query through ``quoted``, paths through ``listed``; values are bound. A connection can read its
files and its own scratch folder, and its settings are locked.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "2GB"
"""DuckDB's memory limit; its process takes about a gigabyte more."""


@dataclass(frozen=True, kw_only=True)
class Join:
    """A connection to an empty database, and the folder for its output, removed with the connection."""

    run: DuckDBPyConnection
    folder: Path


@contextmanager
def joining(files: Iterable[Path], memory: str = MEMORY) -> Iterator[Join]:
    """Open a database with access to ``files`` and its own scratch folder only.

    Data beyond ``memory`` is spilled to the scratch folder.
    """
    import duckdb

    readable = [text for path in files for text in dict.fromkeys((str(path), _literal(path)))]
    with tempfile.TemporaryDirectory(prefix="sabila-") as folder:
        connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": folder,
                "preserve_insertion_order": False,
                "python_enable_replacements": False,
            }
        )
        try:
            connection.execute("SET enable_progress_bar = false")  # it would go to stdout, among the results
            if readable:
                connection.execute(f"SET allowed_paths = [{', '.join(map(text_literal, readable))}]")
            connection.execute(f"SET allowed_directories = [{text_literal(folder)}]")
            lock(connection)
            yield Join(run=connection, folder=Path(folder))
        finally:
            connection.close()


def lock(connection: DuckDBPyConnection) -> None:
    """Close a connection to the file system and the network permanently, except for what was allowed before."""
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def quoted(name: str) -> str:
    """Return a column's name quoted for SQL, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """Return a text as a literal of SQL, for the few places that take no bound value."""
    return "'" + text.replace("'", "''") + "'"


def listed(paths: Sequence[Path]) -> str:
    """Return files as a list in DuckDB's SQL, with every character taken literally."""
    return "[" + ", ".join(text_literal(_literal(path)) for path in paths) + "]"


def _literal(path: Path) -> str:
    """Return a path as a DuckDB file pattern that matches this path only."""
    return re.sub(r"[\[*?]", lambda sign: f"[{sign[0]}]", str(path))
