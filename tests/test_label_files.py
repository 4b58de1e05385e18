"""`sabila label` and `sabila questions` on files: columns, drops with reasons, each row sent once."""

import json

import polars as pl
import pytest
from click.testing import CliRunner

from pipelines.cli.commands import main
from synth.judges import rubric
from synth.teachers.teacher import Completion, Failure

PASSAGE = "Iron is needed for haemoglobin, and its lack makes people tired. " * 6


class Writer:
    """Answers by the words of the question; counts what it is sent."""

    name, revision, license = "writer", "1", "LicenseRef-unknown"

    def __init__(self):
        self.sent = 0

    def complete(self, requests):
        for request in requests:
            self.sent += 1
            if "too long" in request.messages[-1].content:
                yield request, Failure(error="9,000 tokens, the context holds 4,096", tries=1)
                continue
            yield request, Completion(text=self.say(request.stage, request.messages[-1].content), finish_reason="stop")

    def say(self, stage, prompt):
        if stage == "medical-filter":
            return "Who knows." if "Bach" in prompt else f"Answer: {'yes' if 'heart' in prompt else 'no'}"
        if stage == "specialty":
            return "Specialty: Cardiology" if "heart" in prompt else "I cannot say."
        if stage == "rubric":
            return json.dumps({"remark": "Well said.", **dict.fromkeys(rubric.CRITERIA, 4)})
        if stage == "passage-answer":
            return json.dumps({"answerable": True, "answer": "For lack of iron."})
        if stage == "passage-agreement":
            return json.dumps({"remark": "Both name iron.", "agree": True})
        support = "its lack makes people tired" if "Iron" in prompt else "not in the passage at all"
        return json.dumps({"question": "Why are people tired?", "answer": "They lack iron.", "support": support})


@pytest.fixture
def writer(monkeypatch):
    made = Writer()

    def licensed(spec, options):
        made.license = options.license
        return made

    monkeypatch.setattr("synth.teachers.specs.teacher", licensed)
    return made


def call(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ROWS = [{"question": "Why does the heart beat?"}, {"question": "Who was mayor?"}, {"question": "When did Bach live?"}]


def test_the_licence_of_a_model_joins_that_of_the_rows_it_has_written_in(tmp_path, writer):
    licenses = ["CC-BY-4.0", "MIT", None]
    asked = [{**row, "answer": "Rest.", "license": license} for row, license in zip(ROWS, licenses, strict=True)]
    file, store = write(tmp_path / "a.jsonl", asked), ("--store", tmp_path / "store")
    for verb, model, expected in (
        ("label", "--specialty", ["Apache-2.0 AND CC-BY-4.0", "MIT", None]),  # only the first row has got a specialty
        ("score", "--rubric", ["Apache-2.0 AND CC-BY-4.0", "Apache-2.0 AND MIT", "Apache-2.0 AND LicenseRef-unknown"]),
    ):
        out = tmp_path / verb
        done = call(verb, file, "--out", out, model, "w", "--judge-license", "Apache-2.0", *store)
        assert done.exit_code == 0, done.output
        assert pl.read_parquet(out / "kept.parquet")["license"].to_list() == expected


def test_questions_on_passages_are_under_the_licences_of_passage_and_model(tmp_path, writer):
    file = write(tmp_path / "a.jsonl", [{"text": PASSAGE, "Licence": "CC-BY-SA-4.0"}])
    given = ("questions", "--teacher", "w", "--store", tmp_path / "store", "--teacher-license")
    done = call(*given, "LicenseRef-llama-3.1-community", file, "--out", tmp_path / "1")
    assert done.exit_code == 0, done.output
    (row,) = pl.read_parquet(tmp_path / "1" / "kept.parquet").rows(named=True)
    assert row["Licence"] == "CC-BY-SA-4.0 AND LicenseRef-llama-3.1-community"
    assert "license" not in row
    (tmp_path / "iron.md").write_text(f"# Iron\n\n{PASSAGE}\n")  # a document states none
    done = call(*given, "Apache-2.0", tmp_path / "iron.md", "--out", tmp_path / "2")
    assert done.exit_code == 0, done.output
    kept = pl.read_parquet(tmp_path / "2" / "kept.parquet")
    assert kept["license"].to_list() == ["Apache-2.0 AND LicenseRef-unknown"]


def test_a_licence_of_a_model_that_writes_nothing_or_that_no_column_can_hold_is_refused(tmp_path, writer):
    file = write(tmp_path / "a.jsonl", [{**ROWS[0], "license": 3}])
    license = ("--judge-license", "MIT", "--out", tmp_path / "out")
    done = call("label", file, "--medical", "w", *license)
    assert "--judge-license is MIT, expected --specialty with it; it has no effect otherwise" in done.output
    done = call("label", file, "--specialty", "w", *license)
    assert "column 'license' is Int64, expected texts, to join MIT to; rename it" in done.output
    assert writer.sent == 0


def test_rows_get_a_specialty_and_others_than_medical_ones_are_dropped(tmp_path, writer):
    file = write(tmp_path / "a.jsonl", ROWS)
    for out in ("1", "2"):
        arguments = ("--specialty", "w", "--medical", "w", "--store", tmp_path / "store", "--json")
        done = call("label", file, "--out", tmp_path / out, *arguments)
        assert done.exit_code == 0, done.output
    assert writer.sent == 3 + 1  # what the filter drops gets no specialty
    kept, dropped = (pl.read_parquet(tmp_path / "2" / f"{name}.parquet") for name in ("kept", "dropped"))
    assert kept.rows() == [("Why does the heart beat?", "Cardiology", None, "writer")]
    assert dropped.select("reason", "evidence").rows() == [("not_medical", None), ("medical_unknown", "unparsed")]
    assert (json.loads(done.stdout)["labelled"], json.loads(done.stdout)["unlabelled"]) == (1, 0)


def test_a_specialty_alone_keeps_all_rows_and_names_why_one_has_none(tmp_path, writer):
    file = write(
        tmp_path / "a.jsonl", [*ROWS[:2], {"question": "It is too long."}, {"question": None}, {"question": " "}]
    )
    arguments = ("--specialty", "w", "--max-failed", "0.34", "--store", tmp_path / "store", "--json")
    done = call("label", file, "--out", tmp_path / "out", *arguments)
    assert done.exit_code == 0, done.output
    kept = pl.read_parquet(tmp_path / "out" / "kept.parquet")
    assert kept.select("specialty", "specialty_reason", "specialty_by").rows() == [
        ("Cardiology", None, "writer"),
        (None, "the judge's reply is unparsed", None),
        (None, "the request failed: 9,000 tokens, the context holds 4,096", None),
        (None, "the row has no question", None),
        (None, "the row has no question", None),
    ]
    assert json.loads(done.stdout)["unlabelled"] == 4


def test_a_row_without_a_question_is_dropped_as_unknown_and_not_sent(tmp_path, writer):
    file = write(tmp_path / "a.jsonl", [{"question": ""}, ROWS[0]])
    call("label", file, "--out", tmp_path / "out", "--medical", "w", "--store", tmp_path / "store")
    dropped = pl.read_parquet(tmp_path / "out" / "dropped.parquet")
    assert dropped.select("row", "reason", "evidence").rows() == [("0", "medical_unknown", "the row has no question")]
    assert writer.sent == 1


def test_passages_become_questions_with_their_support(tmp_path, writer):
    rows = [{"text": PASSAGE, "n": 1}, {"text": "Too short.", "n": 2}, {"text": "Zinc heals wounds. " * 30, "n": 3}]
    file = write(tmp_path / "a.jsonl", rows)
    done = call("questions", file, "--out", tmp_path / "out", "--teacher", "w", "--store", tmp_path / "store")
    assert done.exit_code == 0, done.output
    kept, dropped = (pl.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("kept", "dropped"))
    assert kept.select("n", "question", "answer", "support", "generated_by").rows() == [
        (1, "Why are people tired?", "They lack iron.", "its lack makes people tired", "writer")
    ]
    assert dropped.select("n", "reason").rows() == [(2, "passage_length"), (3, "no_question")]
    assert json.loads(dropped["evidence"][1]) == {"unsupported": 1}


def test_the_replies_of_an_earlier_call_are_not_overwritten_by_their_own_questions(tmp_path, writer):
    candidates = tmp_path / "out" / "candidates.parquet"
    candidates.parent.mkdir()
    pl.DataFrame({"text": [PASSAGE]}).write_parquet(candidates)
    done = call("questions", candidates, "--out", tmp_path / "out", "--teacher", "w", "--store", tmp_path / "store")
    assert "would overwrite the input" in done.output
    assert pl.read_parquet(candidates)["text"].to_list() == [PASSAGE]


@pytest.mark.parametrize(
    "arguments",
    [
        ("label", "--specialty", "w"),
        ("label", "--medical", "w"),
        ("questions", "--teacher", "w"),
        ("pairs", "--judge", "w"),
    ],
)
def test_a_call_whose_requests_all_failed_writes_no_result(tmp_path, writer, arguments):
    verb, *more = arguments
    row = {"question": "It is too long.", "text": "It is too long. " * 30, "chosen": "Rest.", "rejected": "Run."}
    if verb == "questions":
        row.pop("question")
    file = write(tmp_path / "a.jsonl", [row])
    done = call(verb, file, "--out", tmp_path / "out", *more, "--store", tmp_path / "store")
    assert done.exit_code == 1
    assert "failed, expected replies; the first error is: " in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("verb", "model", "allowed", "code"),
    [
        ("label", "--specialty", "0", 1),
        ("label", "--medical", "0.4", 1),
        ("label", "--medical", "0.5", 0),
        ("score", "--rubric", "0", 1),
        ("questions", "--teacher", "0", 1),
        ("pairs", "--judge", "0.1", 1),
    ],
)
def test_a_call_of_which_some_requests_failed_says_so_and_writes_the_others(
    tmp_path, writer, verb, model, allowed, code
):
    rows = [
        {"text": PASSAGE, "question": "Why does the heart beat?", "chosen": "It must.", "rejected": "Who knows?"},
        {"text": "It is too long. " * 30, "question": "It is too long.", "chosen": "Rest.", "rejected": "Run."},
    ]
    kept = {"label": ("question",), "score": ("question", "chosen"), "questions": ("text",)}.get(verb, rows[0])
    file = write(tmp_path / "a.jsonl", [{name: row[name] for name in kept} for row in rows])
    more = ("--answer-column", "chosen") if verb == "score" else ()
    arguments = (model, "w", "--max-failed", allowed, "--store", tmp_path / "store")
    done = call(verb, file, "--out", tmp_path / "out", *more, *arguments)
    assert done.exit_code == code, done.output
    assert ("requests failed, expected" in done.output) == (code == 1)
    written = [pl.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("kept", "dropped")]
    assert sum(map(len, written)) == 2


def test_a_result_is_complete_where_kept_rows_are(tmp_path, writer, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    arguments = ("--teacher", "w", "--store", tmp_path / "store")
    file = write(tmp_path / "a.jsonl", [{"text": PASSAGE}])
    monkeypatch.setattr("pipelines.own_files.passage_files.write_kept_and_dropped", killed)
    call("questions", file, "--out", tmp_path / "out", *arguments)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["candidates.parquet"]
    monkeypatch.undo()
    monkeypatch.setattr("synth.teachers.specs.teacher", lambda spec, options=None: writer)
    assert call("questions", file, "--out", tmp_path / "out", *arguments).exit_code == 0


@pytest.mark.parametrize("arguments", [("label", "--medical", "w"), ("questions", "--teacher", "w")])
def test_own_columns_named_reason_stay_and_the_reason_of_a_drop_has_another_name(tmp_path, writer, arguments):
    verb, *more = arguments
    file = write(
        tmp_path / "a.jsonl", [{"prompt": "Who?", "text": "Short.", "reason": "mine", "evidence": "also mine"}]
    )
    done = call(verb, file, "--out", tmp_path / "out", *more, "--store", tmp_path / "store")
    assert done.exit_code == 0, done.output
    dropped = pl.read_parquet(tmp_path / "out" / "dropped.parquet")
    assert dropped.select("reason", "evidence").rows() == [("mine", "also mine")]
    assert dropped["reason_"].to_list() in (["not_medical"], ["passage_length"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("label",), "no label is wanted; give --specialty or --medical"),
        (("questions", "--teacher", "w"), "'text' is not a text column; the columns are question"),
    ],
)
def test_a_wrong_call_writes_nothing(tmp_path, writer, arguments, message):
    verb, *more = arguments
    done = call(verb, write(tmp_path / "a.jsonl", ROWS), "--out", tmp_path / "out", *more)
    assert message in done.output
    assert not (tmp_path / "out").exists()
