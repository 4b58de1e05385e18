"""Several answers to a question, judged in both orders or by a reward model; margins of pairs by a reward model."""

import json

import pytest
from rows import row, table

from quality.scores.score_columns import Unscored
from sources.table import records
from synth.preferences import model_answers, reward_margins
from synth.preferences.judged_pairs import PairJudge
from synth.preferences.model_answers import (
    ANSWERS,
    JUDGED_ANSWERS,
    Answers,
    JudgedAnswers,
    RewardedAnswers,
    pair_answers_by_reward,
)
from synth.preferences.reward_margins import RewardMargins, add_reward_margins
from synth.teachers.candidates import Author
from synth.teachers.teacher import Completion, Failure

BY, JUDGE = Author(name="writer", revision="1"), Author(name="judge", revision="1")
CONFIG = Answers(generated_by=BY, samples=3)
SCURVY = row("corpus:1", "Which vitamin prevents scurvy?", answer="Vitamin C")
RICKETS = row("corpus:2", "Which vitamin prevents rickets?", answer="Vitamin D")


def said(text):
    return Completion(text=text, finish_reason="stop")


def ask(*outcomes):
    """Return an ``ask`` that answers requests in order, the outcomes over and over."""

    def answers(requests):
        for number, request in enumerate(requests):
            yield request, outcomes[number % len(outcomes)]

    return answers


def answered(*texts):
    outcomes = [text if isinstance(text, Failure) else said(text) for text in texts]
    return ANSWERS.run(table(SCURVY), CONFIG, ask(*outcomes)).rows


def test_different_answers_are_kept_with_who_wrote_them():
    rows = answered("Vitamin C does.", "Vitamin C does.", "Eat oranges every day.")
    assert rows["drop_reason"].to_list() == [None]
    (record,) = records(rows)
    assert [one["text"] for one in record.meta["answers"]] == ["Vitamin C does.", "Eat oranges every day."]
    assert {(one["teacher"], one["revision"]) for one in record.meta["answers"]} == {("writer", "1")}


def test_a_row_with_one_answer_is_dropped_with_its_verdicts():
    rows = answered("Vitamin C does.", "<|im_start|>Vitamin C", Failure(error="503", tries=3))
    assert rows["drop_reason"].to_list() == ["too_few_answers"]
    assert json.loads(rows["evidence"][0])["failed"] == 1


def judged(*replies):
    rows = answered("Vitamin C does.", "Eat oranges every day.", "Eat oranges every day.")
    config = JudgedAnswers(judge=PairJudge(generated_by=JUDGE), licenses=("CC-BY-NC-4.0",))
    return JUDGED_ANSWERS.run(rows.drop("drop_reason", "evidence"), config, ask(*map(said, replies)))


def test_a_judge_that_agrees_with_itself_in_both_orders_makes_a_pair():
    outcome = judged("Answer: A", "Answer: B")
    (record,) = records(outcome.rows)
    assert {record.response, record.rejected} == {"Vitamin C does.", "Eat oranges every day."}
    assert record.meta["pair"]["origin"] == "judged"
    assert record.meta["pair"]["chosen_by"] == "writer"
    assert "answers" not in record.meta
    assert "CC-BY-NC-4.0" in record.license
    assert outcome.tables["candidates"].height == 2


@pytest.mark.parametrize(
    ("replies", "reason"),
    [(("Answer: A", "Answer: A"), "judge_disagrees"), (("Answer: A", "Both are fine, who knows."), "judge_unparsed")],
)
def test_a_judge_that_prefers_a_place_or_rambles_makes_none(replies, reason):
    rows = judged(*replies).rows
    assert rows["drop_reason"].to_list() == ["no_pair"]
    assert json.loads(rows["evidence"][0]) == {reason: 1}


def by_length(conversations):
    return [Unscored("too long") if "unread" in one[-1][1] else float(len(one[-1][1])) for one in conversations]


def test_a_reward_model_makes_a_pair_with_a_margin(monkeypatch):
    monkeypatch.setattr(model_answers, "shared_reward_model", lambda path: by_length)
    rows = answered("Short.", "A longer answer.", "Short.").drop("drop_reason", "evidence")
    (record,) = records(pair_answers_by_reward(rows, RewardedAnswers(model="m")).rows)
    assert (record.response, record.rejected) == ("A longer answer.", "Short.")
    assert record.meta["pair"]["margin"] == 10.0


def test_margins_are_the_reward_models_and_a_pair_without_one_is_dropped(monkeypatch):
    monkeypatch.setattr(reward_margins, "shared_reward_model", lambda path: by_length)
    rows = table(
        row("p:1", "Q", response="Longer.", rejected="Short", meta={"score_chosen": 9.0, "score_rejected": 1.0}),
        row("p:2", "Q", response="unread", rejected="Short"),
        row("p:3", "Q", response="Alone"),
    )
    outcome = add_reward_margins(rows, RewardMargins(model="folder/reward"))
    assert outcome.rows["drop_reason"].to_list() == [None, "unscored_reward", None]
    assert outcome.rows["evidence"].to_list() == [None, "too long", None]
    metas = [record.meta for record in records(outcome.rows)]
    assert metas[0] == {
        "score_chosen": 7.0,
        "score_rejected": 5.0,
        "source_scores": {"score_chosen": 9.0, "score_rejected": 1.0},
        "reward": "folder/reward",
    }
    assert metas[2] == {}
