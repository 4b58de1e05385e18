"""Two texts, word by word: what was removed, what was added, and nothing lost in between."""

import itertools
import random

import pytest

from pipelines.diff.word_diff import ADDED, REMOVED, word_diff


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        (
            "Take one tablet daily.",
            "Take two tablets daily.",
            [("=", "Take "), ("-", "one tablet "), ("+", "two tablets "), ("=", "daily.")],
        ),
        ("Give 0.8 mg/kg.", "Give 0.9 mg/kg.", [("=", "Give "), ("-", "0.8 "), ("+", "0.9 "), ("=", "mg/kg.")]),
        ("I hope this helps. Rest, drink.", "Rest, drink.", [("-", "I hope this helps. "), ("=", "Rest, drink.")]),
        ("Which one?", "Which one?\nA. This", [("=", "Which one?"), ("+", "\nA. This")]),
        ("Rest.", "Rest! Drink.", [("=", "Rest"), ("+", "! Drink"), ("=", ".")]),
        ("one  word", "one word", [("=", "one"), ("-", "  "), ("+", " "), ("=", "word")]),
        ("La presión alta", "La tensión alta", [("=", "La "), ("-", "presión "), ("+", "tensión "), ("=", "alta")]),
        ("发热患者", "发烧患者", [("=", "发"), ("-", "热"), ("+", "烧"), ("=", "患者")]),
        ("cafe\u0301 noir", "cafe noir", [("-", "cafe\u0301 "), ("+", "cafe "), ("=", "noir")]),
        ("", "new", [("+", "new")]),
        ("old", "", [("-", "old")]),
        ("same", "same", [("=", "same")]),
        ("", "", []),
    ],
)
def test_what_changed_is_told_in_words(before, after, pieces):
    assert word_diff(before, after) == pieces


def test_the_pieces_make_up_both_texts_whatever_they_are():
    draw = random.Random(7)
    words = ["fever", "cough", "0.8", "mg", " ", "  ", "\n", ".", ",", "é", "e\u0301", "熱", "don't", "—", "\x00", "🙂"]
    for _ in range(500):
        before, after = ("".join(draw.choices(words, k=draw.randrange(30))) for _ in range(2))
        pieces = word_diff(before, after)
        assert "".join(text for op, text in pieces if op != ADDED) == before
        assert "".join(text for op, text in pieces if op != REMOVED) == after
        assert all(text for _, text in pieces)
        assert all(one != other for (one, _), (other, _) in itertools.pairwise(pieces))


def test_every_edit_of_a_long_text_is_found_by_itself():
    words = [f"word{number}" for number in range(5_000)]
    edited = ["other" if at % 50 == 20 else word for at, word in enumerate(words)]
    pieces = word_diff(" ".join(words), " ".join(edited))
    assert [text for op, text in pieces if op == REMOVED] == [f"word{at} " for at in range(20, 5_000, 50)]
    assert [text for op, text in pieces if op == ADDED] == ["other "] * 100


def test_frequent_words_neither_hide_an_edit_nor_take_for_ever():
    text = "the cough and the fever and " * 2_000
    assert [piece for piece in word_diff(text, text + "the rash") if piece[0] != "="] == [("+", "the rash")]
    other = "the rash of the knee " * 2_000
    assert "".join(part for op, part in word_diff(text, other) if op != REMOVED) == other
