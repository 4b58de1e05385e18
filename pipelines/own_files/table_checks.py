"""A check of every line of a text table before polars reads it, so that errors name file and line.

polars alone takes the first of two equal keys, turns half a surrogate into NUL, and names neither file nor line.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sources.errors import SabilaError
from sources.files import BOM, LONGEST_LINE, RawFile, reading, scratch_folder
from sources.formats.json_values import JsonError, parse_json

EXACT = 1 << 53
"""Largest whole number that floating point represents exactly."""

MANY_DIGITS = re.compile(rb"\d{16}")


class TableError(SabilaError):
    """An unsupported file, or a missing column."""


@dataclass(frozen=True, kw_only=True)
class CheckedTable:
    """A checked text table: a plain file to read, and the columns that must be read as text."""

    path: Path
    as_text: tuple[str, ...] = ()


def check_json_lines(file: RawFile) -> CheckedTable | None:
    """Return a JSON Lines file, or None where it has no row; ``TableError`` names the first bad line.

    Columns with whole numbers too large for floating point become text where other rows have fractions.
    """
    rows, large, fractions = 0, set[str](), set[str]()
    for number, line in file.lines():
        if not line.strip():
            continue
        rows += 1
        row = _row(file, number, line)
        if MANY_DIGITS.search(line):
            large |= {name for name, value in row.items() if isinstance(value, int) and abs(value) > EXACT}
        if b"." in line or b"e" in line:
            fractions |= {name for name, value in row.items() if isinstance(value, float)}
    return CheckedTable(path=_plain(file), as_text=tuple(sorted(large & fractions))) if rows else None


def _row(file: RawFile, number: int, line: bytes) -> dict[str, object]:
    where = f"{file.path}, line {number}"
    if len(line) > LONGEST_LINE:
        raise TableError(f"{where} has more than {LONGEST_LINE:,} bytes; split or drop it")
    if number == 1 and line.lstrip().startswith(b"["):
        raise TableError(f"{where} begins a JSON list, expected one object a line; convert it (jq -c '.[]')")
    try:
        row = parse_json(line)
    except JsonError as error:
        raise TableError(f"{where}: {error}; fix or drop the line") from error
    if not isinstance(row, dict):
        raise TableError(f"{where} holds {type(row).__name__} {str(row)[:40]!r}, expected an object; fix or drop it")
    return row


def check_csv(file: RawFile) -> CheckedTable | None:
    """Return a csv file, or None where it is empty; ``TableError`` names the first bad line."""
    with reading(file), file.open() as stream:
        head = stream.read(1 << 16)
    if not head.removeprefix(BOM).strip():
        return None
    if b"\n" not in head and b"\r" in head:
        raise TableError(f"{file.path} ends its lines with CR alone, expected LF or CRLF; convert it and run again")
    names: list[str] = []
    started = 1
    reader = csv.reader(_decoded_lines(file), strict=True)
    previous = csv.field_size_limit(LONGEST_LINE)
    try:
        for cells in reader:
            if not names:
                names = _header(file, cells)
            elif cells and len(cells) != len(names):
                raise TableError(
                    f"{file.path}, line {started}: {len(cells)} cells, expected {len(names)} ({', '.join(names)}); "
                    "fix or drop the row, or look for a quote that is not closed"
                )
            started = reader.line_num + 1
    except csv.Error as error:
        raise TableError(
            f"{file.path}, line {started}: broken csv ({error}), as of a quote that is not closed; fix the row"
        ) from error
    finally:
        csv.field_size_limit(previous)
    return CheckedTable(path=_plain(file))


def _decoded_lines(file: RawFile) -> Iterator[str]:
    for number, line in file.lines():
        try:
            yield line.decode() + "\n"
        except UnicodeDecodeError as error:
            raise TableError(
                f"{file.path}, line {number} is not UTF-8: byte {error.start + 1} of it is "
                f"{error.object[error.start]:#x}; convert the file (iconv -f LATIN1 -t UTF-8) and run again"
            ) from error


def _header(file: RawFile, names: list[str]) -> list[str]:
    if len(names) == 1 and re.search(r"[;\t|]", names[0]):
        raise TableError(f"{file.path}, line 1 is {names[0][:80]!r}, expected columns separated by commas; convert it")
    for name in names:
        if name and names.count(name) > 1:
            raise TableError(f"{file.path}, line 1 names two columns {name!r}; rename one")
    return names


def _plain(file: RawFile) -> Path:
    """Return a plain file without a byte order mark: the file, or a copy of its content."""
    with file.open() as stream:
        marked = stream.read(3) == BOM
        if file.path.suffix != ".gz" and not marked:
            return file.path
        copy = scratch_folder() / f"{len(list(scratch_folder().iterdir()))}{Path(file.name).suffix}"
        stream.seek(3 if marked else 0)
        with copy.open("wb") as to:
            shutil.copyfileobj(stream, to, 1 << 20)
    return copy
