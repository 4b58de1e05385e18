"""Whatever bytes a raw file holds: it is read row by row, or refused with the project's error, and no row is lost."""

import io
import json
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sources.connectors.medquad import pairs
from sources.files import FileError, RawFile
from sources.shapes.row_shapes import (
    bare_table,
    json_dict,
    json_list,
    json_object,
    json_rows,
    jsonl,
    sheet,
    table,
    under,
    xml,
)
from sources.source import Broken, Raw

SHAPES = [jsonl, json_list, json_dict, json_object, json_rows, table, bare_table, sheet, pairs]
SHAPES += [under("rows"), xml("row")]

PIECES = [
    b'{"q": 1}',
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b",",
    b"\n",
    b"\r\n",
    b"\r",
    b":",
    b"\\",
    b" ",
    b"1",
    b"NaN",
    b"null",
]
PIECES += [
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc3\xa9",
    b"\0",
    b"<row>",
    b"</row>",
    b"&x;",
    b'"q"',
    b"q,a",
    b'"x""y"',
    b"\\u0022",
]
BYTES = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join) | st.binary(max_size=200)


def raw_rows(shape, content, suffix=""):
    """Return what a shape reads of a file with this content, or None where it refuses the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{suffix}"
        path.write_bytes(content)
        try:
            return list(shape(RawFile(path.name, path)))
        except FileError as error:
            assert str(path) in str(error)
            return None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__qualname__)
@settings(max_examples=150, deadline=None)
@given(content=BYTES)
def test_any_bytes_are_read_or_refused(shape, content):
    raw_rows(shape, content)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=8)
LAYOUT = st.sampled_from([None, 1])


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, indent=LAYOUT, ascii=st.booleans(), mark=st.sampled_from([b"", b"\xef\xbb\xbf"]))
@example(rows=[{"": 10**25, "q": '"\\"'}], indent=None, ascii=True, mark=b"")
def test_a_list_gives_its_rows_and_lines_give_theirs(rows, indent, ascii, mark):
    rows = [row for row in rows if encodable(row)]
    text = json.dumps(rows, indent=indent, ensure_ascii=ascii).encode()
    assert raw_rows(json_list, mark + text) == [Raw(number, row) for number, row in enumerate(rows, 1)]
    content = mark + b"".join(json.dumps(row, ensure_ascii=ascii).encode() + b"\n" for row in rows)
    assert (raw_rows(jsonl, content) or []) == [Raw(number, row) for number, row in enumerate(rows, 1)]


def encodable(value):
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


DAMAGE = st.sampled_from([b"", b"}", b'{"q": ', b"\xff", b'{"q": NaN}', b'{"q": 1, "q": 2}', b"17 18", b'"'])


@settings(max_examples=100, deadline=None)
@given(lines=st.lists(st.sampled_from([b'{"q": 1}', b"null", b"[1]"]) | DAMAGE, min_size=1, max_size=12))
def test_every_line_that_is_not_blank_is_read_or_broken(lines):
    found = raw_rows(jsonl, b"\n".join(lines) + b"\n")
    assert [row.line for row in found] == [number for number, line in enumerate(lines, 1) if line]


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=10), end=st.sampled_from(["\n", "\r\n"]))
def test_every_row_of_a_csv_is_read_as_it_was_written(rows, end):
    def quoted(cell):
        return '"' + cell.replace('"', '""') + '"'

    content = "q,a" + end + "".join(f"{quoted(q)},{quoted(a)}{end}" for q, a in rows)
    assert [row.value for row in raw_rows(table, content.encode())] == [{"q": q, "a": a} for q, a in rows]


@settings(max_examples=100, deadline=None)
@given(lines=st.lists(st.sampled_from(["1,2", '1,"2', "1", "1,2,3", '"1","x ""y"""', '1,"2"3']), max_size=12))
def test_every_line_of_a_csv_is_a_row_or_part_of_one(lines):
    found = raw_rows(table, ("q,a\n" + "\n".join(lines) + "\n").encode())
    starts = [row.line for row in found]
    assert starts == sorted(set(starts))
    assert len([row for row in found if isinstance(row, Raw)]) >= lines.count("1,2") - lines.count('1,"2')


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.sampled_from(["a", "b<i>c</i>", "<b/>", "&amp;", "<!-- no -->x", "&bad;", "<open>"]), max_size=6)
)
def test_every_document_of_an_archive_is_read_or_broken(texts):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for number, text in enumerate(texts):
            pair = f"<QAPair><Question qid='1' qtype='t'>q</Question><Answer>{text}</Answer></QAPair>"
            content = f"<Document>{pair}</Document>".encode()
            entry = tarfile.TarInfo(f"d/{number}.xml")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    found = raw_rows(pairs, stream.getvalue(), ".tar")
    broken = sum(text in ("&bad;", "<open>") for text in texts)
    assert (len(found), sum(isinstance(row, Broken) for row in found)) == (len(texts), broken)
