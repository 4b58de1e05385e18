"""Odd files as users have them: what is in them is read as it is written, or refused in a line that names the place."""

import gzip
import io
import json
import re
import tarfile
import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_recipe
from click.testing import CliRunner

from pipelines.build.fingerprint import FOLDERS
from pipelines.cli.commands import main
from pipelines.cli.shared_options import TRACEBACK
from pipelines.own_files.file_tables import (
    TableError,
    path_names,
    refuse_overwriting,
    scan,
    text_columns,
    write_rows,
)
from quality.duplicates.near_duplicates import free_column
from sources.connectors.medquad import MEDQUAD
from sources.files import FileError, RawFile
from sources.formats.archives import members
from sources.formats.csv_rows import table
from sources.formats.workbooks import sheet
from sources.read import read
from sources.record import Malformed, Record
from sources.shapes.row_shapes import (
    json_dict,
    json_list,
    json_object,
    json_rows,
    jsonl,
    mcq,
    one_based,
    parquet,
    qa,
    under,
)
from sources.source import Broken, Raw, Source
from sources.table import frame, malformed

TEXTS = [f"Case {n}: the child has had a fever of {38 + n / 10:.1f} degrees since Monday." for n in range(6)]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def sabila(*call):
    result = CliRunner().invoke(main, [str(word) for word in call])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


# --- tables of the user's own --------------------------------------------------------------------------------------


def test_a_column_that_first_appears_late_is_kept(tmp_path):
    rows = [{"text": f"row {n}", "about": {"page": n}} for n in range(300)]
    rows[290] |= {"license": "CC0-1.0", "about": {"page": 290, "edition": "2nd"}}
    read = scan([write(tmp_path / "a.jsonl", lines(rows))]).collect()
    assert read["license"].drop_nulls().to_list() == ["CC0-1.0"]
    assert read["about"][290] == {"page": 290, "edition": "2nd"}


def test_the_cells_of_a_csv_stay_text(tmp_path):
    content = "\ufeffid,zip,code,flag,dose\n0012,02110,001.00,TRUE,1.10\n0013,00501,250.0,no,5\n"
    read = scan([write(tmp_path / "codes.csv", content)]).collect()
    assert read.rows()[0] == ("0012", "02110", "001.00", "TRUE", "1.10")


def test_a_column_of_several_kinds_becomes_text_and_large_numbers_stay_whole(tmp_path):
    rows = [{"dose": 5, "id": 2**70, "n": 2**53 + 1} for _ in range(200)] + [{"dose": "5 mg", "id": 7, "n": 0.5}]
    read = scan([write(tmp_path / "a.jsonl", lines(rows))]).collect()
    assert read["dose"].to_list()[-2:] == ["5", "5 mg"]
    assert read["id"].to_list()[-2:] == [2**70, 7]
    assert read["n"].to_list()[-2:] == [str(2**53 + 1), "0.5"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([{"y": 1}, 5, "s"], ['{"y": 1}', "5", "s"]),
        ([[{"x": "é"}], {"x": 1.0}, None], ['[{"x": "é"}]', '{"x": 1.0}', None]),
        ([{"y": {"z": 1}}, {"y": [1]}], ['{"y": {"z": 1}}', '{"y": [1]}']),
        ([{}, {}], ["{}", "{}"]),
        ([[{}], []], ["[{}]", "[]"]),
    ],
)
def test_a_column_that_has_no_type_becomes_json_text(values, texts, tmp_path):
    rows = scan([write(tmp_path / "a.jsonl", lines([{"text": "a", "meta": value} for value in values]))])
    write_rows(rows, tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet")["meta"].to_list() == texts


def test_objects_that_are_empty_in_one_shard_are_those_of_the_others(tmp_path):
    shards = [
        write(tmp_path / f"{n}.jsonl", lines([{"text": "a", "meta": meta}])) for n, meta in enumerate([{}, {"x": 1}])
    ]
    assert scan(shards).collect()["meta"].to_list() == [{"x": None}, {"x": 1}]


def test_blank_lines_of_a_csv_are_no_rows(tmp_path):
    content = '\r\nid,text\r\n\r\n1,"a\r\n\r\nb"\r\n\r\n2,c\r\n\r\n'
    assert scan([write(tmp_path / "a.csv", content)]).collect().rows() == [("1", "a\r\n\r\nb"), ("2", "c")]
    assert scan([write(tmp_path / "b.csv", "text\na\n\nb\n")]).collect()["text"].to_list() == ["a", None, "b"]


def test_a_byte_order_mark_is_passed_over_plain_and_gzipped(tmp_path):
    content = b"\xef\xbb\xbf" + lines([{"text": "one"}, {"text": "two"}]).encode()
    plain = write(tmp_path / "a.jsonl", content)
    packed = write(tmp_path / "b.jsonl.gz", gzip.compress(content))
    assert scan([plain, packed]).collect()["text"].to_list() == ["one", "two"] * 2


def test_an_empty_shard_has_no_rows(tmp_path):
    shards = [write(tmp_path / f"{n}.jsonl", lines([{"text": f"shard {n}"}]) if n != 1 else "") for n in range(3)]
    assert scan(shards).collect()["text"].to_list() == ["shard 0", "shard 2"]
    with pytest.raises(TableError, match=r"1\.jsonl: no rows and no column names"):
        scan(shards[1:2])


def test_a_categorical_column_can_be_compared(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"text": ["fever", "cough", "fever"]}, schema={"text": pl.Categorical}).write_parquet(path)
    assert text_columns(scan([path]), ()) == ["text"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.jsonl", lines([{"text": "ok"}] * 150) + '{"text": \n', r"a\.jsonl, line 151: not JSON: "),
        ("a.jsonl", '{"text": "ok"}\n{"text": NaN}\n', r"a\.jsonl, line 2: not JSON: "),
        ("a.jsonl", b'{"text": "ok"}\n{"text": "caf\xe9"}\n', r"a\.jsonl, line 2: not JSON: .*UTF-8"),
        ("a.jsonl", '{"text": "ok"}\n{"text": "\\ud800"}\n', r"a\.jsonl, line 2: not JSON: .*surrogate"),
        ("a.jsonl", '{"text": "ok"}\n\n17\n', r"a\.jsonl, line 3 holds int '17', expected an object"),
        ("a.jsonl", '{"text": "one", "text": "two"}\n', r"a\.jsonl, line 1: key 'text' occurs twice"),
        ("a.jsonl", '{"m": {"x": "\\u0022\\u0022", "x": 1}}\n', r"a\.jsonl, line 1: key 'x' occurs twice"),
        ("a.jsonl", '[{"text": "one"}]\n', r"a\.jsonl, line 1 begins a JSON list"),
        ("a.jsonl", '{"text": ' + "[" * 90_000 + "]" * 90_000 + "}\n", r"a\.jsonl, line 1: not JSON: depth"),
        ("a.csv", b"id,text\n1,caf\xe9\n", r"a\.csv, line 2 is not UTF-8: byte 6 of it is 0xe9"),
        ("a.csv", "id;text\n1;fever\n", r"a\.csv, line 1 is 'id;text', expected columns separated by commas"),
        ("a.csv", 'id,text\n1,fever\n2,"cough\n3,rash\n', r"a\.csv, line 3: broken csv .*quote that is not closed"),
        ("a.csv", "id,text\n1,fever,high\n", r"a\.csv, line 2: 3 cells, expected 2 \(id, text\)"),
        ("a.csv", "text,text\n1,2\n", r"a\.csv, line 1 names two columns 'text'"),
        ("a.csv", "id,text\r1,fever\r", r"a\.csv ends its lines with CR alone"),
        ("a.csv", 'id,text\r1,"fever\nand cough"\r', r"a\.csv ends its lines with CR alone"),
        ("a.csv", "id,text\n1,fever\n".encode("utf-16"), r"a\.csv is UTF-16, expected UTF-8"),
        ("a.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", r"a\.jsonl is a Git LFS pointer"),
        ("a.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", r"a\.parquet is a Git LFS pointer"),
        ("a.csv", "<!DOCTYPE html><title>Not found</title>", r"a\.csv is a web page"),
        ("a.parquet", "PAR1 and nothing more", r"cannot read .*a\.parquet: "),
        ("a.jsonl.gz", "no gzip", r"a\.jsonl\.gz is damaged"),
    ],
)
def test_what_no_table_can_hold_is_refused_with_file_and_line(tmp_path, name, content, problem):
    path = write(tmp_path / name, content)
    with pytest.raises(TableError, match=problem):
        scan([path])
    result = sabila("dedup", path, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert not (tmp_path / "out").exists()


def test_two_files_whose_columns_do_not_go_together_are_named(tmp_path):
    one = write(tmp_path / "one.jsonl", lines([{"text": "a", "note": {"page": 1}}]))
    two = write(tmp_path / "two.jsonl", lines([{"text": "a", "note": [1, 2]}]))
    with pytest.raises(TableError, match=r"column 'note' is List.* in .*two\.jsonl and Struct.* in .*one\.jsonl"):
        scan([one, two])


ODD_NAMES = ["data[1]", "a*b", "what?", "{x}", "two words", "it's", '"quoted"', "50%20", "año", "$HOME", "[!a]"]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet", ".jsonl.gz"])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_path_is_read_as_it_is_written(tmp_path, name, suffix):
    for other in ("data1", "axxb", "whats", "x", "b"):
        write(tmp_path / f"{other}{suffix}", "not to be read")
    path = tmp_path / f"{name}{suffix}"
    if suffix == ".parquet":
        pl.DataFrame({"text": [name]}).write_parquet(tmp_path / "plain")
        (tmp_path / "plain").rename(path)
    else:
        content = f'text\n"{name.replace(chr(34), chr(34) * 2)}"\n' if suffix == ".csv" else lines([{"text": name}])
        write(path, gzip.compress(content.encode()) if suffix.endswith(".gz") else content)
    rows = scan([path])
    assert rows.collect()["text"].to_list() == [name]
    write_rows(rows, tmp_path / "out[1]" / "kept.parquet")
    assert scan([tmp_path / "out[1]" / "kept.parquet"]).collect()["text"].to_list() == [name]


def test_a_store_and_a_mirror_of_any_legal_name_work(tmp_path):
    for decoy in ("st1ore", "mirro1r"):
        (tmp_path / decoy).mkdir()
    recipe = tiny_recipe.write_recipe(tmp_path)
    mirror, store = tiny_recipe.write_mirror(tmp_path / "mirro[1]r {x}"), tmp_path / "st[1]ore *? 'y'"
    (mirror / "clinic" / "fevers.jsonl").rename(mirror / "clinic" / "fevers[1].jsonl")
    place = ("--store", store)
    for verb in (("build", recipe), ("release", recipe, "--version", "1"), ("release", recipe, "--version", "2")):
        result = sabila(*verb, "--mirror", mirror, *place, "--workers", 1)
        assert result.exit_code == 0, result.output
    for verb in (("verify", "tiny@1"), ("trace", "clinic:c1"), ("diff", "tiny@1", "tiny@2"), ("report", "tiny@1")):
        result = sabila(*verb, *place)
        assert result.exit_code == 0, result.output


def test_one_place_scans_parquet_files_and_one_text_tables():
    """polars takes signs in a path for a pattern, so that a call of its own would read other files than those named."""
    root = Path(__file__).parent.parent
    found = {
        f"{path.relative_to(root)} {call}"
        for folder in FOLDERS
        for path in (root / folder).rglob("*.py")
        for call in re.findall(r"pl\.((?:scan|read)_\w+)", path.read_text(encoding="utf-8"))
    }
    parquet = {"sources/formats/literal.py scan_parquet", "sources/formats/literal.py read_parquet"}
    assert found == parquet | {
        "pipelines/own_files/file_tables.py scan_csv",
        "pipelines/own_files/file_tables.py scan_ndjson",
        "pipelines/check/table_batches.py read_ndjson",  # of bytes
    }


def test_an_output_over_an_input_is_refused_under_any_name(tmp_path):
    kept = write(tmp_path / "d" / "kept.parquet", "x")
    (tmp_path / "link").symlink_to(tmp_path / "d")
    refuse_overwriting([kept], [tmp_path / "d" / "dropped.parquet"])
    with pytest.raises(TableError, match=r"would overwrite the input .*kept\.parquet; name another folder"):
        refuse_overwriting([kept], [tmp_path / "link" / "kept.parquet"])


def test_files_of_one_base_name_are_named_by_as_much_of_their_paths_as_differs(tmp_path):
    paths = [tmp_path / "a" / "test.jsonl", tmp_path / "b" / "test.jsonl", tmp_path / "b" / "dev.jsonl"]
    assert path_names(paths) == ["a/test.jsonl", "b/test.jsonl", "dev.jsonl"]


def test_a_helper_column_takes_a_name_that_is_free():
    assert free_column("row", {"text"}) == "row"
    assert free_column("row", {"row", "row_"}) == "row__"


# --- one guard over every verb -------------------------------------------------------------------------------------


def test_what_nobody_expected_ends_in_a_line_that_says_where(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("row q\x1b[31m7 cannot be\u202e read\nsecond line")

    monkeypatch.setattr("pipelines.own_files.duplicate_files.scan", fail)
    call = ("dedup", write(tmp_path / "a.jsonl", lines([{"text": "x"}])), "--out", tmp_path / "out")
    result = sabila(*call)
    assert result.exit_code == 1
    assert result.output.startswith("Error: row q\\x1b[31m7 cannot be\\u202e read (RuntimeError in pipelines/")
    monkeypatch.setenv(TRACEBACK, "1")
    with pytest.raises(RuntimeError, match="second line"):
        CliRunner().invoke(main, [str(word) for word in call], catch_exceptions=False)


def test_what_cannot_be_read_is_not_reported_as_what_cannot_be_written(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"text": [f"{n}" * 50 for n in range(2000)]}).write_parquet(path)
    content = bytearray(path.read_bytes())
    content[50:500] = b"\0" * 450
    path.write_bytes(content)
    with pytest.raises(TableError, match="cannot read the table"):
        write_rows(scan([path]), tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


# --- raw files of corpora ------------------------------------------------------------------------------------------


def raw(path, **more):
    return RawFile(path.name.removesuffix(".gz"), path, **more)


def read_all(rows):
    """Return the values of raw rows, and the errors of the broken ones by line."""
    found = list(rows)
    return [row.value for row in found if isinstance(row, Raw)], {
        b.line: b.error for b in found if isinstance(b, Broken)
    }


@pytest.mark.parametrize("shape", [jsonl, json_rows, json_list, table])
def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path, shape):
    content = {jsonl: '{"q": "1"}\n', table: "q\n1\n"}.get(shape, '[{"q": "1"}]')
    for mark in ("", "\ufeff"):
        assert read_all(shape(raw(write(tmp_path / "rows.txt", mark + content)))) == ([{"q": "1"}], {})


@pytest.mark.parametrize("shape", [jsonl, json_list, json_dict, json_object, table])
def test_utf_16_is_called_that(tmp_path, shape):
    for form in ("utf-16", "utf-16-le"):
        with pytest.raises(FileError, match=r"rows\.txt is .*(UTF-16|not JSON)"):
            list(shape(raw(write(tmp_path / "rows.txt", 'a,b\n"1",2\n'.encode(form)))))


def test_lists_that_follow_one_another_are_read_as_one_and_what_else_follows_is_refused(tmp_path):
    both = write(tmp_path / "both.json", '[{"q": 1}, {"q": 2}]\n[]\n\n[{"q": 3}]\n')
    assert [(row.line, row.value) for row in json_rows(raw(both))] == [(1, {"q": 1}), (2, {"q": 2}), (3, {"q": 3})]
    for rest in ('{"q": 3}', ", 3", "]", "x"):
        file = raw(write(tmp_path / "more.json", '[{"q": 1}]\n' + rest))
        with pytest.raises(FileError, match=r"more\.json goes on with .* after its end, after 1 values"):
            list(json_rows(file))


def test_every_entry_of_an_object_is_a_row_a_repeated_key_too(tmp_path):
    content = '{"a": {"q": 1}, "b": {"q": NaN}, "a": {"q": 3}, "c": 4, "d": {"q": 5, "q": 6}, "e": {"q": 7}}'
    good, broken = read_all(json_dict(raw(write(tmp_path / "rows.json", content))))
    assert [(row["key"], row["q"]) for row in good] == [("a", 1), ("a", 3), ("e", 7)]
    assert [*broken] == [2, 4, 5]
    assert broken[5] == "key 'q' occurs twice in an object"


def test_one_nan_in_a_whole_file_costs_one_row(tmp_path):
    rows = [f'{{"id": "{n}", "question": {"NaN" if n == 2 else json.dumps(f"What is {n}?")}}}' for n in range(4)]
    file = raw(write(tmp_path / "rows.json", f'{{"version": NaN, "questions": [{", ".join(rows)}]}}'))
    source = made_source(under("questions"), lambda row, _: qa(row.value["id"], row.value["question"], None))
    found = list(read(source, file))
    assert [row.id for row in found if isinstance(row, Record)] == ["clinic:0", "clinic:1", "clinic:3"]
    assert [row.error for row in found if isinstance(row, Malformed)] == ["message is nan, expected text"]


def test_whole_numbers_of_any_size_stay_whole(tmp_path):
    file = raw(write(tmp_path / "rows.jsonl", '{"id": 123456789012345678901234567890, "n": 18446744073709551616}\n'))
    source = made_source(jsonl, lambda row, _: qa(row.value["id"], "What is a fever?", "Heat.", meta=row.value))
    [row] = read(source, file)
    assert row.id == "clinic:123456789012345678901234567890"
    assert json.loads(frame([row])["meta"][0]) == {"id": "123456789012345678901234567890", "n": "18446744073709551616"}


def test_a_value_nested_without_end_costs_its_row(tmp_path):
    deep = "[" * 80_000 + "]" * 80_000
    for shape, content in (
        (jsonl, f'{{"q": 1}}\n{deep}\n{{"q": 3}}\n'),
        (json_list, f'[{{"q": 1}}, {deep}, {{"q": 3}}]'),
    ):
        good, broken = read_all(shape(raw(write(tmp_path / "rows.json", content))))
        assert good == [{"q": 1}, {"q": 3}]
        assert "depth" in broken[2]


def test_a_large_csv_field_is_one_field(tmp_path):
    text = "A long discharge letter.\n" * 10_000
    good, broken = read_all(table(raw(write(tmp_path / "rows.csv", f'q,a\n1,"{text}"\n2,short\n'))))
    assert (len(good), good[0]["a"], broken) == (2, text, {})


def test_a_quote_that_is_not_closed_costs_its_row_wherever_the_next_one_stands(tmp_path):
    content = 'q,a\n1,one\n2,"two\n3,three\n4,four\n5,"five, again"\n6,six\n7,"seven\n8,eight\n'
    good, broken = read_all(table(raw(write(tmp_path / "rows.csv", content))))
    assert [row["q"] for row in good] == ["1", "3", "4", "5", "6", "8"]
    assert {line: error[:10] for line, error in broken.items()} == {3: "broken csv", 8: "broken csv"}


def test_many_unclosed_quotes_cost_no_quadratic_time(tmp_path):
    content = "q,a\n" + '1,"un""closed\n' * 4_000
    good, broken = read_all(table(raw(write(tmp_path / "rows.csv", content))))
    assert (good, len(broken)) == ([], 4_000)


def test_a_header_that_names_two_columns_alike_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"rows\.csv names two columns 'q' in its header"):
        list(table(raw(write(tmp_path / "rows.csv", "q,a,q\n1,2,3\n"))))
    assert read_all(table(raw(write(tmp_path / "bare.csv", ",q,\n1,2,3\n")))) == (
        [{"column 1": "1", "q": "2", "column 3": "3"}],
        {},
    )


def test_the_whole_text_of_an_xml_element_is_read(tmp_path):
    answer = "<Answer>Take <b>0.5 mg</b> twice daily, <i>never</i> with grapefruit.</Answer>"
    pair = f'<QAPair><Question qid="1" qtype="t">How?</Question>{answer}</QAPair>'
    content = f"<Document><Focus>G<sub>1</sub></Focus>{pair}</Document>"
    path = tar(tmp_path / "medquad_xml_collection.tar", [("d/a.xml", content)])
    [row] = read(MEDQUAD, raw(path))
    assert row.answer == "Take 0.5 mg twice daily, never with grapefruit."
    assert row.meta["focus"] == ["G1"]


def tar(path, files):
    with tarfile.open(path, "w") as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/hostname"
            else:
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO((content or "").encode()))
    return path


def test_members_of_one_name_are_both_read_and_a_link_is_an_error(tmp_path):
    path = tar(tmp_path / "a.tar", [("d/a.xml", "1"), ("d/._a.xml", "x"), ("d/a.xml", "2"), ("d/l.xml", None)])
    assert [(name, content) for name, content, problem in members(raw(path), ".xml") if not problem] == [
        ("d/a.xml", b"1"),
        ("d/a.xml", b"2"),
    ]
    assert [problem for *_, problem in members(raw(path), ".xml") if problem] == [
        "d/l.xml is a link, device or sparse file, expected a plain one"
    ]


def test_an_archive_that_is_damaged_in_its_middle_or_cut_is_refused(tmp_path):
    path = tar(tmp_path / "a.tar", [("a.xml", "1"), ("b.xml", "2")])
    whole = path.read_bytes()
    path.write_bytes(whole[:1024] + b"\xff" + whole[1025:])
    with pytest.raises(FileError, match=r"a\.tar is damaged at byte 1,024"):
        list(members(raw(path), ".xml"))
    path.write_bytes(whole[:2048])
    with pytest.raises(FileError, match=r"a\.tar breaks off"):
        list(members(raw(path), ".xml"))


def workbook(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_a_sheet_gives_values_not_formulas_and_passes_over_empty_rows(tmp_path):
    rows = [
        ["File", "CHQ", None],
        ["f1", "Knee?", "x"],
        [None] * 3,
        [17, "Hip?", None],
        ["f3", "=1+1", None],
        ["f4", "Toe?"],
    ]
    good, broken = read_all(sheet(raw(workbook(tmp_path / "a.xlsx", rows))))
    assert good == [{"File": "f1", "CHQ": "Knee?"}, {"File": 17, "CHQ": "Hip?"}, {"File": "f4", "CHQ": "Toe?"}]
    assert broken == {
        5: "CHQ is the formula =1+1 without its value; open and save the workbook in a spreadsheet program"
    }


@pytest.mark.parametrize("content", ["PK and no more", "<html><body>Sign in</body></html>", ""])
def test_what_is_no_workbook_is_called_that(tmp_path, content):
    with pytest.raises(FileError, match=r"a\.xlsx is (not a valid workbook|a web page|empty)"):
        list(sheet(raw(write(tmp_path / "a.xlsx", content))))


def test_a_sheet_that_says_it_is_shorter_than_it_is_is_read_whole(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["q"], *[[f"q{n}"] for n in range(30)]])
    with zipfile.ZipFile(path) as archive:
        members_of = {name: archive.read(name) for name in archive.namelist()}
    sheet_name = "xl/worksheets/sheet1.xml"
    members_of[sheet_name] = members_of[sheet_name].replace(b'ref="A1:A31"', b'ref="A1:A3"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members_of.items():
            archive.writestr(name, content)
    assert len(list(sheet(raw(path)))) == 30


def test_a_workbook_that_expands_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sources.formats.archives.UNPACKED", 10_000)
    path = workbook(tmp_path / "a.xlsx", [["q"], ["x" * 20_000]])
    with pytest.raises(FileError, match=r"a\.xlsx.* expands to .*10,000"):
        list(sheet(raw(path)))


def test_a_parquet_value_that_is_no_text_costs_its_row(tmp_path):
    values = pa.array([b"fine", b"caf\xe9", b"good"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, values.buffers())
    pq.write_table(pa.table({"q": text}), tmp_path / "a.parquet")
    good, broken = read_all(parquet(raw(tmp_path / "a.parquet")))
    assert good == [{"q": "fine"}, {"q": "good"}]
    assert "a value cannot be read: 'utf-8' codec" in broken[2]


# --- limits --------------------------------------------------------------------------------------------------------


def test_a_line_too_long_costs_its_row_and_no_memory(tmp_path, monkeypatch):
    for module in ("sources.files", "sources.shapes.row_shapes"):
        monkeypatch.setattr(f"{module}.LONGEST_LINE", 100)
    content = '{"q": 1}\n' + "x" * 5_000 + '\n{"q": 3}\n'
    for path in (write(tmp_path / "a.jsonl", content), write(tmp_path / "b.jsonl.gz", gzip.compress(content.encode()))):
        assert read_all(jsonl(raw(path))) == ([{"q": 1}, {"q": 3}], {2: "the line has more than 100 bytes"})


def test_a_gzip_file_that_expands_without_end_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sources.files.EXPANSION_FROM", 1 << 16)
    path = write(tmp_path / "a.jsonl.gz", gzip.compress(b'{"q": 1}\n' + b" " * 10_000_000))
    for use in (lambda file: list(jsonl(file)), lambda file: file.sha256, lambda file: file.read()):
        with pytest.raises(FileError, match=r"a\.jsonl\.gz expands to more than .* bytes, 250 times its size"):
            use(raw(path))
    with pytest.raises(TableError, match=r"a\.jsonl\.gz expands to more than"):
        scan([path])


def test_a_file_too_large_to_be_read_at_once_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sources.files.LARGEST_WHOLE", 100)
    with pytest.raises(FileError, match=r"a\.csv holds more than 100 bytes, which is read at once"):
        list(table(raw(write(tmp_path / "a.csv", "q\n" + "x\n" * 100))))


def test_windows_of_a_gzipped_file_are_read_from_one_copy(tmp_path, monkeypatch):
    monkeypatch.setattr("sources.files.WINDOW_LINES", 10)
    content = lines([{"q": n} for n in range(95)])
    file = raw(write(tmp_path / "a.jsonl.gz", gzip.compress(content.encode())))
    assert len({window.unpacked for window in file.windows}) == 1
    assert [row.value["q"] for window in file.windows for row in jsonl(window)] == list(range(95))


def test_a_list_under_the_name_of_lines_is_one_window(tmp_path, monkeypatch):
    monkeypatch.setattr("sources.files.WINDOW_LINES", 10)
    file = raw(write(tmp_path / "a.jsonl", json.dumps([{"q": n} for n in range(40)], indent=1)))
    assert [row.value["q"] for window in file.windows for row in json_rows(window)] == list(range(40))


def test_what_a_reader_does_not_expect_names_the_file(tmp_path):
    def fails_midway(file):
        yield Raw(1, {"id": "1", "question": "What is a fever?"})
        raise LookupError("no such page")

    file = raw(write(tmp_path / "a.txt", "x"))
    with pytest.raises(FileError, match=r"a\.txt: the reader of clinic ends after line 1 with LookupError: no "):
        list(read(made_source(fails_midway, lambda row, _: qa(row.value["id"], row.value["question"], None)), file))
    with pytest.raises(FileError, match=r"a\.txt: the reader of clinic .* it gives None, expected a row"):
        list(read(made_source(lambda _: iter([None]), None), file))


@pytest.mark.parametrize(
    ("parse", "error"),
    [
        (lambda row, _: None, "the connector gives None, expected a draft"),
        (lambda row, _: next(iter(())), "StopIteration"),
        (lambda row, _: 1 / 0, "division by zero"),
        (lambda row, _: qa("1", "x\ud800", None), "half a character"),
        (lambda row, _: {"option": 1}["opt\ud800ion"], "missing field 'opt\\ud800ion'"),
        (lambda row, _: int("opt\ud800ion"), "opt\\ud800ion"),
        (lambda row, _: qa("1", "x", None, meta={"n": "\ud800"}), "surrogates not allowed"),
        (lambda row, _: qa("1", "x", None, meta=[1]), "meta is [1], expected an object"),
        (lambda row, _: mcq("1", "x", ["a", "b"], float("nan")), "gold is nan, expected a position"),
        (lambda row, _: mcq("1", "x", ["a", "b"], 0.5), "gold is 0.5, expected a position"),
        (lambda row, _: mcq("1", "x", [135, 125], 0), "option is 135, expected text"),
        (lambda row, _: mcq("1", "x", ["a", None], 1), "option is None, expected text"),
        (lambda row, _: qa(None, "x", None), "id is None, expected text"),
        (lambda row, _: qa(True, "x", None), "id is True, expected text"),
    ],
)
def test_whatever_a_row_does_costs_that_row(tmp_path, parse, error):
    file = raw(write(tmp_path / "a.jsonl", lines([{"n": 1}])))
    [row] = read(made_source(jsonl, parse), file)
    assert isinstance(row, Malformed)
    assert error in row.error
    assert malformed([row])["error"].to_list() == [row.error]


@pytest.mark.parametrize("value", ["null", "17", '"text"', "[1, 2]", "true"])
def test_a_row_that_is_no_object_is_called_that(tmp_path, value):
    file = raw(write(tmp_path / "a.jsonl", value + "\n"))
    [row] = read(made_source(jsonl, lambda row, _: qa(row.value["id"], "x", None)), file)
    assert row.error == f"the row is {'null' if value == 'null' else repr(json.loads(value))}, expected an object"


def test_a_gold_position_written_as_a_float_is_that_position(tmp_path):
    file = raw(write(tmp_path / "a.jsonl", lines([{"n": 1}])))
    [row] = read(made_source(jsonl, lambda *_: mcq("1", "x", ["a", "b"], 1.0)), file)
    assert (row.gold, row.answer, one_based("2.0"), one_based(2.0), one_based(2)) == ((1,), "b", 1, 1, 1)


# --- whole builds --------------------------------------------------------------------------------------------------


def made_source(rows, parse, **more):
    facts = {"title": "Clinic", "home": "https://clinic.example", "license": "CC0-1.0", "license_read": "test"}
    files = more.pop("files", {"train": ("*",)})
    return Source(name="clinic", task="qa", lang="en", files=files, rows=rows, parse=parse, **facts, **more)


def built(tmp_path, files, text=tiny_recipe.RECIPE):
    """Return the counts of the step that reads the clinic's files, the ids of its rows, and what its build prints."""
    tmp_path.mkdir(exist_ok=True)
    recipe, mirror = tiny_recipe.write_recipe(tmp_path, text), tmp_path / "mirror"
    for name, content in files.items():
        write(mirror / "clinic" / name, content if isinstance(content, str | bytes) else lines(content))
    call = ("build", recipe, "--corpora", "clinic", "--mirror", mirror, "--store", tmp_path / "store", "--workers", 1)
    result = sabila(*call)
    assert result.exit_code == 0, result.output
    [step] = (tmp_path / "store" / "steps").glob("read-clinic-*")
    summary = json.loads((step / "step.json").read_text())
    parts = {part: sorted((step / part).glob("*.parquet")) for part in ("kept", "dropped")}
    ids = {part: pl.concat(map(pl.read_parquet, paths))["id"].to_list() for part, paths in parts.items() if paths}
    return summary["counts"], ids, result.stderr


def question(n, **more):
    return {"id": f"q{n}", "question": f"What is fever number {n}?", "answer": "A high temperature.", **more}


HELD_OUT = "test,Test,TEST ,testing,dev,val,valid,validation,eval,held-out,test_2,ｔｅｓｔ".split(",")


def test_splits_in_any_usual_spelling_are_held_out_and_unknown_words_too(tmp_path):
    splits = ["train", None, "Training", *HELD_OUT, "fold three"]
    rows = [question(n, split=split) for n, split in enumerate(splits)]
    counts, ids, _ = built(tmp_path, {"a.jsonl": rows})
    assert (counts["kept"], counts["dropped"]) == (3, len(HELD_OUT) + 1)
    assert ids["kept"] == ["clinic:q0", "clinic:q1", "clinic:q2"]


@pytest.mark.parametrize("split", [*HELD_OUT, "dev2", "valid_unseen", "test-00000"])
def test_a_source_cannot_list_a_held_out_split_in_any_spelling(split):
    with pytest.raises(ValueError, match="is held out, expected it in a Benchmark"):
        made_source(jsonl, None, files={split: ("*",)})


@pytest.mark.parametrize("split", ["train", "latest", "developed", "contest", "evaluator", "Retrievals"])
def test_a_split_that_only_looks_like_one_can_be_listed(split):
    assert made_source(jsonl, None, files={split: ("*",)}).files


def test_a_file_called_as_a_test_set_among_the_training_files_is_warned_of(tmp_path):
    files = {name: [question(n)] for n, name in enumerate(["a.jsonl", "test.jsonl", "med_dev.jsonl", "latest.jsonl"])}
    counts, _, said = built(tmp_path, files)
    assert counts["kept"] == 4
    warned = [line for line in said.splitlines() if "warning" in line]
    assert warned == [
        f"read-clinic: warning: {name} is read as training rows, but is named like a test set"
        for name in ("med_dev.jsonl", "test.jsonl")
    ]


PASSES_OVER = tiny_recipe.RECIPE.replace("rows=jsonl", "rows=some").replace(
    "def corpus(name)",
    "def some(file):\n    return (row for row in jsonl(file) if row.line != 3)\n\n\ndef corpus(name)",
)


def test_lines_that_a_connector_passes_over_are_quarantined(tmp_path):
    counts, _, _ = built(tmp_path, {"a.jsonl": [question(n) for n in range(5)]}, PASSES_OVER)
    assert (counts["rows_in"], counts["kept"], counts["quarantined"]) == (5, 4, 1)


def test_hidden_files_are_passed_over(tmp_path):
    counts, _, _ = built(tmp_path, {"a.jsonl": [question(1)], "._a.jsonl": b"\0\5\x16\7", ".cache.jsonl": "{"})
    assert counts["rows_in"] == 1


NUMBERED = tiny_recipe.RECIPE.replace("import jsonl", "import numbered, jsonl").replace(
    'row["id"], row["question"], row["answer"]', 'numbered(raw, file), row["question"], row["answer"]'
)


def test_rows_of_several_shards_have_ids_of_their_own_and_those_of_one_file_keep_theirs(tmp_path):
    one = {"train-0.jsonl": [question(n) for n in range(3)]}
    assert built(tmp_path / "one", one, NUMBERED)[1]["kept"] == [f"clinic:train-{n}" for n in (1, 2, 3)]
    two = one | {"train-1.jsonl": [question(n) for n in range(3, 6)]}
    counts, ids, _ = built(tmp_path / "two", two, NUMBERED)
    assert (counts["kept"], counts["quarantined"]) == (6, 0)
    assert ids["kept"][::3] == ["clinic:train-0.jsonl-1", "clinic:train-1.jsonl-1"]


TOLD_APART = tiny_recipe.RECIPE.replace(
    "rows=jsonl", 'rows=split_by_test_ids(jsonl, "id", "test_ids.json"), companions=("test_ids.json",)'
).replace(
    "from sources.shapes.row_shapes",
    "from sources.shapes.official_test import split_by_test_ids\nfrom sources.shapes.row_shapes",
)


def test_a_list_of_test_ids_holds_out_its_rows(tmp_path):
    files = {"a.jsonl": [question(n) for n in range(4)], "test_ids.json": '{"q1": 1, "q3": 1}'}
    _, ids, _ = built(tmp_path, files, TOLD_APART)
    assert ids == {"kept": ["clinic:q0", "clinic:q2"], "dropped": ["clinic:q1", "clinic:q3"]}


def test_a_list_of_test_ids_that_matches_nothing_stops_the_build(tmp_path):
    files = {"a.jsonl": [question(n) for n in range(4)], "test_ids.json": '{"PMID:1": 1, "PMID:3": 1}'}
    with pytest.raises(AssertionError, match=r"lists 2 test ids, of which 2 are in no row of .*: PMID:1, PMID:3"):
        built(tmp_path, files, TOLD_APART)
