"""Every mode of the hostile server against every stage that sends requests: none lost or repeated, budgets kept."""

import json
from collections import Counter
from functools import partial

import polars as pl
import pytest
from hostile_server import ANSWERED, CUT_SHORT, ENDS, FAILED, good, serving
from rows import row, table

from pipelines.build.shard import generate_shard
from pipelines.build.step import GenerateStep
from pipelines.completions.budget import Budget, BudgetReachedError, Spending
from pipelines.completions.cached_teacher import NullProgress, cached_teacher
from pipelines.completions.failed_requests import Outcomes
from quality.outcome import Outcome
from synth.cot.chain_settings import Chains, Cot
from synth.cot.sample_chains import CHAINS
from synth.judges import guard, rubric
from synth.judges.guard import Guard
from synth.passages import passage_questions
from synth.preferences import judged_pairs
from synth.preferences.judged_pairs import PairJudge
from synth.redteam import safety_pairs
from synth.redteam.safety_pairs import RedTeam
from synth.teachers.candidates import CANDIDATE_SCHEMA, Author
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher
from synth.teachers.teacher import TeacherError

BY = Author(name="openai:m", revision="unpinned")
QUICK = TeacherOptions(backoff_s=0.001, timeout_s=5.0, max_tries=2, give_up_after_s=5.0)

NAMES = ("scurvy", "gout", "rickets", "anaemia")
QUESTIONS = [
    row(f"exam:{n}", f"Which nutrient matters most in {name}?", task="mcqa", options=("Iron", "Zinc"), gold=(0,))
    for n, name in enumerate(NAMES)
]
TEXTS = [
    row(f"wiki:{n}", name, context=f"Of {name} there is much to be told, and little of it is new. " * 8)
    for n, name in enumerate(NAMES)
]
MARKED = [row(f"qa:{n}", f"What is {name}?", answer=name, response=f"It is {name}.") for n, name in enumerate(NAMES)]
NOT_DROPPED = {"drop_reason": pl.lit(None, pl.String), "evidence": pl.lit(None, pl.String)}


def candidates_of(rows):
    """Return two answers to each row, to be judged."""
    defaults = {**dict.fromkeys(CANDIDATE_SCHEMA), "stage": "cot", "teacher": "t", "revision": "1", "verdict": "right"}
    candidates = [
        {**defaults, "id": id, "sample": sample, "key": f"{id}-{sample}", "text": f"Answer {sample} to {id}."}
        for id in rows["id"]
        for sample in range(2)
    ]
    return pl.DataFrame(candidates, CANDIDATE_SCHEMA)


COT = Cot(generated_by=BY, license="MIT", generator="headqa", gold="withheld", samples=2, rounds=1, shuffled=0.0)
PASSAGES = passage_questions.Passages(generated_by=BY, license="MIT", min_chars=50)
MARKS = rubric.Rubric(generated_by=BY)
JUDGE = PairJudge(generated_by=BY)
TEAM = RedTeam(target=BY, writer=BY, samples=2)
GUARD = Guard(generated_by=BY, protocol="prompt")


def as_outcome(rows, candidates):
    return Outcome(rows=rows, tables={"candidates": candidates})


def compare(rows, config, ask):
    return judged_pairs.pairwise_stage(candidates_of).run(rows, config, ask)


def attack(rows, config, ask):
    attacks = rows.with_columns(base="id", request=pl.lit("What is it?"))
    answers = safety_pairs.TARGET_ANSWERS.run(attacks, config, ask).tables["candidates"]
    return as_outcome(rows.with_columns(**NOT_DROPPED), answers)


def screen(rows, config, ask):
    answers = candidates_of(rows).with_columns(prompt=pl.lit("What is it?"))
    return as_outcome(rows.with_columns(**NOT_DROPPED), guard.STAGE.run(answers, config, ask).tables["candidates"])


STAGES = {
    "chains": (CHAINS.run, QUESTIONS, Chains(generators=(COT,)), 8),
    "passages": (passage_questions.STAGE.run, TEXTS, PASSAGES, 4),
    "marks": (rubric.STAGE.run, MARKED, MARKS, 4),
    "pairs": (compare, MARKED, JUDGE, 8),
    "red team": (attack, MARKED, TEAM, 8),
    "guard": (screen, MARKED, GUARD, 8),
}
"""What a step calls, its rows, its config, and the number of requests if each is answered at once."""


def good_text(request):
    """Return a good answer for any stage; it contains the seed, so that no two answers are equal."""
    if schema := request.body.get("response_format"):
        fields = schema["json_schema"]["schema"]["properties"]
        return json.dumps({name: 4 if kind["type"] == "integer" else "Fine." for name, kind in fields.items()})
    if "=== Verdict ===" in request.prompt:
        return "safe"
    return (
        f"On {request.seed}: iron comes first, as every textbook says of such a case in its first lines.\n\nAnswer: A"
    )


@pytest.fixture
def build(tmp_path):
    """Build one shard of a stage with a server of this behaviour; return the shard's counts and the server."""

    def build_shard(stage, behaviour, spending=None, **options):
        function, rows, config, _ = STAGES[stage]
        path = tmp_path / "rows.parquet"
        table(*rows).write_parquet(path)
        with serving(lambda request: behaviour(request, good_text(request))) as server:
            client = teacher(f"openai:{server.url}#m", TeacherOptions(**{**vars(QUICK), **options}))
            ask = cached_teacher(tmp_path / "completions.sqlite", client, spending or Spending(), NullProgress())
            work = GenerateStep(
                function=function,
                requests=lambda rows, config: {},
                most_requests=lambda rows, config: 0,
                teacher=client,
            )
            counts = generate_shard(work, config, ask, {}, (), (path,), tmp_path / "step", 0)
        return counts, server

    return build_shard


def written_candidates(tmp_path):
    """Return the candidates that a shard wrote."""
    return pl.read_parquet(tmp_path / "step" / "candidates" / "00000.parquet")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("mode", [*ANSWERED, *CUT_SHORT])
def test_every_request_gets_one_answer(mode, stage, build, tmp_path):
    spending = Spending(budget=Budget(tokens=1_000_000))
    counts, server = build(stage, {**ANSWERED, **CUT_SHORT}[mode], spending)
    candidates = written_candidates(tmp_path)
    identity = ["id", "stage", "sample", "key"]
    assert (counts.rows_in, counts.quarantined, counts.failed) == (4, 0, None)
    assert candidates.height == candidates.unique(identity).height == STAGES[stage][3]
    assert "failed" not in candidates["verdict"]
    if mode == "good":
        assert set(server.request_counts.values()) == {1}, "nothing is sent twice"
    if stage in ("chains", "passages", "marks"):
        assert (set(candidates["verdict"]) == {"truncated"}) == (mode in CUT_SHORT)
    account = spending.accounts[next(iter(spending.accounts))]
    assert (account.sent, account.failed) == (STAGES[stage][3], 0)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("mode", FAILED)
def test_a_step_whose_requests_fail_is_not_complete_and_is_once_they_are_answered(mode, stage, build, tmp_path):
    behaviour, error = FAILED[mode]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "synth.teachers.request_errors.FIRST", {}
        )  # a step of few requests is not given up for its first ones
        outcomes, _ = build(stage, behaviour)
    assert isinstance(outcomes, Outcomes)
    assert outcomes.failed == outcomes.total == STAGES[stage][3]
    assert pl.Series([*outcomes.errors]).str.contains(error).all()
    assert not (tmp_path / "step").exists(), "complete or absent"
    counts, server = build(stage, good)
    assert counts.rows_in == 4 and set(server.request_counts.values()) == {1}
    assert written_candidates(tmp_path).height == STAGES[stage][3]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("mode", ENDS)
def test_a_server_that_refuses_everyone_ends_the_run_at_once(mode, stage, build, tmp_path):
    behaviour, error = ENDS[mode]
    with pytest.raises(TeacherError, match=error):
        build(stage, behaviour)
    assert not (tmp_path / "step").exists()


@pytest.mark.parametrize("stage", ["chains", "pairs", "red team", "guard"])
@pytest.mark.parametrize("mode", ["no key", "no credit", "no model"])
def test_a_key_that_is_revoked_midway_ends_the_run_and_answers_are_kept(mode, stage, build, tmp_path):
    behaviour, _ = ENDS[mode]
    seen = Counter()

    def revoked_after_three(request, text):
        seen["all"] += 1
        return good(request, text) if seen["all"] <= 3 else behaviour(request, text)

    with pytest.raises(TeacherError, match="3 answers came before and are kept"):
        build(stage, revoked_after_three, concurrency=1)
    counts, server = build(stage, good)
    assert counts.rows_in == 4
    assert server.requests == STAGES[stage][3] - 3, "what was answered is not sent again"


STATED = {
    "counts zeros": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    "no prompt counted": {"prompt_tokens": 0, "completion_tokens": 60, "total_tokens": 60},
    "counts reasoning apart": {"prompt_tokens": 200, "completion_tokens": 50, "total_tokens": 3000},
    "counts reasoning in details": {
        "prompt_tokens": 200,
        "completion_tokens": 50,
        "completion_tokens_details": {"reasoning_tokens": 2750},
    },
}


@pytest.mark.parametrize("rejected", [False, True], ids=["answers", "replies of no use"])
@pytest.mark.parametrize("mode", STATED)
def test_no_reply_exceeds_a_budget_whatever_usage_it_states(mode, rejected, build):
    """The stated 3,000 tokens are more than a request may take, so only the first reply can be unexpected."""
    spending = Spending(budget=Budget(tokens=9_000))
    text_of = partial(lambda text: "" if rejected else text)

    def behaviour(request, text):
        return good(request, text_of(text), usage=STATED[mode])

    with pytest.raises(BudgetReachedError) as reached:
        build("chains", behaviour, spending, max_tries=4)
        build("red team", behaviour, spending, max_tries=4)
    tokens_used = sum(account.prompt_tokens + account.completion_tokens for account in spending.accounts.values())
    assert tokens_used <= 9_000, str(reached.value)
