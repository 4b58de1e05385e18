"""Rows of a workbook (xlsx), as a spreadsheet program shows them: of its first sheet that is visible and has cells."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from sources.files import FileError, RawFile
from sources.formats.archives import UNPACKED, blocks, open_archive
from sources.source import Broken, Raw

LAST_ROW = 1 << 20
"""Rows that a sheet can have."""

MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')
HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\s[^>]*\bhidden="(?:1|true)"')

ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How the format writes a character that XML cannot hold (ECMA-376 part 1, 22.9.2.19)."""

FORMAT_TEXT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
"""Parts of a number format that are no placeholders: quoted texts, colours, fill characters."""


class SheetRange(NamedTuple):
    """Which sheet is read, which others are not, and how many of its rows are hidden."""

    name: str
    others: tuple[str, ...]
    hidden_rows: int


def escape(text: str) -> str:
    """Return a text for a cell of a workbook; what reads as the code of a character stays as it is."""
    return ESCAPE.sub(r"_x005F_x\1_", text)


def sheet(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one dict per row of the first sheet that is visible and has cells; columns without a name are left out.

    The first row with cells is the header, other empty rows are skipped. A formula counts as its stored value, and
    breaks its row without one. A cell that is merged over several rows has its value in each of them.
    """
    with _readable(file):
        yield from _sheet_rows(file)


def sheet_range(file: RawFile) -> SheetRange:
    """Return what of an xlsx file is read and what is not."""
    with _readable(file):
        book = _open_book(file, data_only=False)
        page = _chosen(file, book)
        others = [name for name in book.sheetnames if page is None or name != page.title]
        hidden = len(HIDDEN_ROW.findall(_xml(page))) if page is not None else 0
        return SheetRange(page.title if page is not None else "", tuple(others), hidden)


@contextmanager
def _readable(file: RawFile) -> Iterator[None]:
    """Check the archive within bounds, and turn what openpyxl raises on it into a ``FileError``."""
    kind = "workbook (xlsx)"
    with open_archive(file, kind) as archive:
        names = Counter(archive.namelist())
        if twice := [name for name, times in names.items() if times > 1]:
            raise FileError(f"{file.path} has two members {twice[0]}, expected one; fetch it again")
        total = sum(len(block) for info in archive.infolist() for block in blocks(file, archive, info, kind))
    if total > UNPACKED:
        raise FileError(f"{file.path} expands to {total:,} bytes, expected {UNPACKED:,} at most; split it")
    try:
        yield
    except FileError:
        raise
    except Exception as error:  # openpyxl lets through whatever its XML, dates and references raise
        raise FileError(f"{file.path} is not a readable {kind}: {error!r}; fetch it again") from error


def _open_book(file: RawFile, *, data_only: bool) -> Any:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(file.read()), read_only=True, data_only=data_only)
    for page in book.worksheets:
        page.reset_dimensions()  # a file may say that it has fewer rows than it has
    return book


def _chosen(file: RawFile, book: Any) -> Any:
    """Return the first visible sheet with cells, None where no sheet has any."""
    filled = (page for page in book.worksheets if any(map(_has_values, page.iter_rows())))
    hidden = []
    for page in filled:
        if page.sheet_state == "visible":
            return page
        hidden.append(page.title)
    if hidden:
        raise FileError(f"{file.path} has cells in hidden sheets only ({', '.join(hidden)}); unhide the one to read")
    return None


def _has_values(cells: tuple[Any, ...]) -> bool:
    return any(cell.value is not None for cell in cells)


def _xml(page: Any) -> bytes:
    with page._get_source() as stream:  # openpyxl has no merged cells in its read-only mode
        content: bytes = stream.read()
    return content


def _sheet_rows(file: RawFile) -> Iterator[Raw | Broken]:
    page = _chosen(file, book := _open_book(file, data_only=False))
    if page is None:
        return
    shown = _open_book(file, data_only=True).worksheets[book.worksheets.index(page)]
    rows = enumerate(zip(shown.iter_rows(), page.iter_rows(), strict=True), 1)
    top, (header, _) = next((number, both) for number, both in rows if _has_values(both[1]))
    names = [str(cell.value) if cell.value not in (None, "") else None for cell in header]
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise FileError(f"{file.path} names two columns {twice[0]!r} in its header; rename one")
    merged = _merged_columns(page, top)
    spans: dict[int, tuple[int, Any, str | None]] = {}  # column: last row, value and error of the merged cell
    for number, (cells, written) in rows:
        if number > LAST_ROW:
            raise FileError(f"{file.path} has more than {LAST_ROW:,} rows, which no sheet can have; fetch it again")
        read = [(_value(cell), _error(cell, one)) for cell, one in zip(cells, written, strict=False)]
        spans |= {at: (last, *read[at]) for at, last in merged.get(number, ()) if at < len(read)}
        if not _has_values(written):
            continue
        read += [(None, None)] * (len(names) - len(read))
        for at, (last, value, error) in spans.items():
            if number <= last and at < len(read):
                read[at] = value, error
        errors = [f"{name} is {error}" for name, (_, error) in zip(names, read, strict=False) if name and error]
        if errors:
            yield Broken(number, errors[0], ", ".join(str(cell.value) for cell in written))
        else:
            yield Raw(number, {name: value for name, (value, _) in zip(names, read, strict=False) if name})


def _merged_columns(page: Any, header: int) -> dict[int, list[tuple[int, int]]]:
    """Return the cells below the header that are merged over several rows: by first row, column and last row."""
    from openpyxl.utils import column_index_from_string

    columns: dict[int, list[tuple[int, int]]] = {}
    for column, first, last in MERGED.findall(_xml(page)):
        if header < int(first) < int(last):
            place = column_index_from_string(column.decode()) - 1
            columns.setdefault(int(first), []).append((place, int(last)))
    return columns


def _error(cell: Any, written: Any) -> str | None:
    """Return why a cell has no value although something is written in it."""
    if cell.data_type == "e":
        return f"the error {cell.value}, expected a value; mend its formula, or delete the cell"
    if cell.value is None and written.value is not None and cell.data_type != "str":  # a text that is stored is empty
        formula = str(getattr(written.value, "text", written.value))[:80]
        return f"the formula {formula} without its value; open and save the workbook in a spreadsheet program"
    return None


def _value(cell: Any) -> Any:
    """Return a cell's value: as shown where a program shows 0.05 as 5%, 7 as 007, and a day without its time."""
    value = cell.value
    if isinstance(value, str):
        return ESCAPE.sub(_character, value) if "_x" in value else value
    if isinstance(value, bool) or not isinstance(value, int | float | datetime):
        return value
    shown = FORMAT_TEXT.sub("", cell.number_format or "").split(";")[0]
    if isinstance(value, datetime):
        is_day = not re.search("[hs]", shown, re.IGNORECASE)
        return value.date() if is_day and value == datetime.combine(value.date(), datetime.min.time()) else value
    if "%" in shown:
        return f"{float(f'{value * 100:.15g}'):.15g}%"
    return (
        str(value).zfill(len(shown))
        if re.fullmatch("0{2,}", shown) and isinstance(value, int) and value >= 0
        else value
    )


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code <= 0xDFFF else chr(code)
