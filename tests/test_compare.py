"""Comparisons: the same items, the right test, and refusals of what says nothing."""

import json

import pytest
from click.testing import CliRunner
from evaluation_place import RuleTeacher, always, oracle, write_mirror

from pipelines.cli.commands import main
from pipelines.completions.budget import Spending
from pipelines.evaluate import evaluate_model
from pipelines.evaluate.compare_results import compare_folders
from pipelines.evaluate.evaluate_model import Evaluation, evaluate
from training.evaluation.evaluation_record import Settings
from training.evaluation.paired_comparison import ALL, ComparisonError
from training.evaluation.statistics import mcnemar

GENERATE = Settings(mode="generate", temperature=0.0, max_tokens=64)


@pytest.fixture
def run(tmp_path, monkeypatch):
    mirror = write_mirror(tmp_path / "mirror")

    def called(rule, out, settings=GENERATE, benchmarks=("medmcqa",)):
        monkeypatch.setattr(evaluate_model, "make_teacher", lambda *_: RuleTeacher(rule, name=f"rule:{out}"))
        place = tmp_path / out
        job = {"model": "m", "benchmarks": benchmarks, "settings": settings, "out": place, "store": tmp_path / "store"}
        evaluate(Evaluation(**job, mirror=mirror), Spending())
        return place

    return called


def knows(numbers):
    """Answer right for the questions with these numbers, with a wrong value for the others."""

    def rule(request):
        if int(request.row.rpartition("q")[2]) in numbers:
            return oracle(request)
        letter = oracle(request)[-1]
        return f"Answer: {'A' if letter != 'A' else 'B'}"

    return rule


def test_items_won_and_lost_decide(run):
    first = run(knows(range(20)), "base")
    second = run(knows(range(2, 32)), "tuned")
    (pair,) = compare_folders([first, second]).pairs
    assert (pair.both, len(pair.won), len(pair.lost), pair.neither) == (18, 12, 2, 8)
    assert pair.lost == ["medmcqa_dev:q0", "medmcqa_dev:q1"]
    assert pair.difference.value == pytest.approx(10 / 40)
    assert pair.difference.low > 0
    assert pair.test == "McNemar, exact"
    assert pair.p == pair.p_holm == mcnemar(2, 12).exact
    assert pair.second_score.value == 0.75
    assert 0.1 < pair.smallest_detectable < 0.3


def test_the_same_model_differs_in_nothing(run):
    (pair,) = compare_folders([run(oracle, "base"), run(oracle, "tuned")]).pairs
    assert pair.p == 1.0
    assert pair.difference.value == 0.0
    assert pair.difference.low < 0 < pair.difference.high


def test_several_models_and_sets_are_adjusted_together(run):
    sets = ("medmcqa:Anatomy", "medmcqa:Surgery")
    folders = [
        run(rule, name, benchmarks=sets) for rule, name in ((always("A"), "a"), (oracle, "b"), (always("B"), "c"))
    ]
    comparison = compare_folders(folders)
    assert [(pair.benchmark, pair.first, pair.second) for pair in comparison.pairs] == [
        *((name, "a", "b") for name in (*sets, ALL)),
        *((name, "a", "c") for name in (*sets, ALL)),
    ]
    single = [pair for pair in comparison.pairs if pair.benchmark != ALL]
    smallest = min(single, key=lambda pair: pair.p)
    assert smallest.p_holm == pytest.approx(4 * smallest.p)
    assert [pair.p_holm for pair in comparison.pairs if pair.benchmark == ALL] == [None, None]


def test_samples_of_other_sizes_are_compared_on_common_items(run):
    first = run(oracle, "base", GENERATE.model_copy(update={"limit": 10}))
    second = run(always("A"), "tuned")
    comparison = compare_folders([first, second])
    (pair,) = comparison.pairs
    assert (pair.items, pair.left_out) == (10, 30)
    assert "compared on 10 common items; 30 are in one of the results alone" in comparison.notes[0]


def test_other_orders_of_options_are_compared_in_those_that_both_have(run):
    first = run(oracle, "base", GENERATE.model_copy(update={"orders": 2}))
    second = run(always("A"), "tuned")
    (pair,) = compare_folders([first, second]).pairs
    assert pair.test == "McNemar, exact"
    assert pair.items == 40


def test_means_over_orders_are_compared_by_bootstrap(run):
    settings = GENERATE.model_copy(update={"orders": 4})
    (pair,) = compare_folders([run(always("A"), "base", settings), run(oracle, "tuned", settings)]).pairs
    assert pair.test == "paired bootstrap"
    assert pair.first_score.value == 0.25
    assert pair.difference.value == 0.75


def test_what_is_no_answer_is_counted_beside_the_difference(run):
    (pair,) = compare_folders([run(oracle, "base"), run(lambda request: "Hm.", "tuned")]).pairs
    assert pair.no_answer == (0, 40)
    assert len(pair.lost) == 40


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (GENERATE.model_copy(update={"max_tokens": 99}), "max_tokens 64 and 99"),
        (GENERATE.model_copy(update={"temperature": 0.5}), "temperature 0.0 and 0.5"),
    ],
)
def test_other_settings_are_refused_with_the_reason(run, settings, reason):
    folders = [run(oracle, "base"), run(oracle, "tuned", settings)]
    with pytest.raises(ComparisonError, match=reason):
        compare_folders(folders)
    comparison = compare_folders(folders, across_settings=True)
    assert any(reason in note for note in comparison.notes)


def test_other_prompts_and_other_files_are_refused(run, tmp_path):
    first, second = run(oracle, "base"), run(oracle, "tuned")
    path = second / "results.json"
    whole = path.read_text()
    record = json.loads(whole)
    record["benchmarks"][0]["facts"]["prompt_hash"] = "0" * 16
    path.write_text(json.dumps(record))
    with pytest.raises(ComparisonError, match="the prompts differ"):
        compare_folders([first, second])
    record = json.loads(whole)
    record["benchmarks"][0]["facts"] |= {"items_hash": "0", "files": {"data/dev.json": "0"}}
    path.write_text(json.dumps(record))
    with pytest.raises(ComparisonError, match="read from other files"):
        compare_folders([first, second])


def test_one_folder_or_the_same_twice_is_refused(run):
    first = run(oracle, "base")
    with pytest.raises(ComparisonError, match="1 results, expected two or more"):
        compare_folders([first])
    with pytest.raises(ComparisonError, match="named twice"):
        compare_folders([first, first])


def test_the_verb_prints_differences_and_writes_all_items(run, tmp_path):
    first, second = run(knows(range(20)), "base"), run(knows(range(2, 32)), "tuned")
    call = ["compare", str(first), str(second)]
    told = CliRunner().invoke(main, [*call, "--items", "1", "--out", str(tmp_path / "c.json")], catch_exceptions=False)
    assert told.exit_code == 0
    assert "50.0% → 75.0%" in told.output
    assert "tuned lost medmcqa_dev:q0 and 1 more" in told.output
    assert json.loads((tmp_path / "c.json").read_text())["pairs"][0]["lost"] == ["medmcqa_dev:q0", "medmcqa_dev:q1"]
    assert json.loads(CliRunner().invoke(main, [*call, "--json"]).stdout)["models"] == ["base", "tuned"]
    assert CliRunner().invoke(main, ["compare", str(first), str(tmp_path)]).exit_code == 1
