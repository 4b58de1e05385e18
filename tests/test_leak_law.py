"""What decontamination promises: equal is a leak, nothing added makes a leak clean; and the labelled set by kind."""

import json
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.decontamination.find_leaks import Decontaminate, find_leaks
from quality.decontamination.inputs import ITEM_SCHEMA, find_roles, text_rows
from quality.decontamination.item_index import build_index

BENCHMARKS = {
    "ward": [
        ("Which nerve is stretched when a climber hangs from one arm?", ["Ulnar", "Long thoracic"], "Long thoracic"),
        ("Which of the following is true?", ["Ferritin falls first", "Ferritin falls last"], "Ferritin falls first"),
        ("Bitter almonds:", ["Cyanide", "Arsenic"], "Cyanide"),
    ],
    "night": [
        ("A sailor of 44 years bleeds from his gums and bruises at a touch. What is missing?", None, "Ascorbic acid"),
        ("Which of the following is true?", ["Nits are eggs", "Nits are adults"], "Nits are eggs"),
    ],
    "desk": [("Explain to a beekeeper why a second sting is worse.", None, None)],
}
FURTHER = (
    "The rota changed on Monday.",
    "Which of the following is true?",
    "A climber, a sailor and a beekeeper met.",
    "",
)


@cache
def index(*names):
    """Return the index of some of the benchmarks above."""
    rows = [
        (name, f"{name}-{at}", question, options, answer, None, None, None)
        for name in names
        for at, (question, options, answer) in enumerate(BENCHMARKS[name])
    ]
    return build_index(pl.DataFrame(rows, schema=ITEM_SCHEMA, orient="row"))


def leaking(table, *names, embed=None):
    """Return the numbers of the rows of a table that hold an item."""
    pairs = find_leaks(text_rows(table, table.columns), index(*names), Decontaminate(), embed=embed, workers=1)
    return {(row, item) for row, item in pairs.select("id", "item").iter_rows()}


items = st.sampled_from([(name, at) for name, rows in BENCHMARKS.items() for at in range(len(rows))])


@settings(max_examples=60, deadline=None)
@given(
    items, st.lists(st.sampled_from(FURTHER), max_size=3), st.sets(st.sampled_from(sorted(BENCHMARKS))), st.booleans()
)
def test_nothing_added_turns_a_leak_into_a_clean_row(item, further, others, join):
    name, at = item
    question, _, answer = BENCHMARKS[name][at]
    table = pl.DataFrame({"question": [question], "answer": [answer or ""]})
    found = leaking(table, name)
    assert ("0", f"{name}-{at}") in found
    columns = {f"more_{number}": [text] for number, text in enumerate(further)}
    wider = table.with_columns(**{key: pl.Series(values) for key, values in columns.items()})
    if join:
        wider = wider.select(text=pl.concat_str(pl.all(), separator="\n"))
    longer = pl.concat([wider, wider.select(pl.lit("Another row.").alias(key) for key in wider.columns)])
    assert found <= leaking(longer, *sorted({name, *others}))


REWORDED = {
    "ward": "When a climber hangs from one arm, which nerve is it that is stretched?",
    "night": "A sailor, 44 years old, bruises at a touch and bleeds from his gums. What is he missing?",
}


def embed(texts):
    """Vectors that tell climbers, sailors and keepers of bees, and nothing else."""
    return np.array([["climb" in text, "sailor" in text, "sting" in text, 0.01] for text in texts])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(REWORDED)),
    st.booleans(),
    st.lists(st.sampled_from(FURTHER), max_size=3),
    st.sets(st.sampled_from(sorted(BENCHMARKS))),
    st.sampled_from([None, embed]),
)
def test_nothing_added_turns_a_reworded_leak_into_a_clean_row(name, answered, further, others, model):
    answer = BENCHMARKS[name][0][2] if answered else "I do not know."
    table = pl.DataFrame({"asked": [REWORDED[name]], "said": [answer]})
    found = leaking(table, name, embed=model)
    assert found if answered or model else True
    wider = table.with_columns(**{f"more_{at}": pl.lit(text) for at, text in enumerate(further)})
    assert found <= leaking(wider, *sorted({name, *others}), embed=model)


@pytest.mark.parametrize("stem", ["Which of the following is true?", "Bitter almonds:"])
def test_a_bare_stem_is_no_leak_alone_nor_with_another_answer(stem):
    assert leaking(pl.DataFrame({"question": [stem]}), *BENCHMARKS) == set()
    assert leaking(pl.DataFrame({"question": [stem], "answer": ["Lice jump"]}), *BENCHMARKS) == set()


@pytest.mark.parametrize("text", ["{q} {a}", "{q}\nA step, then another.\nAnswer: {a}", "Notes. {q} {a}. The end."])
def test_question_and_answer_are_found_in_any_layout(text):
    for name, rows in BENCHMARKS.items():
        for at, (question, _, answer) in enumerate(rows):
            if answer:
                found = leaking(pl.DataFrame({"text": [text.format(q=question, a=answer)]}), *BENCHMARKS)
                assert ("0", f"{name}-{at}") in found


def test_a_stem_without_a_question_mark_is_found_before_talk_and_its_answer():
    told = "Bitter almonds Let us think of poisons, one after the other. {a}"
    assert ("0", "ward-2") in leaking(pl.DataFrame({"text": [told.format(a="Cyanide.")]}), *BENCHMARKS)
    assert leaking(pl.DataFrame({"text": [told.format(a="It smells of cyanide.")]}), *BENCHMARKS) == set()


# --- the labelled set, whose rows were written without a look at the rules -------------------------------------------

LABELLED = Path(__file__).parent / "labelled" / "leaks.tune.jsonl"
BEYOND_WORDS = {"paraphrase", "spanish_translation"}


@pytest.fixture(scope="module")
def by_kind():
    """{(kind, leak): [whether the row was flagged with its item]}."""
    rows = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    known = {row["item"]["id"]: row["item"] for row in rows}
    table = [
        ("set", key, item["question"], item["options"], item["options"][item["gold"][0]], item.get("long_answer"), None,
         item.get("context"))
        for key, item in known.items()
    ]  # fmt: skip
    benchmark = build_index(pl.DataFrame(table, schema=ITEM_SCHEMA, orient="row"))
    out = defaultdict(list)
    for row in rows:
        frame = pl.DataFrame([row["row"]])
        roles = find_roles(frame.schema, {})
        others = [name for name in frame.columns if all(name not in names for names in roles.values())]
        pairs = find_leaks(text_rows(frame, others, roles=roles), benchmark, Decontaminate(), workers=1)
        out[row["kind"], row["leak"]].append(row["item"]["id"] in pairs["item"])
    return out


def test_leaks_of_the_labelled_set_are_found(by_kind):
    found = [hit for (kind, leak), hits in by_kind.items() if leak and kind not in BEYOND_WORDS for hit in hits]
    assert len(found) > 150
    assert sum(found) / len(found) >= 0.98


def test_rows_of_the_labelled_set_that_hold_nothing_are_left_alone(by_kind):
    flagged = [hit for (_, leak), hits in by_kind.items() if not leak for hit in hits]
    assert len(flagged) > 50
    assert sum(flagged) / len(flagged) <= 0.02
    assert sum(by_kind["facts_changed", False]) == 0
