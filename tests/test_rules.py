"""Each rule drops what it is for, keeps what looks like it, and says what it saw."""

import pytest
from pydantic import ValidationError
from rows import row, table

from quality.rules import Rules, apply_rules


def judged(**fields):
    out = apply_rules(table(row(**{"answer": "Ascorbic acid, found in citrus fruit.", **fields})), Rules())
    return out.select("drop", "evidence").row(0)


MCQ = {"task": "mcqa", "options": ("iron", "zinc", "copper", "iodine"), "gold": (0,), "answer": "iron"}
SPANISH = ("¿Qué vitamina previene el escorbuto?", "La vitamina C, que abunda en los cítricos y otras frutas.")
SAME = "ask your doctor about it "
VARIED = "Rest, drink enough water and take paracetamol when the fever troubles you; see a physician after three days."


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"question": "  "}, "no_question"),
        ({"answer": None}, "no_answer"),
        ({"answer": None, "task": "safety"}, None),
        ({"question": "[Figure: see text]"}, "junk_question"),
        ({"question": "Unknown."}, "junk_question"),
        ({"question": "Unknown cause of fever: what next?"}, None),
        ({"answer": "Erratum."}, "junk_answer"),
        ({**MCQ, "options": ("None", "One", "Two"), "answer": "None"}, None),
        ({"question": "Why"}, "short_question"),
        ({"answer": "Rest."}, "short_answer"),
        ({"answer": "Rest.", "context": "The physician advised rest."}, None),
        ({"answer": "72", "rationale": "36 + 36 = 72", "task": "math"}, None),
        ({**MCQ}, None),
        ({**MCQ, "options": ("iron", "Iron ", "copper")}, "repeated_option"),
        ({**MCQ, "options": ("< 5 mg", "> 5 mg", "5 mg"), "answer": "< 5 mg"}, None),
        ({**MCQ, "options": ("A", "B", "C", "D"), "answer": "A"}, "empty_option"),
        ({**MCQ, "options": ("...", "once", "twice"), "answer": "..."}, "empty_option"),
        ({**MCQ, "options": ("C", "E", "B12", "K"), "answer": "C"}, None),
        ({"question": "Is asthma inherited?", "answer": "is Asthma inherited ?"}, "echo"),
        ({"answer": "Rest. " * 12}, "repetition"),
        ({"answer": SAME * 20}, "repetition"),
        ({"answer": VARIED}, None),
        ({"question": "What does the radiograph shown below show?"}, "needs_image"),
        ({"meta": {"image": "3.png"}}, "needs_image"),
        ({"question": "Which imaging is best to image the spleen?"}, None),
        ({"question": SPANISH[0], "answer": SPANISH[1]}, "wrong_language"),
        ({"question": SPANISH[0], "answer": SPANISH[1], "lang": "es"}, None),
        ({"question": "Cubitus varus is most commonly seen in", "answer": "Malunited supracondylar fracture"}, None),
        ({"answer": "word " * 13_000}, "long_row"),
    ],
)  # fmt: skip
def test_a_rule_claims_its_rows_and_no_others(fields, reason):
    assert judged(**fields)[0] == reason


def test_evidence_is_what_the_rule_saw():
    assert judged(answer="Rest.") == ("short_answer", "Rest.")
    assert judged(meta={"image": "3.png"}) == ("needs_image", "3.png")
    assert judged(answer="Rest. " * 12)[1] == "12 words, 1 of them different"
    assert judged(**{**MCQ, "options": ("a b", "A  b", "c d")})[1] == "a b | A  b | c d"


def test_the_first_rule_in_order_claims_a_row():
    assert judged(question="", answer=None)[0] == "no_question"


def test_rows_come_out_in_the_order_they_came_in():
    rows = table(*(row(f"corpus:{n}", answer="Rest." if n % 2 else VARIED) for n in range(7)))
    out = apply_rules(rows, Rules())
    assert out["id"].to_list() == rows["id"].to_list()
    assert out["drop"].to_list() == [None, "short_answer"] * 3 + [None]


def test_no_rows_give_no_rows():
    assert apply_rules(table(), Rules()).height == 0


def test_a_threshold_out_of_range_is_refused_with_field_and_value():
    with pytest.raises(ValidationError, match=r"language_confidence[\s\S]*input_value=1.5"):
        Rules(language_confidence=1.5)
