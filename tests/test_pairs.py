"""Preference pairs: where they come from, what a judge must say twice, which rules they break, and how they leave."""

import json
from dataclasses import replace

import polars as pl
import pytest
from rows import row, table

from quality.duplicates.near_settings import NearRules
from sources.record import Message
from sources.table import SCHEMA, records
from synth.formatting import trainer_formats
from synth.preferences import judged_pairs
from synth.preferences.judged_pairs import PairJudge, pairwise_stage
from synth.preferences.pair_rows import length_bias, pair_rows
from synth.preferences.pair_rules import PairRules, decide, similar_prompts
from synth.preferences.propose_pairs import PAIR_SCHEMA, by_reward, from_records, pair_table, right_against_wrong
from synth.teachers.candidates import CANDIDATE_SCHEMA, Author
from synth.teachers.teacher import Completion, Failure, TeacherError

QUESTION = row("corpus:1", "Which vitamin prevents scurvy?", answer="Vitamin C")


def candidate(text, verdict="kept", **fields):
    return {
        "id": "corpus:1",
        "stage": "cot",
        "sample": 0,
        "key": f"key of {text}",
        "teacher": "tiny",
        "revision": "1",
        "text": text,
        "verdict": verdict,
        **fields,
    }


def candidates(*given):
    return pl.DataFrame(list(given), CANDIDATE_SCHEMA)


def scored(*given):
    rows = [candidate(text) for text, _ in given]
    return pl.DataFrame(rows, CANDIDATE_SCHEMA).with_columns(
        score=pl.Series([score for _, score in given], dtype=pl.Float64)
    )


def texts(pairs):
    return set(pairs.select("chosen", "rejected").iter_rows())


# --- where pairs come from -----------------------------------------------------------------------------------------


def test_right_answers_are_paired_with_wrong_ones_and_an_unreadable_answer_is_neither():
    pairs = right_against_wrong(
        candidates(candidate("C"), candidate("D", "wrong"), candidate("hm", "unparsed"), candidate("A", "truncated"))
    )
    assert texts(pairs) == {("C", "D")}
    assert pairs.row(0, named=True) == {
        "id": "corpus:1",
        "origin": "verified",
        "rank": 0,
        "chosen": "C",
        "rejected": "D",
        "chosen_key": "key of C",
        "rejected_key": "key of D",
        "chosen_by": "tiny",
        "rejected_by": "tiny",
        "margin": None,
        "drop_reason": None,
        "evidence": None,
    }


@pytest.mark.parametrize("field", ["id", "teacher", "revision", "stage"])
def test_answers_to_other_rows_or_by_other_models_are_never_paired(field):
    assert right_against_wrong(candidates(candidate("C"), candidate("D", "wrong", **{field: "other"}))).is_empty()


def test_the_first_pairs_repeat_no_text():
    right = [candidate(f"right {n}") for n in range(3)]
    wrong = [candidate(f"wrong {n}", "wrong") for n in range(3)]
    pairs = right_against_wrong(candidates(*right, *wrong)).sort("rank")
    assert pairs.height == len(texts(pairs)) == 9
    assert pairs.head(3)["chosen"].n_unique() == pairs.head(3)["rejected"].n_unique() == 3


def test_the_seed_and_nothing_else_decides_which_pair_comes_first():
    given = [candidate(f"{verdict} {n}", verdict) for verdict in ("kept", "wrong") for n in range(8)]
    first = right_against_wrong(candidates(*given)).row(0)
    assert right_against_wrong(candidates(*reversed(given))).row(0) == first
    assert {right_against_wrong(candidates(*given), seed=seed).row(0) for seed in range(5)} > {first}


def test_a_failed_request_is_in_no_pair():
    assert right_against_wrong(candidates(candidate(None, "failed"), candidate("D", "wrong"))).is_empty()


def test_the_higher_reward_is_chosen_by_the_difference():
    (pair,) = by_reward(scored(("poor", -1.5), ("good", 2.0))).iter_rows(named=True)
    assert (pair["chosen"], pair["rejected"], pair["margin"], pair["drop_reason"]) == ("good", "poor", 3.5, None)


@pytest.mark.parametrize("score", [None, float("nan"), float("inf")])
def test_a_missing_score_makes_no_pair_and_says_so(score):
    (pair,) = by_reward(scored(("poor", 1.0), ("good", score))).iter_rows(named=True)
    assert (pair["drop_reason"], pair["margin"]) == ("unscored", None)
    assert sorted(json.loads(pair["evidence"])["scores"], key=str) == [1.0, None]


def test_pairs_of_sources_are_taken_as_they_are():
    rows = table(
        row("corpus:1", response="Vitamin C.", rejected="Vitamin D.", meta={"score_chosen": 8.5, "score_rejected": 6}),
        row("corpus:2", response="Vitamin C.", rejected="Vitamin D."),
        row("corpus:3", response="Vitamin C."),
        row("corpus:4", rejected="Vitamin D."),
        row("corpus:5"),
    )
    pairs = {pair["id"]: pair for pair in from_records(rows).iter_rows(named=True)}
    assert {id: pair["margin"] for id, pair in pairs.items()} == {
        "corpus:1": 2.5, "corpus:2": None, "corpus:3": None, "corpus:4": None,
    }  # fmt: skip
    assert [pair["drop_reason"] for pair in pairs.values()] == [None, None, "no_rejected", "no_chosen"]
    assert pairs["corpus:1"]["origin"] == "source"


# --- a judge asked in both orders ----------------------------------------------------------------------------------

JUDGE = PairJudge(generated_by=Author(name="judge", revision="7"))
TWO = candidates(candidate("Oranges cure it."), candidate("Vitamin C does."))


def requests(rows, candidates, config):
    return pairwise_stage(lambda rows: candidates).requests(rows, config)


def judge(rows, candidates, answered, config):
    outcome = pairwise_stage(lambda rows: candidates).judge(rows, answered, config)
    return outcome.tables["pairs"], outcome.tables["candidates"]


def reply(text):
    return Completion(text=text, finish_reason="stop")


def asked(*replies):
    """Judge the two candidates, the replies being those in order and swapped; None for one that never came."""
    answered = [
        (request, answer)
        for request, answer in zip(requests(table(QUESTION), TWO, JUDGE), replies, strict=True)
        if answer is not None
    ]
    pairs, judged = judge(table(QUESTION), TWO, answered, JUDGE)
    return pairs.row(0, named=True), judged


def test_a_judge_sees_question_reference_and_both_replies_in_both_orders():
    in_order, swapped = (request.messages[-1].content for request in requests(table(QUESTION), TWO, JUDGE))
    for prompt in (in_order, swapped):
        assert all(part in prompt for part in ("Which vitamin prevents scurvy?", "Vitamin C", "Answer: X"))
    assert in_order != swapped
    assert (in_order.index("Oranges") < in_order.index("does.")) != (swapped.index("Oranges") < swapped.index("does."))


def test_a_verdict_that_holds_in_both_orders_makes_a_pair():
    first, _ = asked(reply("It is right.\nAnswer: A"), reply("Answer: B"))
    second, judged = asked(reply("Answer: B"), reply("It is right.\n\nAnswer: A\n"))
    assert (first["drop_reason"], second["drop_reason"]) == (None, None)
    assert (first["chosen"], first["rejected"]) == (second["rejected"], second["chosen"])
    assert judged["verdict"].to_list() == ["judged", "judged"]
    assert set(judged["parsed"]) == {"A", "B"}
    assert judged["teacher"].unique().to_list() == ["judge"]


@pytest.mark.parametrize(
    ("in_order", "swapped", "reason"),
    [
        (reply("Answer: A"), reply("Answer: A"), "judge_disagrees"),
        (reply("Answer: B"), reply("Answer: B"), "judge_disagrees"),
        (reply("Answer: C"), reply("Answer: C"), "judge_tie"),
        (reply("Answer: A"), reply("Answer: C"), "judge_tie"),
        (reply("The first one."), reply("Answer: B"), "judge_unparsed"),
        (reply("Answer: A\nAnswer: A or B"), reply("Answer: B"), "judge_unparsed"),
        (reply("Answer: D"), reply("Answer: B"), "judge_unparsed"),
        (reply(""), reply("Answer: B"), "judge_unparsed"),
        (Failure(error="503", tries=5), reply("Answer: B"), "judge_failed"),
        (reply("Answer: A"), None, "judge_missing"),
    ],
)
def test_anything_else_makes_none_and_says_why(in_order, swapped, reason):
    pair, judged = asked(in_order, swapped)
    assert pair["drop_reason"] == reason
    assert set(json.loads(pair["evidence"])) == {"in_order", "swapped"}
    assert judged.height == 2 - (swapped is None)


def test_an_unreadable_judge_is_a_verdict_and_a_failed_one_keeps_its_error():
    _, judged = asked(reply("The first one."), Failure(error="503", tries=5))
    assert {(one["verdict"], one["parsed"], one["detail"]) for one in judged.iter_rows(named=True)} == {
        ("unparsed", None, None),
        ("failed", None, "503"),
    }


def test_a_judge_is_asked_about_as_many_pairs_as_the_config_says_and_never_about_equal_texts():
    four = candidates(*(candidate(text, key=f"{n}") for n, text in enumerate(("a", "a", "b", "c"))))
    assert len(requests(table(QUESTION), four, replace(JUDGE, pairs_per_prompt=3))) == 6
    same = candidates(candidate("a", key="1"), candidate("a", key="2"))
    assert requests(table(QUESTION), same, JUDGE) == []


def test_candidates_of_an_unknown_row_are_refused():
    with pytest.raises(ValueError, match="candidate 'corpus:1' answers no row"):
        requests(table(row("corpus:9")), TWO, JUDGE)


def test_a_conversation_is_shown_with_its_speakers():
    turns = (Message("user", "Hello."), Message("assistant", "Hi."), Message("user", "What is gout?"))
    prompt = requests(table(replace(QUESTION, messages=turns)), TWO, JUDGE)[0].messages[0].content
    assert "[user] Hello.\n\n[assistant] Hi.\n\n[user] What is gout?" in prompt


@pytest.mark.parametrize(
    "text",
    [
        "Answer: A",
        "Because.\nAnswer: A",
        "Answer: A\n\n",
        "A",
        "answer: a",
        "Answer:A",
        "Answer: A.",
        "**Answer: A**",
        "### Verdict\n\nA",
        "Final verdict: [[A]]",
        "The better reply is A.",
        "Answer: A. The first reply is better.",
        "The second reply is short. The first reply is better.",
        "Response A is better than response B.",
        "Winner: first",
        "Answer: Assistant A",
        "**Verdict: Reply 1**",
        "[[Response A]]",
        '{"answer": "A"}',
    ],
)
def test_a_verdict_is_read_in_any_form_of_an_answer(text):
    assert judged_pairs.parse(text) == "A"


def test_a_tie_has_many_names():
    assert {judged_pairs.parse(text) for text in ("Answer: C", "[[C]]", "Answer: tie", "Verdict: neither")} == {"C"}


@pytest.mark.parametrize(
    "text",
    [
        *("", "Answer: AB", "Answer: A B", "Answer: A or B", "Both are fine.", "The second reply is worse."),
        *("Answer: D", "Answer: not Response A", "Response A or Response B", "Worse: Reply 1"),
    ],
)
def test_what_states_no_verdict_or_two_is_none(text):
    assert judged_pairs.parse(text) is None


def test_a_judge_that_cannot_be_read_ends_the_run_with_a_hint():
    rows = table(*(replace(QUESTION, id=f"corpus:{n}") for n in range(10)))
    both = pl.concat(TWO.with_columns(id=pl.lit(f"corpus:{n}")) for n in range(10))
    answered = [(request, Completion(text="...", finish_reason="stop")) for request in requests(rows, both, JUDGE)]
    with pytest.raises(TeacherError, match=r"no readable verdict in its first 20 replies.*expected a last line"):
        judge(rows, both, answered, JUDGE)


# --- rules ---------------------------------------------------------------------------------------------------------


def pair(chosen="Vitamin C prevents it.", rejected="Vitamin D prevents it.", **fields):
    return {"id": "corpus:1", "origin": "reward", "rank": 0, "chosen": chosen, "rejected": rejected, **fields}


def decided(*pairs, rows=(QUESTION,), **config):
    return decide(pair_table(pairs), table(*rows), PairRules(**config))


@pytest.mark.parametrize(
    ("given", "config", "reason"),
    [
        (pair(), {}, None),
        (pair(margin=0.5), {"min_margin": 0.5}, None),
        (pair(margin=0.4), {"min_margin": 0.5}, "small_margin"),
        (pair(margin=-1.0), {}, "small_margin"),
        (pair(margin=0.0), {}, "tie"),
        (pair("vitamin c: prevents it", "Vitamin C prevents it."), {}, "same_text"),
        (pair("…"), {}, "empty"),
        (pair(rejected=""), {}, "empty"),
        (pair("yes" * 20, "no " * 10), {"max_length_ratio": 2.0}, None),
        (pair("yes" * 21, "no " * 10), {"max_length_ratio": 2.0}, "length_ratio"),
        (pair("no " * 10, "yes" * 21), {"max_length_ratio": 2.0}, "length_ratio"),
        (pair(drop_reason="judge_tie", margin=0.0), {}, "judge_tie"),
    ],
)
def test_each_rule_names_the_pairs_that_break_it(given, config, reason):
    assert decided(given, **config)["drop_reason"].to_list() == [reason]


def test_evidence_is_what_was_measured():
    long = decided(pair("a" * 90, "b" * 10)).row(0, named=True)
    assert json.loads(long["evidence"]) == {"chosen_chars": 90, "rejected_chars": 10}
    assert json.loads(decided(pair(margin=0.0))["evidence"][0]) == {"margin": 0.0}


def test_a_prompt_gives_its_widest_margins_first():
    pairs = [pair(f"good {n}", f"poor {n}", margin=margin) for n, margin in enumerate((1.0, 3.0, 2.0, None))]
    assert decided(*pairs, max_per_prompt=2)["drop_reason"].to_list() == ["prompt_cap", None, None, "prompt_cap"]


def test_a_pair_that_went_takes_no_turn():
    gone = pair("same", "same", margin=9.0)
    assert decided(gone, pair(margin=1.0)).select("drop_reason").to_series().to_list() == ["same_text", None]


def test_a_pair_is_kept_once():
    assert decided(pair(rank=0), pair(rank=1), max_per_prompt=5)["drop_reason"].to_list() == [None, "repeated_pair"]


def test_equal_prompts_of_two_rows_count_as_one():
    again = row("other:1", "which vitamin prevents SCURVY")
    pairs = [pair("C", "D"), pair("ascorbic", "retinol", id="other:1")]
    result = decided(*pairs, rows=(QUESTION, again))
    assert sorted(result["drop_reason"], key=str) == [None, "prompt_cap"]
    assert result["group"].to_list() == ["corpus:1", "corpus:1"]


def test_other_options_or_another_context_make_another_prompt():
    rows = [
        row(options=options, context=context)
        for options, context in ((("A", "B"), None), (("A", "C"), None), (("A", "B"), "x"))
    ]
    named = [replace(one, id=f"corpus:{n}") for n, one in enumerate(rows)]
    result = decided(*[pair(id=one.id) for one in named], rows=named)
    assert result["group"].n_unique() == 3


def test_similar_prompts_can_be_collapsed():
    asked = (
        "Which of the vitamins that people eat with fruit and vegetables prevents the disease called scurvy in sailors"
    )
    parted = asked.replace(" that people eat with", ", that people eat, with").replace("scurvy in", "scurvy -- in")
    rows = [row("corpus:1", f"{asked}?"), row("corpus:2", f"{parted} ?"), row("corpus:3", "What is gout?")]
    pairs = pair_table([pair(f"good {one.id}", f"poor {one.id}", id=one.id) for one in rows])
    result = decide(pairs, table(*rows), PairRules(), similar_prompts(NearRules()))
    assert result["group"].to_list() == ["corpus:1", "corpus:1", "corpus:3"]
    assert result["drop_reason"].null_count() == 2


def test_a_pair_of_an_unknown_row_is_refused():
    with pytest.raises(ValueError, match="pair of 'corpus:1' belongs to no row"):
        decided(pair(), rows=[row("corpus:9")])


def test_a_split_holds_out_whole_prompts_about_as_many_as_asked():
    rows = [row(f"corpus:{n}", f"Question {n // 2}") for n in range(600)]
    result = decided(*[pair(id=one.id) for one in rows], rows=rows, test_share=0.2, seed=3)
    assert result.group_by("group").agg(pl.col("split").n_unique())["split"].max() == 1
    assert 40 < result.filter(pl.col("split") == "test")["group"].n_unique() < 80


def test_every_proposed_pair_is_in_the_table_once_whatever_happens_to_it():
    pairs = [pair(f"good {n % 3}", f"poor {n % 4}", margin=float(n % 5), rank=n) for n in range(40)]
    result = decided(*pairs, max_per_prompt=2, min_margin=2.0)
    assert result.select(PAIR_SCHEMA.names()[:8]).equals(pair_table(pairs).select(PAIR_SCHEMA.names()[:8]))
    assert result["drop_reason"].null_count() == 2


# --- rows and figures ----------------------------------------------------------------------------------------------


def test_rows_are_filled_with_their_pairs_and_one_without_says_why():
    rows = (QUESTION, row("corpus:2", "What is gout?", response="a", rejected="a."), row("corpus:3", "What is flu?"))
    proposed = [pair(margin=2.0, chosen_key="k1", rejected_key="k2"), pair("a", "a.", id="corpus:2")]
    result = pair_rows(table(*rows), decided(*proposed, rows=rows))
    first, second, third = result.iter_rows(named=True)
    assert (first["response"], first["rejected"], first["drop_reason"]) == (
        proposed[0]["chosen"],
        proposed[0]["rejected"],
        None,
    )
    assert json.loads(first["meta"])["pair"] == {
        "origin": "reward", "margin": 2.0, "chosen_key": "k1", "rejected_key": "k2", "split": "train",
    }  # fmt: skip
    assert (second["drop_reason"], second["evidence"]) == ("no_pair", '{"same_text": 1}')
    assert (third["drop_reason"], third["evidence"]) == ("no_pair", "{}")


def test_a_row_with_a_teachers_text_names_it_and_is_under_both_licences():
    rows = (QUESTION, row("corpus:2", "What is gout?"), row("corpus:3", "What is flu?", license="CC-BY-NC-4.0"))
    terms = "LicenseRef-llama-3.1-community"
    written = {"chosen_by": "tiny", "rejected_by": "tiny"}
    pairs = [pair(**written), pair("Own.", "Another.", id="corpus:2"), pair("Ill.", "Well.", id="corpus:3", **written)]
    result = pair_rows(table(*rows), decided(*pairs, rows=rows), licenses=(terms,))
    assert result["license"].to_list() == [f"{terms} AND MIT", "MIT", f"CC-BY-NC-4.0 AND {terms}"]
    assert json.loads(result["meta"][0])["pair"]["chosen_by"] == "tiny"


def test_further_pairs_become_rows_of_their_own():
    pairs = [pair(f"good {n}", f"poor {n}", rank=n) for n in range(3)]
    result = pair_rows(table(QUESTION), decided(*pairs, max_per_prompt=3))
    assert result["id"].to_list() == ["corpus:1", "corpus:1/pair-2", "corpus:1/pair-3"]
    assert result["response"].to_list() == ["good 0", "good 1", "good 2"]


def test_filled_rows_are_records_that_leave_in_trls_form():
    filled = pair_rows(table(QUESTION), decided(pair())).select(SCHEMA.names())
    (record,) = records(filled)
    assert trainer_formats.preference(record) == {
        "prompt": [{"role": turn.role, "content": turn.content} for turn in QUESTION.messages],
        "chosen": [{"role": "assistant", "content": pair()["chosen"]}],
        "rejected": [{"role": "assistant", "content": pair()["rejected"]}],
    }


def test_length_bias_by_hand():
    pairs = [
        pair("a" * 10, "b" * 5, margin=1.0),
        pair("a" * 6, "b" * 6, margin=0.5),
        pair("a" * 4, "b" * 8, margin=0.2),
    ]
    gone = pair("a" * 100, "b", margin=9.0)
    assert length_bias(decided(*pairs, gone, max_per_prompt=9)) == {
        "pairs": 3,
        "mean_chosen_chars": 20 / 3,
        "mean_rejected_chars": 19 / 3,
        "share_chosen_longer": 1 / 3,
        "share_same_length": 1 / 3,
        "pairs_with_margin": 3,
        "spearman_gap_margin": 1.0,
    }


def test_a_correlation_needs_three_margins_that_vary():
    two = [pair("a" * 10, "b" * 5, margin=1.0), pair("a" * 6, "b" * 6, margin=0.5)]
    flat = [pair("a" * n, "b" * 5, margin=1.0) for n in (5, 6, 7)]
    for pairs in ([], two, flat):
        assert length_bias(decided(*pairs, max_per_prompt=9))["spearman_gap_margin"] is None


def test_the_correlation_is_by_ranks_with_ties():
    from scipy.stats import spearmanr

    gaps, margins = [3, 1, 4, 1, 5, 9, 2, 6], [2.0, 1.0, 1.0, 0.5, 3.0, 2.5, 0.7, 3.0]
    pairs = [
        pair("a" * (10 + gap), f"{'b' * 9}{n}", margin=m) for n, (gap, m) in enumerate(zip(gaps, margins, strict=True))
    ]
    figure = length_bias(decided(*pairs, max_per_prompt=9))["spearman_gap_margin"]
    assert figure == pytest.approx(spearmanr(gaps, margins).statistic)
