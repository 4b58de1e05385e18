"""The rows of a file of any supported format, found by its name; each knows its number in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from sources.files import COMPRESSED, LINE_SUFFIXES, FileError, RawFile, unpack
from sources.formats.arrow_rows import arrow
from sources.formats.csv_rows import found_delimiter, table
from sources.formats.json_values import JsonError, parse_json
from sources.formats.workbooks import sheet
from sources.shapes.row_shapes import json_dict, json_rows, jsonl, parquet
from sources.source import Broken, Raw, Rows

ARROW_SUFFIXES = (".arrow", ".feather", ".ipc")

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", *ARROW_SUFFIXES, ".xlsx")
"""File formats that are read; each may be compressed (``COMPRESSED``)."""


class NumberedRow(dict[str, Any]):
    """A row by column; ``number`` counts the rows of its file from 1, the same in every format."""

    number = 0


def rows_of_file(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the rows of a file by the reader of its format; ``FileError`` for a format that has none."""
    in_lines = file.name.endswith(LINE_SUFFIXES)
    for number, raw in enumerate(_reader(file)(_plain(file)), 1):
        if isinstance(raw, Raw) and isinstance(raw.value, dict):
            row = NumberedRow(raw.value)
            row.number = raw.line if in_lines else number
            yield Raw(raw.line, row)
        else:
            yield raw


def _reader(file: RawFile) -> Rows:
    suffix = PurePosixPath(file.name).suffix.lower()
    if suffix in (".csv", ".tsv"):
        return partial(table, delimiter="\t" if suffix == ".tsv" else found_delimiter(file))
    readers: dict[str, Rows] = {
        ".jsonl": jsonl,
        ".ndjson": jsonl,
        ".json": _json_rows,
        ".parquet": parquet,
        ".xlsx": sheet,
        **dict.fromkeys(ARROW_SUFFIXES, arrow),
    }
    if suffix not in readers:
        known = ", ".join(SUFFIXES)
        raise FileError(f"{file.path} ends in {suffix or 'nothing'}, expected one of {known}, plain, .gz or .zst")
    return readers[suffix]


def _json_rows(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the rows of a ``.json`` file: a list, one object a line, or one object with an object for each row.

    The keys of the last are the column ``key``.
    """
    first = next((line for _, line in file.lines() if line.strip()), b"")
    try:
        value = parse_json(first)
    except JsonError:
        return json_rows(file) if first.lstrip().startswith(b"[") else json_dict(file)
    by_key = isinstance(value, dict) and len(value) > 1 and all(isinstance(one, dict) for one in value.values())
    return json_dict(file) if by_key else json_rows(file)


def _plain(file: RawFile) -> RawFile:
    """Return the file, or a decompressed copy where its format is read from the disk."""
    on_disk = file.name.lower().endswith((".parquet", *ARROW_SUFFIXES))
    return replace(file, path=unpack(file.path)) if on_disk and file.path.suffix in COMPRESSED else file
