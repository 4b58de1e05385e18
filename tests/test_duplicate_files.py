"""`sabila dedup` on files: what is written, by words and by meaning, and what is refused before anything is."""

import json
import time
from dataclasses import asdict
from typing import get_args

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from pipelines.cli.commands import main
from quality.duplicates.near_settings import NearRules, Unit
from synth.judges import semantic_step
from synth.teachers import embedders

HELP = "Drink a glass of water every hour, stay in the shade until the evening, and let a nurse look at the rash."
ROWS = [
    {"key": 3, "question": "What helps against heat rash?", "answer": HELP},
    {"key": 1, "question": "What helps against heat rash?", "answer": HELP + " Take care!"},
    {"key": 7, "question": "What helps against shingles?", "answer": HELP},
    {
        "key": 9,
        "question": "Which remedy for prickly heat?",
        "answer": "Shade and plenty to drink; show it to a nurse.",
    },
]


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def dedup(*arguments):
    return CliRunner().invoke(main, ["dedup", *map(str, arguments)])


def table(folder, name):
    return pl.read_parquet(folder / f"{name}.parquet")


COLUMNS = ("--text-column", "question", "--text-column", "answer")


def test_an_edited_copy_goes_and_another_subject_stays(tmp_path):
    done = dedup(write(tmp_path / "a.jsonl", ROWS), *COLUMNS, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["dropped"] == 1
    assert table(tmp_path / "out", "kept").columns == ["key", "question", "answer"]
    assert table(tmp_path / "out", "dropped").select("row", "reason", "duplicate_of").rows() == [
        (1, "near_duplicate", 0)
    ]


def test_what_was_written_can_be_read_once_more(tmp_path):
    file = write(tmp_path / "a.jsonl", [{"row": n, "similarity": 0.5, **row} for n, row in enumerate(ROWS)])
    first, second = tmp_path / "1", tmp_path / "2"
    for source, out in ((file, first), (first / "kept.parquet", second), (first / "dropped.parquet", tmp_path / "3")):
        assert dedup(source, *COLUMNS, "--out", out).exit_code == 0
    assert table(second, "kept").equals(table(first, "kept"))
    assert table(tmp_path / "3", "kept").equals(table(first, "dropped"))


def test_whole_numbers_name_rows_across_files(tmp_path):
    files = [write(tmp_path / f"{n}.jsonl", ROWS[n : n + 1]) for n in range(4)]
    assert dedup(*files, *COLUMNS, "--id-column", "key", "--out", tmp_path / "out").exit_code == 0
    assert table(tmp_path / "out", "dropped").select("key", "duplicate_of").rows() == [(3, 1)]


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([*ROWS, ROWS[0]], ("--id-column", "key"), "id 3 occurs twice"),
        ([*ROWS, {**ROWS[0], "key": None}], ("--id-column", "key"), "1 rows have no id"),
        (ROWS, ("--id-column", "kee"), "no column kee; there are key, question, answer"),
    ],
)
def test_ids_that_name_no_row_are_refused_in_one_line(tmp_path, rows, options, said):
    done = dedup(write(tmp_path / "a.jsonl", rows), *COLUMNS, *options, "--out", tmp_path / "out")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert said in done.output
    assert not (tmp_path / "out").exists()


def test_an_output_over_its_own_input_is_refused_before_anything_is_written(tmp_path):
    pl.DataFrame(ROWS).write_parquet(tmp_path / "kept.parquet")
    done = dedup(tmp_path / "kept.parquet", *COLUMNS, "--out", tmp_path)
    assert done.exit_code == 1
    assert "would overwrite the input" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["kept.parquet"]
    assert table(tmp_path, "kept").equals(pl.DataFrame(ROWS))


def test_a_rewrite_goes_by_its_meaning_and_a_template_stays_by_its_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(embedders, "embedder", lambda model: lambda texts: np.ones((len(texts), 2), np.float32))
    file, out = write(tmp_path / "a.jsonl", ROWS), tmp_path / "out"
    done = dedup(file, *COLUMNS, "--id-column", "key", "--semantic", "any@0.9", "--out", out, "--json")
    assert done.exit_code == 0, done.output
    account = json.loads(done.output)
    assert (account["by_words"], account["by_meaning"]) == (1, 1)
    dropped = table(out, "dropped").filter(reason="semantic_duplicate")
    assert dropped.select("key", "duplicate_of", "similarity").rows() == [(9, 1, 1.0)]
    evidence = json.loads(dropped["evidence"][0])
    assert (evidence["model"], evidence["threshold"]) == ("any", 0.9)
    assert sorted(table(out, "kept")["key"]) == [1, 7]
    assert table(out, "clusters").filter(id=9).rows() == [(9, 1, 1, 1.0)]


def test_rows_without_a_text_have_no_meaning_to_share(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(embedders, "embedder", lambda model: lambda texts: np.ones((len(texts), 2), np.float32))
    file = write(tmp_path / "a.jsonl", [*({"text": text} for text in ("", None, " ", "Rest."))])
    done = dedup(file, "--semantic", "any@0.9", "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    assert table(tmp_path / "out", "kept")["text"].to_list() == ["", None, " ", "Rest."]


def test_a_model_that_is_not_there_is_named(tmp_path):
    file = write(tmp_path / "a.jsonl", ROWS)
    done = dedup(file, *COLUMNS, "--semantic", "openai:http://localhost:1", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "write openai:URL#MODEL" in done.output
    done = dedup(file, *COLUMNS, "--semantic", "model@9", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "expected MODEL or MODEL@THRESHOLD" in done.output
    folder = tmp_path / "no_model"
    folder.mkdir()
    done = dedup(file, *COLUMNS, "--semantic", folder, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert str(folder) in done.output
    assert "an unexpected input" not in done.output


@pytest.mark.parametrize("options", [(), ("--id-column", "key"), ("--semantic", "any")])
@pytest.mark.parametrize("name", ["header.csv", "no_rows.parquet"])
def test_a_table_without_rows_has_no_duplicates(tmp_path, monkeypatch, name, options):
    monkeypatch.setattr(embedders, "embedder", lambda model: lambda texts: np.ones((len(texts), 2), np.float32))
    empty = pl.DataFrame(schema={"key": pl.Int64, "question": pl.String, "answer": pl.String})
    (empty.write_csv if name.endswith("csv") else empty.write_parquet)(tmp_path / name)
    done = dedup(tmp_path / name, *COLUMNS, *options, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    assert {json.loads(done.output)[count] for count in ("rows", "kept", "dropped", "clusters")} == {0}
    assert table(tmp_path / "out", "kept").columns == ["key", "question", "answer"]


def test_an_earlier_result_is_replaced_only_where_that_is_asked_for(tmp_path):
    call = (write(tmp_path / "a.jsonl", ROWS), *COLUMNS, "--out", tmp_path / "out")
    assert dedup(*call).exit_code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    again = dedup(*call)
    assert (again.exit_code, again.output.count("\n")) == (1, 1)
    assert (
        "kept.parquet is the result of an earlier call; name another folder with --out, or give --overwr"
        in again.output
    )
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    write(tmp_path / "a.jsonl", ROWS[:1])
    assert dedup(*call, "--overwrite").exit_code == 0
    assert table(tmp_path / "out", "kept").height == 1
    (tmp_path / "out" / "kept.parquet").unlink()  # as a call that was killed leaves it
    assert dedup(*call).exit_code == 0


def test_a_name_of_the_hub_without_network_ends_in_a_line_at_once(tmp_path, monkeypatch, capfd):
    pytest.importorskip("sentence_transformers", reason="needs sentence-transformers: install the extra 'local'")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it waits to try again"))
    done = dedup(write(tmp_path / "a.jsonl", ROWS), *COLUMNS, "--semantic", "nofolder/x", "--out", tmp_path / "out")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "nofolder/x is no folder here and was not downloaded before, and http://127.0.0.1:9 does not" in done.output
    assert "Retrying" not in capfd.readouterr().err


def test_the_folder_around_a_model_is_told_from_the_model(tmp_path):
    pytest.importorskip("sentence_transformers", reason="needs sentence-transformers: install the extra 'local'")
    (tmp_path / "package" / "model").mkdir(parents=True)
    (tmp_path / "package" / "model" / "config.json").write_text("{}")
    file = write(tmp_path / "a.jsonl", ROWS)
    done = dedup(file, *COLUMNS, "--semantic", tmp_path / "package", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert f"{tmp_path / 'package' / 'model'} does: name that folder" in done.output


def test_options_have_the_defaults_of_the_rules_that_they_set():
    """The command line states them again, so that ``--help`` loads no rule."""
    options = {option.name: option for option in main.commands["dedup"].params}
    rules = {name: value for name, value in asdict(NearRules()).items() if name in options}
    assert rules.keys() == {"threshold", "recall", "shingle_tokens", "unit"}
    assert {name: options[name].default for name in rules} == rules
    assert tuple(options["unit"].type.choices) == get_args(Unit)
    assert options["semantic_threshold"].default == semantic_step.THRESHOLD
