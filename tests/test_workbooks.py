"""Workbooks (xlsx) as people make them: read as a spreadsheet program shows them."""

import datetime
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from pipelines.freeze.export_files import XlsxFile
from pipelines.own_files.own_sources import propose_mapping
from sources.files import FileError, RawFile
from sources.formats.workbooks import escape, sheet, sheet_range
from sources.mapping.column_mapping import MappingError
from sources.source import Broken, Raw


@pytest.fixture
def book():
    return openpyxl.Workbook()


@pytest.fixture
def rows_of(tmp_path):
    def rows(book):
        book.save(path := tmp_path / "a.xlsx")
        return list(sheet(RawFile(path.name, path)))

    return rows


def add(page, *rows):
    for row in rows:
        page.append(row)
    return page


def test_a_merged_cell_has_its_value_in_each_of_its_rows(book, rows_of):
    note, asked = "A man of 60 with chest pain.", ["What next?", "Which drug?", "Which test?"]
    page = add(
        book.active, ["note", "question", "answer"], *[[note, one, "ECG"] for one in asked], [None, "Why?", "Pain"]
    )
    page.merge_cells("A2:A4")
    assert [row.value["note"] for row in rows_of(book)] == [note, note, note, None]


def test_a_header_of_two_rows_and_a_title_over_all_columns_are_no_values(book, rows_of):
    page = add(book.active, ["Quiz", None, "Options"], [None, None, "first"], ["Heart", "x", "y"], [1, "z", "w"])
    page.merge_cells("A1:A2")
    page.merge_cells("A3:C3")
    assert [row.value["Quiz"] for row in rows_of(book)] == [None, "Heart", 1]


def test_an_error_in_a_merged_cell_breaks_each_of_its_rows(book, rows_of):
    page = add(book.active, ["a", "b"], ["#REF!", 1], [None, 2], ["x", 3])
    page["A2"].data_type = "e"
    page.merge_cells("A2:A3")
    broken, other, good = rows_of(book)
    assert isinstance(broken, Broken) and isinstance(other, Broken)
    assert broken.error == "a is the error #REF!, expected a value; mend its formula, or delete the cell"
    assert good == Raw(4, {"a": "x", "b": 3})


def test_the_header_is_the_first_row_with_cells(book, rows_of):
    book.active["A3"], book.active["B3"], book.active["A4"], book.active["B4"] = "q", "a", "Why?", "So."
    assert rows_of(book) == [Raw(4, {"q": "Why?", "a": "So."})]


def test_hidden_and_empty_sheets_are_passed_over(book, rows_of, tmp_path):
    old = book.create_sheet("old")
    add(old, ["q"], ["Of last year?"])
    old.sheet_state = "hidden"
    with pytest.raises(FileError, match=r"has cells in hidden sheets only \(old\); unhide the one to read"):
        rows_of(book)
    new = add(book.create_sheet("new"), ["q"], ["Of this year?"], ["Filtered?"])
    new.row_dimensions[3].hidden = True
    assert [row.value["q"] for row in rows_of(book)] == ["Of this year?", "Filtered?"]
    assert sheet_range(RawFile("a.xlsx", tmp_path / "a.xlsx")) == ("new", ("Sheet", "old"), 1)


def test_a_workbook_without_any_cell_has_no_rows(book, rows_of):
    assert rows_of(book) == []


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ('<c r="B2" t="str"><f>"a"&amp;A2</f><v>ax &amp; y</v></c>', "ax & y"),
        ('<c r="B2" t="str"><f>""</f><v></v></c>', None),
        ('<c r="B2" t="b"><f>1=1</f><v>1</v></c>', True),
        ('<c r="B2"><f>5+5</f><v>10</v></c>', 10),
        ('<c r="B2" t="inlineStr"><is><r><t>two </t></r><r><rPr><b/></rPr><t>fonts</t></r></is></c>', "two fonts"),
    ],
)
def test_a_formula_is_read_as_its_stored_value(stored, read, book, rows_of, tmp_path):
    add(book.active, ["a", "b"], ["x", "CELL"])
    rows_of(book)
    with zipfile.ZipFile(path := tmp_path / "a.xlsx") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    members[name] = re.sub(rb'<c r="B2".*?</c>', stored.encode(), members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    assert list(sheet(RawFile("a.xlsx", path))) == [Raw(2, {"a": "x", "b": read})]


@pytest.mark.parametrize(
    ("value", "number_format", "read"),
    [
        (0.05, "0%", "5%"),
        (0.07, "0.00%", "7%"),
        (1.255, "0.0%", "125.5%"),
        (7, "00000", "00007"),
        (0.5, '0.00" % of all"', 0.5),
        (1000, "#,##0", 1000),
        (True, "General", True),
        (datetime.datetime(2026, 5, 2), "dd/mm/yyyy", datetime.date(2026, 5, 2)),
        (datetime.datetime(2026, 5, 2), "dd/mm/yyyy hh:mm", datetime.datetime(2026, 5, 2)),
        (datetime.datetime(2026, 5, 2, 7, 30), "dd/mm/yyyy", datetime.datetime(2026, 5, 2, 7, 30)),
        ("Take one_x000D_\nor two_x0041_", "General", "Take one\r\nor twoA"),
        ("_xD83D_ alone", "General", "_xD83D_ alone"),
    ],
)
def test_a_value_is_read_as_it_is_shown(value, number_format, read, book, rows_of):
    add(book.active, ["a"], [value])
    book.active["A2"].number_format = number_format
    [row] = rows_of(book)
    assert row.value == {"a": read}
    assert type(row.value["a"]) is type(read)


def test_what_reads_as_the_code_of_a_character_is_written_as_it_is(tmp_path):
    file = XlsxFile(path := tmp_path / "a.xlsx")
    file.write({"id": "1", "text": "the variable _x0041_"})
    file.close()
    assert [row.value["text"] for row in sheet(RawFile(path.name, path))] == ["the variable _x0041_"]
    assert escape("_x_") == "_x_"


def test_a_cover_sheet_is_named_where_no_question_is_found(book, tmp_path: Path):
    add(book.active, ["Quiz of the clinic"])
    add(book.create_sheet("data"), ["question", "answer"], ["Why?", "So."])
    book.active["A3"] = "Read me"
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(MappingError, match=r"no column looks like a question .*the sheet Sheet is read, and not data"):
        propose_mapping(str(tmp_path / "a.xlsx"), tmp_path)
