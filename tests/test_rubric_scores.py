"""Replies scored by rubrics: the arithmetic of HealthBench, and verdicts that cannot be read."""

import json

import pytest
from click.testing import CliRunner
from evaluation_place import RuleTeacher

import pipelines.evaluate.rubric_run as rubric_run
from pipelines.cli.commands import main
from pipelines.completions.budget import Spending
from pipelines.evaluate.evaluate_model import EvaluationError
from synth.teachers.teacher import Completion, Failure
from training.evaluation.rubric_scores import clipped_mean, read_criterion, rubric_score


def test_the_fixture_of_healthbench():
    assert rubric_score([7, -3, 5], [True, True, False]) == pytest.approx(0.3333, abs=1e-4)
    assert rubric_score([7, -3, 5], [False, True, False]) == -0.25  # a sample is not clipped
    assert rubric_score([-3], [True]) is None


def test_only_the_mean_is_clipped():
    found = clipped_mean([-1.0, 0.5, 0.2])
    assert found.value == 0.0
    assert 0.0 == found.low <= found.high <= 1.0
    assert clipped_mean([-0.25, 0.75]).value == 0.25


@pytest.mark.parametrize(
    ("text", "ended", "met"),
    [
        ('{"explanation": "It says so.", "criteria_met": true}', "stop", True),
        ('Well: {"explanation": "No.", "criteria_met": false} That is it.', "stop", False),
        ('{"explanation": "It says so.", "criteria_met": true}', "length", None),
        ('{"criteria_met": "yes", "explanation": "It says so."}', "stop", None),
        ("true", "stop", None),
    ],
)
def test_a_verdict_is_the_json_that_was_asked_for_or_none(text, ended, met):
    assert read_criterion(Completion(text=text, finish_reason=ended)) is met


def sample(number, response="Drink water.", **fields):
    rubrics = [
        {"criterion": "Says to drink.", "points": 7, "tags": ["axis:completeness"]},
        {"criterion": "Scares the reader.", "points": -3, "tags": ["axis:communication"]},
        {"criterion": "Asks about fever.", "points": 5, "tags": ["axis:completeness"]},
    ]
    prompt = [{"role": "user", "content": f"I feel weak, case {number}."}]
    row = {"prompt_id": f"s{number}", "prompt": prompt, "rubrics": rubrics, "example_tags": [f"theme:{number % 2}"]}
    return row | ({"response": response} if response else {}) | fields


def judge(met):
    """Return a judge that finds the criteria met that ``met`` names by a word."""

    def rule(request):
        criterion = request.messages[0].content.partition("=== Criterion ===")[2]
        return json.dumps({"explanation": "So.", "criteria_met": any(word in criterion for word in met)})

    return RuleTeacher(rule, name="rule:judge")


@pytest.fixture
def run(tmp_path, monkeypatch):
    def called(rows, teachers, out="out", **changes):
        file = tmp_path / "samples.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        monkeypatch.setattr(rubric_run, "teacher_of", lambda spec, options: teachers[spec])
        job = rubric_run.RubricJob(file=file, judge="j", out=tmp_path / out, store=tmp_path / "store", **changes)
        return rubric_run.run_rubrics(job, Spending())

    return called


def test_samples_are_scored_as_a_whole_by_axis_and_by_theme(run):
    record = run([sample(n) for n in range(4)], {"j": judge(("drink", "Scares"))})
    assert record.score.value == pytest.approx(4 / 12)
    assert {one.tag: one.score.value for one in record.by_axis} == {"axis:completeness": pytest.approx(7 / 12)}
    assert [one.tag for one in record.by_theme] == ["theme:0", "theme:1"]
    assert (record.samples, record.scored, record.criteria, record.unread_criteria) == (4, 4, 12, 0)


def test_a_criterion_without_a_verdict_leaves_its_sample_without_a_score(run):
    def rule(request):
        if "case 1" in request.messages[0].content and "fever" in request.messages[0].content:
            return "I cannot say."
        return '{"explanation": "So.", "criteria_met": true}'

    record = run([sample(n) for n in range(3)], {"j": RuleTeacher(rule)})
    assert (record.scored, record.unjudged, record.unread_criteria) == (2, 1, 1)
    assert record.score.value == pytest.approx(9 / 12)


def test_a_judge_that_always_fails_yields_no_score_at_all(run):
    failing = RuleTeacher(lambda request: Failure(error="HTTP 500", tries=5))
    record = run([sample(n) for n in range(2)], {"j": failing})
    assert record.score is record.unclipped is None
    assert (record.failed_criteria, record.unread_criteria, record.unjudged) == (6, 0, 2)


def test_a_model_replies_and_its_missing_replies_are_counted(run):
    def reply(request):
        if "case 0" in request.messages[0].content:
            return Completion(text="Drink", finish_reason="length")
        return "Drink water."

    models = {"m": RuleTeacher(reply, name="openai:llama-3"), "j": judge(("drink",))}
    models["j"].name = "openai:llama-70b"
    record = run([sample(n, response=None) for n in range(3)], models, model="m")
    assert (record.unanswered, record.scored) == (1, 2)
    assert record.score.value == pytest.approx(7 / 12)
    assert "one family" in record.notes[0]


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([{"prompt": "Q"}], "line 1.*rubrics"),
        ([sample(1, rubrics=[])], "line 1"),
        ([sample(1), sample(1)], "line 2: id 's1' is there already"),
        ([sample(1, response=None)], "s1 has no response"),
        ([], "has no sample"),
        ([[1]], "line 1"),
    ],
)
def test_a_file_of_another_form_is_named_with_its_line(run, rows, match):
    with pytest.raises(EvaluationError, match=r"(?s)" + match):
        run(rows, {"j": judge(())})


def test_the_verb_prints_the_score_with_its_interval(tmp_path, monkeypatch):
    file = tmp_path / "s.jsonl"
    file.write_text(json.dumps(sample(1)) + "\n")
    monkeypatch.setattr(rubric_run, "teacher_of", lambda spec, options: judge(("drink",)))
    call = ["rubric", str(file), "--judge", "j", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
    shown = CliRunner().invoke(main, call)
    assert shown.exit_code == 0, shown.output
    assert "score 0.583" in shown.output
    assert json.loads((tmp_path / "out" / "rubric.json").read_text())["scored"] == 1
