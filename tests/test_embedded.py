"""The embedded teacher: sampled for real, equal for equal requests, about its prompt a little, and knowing nothing."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from rows import row, table

from sources.catalog import SOURCES
from sources.fetch.mirror import mirrored
from sources.read import read
from sources.record import Message, Record
from sources.table import frame
from synth.teachers.candidates import author
from synth.teachers.embedded import END, choices, ngrams, tokenise, train, training_texts
from synth.teachers.teacher import Request, Sampling

TEXTS = [
    "Asthma is treated with inhaled medicines. The inhaler opens the airways in minutes, and it should be used calmly.",
    "Gout is caused by crystals of uric acid in a joint. The joint of the big toe swells, and the pain comes at night.",
    "A fever is treated with rest and fluids. The doctor should be called if the fever lasts for more than three days.",
    "Shingles is a rash caused by the virus of chickenpox. The rash follows a nerve, and the pain may last for months.",
    "The pain of a migraine comes with nausea. The patient should rest in a dark room and take the medicine early.",
]
MCQ = "What causes gout?\nA. crystals of uric acid\nB. a virus\nC. the airways\nD. rest"
TEACHER = train(TEXTS)


def ask(prompt, teacher=TEACHER, sample=0, **sampling):
    request = Request(
        row="corpus:1",
        stage="test",
        messages=(Message("user", prompt),),
        sampling=Sampling(**{"max_tokens": 200, **sampling}),
        sample=sample,
    )
    ((asked, completion),) = teacher.complete([request])
    assert asked is request
    return completion


def samples(prompt, n, **sampling):
    return [ask(prompt, sample=sample, **sampling) for sample in range(n)]


def letters(completions):
    return Counter(match[1] if (match := re.search(r"\nAnswer: (\w+)$", c.text)) else None for c in completions)


def sample_rows():
    mirror = Path(__file__).parent.parent / "sources" / "sample"
    rows = [
        record
        for name in ("medmcqa_sample", "medquad", "pubmedqa", "mts_dialog")
        for file in mirrored(SOURCES[name], mirror)
        for record in read(SOURCES[name], file)
        if isinstance(record, Record)
    ]
    return frame(rows)


def test_it_names_itself_and_its_licence_so_that_nobody_takes_it_for_a_teacher():
    assert (TEACHER.name, TEACHER.license) == ("embedded", "LicenseRef-embedded-demo")
    assert author(TEACHER).revision == TEACHER.revision


def test_the_revision_follows_the_texts_and_not_their_order():
    assert train([*reversed(TEXTS), TEXTS[0]]).revision == TEACHER.revision
    assert train(TEXTS[1:]).revision != TEACHER.revision


def test_equal_requests_are_answered_alike_whoever_asks_and_when():
    first = ask("What is gout?")
    assert ask("What is gout?", teacher=train(TEXTS)) == first
    batch = [
        Request(row=f"corpus:{n}", stage="other", messages=(Message("user", q),), sampling=Sampling(max_tokens=200))
        for n, q in enumerate(("What is flu?", "What is gout?"))
    ]
    assert [completion for _, completion in TEACHER.complete(batch)][1] == first


@pytest.mark.parametrize("change", [{"sample": 1}, {"seed": 1}, {"temperature": 0.9}])
def test_another_sample_seed_or_temperature_is_another_draw(change):
    assert ask("What is gout?", **change).text != ask("What is gout?").text


def test_it_writes_words_it_has_read_in_an_order_it_has_not():
    texts = [completion.text for completion in samples("What is gout?", 20, temperature=1.0)]
    read = {token.strip() for text in TEXTS for token in tokenise(text)}
    assert {token.strip() for text in texts for token in tokenise(text)} <= read
    assert len(set(texts)) == 20
    assert sum(text in TEXTS for text in texts) < 5


def test_the_prompt_makes_its_own_words_likelier():
    def mentions(words, prompt):
        texts = [completion.text.lower() for completion in samples(prompt, 100, temperature=1.0)]
        return sum(text.count(word) for text in texts for word in words)

    pain, rest = ("nausea", "migraine"), ("crystals", "joint")
    about_pain, about_rest = "Why do migraine and nausea come?", "Why are there crystals in my joint?"
    assert mentions(pain, about_pain) > 1.3 * mentions(pain, about_rest)
    assert mentions(rest, about_rest) > 1.3 * mentions(rest, about_pain)


def test_a_favoured_word_is_ten_times_as_likely_to_follow():
    counts = ngrams(["take rest", "take fluids"])
    drawn = Counter(counts.draw(("<s>", "take"), 1.0, frozenset({"rest"}), rng) for rng in map(Random, range(2_000)))
    assert 6 < drawn[" rest"] / drawn[" fluids"] < 14


def test_temperature_0_is_greedy():
    texts = {ask(MCQ, temperature=0, sample=n, seed=n).text for n in range(10)}
    assert len(texts) == 1
    counts = ngrams(["a b", "a b", "a c"])
    assert counts.draw(("<s>", "a"), 0, frozenset(), None) == " b"


def test_a_longer_known_context_is_likelier_to_go_on_as_read():
    counts = ngrams(TEXTS)
    uric = counts.log_probability((" crystals", " of"), " uric")
    assert uric > counts.log_probability(("<s>", " of"), " uric") > counts.log_probability((), " zebra")
    total = sum(2.718281828 ** counts.log_probability((" of",), token) for token in counts.following[()])
    assert 0.9 < total <= 1.0


def test_a_choice_ends_in_an_answer_line_most_of_the_time():
    found = letters(samples(MCQ, 200))
    assert set(found) == {"A", "B", "C", "D", None}
    assert 5 < found[None] < 50


def test_its_preference_is_weak_and_its_own():
    def shown(order):
        texts = ["crystals of uric acid", "a virus", "quokka zeugma"]
        return "What causes it?\n" + "\n".join(f"{name}. {texts[i]}" for name, i in zip("ABC", order, strict=True))

    straight, turned = letters(samples(shown((0, 1, 2)), 300)), letters(samples(shown((2, 1, 0)), 300))
    assert straight["A"] > straight["C"] > 20
    assert turned["C"] > turned["A"] > 20


def test_answers_and_rationales_of_multiple_choice_are_no_training_texts():
    rows = table(
        row("corpus:1", options=("gold", "other"), gold=(0,), answer="gold", rationale="gold because"),
        row("corpus:2", "What is gout?", answer="A disease.", context="Cases were counted."),
    )
    assert training_texts(rows) == ["Cases were counted.", "A disease."]


def test_on_the_embedded_sample_some_answers_are_right_some_wrong_some_unread_and_some_cut():
    rows = sample_rows()
    teacher = train(training_texts(rows))
    counts = Counter()
    for record in [r for r in map(dict, rows.iter_rows(named=True)) if r["options"]]:
        options = "\n".join(f"{'ABCDE'[i]}. {option}" for i, option in enumerate(record["options"]))
        completion = ask(f"{record['messages'][-1]['content']}\n{options}", teacher=teacher, max_tokens=90)
        match = re.search(r"\nAnswer: (\w)$", completion.text)
        right = match and "ABCDE".index(match[1]) in record["gold"]
        counts["cut" if completion.finish_reason == "length" else "unread" if not match else str(bool(right))] += 1
    shares = {verdict: n / counts.total() for verdict, n in counts.items()}
    assert 0.1 < shares["True"] < 0.45
    assert 0.3 < shares["False"] < 0.8
    assert shares["unread"] > 0.02
    assert shares["cut"] > 0.02


@pytest.mark.parametrize(
    ("prompt", "offered"),
    [
        (MCQ, ["A", "B", "C", "D"]),
        ("A) x\nB) y", ["A", "B"]),
        ("Does it help? Answer yes, no or maybe.", ["yes", "no", "maybe"]),
        ("Does it help? Answer: yes/no", ["yes", "no"]),
        ("A. Smith said no such thing.", []),
        ("What is gout?", []),
    ],
)
def test_what_a_prompt_asks_to_choose_from(prompt, offered):
    assert list(choices(prompt)) == offered


def test_a_prompt_with_examples_asks_about_its_last_options():
    assert choices("Q1\nA. x\nB. y\n\nQ2\nA. v\nB. w\nC. z") == {"A": "v", "B": "w", "C": "z"}


def test_yes_and_no_are_answered_as_such():
    assert {"yes", "no"} <= set(letters(samples("Does rest help? Answer yes or no.", 40)))


def test_a_completion_cut_by_its_limit_says_so_and_counts_its_tokens():
    cut = ask(MCQ, max_tokens=5)
    assert (cut.finish_reason, cut.completion_tokens) == ("length", 5)
    whole = ask(MCQ)
    assert (whole.finish_reason, whole.prompt_tokens) == ("stop", len(tokenise(MCQ)))
    assert whole.completion_tokens == pytest.approx(len(tokenise(whole.text)), abs=3)


def test_a_stop_string_ends_the_text_before_it():
    text = ask(MCQ).text
    stopped = ask(MCQ, stop=("Answer:",))
    assert "Answer:" in text
    assert "Answer:" not in stopped.text
    assert stopped.finish_reason == "stop"


def test_tokens_joined_are_the_text():
    for text in TEXTS:
        assert "".join(tokenise(text)) == text
    assert END not in tokenise(" ".join(TEXTS))


@pytest.mark.parametrize("texts", [[], ["", "  "]])
def test_a_teacher_of_nothing_is_refused(texts):
    with pytest.raises(ValueError, match="no training text holds a word"):
        train(texts)


def test_other_training_texts_answer_otherwise():
    other = replace(TEACHER, texts=(*TEACHER.texts, "Rest."))
    assert ask("What is gout?", teacher=other).text != ask("What is gout?").text
