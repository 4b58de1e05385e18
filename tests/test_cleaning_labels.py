"""Cleaning and the rules on labelled texts that they were not written for (``tests/labelled``), kind by kind.

A failure lists the kinds with their counts. The floors hold for each half; no text with content may lose any of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from rows import row, table

from quality.cleaning.clean import Clean, clean
from quality.cleaning.normalize import Normalise, normalise

LABELLED = Path(__file__).parent / "labelled"
HALVES = ("tune", "held")
FLOORS = {("cleaning", "tune"): 0.9, ("rules", "tune"): 0.9, ("cleaning", "held"): 0.85, ("rules", "held"): 0.85}
KIND_FLOOR = 0.5
"""Of a kind of the tune half. The held half was read by kind and count only; no rule was changed for a row of it."""


def labelled(kind: str, half: str) -> list[dict[str, Any]]:
    path = LABELLED / f"{kind}.{half}.jsonl"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def check_floors(kind: str, half: str, right: list[tuple[str, bool]]) -> None:
    """Fail, with the counts of every kind, where all together or one of them is below its floor."""
    counts: dict[str, list[bool]] = defaultdict(list)
    for name, good in right:
        counts[name].append(good)
    report = {name: f"{sum(good)}/{len(good)}" for name, good in sorted(counts.items())}
    share = sum(good for _, good in right) / len(right)
    print(f"{kind}: {share:.3f}", report)
    assert share >= FLOORS[kind, half], report
    if half == "tune":
        assert all(sum(good) >= KIND_FLOOR * len(good) for good in counts.values()), report


def cleaned(labels: list[dict[str, Any]]) -> list[str]:
    given = table(*(row(f"label:{n}", answer=label["text"]) for n, label in enumerate(labels)))
    return normalise(given, Normalise())[0]["answer"].to_list()


@pytest.mark.parametrize("half", HALVES)
def test_cleaning_takes_what_must_go_and_leaves_the_rest(half):
    labels = labelled("cleaning", half)

    def right(label: dict[str, Any], out: str) -> bool:
        stays = all(part in out for part in label["must_keep"])
        gone = not any(part in out for part in label["must_go"])
        some = all(any(form in out for form in forms) for forms in label.get("keep_any", ()))
        return stays and gone and some and label.get("expected", out).strip() == out.strip()

    check_floors(
        "cleaning",
        half,
        [(label["kind"], right(label, out)) for label, out in zip(labels, cleaned(labels), strict=True)],
    )


@pytest.mark.parametrize("half", HALVES)
def test_no_labelled_text_loses_content(half):
    labels = labelled("cleaning", half)
    lost = [
        (label["id"], part)
        for label, out in zip(labels, cleaned(labels), strict=True)
        for part in label["must_keep"]
        if part not in out
    ]
    assert lost == []


@pytest.mark.parametrize("half", HALVES)
def test_rules_drop_bad_rows_and_keep_good_ones(half):
    labels = labelled("rules", half)
    given = []
    for n, label in enumerate(labels):
        fields = {name: tuple(v) if isinstance(v, list) else v for name, v in label["row"].items()}
        given.append(row(f"label:{n}", **fields))
    drops = clean(table(*given), Clean()).rows["drop_reason"]
    right = [(label["kind"], (drop is None) == label["keep"]) for label, drop in zip(labels, drops, strict=True)]
    check_floors("rules", half, right)


def rules_drop(**columns: Any) -> str | None:
    fields = {"question": "How is a burn cooled?", "answer": "Under running water.", "task": "qa", **columns}
    return clean(table(row("label:0", **fields)), Clean()).rows["drop_reason"][0]


@pytest.mark.parametrize(
    "answer",
    [
        "To be determined",
        "#N/A",
        "[truncated]",
        "Service unavailable.",
        "sdfg hjkl",
        "The answer is:",
        "This post has been removed.",
        "Véase arriba",
        "siehe oben",
        "[object Object]",
        "test 3",
    ],
)
def test_what_stands_in_place_of_an_answer_is_dropped(answer):
    assert rules_drop(answer=answer) == "junk_answer"


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know.",
        "I'm afraid I can't help with this.",
        "This question cannot be answered.",
        "No lo sé.",
        "Lo siento, pero no puedo responder.",
        "Je ne sais pas.",
        "Ich kann diese Frage nicht beantworten.",
        "Desculpe, não posso responder.",
        "Mi dispiace, non posso rispondere.",
    ],
)
def test_replies_that_decline_are_dropped_in_many_languages(answer):
    assert rules_drop(answer=answer) == "refusal"


@pytest.mark.parametrize(
    "answer",
    [
        "Na+",
        "None.",
        "Unknown.",
        "Not available in Europe",
        "Removed surgically",
        "Testing for antibodies",
        "I don't know of a single cause, but heat and friction both raise the risk.",
        "Certainly.",
    ],
)
def test_short_answers_with_content_stay(answer):
    assert rules_drop(question="What was found?", answer=answer) is None


@pytest.mark.parametrize("question", ["Question 4:", "(b)", "12.", "Pregunta:", "[deleted]", "____", "Which one?"])
def test_questions_that_ask_nothing_are_dropped(question):
    assert rules_drop(question=question) in ("junk_question", "short_question")


@pytest.mark.parametrize(
    "question",
    [
        "What does this ECG show?",
        "Image B shows which cell?",
        "Which rhythm is shown below?",
        "Según la imagen, ¿qué lesión es?",
        "Was ist in der Abbildung zu sehen?",
        "Name the part marked with an arrow.",
        "A man of 60 has proteinuria. Histopath is given below. What is the diagnosis?",
        "A woman with jaundice and pain underwent MRCP (shown below). What is the diagnosis?",
        "She was sent for a USG abdomen, given below. What comes next?",
        "The given below instrument is used in which operation?",
        "The given below is a karyogram. Which syndrome is it?",
        "He coughs blood. CXR is shown in. What is the diagnosis?",
        "Her erect abdominal X-ray is shown: what is the diagnosis?",
        "The USG is shown as below, what is the diagnosis?",
        "A renal biopsy is shown in this plate. What is the diagnosis?",
    ],
)
def test_questions_about_a_picture_that_is_not_there_are_dropped(question):
    assert rules_drop(question=question) == "needs_image"


@pytest.mark.parametrize(
    "question",
    [
        "What does an ECG show in hyperkalaemia?",
        "Her laboratory values are shown below: sodium 120. What is next?",
        "Does this scan use radiation?",
        "The sequence of the gene is given below. Normal: AGC GCC. Mutated: AGC UGA. Which mutation is it?",
        "The CT findings are as follows: a mass of 3 cm in the liver. What is next?",
        "Is the drug given below one year of age?",
        "Which arteries are below the knee?",
    ],
)
def test_questions_that_describe_their_picture_stay(question):
    assert rules_drop(question=question, answer="Peaked waves and a wide complex.") is None


def test_loops_are_dropped_and_wanted_repeats_stay():
    assert rules_drop(answer="Cool it and cover it. " + "Then cover it again. " * 6) == "repetition"
    assert rules_drop(question="Translate the codons CAG CAG.", answer="Gln " * 12) is None


def test_options_that_differ_in_their_letter_or_marks_are_repeated():
    options = ("A. Ulna", "B. Ulna", "C. Tibia")
    assert (
        rules_drop(question="Which bone?", task="mcqa", options=options, gold=(0,), answer="Ulna") == "repeated_option"
    )
