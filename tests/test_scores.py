"""Scores: the formulas by hand, what has no score and why, and what a score drops."""

import math

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from quality.scores import deita
from quality.scores.deita import Scorer, Turn, turns
from quality.scores.digits import Digits, NextToken, expected_digit, from_top_logprobs
from quality.scores.likelihood import (
    Continuation,
    Ifd,
    add_ifd,
    ifd,
    ifd_scores,
    mean_loss,
    perplexity,
    perplexity_scores,
)
from quality.scores.score_columns import Lowest, Unscored, add_score, drop_lowest, reward_scores
from synth.judges.score_models import batches, teacher_next_tokens
from synth.teachers.teacher import Completion, Failure


def certain(digit):
    return NextToken({digit: 0.0})


def by_prompt(replies):
    """Return a fake model that looks its reply up, and the list of calls made to it."""
    calls = []

    def model(prompts):
        calls.append(list(prompts))
        return [replies[prompt] for prompt in prompts]

    return model, calls


# --- the expected digit


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([0.0] * 6, 3.5),
        ([7.25] * 6, 3.5),
        ([0.0] * 5 + [math.log(5)], 4.5),
        ([-1000.0] * 5 + [0.0], 6.0),
        ([math.log(3), 0.0, -math.inf, -math.inf, -math.inf, -math.inf], 1.25),
    ],
)
def test_the_expected_digit_is_the_mean_of_a_softmax(logits, expected):
    weights = [math.exp(logit - max(logits)) for logit in logits]
    logprobs = {str(i): math.log(w / sum(weights)) if w else -math.inf for i, w in enumerate(weights, 1)}
    assert expected_digit(NextToken(logprobs), Digits()) == pytest.approx(expected)


def test_only_the_ratios_among_the_digits_count():
    half = NextToken({"2": math.log(0.3), "4": math.log(0.1), "The": math.log(0.6)})
    assert expected_digit(half, Digits()) == pytest.approx(2.5)


def test_a_model_that_is_about_to_write_something_else_gives_no_score():
    talkative = NextToken({"Sure": math.log(0.95), "3": math.log(0.05)})
    assert expected_digit(talkative, Digits()) == Unscored(
        "the digits hold 0.05 of the probability, expected 0.2 at least"
    )
    assert expected_digit(talkative, Digits(least_mass=0.0)) == pytest.approx(3.0)


def test_no_digit_among_the_likeliest_tokens_gives_no_score_and_never_three():
    top = from_top_logprobs([("Sure", -0.1), (",", -2.5)])
    assert expected_digit(top, Digits()) == Unscored("no digit among the 2 likeliest tokens")


def test_what_was_not_seen_may_hide_digits():
    top = from_top_logprobs([("5", math.log(0.5)), ("4", math.log(0.3))])
    assert top.unseen == pytest.approx(0.2)
    # All 0.2 on "1": (2.5 + 1.2 + 0.2) / 1 = 3.9, against 3.7 / 0.8 = 4.625.
    assert expected_digit(top, Digits(most_error=0.73)) == pytest.approx(4.625)
    missing = expected_digit(top, Digits())
    assert "unseen tokens hold 0.2 of the probability and could move the score by 0.72" in missing.reason


def test_unseen_probability_that_is_too_small_to_matter_is_no_obstacle():
    top = from_top_logprobs([("6", math.log(0.999)), ("5", math.log(0.0009))])
    assert expected_digit(top, Digits()) == pytest.approx((6 * 0.999 + 5 * 0.0009) / 0.9999)


def test_tokens_that_differ_in_spaces_are_one_digit_and_longer_numbers_are_none():
    top = from_top_logprobs([(" 3", math.log(0.4)), ("3", math.log(0.4)), ("▁5", math.log(0.1)), ("35", math.log(0.1))])
    assert expected_digit(top, Digits()) == pytest.approx((3 * 0.8 + 5 * 0.1) / 0.9)


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([("3", 0.5)], "0.5 for token '3' is no log-probability"),
        ([("3", math.nan)], "nan for token '3' is no log-probability"),
        ([("3", -0.1), ("4", -0.1)], "2 tokens with probabilities that sum to 1.810, expected some, up to 1"),
        ([], "0 tokens with probabilities that sum to 0.000, expected some, up to 1"),
    ],
)
def test_numbers_that_are_no_log_probabilities_are_refused(pairs, reason):
    assert from_top_logprobs(pairs) == Unscored(reason)


def test_a_token_of_no_probability_at_all_is_let_pass():
    assert expected_digit(from_top_logprobs([("2", 0.0), ("3", -math.inf)]), Digits()) == pytest.approx(2.0)


# --- DEITA

COMPLEXITY = "How hard is this question, from 1 to 6?\n{instruction}\nA digit: "
QUALITY = "How good is this answer, from 1 to 6?\n{instruction}\n{output}\nA digit: "


def deita_scores(conversations, complexity, quality):
    return deita.deita_scores(conversations, *scorers(complexity, quality))


def scorers(complexity, quality):
    return Scorer(prompt=COMPLEXITY, next_tokens=complexity), Scorer(prompt=QUALITY, next_tokens=quality)


def test_a_row_is_scored_by_complexity_times_quality_of_every_turn():
    first, second = Turn("What is anaemia?", "Too little haemoglobin."), Turn("And its cause?", "Often lack of iron.")
    complexity, hard_calls = by_prompt(
        {
            COMPLEXITY.format(instruction=first.instruction): certain("2"),
            COMPLEXITY.format(instruction=second.instruction): certain("3"),
        }
    )
    quality, good_calls = by_prompt(
        {
            QUALITY.format(instruction=t.instruction, output=t.response): certain(d)
            for t, d in ((first, "5"), (second, "4"))
        }
    )
    assert deita_scores([[first, second], [second]], complexity, quality) == [2 * 5 + 3 * 4, 3 * 4]
    assert [len(call) for call in hard_calls + good_calls] == [3, 3]


def test_a_prompt_without_a_place_for_the_question_is_refused():
    with pytest.raises(ValueError, match=r"expected \{instruction\} in it"):
        Scorer(prompt="How hard is it?", next_tokens=lambda prompts: [])


def test_braces_in_a_question_are_no_places_of_the_prompt():
    asked = []
    scorer = Scorer(prompt=QUALITY, next_tokens=lambda prompts: asked.extend(prompts) or [certain("1")])
    scorer.digits([Turn("Is {x} a set?", "{y}")])
    assert asked == [QUALITY.replace("{instruction}", "Is {x} a set?").replace("{output}", "{y}")]


def test_one_unscorable_turn_leaves_the_row_without_a_score():
    pair = Turn("q", "r")
    complexity = lambda prompts: [certain("2"), NextToken({"Sure": -0.1})]  # noqa: E731
    quality = lambda prompts: [certain("5"), certain("5")]  # noqa: E731
    assert deita_scores([[pair, pair]], complexity, quality) == [
        Unscored("turn 2: complexity: no digit among the 1 likeliest tokens")
    ]
    timed_out = lambda prompts: [certain("5"), Unscored("timed out")]  # noqa: E731
    assert deita_scores([[pair], [pair]], quality, timed_out) == [25, Unscored("turn 1: quality: timed out")]


@pytest.mark.parametrize(
    ("messages", "response", "expected"),
    [
        ([("user", "Q1")], "A1", (Turn("Q1", "A1"),)),
        ([("user", "Q1"), ("assistant", "A1"), ("user", "Q2")], "A2", (Turn("Q1", "A1"), Turn("Q2", "A2"))),
        ([("user", "Q1"), ("assistant", "A1")], None, (Turn("Q1", "A1"),)),
        ([("system", "Be brief."), ("user", "Q1")], "A1", (Turn("Q1", "A1"),)),
        ([("user", "Hello."), ("user", "Q1")], "A1", (Turn("Hello.\nQ1", "A1"),)),
        ([("user", "Q1")], None, Unscored("the last question has no answer")),
        ([("user", "Q1")], "  ", Unscored("message 2, by assistant, is empty")),
        ([("assistant", "Hi."), ("user", "Q1")], "A1", Unscored("message 1 is by assistant, expected user")),
        ([], "A1", Unscored("message 1 is by assistant, expected user")),
        ([], None, Unscored("the last question has no answer")),
    ],
)
def test_turns_of_a_conversation(messages, response, expected):
    assert turns(messages, response) == expected


def test_columns_hold_a_score_or_a_reason():
    rows = pl.DataFrame(
        {
            "id": ["a", "b"],
            "messages": [[{"role": "user", "content": "Name a loop diuretic."}]] * 2,
            "response": ["Furosemide.", None],
        }
    )
    two, three = (lambda p: [certain("2")] * len(p)), (lambda p: [certain("3")] * len(p))
    out = deita.add_deita(rows, *scorers(two, three))
    assert out.select("id", "deita", "deita_reason").rows() == [
        ("a", 6.0, None),
        ("b", None, "the last question has no answer"),
    ]


def test_a_model_that_loses_replies_is_found_out():
    with pytest.raises(ValueError, match="1 replies to 2 requests, expected one each"):
        deita_scores([[Turn("q", "r")], [Turn("s", "t")]], lambda p: [certain("1")], lambda p: [certain("1")])


def test_no_rows_ask_no_model():
    def never(prompts):
        raise AssertionError("asked")

    assert deita_scores([Unscored("the row has no answer")], never, never) == [Unscored("the row has no answer")]


# --- perplexity and IFD


def test_perplexity_is_the_exponential_of_the_mean_loss():
    assert mean_loss([-1.0, -2.0, -3.0]) == 2.0
    assert perplexity([-math.log(4)] * 3) == pytest.approx(4.0)
    assert perplexity([0.0, 0.0]) == 1.0


@pytest.mark.parametrize(
    ("logprobs", "reason"),
    [
        ([], "the text has no token to score"),
        ([-1.0, 0.5], "0.5 is no log-probability, expected 0 at most"),
        ([-1.0, math.nan], "the score is nan, expected a finite number"),
        ([-math.inf], "the score is inf, expected a finite number"),
        ([-900.0], "the mean loss is 900 nats, too much to be true"),
    ],
)
def test_a_perplexity_that_cannot_be_had(logprobs, reason):
    assert perplexity(logprobs) == Unscored(reason)


def test_ifd_is_a_ratio_of_losses_not_of_perplexities():
    # Losses 1 and 2: the ratio of losses is 0.5, of perplexities it would be e / e² = 0.37.
    assert ifd([-1.0, -1.0], [-2.0, -2.0]) == pytest.approx(0.5)
    assert ifd([-3.0], [-2.0]) == pytest.approx(1.5)


def test_ifd_needs_the_same_tokens_twice_and_something_to_explain():
    assert ifd([-1.0], [-1.0, -2.0]) == Unscored("1 tokens with the instruction and 2 without, expected the same")
    assert ifd([-1.0], [0.0]) == Unscored("the answer is certain without its instruction")


def test_ifd_scores_the_answer_after_its_instruction_and_after_the_bare_prompt():
    losses = {
        Continuation("Define sepsis.\n\n### Response:", "Organ dysfunction."): [-1.0, -2.0],
        Continuation("### Response:", "Organ dysfunction."): [-4.0, -4.0],
    }
    model, calls = by_prompt(losses)
    assert ifd_scores([("Define sepsis.", "Organ dysfunction.")], model) == [pytest.approx(0.375)]
    assert len(calls) == 1


def test_rows_too_long_or_empty_have_a_reason_in_place_of_an_ifd():
    rows = pl.DataFrame(
        {
            "id": ["long", "blank", "none"],
            "messages": [[{"role": "user", "content": "Go on."}]] * 3,
            "response": ["…", " ", None],
        }
    )
    out = add_ifd(rows, lambda asked: [Unscored("9000 tokens, expected 1 to 2048") for _ in asked])
    assert out["ifd"].to_list() == [None] * 3
    assert out["ifd_reason"].to_list() == [
        "9000 tokens, expected 1 to 2048",
        "the text is empty",
        "the row has no response",
    ]


def test_an_ifd_prompt_must_name_the_instruction():
    with pytest.raises(ValidationError, match=r"expected \{instruction\} in it"):
        Ifd(conditioned="### Response:")


def test_perplexity_of_texts_given_a_prefix():
    model, _ = by_prompt({Continuation("Dose: ", "5 mg"): [-math.log(2), -math.log(8)]})
    assert perplexity_scores([Continuation("Dose: ", "5 mg"), Unscored("no text")], model) == [
        pytest.approx(4.0),
        Unscored("no text"),
    ]


# --- reward models


def test_rewards_are_asked_only_of_conversations_that_end_in_a_reply():
    asked = []

    def rewards(conversations):
        asked.extend(conversations)
        return [9.1875]

    good = [("user", "Can I stop my statin?"), ("assistant", "Speak to your doctor first.")]
    assert reward_scores([good, [("user", "Hello")], []], rewards) == [
        9.1875,
        Unscored("the conversation does not end in a reply"),
        Unscored("the conversation does not end in a reply"),
    ]
    assert asked == [good]


# --- columns and drops


def scored(values, reasons=None):
    ids = [f"r{i:02}" for i in range(len(values))]
    scores = [Unscored(reasons or "no digit") if value is None else value for value in values]
    return add_score(pl.DataFrame({"id": ids}), "deita", scores)


def test_a_nan_is_not_a_score():
    out = add_score(pl.DataFrame({"id": ["a"]}), "reward", [math.nan])
    assert out.rows() == [("a", None, "the score is nan, expected a finite number")]
    with pytest.raises(ValueError, match="1 scores for 2 rows"):
        add_score(pl.DataFrame({"id": ["a", "b"]}), "reward", [1.0])


def test_the_lowest_tenth_goes_with_its_rank_as_evidence():
    drops = drop_lowest(scored([9.0, 2.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 12.0, 11.0]), Lowest(column="deita"))
    assert drops.rows() == [("r01", "low_deita", '{"score": 2.0, "rank": 1, "of": 10, "share": 0.1}')]


def test_the_number_of_rows_to_go_is_exact_where_binary_fractions_are_not():
    assert len(drop_lowest(scored([float(i) for i in range(100)]), Lowest(column="deita", share=0.29))) == 29
    assert len(drop_lowest(scored([float(i) for i in range(9)]), Lowest(column="deita"))) == 0


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("keep", ["r00"]), ("drop", ["r00", "r02", "r03", "r04"]), ("by_id", ["r00", "r02"])],
)
def test_equal_scores_at_the_limit_follow_the_rule_for_ties(ties, expected):
    rows = scored([1.0, 9.0, 2.0, 2.0, 2.0, 9.0, 9.0, 9.0, 9.0, 9.0])
    rule = Lowest(column="deita", share=0.2, ties=ties)
    assert drop_lowest(rows, rule)["id"].to_list() == expected
    assert drop_lowest(rows.reverse(), rule).equals(drop_lowest(rows, rule))


def test_where_all_scores_are_equal_none_is_low():
    assert drop_lowest(scored([3.0] * 10), Lowest(column="deita")).is_empty()


def test_rows_without_a_score_are_dropped_with_their_reason_and_do_not_count_towards_the_share():
    rows = scored([1.0, None, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    drops = drop_lowest(rows, Lowest(column="deita"))
    assert drops.rows() == [
        ("r00", "low_deita", '{"score": 1.0, "rank": 1, "of": 10, "share": 0.1}'),
        ("r01", "unscored_deita", '{"reason": "no digit"}'),
    ]
    assert drop_lowest(rows, Lowest(column="deita", unscored="keep"))["id"].to_list() == ["r00"]


def test_a_scorer_that_fails_on_most_rows_drops_none_of_them():
    with pytest.raises(ValueError, match=r"3 of 4 rows have no deita.*the scorer failed.*'no logprobs', 3"):
        drop_lowest(scored([None, None, None, 1.0], "no logprobs"), Lowest(column="deita"))


def test_no_rows_drop_none():
    assert drop_lowest(scored([]), Lowest(column="deita")).is_empty()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_column_with_a_number_that_is_no_score_is_refused(value):
    rows = pl.DataFrame({"id": ["a"], "deita": [value], "deita_reason": [None]})
    with pytest.raises(ValueError, match=r"column 'deita' holds (nan|inf), expected finite numbers"):
        drop_lowest(rows, Lowest(column="deita"))


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.0}, {"ties": "toss"}, {"shares": 0.1}])
def test_a_wrong_rule_is_refused(wrong):
    with pytest.raises(ValidationError):
        Lowest(column="deita", **wrong)


# --- teachers


class Scripted:
    """A teacher that answers from a list, last request first, as servers may."""

    name, revision, license = "scripted", "1", "Apache-2.0"

    def __init__(self, answers):
        self.answers = answers

    def complete(self, requests):
        self.requests = list(requests)
        yield from reversed(list(zip(self.requests, self.answers, strict=True)))


def said(text, **rest):
    return Completion(text=text, **{"finish_reason": "stop"} | rest)


def test_a_teachers_log_probabilities_become_expected_digits():
    teacher = Scripted(
        [
            said("4", logprobs=({"4": math.log(0.5), "2": math.log(0.5)},)),
            said("4"),
            Failure(error="503", tries=6),
        ]
    )
    replies = teacher_next_tokens(teacher, top=5)(["one", "two", "three"])
    assert [expected_digit(reply, Digits()) for reply in replies] == [
        pytest.approx(3.0),
        Unscored("scripted returned no log-probabilities; use a server that does"),
        Unscored("the request failed 6 times: 503"),
    ]
    assert {(r.sampling.max_tokens, r.sampling.logprobs) for r in teacher.requests} == {(1, 5)}
    assert [r.messages[0].content for r in teacher.requests] == ["one", "two", "three"]


# --- batches, and models made on the spot


def test_batches_hold_every_row_once_and_no_more_tokens_than_allowed():
    lengths = [*np.random.default_rng(5).integers(1, 40, 100), 500]
    cut = list(batches(lengths, 128))
    assert sorted(place for batch in cut for place in batch) == list(range(101))
    assert cut[0] == [100]
    assert all(len(batch) * max(lengths[i] for i in batch) <= 128 for batch in cut[1:])


TEXTS = [
    "What is the first-line drug for an acute asthma attack?",
    "Score: 1 2 3 4 5 6",
    "A beta agonist that is inhaled opens the airways within minutes.",
    "Iron deficiency is the commonest cause of anaemia in the world.",
]
TEMPLATE = "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}</s>{% endfor %}"
WITHOUT = "needs torch and transformers: install the extra 'local'"


def save_tokenizer(folder):
    tokenizers = pytest.importorskip("tokenizers", reason=WITHOUT)
    transformers = pytest.importorskip("transformers", reason=WITHOUT)
    raw = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = tokenizers.decoders.ByteLevel()
    special = ["<unk>", "<s>", "</s>", "<pad>"]
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    raw.train_from_iterator(TEXTS, trainer)
    raw.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    # Left on purpose: the side that the tokenizer would pad on must not matter.
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        padding_side="left",
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    return len(fast)


@pytest.fixture(scope="module", params=["qwen2", "gpt2"])
def causal(request, tmp_path_factory):
    """A causal model of random weights: one with rotary positions, one with absolute ones."""
    torch = pytest.importorskip("torch", reason=WITHOUT)
    from synth.judges.score_models import causal_model

    folder = tmp_path_factory.mktemp(request.param)
    size = save_tokenizer(folder)
    import transformers

    torch.set_num_threads(1)
    torch.manual_seed(3)
    if request.param == "qwen2":
        config = transformers.Qwen2Config(
            vocab_size=size, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.5,
        )  # fmt: skip
    else:
        config = transformers.GPT2Config(
            vocab_size=size, n_embd=32, n_layer=2, n_head=4, n_positions=128, initializer_range=0.5,
            bos_token_id=1, eos_token_id=2,
        )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return causal_model(str(folder), device="cpu", batch_tokens=256)


def test_a_model_that_lacks_the_weights_of_its_use_is_refused(tmp_path):
    """An embedding model has no weights that predict tokens, and a language model none that give a reward."""
    pytest.importorskip("torch", reason=WITHOUT)
    import transformers

    from synth.judges.score_models import UnfitModelError, causal_model, reward_model
    from synth.teachers.teacher import TeacherError
    from synth.teachers.transformers_model import load
    from training.evaluation.option_likelihood import load_network

    size = save_tokenizer(tmp_path)
    config = transformers.BertConfig(
        vocab_size=size, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    for one, error in ((causal_model, UnfitModelError), (reward_model, UnfitModelError)):
        with pytest.raises(error, match=r"lacks \d+ weights of a Bert"):
            one(str(tmp_path))
    for one in (load, load_network):
        with pytest.raises(TeacherError, match=r"lacks \d+ weights of a Bert"):
            one(str(tmp_path), None)


def test_a_batch_gives_what_single_rows_give(causal):
    prompts = [COMPLEXITY.format(instruction=text)[-90:] for text in TEXTS] + ["1", "12 3"]
    together, alone = causal.next_digits(prompts), [causal.next_digits([prompt])[0] for prompt in prompts]
    for a, b in zip(together, alone, strict=True):
        assert list(a.logprobs) == list("123456")
        assert list(a.logprobs.values()) == pytest.approx(list(b.logprobs.values()), abs=1e-4)
    pairs = [Continuation(TEXTS[i], TEXTS[j]) for i, j in ((0, 2), (1, 3), (3, 0))] + [Continuation("", "anaemia")]
    for a, b in zip(causal.token_logprobs(pairs), [causal.token_logprobs([pair])[0] for pair in pairs], strict=True):
        assert a == pytest.approx(b, abs=1e-4)


def test_digits_are_read_where_the_model_writes_its_first_token(causal):
    import torch

    ids = causal.loaded.tokenizer("##Complexity: ", return_tensors="pt").to(causal.loaded.model.device)
    out = causal.loaded.model.generate(
        **ids, max_new_tokens=1, do_sample=False, output_scores=True, return_dict_in_generate=True, pad_token_id=3
    )
    digits = causal.loaded.tokenizer.convert_tokens_to_ids(list("123456"))
    logits = out.scores[0][0][digits].tolist()
    token = causal.next_digits(["##Complexity: "])[0]
    mean = torch.tensor(logits).softmax(0) @ torch.arange(1.0, 7.0)
    assert expected_digit(token, Digits(least_mass=0.0)) == pytest.approx(mean.item(), abs=1e-4)
    assert torch.tensor(list(token.logprobs.values())).exp().sum() < 1


def test_token_log_probabilities_average_to_the_models_own_loss(causal):
    import torch

    one = Continuation("What is it?", " A beta agonist.")
    tokenizer = causal.loaded.tokenizer
    prefix, text = tokenizer(one.prefix)["input_ids"], tokenizer(one.text, add_special_tokens=False)["input_ids"]
    labels = torch.tensor([[-100] * len(prefix) + text])
    loss = causal.loaded.model(torch.tensor([prefix + text]), labels=labels).loss.item()
    (logprobs,) = causal.token_logprobs([one])
    assert len(logprobs) == len(text)
    assert mean_loss(logprobs) == pytest.approx(loss, abs=1e-4)


def test_texts_beyond_the_models_reach_are_unscored_and_never_cut(causal):
    long = " ".join(TEXTS * 4)
    tokens = len(causal.loaded.tokenizer(long)["input_ids"])
    assert causal.next_digits([long, "ok"])[0] == Unscored(f"{tokens} tokens, expected 1 to 128")
    assert causal.token_logprobs([Continuation("", long)]) == [Unscored(f"{tokens} tokens, expected 1 to 128")]


def test_ifd_over_a_real_model_scores_the_same_tokens_twice(causal):
    scores = ifd_scores([(TEXTS[3][:20], "Iron deficiency."), ("", "Iron.")], causal.token_logprobs)
    assert all(isinstance(score, float) and score > 0 for score in scores)


@pytest.fixture(scope="module", params=[3, None, 2], ids=["pad", "no pad", "pad is end"])
def reward(request, tmp_path_factory):
    torch = pytest.importorskip("torch", reason=WITHOUT)
    from synth.judges.score_models import reward_model

    folder = tmp_path_factory.mktemp("reward")
    size = save_tokenizer(folder)
    import transformers

    torch.set_num_threads(1)
    torch.manual_seed(4)
    config = transformers.Qwen2Config(
        vocab_size=size, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=96, initializer_range=0.5, num_labels=1,
        pad_token_id=request.param,
    )  # fmt: skip
    transformers.Qwen2ForSequenceClassification(config).save_pretrained(folder)
    return reward_model(str(folder), device="cpu", batch_tokens=512)


CHATS = [[("user", TEXTS[0]), ("assistant", TEXTS[2])], [("user", "Why?"), ("assistant", "Iron.")]]


def test_rewards_of_a_batch_are_those_of_single_rows(reward):
    together = reward_scores(CHATS, reward)
    assert together == pytest.approx([reward([chat])[0] for chat in CHATS], abs=1e-4)
    assert together[0] != pytest.approx(together[1], abs=1e-3)


def test_the_beginning_of_text_is_written_once(reward):
    import torch

    text = reward.loaded.tokenizer.apply_chat_template(
        [{"role": role, "content": content} for role, content in CHATS[1]], tokenize=False
    )
    ids = reward.loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
    assert ids.count(1) == 1
    assert reward([CHATS[1]])[0] == pytest.approx(reward.loaded.model(torch.tensor([ids])).logits.item(), abs=1e-4)
