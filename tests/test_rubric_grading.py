"""Open answers graded criterion by criterion: the score, its clip, and a judge that fails."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from evaluation_place import RuleTeacher, failing

from pipelines.cli.commands import main
from pipelines.completions.budget import Spending
from pipelines.evaluate import evaluate_model
from pipelines.evaluate.compare_results import compare_folders
from pipelines.evaluate.evaluate_model import Evaluation, EvaluationError, evaluate
from pipelines.evaluate.result_folder import read_results
from synth.teachers.teacher import Completion
from training.evaluation.benchmark_items import BenchmarkError
from training.evaluation.evaluation_record import Settings
from training.evaluation.item_results import Criterion
from training.evaluation.paired_comparison import ComparisonError
from training.evaluation.rubric_grading import rubric_score

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
GENERATE = Settings(mode="generate", temperature=0.0, max_tokens=64)


def verdict(met):
    return json.dumps({"explanation": "It says so.", "criteria_met": met})


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that evaluates a model on HealthBench's fixture, graded by a judge with this rule."""

    def called(judge, model=lambda request: "Go to hospital now.", out="out", benchmark="healthbench"):
        monkeypatch.setattr(evaluate_model, "make_teacher", lambda *_: RuleTeacher(model))
        grader = RuleTeacher(judge, name="openai:judge")
        monkeypatch.setattr(evaluate_model, "teacher_of", lambda *_: grader)
        job = {"model": "m", "benchmarks": (benchmark,), "settings": GENERATE, "out": tmp_path / out}
        job |= {"store": tmp_path / "store" / out, "mirror": FIXTURES, "judge": "openai:http://x/v1#judge"}
        return evaluate(Evaluation(**job), Spending()), grader

    return called


def test_points_met_over_positive_points():
    three = [Criterion("a", 7), Criterion("b", -3), Criterion("c", 5)]
    assert rubric_score([*zip(three, (True, True, False), strict=True)]) == pytest.approx(1 / 3)
    assert rubric_score([*zip(three, (False, True, False), strict=True)]) == -0.25
    assert rubric_score([(three[0], True)]) == 1.0
    with pytest.raises(ValueError, match="above 0"):
        rubric_score([(three[1], True)])


def test_each_criterion_is_judged_by_itself(run, tmp_path):
    def judge(request):
        text = request.messages[-1].content
        return verdict("emergency care" in text or "until the next day" in text)

    record, grader = run(judge)
    (score,) = record.benchmarks
    assert len(grader.asked) == 4
    assert "Go to hospital now." in grader.asked[0].messages[-1].content
    scores = {one.item: one.score for one in read_results(tmp_path / "out").items}
    assert scores == {"healthbench:a1": pytest.approx(1 / 3), "healthbench:a2": 0.0}
    assert score.metric == "rubric"
    assert score.score.value == pytest.approx(1 / 6)
    assert score.judge.criteria == 4
    axes = {name: (one.value, one.n) for name, one in score.judge.by_axis.items()}
    # Accuracy of a1: -3 of 5, of a2: 0 of 4, and the mean is clipped; completeness of a1 alone: 7 of 7.
    assert axes == {"accuracy": (0.0, 2), "completeness": (1.0, 1)}
    assert {part.name for part in score.by_subset} == {"emergency_referrals", "context_seeking"}


def test_only_the_mean_is_clipped(run, tmp_path):
    record, _ = run(lambda request: verdict("until the next day" in request.messages[-1].content))
    assert record.benchmarks[0].score.value == 0.0
    assert min(one.score for one in read_results(tmp_path / "out").items) == -0.25


@pytest.mark.parametrize(
    "reply",
    ["I think it is met.", '{"criteria_met": "yes"}', '{"criteria_met": true}', ""],
)
def test_a_judge_that_always_fails_yields_no_score(run, tmp_path, reply):
    with pytest.raises(BenchmarkError, match="has no score: openai:judge gave no verdict on any of 2 answers"):
        run(lambda request: reply)
    assert not (tmp_path / "out").exists()


def test_an_answer_that_was_not_judged_whole_is_in_no_mean(run, tmp_path):
    def judge(request):
        return failing(request) if "blood thinners raise" in request.messages[-1].content else verdict(True)

    record, _ = run(judge)
    (score,) = record.benchmarks
    assert score.counts == {"scored": 1, "unjudged": 1}
    assert (score.score.value, score.score.n) == (1.0, 1)
    assert score.judge.unread == 1
    unjudged = next(one for one in read_results(tmp_path / "out").items if one.verdict == "unjudged")
    assert (unjudged.score, unjudged.how) == (None, "1 of 3 criteria")


def test_a_conversation_is_continued_as_it_was_published(run):
    asked = []

    def model(request):
        asked.append([(message.role, message.content) for message in request.messages])
        return "Yes."

    run(lambda request: verdict(True), model)
    assert ("user", "Only vitamin D.") == max(asked, key=len)[-1]
    assert [role for role, _ in max(asked, key=len)] == ["user", "assistant", "user"]


def test_truncated_answers_earn_nothing_and_are_not_judged(run):
    record, grader = run(lambda request: verdict(True), lambda request: Completion(text="Go", finish_reason="length"))
    assert grader.asked == []
    assert record.benchmarks[0].counts == {"truncated": 2}
    assert record.benchmarks[0].score.value == 0.0


def test_other_open_answers_are_judged_by_their_reference(run, tmp_path):
    def judge(request):
        return verdict("same answer as this reference" in request.messages[-1].content)

    record, _ = run(judge, benchmark="mts_dialog")
    (score,) = record.benchmarks
    assert score.score.value == 1.0
    assert set(score.overlap) == {"rouge_1", "rouge_2", "rouge_l"}


def test_scores_of_two_judges_are_not_compared(run, tmp_path):
    run(lambda request: verdict(True), out="base")
    run(lambda request: verdict(False), out="tuned")
    (pair,) = compare_folders([tmp_path / "base", tmp_path / "tuned"]).pairs
    assert (pair.metric, pair.test, pair.difference.value) == ("rubric", "paired bootstrap", pytest.approx(-0.875))
    path = tmp_path / "tuned" / "results.json"
    path.write_text(path.read_text().replace("openai:judge", "openai:other"))
    with pytest.raises(ComparisonError, match=r"scored by openai:judge at 1.* and by openai:other"):
        compare_folders([tmp_path / "base", tmp_path / "tuned"])


def test_criteria_without_a_judge_are_refused_before_any_request(tmp_path, monkeypatch):
    teacher = RuleTeacher(lambda request: "x")
    monkeypatch.setattr(evaluate_model, "make_teacher", lambda *_: teacher)
    job = {"model": "m", "benchmarks": ("healthbench",), "settings": GENERATE, "out": tmp_path / "out"}
    with pytest.raises(EvaluationError, match="healthbench is graded by criteria, expected --judge"):
        evaluate(Evaluation(**job, store=tmp_path / "store", mirror=FIXTURES), Spending())
    assert teacher.asked == []


def test_the_verb_says_who_judged(run, tmp_path, monkeypatch):
    run(lambda request: verdict(True))
    shutil.rmtree(tmp_path / "out")
    call = ["evaluate", "openai:http://localhost:1/v1#m", "--benchmark", "healthbench", "--mirror", str(FIXTURES)]
    call += [
        "--store",
        str(tmp_path / "store" / "out"),
        "--out",
        str(tmp_path / "out"),
        "--judge",
        "openai:http://x/v1#j",
    ]
    told = CliRunner().invoke(main, call)
    assert told.exit_code == 0, told.output
    assert "graded by openai:judge on 4 criteria, 0 without a verdict" in " ".join(told.output.split())


def test_a_rubric_without_positive_points_is_a_malformed_row(tmp_path, run):
    from training.evaluation.benchmark_items import load_items

    shutil.copytree(FIXTURES / "healthbench", tmp_path / "mirror" / "healthbench")
    file = tmp_path / "mirror" / "healthbench" / "2025-05-07-06-14-12_oss_eval.jsonl"
    file.write_text(file.read_text().replace('"points": 4', '"points": -4'))
    assert load_items("healthbench", mirror=tmp_path / "mirror", raw=tmp_path).left_out == {"malformed row": 1}
