"""JSON lists are read one element at a time, whatever their size, and one bad element costs one row."""

import gzip
import json

import pytest

from sources.files import FileError, RawFile
from sources.formats import elements as module
from sources.formats.elements import elements
from sources.shapes.row_shapes import json_rows
from sources.source import Broken, Raw


def raw_file(tmp_path, content, name="rows.json"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return RawFile("rows.json", path)


ROWS = [{"q": "¿Qué es «x»?", "n": [1, {"a": "]"}]}, {"q": 'quoted "[", \\ and ,'}, {}, {"q": "🙂" * 50}]


@pytest.mark.parametrize("block", [1, 2, 7, 64, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_reads_alike_in_blocks_of_any_size(tmp_path, monkeypatch, block, indent):
    monkeypatch.setattr(module, "BLOCK", block)
    content = ("\n " + json.dumps(ROWS, ensure_ascii=False, indent=indent) + "\n").encode()
    expected = [Raw(number, row) for number, row in enumerate(ROWS, 1)]
    assert list(elements(raw_file(tmp_path, content))) == expected
    assert list(elements(raw_file(tmp_path, content, "rows.json.gz"))) == expected


def test_an_empty_list_has_no_rows(tmp_path):
    assert list(elements(raw_file(tmp_path, b" [ ] "))) == []


def test_json_rows_takes_a_list_and_lines_alike(tmp_path):
    lines = b'{"q": 1}\n\n{"q": 2}\n'
    assert [row.value for row in json_rows(raw_file(tmp_path, b'[{"q": 1}, {"q": 2}]'))] == [{"q": 1}, {"q": 2}]
    assert [(row.line, row.value) for row in json_rows(raw_file(tmp_path, lines))] == [(1, {"q": 1}), (3, {"q": 2})]


@pytest.mark.parametrize(
    "bad", [b'{"q": "\xff"}', b'{"q": "\\ud800"}', b'{"q": NaN}'], ids=["utf-8", "surrogate", "nan"]
)
def test_one_bad_element_costs_one_row(tmp_path, bad):
    first, broken, last = elements(raw_file(tmp_path, b'[{"q": 1},\n' + bad + b',\n{"q": 3}]'))
    assert (first, last) == (Raw(1, {"q": 1}), Raw(3, {"q": 3}))
    assert isinstance(broken, Broken)
    assert (broken.line, broken.error[:8]) == (2, "not JSON")


@pytest.mark.parametrize("content", [b'[{"q": 1}, {"q": ', b'[{"q": 1}, oops, {"q": 2}]', b'[{"q": 1}'])
def test_a_list_that_breaks_off_is_an_error_of_the_file(tmp_path, content):
    read = elements(raw_file(tmp_path, content))
    assert next(read) == Raw(1, {"q": 1})
    with pytest.raises(FileError, match=r"rows.json breaks off or is broken in element 2: .*; fetch it again"):
        list(read)


def test_a_broken_element_does_not_take_the_whole_file_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 10)
    monkeypatch.setattr(module, "LONGEST", 100)
    with pytest.raises(FileError, match="element 1"):
        list(elements(raw_file(tmp_path, b'[{"q": "' + b"x" * 10_000)))


def test_a_file_without_a_list_is_an_error(tmp_path):
    with pytest.raises(FileError, match="its start: no list opens"):
        list(elements(raw_file(tmp_path, b"nothing")))
