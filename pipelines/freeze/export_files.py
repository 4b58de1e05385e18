"""Files of exported rows: JSON Lines for programs, csv and xlsx for people.

A text that a spreadsheet would run as a formula begins with an apostrophe in csv, and is marked as text in xlsx.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import orjson

from pipelines.release.spreadsheet_cells import without_formula
from sources.formats.workbooks import escape

LONGEST_CELL = 32_767
MOST_ROWS = 1_048_575
"""Limits of a sheet: characters of a cell, and rows below the header."""

WRITTEN_AT = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*<")

NO_CELL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Characters that a sheet cannot hold."""


class RowFile(Protocol):
    """A file that takes rows with the same columns; ``ValueError`` for one that it cannot hold."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row."""

    def close(self) -> None:
        """Finish the file."""


class JsonLinesFile:
    """One JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        self._file.write(orjson.dumps(row) + b"\n")

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class CsvFile:
    """A csv file with a header, in UTF-8 with a byte order mark, which spreadsheets need to recognise it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._empty = True

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        if self._empty:
            self._writer.writerow(row)
            self._empty = False
        self._writer.writerow(map(without_formula, row.values()))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class XlsxFile:
    """A workbook with one sheet."""

    def __init__(self, path: Path) -> None:
        from openpyxl import Workbook

        self._path, self._rows = path, 0
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("rows")

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row; ``ValueError`` where a text or the number of rows is beyond what a sheet holds."""
        longest = max(len(one) for one in row.values() if isinstance(one, str))
        if longest > LONGEST_CELL:
            raise ValueError(
                f"{row['id']} has a text too long for a cell, expected at most {LONGEST_CELL:,} characters"
            )
        if self._rows == MOST_ROWS:
            raise ValueError(f"{row['id']} is beyond the last row of a sheet, expected at most {MOST_ROWS:,} rows")
        if not self._rows:
            self._sheet.append([self._cell(name) for name in row])
        self._sheet.append([self._cell(one) for one in row.values()])
        self._rows += 1

    def _cell(self, value: Any) -> Any:
        from openpyxl.cell import WriteOnlyCell

        cell = WriteOnlyCell(self._sheet, value=escape(NO_CELL.sub("", value)) if isinstance(value, str) else value)
        if isinstance(value, str):
            cell.data_type = "s"
        return cell

    def close(self) -> None:
        """Finish the file, with no time of writing in it, so that the same rows give the same bytes."""
        written = io.BytesIO()
        self._book.save(written)
        with zipfile.ZipFile(written) as book, zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED) as file:
            for name in sorted(book.namelist()):
                content = WRITTEN_AT.sub(rb"\g<1>2000-01-01T00:00:00Z<", book.read(name))
                file.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)


FILES: dict[str, type[JsonLinesFile] | type[CsvFile] | type[XlsxFile]] = {
    "jsonl": JsonLinesFile,
    "csv": CsvFile,
    "xlsx": XlsxFile,
}
"""Kinds of files by their suffix."""
