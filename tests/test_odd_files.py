"""Odd files as users have them: what is in them is read as it is written, or refused in a line that names the place."""

import gzip
import json

import polars as pl
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.command import TRACEBACK
from pipelines.tables import TableError, free_name, path_names, refuse_overwriting, scan, text_columns, write_rows

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


def test_an_output_over_an_input_is_refused_under_any_name(tmp_path):
    kept = write(tmp_path / "d" / "kept.parquet", "x")
    (tmp_path / "link").symlink_to(tmp_path / "d")
    refuse_overwriting([kept], [tmp_path / "d" / "dropped.parquet"])
    with pytest.raises(TableError, match=r"would be written over the input .*kept\.parquet; name another folder"):
        refuse_overwriting([kept], [tmp_path / "link" / "kept.parquet"])


def test_files_of_one_base_name_are_named_by_as_much_of_their_paths_as_differs(tmp_path):
    paths = [tmp_path / "a" / "test.jsonl", tmp_path / "b" / "test.jsonl", tmp_path / "b" / "dev.jsonl"]
    assert path_names(paths) == ["a/test.jsonl", "b/test.jsonl", "dev.jsonl"]


def test_a_helper_column_takes_a_name_that_is_free():
    assert free_name("row", {"text"}) == "row"
    assert free_name("row", {"row", "row_"}) == "row__"


# --- one guard over every verb -------------------------------------------------------------------------------------


def test_what_nobody_expected_ends_in_a_line_that_says_where(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("row q\x1b[31m7 cannot be\u202e read\nsecond line")

    monkeypatch.setattr("pipelines.duplicate_files.scan", fail)
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
