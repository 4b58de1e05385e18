"""The parts of aloe_sft and aloe_dpo that models write, each switched on by its knob, over small corpora."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from pipelines.build.recipe import RecipeError, load
from pipelines.build.session import BuildSession
from pipelines.cli.commands import main
from pipelines.cli.print_tables import plan_table
from pipelines.freeze.freeze_release import release
from pipelines.recipes import aloe_sft
from pipelines.release.license_check import conflicts
from pipelines.verify.verify_release import verify
from synth.judges import score_step
from synth.preferences import model_answers, reward_margins
from synth.teachers.options import Rates
from synth.teachers.teacher import Completion

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"


class Writer:
    """Writes what each stage asks for; rubric marks are 4, every second question is medical."""

    name, revision, license = "writer", "1", "CC-BY-4.0"

    def __init__(self, name="writer", license="CC-BY-4.0"):
        self.name, self.license = name, license
        self.seen = []

    def complete(self, requests):
        for request in requests:
            self.seen.append(request)
            yield request, Completion(text=self.say(request), finish_reason="stop")

    def say(self, request):
        asked = request.messages[-1].content
        if request.stage == "medical-filter":
            return f"Answer: {'yes' if len(asked) % 2 else 'no'}"
        if request.stage == "specialty":
            return "Specialty: Cardiology"
        if request.stage == "rubric":
            marks = dict.fromkeys(("correct", "grounded", "complete", "coherent", "safe"), 4)
            return json.dumps({"remark": "Fine.", **marks})
        if request.stage == "passage-question":
            passage = asked.partition("Passage:\n")[2]
            support = " ".join(passage.split()[:7])
            return json.dumps(
                {"question": f"Why {support[:9]}?", "answer": "It is a matter of course.", "support": support}
            )
        if request.stage == "passage-answer":
            return json.dumps({"answerable": True, "answer": "Of course."})
        if request.stage == "passage-agreement":
            return json.dumps({"remark": "Both say so.", "agree": True})
        if request.stage.startswith("guard/"):
            return "unsafe\nS2" if request.sample else "safe"
        if request.stage == "pairwise_judge":
            first, second = asked.find("sample 0"), asked.find("sample 1")
            return f"Answer: {'A' if first < second else 'B'}"
        return f"This is sample {request.sample}. {asked[: 30 + request.sample]}"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store for all tests, so that the corpora are read and cleaned once."""
    return tmp_path_factory.mktemp("parts") / "store"


def session(store, recipe="aloe_sft", **values):
    return BuildSession.open(load(recipe), values, store=store, mirror=FIXTURES)


def folder_rows(store, name, part="kept"):
    folders = [path for path in (store / "steps").iterdir() if path.name.rpartition("-")[0] == name]
    folder = max(folders, key=lambda path: path.stat().st_mtime)
    paths = sorted((folder / part).glob("*.parquet"))
    return pl.concat([pl.read_parquet(path) for path in paths]) if paths else pl.DataFrame()


@pytest.fixture
def teachers(monkeypatch, tmp_path):
    """Return the teachers by spec, and work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    made = {"writer": Writer(), "judge": Writer("judge", "CC-BY-SA-4.0"), "other": Writer("other", "Apache-2.0")}
    monkeypatch.setattr(aloe_sft, "teacher_of", lambda spec, options: made[spec])
    return made


class ByLength:
    """A model that finds a longer answer likelier."""

    def token_logprobs(self, continuations):
        return [[-10.0 / len(one.text)] * 3 for one in continuations]


PARTS = {
    "sources": "mmlu_auxiliary,covid_qa,medquad,medtext,know_medical_dialogue",
    "teacher": "writer",
    "judge": "judge",
    "medical_filter": "true",
    "passage_questions": "covid_qa",
    "specialties": "true",
    "rubric": "2",
    "perplexity": "model",
    "drop_lowest": "perplexity=0.2",
    "select_by": "rubric",
    "select_rows": "6",
    "select_embedder": "embedder@0.99",
}


def test_every_part_of_the_supervised_set_is_a_knob(store, teachers, monkeypatch):
    monkeypatch.setattr(score_step, "shared_causal_model", lambda path: ByLength())
    monkeypatch.setattr(score_step, "loaded_embedder", lambda spec: lambda texts: np.eye(len(texts), dtype=np.float32))
    bench = session(store, **PARTS)
    bench.build(workers=1)
    names = [node.step.name for node in bench.plan.nodes()]
    assert len(folder_rows(store, "select")) == 6
    own = ["medical-filter", "passage-questions", "specialties", "chains", "render-prompts", "rubric", "scores"]
    assert [name for name in names if name in (*own, "drop-by-score", "select")] == [*own, "drop-by-score", "select"]
    assert set(folder_rows(store, "medical-filter", "dropped")["reason"]) == {"not_medical"}
    passages = folder_rows(store, "passage-questions").filter(source="covid_qa")
    assert set(passages["context"]) == {None}
    assert all("CC-BY-4.0" in license for license in passages["license"])
    labelled = folder_rows(store, "specialties").filter(source="medquad")
    metas = [json.loads(meta) for meta in labelled["meta"]]
    assert {(meta["specialty"], meta["specialty_by"]) for meta in metas} == {("Cardiology", "judge")}
    assert all("CC-BY-SA-4.0" in license for license in labelled["license"])
    marked = folder_rows(store, "rubric")
    assert {json.loads(meta)["rubric"]["safe"] for meta in marked["meta"]} == {4}
    scored = [json.loads(meta)["scores"]["perplexity"] for meta in folder_rows(store, "scores")["meta"]]
    assert all(isinstance(score, float) for score in scored)
    dropped = folder_rows(store, "drop-by-score", "dropped")
    assert set(dropped["reason"]) == {"low_perplexity"}
    assert {request.stage for request in teachers["judge"].seen} == {"medical-filter", "specialty", "rubric"}


def test_a_set_with_every_part_can_be_released(store, teachers, monkeypatch):
    monkeypatch.setattr(score_step, "shared_causal_model", lambda path: ByLength())
    monkeypatch.setattr(score_step, "loaded_embedder", lambda spec: lambda texts: np.eye(len(texts), dtype=np.float32))
    values = {**PARTS, "sources": "mmlu_auxiliary,covid_qa,medquad,medqa_gbaker", "gold": "withheld", "samples": "2"}
    values |= {"adaptive_samples": "3", "repair_share": "0.5", "teacher_license": "Apache-2.0"}
    bench = session(store, **values)
    bench.build(workers=1)
    manifest = release(bench, "1")
    asked = {(part.step, part.stage) for part in manifest.card_figures.generation}
    assert {("rubric", "rubric"), ("specialties", "specialty"), ("medical-filter", "medical-filter")} <= asked
    folder = store / "releases" / "aloe_sft" / "1"
    assert not verify(folder).findings
    assert not [found for found in conflicts(folder) if found.rule == "teacher"]


def test_without_a_teacher_each_part_is_pending(store, teachers):
    values = {"sources": "mmlu_auxiliary,covid_qa", "medical_filter": "true", "specialties": "true", "rubric": "2"}
    waiting = session(store, **values, passage_questions="covid_qa").plan.waiting
    assert sorted(waiting) == ["chains", "medical-filter", "passage-questions", "rubric", "specialties"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"medical_filter": "true", "sources": "medquad"}, "MMLU's auxiliary set is not among the sources"),
        ({"passage_questions": "medmcqa"}, "passage_questions: got 'medmcqa', expected names of chosen sources"),
        (
            {"drop_lowest": "ifd=0.1"},
            "drop_lowest: got 'ifd=0.1', expected NAME=NUMBER with NAME a score",
        ),
        ({"ifd": "m", "drop_lowest": "2"}, "drop_lowest: got '2', expected a share between 0 and 1"),
        ({"select_rows": "5"}, "select_by: got None, expected one of the scores that are computed"),
        ({"ifd": "m", "select_rows": "5", "select_tokens": "9"}, "expected one of the two"),
        ({"ifd": "m", "select_by": "ifd"}, "select_by: got 'ifd' and no size"),
        ({"deita": "a,b,c"}, "deita: got 3 models"),
        ({"chain_teacher": "medqb=writer"}, "chain_teacher: got 'medqb=writer', expected NAME=VALUE with NAME one of"),
        ({"chain_license": "medqa=MIT"}, "chain_license: got one for medqa, which chain_teacher does not name"),
        ({"repair_share": "0.1"}, "repair_share: got 0.1 and gold given, expected gold withheld with it"),
    ],
)
def test_a_wrong_value_is_refused_before_any_work(store, teachers, values, message):
    given = {"sources": "mash_qa,medquad", **values}
    with pytest.raises(RecipeError, match=re.escape(message)):
        session(store, **given)


ALONE = [
    ("aloe_sft", "split_seed", "3", 3, "validation_share or test_share"),
    ("aloe_dpo", "split_seed", "3", 3, "validation_share or test_share"),
    ("medqa_cot", "split_seed", "3", 3, "validation_share or test_share"),
    ("aloe_sft", "undated", "keep", "keep", "before"),
    ("aloe_sft", "teacher_license", "MIT", "MIT", "teacher"),
    ("medqa_cot", "teacher_revision", "q4", "q4", "teacher"),
    ("aloe_sft", "judge_license", "MIT", "MIT", "judge"),
    ("aloe_sft", "judge", "judge", "judge", "medical_filter, specialties or rubric"),
    ("aloe_sft", "passage_form", "grounded", "grounded", "passage_questions, or a source of documents,"),
    ("aloe_dpo", "judge", "judge", "judge", "judged_pairs"),
    ("aloe_dpo", "judge_revision", "q4", "q4", "judge"),
    ("aloe_dpo", "writer_license", "MIT", "MIT", "writer"),
    ("aloe_dpo", "guard_revision", "q4", "q4", "guard"),
    ("aloe_dpo", "guard_protocol", "prompt", "prompt", "guard"),
    ("aloe_dpo", "guard_format", "llama-guard-3", "llama-guard-3", "guard"),
]
"""A recipe, a knob that has no effect alone, its value as text and as read, and what it needs."""


@pytest.mark.parametrize(("recipe", "knob", "text", "value", "needed"), ALONE)
def test_a_knob_without_what_it_applies_to_is_refused(recipe, knob, text, value, needed, teachers):
    message = f"{knob}: got {value!r}, expected {needed} with it; it has no effect otherwise"
    with pytest.raises(RecipeError, match=re.escape(message)):
        load(recipe).bind({knob: text})


@pytest.mark.parametrize(
    ("stage", "knob", "text", "needed"),
    [
        ("red_team", "judged_pairs", "medquad", "general"),
        ("red_team", "reward", "rm", "general"),
        ("red_team", "min_margin", "1.5", "general"),
        ("red_team", "question_limit", "5", "general"),
        ("red_team", "chain_teacher", "medqa=writer", "general"),
        ("general", "guard", "judge", "red_team"),
        ("general", "writer", "writer", "red_team"),
        ("general", "held_out_share", "0.3", "red_team"),
    ],
)
def test_a_knob_of_a_stage_that_is_not_built_is_refused(stage, knob, text, needed, teachers):
    with pytest.raises(RecipeError, match=rf"^{knob}: got .*, expected stage {needed} or all with it; it has no"):
        load("aloe_dpo").bind({"stage": stage, knob: text})
    others = {"guard_format": "llama-guard-3"} if knob == "guard" else {}
    assert load("aloe_dpo").bind({"stage": needed, "teacher": "writer", knob: text, **others})


def test_a_knob_that_is_true_or_false_is_a_flag_of_the_command(store, teachers):
    arguments = ["plan", "aloe_sft", "--mirror", str(FIXTURES), "--store", str(store), "--json"]
    arguments += ["--sources", "mmlu_auxiliary,medquad", "--medical-filter", "--no-specialties"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert sorted(json.loads(done.stdout)["waiting_for_teacher"]) == ["chains", "medical-filter"]


def test_a_plan_says_how_many_requests_all_rounds_take_at_most(store, teachers):
    session(store, sources="medqa_gbaker").build(workers=1)
    values = {"sources": "medqa_gbaker", "teacher": "other", "samples": "2"}
    rows = folder_rows(store, "privacy").height
    for knobs, first, most in (
        ({}, 2, 6),
        ({"gold": "withheld", "adaptive_samples": "9", "repair_share": "0.1"}, 1, 9 + 2),
    ):
        asks = {step.step: step.asks for step in session(store, **values, **knobs).forecast(Rates()).steps}["chains"]
        assert (asks.requests, asks.requests_at_most) == (first * rows, most * rows)
    arguments = ["plan", "aloe_sft", "--mirror", str(FIXTURES), "--store", str(store)]
    arguments += [f"--{name}={value}" for name, value in values.items()]
    assert f"; {6 * rows} requests at most in all rounds" in CliRunner().invoke(main, arguments).output


def test_a_plan_counts_the_rows_of_all_sources_that_are_read_and_names_the_others(tmp_path, teachers):
    store = tmp_path / "store"
    read = ("medqa_gbaker", "medmcqa_sample")
    session(store, sources=",".join(read)).build(workers=1)
    rows = sum(folder_rows(store, f"clean-{name}").height for name in read)
    values = {"sources": ",".join((*read, "headqa_en")), "teacher": "other", "samples": "1"}
    asks = {step.step: step.asks for step in session(store, **values).forecast(Rates()).steps}["chains"]
    assert sorted(asks.foretold_from) == ["clean-medmcqa_sample", "clean-medqa_gbaker"]
    assert asks.not_counted == ["read-headqa_en"]
    assert asks.requests == rows
    arguments = ["plan", "aloe_sft", "--mirror", str(FIXTURES), "--store", str(store)]
    arguments += [f"--{name}={value}" for name, value in values.items()]
    assert ", without those of read-headqa_en: " in CliRunner().invoke(main, arguments).output


def test_a_plan_that_prepares_counts_what_the_build_then_sends_and_asks_no_model(tmp_path, teachers):
    store = tmp_path / "store"
    values = {"sources": "medqa_gbaker,medquad", "teacher": "other", "judge": "judge", "samples": "1", "rubric": "1"}
    bench = session(store, **values, specialties="true")
    assert requests_forecast(bench, "specialties", "chains") == [None, None]
    bench.prepare()
    specialties, chains = requests_forecast(bench, "specialties", "chains")
    asks = {step.step: step.asks for step in bench.forecast(Rates()).steps}["specialties"]
    assert (asks.foretold_from, asks.not_counted) == (["privacy"], [])
    assert not any(teacher.seen for teacher in teachers.values())
    assert not list(store.glob("steps/specialties-*"))
    bench.build(workers=1)
    sent = [request.stage for teacher in teachers.values() for request in teacher.seen]
    assert sent.count("specialty") == specialties > 0
    assert chains > 0


def test_a_plan_expects_later_rounds_as_answered_rows_needed_them(store, teachers):
    """No answer of this writer is right, so that all samples are asked for: of one source first, then of both."""
    values = {"teacher": "other", "samples": "2", "gold": "withheld", "adaptive_samples": "5", "seed": "7"}
    both = "medqa_gbaker,medmcqa_sample"
    session(store, sources=both).build(workers=1)
    rows = folder_rows(store, "privacy").height

    def chains():
        forecast = session(store, **values, sources=both).forecast(Rates())
        return next(step.asks for step in forecast.steps if step.step == "chains")

    assert (chains().requests, chains().requests_expected, chains().expected_from) == (rows, None, 0)
    session(store, **values, sources="medqa_gbaker").build(workers=1)
    first = len(teachers["other"].seen) // 5
    assert 0 < first < rows
    assert (chains().requests_expected, chains().expected_from) == (5 * rows, first)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    arguments = ["plan", "aloe_sft", "--mirror", str(FIXTURES), "--store", str(store), f"--sources={both}"]
    expected = f"; {5 * rows} requests expected in all rounds, from {first} row"
    assert expected in CliRunner().invoke(main, [*arguments, *options]).output
    session(store, **values, sources=both).build(workers=1)
    assert len(teachers["other"].seen) == 5 * rows


def test_each_generator_may_have_a_teacher_of_its_own(store, teachers):
    values = {"sources": "medqa_gbaker,pubmedqa_artificial,medquad", "teacher": "writer", "samples": "1"}
    values |= {"chain_teacher": "pubmedqa=other", "chain_license": "pubmedqa=Apache-2.0"}
    bench = session(store, **values)
    assert {"chains", "chains-pubmedqa"} <= {node.step.name for node in bench.plan.nodes()}
    bench.build(workers=1)
    by_source = {
        source: {json.loads(meta).get("cot", {}).get("teacher") for meta in rows["meta"]}
        for (source,), rows in folder_rows(store, "chains-pubmedqa").group_by("source")
    }
    assert by_source["medqa_gbaker"] == {"writer"}
    assert by_source["pubmedqa_artificial"] == {"other"}
    assert {request.stage for request in teachers["other"].seen} == {"cot"}
    pending = session(store, sources=values["sources"], chain_teacher="pubmedqa=other").plan
    assert list(pending.waiting) == ["chains"]
    assert "chains-pubmedqa" in {node.step.name for node in pending.nodes()}


DPO = {"stage": "general", "sources": "ultrafeedback", "judged_pairs": "medquad", "teacher": "writer", "judge": "judge"}


def test_answers_to_open_questions_become_judged_pairs(store, teachers):
    session(store, "aloe_dpo", **DPO).build(workers=1)
    pairs = folder_rows(store, "judged-pairs")
    assert len(pairs) == 3
    for meta, license in pairs.select("meta", "license").iter_rows():
        facts = json.loads(meta)["pair"]
        assert (facts["origin"], facts["chosen_by"]) == ("judged", "writer")
        assert {"CC-BY-4.0", "CC-BY-SA-4.0"} <= set(license.split(" AND "))
    assert all(text.startswith("This is sample 0.") for text in pairs["response"])
    assert {request.stage for request in teachers["judge"].seen} == {"pairwise_judge"}


def by_length(conversations):
    return [float(len(one[-1][1])) for one in conversations]


def test_a_reward_model_gives_margins_and_chooses_between_answers(store, teachers, monkeypatch):
    monkeypatch.setattr(reward_margins, "shared_reward_model", lambda path: by_length)
    monkeypatch.setattr(model_answers, "shared_reward_model", lambda path: by_length)
    session(store, "aloe_dpo", **DPO, reward="rm").build(workers=1)
    scored = folder_rows(store, "reward")
    assert scored.height
    for meta, *texts in scored.select("meta", "response", "rejected").iter_rows():
        facts = json.loads(meta)
        assert [facts["score_chosen"], facts["score_rejected"]] == [len(text) for text in texts]
    pairs = [json.loads(meta)["pair"] for meta in folder_rows(store, "reward-pairs")["meta"]]
    assert {pair["origin"] for pair in pairs} == {"reward"}
    assert min(pair["margin"] for pair in pairs) > 0


def test_the_forecast_of_requests_is_what_is_sent(store, teachers, monkeypatch):
    """The store has the cleaned rows; only rows that a step drops on the way are forecast and not sent."""
    values = {"sources": "covid_qa,medquad", "teacher": "other", "judge": "other", "rubric": "2"}
    values |= {"specialties": "true", "passage_questions": "covid_qa"}
    session(store, sources=values["sources"]).build(workers=1)
    bench = session(store, **values)
    assert requests_forecast(bench, "passage-questions", "specialties", "rubric") == [3, 6, 6]
    bench.build(workers=1)
    sent = [request.stage for teacher in teachers.values() for request in teacher.seen]
    assert {name: sent.count(name) for name in ("passage-question", "specialty", "rubric")} == {
        "passage-question": 3,
        "specialty": 6,
        "rubric": 6,
    }
    without = {name: value for name, value in DPO.items() if name not in ("teacher", "judge")}
    session(store, "aloe_dpo", **without).build(workers=1)
    pairs = session(store, "aloe_dpo", **{**DPO, "teacher": "other", "judge": "other"})
    assert requests_forecast(pairs, "answers", "judged-pairs") == [6, 6]


def test_a_plan_does_not_say_none_of_requests_about_what_is_still_to_be_written(store, teachers):
    """A guard judges answers: how many is known once the target of the attacks has given them."""
    values = {"stage": "red_team", "teacher": "writer", "guard": "judge", "guard_protocol": "prompt", "limit": "2"}
    session(store, "aloe_dpo", stage="red_team", limit="2").build(workers=1)
    target, guard = requests_forecast(session(store, "aloe_dpo", **values), "target", "guard-answers")
    assert target > 0
    assert guard is None


def test_a_plan_foretells_requests_about_unwritten_texts_from_an_earlier_run_on_fewer_rows(tmp_path, teachers):
    """The guard judges every answer and every reply, so its requests follow from those for answers and replies."""
    values = {"stage": "red_team", "teacher": "writer", "guard": "judge", "guard_protocol": "prompt"}
    session(tmp_path, "aloe_dpo", **values, limit="2").build(workers=1)
    more = session(tmp_path, "aloe_dpo", **values, limit="5")
    more.prepare()
    asks = {step.step: step.asks for step in more.forecast(Rates()).steps if step.asks}
    for writes, judges in (("target", "guard-answers"), ("replies", "guard-replies")):
        assert asks[judges].requests is None
        assert asks[judges].requests_expected == asks[writes].requests > 0
    lines = re.sub(r"\s+", " ", plan_table(more.forecast(Rates())))
    together = 2 * (asks["target"].requests + asks["replies"].requests)
    assert f"all steps together: {together} requests expected" in lines
    assert f"guard-answers sends requests to a teacher; {asks['target'].requests} requests expected" in lines
    more.build(workers=1)
    answered = asks["target"].requests - folder_rows(tmp_path, "target", "dropped").height
    sent = len(teachers["judge"].seen)  # by both builds: what the first one was told is not asked again
    assert answered <= sent <= answered + asks["replies"].requests


def requests_forecast(bench, *names):
    """Return the forecast requests of some steps."""
    asks = {step.step: step.asks for step in bench.forecast(Rates()).steps}
    return [asks[name].requests for name in names]


def test_models_that_score_are_loaded_in_the_builds_own_process(store, teachers, monkeypatch):
    """Workers would each load the model: a patch of this process would not reach them."""
    monkeypatch.setattr(score_step, "shared_causal_model", lambda path: ByLength())
    session(store, sources="medquad,covid_qa", perplexity="model", seed="7").build(workers=2)
    assert folder_rows(store, "scores").height == 6
