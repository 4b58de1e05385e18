"""Normalisation: what each edit does to a text, what it leaves alone, and that doing it twice changes nothing."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import row, table

from quality.cleaning.normalize import Normalise, normalise
from sources.connectors.gsm8k import GSM8K

REPAIRS = (("corpus", ("flattened_lists", "sentence_case", "spaced_punctuation")),)
PLAIN = Normalise()


def edited(text: str, *, task: str = "qa", config: Normalise = PLAIN) -> str:
    rows, _ = normalise(table(row(answer=text, task=task)), config)
    return rows["answer"].item()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("the patient\u00e2\u20ac\u2122s fever", "the patient\u2019s fever"),  # UTF-8 read as Windows-1252
        ("CafÃ© au lait spots", "Café au lait spots"),
        ("<p>Rest.</p><ul><li>Drink</li><li>Sleep</li></ul>", "Rest.\n\n- Drink\n\n- Sleep"),
        ("pain &amp; fever &lt; 38 &deg;C", "pain & fever < 38 °C"),
        ("5 x 10<sup>9</sup>/L and H<sub>2</sub>O", "5 x 10^9/L and H2O"),
        ("Rest. See https://example.org/a?b=c.", "Rest."),
        ("Write to help@example.org today", "Write to help@example.org today"),
        ("read [the leaflet](https://example.org/x) first", "read the leaflet first"),
        ("two  blanks,\ttab and\u00a0space \n\n\n\nend  ", "two blanks, tab and space\n\nend"),
        ("line\r\nends\rhere", "line\nends\nhere"),
        ("zero\u200bwidth and soft\u00adhyphen", "zerowidth and softhyphen"),
        ("e\u0301pilepsie", "\u00e9pilepsie"),
        ("Take iron. Hope this answers your query. Wish you good health.", "Take iron."),
        ("Thank you for your query. Take iron.", "Take iron."),
    ],
)
def test_an_edit_repairs_its_text(before, after):
    assert edited(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "p<0.05, BP <90 mmHg and >3 drugs; x<b and c>d",
        "potassium < 3.5 mmol/L & rising",
        "10⁵ CFU/mL, 37 °C, ½ tablet, β-blocker, ±2",
        "Crohn's disease (e.g. ileitis): see ch. 4!",
        "La pâte à Ângela, à côté",
        "Guillain–Barré syndrome",
        "हृदय रोग",
        "نوبة قلبية",
        "高血压的治疗",
    ],
)
def test_clean_medical_text_survives(text):
    assert edited(text) == text


def test_code_and_dialogue_tools_keep_their_markup():
    call = '{"url": "https://example.org", "html": "<b>x</b>"}'
    assert edited(call, task="function-calling") == call


def test_repairs_run_only_on_the_corpora_that_ask_for_them():
    flat = "Causes:         - smoking    - age   These add up ."
    assert edited(flat, config=Normalise(repairs=REPAIRS)) == "Causes:\n- smoking\n- age\nThese add up."
    assert "\n" not in edited(flat)


def test_a_worked_solution_loses_its_calls_of_a_calculator_which_are_recorded():
    solution = "He sold 48/2 = <<48/2=24>>24 clips.\nIn all 48+24 = $<<48+24=72>>72, as 24 < 48 > 1."
    rows, edits = normalise(
        table(row("gsm8k:1", response=solution)), Normalise(repairs=(("gsm8k", tuple(GSM8K.repairs)),))
    )
    assert rows["response"].item() == "He sold 48/2 = 24 clips.\nIn all 48+24 = $72, as 24 < 48 > 1."
    assert edits.select("rule", "removed").rows() == [("calculator_marks", "<<48/2=24>>\n<<48+24=72>>")]


def test_sentences_of_a_transcript_get_their_capitals():
    config = Normalise(repairs=REPAIRS)
    assert edited("[doctor] hi , how are you ?\n[patient] i'm fine .", config=config) == (
        "[doctor] Hi, how are you?\n[patient] I'm fine."
    )


@pytest.mark.parametrize(
    "rationale",
    ["Ans. is 'a'", "Answer- B, D", "Explanation: .", "All of the above", "Conclusion(s)", "Answer: iron", "."],
)
def test_an_explanation_that_explains_nothing_is_taken_out(rationale):
    rows, edits = normalise(
        table(row(options=("iron", "zinc"), gold=(0,), answer="iron", rationale=rationale)), Normalise()
    )
    assert rows["rationale"].item() is None
    assert edits.row(-1) == ("corpus:1", "rationale", "empty_explanation", rationale)


def test_an_explanation_that_explains_stays():
    said = "Ans. is A: iron is lost with menstruation"
    rows, _ = normalise(table(row(options=("iron", "zinc"), gold=(0,), answer="iron", rationale=said)), Normalise())
    assert rows["rationale"].item() == said


def test_the_ledger_names_row_field_and_rule_and_keeps_what_was_taken_out():
    rows = table(
        row("corpus:1", question="What now?  ", context="Rest. See www.example.org/x"),
        row("corpus:2", answer="Drink. See http://a.org/y or http://b.org/z"),
    )
    _, edits = normalise(rows, Normalise())
    assert set(edits.iter_rows()) == {
        ("corpus:1", "messages", "whitespace", None),
        ("corpus:1", "context", "url", "See www.example.org/x"),
        ("corpus:1", "context", "whitespace", None),
        ("corpus:2", "answer", "url", "See http://a.org/y or http://b.org/z"),
        ("corpus:2", "answer", "whitespace", None),
    }


def test_every_text_field_of_a_conversation_is_edited_in_its_place():
    rows, _ = normalise(
        table(row(options=("a  b", "c"), context=" x ", rationale="y ", response="z  z", rejected="w\r\n")), Normalise()
    )
    assert rows.select("options", "context", "rationale", "response", "rejected").row(0) == (
        ["a b", "c"],
        "x",
        "y",
        "z z",
        "w",
    )


def test_no_rows_give_no_rows():
    rows, edits = normalise(table(), Normalise())
    assert rows.height == edits.height == 0


TRAPS = st.sampled_from(
    [
        "&amp;",
        "&amp;lt;",
        "lt;",
        "<b>",
        "</p>",
        "<img src=",
        "Ã©",
        "â€™",
        "  ",
        "\r\n",
        "\u200b",
        "https://a.org/",
        "a@b.org",
        "[x](http://y)",
        "( )",
        "<P>",
        "<td>",
        "<sup>5",
        "<!--",
        "-->",
        "<o:p>",
        "Î²",
        "ï¬",
        "Hope this helps. ",
        "Hi, ",
        "Regards,\nDr. Li",
        " Chat Doctor.",
        "<link>",
        "See ",
        "(",
        ")",
        "a\tb\n",
        "\n  - ",
        "```",
    ]
)
TEXTS = st.lists(st.one_of(TRAPS, st.text(max_size=8)), max_size=8).map("".join)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_normalising_twice_changes_nothing(texts):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    config = Normalise(repairs=REPAIRS)
    once, _ = normalise(table(*(row(f"corpus:{n}", answer=text) for n, text in enumerate(texts))), config)
    twice, edits = normalise(once, config)
    assert edits.is_empty()
    assert twice.equals(once)
    assert once.select(pl.col("id")).height == len(texts)
