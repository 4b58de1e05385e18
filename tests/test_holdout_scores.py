"""Ten options, numbers with limits, wrong sentences, abstention and rubrics: from replies to scores."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from evaluation_place import RuleTeacher
from test_holdouts import NEW

from pipelines.cli.commands import main
from pipelines.completions.budget import Spending
from pipelines.evaluate import evaluate_model
from pipelines.evaluate.evaluate_model import Evaluation, EvaluationError, evaluate
from pipelines.evaluate.model_page import write_model_report
from pipelines.evaluate.result_folder import read_results
from sources.catalog import HELD_OUT
from sources.connectors.healthbench import DOUBTED
from training.evaluation.benchmark_items import SAFETY, BenchmarkError, evaluated_name, load_items
from training.evaluation.evaluation_record import Settings
from training.evaluation.item_prompts import askable, item_requests
from training.evaluation.paper_figures import FIGURES

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
CORRECTED = "Correction: She is given nitrofurantoin."
GENERATE = Settings(mode="generate", temperature=0.0, max_tokens=64)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that evaluates a rule on fixtures and returns scores by name, results by item, and notes."""

    def called(rule, *benchmarks, settings=GENERATE, judge=None, mirror=FIXTURES):
        monkeypatch.setattr(evaluate_model, "make_teacher", lambda *_: RuleTeacher(rule))
        monkeypatch.setattr(evaluate_model, "teacher_of", lambda *_: RuleTeacher(judge, name="openai:judge"))
        job = {"model": "m", "benchmarks": benchmarks, "settings": settings, "out": tmp_path / "out"}
        job |= {"store": tmp_path / "store", "mirror": mirror, "judge": "openai:http://x/v1#j" if judge else None}
        record = evaluate(Evaluation(**job), Spending())
        items = read_results(tmp_path / "out").items
        scores = {one.facts.name: one for one in record.benchmarks}
        return scores, {one.item.partition(":")[2]: one for one in items}, record.notes

    return called


def figures_of(score):
    return {figure.name: figure.score for figure in score.figures}


# --- ten options ---------------------------------------------------------------------------------------------------


def test_ten_options_are_asked_and_answered_by_letters_to_j(run):
    seen = []

    def rule(request):
        seen.append(request.messages[-1].content)
        return "Answer: H" if "dancer" in request.messages[-1].content else "Answer: G"

    scores, results, _ = run(rule, "medxpertqa")
    assert (scores["medxpertqa"].score.value, scores["medxpertqa"].chance) == (1.0, 0.1)
    assert results["Text-1"].chosen == (7,)
    assert any("J. Distal fibula" in text for text in seen)


def test_likelihoods_are_those_of_the_letters_to_j():
    settings = Settings(mode="loglikelihood", scoring="letters")
    found = askable(load_items("medxpertqa", mirror=FIXTURES, raw=FIXTURES), settings)
    request = next(item_requests(found.items, "evaluation/listed_choice.jinja", settings)).request
    assert [message.content for message in request.messages[1:]] == [f" {letter}" for letter in "ABCDEFGHIJ"]


# --- numbers -------------------------------------------------------------------------------------------------------


def test_numbers_are_right_between_the_limits_of_their_item(run):
    said = {
        "BMI": "Answer: 24.5",
        "CHA2DS2": "Answer: 4",
        "Naegele": "Answer: October 16, 2024",
        "pregnancy": "Fifteen weeks, I would say.",
    }
    scores, results, _ = run(
        lambda request: next(v for k, v in said.items() if k in request.messages[-1].content), "medcalc_bench"
    )
    score = scores["medcalc_bench"]
    assert {id: one.verdict for id, one in results.items()} == {
        "1": "right",
        "2": "wrong",
        "3": "right",
        "4": "unparsed",
    }
    assert (score.metric, score.score.value, score.answered.value, score.chance) == ("accuracy", 0.5, 2 / 3, None)
    assert score.counts == {"right": 2, "wrong": 1, "unparsed": 1}


def test_numbers_have_no_options_to_compare():
    with pytest.raises(BenchmarkError, match="use --mode generate"):
        askable(load_items("medcalc_bench", mirror=FIXTURES, raw=FIXTURES), Settings(mode="loglikelihood"))


# --- wrong sentences -----------------------------------------------------------------------------------------------


def test_wrong_sentences_are_found_flagged_and_corrected(run):
    def rule(request):
        text = request.messages[-1].content
        return f"Answer: 2\n{CORRECTED}" if "2 She is given prednisone" in text else "Answer: 1"

    scores, results, _ = run(rule, "medec")
    score = scores["medec"]
    assert (score.metric, score.score.value) == ("error sentence accuracy", 0.5)
    figures = figures_of(score)
    assert figures["error flag accuracy"].value == 0.5
    assert figures["correction rouge_1"].value == pytest.approx(2 * 4 / (4 + 6))
    assert (results["ms-test-1"].chosen, results["ms-test-1"].gold) == ((1,), ())


def test_a_note_rightly_called_correct_is_right(run):
    scores, results, _ = run(lambda request: "Answer: CORRECT", "medec")
    assert {id: one.verdict for id, one in results.items()} == {"ms-test-0": "wrong", "ms-test-1": "right"}
    assert figures_of(scores["medec"])["correction rouge_1"] is None


# --- abstention ----------------------------------------------------------------------------------------------------


def test_abstention_is_neither_right_nor_wrong_unless_nothing_else_is_right(run):
    scores, results, _ = run(lambda request: "Answer: F", "metamedqa")
    score = scores["metamedqa"]
    assert [results[f"test-{line}"].verdict for line in (1, 2, 3)] == ["abstained", "abstained", "right"]
    assert score.counts == {"right": 1, "abstained": 2}
    assert (score.score.value, score.answered.value) == (1 / 3, 1.0)
    figures = figures_of(score)
    assert (figures["abstained"].value, figures["unanswerable found"].value) == (1.0, 1.0)
    assert figures["none of the above found"].value == 0.0


def test_med_halt_has_points_and_shows_the_proposed_answer(run):
    seen = []

    def rule(request):
        seen.append(request.messages[-1].content)
        return "Answer: B" if "Proposed answer: Glucagon" in request.messages[-1].content else "Answer: C"

    scores, results, _ = run(rule, "med_halt")
    assert sum("Proposed answer: Glucagon" in text for text in seen) == 1
    assert figures_of(scores["med_halt"])["pointwise"].value == pytest.approx((1 - 0.25 - 0.25) / 3)
    assert results["reasoning_fake-h3"].verdict == "wrong"


def test_hallucinations_have_precision_recall_and_f1_of_what_was_decided(run):
    def rule(request):
        text = request.messages[-1].content
        if "saliva" in text:
            return "Answer: C"
        return "Answer: B" if "wounds opened" in text else "Answer: A"

    scores, _, _ = run(rule, "medhallu")
    assert scores["medhallu"].counts == {"right": 2, "abstained": 2}
    figures = figures_of(scores["medhallu"])
    assert [figures[name].value for name in ("precision", "recall", "f1")] == [1.0, 1.0, 1.0]


def test_a_question_that_documents_cannot_answer_is_rightly_left_open(run):
    scores, _, notes = run(lambda request: "Answer: F", "longhealth_unanswerable", "longhealth_among_others")
    assert scores["longhealth_unanswerable"].score.value == 1.0
    assert scores["longhealth_among_others"].counts == {"abstained": 3}
    assert any("longhealth_unanswerable and longhealth_among_others share questions, 3 of 3" in note for note in notes)


# --- rubrics -------------------------------------------------------------------------------------------------------


def met(request):
    harm = ("Advises to wait", "Recommends antibiotics")
    found = any(text in request.messages[-1].content for text in harm)
    return json.dumps({"explanation": "x", "criteria_met": found})


def test_a_rubric_is_clipped_by_mean_or_by_item_as_its_paper_says(run):
    scores, results, _ = run(lambda request: "Wait.", "healthbench_professional", "livemedbench", judge=met)
    assert scores["healthbench_professional"].metric == "rubric"
    assert results["p-1"].score == pytest.approx(-8 / 12)
    assert figures_of(scores["healthbench_professional"])["length adjusted"].n == 2
    assert scores["livemedbench"].metric == "rubric, each clipped"
    assert results["1"].score == 0.0


def test_criteria_reported_as_of_wrong_sign_are_left_out_of_a_score_beside_the_published_one(run, tmp_path):
    shutil.copytree(FIXTURES / "healthbench", tmp_path / "mirror" / "healthbench")
    file = tmp_path / "mirror" / "healthbench" / "2025-05-07-06-14-12_oss_eval.jsonl"
    (prompt, points, begin), *_ = DOUBTED
    doubted = file.read_text().replace('"a2"', f'"{prompt}"').replace('"points": 4', f'"points": {points}')
    doubted = doubted.replace("States that ibuprofen and vitamin D can be", f"{begin} that can be")
    file.write_text(doubted)

    def judge(request):
        return json.dumps({"explanation": "x", "criteria_met": begin in request.messages[-1].content})

    scores, results, _ = run(lambda request: "x", "healthbench", judge=judge, mirror=tmp_path / "mirror")
    assert scores["healthbench"].score.value == 0.5
    assert (results["a1"].score, results[prompt].score) == (0.0, 1.0)
    (figure,) = scores["healthbench"].figures
    assert (figure.score.value, figure.score.n) == (0.0, 1)
    assert "without 1 conversations that have a criterion reported as of wrong sign" in figure.meaning


def test_rubrics_need_a_judge(run):
    with pytest.raises(EvaluationError, match="livemedbench is graded by criteria, expected --judge"):
        run(lambda request: "x", "livemedbench")


# --- all of them ---------------------------------------------------------------------------------------------------


def test_every_hold_out_but_safety_sets_has_items_that_can_be_asked():
    assert all(set(corpus.figures) <= FIGURES.keys() for corpus in HELD_OUT.values())
    for corpus in (HELD_OUT[name] for name in NEW):
        if corpus.task in SAFETY:
            continue
        found = load_items(evaluated_name(corpus), mirror=FIXTURES, raw=FIXTURES)
        for item in found.items:
            assert item.kind != "choice" or item.gold
            assert set(item.abstain) <= set(range(len(item.options)))


def test_benchmarks_that_share_questions_are_named(run):
    _, _, notes = run(lambda request: "Answer: A", "medmisbench", "medmisbench_plain", "metamedqa", "medqa")
    same = "medmisbench and medmisbench_plain share questions, 5 of 5 and 5 of 5"
    assert any(note.startswith(same) for note in notes)
    assert any(note.startswith("metamedqa and medqa are known to share questions: 1,273") for note in notes)


def test_the_verb_prints_metric_abstention_and_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate_model, "make_teacher", lambda *_: RuleTeacher(lambda request: "Answer: F"))
    args = ["evaluate", "openai:http://x/v1#m", "--benchmark", "metamedqa", "--benchmark", "medec"]
    args += ["--mirror", str(FIXTURES), "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
    made = CliRunner().invoke(main, args)
    assert made.exit_code == 0, made.output
    assert "2 abstained" in made.output
    assert "metamedqa: unanswerable found 100.0%" in made.output
    assert "medec (error sentence accuracy)" in made.output
    assert "of the answers that could be read and did not abstain" in made.output


def test_the_page_has_the_figures_of_the_papers(run, tmp_path):
    run(lambda request: "Answer: F", "metamedqa")
    page = write_model_report([tmp_path / "out"], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "unanswerable found" in page
    assert "questions without an answer where it says so (recall)" in page
