"""`sabila label` and `sabila questions` on files: columns, drops with reasons, each row sent once."""

import json

import polars as pl
import pytest
from click.testing import CliRunner

from pipelines.cli.commands import main
from synth.teachers.teacher import Completion

PASSAGE = "Iron is needed for haemoglobin, and its lack makes people tired. " * 6


class Writer:
    """Answers by the words of the question; counts what it is sent."""

    name, revision, license = "writer", "1", "Apache-2.0"

    def __init__(self):
        self.sent = 0

    def complete(self, requests):
        for request in requests:
            self.sent += 1
            yield request, Completion(text=self.say(request.stage, request.messages[-1].content), finish_reason="stop")

    def say(self, stage, prompt):
        if stage == "medical-filter":
            return "Who knows." if "Bach" in prompt else f"Answer: {'yes' if 'heart' in prompt else 'no'}"
        if stage == "specialty":
            return "Specialty: Cardiology" if "heart" in prompt else "I cannot say."
        if stage == "passage-answer":
            return json.dumps({"answerable": True, "answer": "For lack of iron."})
        if stage == "passage-agreement":
            return json.dumps({"remark": "Both name iron.", "agree": True})
        support = "its lack makes people tired" if "Iron" in prompt else "not in the passage at all"
        return json.dumps({"question": "Why are people tired?", "answer": "They lack iron.", "support": support})


@pytest.fixture
def writer(monkeypatch):
    made = Writer()
    monkeypatch.setattr("synth.teachers.specs.teacher", lambda spec, options=None: made)
    return made


def call(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ROWS = [{"question": "Why does the heart beat?"}, {"question": "Who was mayor?"}, {"question": "When did Bach live?"}]


def test_rows_get_a_specialty_and_others_than_medical_ones_are_dropped(tmp_path, writer):
    file = write(tmp_path / "a.jsonl", ROWS)
    for out in ("1", "2"):
        arguments = ("--specialty", "w", "--medical", "w", "--store", tmp_path / "store", "--json")
        done = call("label", file, "--out", tmp_path / out, *arguments)
        assert done.exit_code == 0, done.output
    assert writer.sent == 6
    kept, dropped = (pl.read_parquet(tmp_path / "2" / f"{name}.parquet") for name in ("kept", "dropped"))
    assert kept.rows() == [("Why does the heart beat?", "Cardiology")]
    assert dropped.select("reason", "evidence").rows() == [("not_medical", None), ("medical_unknown", "unparsed")]
    assert (json.loads(done.stdout)["labelled"], json.loads(done.stdout)["unlabelled"]) == (1, 2)


def test_passages_become_questions_with_their_support(tmp_path, writer):
    rows = [{"text": PASSAGE, "n": 1}, {"text": "Too short.", "n": 2}, {"text": "Zinc heals wounds. " * 30, "n": 3}]
    file = write(tmp_path / "a.jsonl", rows)
    done = call("questions", file, "--out", tmp_path / "out", "--teacher", "w", "--store", tmp_path / "store")
    assert done.exit_code == 0, done.output
    kept, dropped = (pl.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("kept", "dropped"))
    assert kept.select("n", "question", "answer", "support").rows() == [
        (1, "Why are people tired?", "They lack iron.", "its lack makes people tired")
    ]
    assert dropped.select("n", "reason").rows() == [(2, "passage_length"), (3, "no_question")]
    assert json.loads(dropped["evidence"][1]) == {"unsupported": 1}


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
