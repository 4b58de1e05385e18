"""Mistakes of users: damaged files, a mirror or lock that does not fit, wrong calls. Each gives a one-line error."""

import gzip
import json
import shutil

import polars as pl
import pytest
import tiny_recipe
from tiny_recipe import names, refused, run, steps, tree, write_mirror, write_recipe

from pipelines.build.recipe import shipped
from pipelines.storage.store import Store

RECIPES = ", ".join(shipped())


@pytest.fixture
def call(tmp_path):
    """A call that works: the tiny recipe on its mirror."""
    recipe, mirror = write_recipe(tmp_path), write_mirror(tmp_path / "mirror")
    return ("build", recipe, "--store", tmp_path / "store", "--mirror", mirror, "--workers", "1")


def test_the_call_that_the_following_tests_break_works(call):
    assert run(*call).exit_code == 0


@pytest.mark.parametrize("size", [-9, 1, 15, 0.5])
def test_a_gzip_file_cut_short_is_refused_before_any_work(size, call, tmp_path):
    compressed = gzip.compress((tmp_path / "mirror" / "clinic" / "fevers.jsonl").read_bytes())
    cut = tmp_path / "mirror" / "clinic" / "cut.jsonl.gz"
    cut.write_bytes(compressed[: int(len(compressed) * size)] if isinstance(size, float) else compressed[:size])
    message = refused(1, *call)
    assert message.startswith(f"Error: {cut} is damaged (")
    assert message.endswith("), expected a whole gzip file; fetch it again")
    assert steps(tmp_path / "store") == {}


def test_a_gzip_file_that_is_none_or_was_altered_is_refused(call, tmp_path):
    content = bytearray(gzip.compress(b'{"id": "x"}\n' * 50, mtime=0))
    content[-6] ^= 1
    for damaged in (b"plain text, not gzip\n", bytes(content)):
        (tmp_path / "mirror" / "clinic" / "x.jsonl.gz").write_bytes(damaged)
        assert "x.jsonl.gz is damaged (" in refused(1, *call)


def test_an_empty_file_is_refused(call, tmp_path):
    for empty in (tmp_path / "mirror" / "clinic" / "none.jsonl", tmp_path / "mirror" / "clinic" / "none.jsonl.gz"):
        empty.write_bytes(gzip.compress(b"") if empty.suffix == ".gz" else b"")
        assert refused(1, *call) == f"Error: {empty} is empty, expected none.jsonl with rows; fetch it again"
        empty.unlink()


def test_an_unreadable_file_is_reported(call, tmp_path):
    (tmp_path / "mirror" / "clinic" / "folder.jsonl").mkdir()
    assert refused(1, *call).endswith("folder.jsonl cannot be read: Is a directory")


BROKEN_CSV = b'''id,question,answer
c1,What is a fever?,A body temperature above 38 degrees.
c2,"What is a ""cold"""? broken,An infection of the nose.
c3,Caf\xe9 au lait spots?,Flat brown patches of the skin.
c4,Too few cells
c5,"What is
a sprain?",A stretched ligament.
'''


def test_a_broken_csv_row_costs_that_row_alone(call, tmp_path):
    text = tiny_recipe.RECIPE.replace('("*.jsonl",)', '("*.csv",)').replace("jsonl", "table")
    write_recipe(tmp_path, text)
    (tmp_path / "mirror" / "clinic" / "sheet.csv").write_bytes(BROKEN_CSV)
    assert run(*call, "--corpora", "clinic").exit_code == 0
    read = next((tmp_path / "store" / "steps").glob("read-clinic-*"))
    kept = pl.read_parquet(read / "kept" / "*.parquet")
    assert kept.select("id", "line").rows() == [("clinic:c1", 2), ("clinic:c5", 6)]
    assert kept["messages"][1][0]["content"] == "What is\na sprain?"
    broken = pl.read_parquet(read / "quarantine.parquet")
    assert broken["line"].to_list() == [3, 4, 5]
    assert "broken csv: " in broken["error"][0]
    assert broken["error"].to_list()[1:] == ["not UTF-8", "2 cells, expected 3 (id, question, answer)"]


def test_a_column_missing_in_all_rows_is_reported_with_the_columns_present(call, tmp_path):
    text = tiny_recipe.RECIPE.replace('("*.jsonl",)', '("*.csv",)').replace("jsonl", "table")
    write_recipe(tmp_path, text)
    (tmp_path / "mirror" / "clinic" / "sheet.csv").write_text("id,query,answer\nc1,What is a fever?,Heat.\n")
    assert refused(1, *call, "--corpora", "clinic").endswith(
        "sheet.csv: every row is malformed; line 2: missing field 'question'; found id, query, answer"
    )


def test_a_required_corpus_that_the_mirror_lacks_stops_the_build(call, tmp_path):
    shutil.rmtree(tmp_path / "mirror" / "ward")
    assert refused(1, *call) == (
        f"Error: {tmp_path / 'mirror'} has no folder ward for ward; "
        "put the files of hf://datasets/sabila-tests/ward there"
    )
    assert steps(tmp_path / "store") == {}


def test_a_mirror_that_lacks_the_files_of_a_corpus_names_the_pattern(call, tmp_path):
    (tmp_path / "mirror" / "ward" / "rounds.jsonl").rename(tmp_path / "mirror" / "ward" / "rounds.txt")
    message = refused(1, *call)
    assert (
        message == f"Error: {tmp_path / 'mirror' / 'ward'} has no *.jsonl (plain, .gz or .zst), the train rows of ward"
    )


def test_a_missing_corpus_that_is_not_required_is_left_out_and_reported(call, tmp_path):
    shutil.rmtree(tmp_path / "mirror" / "ward")
    result = run(*call, "--no-required")
    assert result.exit_code == 0, result.output
    assert "not found, left out: ward" in result.stdout
    assert names(steps(tmp_path / "store")) == {"read-clinic", "clean-clinic", "exact"}


def test_a_mirror_with_none_of_the_corpora_is_refused(call, tmp_path):
    shutil.rmtree(tmp_path / "mirror")
    (tmp_path / "mirror").mkdir()
    message = refused(1, *call, "--no-required")
    assert message.startswith("Error: nothing to build: none of 2 sources can be read; ")
    assert "has no folder clinic for clinic" in message


@pytest.mark.parametrize("content", ['{"format": 99}', "{", '{"version": 1}', "[]", '{"format": "one"}', "\xff"])
def test_a_store_of_another_version_or_without_one_is_refused(content, call, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "store.json").write_text(content, encoding="latin-1")
    message = refused(1, *call)
    if "99" in content:
        assert message == (
            f"Error: {tmp_path / 'store'} has format 99, expected 1 or less: a newer sabila wrote it; "
            "upgrade, or name another folder with --store"
        )
    else:
        assert message.startswith(f"Error: {tmp_path / 'store' / 'store.json'} does not say the store's format (")
        assert message.endswith("restore it, or name another folder with --store")


def test_a_store_that_is_a_file_is_refused(call, tmp_path):
    (tmp_path / "store").write_text("a file")
    assert refused(1, *call).startswith(f"Error: cannot write {tmp_path / 'store'}: ")


# --- the lock ------------------------------------------------------------------------------------------------------


def test_a_changed_raw_file_is_refused_until_it_is_accepted(call, tmp_path):
    assert run(*call).exit_code == 0
    changed = tmp_path / "mirror" / "ward" / "rounds.jsonl"
    changed.write_text(changed.read_text().replace("0.9%", "9%"))
    message = refused(1, *call)
    assert message.startswith("Error: ward: rounds.jsonl has sha256 ")
    assert f"but {tmp_path / 'sabila.lock'} says " in message
    assert message.endswith("restore the file, accept the change with --relock, or keep another lock with --lock FILE")
    assert run(*call, "--relock").exit_code == 0
    assert run(*call).exit_code == 0


@pytest.mark.parametrize("change", ["added", "removed"])
def test_a_raw_file_that_came_or_went_is_refused_too(change, call, tmp_path):
    extra = tmp_path / "mirror" / "clinic" / "extra.jsonl"
    shutil.copy(tmp_path / "mirror" / "ward" / "rounds.jsonl", extra if change == "removed" else tmp_path / "spare")
    assert run(*call).exit_code == 0
    extra.unlink() if change == "removed" else shutil.copy(tmp_path / "spare", extra)
    nothing = "nothing, it is new" if change == "added" else "nothing, it is missing"
    assert f"extra.jsonl has sha256 {'' if change == 'added' else nothing}" in (message := refused(1, *call))
    assert nothing in message


def test_a_gzipped_copy_is_the_same_file_to_the_lock(call, tmp_path):
    assert run(*call).exit_code == 0
    plain = tmp_path / "mirror" / "ward" / "rounds.jsonl"
    plain.with_name("rounds.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert run(*call).exit_code == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"recipes": {}}',
        '{"format": "1", "recipes": {}}',
        '{"format": 1}',
        '{"format": 1, "recipes": []}',
        '{"format": 1, "recipes": {"tiny": []}}',
        '{"format": 1, "recipes": {"tiny": {"clinic": {}}}}',
        '{"format": 1, "recipes": {"tiny": {"clinic": {"home": "x", "revision": "y", "files": 3}}}}',
        '{"format": 1, "recipes": {"tiny": {"clinic": "x"}}}',
        "\xff",
    ],
)
def test_a_broken_lock_file_is_reported_and_left_unchanged(content, call, tmp_path):
    (tmp_path / "sabila.lock").write_text(content, encoding="latin-1")
    message = refused(1, *call)
    assert message.startswith(f"Error: {tmp_path / 'sabila.lock'} is not a lock file (")
    assert message.endswith("restore it, or delete it to resolve anew")
    assert (tmp_path / "sabila.lock").read_text(encoding="latin-1") == content


def test_a_lock_of_a_newer_version_is_refused(call, tmp_path):
    (tmp_path / "sabila.lock").write_text('{"format": 2, "recipes": {}}')
    assert refused(1, *call) == (
        f"Error: {tmp_path / 'sabila.lock'} has format 2, expected 1: a newer sabila wrote it; upgrade"
    )


def test_builds_of_one_recipe_with_other_values_add_to_one_lock(call, tmp_path):
    for corpora in ("clinic", "ward,school"):
        assert run(*call, "--corpora", corpora).exit_code == 0
    locked = json.loads((tmp_path / "sabila.lock").read_text())["recipes"]["tiny --mirror mirror"]
    assert sorted(locked) == ["clinic", "school", "ward"]


# --- wrong calls ---------------------------------------------------------------------------------------------------


def test_an_unknown_recipe_lists_the_known_ones(call):
    assert refused(2, "build", "nope") == (
        f"Error: recipe: got 'nope', expected one of {RECIPES}, or the path of a .py file"
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("def recipe(:\n", "cannot be imported: SyntaxError: "),
        ("import no_such_module\n", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero"),
        ("x = 1\n", "expected a file that defines a function called recipe"),
        ("recipe = 1\n", "expected a file that defines a function called recipe"),
        ("def recipe(size):\n    pass\n", "takes 'size', expected only keyword arguments with defaults"),
        ("def recipe(*, size):\n    pass\n", "takes 'size', expected only keyword arguments with defaults"),
        ("def recipe(**sizes):\n    pass\n", "takes 'sizes', expected only keyword arguments with defaults"),
        ("def recipe():\n    pass\n", "recipe: broken returned None, expected its last Step"),
        ("def recipe():\n    raise ValueError('size: got 1, expected 2')\n", "Error: size: got 1, expected 2"),
    ],
)
def test_an_invalid_recipe_file_is_reported(text, error, tmp_path):
    (tmp_path / "broken.py").write_text(text)
    assert error in refused(2, "build", tmp_path / "broken.py", "--store", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_missing_recipe_file_is_reported(tmp_path):
    assert f"expected one of {RECIPES}, or the path of a .py file" in refused(2, "plan", tmp_path / "none.py")


def test_an_unknown_option_is_reported(call, tmp_path):
    assert refused(2, *call, "--corpus", "clinic") == "Error: No such option '--corpus'. Did you mean '--corpora'?"
    assert not (tmp_path / "store").exists()


def test_a_mirror_that_is_not_there_is_a_wrong_call(call, tmp_path):
    message = refused(2, *call, "--mirror", tmp_path / "nowhere")
    assert message == f"Error: Invalid value for '--mirror': Directory '{tmp_path / 'nowhere'}' does not exist."


def test_a_defect_of_a_step_is_reported_and_stops_the_build(call, tmp_path):
    loses = "def loses(rows, config):\n    return clean(rows.head(1), config)\n\n\n"
    text = tiny_recipe.RECIPE.replace("def parse", f"{loses}def parse").replace("clean, config, ", "loses, config, ")
    write_recipe(tmp_path, text)
    assert refused(1, *call).endswith(
        "loses was given 3 rows and returned 1, or others, or in another order; this is a defect of the step"
    )


OWN_SHAPE = """
def own(file):
    for raw in jsonl(file):
        LINES


"""


@pytest.mark.parametrize(
    ("lines", "passed_over"),
    [
        ("if raw.line != 2:\n            yield raw", [2]),
        ("if raw.line == 2:\n            return\n        yield raw", [2, 3]),
        ("yield raw\n        yield raw._replace(value={**raw.value, 'id': raw.value['id'] + 'b'})", []),
    ],
)
def test_lines_that_a_connector_passes_over_are_quarantined_with_their_text(lines, passed_over, call, tmp_path):
    text = tiny_recipe.RECIPE.replace("def parse", OWN_SHAPE.replace("LINES", lines).lstrip() + "def parse")
    write_recipe(tmp_path, text.replace("rows=jsonl", "rows=own"))
    assert run(*call, "--corpora", "clinic").exit_code == 0
    [step] = [folder for folder in (tmp_path / "store" / "steps").iterdir() if folder.name.startswith("read-clinic")]
    path = step / "quarantine.parquet"
    rows = pl.read_parquet(path).filter(file="fevers.jsonl") if path.exists() else pl.DataFrame({"line": []})
    assert rows["line"].to_list() == passed_over
    for error, row in zip(rows.get_column("error", default=[]), rows.get_column("text", default=[]), strict=True):
        assert error == "the reader of clinic returned no row for this line; expected a row, or Broken with the reason"
        assert json.loads(row)["question"] in ("How long does a cold last?", "unknown")


def test_a_connector_that_numbers_its_rows_anew_and_passes_over_some_is_refused(call, tmp_path):
    shape = OWN_SHAPE.replace("LINES", "if raw.line != 2:\n            yield raw._replace(line=raw.line + 100)")
    text = tiny_recipe.RECIPE.replace("def parse", shape.lstrip() + "def parse").replace("rows=jsonl", "rows=own")
    write_recipe(tmp_path, text)
    assert "gives rows for 2 of 3 lines, and 2 of them name a line that does not exist" in refused(1, *call)


def test_a_connector_may_say_that_it_joins_lines(call, tmp_path):
    shape = OWN_SHAPE.replace("LINES", "if raw.line != 2:\n            yield raw")
    text = tiny_recipe.RECIPE.replace("def parse", shape.lstrip() + "def parse")
    write_recipe(tmp_path, text.replace("rows=jsonl", "rows=own,\n        joins_lines=True"))
    assert run(*call).exit_code == 0
    assert not list((tmp_path / "store").rglob("quarantine.parquet"))


def test_a_store_with_a_stray_folder_in_place_of_a_step_builds_it(call, tmp_path):
    assert run(*call).exit_code == 0
    expected = tree(tmp_path / "store")
    step = Store(tmp_path / "store").folder(next(iter(steps(tmp_path / "store"))))
    (step / "step.json").unlink()
    (step / "kept" / "99999.parquet").write_bytes(b"stray")
    assert run(*call).exit_code == 0
    assert tree(tmp_path / "store") == expected
