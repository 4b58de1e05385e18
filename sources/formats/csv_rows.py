"""CSV files by row: a broken quote or byte breaks one row only, and every cell stays text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from sources.files import LONGEST_LINE, FileError, RawFile
from sources.source import Broken, Raw

MOST_LINES = 1_000_000
"""Lines of the longest row; each unclosed quote halves this, so that many of them cost no quadratic time."""

SEPARATOR = re.compile(rb"sep=([,;|\t])", re.IGNORECASE)
"""A line before the header that names the delimiter for Excel."""

QUOTED = re.compile(rb'"[^"]*(?:"|\Z)')
LINE_END = re.compile(rb"[\r\n]+")

HEAD = 1 << 16
"""Bytes from the start of a file by which its line ends are recognised."""

FEWEST_LINES = 1000
"""Lines parsed at a time, and the lower limit of the longest row."""


def table(file: RawFile, delimiter: str = ",") -> Iterator[Raw | Broken]:
    """Yield one dict per row of a csv file with a header; ``FileError`` where two columns have one name."""
    rows = _rows(file, header=True, delimiter=delimiter)
    header = next(rows, None)
    if not isinstance(header, Raw):
        raise FileError(f"{file.path} has no readable header, expected column names in line 1")
    names = column_names(file, header.value)
    for row in rows:
        yield _named(row, names) if isinstance(row, Raw) else row


def found_delimiter(file: RawFile) -> str:
    """Return the delimiter of a csv file: the one of ``, ; | tab`` that cuts its header into the most columns."""
    line = next((line for _, line in file.lines() if line.strip()), b"")
    if separator := SEPARATOR.fullmatch(line.strip(b"\r\n")):
        return separator[1].decode()
    if ends_lines_with_cr(line):
        line = line.lstrip(b"\r").partition(b"\r")[0]
    header = line.decode(errors="replace")
    return max(",;\t|", key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))


def bare_table(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one list of cells per row of a csv file without a header."""
    return _rows(file, header=False)


def column_names(file: RawFile, names: list[str]) -> list[str]:
    """Return the names of a header, with numbered ones for unnamed columns; ``FileError`` for a repeated name."""
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise FileError(f"{file.path} names two columns {twice[0]!r} in its header; rename one")
    return [name or (f"column {place}" if names.count(name) > 1 else "") for place, name in enumerate(names, 1)]


def _named(row: Raw, names: list[str]) -> Raw | Broken:
    if len(row.value) != len(names):
        error = f"{len(row.value)} cells, expected {len(names)} ({', '.join(names)})"
        return Broken(row.line, error, ",".join(row.value))
    return Raw(row.line, dict(zip(names, row.value, strict=True)))


def _rows(file: RawFile, *, header: bool, delimiter: str = ",") -> Iterator[Raw | Broken]:
    """Parse csv, and after a broken quote resume at the next line, so that one bad row costs one row.

    A row is numbered by the line on which it starts. Bytes that are not UTF-8 break their own row only.
    """
    csv.field_size_limit(LONGEST_LINE)
    lines = _decode_lines(file)
    at, width, most, size = 0, 0, MOST_LINES, FEWEST_LINES
    while at < len(lines):
        start = at
        reader = csv.reader(lines[start : start + size], strict=True, delimiter=delimiter)
        try:
            for cells in reader:
                first, at = at, start + reader.line_num
                if (
                    cells
                    and at - first > 1
                    and width
                    and len(cells) != width
                    and _fits(lines[first + 1], width, delimiter)
                ):
                    yield Broken(first + 1, "broken csv: a quote is not closed", _readable(lines[first]))
                    at = first + 1
                    break
                if cells:
                    width = width or (len(cells) if header else 0)
                    yield _decoded(first + 1, cells)
            size = FEWEST_LINES
        except csv.Error as error:
            if reader.line_num == size and start + size < len(lines) and start + size - at < most:
                size *= 2  # the row may end past the lines that were given
                continue
            yield Broken(at + 1, f"broken csv: {error}", _readable(lines[at]))
            at, size = at + 1, FEWEST_LINES
            most = max(FEWEST_LINES, most // 2)


def ends_lines_with_cr(content: bytes) -> bool:
    """Return whether the first line ends with CR alone, as old Macs and Excel for them write; LF may be in cells."""
    end = LINE_END.search(QUOTED.sub(b"", content[:HEAD]))
    return b"\n" not in end[0] if end else b"\r" in content and b"\n" not in content


def _decode_lines(file: RawFile) -> list[str]:
    content = file.document()
    if ends_lines_with_cr(content):
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = [line.decode(errors="surrogateescape") for line in io.BytesIO(content)]
    if lines and SEPARATOR.fullmatch(lines[0].encode(errors="surrogateescape").strip(b"\r\n")):
        lines[0] = "\n"
    return lines


def _fits(line: str, width: int, delimiter: str) -> bool:
    """Return whether a line alone is a row of ``width`` cells, which means that a quote before it was not closed."""
    try:
        return [len(cells) for cells in csv.reader([line], strict=True, delimiter=delimiter)] == [width]
    except csv.Error:
        return False


def _decoded(line: int, cells: list[str]) -> Raw | Broken:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return Broken(line, "not UTF-8", _readable(",".join(cells)))
    return Raw(line, cells)


def _readable(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
