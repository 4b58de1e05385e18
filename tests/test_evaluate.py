"""Evaluations of models whose answers are known: an oracle, a lover of one letter, one that never answers."""

import json
from dataclasses import replace

import polars as pl
import pytest
from click.testing import CliRunner
from evaluation_place import RuleTeacher, always, failing, oracle, write_mirror

from pipelines.cli.commands import main
from pipelines.cli.print_scores import scores_text
from pipelines.completions.budget import Spending
from pipelines.completions.completion_store import opened
from pipelines.evaluate import evaluate_model
from pipelines.evaluate.evaluate_model import Evaluation, EvaluationError, default_mode, evaluate, make_teacher
from pipelines.evaluate.result_folder import ResultsError, read_results
from synth.prompting.option_orders import keeps_place
from synth.teachers.options import TeacherOptions
from synth.teachers.teacher import Completion
from training.evaluation.benchmark_items import BenchmarkError, benchmark_names, expand_names, load_items
from training.evaluation.evaluation_record import Settings
from training.evaluation.item_prompts import askable, item_requests, read_answer
from training.evaluation.item_results import Item, item_results, result_table
from training.evaluation.shuffled_options import option_orders
from training.evaluation.text_overlap import rouge

GENERATE = Settings(mode="generate", temperature=0.0, max_tokens=64)


@pytest.fixture
def mirror(tmp_path):
    return write_mirror(tmp_path / "mirror")


@pytest.fixture
def run(tmp_path, mirror, monkeypatch):
    """Return a function that evaluates a teacher and returns the record and the results."""

    def called(teacher, settings=GENERATE, out="out", benchmarks=("medmcqa",)):
        monkeypatch.setattr(evaluate_model, "make_teacher", lambda *_: teacher)
        job = Evaluation(
            model="m",
            benchmarks=benchmarks,
            settings=settings,
            out=tmp_path / out,
            store=tmp_path / "store",
            mirror=mirror,
        )
        return evaluate(job, Spending()), read_results(tmp_path / out)

    return called


# --- models whose score is known -------------------------------------------------------------------------------------


def test_an_oracle_scores_all_in_every_order(run):
    record, results = run(RuleTeacher(oracle), GENERATE.model_copy(update={"orders": 3}))
    (score,) = record.benchmarks
    assert score.score.value == 1.0
    assert score.score.low > 0.9
    assert score.orders.scores == [1.0, 1.0, 1.0]
    assert score.orders.flip_rate.value == 0.0
    assert score.counts == {"right": 120}
    assert {part.name: part.score.value for part in score.by_subset} == {"Anatomy": 1.0, "Surgery": 1.0}
    assert len(results.items) == 120
    assert record.summary.micro.value == record.summary.macro.value == 1.0
    assert record.summary.multimedqa is None


@pytest.mark.parametrize("letter", "ABCD")
def test_one_letter_scores_chance_under_shuffling(run, tmp_path, letter):
    write_mirror(
        tmp_path / "mirror", gold=lambda number: 0
    )  # all gold at A: the source's order gives it all or nothing
    record, _ = run(RuleTeacher(always(letter)), GENERATE.model_copy(update={"orders": 4}))
    (score,) = record.benchmarks
    assert score.orders.scores[0] == (letter == "A")
    assert score.score.value == 0.25
    assert score.chance == 0.25
    assert score.orders.flip_rate.value == 1.0


@pytest.mark.parametrize("text", ["I would rather not say.", "", "The answer is either A or B."])
def test_a_model_that_never_answers_scores_nothing_and_is_all_unparsed(run, text):
    record, _ = run(RuleTeacher(lambda request: text))
    (score,) = record.benchmarks
    assert score.score.value == 0.0
    assert score.counts == {"unparsed": 40}
    assert score.answered is None


def test_truncated_filtered_and_failed_are_counted_apart(run):
    def rule(request):
        number = int(request.row.rpartition("q")[2])
        reason = {0: "length", 1: "content_filter", 2: "error"}.get(number % 4)
        if number == 3:
            return failing(request)
        # Every text ends with the right answer: only the complete ones count.
        return Completion(text=oracle(request), finish_reason=reason or "stop")

    record, results = run(RuleTeacher(rule))
    (score,) = record.benchmarks
    assert score.counts == {"right": 9, "truncated": 10, "filtered": 10, "failed": 11}
    assert score.score.value == 9 / 40
    assert score.answered.value == 1.0
    assert score.answered.n == 9
    assert {one.chosen for one in results.items if one.verdict == "truncated"} == {()}


def test_several_samples_count_with_their_mean(run):
    def rule(request):
        return oracle(request) if request.sample % 2 else "Answer: none"

    record, results = run(RuleTeacher(rule), GENERATE.model_copy(update={"samples": 4, "temperature": 0.7}))
    (score,) = record.benchmarks
    assert score.score.value == 0.5
    assert score.counts == {"right": 80, "unparsed": 80}
    assert {one.sample for one in results.items} == {0, 1, 2, 3}


# --- asked once ------------------------------------------------------------------------------------------------------


def test_an_interrupted_evaluation_resumes_and_asks_nothing_twice(run, tmp_path):
    first = RuleTeacher(oracle, stop_after=17)
    with pytest.raises(KeyboardInterrupt):
        run(first)
    assert not (tmp_path / "out").exists()
    second = RuleTeacher(oracle)
    record, _ = run(second)
    rows = [request.row for request in (*first.asked, *second.asked)]
    assert len(rows) == len(set(rows)) == 40
    assert (record.spent.sent, record.spent.cached) == (23, 17)
    assert record.spent.prompt_tokens == 230
    third = RuleTeacher(oracle)
    again, _ = run(third, out="again")
    assert third.asked == []
    assert again.benchmarks == record.benchmarks


def test_an_evaluation_shares_the_completions_of_the_builds_in_its_store(run, tmp_path):
    with opened(tmp_path / "store" / "completions"):
        pass  # as a build with a teacher leaves it
    record, _ = run(RuleTeacher(oracle))
    assert (record.spent.sent, record.spent.cached) == (40, 0)
    with opened(tmp_path / "store" / "completions") as completions:
        assert completions.connection.execute("SELECT count(*) FROM completions").fetchone() == (40,)


def test_a_larger_sample_asks_only_what_is_new(run):
    small, large = RuleTeacher(oracle), RuleTeacher(oracle)
    run(small, GENERATE.model_copy(update={"limit": 10}), out="small")
    record, _ = run(large, GENERATE.model_copy(update={"limit": 25}), out="large")
    assert (len(small.asked), len(large.asked)) == (10, 15)
    assert record.benchmarks[0].items == 25
    assert record.benchmarks[0].total == 40


def test_results_are_never_overwritten(run):
    run(RuleTeacher(oracle))
    teacher = RuleTeacher(oracle)
    with pytest.raises(ResultsError, match="exists, expected the name of a new folder"):
        run(teacher)
    assert teacher.asked == []


# --- items -----------------------------------------------------------------------------------------------------------


def test_all_editions_of_a_set_share_its_name():
    names = benchmark_names()
    assert [edition.corpus.name for edition in names["medmcqa"]] == ["medmcqa_dev", "medmcqa_hub_held_out"]
    assert [(edition.corpus.name, len(edition.subsets or ())) for edition in names["mmlu_medical"]] == [
        ("mmlu_medical", 0),
        ("mmlu", 6),
        ("mmlu_hub", 6),
    ]
    assert {"medqa", "pubmedqa", "headqa_en", "headqa_es", "careqa", "frenchmedmcqa", "openmedqa"} <= set(names)
    assert set(expand_names(())) == {"medmcqa", "medqa", "pubmedqa", "mmlu_medical"}


def test_subjects_of_a_whole_corpus_are_a_benchmark_of_their_own(tmp_path):
    for split, suffix in (("dev", "dev"), ("val", "val"), ("test", "test")):
        for subject in ("anatomy", "virology", "medical_genetics"):
            file = tmp_path / "mmlu" / "data" / split / f"{subject}_{suffix}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("Which is first?,one,two,three,four,A\nWhich is last?,one,two,three,four,D\n")
    found = load_items("mmlu_medical", mirror=tmp_path, raw=tmp_path)
    assert {item.subset for item in found.items} == {"anatomy", "medical_genetics"}
    assert {item.benchmark for item in found.items} == {"mmlu_medical"}
    assert len(found.items) == 4
    assert len(load_items("mmlu", mirror=tmp_path, raw=tmp_path).items) == 6
    assert len(load_items("mmlu:virology", mirror=tmp_path, raw=tmp_path).items) == 2


def test_an_unknown_benchmark_is_refused_with_a_hint():
    with pytest.raises(BenchmarkError, match="medmcqa"):
        expand_names(["medmcq"])


def test_a_benchmark_of_a_changed_schema_is_refused_with_the_first_error(mirror, tmp_path):
    (mirror / "medmcqa" / "data" / "dev.json").write_text('{"id": "1", "query": "Which?", "cop": 1}\n')
    with pytest.raises(BenchmarkError, match=r"malformed row: 1; the first error: missing field 'opa'"):
        load_items("medmcqa", mirror=mirror, raw=tmp_path)


def test_a_malformed_row_is_left_out_and_counted(mirror, tmp_path):
    with (mirror / "medmcqa" / "data" / "dev.json").open("a") as stream:
        stream.write("{broken\n")
    assert load_items("medmcqa", mirror=mirror, raw=tmp_path).left_out == {"malformed row": 1}


def test_a_benchmark_that_is_nowhere_is_refused(mirror, tmp_path):
    with pytest.raises(BenchmarkError, match=r"medqa is not available: .*medqa_4_options.*--mirror"):
        load_items("medqa", mirror=mirror, raw=tmp_path)


def test_a_subset_is_evaluated_by_its_name(mirror, tmp_path):
    found = load_items("medmcqa:Surgery", mirror=mirror, raw=tmp_path)
    assert len(found.items) == 20
    assert {item.benchmark for item in found.items} == {"medmcqa:Surgery"}
    with pytest.raises(BenchmarkError, match="no subset 'Surgry'"):
        load_items("medmcqa:Surgry", mirror=mirror, raw=tmp_path)


def item(*options, id="x", **fields):
    given = {"benchmark": "b", "kind": "choice", "task": "mcqa", "lang": "en", "question": "Which?", "gold": (0,)}
    return Item(id=id, options=options, **(given | fields))


def test_every_option_is_shown_once_at_each_letter():
    orders = option_orders(item("w", "x", "y", "z"), 4, seed=1)
    assert orders[0] == (0, 1, 2, 3)
    for letter in range(4):
        assert {order[letter] for order in orders} == {0, 1, 2, 3}


def test_options_that_speak_of_the_others_keep_their_place():
    for order in option_orders(item("w", "x", "y", "All of the above"), 3, seed=1):
        assert order[3] == 3
    assert option_orders(item("w", "x", "Both A and B", "z"), 3, seed=1) == [(0, 1, 2, 3)]
    assert option_orders(item("yes", "no", "maybe"), 3, seed=1) == [(0, 1, 2)]


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        ("All of the above.", True),
        ("None of these", True),
        ("Both of the above options", True),
        ("Ninguna de las anteriores", True),
        ("Toutes les réponses sont exactes", True),
        ("Both kidneys", False),
        ("None", True),
        ("All patients with fever", False),
        ("Todos los organismos vivos.", False),
    ],
)
def test_which_options_keep_their_place(option, kept):
    assert keeps_place(option) is kept


# --- likelihoods -----------------------------------------------------------------------------------------------------


def scored(values):
    """Return a rule that gives these log-likelihoods to the continuations."""

    def rule(request):
        texts = [message.content for message in request.messages[1:]]
        return Completion(
            text="",
            finish_reason="stop",
            prompt_tokens=9,
            completion_tokens=4,
            logprobs=tuple({t: v} for t, v in zip(texts, values, strict=True)),
        )

    return rule


def test_the_likeliest_letter_is_the_answer_and_has_its_share_of_the_probability(run):
    record, results = run(
        RuleTeacher(scored((-1.0, -2.0, -3.0, -4.0))), Settings(mode="loglikelihood", scoring="letters")
    )
    one = results.items[0]
    assert one.chosen == (0,)
    assert one.logprobs == (-1.0, -2.0, -3.0, -4.0)
    assert one.confidence == pytest.approx(0.6439, abs=1e-4)
    assert record.benchmarks[0].calibration.n == 40


def test_log_likelihoods_are_returned_to_the_order_of_the_source(run):
    _, results = run(
        RuleTeacher(scored((-1.0, -2.0, -3.0, -4.0))), Settings(mode="loglikelihood", scoring="letters", orders=2)
    )
    other = next(one for one in results.items if one.order == 1)
    assert other.shown != (0, 1, 2, 3)
    assert other.chosen == (other.shown[0],)
    assert other.logprobs[other.shown[0]] == -1.0


def test_texts_are_compared_by_their_length_and_shown_no_options(run, mirror):
    rows = [
        {"id": "1", "question": "Which?", "opa": "long " * 9, "opb": "b", "opc": "c", "opd": "d", "cop": 1, "exp": None}
        | {"subject_name": "s", "topic_name": None, "choice_type": "single"}
    ]
    (mirror / "medmcqa" / "data" / "dev.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    teacher = RuleTeacher(scored((-20.0, -5.0, -6.0, -7.0)))
    record, results = run(teacher, Settings(mode="loglikelihood", scoring="texts", orders=3))
    (request,) = teacher.asked
    assert request.messages[0].content == "Question: Which?\nAnswer:"
    assert results.items[0].chosen == (0,)
    assert record.benchmarks[0].score.value == 1.0
    assert record.benchmarks[0].unnormalized.value == 0.0


def test_prompts_for_likelihoods_are_those_of_the_field(mirror, tmp_path):
    found = load_items("medmcqa", mirror=mirror, raw=tmp_path, limit=1)
    settings = Settings(mode="loglikelihood", scoring="letters")
    (one,) = item_requests(found.items, "evaluation/listed_choice.jinja", settings)
    options = "".join(f"{letter}. {text}\n" for letter, text in zip("ABCD", found.items[0].options, strict=True))
    assert one.request.messages[0].content == f"Question: {found.items[0].question}\nChoices:\n{options}Answer:"
    assert [message.content for message in one.request.messages[1:]] == [" A", " B", " C", " D"]


def test_what_a_mode_cannot_ask_about_is_left_out_and_counted(mirror, tmp_path):
    settings = Settings(mode="loglikelihood", scoring="letters")
    found = load_items("medmcqa", mirror=mirror, raw=tmp_path, limit=3)
    several = replace(found.items[0], gold=(0, 1))
    kept = askable(replace(found, items=(several, *found.items[1:])), settings)
    assert len(kept.items) == 2
    assert list(kept.left_out.values()) == [1]
    question = replace(found.items[0], options=(), gold=(), kind="open", answer="scurvy")
    with pytest.raises(BenchmarkError, match=r"cannot be scored by log-likelihood.*--mode generate"):
        askable(replace(found, items=(question,)), settings)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_a_server_gives_no_log_likelihoods():
    with pytest.raises(EvaluationError, match=r"gives no log-likelihoods.*--mode generate"):
        make_teacher("openai:http://localhost:1/v1#m", "loglikelihood", TeacherOptions())


def test_a_revision_of_the_hub_is_named_after_an_at():
    assert make_teacher("ORG/NAME@v2", "loglikelihood", TeacherOptions()).wanted_revision == "v2"
    assert make_teacher("ORG/NAME@v2", "loglikelihood", TeacherOptions()).name == "loglikelihood:ORG/NAME"


def test_the_mode_follows_from_the_model():
    assert default_mode("openai:http://localhost:1/v1#m") == "generate"
    assert default_mode("HuggingFaceTB/SmolLM2-135M") == "loglikelihood"


def test_a_folder_of_other_files_holds_no_results(tmp_path):
    (tmp_path / "results.json").write_text('{"format": 2, "model": 3}')
    with pytest.raises(ResultsError, match="holds no results that can be read"):
        read_results(tmp_path)
    (tmp_path / "results.json").write_text('{"format": 99}')
    with pytest.raises(ResultsError, match="has format 99, expected 2"):
        read_results(tmp_path)


def test_results_survive_a_table(run):
    _, results = run(RuleTeacher(oracle))
    assert list(item_results(result_table(results.items))) == results.items
    assert isinstance(result_table([]), pl.DataFrame)


def test_the_time_of_concurrent_requests_is_told_apart_from_that_of_the_run(run):
    slow = RuleTeacher(lambda request: Completion(text=oracle(request), finish_reason="stop", seconds=600))
    record, results = run(slow)
    assert record.benchmarks[0].request_seconds == 40 * 600
    assert {one.request_seconds for one in results.items} == {600}
    assert record.wall_seconds < 600
    text = scores_text(record)
    assert "request seconds" in text
    assert "24,000" in text
    assert f"wall time {record.wall_seconds:,.0f} s" in text
    again, _ = run(RuleTeacher(oracle), out="again")
    assert again.benchmarks[0].request_seconds == 40 * 600  # stored replies keep their first time


def test_the_verb_prints_scores_with_intervals(tmp_path, mirror, monkeypatch):
    monkeypatch.setattr(evaluate_model, "make_teacher", lambda *_: RuleTeacher(oracle))
    out, store = str(tmp_path / "out"), str(tmp_path / "store")
    call = ["evaluate", "openai:http://localhost:1/v1#m", "--benchmark", "medmcqa", "--mirror", str(mirror)]
    told = CliRunner().invoke(main, [*call, "--store", store, "--out", out, "--orders", "2"], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    assert "100.0% [91.2%, 100.0%]" in told.output
    assert told.stdout.splitlines()[-1] == out
    again = CliRunner().invoke(main, [*call, "--store", store, "--out", str(tmp_path / "again"), "--json"])
    assert json.loads(again.stdout)["benchmarks"][0]["score"]["value"] == 1.0
    wrong = CliRunner().invoke(main, [*call, "--out", str(tmp_path / "third"), "--samples", "3"])
    assert wrong.exit_code == 2
    assert "--temperature" in wrong.output


# --- overlap ---------------------------------------------------------------------------------------------------------


def test_rouge_by_hand():
    found = rouge("the cat was found under the bed", "the cat was under the bed")
    assert found.one == pytest.approx(2 * 6 / 13)
    assert found.two == pytest.approx(2 * 4 / 11)
    assert found.longest == pytest.approx(2 * 6 / 13)
    assert rouge("", "anything") == (0.0, 0.0, 0.0)
    assert rouge("b a", "a b").longest == 0.5


# --- several right options -------------------------------------------------------------------------------------------


def test_no_prompt_tells_whether_an_item_has_several_right_options(tmp_path):
    rows = [
        {"id": "1", "question": "Lesquelles?", "answers": {k: k * 3 for k in "abcde"}, "correct_answers": ["a", "c"]},
        {"id": "2", "question": "Laquelle?", "answers": {k: k * 4 for k in "abcde"}, "correct_answers": ["b"]},
    ]
    for row in rows:
        row |= {"subject_name": "pharmacie", "type": "multiple", "nbr_correct_answers": len(row["correct_answers"])}
    for split in ("train", "dev", "test"):
        file = tmp_path / "frenchmedmcqa" / "corpus" / f"{split}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(rows))
    found = load_items("frenchmedmcqa", mirror=tmp_path, raw=tmp_path)
    first, second = item_requests(found.items, "evaluation/answer_choice.jinja", GENERATE)
    endings = {one.request.messages[0].content.rpartition("\n")[2] for one in (first, second)}
    assert len(endings) == 1
    assert "where several are right" in endings.pop()
    assert read_answer(first, Completion(text="Answer: A, C", finish_reason="stop")).verdict == "right"
    assert read_answer(first, Completion(text="Answer: A", finish_reason="stop")).verdict == "wrong"
    assert read_answer(second, Completion(text="Answer: B", finish_reason="stop")).verdict == "right"
