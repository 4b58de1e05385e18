"""A build: what is done stays done, every row is accounted for, and the same rows give the same bytes."""

import gzip
import json
import re
import shutil
from functools import partial
from pathlib import Path

import polars as pl
import pytest
import tiny_recipe
from tiny_recipe import names, steps, tree, write_mirror, write_recipe

from pipelines.build.plan import resolve
from pipelines.build.progress import PlainProgress
from pipelines.build.run_plan import build
from pipelines.build.shard import LostRowsError, check_not_eligible
from pipelines.build.step import each_shard, read, whole_set
from pipelines.completions.shard_groups import shard_groups
from pipelines.storage.store import Store
from quality.outcome import DROP_SCHEMA, Decision, Outcome
from sources.fetch.mirror import mirrored
from sources.files import FileError, RawFile
from sources.shapes.row_shapes import jsonl, qa
from sources.source import Source, held_out


@pytest.fixture
def recipe(tmp_path):
    return write_recipe(tmp_path)


@pytest.fixture
def mirror(tmp_path):
    return write_mirror(tmp_path / "mirror")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


def counts(account):
    return {step["name"]: step["counts"] for step in account["steps"]}


def table(account, store, step, part):
    folder = next(s["folder"] for s in account["steps"] if s["name"] == step)
    return pl.read_parquet(store / "steps" / folder / part).sort("line").rows(named=True)


# --- what is done stays done ---------------------------------------------------------------------------------------


def test_a_second_build_builds_nothing_again(recipe, mirror, store, capsys):
    first = tiny_recipe.build(recipe, store, mirror)
    before = steps(store)
    capsys.readouterr()
    assert tiny_recipe.build(recipe, store, mirror) == first
    assert steps(store) == before
    assert capsys.readouterr().err == ""


def test_a_changed_config_builds_again_only_what_follows_from_it(recipe, mirror, store):
    tiny_recipe.build(recipe, store, mirror)
    before = steps(store)
    tiny_recipe.build(recipe, store, mirror, min_prose_chars=39)
    assert before.items() <= steps(store).items()
    assert names(steps(store).keys() - before.keys()) == {"clean-clinic", "clean-ward", "exact"}


def test_a_config_that_changes_back_finds_what_was_built(recipe, mirror, store):
    first = tiny_recipe.build(recipe, store, mirror)
    tiny_recipe.build(recipe, store, mirror, min_prose_chars=39)
    before = steps(store)
    assert tiny_recipe.build(recipe, store, mirror) == first
    assert steps(store) == before


def test_an_added_source_builds_only_itself_and_what_joins_it(recipe, mirror, store):
    tiny_recipe.build(recipe, store, mirror)
    before = steps(store)
    tiny_recipe.build(recipe, store, mirror, corpora="clinic,ward,school")
    assert before.items() <= steps(store).items()
    assert names(steps(store).keys() - before.keys()) == {"read-school", "clean-school", "exact"}


def test_a_changed_raw_file_builds_again_only_its_own_corpus(recipe, mirror, store):
    tiny_recipe.build(recipe, store, mirror)
    before = steps(store)
    row = {"id": "w3", "question": "When are the rounds?", "answer": "Every morning at eight."}
    with (mirror / "ward" / "rounds.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    tiny_recipe.build(recipe, store, mirror, relock=True)
    assert names(steps(store).keys() - before.keys()) == {"read-ward", "clean-ward", "exact"}


def test_changed_code_in_a_recipe_file_builds_again_though_the_process_lives_on(recipe, mirror, store):
    tiny_recipe.build(recipe, store, mirror)
    before = steps(store)
    changed = tiny_recipe.RECIPE.replace('row["answer"], split', 'row["answer"].upper(), split')
    account = tiny_recipe.build(write_recipe(recipe.parent, changed), store, mirror)
    assert {"read-clinic", "read-ward"} <= names(steps(store).keys() - before.keys())
    assert table(account, store, "read-ward", "kept/00000.parquet")[1]["answer"] == "WATER WITH 0.9% OF COMMON SALT."


def test_a_step_that_was_deleted_is_built_again_with_the_same_bytes(recipe, mirror, store):
    account = tiny_recipe.build(recipe, store, mirror)
    before, files = steps(store), tree(store)
    gone = next(name for name in before if name.startswith("read-clinic"))
    shutil.rmtree(store / "steps" / gone)
    assert tiny_recipe.build(recipe, store, mirror) == account
    assert {name for name in before if steps(store)[name] != before[name]} == {gone}
    assert tree(store) == files


# --- rows that are only looked at ----------------------------------------------------------------------------------


def drops_what_it_has_seen(rows, config, reference_inputs):
    seen = (
        pl.scan_parquet(reference_inputs)
        .select(pl.col("messages").list.first().struct.field("content"))
        .collect()
        .to_series()
    )
    question = pl.col("messages").list.first().struct.field("content")
    drop = pl.when(question.is_in(seen.to_list())).then(pl.lit("seen"))
    return Outcome(rows=rows.with_columns(drop_reason=drop, evidence=question))


def test_rows_of_a_benchmark_are_looked_at_and_enter_nothing(store, lessons):
    exam = held_out(source(), "exam", {"test": ("lessons.jsonl",)}, folder="exam")
    asked = {"id": "e1", "question": "What is lesson 2?", "answer": "A lesson."}
    write_mirror(lessons, {"exam": {"lessons.jsonl": [asked]}})
    step = each_shard("unseen", drops_what_it_has_seen, None, read(source()), reference_inputs=(read(exam),))
    folder = built(step, store, lessons)
    assert pl.read_parquet(folder / "kept/*.parquet")["id"].to_list() == ["school:0", "school:1", "school:3"]
    assert pl.read_parquet(folder / "dropped/*.parquet")["evidence"].to_list() == ["What is lesson 2?"]
    before = steps(store)
    write_mirror(lessons, {"exam": {"lessons.jsonl": [{**asked, "question": "What is lesson 3?"}]}})
    built(step, store, lessons)
    assert names(steps(store).keys() - before.keys()) == {"read-exam", "unseen"}


def test_a_step_that_would_pass_on_rows_of_a_benchmark_cannot_be_made():
    exam = held_out(source(), "exam", {"test": ("lessons.jsonl",)})
    with pytest.raises(
        TypeError, match=r"^copy reads read-exam, rows of a benchmark, which may only be reference inputs$"
    ):
        each_shard("copy", unchanged, None, read(exam))


# --- no row vanishes -----------------------------------------------------------------------------------------------


def parse(raw, file):
    return qa(raw.value["id"], raw.value["question"], raw.value["answer"])


def source(**changes):
    given = {"title": "Lessons", "home": "hf://datasets/sabila-tests/school", "license": "CC0-1.0", "task": "qa"}
    given |= {"name": "school", "license_read": "here", "lang": "en", "files": {"train": ("*.jsonl",)}}
    return Source(**{**given, "rows": jsonl, "parse": parse, **changes})


def built(step, store, mirror):
    plan = resolve(step, partial(mirrored, mirror=mirror))
    return build(plan, Store(store), PlainProgress(), workers=1)


@pytest.fixture
def lessons(tmp_path):
    rows = [{"id": str(n), "question": f"What is lesson {n}?", "answer": f"The lesson of day {n}."} for n in range(4)]
    return write_mirror(tmp_path / "mirror", {"school": {"lessons.jsonl": rows}})


def kept(rows):
    nothing = pl.lit(None, pl.String)
    return Outcome(rows=rows.with_columns(drop_reason=nothing, evidence=nothing))


def unchanged(rows, config):
    return kept(rows)


def loses(rows, config):
    return kept(rows.head(3))


def doubles(rows, config):
    return kept(pl.concat([rows, rows.head(1)]))


def swaps_one_for_another(rows, config):
    return kept(pl.concat([rows.head(3), rows.head(1)]))


def reorders(rows, config):
    return kept(rows.reverse())


def renames(rows, config):
    return kept(rows.with_columns(id=pl.col("id") + "x"))


@pytest.mark.parametrize("function", [loses, doubles, swaps_one_for_another, reorders, renames])
def test_a_step_that_does_not_return_every_row_stops_the_build(function, store, lessons):
    with pytest.raises(LostRowsError, match=rf"{function.__name__} was given 4 rows and returned \d.*defect"):
        built(each_shard("breach", function, None, read(source())), store, lessons)
    assert names(steps(store)) == {"read-school"}


def test_shards_without_a_row_of_the_sources_pass_and_the_others_are_joined_under_the_number_of_the_first(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("pipelines.completions.shard_groups.GROUP_ROWS", 4)
    paths = [tmp_path / f"{n}.parquet" for n in range(6)]
    for path, sources in zip(paths, ["aa", "bb", "ab", "bb", "aaa", "b"], strict=True):
        pl.DataFrame({"source": list(sources)}).write_parquet(path)
    shapes = [(one.number, [int(path.stem) for path in one.paths], one.passes) for one in shard_groups(paths, ["a"])]
    assert shapes == [(0, [0, 2], False), (1, [1], True), (3, [3], True), (4, [4], False), (5, [5], True)]
    assert [one.number for one in shard_groups(paths)] == [0, 2, 4]


def test_a_row_that_no_generator_took_may_be_neither_dropped_nor_changed():
    rows = pl.DataFrame(
        {"id": ["a:1", "a:1/cot-2", "b:1"], "drop_reason": [None, None, None]},
        {"id": pl.String, "drop_reason": pl.String},
    )
    tables = {"generators": pl.DataFrame({"id": ["a:1"], "generator": ["medqa"], "chains": [2]})}
    dropped = rows.with_columns(drop_reason=pl.Series([None, None, "no_reply"]))
    check_not_eligible("chains", Outcome(rows=rows, tables=tables), pl.Series(["a:1"]))
    for outcome, changed in ((dropped, ["a:1"]), (rows, ["a:1", "b:1"])):
        with pytest.raises(LostRowsError, match=r"chains changes or drops b:1, which no generator took.*defect"):
            check_not_eligible("chains", Outcome(rows=outcome, tables=tables), pl.Series(changed))


def test_a_step_that_returns_every_row_goes_through(store, lessons):
    folder = built(each_shard("faithful", unchanged, None, read(source())), store, lessons)
    assert pl.read_parquet(folder / "kept/*.parquet")["id"].to_list() == [f"school:{n}" for n in range(4)]


def moves(column, value):
    def change(rows, config):
        return kept(rows.with_columns(pl.lit(value, rows[column].dtype).alias(column)))

    change.__name__ = f"moves_{column}"
    return change


def makes(*names, **fields):
    """Return a step that makes rows of the first one, with these names after a slash."""

    def make(rows, config):
        values = {column: pl.lit(value) for column, value in fields.items()}
        fresh = [rows.head(1).with_columns(id=pl.col("id") + f"/{name}", **values) for name in names]
        return kept(pl.concat([rows, *fresh]))

    return make


def drops_without_a_reason(rows, config):
    return Outcome(rows=rows.with_columns(drop_reason=pl.lit(" "), evidence=pl.lit(None, pl.String)))


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (moves("source", "medquad"), "changed source of school:0 to 'medquad', expected 'school'"),
        (moves("source", "../../elsewhere"), "changed source of school:0 to '../../elsewhere'"),
        (moves("file", "other.jsonl"), "changed file of school:0 to 'other.jsonl'"),
        (moves("line", 99), "changed line of school:0 to 99, expected 1"),
        (moves("split", "test"), "changed split of school:0 to 'test', expected 'train'"),
        (moves("license", "CC0-1.0"), "changed license of school:0 to 'CC0-1.0', which omits CC-BY-NC-4.0"),
        (moves("license", "CC-BY-4.0"), "which omits CC-BY-NC-4.0"),
        (moves("license", None), "changed license of school:0 to None"),
        (moves("response", " "), "keeps school:0 with an empty response"),
        (makes("1", license="MIT"), "changed license of school:0/1 to 'MIT'"),
        (makes("1", source="exam"), "changed source of school:0/1 to 'exam'"),
        (makes(""), "or others, or in another order"),
        (makes("1", "1"), "has 1 repeated ids, school:0/1 first"),
        (drops_without_a_reason, "drops school:0 without a reason"),
    ],
)
def test_a_step_that_tells_other_things_of_a_row_stops_the_build_there(function, told, store, lessons):
    with pytest.raises(LostRowsError, match=re.escape(told)):
        built(each_shard("breach", function, None, read(source(license="CC-BY-NC-4.0"))), store, lessons)
    assert names(steps(store)) == {"read-school"}


@pytest.mark.parametrize("stricter", ["CC-BY-NC-4.0 AND LicenseRef-llama-3.1-community", "CC-BY-NC-ND-4.0"])
def test_a_step_may_put_rows_under_further_terms(stricter, store, lessons):
    folder = built(
        each_shard("joined", moves("license", stricter), None, read(source(license="CC-BY-NC-4.0"))), store, lessons
    )
    assert pl.read_parquet(folder / "kept/*.parquet")["license"].unique().to_list() == [stricter]


def test_a_row_that_two_branches_keep_stops_the_build_where_they_meet(store, lessons):
    rows = read(source())
    one, other = (each_shard(name, unchanged, None, rows) for name in ("one", "other"))
    with pytest.raises(LostRowsError, match="both has 4 repeated ids, school:0 first"):
        built(each_shard("both", unchanged, None, one, other), store, lessons)
    with pytest.raises(LostRowsError, match="twice has 4 repeated ids"):
        built(each_shard("twice", unchanged, None, rows, rows), store, lessons)


def copies_a_benchmark(rows, config, reference_inputs):
    extra = pl.read_parquet(list(reference_inputs)).head(1).with_columns(id=pl.lit(f"{rows['id'][0]}/1"))
    return kept(pl.concat([rows, extra]))


def test_rows_of_a_benchmark_do_not_become_rows_by_way_of_a_step(store, lessons):
    exam = held_out(source(), "exam", {"test": ("lessons.jsonl",)}, folder="school")
    step = each_shard("breach", copies_a_benchmark, None, read(source()), reference_inputs=(read(exam),))
    with pytest.raises(LostRowsError, match="changed source of school:0/1 to 'exam', expected 'school'"):
        built(step, store, lessons)


def test_a_connector_cannot_free_a_row_of_its_corpus(store, lessons):
    def frees(raw, file):
        draft = parse(raw, file)
        draft.license = {"1": "CC0-1.0", "2": "CC-BY-NC-SA-4.0"}.get(raw.value["id"])
        return draft

    folder = built(read(source(license="CC-BY-NC-4.0", parse=frees)), store, lessons)
    licenses = dict(pl.read_parquet(folder / "kept/*.parquet").select("id", "license").iter_rows())
    assert licenses == {
        "school:0": "CC-BY-NC-4.0",
        "school:2": "CC-BY-NC-SA-4.0",
        "school:3": "CC-BY-NC-4.0",
    }
    [error] = pl.read_parquet(folder / "quarantine.parquet")["error"]
    assert error.startswith("license is 'CC0-1.0', freer than CC-BY-NC-4.0, which school is under")


@pytest.mark.parametrize("name", ["../../../x", "a/b", "", ".", "a\x1b[2J"])
def test_a_name_that_could_leave_the_store_names_no_corpus_and_no_step(name):
    with pytest.raises(ValueError, match="expected letters, digits and"):
        source(name=name)
    with pytest.raises(ValueError, match="expected letters, digits and"):
        each_shard(name, unchanged, None, read(source()))


def decision(*rows):
    return Decision(drops=pl.DataFrame(rows, DROP_SCHEMA, orient="row"))


def names_a_row_twice(shards, config):
    return decision(("school:1", "a", "seen"), ("school:1", "b", "seen"))


def names_a_row_that_is_not_there(shards, config):
    return decision(("school:99", "a", "seen"))


def names_no_reason(shards, config):
    return decision(("school:1", None, "seen"))


@pytest.mark.parametrize("decide", [names_a_row_twice, names_a_row_that_is_not_there, names_no_reason])
def test_a_decision_that_does_not_fit_the_rows_stops_the_build(decide, store, lessons):
    with pytest.raises(LostRowsError, match="breach"):
        built(whole_set("breach", decide, None, read(source())), store, lessons)
    assert names(steps(store)) == {"read-school"}


def test_every_step_says_where_each_of_its_rows_went(recipe, mirror, store):
    account = tiny_recipe.build(recipe, store, mirror)
    for step in counts(account).values():
        assert step["rows_in"] == step["kept"] + step["dropped"] + step["quarantined"]
    assert counts(account)["clean-clinic"] == {"rows_in": 5, "made": 0, "kept": 4, "dropped": 1, "quarantined": 0}
    assert counts(account)["exact"] == {"rows_in": 6, "made": 0, "kept": 5, "dropped": 1, "quarantined": 0}
    [dropped] = table(account, store, "exact", "dropped/*.parquet")
    assert dropped["id"] == "ward:w1"
    assert json.loads(dropped["evidence"]) == {"duplicate_of": "clinic:c1", "similarity": 1.0}


# --- rows that may not go on ---------------------------------------------------------------------------------------

GOOD = {"id": "g", "question": "What do the kidneys do?", "answer": "They filter the blood."}


def test_a_repeated_id_is_quarantined_and_told_which_row_has_it(recipe, store, tmp_path):
    again = {"id": "g", "question": "What does the heart do?", "answer": "It pumps the blood."}
    other = {"id": "h", "question": "What does the liver do?", "answer": "It breaks down poisons."}
    mirror = write_mirror(tmp_path / "m", {"clinic": {"a.jsonl": [GOOD, again], "b.jsonl": [other, again]}})
    account = tiny_recipe.build(recipe, store, mirror, corpora="clinic")
    assert counts(account)["read-clinic"] == {"rows_in": 4, "made": 0, "kept": 2, "dropped": 0, "quarantined": 2}
    repeated = table(account, store, "read-clinic", "quarantine.parquet")
    assert [(row["file"], row["line"]) for row in repeated] == [("a.jsonl", 2), ("b.jsonl", 2)]
    assert {row["error"] for row in repeated} == {"id clinic:g repeats that of a.jsonl:1"}
    assert all("It pumps the blood." in row["text"] for row in repeated)


def test_a_file_of_nothing_but_repeated_ids_leaves_the_others(recipe, store, tmp_path):
    mirror = write_mirror(tmp_path / "m", {"clinic": {"a.jsonl": [GOOD], "b.jsonl": [GOOD]}})
    account = tiny_recipe.build(recipe, store, mirror, corpora="clinic")
    assert counts(account)["read-clinic"] == {"rows_in": 2, "made": 0, "kept": 1, "dropped": 0, "quarantined": 1}
    assert account["rows"] == 1


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_row_that_its_publisher_holds_out_is_dropped(split, recipe, store, tmp_path):
    held = {"id": "t", "question": "What do the lungs do?", "answer": "They take up oxygen.", "split": split}
    mirror = write_mirror(tmp_path / "m", {"clinic": {"a.jsonl": [GOOD, held]}})
    account = tiny_recipe.build(recipe, store, mirror, corpora="clinic")
    [dropped] = table(account, store, "read-clinic", "dropped/*.parquet")
    assert (dropped["id"], dropped["reason"]) == ("clinic:t", "held_out_split")
    assert dropped["evidence"] == f"its publisher calls it {split}"
    assert account["rows"] == 1


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (b'{"id": "b", "question": "cut off in the mid', "not JSON: "),
        (b'{"id": "b", "question": "caf\xe9?", "answer": "x"}', "not JSON: "),
        (b'{"id": "b", "question": "\\ud800?", "answer": "x"}', "not JSON: "),
        ({"id": "b", "question": "no answer field"}, "missing field 'answer'; found id, question"),
        (
            {"id": "b", "question": "q?", "options": ["x", "y"], "gold": 2},
            "gold is 2, expected a position among 2 options",
        ),
        ({"id": "b", "question": "q?", "options": ["x", "y"], "gold": -1}, "gold is -1, expected a position among 2"),
        ({"id": "b", "question": "q?", "options": ["x", "y"], "gold": True}, "gold is [True], expected positions"),
        ({"id": "b", "question": "q?", "options": ["x", "y"], "gold": 2**63}, "expected a position among 2 options"),
        ({"id": "b", "question": "q?", "answer": "a", "split": 1}, "split is 1, expected text"),
        ({"id": 7.5, "question": "q?", "answer": "a"}, "id is 7.5, expected text"),
        ({"id": "b", "question": None, "answer": "a"}, "message is None, expected text"),
        ({"id": "b", "question": "q?", "answer": ["a"]}, "answer is ['a'], expected text"),
        (["b", "q?", "a"], "the row is ['b', 'q?', 'a'], expected an object"),
        (b"null", "the row is null, expected an object"),
    ],
)
def test_a_malformed_row_is_quarantined_with_its_place_and_error(row, error, recipe, store, tmp_path):
    mirror = write_mirror(tmp_path / "m", {"clinic": {"a.jsonl": [GOOD, b"", row]}})
    account = tiny_recipe.build(recipe, store, mirror, corpora="clinic")
    [broken] = table(account, store, "read-clinic", "quarantine.parquet")
    assert (broken["source"], broken["file"], broken["line"]) == ("clinic", "a.jsonl", 3)
    assert error in broken["error"]
    assert broken["text"]
    assert counts(account)["read-clinic"] == {"rows_in": 2, "made": 0, "kept": 1, "dropped": 0, "quarantined": 1}


def test_a_file_without_one_good_row_is_not_the_file_that_was_meant(recipe, store, tmp_path):
    rows = [{"id": str(n), "query": "renamed?", "answer": "column"} for n in range(3)]
    mirror = write_mirror(tmp_path / "m", {"clinic": {"a.jsonl": [GOOD], "b.jsonl": rows}})
    with pytest.raises(FileError, match=r"b.jsonl: every row is malformed; line 1: missing field 'question'; found id"):
        tiny_recipe.build(recipe, store, mirror, corpora="clinic")
    assert steps(store) == {}


def test_a_long_file_with_a_broken_last_line_loses_that_line_alone(recipe, store, tmp_path, windows_of_two_lines):
    mirror = write_mirror(tmp_path / "m", {"clinic": {"a.jsonl": [GOOD, {**GOOD, "id": "h"}, b'{"id": "cut off']}})
    account = tiny_recipe.build(recipe, store, mirror, corpora="clinic")
    assert counts(account)["read-clinic"] == {"rows_in": 3, "made": 0, "kept": 2, "dropped": 0, "quarantined": 1}


def test_a_limit_that_reads_only_broken_rows_names_the_file_they_are_in(recipe, store, tmp_path):
    mirror = write_mirror(tmp_path / "m", {"clinic": {"a.jsonl": [b"", b" "], "b.jsonl": [b"broken", GOOD]}})
    with pytest.raises(FileError, match=r"m/clinic/b.jsonl: every row is malformed; line 1: not JSON"):
        tiny_recipe.build(recipe, store, mirror, corpora="clinic", limit=1)


def test_a_limit_counts_rows_of_the_whole_corpus(recipe, mirror, store):
    account = tiny_recipe.build(recipe, store, mirror, corpora="clinic", limit=4)
    assert counts(account)["read-clinic"]["rows_in"] == 4


# --- same rows, same bytes -----------------------------------------------------------------------------------------


@pytest.fixture
def windows_of_two_lines(monkeypatch):
    monkeypatch.setattr("sources.files.WINDOW_LINES", 2)


def many_files(folder, **how):
    rows = {
        f"{name}.jsonl": [
            {"id": f"{name}{n}", "question": f"What is sign {n % 4} of {name}?", "answer": f"Sign {n % 4} is a rash."}
            for n in range(5)
        ]
        + [b"broken", {"id": f"{name}0", "question": "Repeated?", "answer": "Yes, this id is."}]
        for name in ("croup", "gout", "lupus", "mumps")
    }
    return write_mirror(folder, {"clinic": rows, "ward": tiny_recipe.ROWS["ward"]}, **how)


@pytest.fixture
def expected(recipe, tmp_path, windows_of_two_lines):
    tiny_recipe.build(recipe, tmp_path / "expected", many_files(tmp_path / "m"))
    return tree(tmp_path / "expected")


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("end", [b"", b"\n"], ids=["open", "closed"])
def test_the_windows_of_a_file_hold_each_of_its_lines_once(suffix, end, tmp_path, windows_of_two_lines):
    lines = [b"short", b"", b"x" * 1_048_570, b"over the edge of a block", b"\r", b"last but one", b"last"]
    content = b"\n".join(lines) + end
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    file = RawFile("a.jsonl", path)
    assert len(file.windows) == 4
    found = [line for window in file.windows for line in window.lines()]
    assert found == list(file.lines()) == list(enumerate((line.rstrip(b"\r") for line in lines), 1))


def test_the_same_bytes_again_elsewhere(expected, recipe, tmp_path):
    tiny_recipe.build(recipe, tmp_path / "deep" / "er", many_files(tmp_path / "m2"))
    assert tree(tmp_path / "deep" / "er") == expected
    assert len(expected) > 10


def test_the_same_bytes_with_two_workers(expected, recipe, tmp_path):
    tiny_recipe.build(recipe, tmp_path / "two", tmp_path / "m", workers=2)
    assert tree(tmp_path / "two") == expected


def test_the_same_bytes_from_gzipped_files(expected, recipe, tmp_path):
    tiny_recipe.build(recipe, tmp_path / "gz", many_files(tmp_path / "gzipped", gz=True))
    assert tree(tmp_path / "gz") == expected


def test_the_same_bytes_whatever_order_folders_list_their_files_in(expected, recipe, tmp_path, monkeypatch):
    listed = Path.glob
    orders = []

    def reversed_glob(path, pattern, **more):
        found = sorted(listed(path, pattern, **more), reverse=True)
        orders.append(len(found))
        return iter(found)

    monkeypatch.setattr(Path, "glob", reversed_glob)
    tiny_recipe.build(recipe, tmp_path / "reversed", tmp_path / "m")
    monkeypatch.undo()
    assert max(orders) > 1
    assert tree(tmp_path / "reversed") == expected


def test_the_same_bytes_from_a_restricted_folder_and_beside_other_corpora(expected, recipe, tmp_path):
    many_files(tmp_path / "m3" / "restricted")
    write_mirror(tmp_path / "m3", {"unasked": {"x.jsonl": [GOOD]}})
    tiny_recipe.build(recipe, tmp_path / "restricted", tmp_path / "m3")
    assert tree(tmp_path / "restricted") == expected
