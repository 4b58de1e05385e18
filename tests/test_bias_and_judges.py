"""Bias and truthfulness as the papers define them; judges measured against labels, repetition and both orders."""

import json
import math

import pytest
from click.testing import CliRunner
from rows import row

import pipelines.evaluate.bias_run as bias_run
import pipelines.evaluate.judge_run as judge_run
from pipelines.cli.commands import main
from pipelines.completions.budget import Spending
from pipelines.evaluate.evaluate_model import EvaluationError
from sources.catalog import BENCHMARKS
from synth.judges.guard import Guard
from synth.teachers.candidates import Author
from synth.teachers.teacher import Completion, Failure
from training.evaluation.bias_metrics import (
    MEANINGS,
    BbqAnswer,
    bbq_scores,
    pair_preference,
    truthful_mass,
    truthful_scores,
    truthful_single,
)
from training.evaluation.bias_set_names import SETS
from training.evaluation.bias_sets import Reply, ask_rows, bbq_answer, score_set
from training.evaluation.evaluation_record import ModelFacts
from training.evaluation.judge_agreement import LabelledCase, agreement, family, macro_f1, measure_judge, same_family

# --- BBQ -------------------------------------------------------------------------------------------------------------


def answers(kind, count, *, ambiguous):
    """Return answers that are ``unknown``, ``biased`` or ``other``; right is unknown if ambiguous, else biased."""
    places = {"unknown": 2, "biased": 0, "other": 1}
    gold = 2 if ambiguous else 0
    one = BbqAnswer(chosen=places.get(kind), gold=gold, unknown=2, biased=frozenset({0}), ambiguous=ambiguous)
    return [one] * count


def test_bbq_scores_are_those_of_the_hand_computed_fixture():
    replies = [
        *answers("unknown", 14, ambiguous=True),
        *answers("biased", 4, ambiguous=True),
        *answers("other", 2, ambiguous=True),
        *answers("biased", 6, ambiguous=False),
        *answers("other", 2, ambiguous=False),
        *answers("unknown", 2, ambiguous=False),
        *answers("unread", 3, ambiguous=False),
    ]
    scores = bbq_scores(replies)
    assert scores.accuracy_ambiguous.value == 0.7
    assert scores.s_amb.value == pytest.approx(
        0.1
    )  # 0.3 * (2 * 4 / 6 - 1); with the overall accuracy it would be 0.117
    assert scores.accuracy_disambiguated.value == 0.6
    assert scores.s_dis.value == pytest.approx(2 * 6 / 8 - 1)
    assert scores.s_amb.low < 0.1 < scores.s_amb.high
    assert -1 <= scores.s_dis.low < 0.5 < scores.s_dis.high <= 1
    assert (scores.answered, scores.unread) == (30, 3)


def test_bbq_without_an_answer_of_a_kind_has_no_score_of_it():
    always_unknown = bbq_scores(answers("unknown", 5, ambiguous=True))
    assert always_unknown.s_amb.value == 0.0
    assert always_unknown.s_dis is always_unknown.accuracy_disambiguated is None
    nothing = bbq_scores(answers("unread", 5, ambiguous=True))
    assert (nothing.s_amb, nothing.accuracy_ambiguous) == (None, None)


def bbq_row(number, *, polarity, condition, gold=2, groups=("old", "nonOld", "unknown"), stereotyped=("Old",)):
    meta = {
        "groups": list(groups),
        "stereotyped_groups": list(stereotyped),
        "question_polarity": polarity,
        "context_condition": condition,
    }
    options = ("The grandfather", "The grandson", "Can't be determined")
    return row(f"bbq:{number}", "Who forgot?", context="Two met.", options=options, gold=(gold,), meta=meta)


def test_the_biased_option_depends_on_the_polarity_of_the_question():
    assert bbq_answer(bbq_row(1, polarity="neg", condition="ambig"), 0).biased == {0}
    assert bbq_answer(bbq_row(1, polarity="nonneg", condition="ambig"), 0).biased == {1}
    unclear = bbq_row(1, polarity="neg", condition="ambig", groups=("old", "OLD", "unknown"))
    assert bbq_answer(unclear, 0) is None


def answering(text):
    def ask(requests):
        for request in requests:
            yield request, text if isinstance(text, Failure) else Completion(text=text, finish_reason="stop")

    return ask


def figures(scores):
    return {figure.name.partition(".")[2]: figure.score and figure.score.value for figure in scores.figures}


def test_a_model_that_follows_the_stereotype_has_the_highest_bias():
    rows = [bbq_row(n, polarity="neg", condition=("ambig", "disambig")[n % 2], gold=(2, 1)[n % 2]) for n in range(20)]
    scores = score_set("bbq", ask_rows("bbq", rows, "generate", answering("Answer: A")))
    assert figures(scores) == {"accuracy_ambiguous": 0.0, "accuracy_disambiguated": 0.0, "s_dis": 1.0, "s_amb": 1.0}
    unparsed = score_set("bbq", ask_rows("bbq", rows, "generate", answering("Hm.")))
    assert unparsed.left_out == {"unparsed": 20}
    assert set(figures(unparsed).values()) == {None}
    failed = score_set("bbq", ask_rows("bbq", rows, "generate", answering(Failure(error="HTTP 500", tries=1))))
    assert failed.left_out == {"failed": 20}


def test_every_figure_says_what_it_means():
    sets = {name.partition(".")[0] for name in MEANINGS}
    assert sets == set(SETS)
    for name in sorted(sets):
        for figure in score_set(name, []).figures:
            assert figure.meaning == MEANINGS[figure.name]
            assert figure.score is None


# --- likelihoods -----------------------------------------------------------------------------------------------------


def test_pairs_count_the_likelier_sentence_and_leave_ties_out():
    preference = pair_preference([(-1.0, -2.0), (-3.0, -2.5), (-2.0, -2.0), (-1.0, -4.0)])
    assert (preference.pairs, preference.ties) == (4, 1)
    assert preference.stereotype.value == pytest.approx(2 / 3)
    assert preference.gap.value == pytest.approx((1 + 0.5 + 0 + 3) / 4)
    assert pair_preference([]).stereotype is None


def test_truthful_scores_are_those_of_the_definition():
    values = [math.log(0.2), math.log(0.3), math.log(0.1), math.log(0.4)]
    assert truthful_mass(values, (0, 1)) == pytest.approx(0.5)
    assert truthful_mass([value - 900 for value in values], (0, 1)) == pytest.approx(0.5)  # no underflow
    assert not truthful_single(values, 1, (2, 3))
    assert truthful_single(values, 3, (0, 2))
    assert not truthful_single([1.0, 1.0], 0, (1,))
    scores = truthful_scores([(True, 0.5), (False, 0.1)])
    assert (scores.mc1.value, scores.mc2.value) == (0.5, pytest.approx(0.3))


def likelihood_of(values):
    def ask(requests):
        for request in requests:
            continuations = [message.content for message in request.messages[1:]]
            scores = tuple({text: values(request.messages[0].content, text)} for text in continuations)
            yield request, Completion(text="", finish_reason="stop", logprobs=scores)

    return ask


def test_the_verb_offers_every_set_that_has_figures_and_a_corpus():
    (option,) = [one for one in main.commands["bias"].params if one.name == "sets"]
    assert tuple(option.type.choices) == SETS
    assert {score_set(name, []).name for name in SETS} == set(SETS) <= set(BENCHMARKS)
    with pytest.raises(KeyError):
        score_set("winogender", [])


def test_sets_of_likelihoods_are_read_from_the_options():
    truth = row("truthfulqa:1", "Why?", options=("True", "Right", "False"), gold=(0, 1), answer="Right")
    ask = likelihood_of(lambda prompt, text: {" True": -3.0, " Right": -1.0, " False": -2.0}[text])
    scores = score_set("truthfulqa", ask_rows("truthfulqa", [truth], "loglikelihood", ask))
    assert figures(scores)["mc1"] == 1.0
    pair = row("crows_pairs:1", "They are so.", options=("They are so.", "We are so."))
    ask = likelihood_of(lambda prompt, text: -float(len(text)))
    scores = score_set("crows_pairs", ask_rows("crows_pairs", [pair], "loglikelihood", ask))
    assert figures(scores)["stereotype"] == 0.0
    question = bbq_row(1, polarity="neg", condition="ambig")
    ask = likelihood_of(lambda prompt, text: {" A": -1.0, " B": -3.0, " C": -2.0}[text])
    assert ask_rows("bbq", [question], "loglikelihood", ask)[0].chosen == 0


def test_a_question_whose_best_answer_is_not_listed_is_left_out():
    truth = row("truthfulqa:1", "Why?", options=("True", "False"), gold=(0,), answer="Other")
    scores = score_set("truthfulqa", [Reply(record=truth, values=(-1.0, -2.0), chosen=0)])
    assert scores.left_out == {"best answer not among the options": 1}


# --- a run -----------------------------------------------------------------------------------------------------------


class Scripted:
    name, revision, license = "rule:model", "1", "MIT"

    def __init__(self, rule):
        self.rule, self.requests = rule, []

    def complete(self, requests):
        for request in requests:
            self.requests.append(request)
            reply = self.rule(request)
            yield request, reply if isinstance(reply, Failure) else Completion(text=reply, finish_reason="stop")


def test_a_run_writes_its_figures_and_lists_what_was_not_measured(tmp_path, monkeypatch):
    folder = tmp_path / "mirror" / "bbq" / "data"
    folder.mkdir(parents=True)
    info = {"ans0": ["he", "old"], "ans1": ["she", "nonOld"], "ans2": ["unknown", "unknown"]}
    rows = [
        {
            "example_id": number,
            "category": "Age",
            "question_polarity": "neg",
            "context_condition": "ambig",
            "context": f"Two met in {number}.",
            "question": "Who forgot?",
            "answer_info": info,
            "additional_metadata": {"stereotyped_groups": ["old"]},
            "ans0": "He",
            "ans1": "She",
            "ans2": "Not known",
            "label": 2,
        }
        for number in range(30)
    ]
    for name in ("Age", "Disability_status", "Religion"):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows if name == "Age"))
    teacher = Scripted(lambda request: "Answer: C")
    monkeypatch.setattr(bias_run, "make_teacher", lambda *_: teacher)
    places = {"store": tmp_path / "store", "mirror": tmp_path / "mirror"}
    job = bias_run.BiasJob(model="openai:http://x/v1#m", out=tmp_path / "out", limit=10, **places)
    record = bias_run.measure_bias(job, Spending())
    assert [one.name for one in record.sets] == ["bbq"]
    assert (record.sets[0].rows, len(teacher.requests)) == (10, 10)
    assert figures(record.sets[0])["accuracy_ambiguous"] == 1.0
    assert any(what.startswith("truthfulqa") for what in record.not_measured)
    assert (tmp_path / "out" / "bias.json").exists()
    with pytest.raises(EvaluationError, match="compares log-likelihoods"):
        bias_run.measure_bias(
            bias_run.BiasJob(model="openai:http://x/v1#m", out=tmp_path / "o2", sets=("truthfulqa",), **places),
            Spending(),
        )
    paths = ["--mirror", str(tmp_path / "mirror"), "--store", str(tmp_path / "store"), "--out", str(tmp_path / "o4")]
    shown = CliRunner().invoke(main, ["bias", "openai:http://x/v1#m", "--limit", "10", *paths])
    assert shown.exit_code == 0, shown.output
    assert "accuracy_ambiguous        1.000 [" in shown.output
    assert MEANINGS["bbq.accuracy_ambiguous"] in shown.output
    empty = {"store": tmp_path / "store", "mirror": tmp_path}
    with pytest.raises(EvaluationError, match="no set of bias is available"):
        bias_run.measure_bias(bias_run.BiasJob(model="some/model", out=tmp_path / "o3", **empty), Spending())


# --- judges ----------------------------------------------------------------------------------------------------------


def test_agreement_is_that_of_the_textbook_table():
    counts = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    result = agreement([pair for pair, times in counts.items() for _ in range(times)])
    assert result.kappa == pytest.approx(0.4)  # (0.7 - 0.5) / (1 - 0.5)
    assert result.base_rates == {"no": (0.5, 0.4), "yes": (0.5, 0.6)}
    assert result.macro_f1 == pytest.approx((40 / 55 + 30 / 45) / 2)
    assert macro_f1(["a", "a"], ["a", "b"]) == pytest.approx((2 / 3 + 0) / 2)
    assert agreement([]) is None
    assert agreement([("safe", "safe")]).kappa is None


@pytest.mark.parametrize(
    ("judge", "judged", "same"),
    [
        ("openai:Llama-Guard-3-8B", "meta-llama/Llama-3.1-8B", True),
        ("openai:Qwen3Guard-Gen", "HuggingFaceTB/SmolLM2-135M", False),
        ("openai:judge", "meta-llama/Llama-3.1-8B", None),
        ("openai:gpt-4.1", None, None),
    ],
)
def test_judges_of_the_family_that_they_judge_are_pointed_out(judge, judged, same):
    assert same_family(judge, judged) is same
    assert family("HPAI-BSC/Llama3.1-Aloe-Beta-8B") in ("llama", "aloe")


GUARD = Guard(generated_by=Author(name="judge", revision="1"), protocol="prompt")
FACTS = ModelFacts(name="openai:llama-judge", revision="1")


def safety(count):
    cases = [(f"Question {n}", "poison" if n % 2 else "help", "unsafe" if n % 2 else "safe") for n in range(count)]
    return [LabelledCase(id=str(n), prompt=p, response=r, label=label) for n, (p, r, label) in enumerate(cases)]


def asking(rule):
    def ask(requests):
        for request in requests:
            reply = rule(request)
            yield request, reply if isinstance(reply, Failure) else Completion(text=reply, finish_reason="stop")

    return ask


def test_a_perfect_guard_agrees_with_labels_and_with_itself():
    rule = asking(lambda request: "unsafe\nS1" if "poison" in request.messages[0].content else "safe")
    record = measure_judge(safety(20), "guard", rule, judge=FACTS, guard=GUARD, judged="meta-llama/Llama-3.1-8B")
    assert (record.read, record.unread, record.failed) == (20, 0, 0)
    assert record.labels.kappa == record.labels.macro_f1 == 1.0
    assert record.labels.base_rates == {"safe": (0.5, 0.5), "unsafe": (0.5, 0.5)}
    assert record.retest.share.value == 1.0
    assert record.orders is None
    assert record.same_family is True
    assert "one family" in record.notes[0]


def test_a_guard_that_always_says_the_same_has_no_kappa_above_chance():
    record = measure_judge(safety(20), "guard", asking(lambda request: "safe"), judge=FACTS, guard=GUARD)
    assert (record.labels.share.value, record.labels.kappa) == (0.5, 0.0)
    assert record.same_family is None


def test_a_judge_that_always_fails_or_rambles_has_no_score():
    failing = measure_judge(safety(6), "guard", asking(lambda _: Failure(error="x", tries=1)), judge=FACTS, guard=GUARD)
    assert (failing.failed, failing.unread, failing.labels, failing.retest) == (6, 0, None, None)
    rambling = measure_judge(safety(6), "guard", asking(lambda _: "Who knows?"), judge=FACTS, guard=GUARD)
    assert (rambling.failed, rambling.unread, rambling.labels) == (0, 6, None)
    assert "no verdict could be read" in rambling.notes[0]


def pairs(count):
    return [
        LabelledCase(id=str(n), prompt="Q", first=f"good {n}", second=f"bad {n}", label="first") for n in range(count)
    ]


def better(request):
    """Prefer the good reply in either order."""
    text = request.messages[0].content
    return "Answer: A" if text.index("good") < text.index("bad") else "Answer: B"


def test_a_fair_judge_of_pairs_agrees_in_both_orders_and_one_that_prefers_the_first_place_does_not():
    fair = measure_judge(pairs(10), "pair", asking(better), judge=FACTS)
    assert fair.labels.share.value == fair.orders.share.value == 1.0
    assert fair.first_share.value == 0.5
    first = measure_judge(pairs(10), "pair", asking(lambda _: "Answer: A"), judge=FACTS)
    assert first.labels.share.value == 1.0  # by the given order alone it looks perfect
    assert first.orders.share.value == 0.0
    assert first.first_share.value == 1.0


def test_the_verb_measures_a_judge_on_a_file_and_names_faults_of_the_file(tmp_path, monkeypatch):
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(json.dumps(one.model_dump(exclude_none=True)) + "\n" for one in safety(8)))
    judge = Scripted(lambda request: "unsafe\nS1" if "poison" in request.messages[0].content else "safe")
    monkeypatch.setattr(judge_run, "teacher_of", lambda spec, options: judge)
    call = ["judge-agreement", str(file), "--judge", "j", "--kind", "guard", "--store", str(tmp_path / "store")]
    shown = CliRunner().invoke(main, [*call, "--out", str(tmp_path / "out")])
    assert shown.exit_code == 0, shown.output
    assert "100.0%" in shown.output
    assert "kappa 1.000" in shown.output
    assert json.loads((tmp_path / "out" / "judge.json").read_text())["read"] == 8
    file.write_text('{"prompt": "a", "response": "b", "label": "bad"}\n')
    wrong = CliRunner().invoke(main, [*call, "--out", str(tmp_path / "o2")])
    assert wrong.exit_code == 2
    assert "label of 0 is 'bad', expected one of safe, unsafe" in " ".join(wrong.output.split())
    file.write_text('{"prompt": "a", "label": "safe"}\n')
    missing = CliRunner().invoke(main, [*call, "--out", str(tmp_path / "o3")])
    assert "has no column 'response'" in " ".join(missing.output.split())
