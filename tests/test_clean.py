"""Cleaning a shard: a row that cannot be cleaned is dropped with what went wrong, and its neighbours are cleaned."""

import polars as pl
import pytest
from rows import row, table

from quality.cleaning import normalize
from quality.cleaning.clean import Clean, clean
from quality.cleaning.normalize import EDITS, Edit

GOOD = "Rest, drink enough water and see a physician after three days of fever."


def rows(*answers: str) -> pl.DataFrame:
    return table(*(row(f"corpus:{n}", answer=answer) for n, answer in enumerate(answers)))


def with_edit(monkeypatch, pattern, apply):
    monkeypatch.setattr(normalize, "EDITS", (*EDITS, Edit(name="odd", pattern=pattern, apply=apply)))


def test_a_row_whose_cleaning_fails_is_dropped_and_the_others_are_cleaned(monkeypatch):
    def fail(texts):
        raise ValueError(f"cannot read {texts[0]!r}")

    with_edit(monkeypatch, "poison", fail)
    outcome = clean(rows(GOOD, "A poison of the blood.", GOOD + "  ", GOOD, GOOD), Clean())
    assert outcome.rows["id"].to_list() == [f"corpus:{n}" for n in range(5)]
    assert outcome.rows["drop_reason"].to_list() == [None, "cleaning_failed", None, None, None]
    assert outcome.rows["evidence"][1] == "ValueError: cannot read 'A poison of the blood.'"
    assert outcome.rows["answer"].to_list() == [GOOD, "A poison of the blood.", GOOD, GOOD, GOOD]
    assert outcome.edits.select("id", "rule").rows() == [("corpus:2", "whitespace")]


def test_a_text_whose_edits_undo_one_another_is_dropped_and_names_them(monkeypatch):
    with_edit(monkeypatch, "!", lambda texts: (texts + "!", None))
    outcome = clean(rows(GOOD, "Rest a while and then drink!"), Clean())
    assert outcome.rows["drop_reason"].to_list() == [None, "unstable_text"]
    assert outcome.rows["evidence"][1] == "answer: edits that never come to rest: odd"


def test_a_fault_of_every_row_is_a_fault_of_the_step_and_ends_it(monkeypatch):
    def fail(texts):
        raise RuntimeError("no model")

    with_edit(monkeypatch, "e", fail)
    with pytest.raises(RuntimeError, match="no model"):
        clean(rows(GOOD, GOOD), Clean())


def test_gold_that_points_past_the_options_costs_its_own_row_only():
    broken = row("corpus:1", options=("iron", "zinc"), gold=(7,), answer="iron", task="mcqa")
    outcome = clean(table(row("corpus:0", answer=GOOD), broken), Clean())
    assert outcome.rows.select("drop_reason", "evidence").rows() == [
        (None, None),
        ("gold_outside_options", "8 of 2 options"),
    ]


def test_an_entity_escaped_many_times_is_resolved_and_ends_no_build():
    outcome = clean(rows("Glucose &" + "amp;" * 6 + "lt; 3 mmol/L needs sugar at once."), Clean())
    assert outcome.rows.select("answer", "drop_reason").row(0) == ("Glucose < 3 mmol/L needs sugar at once.", None)
