"""Two releases compared: rows added, removed and edited, with reasons; words, licences, columns, settings."""

import json
import shutil
from itertools import pairwise

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_results import diff
from manifests import load, seal
from tiny_recipe import ROWS, run, write_mirror, write_recipe

from pipelines.build.manifest_diff import Difference
from pipelines.build.recipe import load as load_recipe
from pipelines.build.session import BuildSession
from pipelines.cli.print_release import diff_text
from pipelines.diff.compare_releases import CHANGE_SCHEMA
from pipelines.diff.release_diff import ChangeCounts, ReleaseDiff
from pipelines.diff.text_differences import words
from pipelines.freeze.freeze_release import release
from pipelines.release.data_files import scan
from pipelines.storage.duckdb_session import joining, listed, text_literal
from sources.releases.read_manifest import ReleaseError


def build_release(place, version, rows=None, **values):
    """Build and release the tiny recipe as ``tiny@version`` from these raw rows; return its folder."""
    here = place / version
    here.mkdir(parents=True, exist_ok=True)
    bench = BuildSession.open(
        load_recipe(str(write_recipe(here))), values, store=place / "store", mirror=write_mirror(here / "mirror", rows)
    )
    bench.build(workers=1)
    release(bench, version)
    return place / "store" / "releases" / "tiny" / version


def changes_by_id(comparison):
    """Return ``{id: (change, step, reason)}`` of the rows of a comparison."""
    return {row["id"]: (row["change"], row["step"], row["reason"]) for row in comparison["rows"]}


FEVER, COLD, JUNK = ROWS["clinic"]["fevers.jsonl"]
BIRTH, FLU = ROWS["clinic"]["vaccines.jsonl"]
POLIO = {"id": "c6", "question": "How is the polio vaccine given?", "answer": "By mouth, or by injection."}

LATER = {
    "clinic": {
        "fevers.jsonl": [{**FEVER, "answer": "A body temperature of 38 degrees or more."}, COLD, JUNK],
        "vaccines.jsonl": [BIRTH, POLIO],
    },
    "school": ROWS["school"],
}
"""One row is edited, one removed, one added; the source ward is gone and the source school is new."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("diff")


@pytest.fixture(scope="module")
def first(place):
    return build_release(place, "1")


@pytest.fixture(scope="module")
def later(place):
    return build_release(place, "2", LATER, corpora=("clinic", "school"))


@pytest.fixture(scope="module")
def strict(place):
    return build_release(place, "3", min_prose_chars=39)


# --- rows and reasons ----------------------------------------------------------------------------------------------


def test_every_row_added_removed_or_edited_is_reported_with_its_reason(first, later):
    comparison = diff(first, later)
    assert changes_by_id(comparison) == {
        "clinic:c1": ("edited", "read-clinic", "changed: file train/fevers.jsonl, file train/vaccines.jsonl"),
        "clinic:c5": ("removed", "read-clinic", "not_in_source"),
        "clinic:c6": ("added", "read-clinic", "not_in_source"),
        "school:s1": ("added", "read-school", "source_not_read"),
        "ward:w2": ("removed", "read-ward", "source_not_read"),
    }
    assert comparison["counts"] == {"before": 5, "after": 5, "added": 2, "removed": 2, "edited": 1, "unchanged": 2}
    assert comparison["sources"] == [
        {"source": "clinic", "change": "added", "rows": 1},
        {"source": "clinic", "change": "edited", "rows": 1},
        {"source": "clinic", "change": "removed", "rows": 1},
        {"source": "school", "change": "added", "rows": 1},
        {"source": "ward", "change": "removed", "rows": 1},
    ]


def test_a_row_that_a_limit_left_unread_is_not_reported_as_missing_in_its_source(place, first):
    comparison = changes_by_id(diff(build_release(place, "few", limit=2), first))
    assert comparison["clinic:c5"] == ("added", "read-clinic", "beyond_limit_or_not_in_source")


def test_a_row_dropped_by_a_rule_names_the_step_and_its_reason(first, strict):
    comparison = diff(first, strict)
    [removed] = [row for row in comparison["rows"] if row["id"] == "clinic:c1"]
    assert (removed["change"], removed["step"]) == ("removed", "clean-clinic")
    ledger = pl.read_parquet(strict / "ledger").filter(id="clinic:c1")
    assert removed["reason"] == ledger["reason"].item()
    assert {"where": "clean-clinic", "field": "config.rules.min_prose_chars", "before": 1, "after": 39} in comparison[
        "changed"
    ]


def test_a_row_that_is_back_names_what_kept_it_out_before(first, strict):
    there = {row["id"]: row for row in diff(first, strict)["rows"]}
    back = {row["id"]: row for row in diff(strict, first)["rows"]}
    assert there.keys() == back.keys() != set()
    for id, row in back.items():
        assert (row["change"], row["step"], row["reason"]) == ("added", there[id]["step"], there[id]["reason"])


def test_an_edit_names_the_first_changed_step_that_touched_the_row(first, place):
    rows = {**ROWS, "clinic": {**ROWS["clinic"]}}
    folder = build_release(place, "4", rows)
    edited = edit(place, folder, "prompts/clinic", answer=pl.col("answer") + " Really.")
    relabel(edited, "clean-clinic", ["clinic:c1"])
    comparison = changes_by_id(diff(first, edited))
    assert comparison["clinic:c1"] == ("edited", "clean-clinic", "changed: config.rules.min_prose_chars")
    assert comparison["clinic:c4"] == ("edited", None, "follows_from_other_rows")


def edit(place, folder, part, version="edited", **columns):
    """Return a copy of a release with these columns replaced in one part, its hashes made to fit."""
    copy = place / f"{folder.name}-{version}"
    shutil.copytree(folder, copy)
    for path in (copy / "data" / part).glob("*.parquet"):
        schema = pq.read_schema(path)
        table = pl.read_parquet(path).with_columns(**columns).to_arrow(compat_level=pl.CompatLevel.oldest())
        pq.write_table(table.cast(schema), path)
    manifest = load(copy)
    manifest["version"] = version
    seal(manifest, copy)
    return copy


def relabel(folder, name, touched):
    """Change a step's setting in the manifest, and list the step in the ledger for the rows ``touched``."""
    manifest = load(folder)
    [step] = [step for step in manifest["steps"] if step["name"] == name]
    step["identity"]["config"]["rules"]["min_prose_chars"] = 7
    step["folder"] = f"{name}-0000000000000000"
    [path] = (folder / "ledger").glob("*.parquet")
    schema = pq.read_schema(path)
    changed = pl.when(pl.col("id").is_in(touched)).then(pl.lit([name])).otherwise(pl.lit([], pl.List(pl.String)))
    table = pl.read_parquet(path).with_columns(changed_by=changed).to_arrow(compat_level=pl.CompatLevel.oldest())
    pq.write_table(table.cast(schema), path)
    seal(manifest, folder)


def test_a_release_and_itself_do_not_differ(first):
    comparison = diff(first, first)
    assert (comparison["rows"], comparison["sources"], comparison["reasons"], comparison["changed"]) == ([], [], [], [])
    assert comparison["counts"] == {"before": 5, "after": 5, "added": 0, "removed": 0, "edited": 0, "unchanged": 5}


def test_the_order_of_rows_is_no_difference(first, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(first, copy)
    path = copy / "data" / "prompts" / "clinic" / "train-00000-of-00001.parquet"
    rows = pq.read_table(path)
    pq.write_table(rows.take(list(range(rows.num_rows))[::-1]), path)
    assert diff(first, copy)["rows"] == []


def test_without_a_ledger_reasons_are_reported_as_unknown(first, strict, tmp_path):
    without_ledger = tmp_path / "bare"
    shutil.copytree(strict, without_ledger)
    shutil.rmtree(without_ledger / "ledger")
    rows = diff(first, without_ledger)["rows"]
    assert {(row["change"], row["step"], row["reason"], row["evidence"]) for row in rows} == {
        ("removed", None, "unknown", "tiny@3 has no ledger")
    }


def test_a_row_that_contradicts_its_ledger_is_reported(first, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(first, copy)
    shutil.rmtree(copy / "data" / "prompts" / "ward")
    [row] = diff(first, copy)["rows"]
    assert (row["id"], row["reason"]) == ("ward:w2", "unknown")
    assert row["evidence"] == "the ledger of tiny@1 says kept"


def test_a_row_that_a_step_did_not_make_names_what_it_was_made_of(first, place):
    edited = edit(place, first, "prompts/ward", "made", id=pl.lit("clinic:c4/part-1"))
    rows = {row["id"]: row for row in diff(edited, first)["rows"]}
    part = rows["clinic:c4/part-1"]
    assert (part["change"], part["reason"], part["evidence"]) == (
        "removed",
        "not_made",
        "made of clinic:c4, which is kept",
    )


# --- texts ---------------------------------------------------------------------------------------------------------


def test_an_edited_row_shows_its_texts_word_by_word(first, later):
    [row] = [row for row in diff(first, later)["rows"] if row["change"] == "edited"]
    [field] = row["fields"]
    assert (field["field"], field["before"], field["after"]) == (
        "answer",
        "A body temperature above 38 degrees.",
        "A body temperature of 38 degrees or more.",
    )
    assert [(piece["op"], piece["text"]) for piece in field["words"]] == [
        ("=", "A body temperature "),
        ("-", "above "),
        ("+", "of "),
        ("=", "38 degrees"),
        ("+", " or more"),
        ("=", "."),
    ]
    assert rebuilt(field["words"]) == (field["before"], field["after"])


def rebuilt(pieces):
    """Return the two texts that the pieces make up."""
    return tuple("".join(one["text"] for one in pieces if one["op"] in ("=", op)) for op in "-+")


TEXTS = st.lists(st.sampled_from(["fever", "rash", "0.8", "mg", " ", "  ", "\n", ".", ", ", "é", "发热", "don't"])).map(
    "".join
)


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS)
def test_words_make_up_both_texts(before, after):
    pieces = words(before, after)
    assert rebuilt(pieces) == (before, after)
    assert all(one["text"] for one in pieces)
    assert all(one["op"] != other["op"] for one, other in pairwise(pieces))


def test_a_text_that_was_not_there_is_added_as_a_whole():
    assert words(None, "A rash.") == [{"op": "+", "text": "A rash."}]
    assert words("A rash.", None) == [{"op": "-", "text": "A rash."}]


def test_words_are_not_cut():
    assert words("one two three", "one twofold three") == [
        {"op": "=", "text": "one "},
        {"op": "-", "text": "two "},
        {"op": "+", "text": "twofold "},
        {"op": "=", "text": "three"},
    ]


def test_rows_that_became_pairs_are_edited(demo_store):
    """demo has one answer where demo_dpo has two: the kinds of files differ, the compared columns do not."""
    folders = [demo_store / "releases" / name / "1" for name in ("demo", "demo_dpo")]
    before, after = (scan(folder).collect() for folder in folders)
    comparison = diff(*folders, limit=1000)
    rows = {row["id"]: row for row in comparison["rows"]}
    assert {id for id, row in rows.items() if row["change"] == "removed"} == set(before["id"]) - set(after["id"])
    assert {id for id, row in rows.items() if row["change"] == "added"} == set(after["id"]) - set(before["id"])
    edited = {id: row for id, row in rows.items() if row["change"] == "edited"}
    assert edited.keys() == set(before["id"]) & set(after["id"]) != set()
    rejected = dict(after.select("id", "rejected").iter_rows())
    for id, row in edited.items():
        fields = {field["field"]: field for field in row["fields"]}
        assert fields["rejected"]["before"] is None
        assert fields["rejected"]["after"] == rejected[id]


# --- licences, columns, settings -----------------------------------------------------------------------------------


def test_a_changed_licence_is_reported_by_source_and_row(first, place):
    folder = edit(place, first, "prompts/ward", "relicensed", license=pl.lit("CC-BY-4.0"))
    comparison = diff(first, folder)
    assert comparison["licenses"] == [
        {"source": "ward", "license": "CC-BY-4.0", "before": 0, "after": 1},
        {"source": "ward", "license": "CC0-1.0", "before": 1, "after": 0},
    ]
    [row] = comparison["rows"]
    assert [(field["field"], field["before"], field["after"]) for field in row["fields"]] == [
        ("license", "CC0-1.0", "CC-BY-4.0")
    ]


def test_a_new_column_is_reported_and_does_not_make_every_row_an_edited_one(first, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(first, copy)
    for path in (copy / "data").rglob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["rationale"]), path)
    comparison = diff(copy, first)
    assert comparison["schema"] == [{"kind": "prompts", "column": "rationale", "before": None, "after": "string"}]
    assert comparison["rows"] == []


def test_settings_sources_and_revisions_are_compared(first, later):
    changed = {(one["where"], one["field"]): (one["before"], one["after"]) for one in diff(first, later)["changed"]}
    locks = [load(folder)["lock"] for folder in (first, later)]
    assert changed["lock of clinic", "fevers.jsonl"] == tuple(lock["clinic"]["files"]["fevers.jsonl"] for lock in locks)
    assert changed["lock of ward", "revision"] == ("main", None)
    assert changed["value", "corpora"] == (None, ["clinic", "school"])
    assert changed["exact", "inputs"] == (["clean-clinic", "clean-ward"], ["clean-clinic", "clean-school"])


# --- all changes as a file -----------------------------------------------------------------------------------------


def test_all_changes_go_to_a_parquet_file(first, later, tmp_path):
    comparison = diff(first, later, limit=0, out=tmp_path / "deep" / "all.parquet")
    assert comparison["rows"] == []
    assert pq.read_schema(tmp_path / "deep" / "all.parquet").equals(CHANGE_SCHEMA)
    rows = pl.read_parquet(tmp_path / "deep" / "all.parquet")
    assert rows.select("id", "change").rows() == [
        ("clinic:c6", "added"),
        ("school:s1", "added"),
        ("clinic:c5", "removed"),
        ("ward:w2", "removed"),
        ("clinic:c1", "edited"),
    ]
    edited = rows.row(4, named=True)
    assert (edited["step"], edited["field"]) == ("read-clinic", "answer")
    assert rebuilt(edited["words"]) == (edited["before"], edited["after"])


def test_a_folder_gets_the_summary_too(first, later, tmp_path):
    comparison = diff(first, later, out=tmp_path / "out")
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == comparison
    assert pl.read_parquet(tmp_path / "out" / "changes.parquet").height == 5


def test_many_edits_are_read_batch_by_batch(demo_store, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.diff.text_differences.BATCH", 7)
    folders = [demo_store / "releases" / name / "1" for name in ("demo", "demo_dpo")]
    comparison = diff(*folders, limit=1000, out=tmp_path / "all.parquet")
    fields = sorted((row["id"], field["field"]) for row in comparison["rows"] for field in row.get("fields", ()))
    written = pl.read_parquet(tmp_path / "all.parquet").filter(change="edited")
    assert sorted(written.select("id", "field").rows()) == fields
    assert written["reason"].null_count() == 0


# --- the verb ------------------------------------------------------------------------------------------------------


def test_the_verb_prints_counts_reasons_and_rows(first, later):
    result = run("diff", "tiny@1", "tiny@2", "--store", first.parents[2])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "tiny@1 -> tiny@2: 5 -> 5 rows; 2 added, 2 removed, 1 edited, 2 unchanged"
    assert "  1 removed of ward: read-ward, source_not_read" in lines
    assert "  1 added of school: before, read-school, source_not_read" in lines
    assert "  lock of ward: revision main -> nothing" in lines
    assert "removed clinic:c5: read-clinic, not_in_source" in lines
    assert any(line.startswith("  answer: A body temperature [-above -]{+of +}38 ") for line in lines)


def test_the_verb_prints_the_same_as_json(first, later):
    result = run("diff", first, later, "--json", "--limit", "1")
    assert json.loads(result.stdout) == json.loads(json.dumps(diff(first, later, limit=1)))


def test_control_characters_in_rows_do_not_reach_the_terminal(first, place):
    folder = edit(place, first, "prompts/ward", "hostile", answer=pl.lit("Water.\x1b]0;owned\x07\x9b31m\r"))
    output = run("diff", first, folder).stdout
    assert "owned" in output
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(output)


def test_a_broken_release_is_reported_in_one_line(first, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(first, broken)
    path = broken / "data" / "prompts" / "ward" / "train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    result = run("diff", first, broken)
    assert (result.exit_code, result.stdout) == (1, "")
    name = "data/prompts/ward/train-00000-of-00001.parquet"
    assert f"{broken} holds '{name}', which is not a parquet file" in result.stderr
    assert result.stderr.endswith("sabila verify lists what is wrong\n")
    shutil.rmtree(broken / "data")
    assert "holds no rows, expected data/; sabila verify lists what is missing" in run("diff", first, broken).stderr


def test_the_verb_refuses_what_is_no_release(first, tmp_path):
    result = run("diff", first, tmp_path / "nothing", "--store", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no release" in result.stderr


# --- a release from a stranger -------------------------------------------------------------------------------------


def with_column(first, folder, name, kind="dpo"):
    """Return a copy of a release with one more file, of a new kind, whose last column has this name."""
    shutil.copytree(first, folder)
    place = folder / "data" / kind / "clinic"
    place.mkdir(parents=True)
    columns = {"id": ["clinic:9"], "source": ["clinic"], "license": ["CC0-1.0"], name: ["text"]}
    pl.DataFrame(columns).write_parquet(place / "train-00000-of-00001.parquet")
    return folder


def escaping(place):
    """Return names that try to break out of a query."""
    target = place / "written.csv"
    return [
        f"""id") AS content FROM (SELECT 1 AS id, 2 AS source); COPY (SELECT 1) TO '{target}' (FORMAT csv); --""",
        f"""x"; COPY (SELECT 1) TO '{target}'; --""",
        f"""'); COPY (SELECT 1) TO '{target}'; --""",
        "a\x1b[2Jb",
        "{0.__class__}",
        "",
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("side", [0, 1])
def test_the_name_of_a_column_is_never_part_of_a_query(first, tmp_path, number, side):
    foreign = with_column(first, tmp_path / "foreign", escaping(tmp_path)[number])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ReleaseError, match="a column is called"):
        diff(*((first, foreign) if side else (foreign, first)))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_column_that_another_version_wrote_is_compared_whatever_it_is_called(first, tmp_path):
    foreign = with_column(first, tmp_path / "foreign", "select")
    assert {"kind": "dpo", "column": "select", "before": None, "after": "large_string"} in diff(first, foreign)[
        "schema"
    ]


@pytest.mark.parametrize("kind", ["other", "sft'", "x]"])
def test_a_folder_that_is_no_kind_of_rows_is_refused(first, tmp_path, kind):
    with pytest.raises(ReleaseError, match="KIND"):
        diff(first, with_column(first, tmp_path / "foreign", "answer", kind))


@pytest.mark.parametrize(
    "query", ["SELECT * FROM read_text({secret})", "COPY (SELECT 1) TO {target}", "ATTACH {target}"]
)
def test_a_query_reaches_no_file_but_those_it_was_opened_for(tmp_path, query):
    readable, secret, target = (tmp_path / name for name in ("it's [1] *.parquet", "secret", "target"))
    pl.DataFrame({"id": ["a"]}).write_parquet(readable)
    pl.DataFrame({"id": ["b"]}).write_parquet(tmp_path / "it's 1 x.parquet")
    secret.write_text("of the user")
    with joining([readable]) as join:
        assert join.run.execute(f"SELECT id FROM read_parquet({listed([readable])})").fetchall() == [("a",)]
        paths = {"secret": text_literal(str(secret)), "target": text_literal(str(target))}
        with pytest.raises(duckdb.PermissionException):
            join.run.execute(query.format(**paths))
        with pytest.raises(duckdb.InvalidInputException, match="locked"):
            join.run.execute("SET enable_external_access = true")
    assert not target.exists()


def test_a_release_in_a_folder_of_any_name_is_compared(first, later, tmp_path):
    folders = [tmp_path / "it's [a] *?{b}" / name for name in ("1", "2")]
    for folder, original in zip(folders, (first, later), strict=True):
        shutil.copytree(original, folder)
    assert diff(*folders) == diff(first, later)


@pytest.mark.parametrize(
    ("steps", "lines"), [(1, ["  step-0: code a -> b"]), (3, ["  code of 3 steps: step-0, step-1, step-2 (--json"])]
)
def test_steps_whose_code_alone_changed_take_one_line(steps, lines):
    changed = [Difference(where=f"step-{n}", field="code", before="a", after="b") for n in range(steps)]
    counts = ChangeCounts(**dict.fromkeys(("before", "after", "added", "removed", "edited", "unchanged"), 0))
    nothing = {name: [] for name in ("sources", "reasons", "libraries", "licenses", "schema", "rows")}
    text = diff_text(ReleaseDiff(before="1", after="2", counts=counts, changed=changed, **nothing))
    code_lines = [line for line in text.splitlines() if "code" in line]
    assert [line[: len(start)] for line, start in zip(code_lines, lines, strict=True)] == lines
