"""A check of every line of a text table before polars reads it, so that errors name file and line.

polars alone takes the first of two equal keys, turns half a surrogate into NUL, and names neither file nor line.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from sources.errors import SabilaError
from sources.files import BOM, LONGEST_LINE, RawFile, reading, scratch_folder
from sources.formats.csv_rows import ends_lines_with_cr
from sources.formats.json_values import JsonError, parse_json

EXACT = 1 << 53
"""Largest whole number that floating point represents exactly."""

MANY_DIGITS = re.compile(rb"\d{16}")


Place = tuple[str, *tuple[str | None, ...]]
"""A column and the keys inside it; None for the elements of a list."""


class TableError(SabilaError):
    """An unsupported file, or a missing column."""


@dataclass(frozen=True, kw_only=True)
class CheckedTable:
    """A checked text table: a plain file to read, and the columns that must be read as text."""

    path: Path
    as_text: tuple[str, ...] = ()


def check_json_lines(file: RawFile) -> CheckedTable | None:
    """Return a JSON Lines file, or None where it has no row; ``TableError`` names the first bad line.

    Columns with whole numbers too large for floating point become text where other rows have fractions, and columns
    with objects where other rows have none there.
    """
    rows, large, fractions = 0, set[str](), set[str]()
    objects, others = set[Place](), set[Place]()
    for number, line in file.lines():
        if not line.strip():
            continue
        rows += 1
        row = _row(file, number, line)
        if MANY_DIGITS.search(line):
            large |= {name for name, value in row.items() if isinstance(value, int) and abs(value) > EXACT}
        if b"." in line or b"e" in line:
            fractions |= {name for name, value in row.items() if isinstance(value, float)}
        _note_kinds(row, objects, others)
    if not rows:
        return None
    mixed = {place[0] for place in objects & others}
    path = _with_json_texts(file, mixed) if mixed else _plain(file)
    return CheckedTable(path=path, as_text=tuple(sorted((large & fractions) | mixed)))


def _with_json_texts(file: RawFile, columns: set[str]) -> Path:
    """Return a copy of a JSON Lines file with the lists and objects of some columns as JSON texts.

    polars infers one type of a column, which objects and other values do not have.
    """
    copy = _new_copy(file)
    with copy.open("w", encoding="utf-8") as to:
        for number, line in file.lines():
            if not line.strip():
                continue
            row = _row(file, number, line)
            for name in columns & row.keys():
                value = row[name]
                row[name] = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
            to.write(json.dumps(row, ensure_ascii=False) + "\n")
    return copy


def _new_copy(file: RawFile) -> Path:
    return scratch_folder() / f"{len(list(scratch_folder().iterdir()))}{Path(file.name).suffix}"


def _note_kinds(row: dict[str, object], objects: set[Place], others: set[Place]) -> None:
    """Add the places of a row, at any depth, to those that hold objects or to those that hold something else."""
    left: list[tuple[Place, object]] = [((name,), value) for name, value in row.items()]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            objects.add(place)
            left += [((*place, name), inner) for name, inner in value.items()]
        elif value is not None:
            others.add(place)
            if isinstance(value, list):
                left += [((*place, None), inner) for inner in value]


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
    """Return a csv file, or None where it is empty; ``TableError`` names the first bad line.

    Blank lines are no rows; in a file of one column they are empty cells.
    """
    with reading(file), file.open() as stream:
        head = stream.read(1 << 16)
    if not head.removeprefix(BOM).strip():
        return None
    if ends_lines_with_cr(head):
        raise TableError(f"{file.path} ends its lines with CR alone, expected LF or CRLF; convert it and run again")
    names: list[str] = []
    blank = set[int]()
    started = 1
    reader = csv.reader(_decoded_lines(file), strict=True)
    previous = csv.field_size_limit(LONGEST_LINE)
    try:
        for cells in reader:
            if not cells and len(names) != 1:
                blank.add(reader.line_num)
            elif not names:
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
    return CheckedTable(path=_plain(file, without=blank))


def _decoded_lines(file: RawFile) -> Iterator[str]:
    for number, line in file.lines():
        try:
            yield line.decode() + "\n"
        except UnicodeDecodeError as error:
            raise TableError(
                f"{file.path}, line {number} is not UTF-8: byte {error.start + 1} of it is "
                f"{error.object[error.start]:#x}; convert the file (iconv -f CP1252 -t UTF-8) and run again"
            ) from error


def _header(file: RawFile, names: list[str]) -> list[str]:
    if len(names) == 1 and re.search(r"[;\t|]", names[0]):
        raise TableError(f"{file.path}, line 1 is {names[0][:80]!r}, expected columns separated by commas; convert it")
    for name in names:
        if name and names.count(name) > 1:
            raise TableError(f"{file.path}, line 1 names two columns {name!r}; rename one")
    return names


def _plain(file: RawFile, without: Collection[int] = ()) -> Path:
    """Return a plain file without a byte order mark and without some lines: the file, or a copy of its content."""
    with file.open() as stream:
        marked = stream.read(3) == BOM
        if file.path.suffix != ".gz" and not marked and not without:
            return file.path
        copy = _new_copy(file)
        stream.seek(3 if marked else 0)
        with copy.open("wb") as to:
            if without:
                to.writelines(line for number, line in enumerate(stream, 1) if number not in without)
            else:
                shutil.copyfileobj(stream, to, 1 << 20)
    return copy
