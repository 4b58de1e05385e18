"""A passage of a long text holds the span, whole sentences around it, and no more characters than asked for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.shapes.passage_window import located, passage

TEXT = "Coffee is old. Tea is older! Is cocoa the oldest?\n\nNobody knows. Milk came first."


def cut(span, size, text=TEXT):
    start = text.index(span)
    first, last = passage(text, start, start + len(span), size)
    return text[first:last]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1_000, TEXT),
        (50, "Tea is older! Is cocoa the oldest?"),
        (32, "Is cocoa the oldest?"),
        (5, "cocoa"),  # no room: the span alone
    ],
)
def test_a_passage_is_cut_at_sentences(size, expected):
    assert cut("cocoa", size) == expected


def test_a_side_without_the_end_of_a_sentence_is_cut_at_the_span():
    assert cut("middle", 30, text="word " * 50 + "middle" + " word" * 50) == "middle"


@settings(deadline=None)
@given(st.text("ab. \n", max_size=200), st.integers(0, 200), st.integers(0, 200), st.integers(0, 100))
def test_any_passage_holds_its_span_within_its_size(text, start, length, size):
    start, end = min(start, len(text)), min(start + length, len(text))
    first, last = passage(text, start, end, size)
    assert 0 <= first <= start <= end <= last <= len(text)
    assert last - first <= max(size, end - start)


@pytest.mark.parametrize("stated", [10, 11, 13, 18])
def test_a_span_is_found_near_its_stated_place(stated):
    assert located("0123456789 milk and milk", "milk", stated) == (20 if stated == 18 else 11)


@pytest.mark.parametrize(("span", "stated"), [("tea", 0), ("milk", 0)])
def test_a_span_elsewhere_or_nowhere_is_an_error(span, stated):
    with pytest.raises(ValueError, match=f"'{span}' is not within 8 characters of 0 in a text of 24"):
        located("0123456789 milk and milk", span, stated)
