"""The form of a release, checked before anything else is read from its tables.

A release may be untrusted. Its manifest is checked by ``manifest_model`` as it is read, its tables here: kinds, sources
and columns must have valid names, and columns the types that sabila writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.release.data_files import SCHEMAS
from pipelines.release.item_lists import ITEM_LIST, ITEMS
from pipelines.release.ledger import LEDGER, LEDGER_WITH_MORE
from sources.fields.names import is_name
from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import ReleaseError, load

IDENTIFIER = re.compile(r"[^\W\d]\w{0,62}")
"""Names of additional columns that an older or newer sabila may have written."""

ITEM_COLUMNS = pa.schema([(name, pa.int64() if name == "rows" else pa.string()) for name in ITEMS])

NEEDED = frozenset({"id", "source", "license"})

BROKEN = (
    *(pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException),
    *(KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, EOFError),
)
"""Errors raised by reading a table or a manifest that contradicts itself."""


def open_release(folder: Path, *, all_columns: bool = True) -> Manifest:
    """Return the manifest of a release whose tables have the form that sabila writes; ``ReleaseError`` otherwise.

    Without ``all_columns`` its tables may lack columns, as those of another version of sabila do.
    """
    manifest = load(folder)
    for path in sorted((folder / "data").rglob("*.parquet")):
        _check_data(folder, path, all_columns)
    for path in sorted((folder / "ledger").glob("*.parquet")):
        _check_columns(folder, path, LEDGER_WITH_MORE, frozenset(LEDGER.names if all_columns else ("id",)))
    if (path := folder / ITEM_LIST).exists():
        _check_columns(folder, path, ITEM_COLUMNS, frozenset(ITEM_COLUMNS.names))
    return manifest


@contextmanager
def reading(*folders: Path) -> Iterator[None]:
    """Turn the errors of reading a broken release into a ``ReleaseError`` with the command that finds what is wrong."""
    import duckdb

    try:
        yield
    except (*BROKEN, duckdb.Error) as error:
        first = (str(error).splitlines() or [""])[0]
        raise ReleaseError(
            f"cannot read {' or '.join(map(str, folders))} ({type(error).__name__}: {first}): "
            "sabila verify lists what is wrong"
        ) from error


def _check_data(folder: Path, path: Path, all_columns: bool) -> None:
    parts = path.relative_to(folder).parts
    if len(parts) != 4 or parts[1] not in SCHEMAS or not all(map(is_name, parts)):
        raise ReleaseError(
            f"{folder} holds {'/'.join(parts)!r}, expected data/KIND/SOURCE/FILE with one of {', '.join(SCHEMAS)} as "
            "KIND and names of letters, digits and _ . + @ = -"
        )
    schema = SCHEMAS[parts[1]]
    _check_columns(folder, path, schema, frozenset(schema.names) if all_columns else NEEDED)


def _check_columns(folder: Path, path: Path, expected: pa.Schema, needed: frozenset[str]) -> None:
    name = path.relative_to(folder).as_posix()
    try:
        if not path.is_file():
            raise ValueError("it is not a file")
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        raise ReleaseError(
            f"{folder} holds {name!r}, which is not a parquet file ({error}): sabila verify lists what is wrong"
        ) from error
    if strange := [column for column in schema.names if not IDENTIFIER.fullmatch(column)]:
        raise ReleaseError(f"{name}: a column is called {strange[0][:200]!r}, expected letters, digits and _")
    if len(schema.names) != len(set(schema.names)):
        raise ReleaseError(f"{name}: two columns have one name, expected each once")
    types = dict(zip(schema.names, schema.types, strict=True))
    if lacking := sorted(needed - types.keys()):
        raise ReleaseError(f"{name}: no column {lacking[0]}, expected one of {expected.field(lacking[0]).type}")
    for column, type in types.items():
        if column in expected.names and not same_type(type, expected.field(column).type):
            raise ReleaseError(f"{name}: column {column} is {str(type)[:200]}, expected {expected.field(column).type}")


def same_type(actual: pa.DataType, expected: pa.DataType) -> bool:
    """Return whether two types have the same values: texts and lists of any width, whatever the name of list items."""
    if pa.types.is_string(expected):
        return bool(pa.types.is_string(actual) or pa.types.is_large_string(actual) or pa.types.is_string_view(actual))
    if pa.types.is_list(expected):
        lists = pa.types.is_list(actual) or pa.types.is_large_list(actual)
        return lists and same_type(actual.value_type, expected.value_type)
    if pa.types.is_struct(expected):
        names = pa.types.is_struct(actual) and [field.name for field in actual] == [field.name for field in expected]
        return names and all(same_type(one.type, other.type) for one, other in zip(actual, expected, strict=True))
    return bool(actual == expected)
