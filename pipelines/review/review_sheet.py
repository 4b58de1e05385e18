"""Rows to review as a CSV or XLSX sheet, and the verdicts read from one, checked line by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.release.review_verdicts import (
    ANSWERS,
    REASONS,
    ReviewError,
    Verdict,
    check_verdict,
    row_mark,
    rows_by_id,
)
from pipelines.release.spreadsheet_cells import without_formula
from pipelines.report.page_text import safe_text
from pipelines.review.review_sample import SampledRow
from sources.atomic import replacing, write_bytes
from sources.files import RawFile
from sources.formats.workbooks import escape, sheet
from sources.source import Broken

SHOWN = ("source", "question", "context", "options", "gold", "answer", "rejected")
ANSWER_FIELDS = ("verdict", "reason", "comment")
COLUMNS = ("id", *SHOWN, *ANSWER_FIELDS, "mark")
LONGEST_CELL = 32_000
"""Most characters of a cell; Excel allows 32,767."""

SUFFIXES = (".csv", ".xlsx")
FAULTS_SHOWN = 10


def write_sheet(sample: Sequence[SampledRow], path: Path, verdicts: Sequence[Verdict] = ()) -> None:
    """Write rows as a .csv or .xlsx sheet with the earlier ``verdicts``, or empty cells for them."""
    check_suffix(path)
    known = {(one.id, one.mark): one for one in verdicts}
    rows = []
    for one in sample:
        verdict = known.get((one.id, one.mark))
        cells = [getattr(verdict, name) if verdict else "" for name in ANSWER_FIELDS]
        rows.append([one.id, *_shown(one.row), *map(_text, cells), one.mark])
    if path.suffix == ".csv":
        text = io.StringIO()
        csv.writer(text).writerows([COLUMNS, *rows])
        write_bytes(path, b"\xef\xbb\xbf" + text.getvalue().encode())  # Excel recognises UTF-8 by the byte order mark
    else:
        _write_workbook(rows, path)


def check_suffix(path: Path) -> None:
    """Raise ``ReviewError`` for a file that is neither csv nor xlsx."""
    if path.suffix not in SUFFIXES:
        raise ReviewError(f"{path} ends in {path.suffix or 'nothing'}, expected {' or '.join(SUFFIXES)}")


def _shown(row: dict[str, Any]) -> list[str]:
    """Return the cells that a reviewer reads, in the order of ``SHOWN``."""
    turns = row["messages"] or []
    question = "\n".join(turn["content"] if len(turns) == 1 else f"{turn['role']}: {turn['content']}" for turn in turns)
    options = [f"{chr(65 + n % 26)}. {option}" for n, option in enumerate(row["options"] or [])]
    gold = ", ".join(chr(65 + at % 26) for at in row["gold"] or [])
    answer = row["response"] or row["answer"] or ""
    cells = (row["source"], question, row["context"] or "", "\n".join(options), gold, answer, row["rejected"] or "")
    return [_text(cell) for cell in cells]


def _text(text: str) -> str:
    """Return a text as a cell: hidden characters written out, cut, and never a formula."""
    shown = safe_text(text)
    return without_formula(shown if len(shown) <= LONGEST_CELL else f"{shown[:LONGEST_CELL]} …")


def _write_workbook(rows: Sequence[Sequence[str]], path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    page = book.active
    page.title = "review"
    page.append(COLUMNS)
    for cell in page[1]:
        cell.font = Font(bold=True)
    for row in rows:
        page.append(list(map(escape, row)))
    for line in page.iter_rows(min_row=2):
        for cell in line:
            cell.data_type = "s"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    page.freeze_panes = "B2"
    for n, name in enumerate(COLUMNS, 1):
        page.column_dimensions[get_column_letter(n)].width = 60 if name in ("question", "answer") else 18
    for name, values in (("verdict", ANSWERS), ("reason", tuple(REASONS))):
        column = get_column_letter(COLUMNS.index(name) + 1)
        choice = DataValidation(type="list", formula1=f'"{",".join(values)}"', allow_blank=True)
        page.add_data_validation(choice)
        choice.add(f"{column}2:{column}{len(rows) + 1}")
    with replacing(path) as temporary:
        book.save(temporary)


# --- reading a sheet -------------------------------------------------------------------------------------------------


def read_sheet(path: Path, folder: Path, reviewer: str, title: str) -> list[Verdict]:
    """Return the verdicts in a sheet on rows of the release in ``folder``; lines without one are left out.

    Raises ``ReviewError`` with every faulty line: an unknown or repeated id, a row that was changed in the sheet or
    differs in the release, an unknown verdict or reason.
    """
    check_suffix(path)
    lines = list(_csv_lines(path) if path.suffix == ".csv" else _workbook_lines(path))
    rows = rows_by_id(folder, {cells["id"] for _, cells in lines})
    seen: dict[str, int] = {}
    verdicts, faults = [], []
    for number, cells in lines:
        try:
            one = _verdict(cells, rows, reviewer, title)
            if (before := seen.setdefault(cells["id"], number)) != number:
                raise ValueError(f"{cells['id']} is on line {before} already; drop one of them")
        except ValueError as error:
            faults.append(f"line {number}: {error}")
            continue
        verdicts += [one] if one else []
    if faults:
        more = f"; and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
        raise ReviewError(f"{path} was not read: {'; '.join(faults[:FAULTS_SHOWN])}{more}")
    return verdicts


def _verdict(cells: dict[str, str], rows: dict[str, dict[str, Any]], reviewer: str, title: str) -> Verdict | None:
    """Return the verdict of a line, None without one; ``ValueError`` for an invalid line."""
    id, verdict, reason = cells["id"], cells["verdict"].strip().lower(), cells["reason"].strip().lower()
    comment = cells["comment"].strip()
    row = rows.get(id)
    if row is None:
        raise ValueError(f"id is {id!r}, expected that of a row of {title}")
    if cells["mark"].strip() != row_mark(row):
        raise ValueError(f"mark is {cells['mark']!r}, but {id} of {title} has {row_mark(row)}: write a new sheet")
    for name, shown in zip(SHOWN, _shown(row), strict=True):
        if _plain(cells[name]) != _plain(shown):
            raise ValueError(f"{name} of {id} was changed; a verdict is about the released text, put the cell back")
    if not verdict:
        if reason or comment:
            raise ValueError(f"{id} has a reason or comment but no verdict, expected {', '.join(ANSWERS)}")
        return None
    check_verdict(verdict, reason, comment)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    values = {"verdict": verdict, "reason": reason, "comment": comment.removeprefix("'"), "release": title, "at": at}
    return Verdict.of({"id": id, "mark": row_mark(row), "reviewer": reviewer, **values})


def _plain(text: str) -> str:
    """Return a text without what a spreadsheet may change: line ends, spaces, a leading apostrophe."""
    return " ".join(text.removeprefix("'").split())


def _csv_lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ReviewError(f"{path} cannot be read ({error}), expected UTF-8; save it as CSV UTF-8") from error
    lines = io.StringIO(text, newline="")  # LF, CRLF and CR alone end lines, as spreadsheets write them
    head = lines.readline()
    lines.seek(0)
    reader = csv.reader(lines, delimiter=max(",;\t", key=head.count))
    started = 1
    try:
        names = _header(path, next(reader, []))
        started = reader.line_num + 1
        for values in reader:
            if any(value.strip() for value in values):
                yield started, _cells(names, values)
            started = reader.line_num + 1
    except csv.Error as error:
        raise ReviewError(f"{path}, line {started}: broken csv ({error}); save the sheet as CSV again") from error


def _workbook_lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    if not path.is_file():
        raise ReviewError(f"{path} is not there")
    for line in sheet(RawFile(path.name, path)):
        if isinstance(line, Broken):
            raise ReviewError(f"{path}, line {line.line}: {line.error}")
        names = _header(path, list(line.value))
        yield line.line, _cells(names, ["" if value is None else str(value) for value in line.value.values()])


def _header(path: Path, names: Sequence[str]) -> list[str]:
    columns = [name.strip() for name in names]
    if twice := [name for name in COLUMNS if columns.count(name) > 1]:
        raise ReviewError(f"{path} has two columns {twice[0]!r}, expected one; delete or rename the other")
    if lacking := [name for name in COLUMNS if name not in columns]:
        raise ReviewError(f"{path} has no column {lacking[0]!r}, expected {', '.join(COLUMNS)}; write a new sheet")
    return columns


def _cells(names: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    return {**dict.fromkeys(COLUMNS, ""), **dict(zip(names, values, strict=False))}
