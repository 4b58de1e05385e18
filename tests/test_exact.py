"""Exact duplicates: what counts as the same row, which one stays, and that order plays no part."""

import json
import random

import pytest
from rows import row, table

from quality.duplicates.exact import Exact, exact_duplicates
from sources.record import Message


def dropped(*records, ranks=()):
    shards = [table(*records[at : at + 3]) for at in range(0, len(records), 3)]
    drops = exact_duplicates(lambda: iter(shards), Exact(source_ranks=ranks)).drops
    return {id: json.loads(evidence)["duplicate_of"] for id, _, evidence in drops.iter_rows()}


def test_case_punctuation_and_spacing_do_not_tell_rows_apart():
    assert dropped(
        row("a:1", question="What is anemia?", answer="A lack of red cells."),
        row("a:2", question="what is  ANEMIA", answer="a lack of red cells"),
    ) == {"a:2": "a:1"}


def test_options_in_another_order_are_the_same_question():
    one = {"question": "Which is a vitamin?", "answer": "Retinol"}
    assert dropped(
        row("a:1", options=("Retinol", "Iron"), gold=(0,), **one),
        row("a:2", options=("Iron", "Retinol"), gold=(1,), **one),
    ) == {"a:2": "a:1"}


def test_another_answer_option_context_or_sign_is_another_row():
    base = {"question": "Which pH is acid?", "answer": "pH < 7"}
    rows = [
        row("a:1", **base),
        row("a:2", question="Which pH is acid?", answer="pH > 7"),
        row("a:3", **base, options=("pH < 7", "pH > 7")),
        row("a:4", **base, context="Blood has pH 7.4."),
        row("a:5", **base, rejected="pH 9"),
        row("a:6", answer="pH < 7", messages=(Message("user", "Hi"), Message("user", "Which pH is acid?"))),
    ]
    assert dropped(*rows) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ferritin ↑, transferrin ↓", "Ferritin ↓, transferrin ↑"),
        ("The base excess is -3.5", "The base excess is 3.5"),
        ("Divide: 18 / 6", "Divide: 18 - 6"),
        ("18*6", "18:6"),
        ("Na × K", "Na ÷ K"),
        ("p = 0.05", "p ≠ 0.05"),
        ("Give 1.5 mg", "Give 1-5 mg"),
        ("Give 1.5 mg", "Give 15 mg"),
        ("चीनी", "चना"),
        ("Genotype ♂", "Genotype ♀"),
        ("The fee is $5", "The fee is €5"),
        ("Mg", "mg"),
        ("Bb", "bb"),
        ("the gene Trp53", "the gene TRP53"),
        ("a child of Dd and dd", "a child of DD and dd"),
        ("Serum HCO3- falls", "Serum HCO3 falls"),
        ("a test is HIV-", "a test is HIV"),
        ("Fe²⁺", "Fe³⁺"),
        ("+/- mice", "-/- mice"),
        ("4 ± 2", "4 − 2"),
        ("INR ≤ 3", "INR ≥ 3"),
        ("10² cells", "10³ cells"),
        ("stage Ⅳ", "stage Ⅵ"),
        ("5 mg", "5 µg"),
        ("5′ of arc", "5″ of arc"),
        ("👍", "👎"),
        ("ป่า", "ป้า"),
        ("عَلِمَ", "عُلِمَ"),
        ("কলা", "কালা"),
    ],
)
def test_what_turns_a_statement_round_tells_rows_apart(one, other):
    assert dropped(row("a:1", answer=one), row("a:2", answer=other)) == {}
    assert dropped(row("a:1", question=one), row("a:2", question=other)) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pH<7", "pH < 7"),
        ("A 30-year-old, post-operative", "a 30 year old post operative"),
        ("−2 to 5", "-2 to 5"),
        ("10–20 mg", "10 - 20 mg"),
        ("1.5 g", "1,5 g"),
        ("Panadol®: • safe", "panadol safe"),
        ("cafe\u0301", "café"),
        ("No", "NO"),
        ("type II", "Type ii"),
        ("- rest\n- fluids", "Rest; fluids"),
    ],
)
def test_how_a_sign_is_written_does_not(one, other):
    assert dropped(row("a:1", answer=one), row("a:2", answer=other)) == {"a:2": "a:1"}


def test_scripts_without_latin_letters_are_not_all_alike():
    assert dropped(row("a:1", question="高血压", answer="降压药"), row("a:2", question="糖尿病", answer="胰岛素")) == {}


def test_the_keep_policy_is_licence_then_rank_then_completeness_then_id():
    same = {"question": "What is anemia?", "answer": "A lack of red cells."}
    strict = row("a:1", license="CC-BY-NC-4.0", **same)
    free = row("z:9", license="MIT", **same)
    assert dropped(strict, free) == {"a:1": "z:9"}
    assert dropped(row("a:1", **same), row("b:1", **same), ranks=(("b", 1), ("a", 2))) == {"a:1": "b:1"}
    assert dropped(row("a:1", **same), row("a:2", rationale="Because.", **same)) == {"a:1": "a:2"}
    assert dropped(row("a:2", **same), row("a:1", **same)) == {"a:2": "a:1"}


def test_the_order_of_rows_plays_no_part():
    rows = [row(f"a:{n}", question=f"Question {n % 7}?", license=("MIT", "CC-BY-4.0")[n % 2]) for n in range(60)]
    expected = dropped(*rows)
    assert len(expected) == 53
    for seed in range(5):
        assert dropped(*random.Random(seed).sample(rows, len(rows))) == expected


def test_no_rows_no_duplicates():
    assert dropped() == {}
