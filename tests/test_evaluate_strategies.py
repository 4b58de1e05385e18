"""Benchmarks asked with a strategy: votes as results, worked examples from a training corpus, the cost curve."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from evaluation_place import RuleTeacher, always, failing, oracle, write_mirror

import pipelines.evaluate.evaluate_model as evaluating
from pipelines.cli.commands import main
from pipelines.completions.budget import Spending
from pipelines.evaluate.evaluate_model import Evaluation, EvaluationError, evaluate
from pipelines.evaluate.result_folder import read_results
from synth.teachers.embedders import EmbedderError
from synth.teachers.teacher import Completion, Failure
from training.evaluation.evaluation_record import Settings, StrategySettings

ITEMS = 24


@pytest.fixture
def mirror(tmp_path):
    folder = write_mirror(tmp_path / "mirror", items=ITEMS)
    rows = {}
    for number in range(12):
        options = {"A": "ulnar", "B": f"value {number * 3}", "C": "vagus", "D": "median"}
        row = {"id": f"t{number}", "question": f"Which nerve has number {number * 3} of {number}?", "options": options}
        rows[f"t{number}"] = row | {"correct_answer": "B"}
    file = folder / "hpai_prompt_engine" / "medmcqa" / "medmcqa_val.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(rows))
    return folder


@pytest.fixture
def run(tmp_path, mirror, monkeypatch):
    def called(teacher, name="self-consistency", out="out", **changes):
        monkeypatch.setattr(evaluating, "make_teacher", lambda *_: teacher)
        monkeypatch.setattr(evaluating, "embedder", lambda spec: letters)
        shuffle = name == "medprompt"
        strategy = StrategySettings(**{"name": name, "samples": 4, "stop": "never", "shuffle": shuffle} | changes)
        settings = Settings(
            mode="generate", temperature=0.7, max_tokens=64, samples=strategy.samples, strategy=strategy
        )
        job = Evaluation(
            model="m",
            benchmarks=("medmcqa",),
            settings=settings,
            out=tmp_path / out,
            store=tmp_path / "store",
            mirror=mirror,
        )
        return evaluate(job, Spending()).benchmarks[0], read_results(tmp_path / out).items

    return called


def letters(texts):
    return np.array([[text.count(chr(97 + place)) for place in range(26)] for text in texts], np.float32)


MEDPROMPT = {"name": "medprompt", "examples": 3, "pool_size": 12, "embedder": "letters"}


def solve(request):
    """Answer test questions by the number they ask for, and questions of the pool with their option B."""
    return oracle(request) if "Which value" in request.messages[-1].content else "It is so.\nAnswer: B"


def test_an_oracle_is_right_in_every_vote_and_the_curve_is_flat(run):
    score, items = run(RuleTeacher(oracle))
    assert score.score.value == 1.0
    assert len(items) == ITEMS
    assert {one.confidence for one in items} == {1.0}
    assert [(part.name, part.accuracy.value) for part in score.strategy.curve][:2] == [
        ("1 sample", 1.0),
        ("2 samples", 1.0),
    ]
    assert (score.strategy.calls, score.prompt_tokens) == (4 * ITEMS, 4 * ITEMS * 10)
    assert score.strategy.single == score.strategy.agreement == 1.0


def test_a_lover_of_one_letter_is_at_chance_with_shuffled_options(run):
    score, _ = run(RuleTeacher(always("A")), "medprompt")
    assert score.strategy.tied == 1.0
    assert score.score.low < 0.25 < score.score.high


def test_a_model_that_never_answers_has_no_score_by_luck(run):
    score, items = run(RuleTeacher(lambda request: "Hard to say."))
    assert score.score.value == 0.0
    assert score.answered is None
    assert score.counts == {"unparsed": ITEMS}
    assert {one.confidence for one in items} == {None}
    failed, _ = run(RuleTeacher(failing, name="rule:failing"), out="failed")
    assert failed.counts == {"failed": ITEMS}


def test_a_vote_that_stops_early_gives_the_same_answers_with_fewer_calls(run):
    def half(request):
        return oracle(request) if (request.sample + len(request.messages[-1].content)) % 3 else "Answer: A"

    complete, full = run(RuleTeacher(half), samples=9, out="whole")
    early, stopped = run(RuleTeacher(half, name="rule:other"), samples=9, stop="decided", out="early")
    assert [one.chosen for one in full] == [one.chosen for one in stopped]
    assert early.strategy.calls < complete.strategy.calls
    assert early.strategy.curve[-1].name == "as it stopped"
    assert early.strategy.curve[-1].accuracy == complete.score


def test_a_vote_killed_at_ten_moments_resumes_and_asks_nothing_twice(run):
    def often(request):
        return oracle(request) if request.key("m", "1")[0] in "0123456789" else "Answer: A"

    asked = []
    for moment in range(10):
        teacher = RuleTeacher(often, stop_after=13 * (moment + 1))
        teacher.asked = asked
        with pytest.raises(KeyboardInterrupt):
            run(teacher, samples=9, stop="decided", out=f"killed{moment}")
    teacher = RuleTeacher(often)
    teacher.asked = asked
    resumed, _ = run(teacher, samples=9, stop="decided", out="resumed")
    keys = [request.key("m", "1") for request in asked]
    assert len(set(keys)) == len(keys) == resumed.strategy.calls
    uninterrupted, _ = run(RuleTeacher(often, name="rule:whole"), samples=9, stop="decided", out="whole")
    assert uninterrupted.score == resumed.score


def test_medprompt_shows_solved_examples_of_the_training_corpus(run):
    teacher = RuleTeacher(solve)
    score, _ = run(teacher, **MEDPROMPT)
    assert score.score.value == 1.0
    assert score.strategy.shown == {3: ITEMS}
    assert score.strategy.pool == {"kept": 12}
    requests = [request for request in teacher.asked if request.stage == "strategies/medprompt"]
    assert {len(request.messages) for request in requests} == {2 + 2 * 3}
    assert all(request.messages[2].content == "It is so.\nAnswer: B" for request in requests)


def test_chains_that_miss_gold_are_no_examples_and_without_any_the_vote_is_plain(run):
    score, _ = run(RuleTeacher(oracle_or_a), **MEDPROMPT)
    assert score.strategy.pool == {"kept": 0, "wrong_chain": 12}
    assert "no worked examples: the model solved no row of the pool" in score.strategy.notes
    assert score.score.value == 1.0


def oracle_or_a(request):
    return oracle(request) if "Which value" in request.messages[-1].content else "Answer: A"


def test_a_model_that_reasons_by_itself_is_shown_no_examples(run):
    def reasoning(request):
        return Completion(text=f"<think>Well.</think>{oracle(request)}", finish_reason="stop")

    teacher = RuleTeacher(reasoning)
    score, _ = run(teacher, **MEDPROMPT)
    assert score.strategy.shown == {0: ITEMS}
    assert "the model reasons by itself" in score.strategy.notes[0]
    assert not [request for request in teacher.asked if "nerve" in request.messages[-1].content]


def test_a_context_too_small_for_the_examples_gets_fewer_and_says_so(run):
    def small(request):
        if len(request.messages) > 2 + 2 * 1:
            return Failure(error="HTTP 400: the request exceeds the available context size", tries=1)
        return solve(request)

    score, _ = run(RuleTeacher(small), **MEDPROMPT)
    assert score.strategy.shown == {1: ITEMS}
    assert "fewer worked examples" in score.strategy.notes[0]
    assert score.score.value == 1.0
    assert "failed" not in score.counts


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"embedder": None}, "expected --embedder"),
        ({"pool": "medmqa"}, r"--pool is 'medmqa'"),
    ],
)
def test_what_medprompt_lacks_is_named_before_any_request(run, changes, match):
    teacher = RuleTeacher(oracle)
    with pytest.raises(EvaluationError, match=match):
        run(teacher, **(MEDPROMPT | changes))
    assert teacher.asked == []


def test_an_embedder_that_cannot_be_loaded_is_an_error_before_any_request(tmp_path, mirror, monkeypatch):
    teacher = RuleTeacher(oracle)
    monkeypatch.setattr(evaluating, "make_teacher", lambda *_: teacher)
    strategy = StrategySettings(samples=2, stop="never", shuffle=True, **(MEDPROMPT | {"embedder": str(tmp_path)}))
    settings = Settings(mode="generate", temperature=0.7, max_tokens=64, strategy=strategy)
    places = {"out": tmp_path / "out", "store": tmp_path / "store", "mirror": mirror}
    with pytest.raises(EmbedderError, match=r"sentence_transformers|cannot load"):
        evaluate(Evaluation(model="m", benchmarks=("medmcqa",), settings=settings, **places), Spending())
    assert teacher.asked == []


def test_the_verb_takes_the_usual_settings_of_a_strategy_and_those_that_are_given(tmp_path, mirror, monkeypatch):
    seen = []
    monkeypatch.setattr(evaluating, "evaluate", lambda job, spending: seen.append(job.settings) or 1 / 0)
    call = ["evaluate", "openai:http://localhost:1/v1#m", "--out", str(tmp_path / "o"), "--mirror", str(mirror)]
    CliRunner().invoke(main, [*call, "--strategy", "medprompt", "--embedder", "e"])
    CliRunner().invoke(main, [*call, "--strategy", "self-consistency", "--samples", "3", "--stop", "beta"])
    first, second = seen
    assert (first.samples, first.temperature, first.strategy.shuffle, first.strategy.examples) == (5, 0.7, True, 5)
    assert (second.samples, second.strategy.samples, second.strategy.stop, second.temperature) == (3, 3, "beta", 0.7)
    wrong = CliRunner().invoke(main, [*call, "--strategy", "cot", "--orders", "2"])
    assert wrong.exit_code == 2
    assert re.search(r"no\s+--orders", wrong.output)


def test_the_verb_prints_costs_the_curve_and_the_pool(tmp_path, mirror, monkeypatch):
    monkeypatch.setattr(evaluating, "make_teacher", lambda *_: RuleTeacher(solve))
    monkeypatch.setattr(evaluating, "embedder", lambda spec: letters)
    places = ["--mirror", str(mirror), "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
    call = ["evaluate", "m", "--benchmark", "medmcqa", "--strategy", "medprompt", "--embedder", "e", "--stop", "never"]
    shown = CliRunner().invoke(main, [*call, "--examples", "3", "--pool-size", "12", *places])
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.output.split())
    assert "medprompt, stop never" in text
    assert f"medmcqa: {5 * ITEMS} calls" in text
    assert "3 samples: 3.0 calls, 100.0%" in text
    assert "pool of examples: 12 kept" in text
    assert f"{ITEMS} questions after 3 examples" in text
