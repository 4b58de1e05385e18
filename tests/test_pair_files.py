"""`sabila pairs` on files: answers compared by a judge in both orders, by a reward model, or by both."""

import json

import polars as pl
import pytest
from click.testing import CliRunner

from pipelines.cli.commands import main
from synth.preferences import model_answers, reward_margins
from synth.teachers.teacher import Completion


class Judge:
    """Prefers the answer with the word "rest"; of two without it always the first; writes answers where asked for."""

    name, revision = "judge", "1"

    def __init__(self, license="LicenseRef-unknown"):
        self.license = license

    def complete(self, requests):
        for request in requests:
            yield request, Completion(text=self.say(request), finish_reason="stop")

    def say(self, request):
        text = request.messages[-1].content
        if request.stage == "answers":
            return "Take some rest." if request.sample else "Take a pill."
        first, _, second = text.partition("=== First reply ===")[2].partition("=== Second reply ===")
        better = "B" if "rest" in second.partition("===")[0] and "rest" not in first else "A"
        return f"The one is better.\nAnswer: {better}"


@pytest.fixture
def judge(monkeypatch, tmp_path):
    monkeypatch.setattr("synth.teachers.specs.teacher", lambda spec, options: Judge(options.license))
    by_length = lambda conversations: [float(len(one[-1][1])) for one in conversations]  # noqa: E731
    for module in (model_answers, reward_margins):
        monkeypatch.setattr(module, "shared_reward_model", lambda path: by_length)
    monkeypatch.chdir(tmp_path)


def call(*arguments):
    return CliRunner().invoke(main, ["pairs", *map(str, arguments), "--json"])


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ROWS = [
    {"prompt": "Fever?", "response_a": "Take a pill at once.", "response_b": "Drink and rest."},
    {"prompt": "Cough?", "response_a": "A good rest helps.", "response_b": "Take a syrup."},
    {"prompt": "Pain?", "response_a": "Ice.", "response_b": "Heat."},
    {"prompt": "Gout?", "response_a": "Ice.", "response_b": "Ice."},
]


def kept_and_dropped(folder):
    return [pl.read_parquet(folder / f"{name}.parquet") for name in ("kept", "dropped")]


def test_a_pair_is_kept_where_the_judge_prefers_one_answer_in_both_orders(judge, tmp_path):
    done = call(write(tmp_path / "a.jsonl", ROWS), "--out", tmp_path / "out", "--judge", "j")
    assert done.exit_code == 0, done.output
    kept, dropped = kept_and_dropped(tmp_path / "out")
    assert kept.select("prompt", "chosen", "rejected", "chosen_from").rows() == [
        ("Fever?", "Drink and rest.", "Take a pill at once.", "response_b"),
        ("Cough?", "A good rest helps.", "Take a syrup.", "response_a"),
    ]
    assert dropped.select("prompt", "reason").rows() == [("Pain?", "no_pair"), ("Gout?", "too_few_answers")]
    assert json.loads(dropped["evidence"][0]) == {"judge_disagrees": 1}
    assert json.loads(done.stdout)["pairs judge_disagrees"] == 1


def test_a_pair_is_under_the_licences_of_its_row_and_of_the_models_that_wrote_and_judged_it(judge, tmp_path):
    file = write(tmp_path / "a.jsonl", [{**ROWS[0], "license": "CC-BY-4.0"}])
    models = ("--teacher", "w", "--teacher-license", "MIT", "--judge", "j", "--judge-license", "Apache-2.0")
    done = call(file, "--out", tmp_path / "out", *models)
    assert done.exit_code == 0, done.output
    assert kept_and_dropped(tmp_path / "out")[0]["license"].to_list() == ["Apache-2.0 AND CC-BY-4.0 AND MIT"]
    done = call(file, "--out", tmp_path / "2", "--reward", "r", "--judge-license", "MIT")
    assert "--judge-license is MIT, expected --judge with it" in done.output


def test_a_reward_model_chooses_alone_or_must_agree_with_the_judge(judge, tmp_path):
    file = write(tmp_path / "a.jsonl", ROWS)
    assert call(file, "--out", tmp_path / "1", "--reward", "m").exit_code == 0
    kept, _ = kept_and_dropped(tmp_path / "1")
    assert kept.select("chosen", "margin").rows() == [
        ("Take a pill at once.", 5.0), ("A good rest helps.", 5.0), ("Heat.", 1.0),
    ]  # fmt: skip
    assert call(file, "--out", tmp_path / "2", "--judge", "j", "--reward", "m").exit_code == 0
    kept, dropped = kept_and_dropped(tmp_path / "2")
    assert kept.select("chosen", "margin", "rejected_from").rows() == [("A good rest helps.", 5.0, "response_b")]
    assert json.loads(dropped.filter(prompt="Fever?")["evidence"][0]) == {"small_margin": 1}


def test_a_list_of_answers_and_answers_that_a_model_writes(judge, tmp_path):
    rows = [{"question": "Fever?", "responses": ["Take a pill.", None, "Drink and rest."]}]
    assert call(write(tmp_path / "a.jsonl", rows), "--out", tmp_path / "1", "--judge", "j").exit_code == 0
    kept, _ = kept_and_dropped(tmp_path / "1")
    assert kept.select("chosen", "chosen_from", "rejected_from").rows() == [("Drink and rest.", "3", "1")]
    rows = [{"question": "Fever?", "chosen": "x"}]
    arguments = ("--teacher", "t", "--judge", "j", "--out", tmp_path / "2")
    assert call(write(tmp_path / "b.jsonl", rows), *arguments).exit_code == 0
    kept, _ = kept_and_dropped(tmp_path / "2")
    assert kept.select("chosen", "judged_chosen", "rejected", "chosen_from").rows() == [
        ("x", "Take some rest.", "Take a pill.", None)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing compares the answers; give --judge, --reward or both"),
        (("--judge", "j", "--teacher", "t", "--answer-column", "response_a"), "expected one of the two"),
        (("--judge", "j", "--answer-column", "response_a"), "the columns of answers are response_a (String), expected"),
        (("--judge", "j", "--answer-column", "reply"), "column 'reply' is not in the table"),
    ],
)
def test_a_wrong_call_writes_nothing(judge, tmp_path, arguments, message):
    done = call(write(tmp_path / "a.jsonl", ROWS), "--out", tmp_path / "out", *arguments)
    assert message in done.output
    assert not (tmp_path / "out").exists()


def test_pairs_name_the_models_and_leave_own_columns_of_their_names_alone(judge, tmp_path):
    own = {"generated_by": "ann", "judged_generated_by": "bob", "reason": "mine", "evidence": "also mine"}
    file = write(tmp_path / "a.jsonl", [{**row, **own} for row in ROWS])
    done = call(file, "--out", tmp_path / "1", "--judge", "j", "--reward", "folder/m")
    assert done.exit_code == 0, done.output
    _, dropped = kept_and_dropped(tmp_path / "1")
    assert dropped["reason"].unique().to_list() == ["mine"]
    assert "no_pair" in dropped["reason_"].to_list()
    assert dropped["judged_judged_generated_by"].to_list() == [None] * len(dropped)
    questions = write(tmp_path / "b.jsonl", [{"prompt": "Fever?"}, {"prompt": None}])
    assert call(questions, "--out", tmp_path / "2", "--judge", "j", "--teacher", "j").exit_code == 0
    kept, dropped = kept_and_dropped(tmp_path / "2")
    assert kept.select("generated_by", "judged_by").rows() == [("judge", "judge")]
    assert dropped.select("row", "reason").rows() == [("1", "no_question")]
