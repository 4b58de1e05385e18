"""`sabila decontaminate` on files that other tools write: ids, names of columns, outputs and benchmarks that meet."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from test_duplicate_files import write
from tiny_recipe import run

from pipelines.storage.store import Store
from quality.decontamination.verbatim import build_verbatim

ITEM = {"question": "Which nerve is stretched when a climber hangs from one arm?", "answer": "Long thoracic"}
OTHER = {"question": "How often should a kettle on a ward be descaled?", "answer": "Monthly"}


def decontaminate(rows, against, out, *more):
    benchmarks = [word for path in against for word in ("--against", path)]
    result = run("decontaminate", rows, *benchmarks, "--out", out, *more)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def bench(tmp_path):
    return write(tmp_path / "bench.jsonl", [ITEM])


@pytest.mark.parametrize(("ids", "said"), [(("q1", "q1"), "'q1' occurs in 2 rows"), ((None, "q2"), "null in 1 rows")])
def test_ids_that_do_not_tell_rows_apart_are_refused(tmp_path, bench, ids, said):
    rows = [{"uid": id, **row} for id, row in zip(ids, (ITEM, OTHER), strict=True)]
    result = decontaminate(write(tmp_path / "train.jsonl", rows), [bench], tmp_path / "out", "--id-column", "uid")
    assert result.exit_code and said in result.output
    assert not (tmp_path / "out" / "kept.parquet").exists()


def test_ids_that_are_numbers_name_rows(tmp_path, bench):
    rows = write(tmp_path / "train.jsonl", [{"uid": 7, **ITEM}, {"uid": 8, **OTHER}])
    assert not decontaminate(rows, [bench], tmp_path / "out", "--id-column", "uid").exit_code
    assert pl.read_parquet(tmp_path / "out" / "kept.parquet")["uid"].to_list() == [8]
    assert pl.read_parquet(tmp_path / "out" / "leaks.parquet")["id"].to_list() == ["7"]


def test_an_output_that_is_an_input_is_refused(tmp_path, bench):
    path = tmp_path / "d" / "kept.parquet"
    path.parent.mkdir()
    pl.DataFrame([ITEM, OTHER]).write_parquet(path)
    before = path.read_bytes()
    assert decontaminate(path, [bench], path.parent).exit_code
    assert path.read_bytes() == before


def test_columns_named_as_the_account_names_its_own_are_kept_apart(tmp_path, bench):
    rows = [{**row, "row": at, "reason": "mine", "evidence": "mine"} for at, row in enumerate((ITEM, OTHER))]
    assert not decontaminate(write(tmp_path / "train.jsonl", rows), [bench], tmp_path / "out").exit_code
    kept, dropped = (pl.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("kept", "dropped"))
    assert kept.columns == list(rows[0])
    assert dropped["reason"].to_list() == ["mine"]
    assert "leak:exact" in dropped.row(0)
    assert not decontaminate(tmp_path / "out" / "kept.parquet", [bench], tmp_path / "again").exit_code


def test_a_benchmark_is_named_by_its_path_where_two_files_have_one_name(tmp_path):
    ours = [write(tmp_path / name / "test.jsonl", [row]) for name, row in (("a", ITEM), ("b", OTHER))]
    rows = write(tmp_path / "train.jsonl", [ITEM, OTHER])
    assert not decontaminate(rows, ours, tmp_path / "out").exit_code
    assert pl.read_parquet(tmp_path / "out" / "report.parquet")["benchmark"].n_unique() == 2


def test_a_benchmark_that_is_none_is_answered_in_a_line(tmp_path, bench):
    rows = write(tmp_path / "train.jsonl", [ITEM])
    unknown = decontaminate(rows, ["carequa"], tmp_path / "out")
    assert unknown.exit_code and "Did you mean careqa?" in " ".join(unknown.output.split())
    odd = write(tmp_path / "odd.jsonl", [{"asks": "What is this?"}])
    nameless = decontaminate(rows, [odd], tmp_path / "out")
    assert nameless.exit_code and "--item-question-column" in nameless.output


def test_a_benchmark_that_is_an_input_is_refused(bench, tmp_path):
    result = decontaminate(bench, [bench], tmp_path / "out")
    assert result.exit_code == 1
    assert "is both an input and a benchmark: every row would be dropped" in result.output
    assert not (tmp_path / "out").exists()


def test_an_earlier_result_is_replaced_only_where_that_is_asked_for(bench, tmp_path):
    rows = write(tmp_path / "train.jsonl", [ITEM, OTHER])
    assert not decontaminate(rows, [bench], tmp_path / "out").exit_code
    again = decontaminate(rows, [bench], tmp_path / "out")
    assert again.exit_code == 1
    assert "is the result of an earlier call" in again.output
    assert not decontaminate(rows, [bench], tmp_path / "out", "--overwrite").exit_code


def test_the_columns_of_both_sides_are_shown_and_numbers_are_no_text(tmp_path):
    (tmp_path / "cards.csv").write_text(f"Nr,Frage,Antwort\n1,{ITEM['question']},Long thoracic\n2,Why?,No reason\n")
    test = write(tmp_path / "my_test.jsonl", [{"frage": ITEM["question"], "answer": "Long thoracic"}])
    said = decontaminate(tmp_path / "cards.csv", [test], tmp_path / "out", "--item-question-column", "frage").output
    assert "compared: text: Frage, Antwort\n" in said
    assert "with my_test.jsonl: question: frage; answer: answer\n" in said


def test_a_corpus_to_train_on_is_no_benchmark(tmp_path):
    rows = write(tmp_path / "train.jsonl", [ITEM])
    assert "medquad is a corpus to train on, not a benchmark" in decontaminate(rows, ["medquad"], tmp_path / "o").output


def test_benchmarks_and_items_that_rows_were_not_compared_with_are_named(tmp_path):
    (tmp_path / "m" / "gsm8k" / "grade_school_math" / "data").mkdir(parents=True)
    items = tmp_path / "m" / "gsm8k" / "grade_school_math" / "data" / "test.jsonl"
    rows = write(tmp_path / "train.jsonl", [{"question": "Which nerve is hurt?", "answer": "The long thoracic one"}])
    question, answer = "How many tablets are left?", "Two and two.\n#### 4"
    good, bad = {"question": question, "answer": answer}, {"prompt": question, "answer": answer}
    for given, message in (
        ([good], "benchmarks not found: "),
        ([good, bad], "items that cannot be read: 1 of gsm8k_test; sabila sources --verify NAME says why"),
        ([bad], "no item of gsm8k_test can be read: missing field 'question'; found prompt, answer"),
    ):
        write(items, given)
        done = decontaminate(rows, ["all"], tmp_path / "out", "--mirror", tmp_path / "m", "--overwrite")
        assert message in done.output
        done = run("check", rows, "--against", "all", "--mirror", tmp_path / "m")
        assert message in done.output
    done = decontaminate(rows, ["all", "medqa"], tmp_path / "o", "--mirror", tmp_path / "m")
    assert "has no folder medqa for medqa" in done.output


def test_a_benchmark_file_without_rows_is_refused(tmp_path):
    rows = write(tmp_path / "train.jsonl", [{"question": "Which nerve is hurt?", "answer": "The long thoracic one"}])
    (tmp_path / "none.csv").write_text("question,answer\n")
    done = decontaminate(rows, [tmp_path / "none.csv"], tmp_path / "out")
    assert "none.csv has no rows, expected benchmark items; name another file" in done.output


# --- the index in the store ------------------------------------------------------------------------------------------


@pytest.fixture
def indexed(monkeypatch):
    """The tables of items that were indexed in this process."""
    tables = []

    def build(items, questions):
        tables.append(items)
        return build_verbatim(items, questions)

    monkeypatch.setattr("quality.decontamination.item_index.build_verbatim", build)
    return tables


def test_a_store_keeps_the_index_of_the_benchmarks_and_the_result_is_the_same(tmp_path, bench, indexed):
    rows = write(tmp_path / "train.jsonl", [ITEM, OTHER])
    store = tmp_path / "store"
    Store(store).prepare()
    for out, more in (("alone", []), ("first", ["--store", store]), ("second", ["--store", store])):
        assert not decontaminate(rows, [bench], tmp_path / out, *more).exit_code
    assert len(indexed) == 2, "the second call with a store maps the index of the first"
    alone, first, second = (
        {file.name: file.read_bytes() for file in (tmp_path / out).iterdir()} for out in ("alone", "first", "second")
    )
    assert alone == first == second
    assert not run("check", rows, "--against", bench, "--store", store, "--fail-on", "never").exit_code
    assert len(indexed) == 2, "sabila check maps it too"
    assert not decontaminate(rows, [write(tmp_path / "b2.jsonl", [OTHER])], tmp_path / "o", "--store", store).exit_code
    assert len(indexed) == 3, "other items have an index of their own"
    assert pl.read_parquet(tmp_path / "o" / "leaks.parquet")["benchmark"].to_list() == ["b2.jsonl"]


def test_without_a_store_none_is_made_and_one_that_cannot_be_written_does_no_harm(tmp_path, bench, indexed):
    rows = write(tmp_path / "train.jsonl", [ITEM, OTHER])
    assert not decontaminate(rows, [bench], tmp_path / "1", "--store", tmp_path / "absent").exit_code
    assert not (tmp_path / "absent").exists()
    store = tmp_path / "store"
    Store(store).prepare()
    (store / "memory").write_text("a file where a folder cannot be made then, for root as well")
    assert not decontaminate(rows, [bench], tmp_path / "2", "--store", store).exit_code
    assert pl.read_parquet(tmp_path / "2" / "dropped.parquet").height == 1
    assert sorted(path.name for path in store.iterdir()) == ["memory", "store.json"]
    assert len(indexed) == 2


# --- speed and models ------------------------------------------------------------------------------------------------


def test_files_against_files_load_no_catalog_no_rules_and_no_pandas(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"question": "Which vitamin prevents scurvy?", "answer": "Vitamin C"}\n')
    (tmp_path / "test.jsonl").write_text('{"question": "Which bone is the longest?", "answer": "The femur"}\n')
    call = ["decontaminate", "rows.jsonl", "--against", "test.jsonl", "--out", "out"]
    code = (
        f"import sys; from pipelines.cli.commands import main; main({call}, standalone_mode=False); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "polars" in loaded
    assert loaded.isdisjoint(
        {"pandas", "sources.catalog", "quality.cleaning.rules", "synth.teachers.embedders", "rich"}
    )


def test_a_threshold_after_the_embedder_replaces_the_similarity(tmp_path, bench, monkeypatch):
    def embed(texts):
        return np.array([[1.0, 0.0] if "nerve" in text else [0.8, 0.6] for text in texts], np.float32)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("synth.teachers.embedders.embedder", lambda spec: embed if spec == "folder/m" else None)
    reworded = {"question": "Hanging from one arm, a climber may stretch what?", "answer": "The long thoracic one"}
    rows = write(tmp_path / "train.jsonl", [reworded])
    for out, spec, dropped in (("1", "folder/m", 0), ("2", "folder/m@0.75", 1)):
        assert not decontaminate(rows, [bench], tmp_path / out, "--embedder", spec).exit_code
        assert len(pl.read_parquet(tmp_path / out / "dropped.parquet")) == dropped
    assert (
        "--embedder: got 'folder/m@2'"
        in decontaminate(rows, [bench], tmp_path / "3", "--embedder", "folder/m@2").output
    )
