"""Normalised text: most texts need none of the rules, and have the same key without them."""

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quality.key import GENES, key, key_by_rules

PIECES = [
    *(
        "HIV",
        "mg",
        "Mg",
        "no",
        "Brca1",
        "BRCA1",
        "p53",
        "5",
        "12",
        "the",
        "Dose",
        "é",
        "फिर",
        "\u200b",
        "II",
        "Aa",
        "aa",
    ),
    *(
        " ",
        "  ",
        "\n",
        "\t",
        ".",
        ",",
        ":",
        "-",
        "−",
        "–",
        "/",
        "*",
        "·",
        "+",
        "<",
        "=",
        "%",
        "$",
        "|",
        "~",
        "(",
        ")",
        "_",
        "♀",
    ),
]


def keys(texts):
    """Return the keys of texts, and those by all rules."""
    frame = pl.DataFrame({"text": texts}, {"text": pl.String})
    fast, by_rules = (frame.select(form(pl.col("text"))).to_series().to_list() for form in (key, key_by_rules))
    return fast, by_rules


@given(st.lists(st.lists(st.sampled_from([*PIECES, *GENES]), max_size=12).map("".join) | st.text() | st.none()))
@example(["5 - 10", "5-\n10", "HCO3-", "-5", "(-5)", "a / b", "a * b", " Mg ", "x_Aa", "Type II", None, ""])
def test_a_text_has_the_key_that_all_rules_give_it(texts):
    fast, by_rules = keys(texts)
    assert fast == by_rules


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("  Give 5 mL, twice. ", "give 5 ml twice"),
        ("HIV- (negative)", "hiv − negative"),
        ("Take 5-10 mg", "take 5 − 10 mg"),
        ("snake_case, Q's", "snake case q s"),
        ("...", ""),
    ],
)
def test_case_spacing_and_punctuation_do_not_count_and_signs_do(text, normalised):
    assert keys([text]) == ([normalised], [normalised])


def test_a_column_without_rows_has_no_keys():
    assert keys([]) == ([], [])
