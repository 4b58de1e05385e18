"""Chains of thought: sampled in rounds and option orders, judged one by one, kept only where they agree with gold."""

import json
from collections import Counter
from dataclasses import replace
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from rows import row, table

from sources.shapes.row_shapes import LETTERS
from sources.table import SCHEMA, records
from synth.answers.extractor import extract
from synth.cot.chain_defects import chain_similarity, find_defect, word_grams
from synth.cot.chain_settings import Chains, Cot
from synth.cot.chosen_chains import in_row_order
from synth.cot.difficulty import difficulty
from synth.cot.sample_chains import CHAINS, eligible_rows, next_round
from synth.prompting.generators import GENERATORS
from synth.prompting.option_orders import option_order
from synth.teachers.candidates import CANDIDATE_SCHEMA, Author
from synth.teachers.teacher import Completion, Failure, Request

OPTIONS = ("Naproxen", "Allopurinol", "Probenecid", "Febuxostat")
GOUT = row("exam:1", "Which drug stops an acute attack of gout?", task="mcqa", options=OPTIONS, gold=(0,))
STENT = row(
    "exam:2",
    "What follows the placing of a coronary stent?",
    task="mcqa",
    options=("Aspirin alone", "Aspirin and clopidogrel", "Warfarin"),
    gold=(1,),
    rationale="Two platelet inhibitors are needed. Ans. B",
)
TRIAL = row(
    "trials:1",
    "Does early mobilisation shorten the stay?",
    task="mcqa",
    options=("yes", "no", "maybe"),
    gold=(1,),
    context="METHODS: 80 patients. RESULTS: stay was 5.1 against 5.0 days.",
)
OPEN = row("open:1", "What is gout?", answer="A crystal arthritis")

REASONS = (
    "The attack is acute, so what counts is how fast a drug works against inflammation of the joint. Drugs that lower "
    "urate have no such effect and may even prolong an attack when they are started during it, whatever else is said "
    "for them in the long run. An inhibitor of prostaglandin synthesis acts within hours."
)
OTHER_REASONS = (
    "Urate crystals set off neutrophils, and pain comes from the swelling that follows. Of the substances listed only "
    "one interrupts this; the rest change the synthesis or excretion of uric acid, which takes weeks to matter. That "
    "settles the choice for tonight, while prevention is a topic for the follow-up visit."
)


def cot(**fields):
    usual = {
        "generated_by": Author(name="tiny", revision="1"),
        "license": "MIT",
        "generator": "medqa",
        "gold": "withheld",
    }
    return Cot(**{**usual, **fields})


def alone(config):
    """Return the config of a step with one generator."""
    return Chains(generators=(config,))


def requests(rows, config):
    return CHAINS.requests(rows, alone(config))


def assess(rows, answered, config):
    return CHAINS.assess(rows, answered, alone(config))


def judge(rows, answered, config):
    outcome = CHAINS.judge(rows, answered, alone(config))
    return outcome.rows, outcome.tables["candidates"]


def write(rows, ask, config):
    outcome = CHAINS.run(rows, alone(config), ask)
    return outcome.rows, outcome.tables["candidates"]


def next_requests(rows, candidates, config):
    eligible = list(eligible_rows(rows, alone(config)))
    return [request for _, request in next_round(eligible, candidates, alone(config))]


def options_shown(request):
    """Return the options of the last turn, as a model reads them."""
    lines = request.messages[-1].content.splitlines()
    return [line[3:] for line in lines if line[:1] in LETTERS and line[1:3] == ". "]


def says(text, finish_reason="stop"):
    return Completion(text=text, finish_reason=finish_reason, completion_tokens=len(text.split()))


def chooses(option, reasons=REASONS):
    """Return a fake model that chooses ``option``, whatever its letter."""
    return lambda request: says(f"{reasons}\n\nAnswer: {LETTERS[options_shown(request).index(option)]}")


def asker(model):
    """Return an ``Ask`` of a function from request to answer; completions come in another order than requests."""

    def ask(batch):
        answered = [(request, model(request)) for request in batch]
        return iter(sorted(answered, key=lambda pair: pair[0].key("", "")))

    return ask


def by_id(rows):
    return {record["id"]: record for record in rows.iter_rows(named=True)}


def verdicts(candidates):
    return Counter(candidates["verdict"])


# --- what is asked -------------------------------------------------------------------------------------------------


def test_each_question_with_gold_gets_its_samples_and_no_other_row_does():
    sent = requests(table(GOUT, OPEN, TRIAL), cot(samples=3))
    assert [(one.row, one.sample) for one in sent] == [(id, n) for id in ("exam:1", "trials:1") for n in range(3)]
    assert {one.stage for one in sent} == {"cot"}
    assert [one.row for one in requests(table(GOUT, TRIAL), cot(samples=1, sources=("trials",)))] == ["trials:1"]


def test_gold_and_rationale_are_shown_only_where_they_are_given():
    (withheld,) = requests(table(STENT), cot(samples=1))
    (given_,) = requests(table(STENT), cot(samples=1, gold="given"))
    assert "Right answer" not in withheld.messages[-1].content
    assert "platelet" not in "".join(message.content for message in withheld.messages)
    assert "Right answer, for your eyes only: B" in given_.messages[-1].content
    assert STENT.rationale in given_.messages[-1].content


def test_half_of_the_samples_see_another_order_and_gold_moves_along():
    sent = requests(table(STENT), cot(samples=4, gold="given"))
    shown = [tuple(options_shown(one)) for one in sent]
    assert shown[0] == shown[2] == STENT.options
    assert len({shown[1], shown[3], STENT.options}) == 3
    for request, options in zip(sent, shown, strict=True):
        letter = LETTERS[options.index("Aspirin and clopidogrel")]
        assert f"for your eyes only: {letter}" in request.messages[-1].content


def test_a_rationale_that_names_letters_is_left_out_of_other_orders():
    sent = requests(table(STENT), cot(samples=2, gold="given"))
    assert [STENT.rationale in one.messages[-1].content for one in sent] == [True, False]


def test_yes_no_and_maybe_have_no_letters_and_no_orders():
    first, second = requests(table(TRIAL), cot(samples=2, generator="pubmedqa", gold="given"))
    assert first.messages == second.messages
    assert options_shown(first) == []
    assert "for your eyes only: no" in first.messages[-1].content
    assert TRIAL.context in first.messages[-1].content


def test_a_question_in_another_language_is_answered_in_it():
    spanish = row("es:1", "¿Qué fármaco?", task="mcqa", lang="es", options=OPTIONS, gold=(0,))
    assert "Write in Spanish" in requests(table(spanish), cot(samples=1))[0].messages[-1].content
    assert "Write in" not in requests(table(GOUT), cot(samples=1))[0].messages[-1].content


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_shows_three_worked_examples_whose_answers_can_be_read(name):
    case = row("p:1", "Age: 50", answer="Gout")
    question = TRIAL if name == "pubmedqa" else GOUT
    for gold in ("given", "withheld"):
        (request,) = requests(table(case if name == "polymed" else question), cot(generator=name, gold=gold, samples=1))
        roles = [message.role for message in request.messages]
        assert roles == ["system", *["user", "assistant"] * 3, "user"]
        shown = [message.content for message in request.messages]
        assert all(("for your eyes only" in text) == (gold == "given") for text in shown[1::2])
        answers = [_example_answer(name, *pair) for pair in zip(shown[1:-1:2], shown[2::2], strict=True)]
        assert len(set(answers)) == 3 and None not in answers


def _example_answer(name, prompt, answer):
    if name == "polymed":
        case = json.loads(answer)
        assert case["diagnosis"].lower() not in case["question"].lower()
        return case["diagnosis"]
    options = [line[3:] for line in prompt.splitlines() if line[:1] in LETTERS and line[1:3] == ". "]
    verdict = extract(answer, options or ("yes", "no", "maybe"))
    assert verdict.explicit
    text = answer.rpartition("Answer:")[0]
    assert find_defect(text, prompt, len(options), min_chars=300, max_repeated=0.3, max_repetition=0.1) is None
    assert f"only: {verdict.decision or verdict.letters[0]}" in prompt or "only:" not in prompt
    return verdict.decision or verdict.letters[0]


@given(st.text("abc:123", min_size=1), st.integers(2, 6), st.integers(0, 2**32), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_orders_are_permutations_that_do_not_repeat_and_never_change(row_id, options, seed, share):
    orders = [option_order(row_id, sample, options, share=share, seed=seed) for sample in range(8)]
    source = tuple(range(options))
    assert all(sorted(one) == list(source) for one in orders)
    permuted = [one for one in orders if one != source]
    assert len(permuted) == 8 * share
    if options > 3:
        assert len(set(permuted)) == len(permuted)
    assert orders == [option_order(row_id, sample, options, share=share, seed=seed) for sample in range(8)]


# --- several generators --------------------------------------------------------------------------------------------

BOTH = Chains(
    generators=(
        cot(sources=("exam",), samples=1, rounds=1, unanswered="pass"),
        cot(
            generator="pubmedqa",
            sources=("trials",),
            samples=2,
            rounds=1,
            generated_by=Author(name="small", revision="2"),
        ),
    )
)


def test_each_row_gets_the_requests_of_the_generator_that_takes_it():
    rows = table(GOUT, OPEN, TRIAL, STENT)
    by_generator = CHAINS.requests_by_part(rows, BOTH)
    assert {part: [(one.row, one.sample) for one in sent] for part, sent in by_generator.items()} == {
        "medqa": [("exam:1", 0), ("exam:2", 0)],
        "pubmedqa": [("trials:1", 0), ("trials:1", 1)],
    }
    for part, config in zip(by_generator, BOTH.generators, strict=True):
        assert by_generator[part] == requests(rows, config)


def test_rows_that_no_generator_takes_stay_as_they_are_in_their_place():
    without_gold = replace(GOUT, id="exam:3", gold=(), meta={"odd": [1]})
    rows = table(OPEN, GOUT, without_gold, TRIAL)
    outcome = CHAINS.run(rows, BOTH, asker(lambda one: chooses("Naproxen")(one) if one.row == "exam:1" else says("?")))
    assert outcome.rows["id"].to_list() == ["open:1", "exam:1", "exam:3", "trials:1"]
    assert outcome.rows["drop_reason"].to_list() == [None, None, None, "no_right_chain"]
    others = pl.col("id").is_in(["open:1", "exam:3"])
    assert outcome.rows.filter(others).drop("drop_reason", "evidence").equals(rows.filter(others))
    assert outcome.tables["generators"].rows() == [("exam:1", "medqa", 1), ("trials:1", "pubmedqa", 0)]
    assert set(outcome.tables["candidates"].select("id", "teacher").iter_rows()) == {
        ("exam:1", "tiny"),
        ("trials:1", "small"),
    }


def test_a_step_of_several_generators_does_what_one_step_each_did():
    rows = table(GOUT, OPEN, STENT, replace(STENT, id="trials:2", source="trials"))
    medqa, other = (cot(sources=(name,), samples=2, hints=1, keep=2) for name in ("exam", "trials"))
    other = replace(other, generator="headqa")
    ask = asker(lambda one: chooses("Naproxen")(one) if one.row == "exam:1" else says(f"{REASONS}\n\nAnswer: B"))
    first, _ = write(rows, ask, medqa)
    left = first.filter(pl.col("drop_reason").is_null()).drop("drop_reason", "evidence")
    second, _ = write(left, ask, other)
    both = CHAINS.run(rows, Chains(generators=(medqa, other)), ask).rows
    assert both.filter(pl.col("drop_reason").is_null()).equals(second.filter(pl.col("drop_reason").is_null()))


@pytest.mark.parametrize(
    ("generators", "message"),
    [
        ((), "at least 1 item"),
        ((cot(sources=("a",)), cot(sources=("b",))), "the generator medqa is named twice"),
        ((cot(sources=("a",)), cot(generator="mmlu", sources=("b", "a"))), "the source a is named twice"),
        ((cot(sources=("a",)), cot(generator="mmlu")), "mmlu names no sources"),
    ],
)
def test_generators_that_would_take_the_same_row_are_refused(generators, message):
    with pytest.raises(ValueError, match=message):
        Chains(generators=generators)


# --- what a completion is worth ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        ("kept", f"{REASONS}\n\nAnswer: A"),
        ("kept", f"{REASONS}\n\n**Final answer: Naproxen**"),
        ("kept", f"{REASONS} So the answer is A."),
        ("wrong", f"{REASONS}\n\nAnswer: B"),
        ("unparsed", REASONS),
        ("unparsed", f"{REASONS}\n\nAnswer: A or B"),
        ("unparsed", f"{REASONS}\n\nAnswer: E"),
        ("unparsed", f"<think>{REASONS}\n\nAnswer: A"),
        ("unparsed", f"{REASONS}\n\nAnswer: A. Allopurinol"),
        ("not_prose", json.dumps({"reasons": REASONS, "answer": "A"})),
        ("too_short", "Because it is quick.\n\nAnswer: A"),
        ("too_short", "Answer: A"),
        ("mentions_given_answer", f"{REASONS} This agrees with the given answer.\n\nAnswer: A"),
        ("foreign_letter", f"{REASONS} Option F would be too slow.\n\nAnswer: A"),
        ("repetitive", f"{REASONS}\n{'It acts within hours and it is safe. ' * 30}\n\nAnswer: A"),
        ("contradictory", f"{REASONS} The correct answer is C.\n\nAnswer: A"),
        ("contradictory", f"The answer is B. Allopurinol.\n\n{REASONS}\n\nSo the answer is A."),
        ("contradictory", f"Answer: Febuxostat\n\n{REASONS}\n\nAnswer: A"),
        ("kept", f"{REASONS} The answer is not B.\n\nAnswer: A"),
        ("kept", f"{REASONS} One might think that the answer is B.\n\nAnswer: A"),
        ("kept", f"{REASONS} If the attack were over, the answer would be B.\n\nAnswer: A"),
        ("kept", f"{REASONS}\n\n- B. Allopurinol: it lowers urate.\n- C. Probenecid: so does this.\n\nAnswer: A"),
        ("kept", f"{REASONS}\n\nAnswer: A<|im_end|>"),
        ("control_marks", f"{REASONS}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nAnswer: A"),
        ("control_marks", f"{REASONS}\x00\n\nAnswer: A"),
        ("control_marks", f"{REASONS}\ufffd\n\nAnswer: A"),
        ("unparsed", f"{REASONS}<|eot_id|>\n\nAnswer: B"),
    ],
)
def test_a_completion_has_one_verdict(verdict, text):
    (request,) = requests(table(GOUT), cot(samples=1))
    _, candidates = judge(table(GOUT), [(request, says(text))], cot(samples=1))
    assert candidates["verdict"].to_list() == [verdict]
    assert "".join(candidates.select(pl.concat_str("text", "reasoning", ignore_nulls=True)).item()) in text


def test_another_answer_in_the_thoughts_before_the_chain_does_not_count():
    (request,) = requests(table(GOUT), cot(samples=1))
    text = f"<think>The answer is B. No, it lowers urate.</think>{REASONS}\n\nAnswer: A"
    assert judge(table(GOUT), [(request, says(text))], cot(samples=1))[1]["verdict"].to_list() == ["kept"]


def test_what_was_cut_off_is_truncated_whatever_it_says():
    (request,) = requests(table(GOUT), cot(samples=1))
    table_ = assess(table(GOUT), [(request, says(f"{REASONS}\n\nAnswer: A", "length"))], cot(samples=1))
    assert table_.select("verdict", "parsed", "detail").rows() == [("truncated", None, "length")]


def test_a_failed_request_is_a_candidate_too():
    (request,) = requests(table(GOUT), cot(samples=1))
    rows, candidates = judge(table(GOUT), [(request, Failure(error="timeout", tries=5))], cot(samples=1))
    assert candidates.select("verdict", "detail", "text").rows() == [("failed", "timeout", None)]
    assert rows.select("drop_reason", "evidence").rows() == [("no_reply", '{"cot:failed": 1}')]


def test_several_right_answers_must_all_be_there():
    several = row("exam:3", "Which drugs lower urate?", task="mcqa", options=OPTIONS, gold=(1, 3))
    config = cot(samples=2, shuffled=0)
    first, second = requests(table(several), config)
    assert "More than one option is right" in first.messages[-1].content
    answered = [(first, says(f"{REASONS}\n\nAnswer: B")), (second, says(f"{REASONS}\n\nAnswer: D and B"))]
    rows, candidates = judge(table(several), answered, config)
    assert candidates["verdict"].to_list() == ["wrong", "kept"]
    assert rows["response"][0].endswith("\n\nAnswer: B, D")


def test_a_response_ends_in_one_form_and_says_its_answer_once():
    (request,) = requests(table(GOUT), cot(samples=1))
    text = f"<think>Answer: B</think>\n{REASONS}\n\n### Final answer\n\n**A) Naproxen**\n\nI hope this helps."
    rows, _ = judge(table(GOUT), [(request, says(text))], cot(samples=1))
    assert rows["response"].to_list() == [f"{REASONS}\n\nAnswer: A"]


@pytest.mark.parametrize(
    "further",
    [
        "\n\nQuestion: A child has a sore throat. What is given?\nOptions:\nA. Rest\nB. Penicillin\n\nAnswer: B",
        "<|im_end|>\n<|im_start|>user\nAnd for prevention?<|im_end|>\n<|im_start|>assistant\nAnswer: B",
        "\n\n### Instruction\nName the drug for prevention.\n\nAnswer: B",
        "\n\nUser: and for prevention?\nAnswer: B",
        "\n\nA child has a sore throat. What helps?\nA. Rest\nB. Penicillin\nC. Ice\nD. Tea\n\nAnswer: B",
    ],
)
def test_a_next_question_that_the_model_invents_is_cut(further):
    (request,) = requests(table(GOUT), cot(samples=1))
    rows, _ = judge(table(GOUT), [(request, says(f"{REASONS}\n\nAnswer: A{further}"))], cot(samples=1))
    assert rows["response"].to_list() == [f"{REASONS}\n\nAnswer: A"]


def test_a_question_that_is_repeated_before_the_answer_is_no_next_question():
    (request,) = requests(table(GOUT), cot(samples=1))
    text = f"Question: what stops an attack?\n\n{REASONS}\n\nQuestion: and which drug is that?\n\nAnswer: A"
    rows, _ = judge(table(GOUT), [(request, says(text))], cot(samples=1))
    assert rows["response"].to_list() == [text]


@pytest.mark.parametrize(
    "thought",
    [
        "<think>{}</think>",
        "<thinking>{}</thinking>\n",
        "[THINK]{}[/THINK]",
        "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>",
        "analysis{}assistantfinal",
        "<|channel>thought\n{}\n<channel|>",
        "<unused94>thought\n{}<unused95>",
        "## Thinking\n\n{}\n\n## Final Response\n\n",
        "<|begin_of_thought|>{}<|end_of_thought|>",
        "{}</think>",
    ],
)
def test_reasoning_under_any_mark_is_no_part_of_the_chain(thought):
    (request,) = requests(table(GOUT), cot(samples=1))
    text = thought.format("The reader wants B, I think. Answer: B") + f"{REASONS}\n\nAnswer: A"
    rows, candidates = judge(table(GOUT), [(request, says(text))], cot(samples=1))
    assert rows["response"].to_list() == [f"{REASONS}\n\nAnswer: A"]
    assert candidates["reasoning"].to_list() == ["The reader wants B, I think. Answer: B"]


def test_reasons_that_follow_the_answer_are_put_before_it():
    (request,) = requests(table(GOUT), cot(samples=1))
    rows, _ = judge(table(GOUT), [(request, says(f"**Answer: A**\n\n{REASONS}"))], cot(samples=1))
    assert rows["response"].to_list() == [f"{REASONS}\n\nAnswer: A"]


def test_a_chain_may_quote_the_question_but_not_be_it():
    question = "A man of 60 has had pain in the chest for two hours, and his blood pressure is 90/60 mmHg."
    limits = {"min_chars": 10, "max_repeated": 0.7, "max_repetition": 0.3}
    assert find_defect(question + " Think.", question, 4, **limits) == "repeats_question"
    assert find_defect(f"{question} {REASONS}", question, 4, **limits) is None


def test_a_known_diagnosis_or_a_given_dose_is_no_mention_of_the_answer():
    limits = {"min_chars": 10, "max_repeated": 0.7, "max_repetition": 0.3}
    fine = "She has a known diagnosis of lupus and was given a solution of saline; the answer depends on the kidney."
    assert find_defect(fine, "", 4, **limits) is None
    for mention in (
        "as the answer key says",
        "The correct answer is given as B.",
        "la respuesta proporcionada",
        "Musterlösung",
    ):
        assert find_defect(f"{fine} {mention}", "", 4, **limits) == "mentions_given_answer"


def test_similarity_is_that_of_runs_of_words():
    assert chain_similarity(word_grams(REASONS), word_grams(REASONS.upper())) == 1
    assert chain_similarity(word_grams(REASONS), word_grams(OTHER_REASONS)) < 0.1


# --- orders --------------------------------------------------------------------------------------------------------


def test_a_chain_keeps_the_order_it_was_written_for():
    def wrong_in_source_order(request):
        right = options_shown(request).index("Naproxen")
        return chooses("Naproxen" if right else "Febuxostat")(request)

    config = cot(samples=4)
    rows, candidates = write(table(GOUT), asker(wrong_in_source_order), config)
    (record,) = records(rows)
    assert sorted(record.options) == sorted(OPTIONS) and record.options != OPTIONS
    assert record.options[record.gold[0]] == "Naproxen"
    assert record.response.endswith(f"Answer: {LETTERS[record.gold[0]]}")
    note = record.meta["cot"]
    assert tuple(OPTIONS[place] for place in note["order"]) == record.options
    assert set(candidates.filter(pl.col("verdict") == "kept")["parsed"]) == {"A"}, "letters as in the source"


def test_the_source_order_comes_first_where_both_are_right():
    rows, _ = write(table(GOUT), asker(chooses("Naproxen")), cot(samples=4))
    (record,) = records(rows)
    assert record.options == OPTIONS
    assert "order" not in record.meta["cot"]


def test_a_model_that_knows_only_the_letter_is_seen_by_its_pass_rates():
    rows, _ = write(table(GOUT), asker(lambda request: says(f"{REASONS}\n\nAnswer: A")), cot(samples=8))
    note = next(records(rows)).meta["cot"]
    assert note["pass_rate_source_order"] == 1
    assert note["pass_rate_shuffled"] < 0.6
    assert note["samples"] == 8


def test_only_candidates_in_the_rows_own_order_can_be_pairs_with_its_response():
    config = cot(samples=4)
    rows, candidates = write(table(GOUT), asker(chooses("Naproxen")), config)
    assert in_row_order(rows, candidates, config)["sample"].to_list() == [0, 2]


# --- rounds --------------------------------------------------------------------------------------------------------


def test_a_question_is_asked_again_until_something_is_right():
    def third_round(request):
        return chooses("Naproxen" if request.sample >= 4 else "Probenecid")(request)

    rows, candidates = write(
        table(GOUT, STENT),
        asker(lambda one: third_round(one) if one.row == "exam:1" else says("?")),
        cot(samples=2, rounds=4),
    )
    asked_of = Counter(candidates["id"])
    assert asked_of == {"exam:1": 6, "exam:2": 8}
    assert verdicts(candidates) == {"wrong": 4, "kept": 1, "right": 1, "unparsed": 8}
    assert by_id(rows)["exam:1"]["drop_reason"] is None
    assert by_id(rows)["exam:2"]["drop_reason"] == "no_right_chain"
    assert json.loads(by_id(rows)["exam:2"]["evidence"]) == {"cot:unparsed": 8}
    assert next(records(rows)).meta["cot"]["pass_rate"] == pytest.approx(2 / 6, abs=1e-4)


def test_what_has_been_answered_is_not_asked_again():
    config = cot(samples=2, rounds=2)
    first = requests(table(GOUT), config)
    done = assess(table(GOUT), [(first[0], says("?"))], config)
    assert [one.sample for one in next_requests(table(GOUT), done, config)] == [1]
    both = assess(table(GOUT), [(one, says("?")) for one in first], config)
    assert [one.sample for one in next_requests(table(GOUT), both, config)] == [2, 3]
    right = assess(table(GOUT), [(one, chooses("Naproxen")(one)) for one in first], config)
    assert next_requests(table(GOUT), right, config) == []


def test_a_budget_that_ends_leaves_rows_that_say_so():
    rows, candidates = write(table(GOUT, STENT), lambda batch: iter(()), cot())
    assert candidates.is_empty() and candidates.schema == CANDIDATE_SCHEMA
    assert rows["drop_reason"].to_list() == ["no_reply", "no_reply"]


def test_rows_may_pass_without_a_chain_if_the_config_says_so():
    rows, _ = write(table(GOUT), asker(lambda request: says("?")), cot(unanswered="pass"))
    assert rows.select("response", "drop_reason", "evidence").rows() == [(None, None, None)]
    assert next(records(rows)).meta["cot"]["pass_rate"] == 0


def test_different_chains_are_kept_and_similar_ones_are_not():
    texts = [REASONS, REASONS + " Quickly.", OTHER_REASONS, REASONS[::-1]]
    config = cot(samples=4, shuffled=0, keep=2)
    rows, candidates = write(table(GOUT), asker(lambda one: says(f"{texts[one.sample]}\n\nAnswer: A")), config)
    assert candidates["verdict"].to_list() == ["kept", "right", "kept", "right"]
    assert candidates["detail"][1].startswith("like sample 0")
    assert candidates["detail"][3] == "beyond the 2 to keep"
    assert rows["id"].to_list() == ["exam:1", "exam:1/cot-2"]
    assert rows["response"].to_list() == [f"{text}\n\nAnswer: A" for text in (REASONS, OTHER_REASONS)]


# --- hints ---------------------------------------------------------------------------------------------------------


def hinted(request, recheck="Answer: A"):
    """Answer wrongly unless the answer is shown; recheck any rationale with ``recheck``."""
    if request.stage == "cot-recheck":
        return says(recheck)
    letter = "A" if request.stage == "cot-hinted" else "B"
    return says(f"{REASONS} Thus the answer is {letter}.\n\nAnswer: {letter}")


def sampled_rows(count):
    return [row(f"easy:{n}", f"Question {n}?", task="mcqa", options=OPTIONS, gold=(1,)) for n in range(count)]


def test_a_hint_is_given_only_after_all_rounds_failed():
    config = cot(samples=2, rounds=2, shuffled=0, hints=1, hinted_share=0.5)
    stages = []
    rows, _ = write(
        table(GOUT, *sampled_rows(1)), asker(lambda one: stages.append((one.row, one.stage)) or hinted(one)), config
    )
    assert Counter(stages) == {
        ("exam:1", "cot"): 4,
        ("exam:1", "cot-hinted"): 1,
        ("exam:1", "cot-recheck"): 1,
        ("easy:0", "cot"): 2,
    }
    assert by_id(rows)["exam:1"]["drop_reason"] is None
    note = next(records(rows)).meta["cot"]
    assert (note["origin"], note["pass_rate"]) == ("hinted", 0)
    assert "for your eyes only" not in by_id(rows)["exam:1"]["response"]


def test_the_recheck_sees_neither_the_question_nor_the_answer():
    seen = []

    def model(request):
        seen.append(request)
        return hinted(request)

    write(table(GOUT), asker(model), cot(samples=1, rounds=1, hints=1))
    (recheck,) = [one for one in seen if one.stage == "cot-recheck"]
    text = recheck.messages[-1].content
    assert REASONS in text and "A. Naproxen" in text
    assert "Answer: A" not in text and "the answer is A" not in text
    assert "acute attack of gout?" not in text
    assert recheck.sampling.temperature == 0


@pytest.mark.parametrize(
    ("recheck", "detail"),
    [("Answer: C", "disagrees C"), ("No answer", "unparsed"), ("Hence, A.", "unparsed")],
)
def test_a_rationale_that_does_not_lead_to_gold_by_itself_is_not_kept(recheck, detail):
    config = cot(samples=1, rounds=1, hints=1, hinted_share=0.9)
    rows, candidates = write(table(GOUT, *sampled_rows(1)), asker(lambda one: hinted(one, recheck)), config)
    settled = candidates.filter(pl.col("stage") == "cot-hinted")
    assert settled.select("verdict", "detail").rows() == [("recheck_failed", detail)]
    assert by_id(rows)["exam:1"]["drop_reason"] == "no_right_chain"


def test_a_recheck_that_never_came_fails():
    config = cot(samples=1, rounds=1, hints=1, hinted_share=0.9)
    ask = asker(hinted)
    rows, candidates = write(table(GOUT), lambda batch: ask(one for one in batch if one.stage != "cot-recheck"), config)
    assert candidates.filter(pl.col("stage") == "cot-hinted")["detail"].to_list() == ["missing"]
    assert rows["drop_reason"].to_list() == ["no_right_chain"]


@pytest.mark.parametrize(("share", "kept"), [(0.0, 0), (0.25, 2), (0.4, 4), (0.9, 9)])
def test_hinted_rows_are_at_most_their_share(share, kept):
    hard = [row(f"hard:{n}", f"Hard question {n}?", task="mcqa", options=OPTIONS, gold=(0,)) for n in range(9)]
    config = cot(samples=1, rounds=1, shuffled=0, hints=1, hinted_share=share)
    rows, candidates = write(table(*hard, *sampled_rows(6)), asker(hinted), config)
    assert rows.filter(pl.col("id").str.starts_with("hard") & pl.col("drop_reason").is_null()).height == kept
    assert verdicts(candidates)["hinted_over_share"] == 9 - kept
    assert set(rows["drop_reason"].drop_nulls()) <= {"hinted_over_share"}


def test_hints_make_no_sense_where_gold_is_given():
    with pytest.raises(ValidationError, match="hints is 2 for medqa with gold given, expected 0"):
        cot(gold="given", hints=2)
    with pytest.raises(ValidationError, match="hints is 1 for polymed"):
        cot(generator="polymed", hints=1)


# --- cases ---------------------------------------------------------------------------------------------------------

PATIENT = row("poly:1", "Age: 58\nSex: male\nFindings: hot, red big toe", answer="Gout", task="diagnosis")


def case(**fields):
    defaults = {
        "question": "A man of 58 has a hot, red big toe. What is the diagnosis?",
        "reasoning": REASONS,
        "diagnosis": "gout.",
    }
    return json.dumps({**defaults, **fields})


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        ("kept", case()),
        ("kept", f"```json\n{case()}\n```"),
        ("wrong", case(diagnosis="Septic arthritis")),
        ("question_reveals_answer", case(question="A man with gout has a red toe. What is it?")),
        ("too_short", case(reasoning="Classic.")),
        ("mentions_given_answer", case(reasoning=f"{REASONS} The provided diagnosis fits.")),
        ("unparsed", "The diagnosis is gout."),
        ("unparsed", case(reasoning="  ")),
        ("unparsed", case(more="x")),
        ("unparsed", '{"question": "What?"}'),
    ],
)
def test_a_case_is_verified_against_the_diagnosis(verdict, text):
    config = cot(generator="polymed", gold="given", samples=1)
    (request,) = requests(table(PATIENT), config)
    assert request.sampling.json_schema["required"] == ["question", "reasoning", "diagnosis"]
    rows, candidates = judge(table(PATIENT), [(request, says(text))], config)
    assert candidates["verdict"].to_list() == [verdict]
    if verdict == "kept":
        (record,) = records(rows)
        assert record.messages[0].content == json.loads(case())["question"]
        assert record.response == f"{REASONS}\n\nAnswer: Gout"
        assert record.meta["cot"]["origin"] == "guided"


# --- what holds always ---------------------------------------------------------------------------------------------


def test_rows_without_requests_pass_unchanged_and_in_order():
    before = table(OPEN, GOUT, PATIENT)
    rows, _ = write(before, asker(chooses("Naproxen")), cot())
    assert rows["id"].to_list() == ["open:1", "exam:1", "poly:1"]
    assert rows.select(SCHEMA.names())[[0, 2]].equals(before[[0, 2]])


def test_a_row_with_a_chain_is_under_its_own_licence_and_the_models():
    ours = cot(license="LicenseRef-llama-3.1-community")
    rows, _ = write(table(GOUT), asker(chooses("Naproxen")), ours)
    assert rows["license"].to_list() == ["LicenseRef-llama-3.1-community AND MIT"]
    nc = row("exam:9", "Which drug?", license="CC-BY-NC-4.0", task="mcqa", options=OPTIONS, gold=(0,))
    rows, _ = write(table(nc), asker(chooses("Naproxen")), ours)
    assert rows["license"].to_list() == ["CC-BY-NC-4.0 AND LicenseRef-llama-3.1-community"]


def test_an_answer_for_an_unknown_row_is_refused():
    stray = Request(row="other:1", stage="cot", messages=GOUT.messages)
    with pytest.raises(ValueError, match="row 'other:1', which has no such request"):
        judge(table(GOUT), [(stray, says("Answer: A"))], cot())


FORMS = (
    "{reasons}\n\nAnswer: {letter}",
    "{reasons}\n\n**Answer: [{letter}]**",
    "{reasons} The correct option is {letter}.",
    "Answer: {letter}\n\n{reasons}",
    "{reasons}\n\n{option}",
    "{reasons} $\\boxed{{{letter}}}$",
    "<think>Answer: {other}</think>{reasons}\nAnswer: {option}",
    "{reasons} Answer: {letter} or {other}",
    '{{"answer": "{letter}", "reasons": "{reasons}"}}',
    "{reasons}\n\nAnswer: {letter}. {other_option}",
    "<think>{reasons} Answer: {letter}",
    "{letter}",
    "{reasons}",
)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), keep=st.integers(1, 3), shuffled=st.sampled_from([0.0, 0.5, 1.0]))
def test_kept_chains_agree_with_gold_in_every_row(seed, keep, shuffled):
    rng = Random(seed)

    def babble(request):
        if rng.random() < 0.1:
            return Failure(error="gone", tries=1)
        options = options_shown(request) or ["yes", "no", "maybe"]
        place, other = rng.sample(range(len(options)), 2)
        text = rng.choice(FORMS).format(
            reasons=" ".join(rng.sample(f"{REASONS} {OTHER_REASONS}".split(), 60)),
            letter=LETTERS[place],
            option=options[place],
            other=LETTERS[other],
            other_option=options[other],
        )
        return says(text, rng.choice(["stop", "stop", "stop", "length"]))

    config = cot(keep=keep, shuffled=shuffled, samples=3, rounds=2, hints=2, hinted_share=0.5, seed=seed)
    rows, candidates = write(table(GOUT, STENT, TRIAL), asker(babble), config)
    by_source = {record.id: record for record in (GOUT, STENT, TRIAL)}
    kept = [record for record, drop in zip(records(rows), rows["drop_reason"], strict=True) if drop is None]
    for record in kept:
        source = by_source[record.id.partition("/")[0]]
        verdict = extract(record.response, record.options, record.lang)
        assert verdict.positions == record.gold
        assert {record.options[place] for place in record.gold} == {source.options[place] for place in source.gold}
    assert verdicts(candidates)["kept"] == len(kept)
    assert set(rows["id"].str.replace("/.*", "")) == set(by_source), "no row vanishes"
    assert rows.filter(pl.col("drop_reason").is_not_null())["evidence"].null_count() == 0


def test_the_same_answers_in_another_order_make_the_same_tables():
    config = cot(samples=4, rounds=1, keep=2)
    sent = requests(table(GOUT, STENT), config)
    answered = [
        (one, chooses(options_shown(one)[one.sample % 3], OTHER_REASONS if one.sample else REASONS)(one))
        for one in sent
    ]
    first, second = (judge(table(GOUT, STENT), replies, config) for replies in (answered, answered[::-1]))
    assert first[0].equals(second[0]) and first[1].equals(second[1])


# --- difficulty, adaptive samples, repair ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "samples", "tier"),
    [
        (1, 1, "easy"),
        (3, 4, "easy"),
        (2, 4, "medium"),
        (2, 5, "medium"),
        (1, 4, "hard"),
        (0, 4, "unsolved"),
        (0, 0, None),
    ],
)
def test_the_pass_rate_gives_a_tier(right, samples, tier):
    assert difficulty(right, samples) == tier


def test_the_tier_is_in_the_row_where_gold_was_withheld():
    for gold, expected in (("withheld", "easy"), ("given", None)):
        rows, _ = write(table(GOUT), asker(chooses("Naproxen")), cot(samples=2, gold=gold))
        (record,) = records(rows)
        assert record.meta["cot"].get("difficulty") == expected
    rows, _ = write(table(GOUT), asker(chooses("Probenecid")), cot(samples=2, rounds=1, unanswered="pass"))
    assert next(records(rows)).meta["cot"]["difficulty"] == "unsolved"


@pytest.mark.parametrize(
    ("first_right", "sent", "tier"), [(0, 1, "easy"), (1, 4, "easy"), (6, 7, "hard"), (9, 8, "unsolved")]
)
def test_an_easy_question_takes_one_sample_and_a_hard_one_up_to_the_cap(first_right, sent, tier):
    def model(request):
        return chooses("Naproxen" if request.sample >= first_right else "Probenecid")(request)

    config = cot(samples=3, adaptive_samples=8, unanswered="pass")
    rows, candidates = write(table(GOUT), asker(model), config)
    assert candidates.height == sent
    assert next(records(rows)).meta["cot"]["difficulty"] == tier


def repairer(reply, recheck=None):
    """Return a model that always chooses wrongly, repairs by ``reply`` and rechecks with the letter of ``recheck``."""

    def model(request):
        if request.stage == "cot-repair":
            return reply(request)
        if request.stage == "cot-repair-recheck":
            return chooses(recheck, "")(request)
        return chooses("Probenecid")(request)

    return model


def repaired(request):
    letter = LETTERS[options_shown(request).index("Naproxen")]
    return says(f'Faulty step: "An inhibitor of prostaglandin synthesis acts."\n\n{OTHER_REASONS}\n\nAnswer: {letter}')


def without_step(request):
    return says(f"{OTHER_REASONS}\n\nAnswer: A")


def speaks_of_it(request):
    return says(f"Faulty step: x\n\nThe mistake was here. {OTHER_REASONS}\n\nAnswer: A")


REPAIRS = {"samples": 2, "rounds": 1, "repair_share": 0.9, "shuffled": 1.0}


def with_easy(config, model):
    """Run the stage over a gout row and three that are solved at once, so that the share has room."""
    solved = [replace(STENT, id=f"exam:{n}") for n in range(10, 13)]

    def both(request):
        if "stent" in request.messages[-1].content:
            return chooses("Aspirin and clopidogrel")(request)
        return model(request)

    rows, candidates = write(table(GOUT, *solved), asker(both), cot(**config))
    return next(records(rows)), rows, candidates.filter(pl.col("id") == "exam:1")


def test_a_wrong_chain_is_repaired_once_marked_and_verified_without_the_question():
    record, rows, candidates = with_easy(REPAIRS, repairer(repaired, recheck="Naproxen"))
    assert rows["drop_reason"].to_list() == [None] * 4
    assert record.meta["cot"]["origin"] == "repaired"
    assert record.meta["cot"]["faulty_step"] == "An inhibitor of prostaglandin synthesis acts."
    assert record.meta["cot"]["difficulty"] == "unsolved"
    assert record.options[record.gold[0]] == "Naproxen"
    assert record.response.startswith("Urate crystals")
    assert "Faulty" not in record.response
    assert Counter(candidates["stage"]) == {"cot": 2, "cot-repair": 1, "cot-repair-recheck": 1}


def test_the_prompt_of_a_repair_shows_the_wrong_chain_and_no_gold_and_the_recheck_no_question():
    seen = {}

    def model(request):
        seen[request.stage] = "\n".join(message.content for message in request.messages)
        return repairer(repaired, recheck="Naproxen")(request)

    with_easy(REPAIRS, model)
    assert "An inhibitor of prostaglandin synthesis acts within hours." in seen["cot-repair"]
    assert "Right answer" not in seen["cot-repair"]
    assert "acute attack of gout" not in seen["cot-repair-recheck"]
    assert "Urate crystals" in seen["cot-repair-recheck"]


@pytest.mark.parametrize(
    ("reply", "recheck", "verdict"),
    [
        (repaired, "Febuxostat", "recheck_failed"),
        (without_step, None, "no_faulty_step"),
        (speaks_of_it, None, "mentions_mistake"),
        (lambda request: says("Faulty step: An inhib", "length"), None, "truncated"),
    ],
)
def test_a_repair_that_cannot_be_verified_is_no_chain(reply, recheck, verdict):
    _, rows, candidates = with_easy(REPAIRS, repairer(reply, recheck))
    assert rows["drop_reason"][0] == "no_right_chain"
    assert candidates.filter(pl.col("stage") == "cot-repair")["verdict"].to_list() == [verdict]


def test_repaired_chains_are_held_to_their_share():
    _, rows, _ = with_easy({**REPAIRS, "repair_share": 0.2}, repairer(repaired, recheck="Naproxen"))
    assert rows["drop_reason"][0] == "repaired_over_share"


def test_hints_follow_where_a_repair_fails():
    def model(request):
        if request.stage in ("cot-hinted", "cot-recheck"):
            return chooses("Naproxen")(request)
        return repairer(repaired, "Febuxostat")(request)

    record, _, candidates = with_easy({**REPAIRS, "hints": 1, "hinted_share": 0.5}, model)
    assert record.meta["cot"]["origin"] == "hinted"
    assert "cot-repair-recheck" in set(candidates["stage"])


def test_a_repair_makes_no_sense_where_gold_is_given():
    with pytest.raises(ValidationError, match=r"repair_share is 0.1 for medqa with gold given, expected 0"):
        cot(gold="given", repair_share=0.1)
