"""Each rule drops what it is for, keeps what looks like it, and says what it saw."""

import pytest
from pydantic import ValidationError
from rows import row, table

from quality.cleaning.rules import Rules, apply_rules


def judged(**fields):
    out = apply_rules(table(row(**{"answer": "Ascorbic acid, found in citrus fruit.", **fields})), Rules())
    return out.select("drop_reason", "evidence").row(0)


MCQ = {"task": "mcqa", "options": ("iron", "zinc", "copper", "iodine"), "gold": (0,), "answer": "iron"}
SPANISH = ("¿Qué vitamina previene el escorbuto?", "La vitamina C, que abunda en los cítricos y otras frutas.")
CATALAN = (
    "Quina vitamina prevé l'escorbut i en quins aliments es troba?",
    "La vitamina C, que és als cítrics i als pebrots.",
)
PORTUGUESE = (
    "Qual é a vitamina que não deixa ter escorbuto?",
    "É a vitamina C, que se encontra nas laranjas e nos limões.",
)
WHY = "Why does scurvy make the gums bleed?"
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
        ({"answer": "None.", "question": "Summarise: any allergies? No.", "task": "summarization"}, None),
        ({"answer": "Unremarkable.", "question": "Summarise: the chest film shows nothing odd."}, None),
        ({"answer": "N/A"}, "junk_answer"),
        ({"answer": "..."}, "junk_answer"),
        ({"answer": "503 Bad gateway"}, "junk_answer"),
        ({"answer": "I'm sorry, but I cannot answer that."}, "refusal"),
        ({"answer": "I'm sorry, but I cannot answer that.", "task": "safety"}, None),
        ({"answer": "I cannot see the wound, but a wound that smells needs a surgeon on the same day."}, None),
        ({**MCQ, "options": ("None", "One", "Two"), "answer": "None"}, None),
        ({"question": "Why"}, "short_question"),
        ({"question": WHY, "answer": "Rest."}, "short_answer"),
        ({"question": "How to prevent scurvy?", "answer": "Topics"}, "short_answer"),
        ({"answer": "Either:"}, "short_answer"),
        ({"answer": "C"}, None),
        ({"question": "Atomic symbol of sodium?", "answer": "Na"}, None),
        ({"question": "Sign of the charge of chloride?", "answer": "-"}, None),
        ({"question": WHY, "answer": "Rest.", "context": "The physician advised rest."}, None),
        ({"answer": "72", "rationale": "36 + 36 = 72", "task": "math"}, None),
        ({**MCQ}, None),
        ({**MCQ, "options": ("iron", "Iron ", "copper")}, "repeated_option"),
        ({**MCQ, "options": ("< 5 mg", "> 5 mg", "5 mg"), "answer": "< 5 mg"}, None),
        ({**MCQ, "options": ("Iron.", "zinc", "iron")}, "repeated_option"),
        ({**MCQ, "options": ("BB", "Bb", "bb", "Mb/MB"), "answer": "BB"}, None),
        ({**MCQ, "question": "At which point does the valve close?", "options": tuple("ABCD")}, "empty_option"),
        ({**MCQ, "question": "Which group do they belong to?", "options": tuple("ABCD"), "answer": "A"}, None),
        ({**MCQ, "options": ("+", "++", "+++", "scanty"), "answer": "+"}, None),
        ({**MCQ, "options": ("↑", "↓", "→", "←"), "answer": "↑"}, None),
        ({**MCQ, "options": ("-", "+", "0"), "answer": "-"}, None),
        ({**MCQ, "options": ("-", "once", "twice"), "answer": "-"}, "empty_option"),
        ({**MCQ, "options": ("iron", " ", "zinc")}, "empty_option"),
        ({**MCQ, "options": ("iron",)}, "single_option"),
        ({**MCQ, "options": ("...", "once", "twice"), "answer": "..."}, "empty_option"),
        ({**MCQ, "options": ("C", "E", "B12", "K"), "answer": "C"}, None),
        ({"question": "Is asthma inherited?", "answer": "is Asthma inherited ?"}, "echo"),
        ({"question": "Is 5 - 3 more than 3?", "answer": "5 - 3 is less than 3, it is 2."}, None),
        ({"question": "Explain asthma.", "answer": "Explain asthma. Explain asthma."}, "echo"),
        ({"question": "What is lichen planus?", "answer": "Lichen planus."}, "echo"),
        ({"answer": "Rest. " * 12}, "repetition"),
        ({"answer": "Iron makes blood.\n" * 8}, "repetition"),
        ({"answer": "".join(f"Day {n}: 5 mg at noon. " for n in range(1, 20))}, None),
        ({"answer": "def f(x):\n" + "    x = x + 1\n" * 40}, None),
        ({"answer": SAME * 20}, "repetition"),
        ({"answer": VARIED}, None),
        ({"question": "What does the radiograph shown below show?"}, "needs_image"),
        ({"question": "What does an x-ray below the knee show in rickets?"}, None),
        ({"question": "The ECG shows ST elevation in II and aVF. Which artery is closed?"}, None),
        ({"question": "Based on the ECG shown here, what is the rhythm?"}, "needs_image"),
        ({"question": "The part marked X in the diagram is the"}, "needs_image"),
        ({"answer": "The cells change their shape. (See the image below.) They then block small vessels."}, None),
        ({"meta": {"image": "3.png"}}, "needs_image"),
        ({"question": "Which imaging is best to image the spleen?"}, None),
        ({"question": SPANISH[0], "answer": SPANISH[1]}, "wrong_language"),
        ({"answer": SPANISH[1]}, "wrong_language"),
        ({"answer": SPANISH[1], "task": "translation"}, None),
        ({"answer": "维生素可以预防坏血病,多吃柑橘类水果和新鲜蔬菜。"}, "wrong_language"),
        ({"question": CATALAN[0], "answer": CATALAN[1], "lang": "es"}, "wrong_language"),
        ({"question": PORTUGUESE[0], "answer": PORTUGUESE[1], "lang": "es"}, "wrong_language"),
        ({"answer": "Streptococcus pneumoniae, Haemophilus influenzae, Moraxella catarrhalis"}, None),
        ({"question": SPANISH[0], "answer": SPANISH[1], "lang": "es"}, None),
        ({"question": "Cubitus varus is most commonly seen in", "answer": "Malunited supracondylar fracture"}, None),
        ({"answer": "word " * 13_000}, "long_row"),
    ],
)  # fmt: skip
def test_a_rule_claims_its_rows_and_no_others(fields, reason):
    assert judged(**fields)[0] == reason


def test_evidence_is_what_the_rule_saw():
    assert judged(question=WHY, answer="Rest.") == ("short_answer", "Rest.")
    assert judged(meta={"image": "3.png"}) == ("needs_image", "3.png")
    assert judged(answer="Rest. " * 12)[1] == "12 words, 1 of them different"
    assert judged(**{**MCQ, "options": ("iron ore", "Iron  ore", "zinc")})[1] == "iron ore | Iron  ore | zinc"


def test_the_first_rule_in_order_claims_a_row():
    assert judged(question="", answer=None)[0] == "no_question"


def test_rows_come_out_in_the_order_they_came_in():
    rows = table(*(row(f"corpus:{n}", question=WHY, answer="Rest." if n % 2 else VARIED) for n in range(7)))
    out = apply_rules(rows, Rules())
    assert out["id"].to_list() == rows["id"].to_list()
    assert out["drop_reason"].to_list() == [None, "short_answer"] * 3 + [None]


def test_no_rows_give_no_rows():
    assert apply_rules(table(), Rules()).height == 0


def test_a_threshold_out_of_range_is_refused_with_field_and_value():
    with pytest.raises(ValidationError, match=r"language_confidence[\s\S]*input_value=1.5"):
        Rules(language_confidence=1.5)
