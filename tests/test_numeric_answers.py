"""Numbers, dates, gestational ages and wrong sentences as replies write them; what is unsure is unread."""

from datetime import date
from fractions import Fraction

import pytest

from synth.answers.error_answers import extract_error
from synth.answers.numeric_answers import extract_number, is_within


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("Weight over height squared.\nAnswer: 24.69", "24.69"),
        ("Answer: 24.69 kg/m^2", "24.69"),
        ("**Answer:** 24.69 kg/m²", "24.69"),
        ("The final answer is 24.69.", "24.69"),
        ("80 / 1.8^2 = 24.69\nAnswer: 80 / 3.24 = 24.69", "24.69"),
        ("so \\boxed{24.69}", "24.69"),
        ("<answer>24.69</answer>", "24.69"),
        ('{"step_by_step_thinking": "80/3.24", "answer": "24.69"}', "24.69"),
        ("Answer: 85 mL/min/1.73 m²", "85"),
        ("Answer: 1,250 mL", "1250"),
        ("Answer: 24,69", "24.69"),
        ("Answer: -3.5 mEq/L", "-3.5"),
        ("Answer: −3.5", "-3.5"),
        ("Answer: 1.2 x 10^3", "1200"),
        ("Answer: 1.2e3", "1200"),
        ("Answer: ≈ 24.7 (rounded to one decimal of 24.69)", "24.7"),
        ("Answer:\n24.69", "24.69"),
        ("First I get Answer: 3.\nNo, I forgot the age.\nAnswer: 4", "4"),
        ("24.69", "24.69"),
        ("<think>Answer: 1</think>Answer: 2", "2"),
        ("Answer: 3 out of 9", "3"),
        ("Answer: 3/9 points", "3"),
        ("Answer: .5", "0.5"),
        ("Answer: $1.2 \\times 10^{3}$ mL", "1200"),
        ("Answer: 1.2 × 10³", "1200"),
        ("Answer: 250 × 10⁹/L", "250"),
        ("Answer: 12\u202f500", "12500"),
        ("Answer: 5 mmol/L (normal: less than 4)", "5"),
    ],
)
def test_the_number_after_the_last_cue_is_read(reply, value):
    found = extract_number(reply, "decimal")
    assert (found.outcome, found.value) == ("parsed", Fraction(value)), found


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Answer:",
        "Answer: not enough data",
        "I cannot calculate this.",
        "The BMI is weight by height squared.\nWeight is 80.\nHeight is 1.8.",
        "Answer: between 20 and 30",
        "Answer: 24 or 25",
        "Answer: 24-26",
        "<think>Answer: 2",
        "Answer: twenty-four",
        "Answer: < 5",
        "Answer: more than 5",
        "Answer: 10⁶",
        "Answer: 1.234.567",
        "Answer: 1e400",
        "Answer: 1.2 million",
        "Answer: \\frac{1}{2}",
    ],
)
def test_what_is_unsure_is_no_value(reply):
    found = extract_number(reply, "decimal")
    assert found.outcome != "parsed"
    assert found.value is None
    assert found.how


@pytest.mark.parametrize(
    ("reply", "inside"),
    [("Answer: 23.457", True), ("Answer: 25.926", True), ("Answer: 23.456", False), ("Answer: 2469", False)],
)
def test_limits_are_part_of_the_range(reply, inside):
    assert is_within(extract_number(reply, "decimal"), "23.457", "25.926", "decimal") is inside


def test_a_percentage_is_right_as_a_number_or_as_its_hundredth():
    for lower, upper in (("0.5", "0.6"), ("50", "60")):
        assert is_within(extract_number("Answer: 53.1%", "decimal"), lower, upper, "decimal")
    assert is_within(extract_number("\\boxed{53.1\\%}", "decimal"), "0.5", "0.6", "decimal")
    assert not is_within(extract_number("Answer: 53.1", "decimal"), "0.5", "0.6", "decimal")


@pytest.mark.parametrize(
    "reply",
    ["Answer: 10/16/2024", "Answer: 2024-10-16", "Answer: October 16, 2024", "Answer: 16th of October 2024"],
)
def test_dates_are_read_in_several_forms(reply):
    found = extract_number(reply, "date")
    assert found.value == date(2024, 10, 16)
    assert is_within(found, "10/16/2024", "10/16/2024", "date")


def test_an_impossible_date_is_unread():
    assert extract_number("Answer: 13/40/2024", "date").outcome == "unparsed"


@pytest.mark.parametrize(
    "reply",
    ["Answer: (15 weeks, 3 days)", "Answer: 15 weeks and 3 days", "Answer: 15w3d", "Answer: 15+3", "Answer: (15, 3)"],
)
def test_gestational_ages_are_read_in_several_forms(reply):
    found = extract_number(reply, "weeks_days")
    assert found.value == 108, found
    assert is_within(found, "('15 weeks', '3 days')", "('15 weeks', '3 days')", "weeks_days")
    assert not is_within(found, "('15 weeks', '2 days')", "('15 weeks', '2 days')", "weeks_days")


def test_weeks_alone_are_whole_weeks():
    assert extract_number("Answer: 15 weeks", "weeks_days").value == 105


@pytest.mark.parametrize(
    ("reply", "number", "correction"),
    [
        ("All is well.\nAnswer: CORRECT", None, None),
        ("Answer: 2\nCorrection: She is given nitrofurantoin.", 2, "She is given nitrofurantoin."),
        ("**Answer:** sentence 2\n**Correction:** Nitrofurantoin.", 2, "Nitrofurantoin."),
        ("Answer: 1\nWait.\nAnswer: 2", 2, None),
        ("Answer: 0\nCorrected sentence: x", 0, "x"),
        ("Answer: No error.", None, None),
    ],
)
def test_the_wrong_sentence_and_its_correction_are_read(reply, number, correction):
    found = extract_error(reply, range(3))
    assert (found.outcome, found.number, found.correction) == ("parsed", number, correction)


@pytest.mark.parametrize(
    "reply", ["", "Sentence 2 is wrong.", "Answer: 7", "Answer: 1 or 2", "Answer: the drug", "<think>Answer: 1"]
)
def test_an_answer_that_names_no_sentence_is_unread(reply):
    assert extract_error(reply, range(3)).outcome == "unparsed"
