"""Strategies: votes, adaptive stopping, orders of options, worked examples, and what they cost and gain."""

import itertools
from math import comb, sqrt
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import row, table
from simulated_model import AUTHOR, GOLD, SimulatedModel, question

from sources.record import Message
from synth.prompting.option_orders import distinct_orders, pinned_options
from synth.strategies.cost_curve import Cost, CostMeter, accuracy_by_calls, samples_used, sampling_figures
from synth.strategies.early_stop import lead_probability, samples_needed
from synth.strategies.solved_examples import solved_rows, verified_pool, with_examples
from synth.strategies.strategy_stage import STAGE, Strategy, question_turns
from synth.strategies.voting import vote
from synth.teachers.teacher import Completion, Failure

# --- votes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "winner", "tied", "unparsed"),
    [
        ("BAB", "B", False, 0),
        ("ABBA", "A", True, 0),
        ("BAAB", "B", True, 0),
        ("..C.", "C", False, 3),
        ("...", None, False, 3),
        ("", None, False, 0),
        ("CABAB", "A", True, 0),
    ],
)
def test_the_most_frequent_answer_wins_and_of_several_the_first_given(answers, winner, tied, unparsed):
    found = vote(None if answer == "." else answer for answer in answers)
    assert (found.winner, found.tied, found.unparsed, found.samples) == (winner, tied, unparsed, len(answers))


def test_the_share_of_a_vote_counts_unparsed_samples():
    assert vote(["A", None, "A", "B"]).share == 0.5
    assert vote([None, None]).share == 0.0


# --- adaptive stopping -----------------------------------------------------------------------------------------------


def one_at_a_time(answers, rule):
    """Return after how many samples a vote stops that asks for one sample at a time."""
    for used in range(len(answers)):
        if samples_needed(vote(answers[:used]).counts, len(answers) - used, rule) == 0:
            return used
    return len(answers)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_the_exact_rule_stops_as_soon_as_no_further_sample_can_change_the_winner(length):
    for answers in itertools.product("ABC." if length < 5 else "AB.", repeat=length):
        parsed = [None if answer == "." else answer for answer in answers]
        used = samples_used(parsed, "decided")
        for prefix in range(length + 1):
            winners = {
                vote([*parsed[:prefix], *(None if one == "." else one for one in rest)]).winner
                for rest in itertools.product("ABC.", repeat=length - prefix)
            }
            if len(winners) == 1:
                assert used == prefix, (answers, used, prefix)
                break


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([None, 0, 1, 2, 3]), min_size=1, max_size=40), st.sampled_from(["decided", "beta"]))
def test_batches_of_samples_take_no_more_than_one_sample_at_a_time(answers, rule):
    used = samples_used(answers, rule)
    assert used == one_at_a_time(answers, rule)
    assert samples_used(answers, "never") == len(answers)
    if rule == "decided":
        assert vote(answers[:used]).winner == vote(answers).winner


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_the_posterior_of_a_lead_is_the_tail_of_a_beta_distribution(first, second):
    stats = pytest.importorskip("scipy.stats")
    assert lead_probability(first, second) == pytest.approx(stats.beta.sf(0.5, first + 1, second + 1), abs=1e-12)


def test_four_votes_without_a_dissenter_satisfy_the_beta_rule_and_three_do_not():
    assert [samples_needed({"A": count}, 20 - count, "beta") for count in (3, 4)] == [1, 0]
    assert samples_used(["A"] * 20, "beta") == 4
    assert samples_used(["A"] * 20, "decided") == 10


def test_the_exact_rule_saves_a_third_of_the_calls_of_twenty_samples_and_changes_no_vote():
    rng = Random(0)
    sampled = []
    for _ in range(2000):
        accuracy = rng.betavariate(2, 0.7)  # 0.74 in the mean; most questions are easy or hard
        answers = [0 if rng.random() < accuracy else rng.randint(1, 3) for _ in range(20)]
        sampled.append(([(one,) for one in answers], (0,)))
    points = {point.name: point for point in accuracy_by_calls(sampled)}
    exact, full = points["stop: decided"], points["20 samples"]
    assert exact.changed == 0
    assert exact.right == full.right
    assert exact.calls <= 0.7 * 20


def test_the_beta_rule_errs_in_at_most_five_of_a_hundred_stops_where_every_share_is_equally_likely():
    rng = Random(1)
    stopped = wrong = 0
    for _ in range(4000):
        share = rng.random()
        answers = ["A" if rng.random() < share else "B" for _ in range(200)]
        used = samples_used(answers, "beta")
        counts = vote(answers[:used]).counts
        if lead_probability(*sorted((counts.get("A", 0), counts.get("B", 0)), reverse=True)) > 0.95:
            stopped += 1
            wrong += (vote(answers[:used]).winner == "A") != (share > 0.5)
    assert stopped > 3500
    assert wrong / stopped < 0.05 + 4 * sqrt(0.05 * 0.95 / stopped)


# --- orders ----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(1, 30), st.integers(0, 5), st.data())
def test_orders_are_distinct_permutations_that_show_each_option_equally_often_at_each_place(options, count, seed, data):
    pinned = data.draw(st.sets(st.integers(0, options - 1), max_size=options))
    orders = distinct_orders("quiz:1", options, count, seed=seed, pinned=pinned)
    movable = options - len(pinned)
    possible = int(np.prod(range(1, movable + 1))) if movable else 1
    assert orders == distinct_orders("quiz:1", options, count, seed=seed, pinned=pinned)
    assert len(orders) == count
    assert len(set(orders)) == min(count, possible)
    for order in orders:
        assert sorted(order) == list(range(options))
        assert all(order[place] == place for place in pinned)
    if movable > 1:
        for start in range(0, min(count, possible) - movable + 1, movable):
            block = orders[start : start + movable]
            for place in set(range(options)) - pinned:
                assert len({order[place] for order in block}) == movable


@pytest.mark.parametrize(
    ("options", "pinned"),
    [
        (["Gout", "Lupus", "All of the above", "None"], {2, 3}),
        (["Gout", "Lupus", "None of these"], {2}),
        (["Gout", "Both A and B"], {0, 1}),
        (["A and C", "B", "Only A"], {0, 1, 2}),
        (["a & c", "b"], {0, 1}),
        (["Gota", "Todas las anteriores son correctas"], {1}),
        (["Vitamin A", "Hepatitis B", "Factor V", "B cells"], set()),
        (["Both of the above", "x"], {0}),
        (["Above the knee", "Below the knee"], set()),
        (["options A and B", "x"], {0, 1}),
    ],
)
def test_options_that_refer_to_places_or_letters_keep_their_place(options, pinned):
    assert pinned_options(options) == pinned


# --- the stage -------------------------------------------------------------------------------------------------------


def run(config, records, model):
    return STAGE.run(table(*records), config, model)


def votes_of(config, records, model):
    return run(config, records, model).tables["votes"]


def accuracy(votes):
    return votes["right"].mean()


def quiz(count, options=4, **fields):
    """Return questions whose gold option is at each place equally often."""
    return [question(number, options, number % options, **fields) for number in range(count)]


def test_an_oracle_is_right_and_a_silent_model_has_no_answer_under_every_strategy():
    for name in ("greedy", "cot", "self-consistency", "medprompt"):
        config = Strategy.named(name, AUTHOR, samples=3)
        assert accuracy(votes_of(config, quiz(8), SimulatedModel())) == 1.0
        silent = run(config, quiz(8), SimulatedModel(silent=1.0))
        assert silent.tables["votes"].select("right", "answer", "unparsed").unique().rows() == [(False, None, 3)]
        assert set(silent.rows["drop_reason"]) == {"no_answer"}


def test_a_model_that_always_gives_the_same_letter_is_at_chance_once_options_are_shuffled():
    config = Strategy.named("medprompt", AUTHOR, samples=4, stop="never")
    always_a = SimulatedModel(bias=1.0)
    votes = votes_of(config, [question(number, 4, 0) for number in range(400)], always_a)
    assert votes["tied"].all()
    assert abs(accuracy(votes) - 0.25) < 4 * sqrt(0.25 * 0.75 / 400)
    unshuffled = Strategy.named("self-consistency", AUTHOR, samples=4)
    assert accuracy(votes_of(unshuffled, [question(number, 4, 0) for number in range(20)], always_a)) == 1.0


def vote_accuracy(shares):
    """Return the exact accuracy of a vote over two options, given the chance of gold in each sample."""
    chances = {(0, None): 1.0}
    for share in shares:
        following = {}
        for (lead, first), chance in chances.items():
            for step, part in ((1, share), (-1, 1 - share)):
                key = (lead + step, step if first is None else first)
                following[key] = following.get(key, 0.0) + chance * part
        chances = following
    return sum(chance for (lead, first), chance in chances.items() if lead > 0 or (lead == 0 and first == 1))


@pytest.mark.parametrize("stop", ["never", "decided"])
def test_self_consistency_reaches_what_binomial_arithmetic_predicts(stop):
    items, samples, share = 600, 20, 0.6
    config = Strategy.named("self-consistency", AUTHOR, samples=samples, stop=stop)
    model = SimulatedModel(accuracy=share)
    votes = votes_of(config, quiz(items, 2), model)
    expected = sum(comb(samples, hits) * share**hits * (1 - share) ** (samples - hits) for hits in range(11, 21))
    expected += comb(20, 10) * share**10 * (1 - share) ** 10 / 2  # of a tie, half begin with gold
    assert vote_accuracy([share] * samples) == pytest.approx(expected)
    assert abs(accuracy(votes) - expected) < 4 * sqrt(expected * (1 - expected) / items)
    assert (len(model.asked) == items * samples) == (stop == "never")
    assert votes["samples"].sum() == len(model.asked)


def test_shuffled_votes_cancel_the_preference_for_a_letter_as_arithmetic_predicts():
    items, samples, share, bias = 600, 20, 0.6, 0.4
    at_a, elsewhere = bias + (1 - bias) * share, (1 - bias) * share
    model = SimulatedModel(accuracy=share, bias=bias)
    plain = votes_of(Strategy.named("self-consistency", AUTHOR, samples=samples), quiz(items, 2), model)
    shuffled = votes_of(Strategy.named("medprompt", AUTHOR, samples=samples), quiz(items, 2), model)
    without = (vote_accuracy([at_a] * samples) + vote_accuracy([elsewhere] * samples)) / 2
    balanced = (vote_accuracy([at_a, elsewhere] * 10) + vote_accuracy([elsewhere, at_a] * 10)) / 2
    assert balanced > without + 0.1
    for found, expected in ((plain, without), (shuffled, balanced)):
        assert abs(accuracy(found) - expected) < 4 * sqrt(expected * (1 - expected) / items)


def test_the_exact_stop_gives_the_same_votes_with_fewer_calls():
    full, early = SimulatedModel(accuracy=0.75), SimulatedModel(accuracy=0.75)
    settings = {"samples": 20, "temperature": 0.7}
    whole = votes_of(Strategy.named("medprompt", AUTHOR, stop="never", **settings), quiz(100), full)
    stopped = votes_of(Strategy.named("medprompt", AUTHOR, **settings), quiz(100), early)
    assert stopped["answer"].to_list() == whole["answer"].to_list()
    assert len(early.asked) <= 0.7 * len(full.asked)
    keys = {request.key("m", "1") for request in full.asked}
    assert {request.key("m", "1") for request in early.asked} <= keys


def test_answers_are_mapped_back_to_the_order_of_the_source():
    config = Strategy.named("medprompt", AUTHOR, samples=4, stop="never")
    votes = votes_of(config, [question(1, 4, 2)], SimulatedModel())
    assert votes["votes"].to_list() == [[[2], [2], [2], [2]]]


def test_yes_no_and_maybe_have_no_order():
    config = Strategy.named("medprompt", AUTHOR, samples=3, stop="never")
    decision = row("quiz:1", "Is it?", context="Abstract.", options=("yes", "no", "maybe"), gold=(1,))

    def model(requests):
        for request in requests:
            assert "A." not in request.messages[-1].content
            yield request, Completion(text="It is not.\nAnswer: no", finish_reason="stop")

    assert votes_of(config, [decision], model).select("answer", "right", "uncounted").rows() == [([1], True, 3)]


def test_broken_off_and_failed_samples_are_counted_and_never_vote():
    def model(requests):
        for request in requests:
            yield (
                request,
                [
                    Completion(text="Answer: A", finish_reason="length"),
                    Failure(error="HTTP 500", tries=5),
                    Completion(text="Answer: B", finish_reason="stop", prompt_tokens=7, completion_tokens=3),
                ][request.sample],
            )

    config = Strategy.named("self-consistency", AUTHOR, samples=3, stop="never")
    votes = votes_of(config, [question(1, 4, 1)], model)
    columns = ("right", "samples", "unparsed", "truncated", "failed", "prompt_tokens", "uncounted")
    assert votes.select(columns).rows() == [(True, 3, 2, 1, 1, 7, 2)]


def test_rows_without_options_are_not_asked():
    model = SimulatedModel()
    outcome = run(Strategy.named("cot", AUTHOR), [row("quiz:1", "Why?"), question(2)], model)
    assert [request.row for request in model.asked] == ["quiz:2"]
    assert outcome.rows["drop_reason"].to_list() == [None, None]


# --- worked examples -------------------------------------------------------------------------------------------------


def letters_embedding(texts):
    """Embed texts by their letters."""
    return np.array([[text.lower().count(chr(97 + place)) for place in range(26)] for text in texts], np.float32)


def solved(number, text, chain="Answer: A", **fields):
    return question(number, 2, 0, response=chain, messages=(Message("user", text),), **fields)


def test_the_nearest_examples_are_shown_and_the_nearest_one_last():
    pool = table(solved(1, "zzzz"), solved(2, "aaab"), solved(3, "aabb"), solved(4, "aaaa"))
    rows = with_examples(table(solved(9, "aaaa")), pool, letters_embedding, k=3)
    prompts = [one["prompt"] for one in rows["examples"][0]]
    assert [next(text for text in ("aabb", "aaab", "aaaa") if text in prompt) for prompt in prompts] == [
        "aabb",
        "aaab",
        "aaaa",
    ]
    model = SimulatedModel()
    STAGE.run(rows, Strategy.named("medprompt", AUTHOR, samples=1), model)
    messages = model.asked[0].messages
    assert [message.role for message in messages] == ["system", *["user", "assistant"] * 3, "user"]
    assert "worked examples" in messages[0].content
    assert messages[-2].content == "Answer: A"


def test_a_question_is_no_example_of_itself_and_an_empty_pool_is_refused():
    pool = table(solved(1, "aaaa"), solved(2, "bbbb"))
    rows = with_examples(pool, pool, letters_embedding, k=5)
    assert [len(examples) for examples in rows["examples"]] == [1, 1]
    with pytest.raises(ValueError, match="no solved example"):
        with_examples(pool, pool.clear(), letters_embedding)


LEAKED = "A 43-year-old farmer from Galicia has a painless eschar and gelatinous oedema after shearing: which organism?"


def test_chains_that_miss_gold_and_leaks_of_the_test_set_are_no_examples():
    pool = table(
        solved(1, "Which vitamin prevents scurvy in sailors who eat no fruit?"),
        solved(2, "Which hormone lowers the glucose in blood?", chain="Answer: B"),
        solved(3, "Which bone is the longest of the body?", chain=None),
        solved(4, LEAKED),
        solved(5, "Which nerve moves the diaphragm when we breathe?", chain=f"Compare: {LEAKED}\nAnswer: A"),
    )
    found = verified_pool(pool, table(question(9, messages=(Message("user", LEAKED),))))
    assert found.rows["id"].to_list() == ["quiz:1"]
    reasons = dict(found.drops.select("id", "drop_reason").iter_rows())
    assert (reasons.pop("quiz:2"), reasons.pop("quiz:3")) == ("wrong_chain", "no_chain")
    assert sorted(reasons) == ["quiz:4", "quiz:5"]
    assert all(reason.startswith("leak") for reason in reasons.values())


def test_a_pool_is_what_a_strategy_solved():
    rows = table(*quiz(12))
    outcome = STAGE.run(rows, Strategy.named("cot", AUTHOR), SimulatedModel(accuracy=0.5))
    pool = solved_rows(rows, outcome.tables["candidates"])
    kept = verified_pool(pool, rows.clear())
    right = outcome.tables["votes"].filter("right")["id"].to_list()
    assert kept.rows["id"].to_list() == right
    assert 0 < len(right) < 12


def test_prompts_show_the_options_of_an_order_and_ask_for_an_answer_line():
    system, user = question_turns(question(1, 3, 0), (2, 0, 1), reason=True)
    assert "step by step" in system.content
    assert "A. other2 1\nB. gold 1\nC. other1 1" in user.content
    assert GOLD not in system.content


# --- costs -----------------------------------------------------------------------------------------------------------


def test_a_meter_counts_calls_tokens_and_request_seconds_by_row():
    meter = CostMeter(SimulatedModel())
    run(Strategy.named("self-consistency", AUTHOR, samples=4, stop="never"), quiz(3), meter)
    one = Cost(calls=4, prompt_tokens=400, completion_tokens=40, request_seconds=2.0)
    assert meter.by_row == {f"quiz:{number}": one for number in range(3)}
    assert meter.total == Cost(calls=12, prompt_tokens=1200, completion_tokens=120, request_seconds=6.0)


def test_the_curve_has_votes_over_first_samples_and_what_each_rule_would_have_done():
    votes = votes_of(
        Strategy.named("self-consistency", AUTHOR, samples=20, stop="never"), quiz(200), SimulatedModel(accuracy=0.5)
    )
    sampled = [
        ([None if one is None else tuple(one) for one in answers], (number % 4,))
        for number, answers in enumerate(votes["votes"].to_list())
    ]
    points = accuracy_by_calls(sampled)
    assert [point.name for point in points] == [
        "1 sample",
        *(f"{count} samples" for count in (2, 3, 5, 7, 10, 15, 20)),
        "stop: decided",
        "stop: beta",
    ]
    assert points[7].accuracy == accuracy(votes)
    assert points[0].accuracy < points[7].accuracy
    assert points[9].calls < points[8].calls < 20
    figures = sampling_figures(sampled)
    assert figures.single < points[7].accuracy <= figures.pass_any
    assert sampling_figures([]) is None


def test_the_columns_of_votes_have_the_types_of_their_schema():
    votes = votes_of(Strategy.named("cot", AUTHOR), quiz(1), SimulatedModel())
    assert votes.schema["votes"] == pl.List(pl.List(pl.Int32))
