"""Configurations with one thing wrong: each is refused before any work, naming field, value and expectation."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from tiny_recipe import refused

from pipelines.build.recipe import RecipeError, load
from quality.cleaning.clean import Clean
from quality.cleaning.normalize import Normalise
from quality.cleaning.rules import Rules
from quality.duplicates.exact import Exact
from quality.license_gate import LicenseGate
from sources.files import RawFile

MIRROR = Path(__file__).parent / "fixtures" / "mirror"

INTEGER, NUMBER, TUPLE, TEXT = "a valid integer", "a valid number", "a valid tuple", "a valid string"
USE = "'any', 'share' or 'commercial'"
NAMES = "available, all, or some of medmcqa_sample, "
HUGE = 10**40


def least(value):
    return f"greater than or equal to {value}"


def most(value):
    return f"less than or equal to {value}"


# --- options of the command line -----------------------------------------------------------------------------------

OPTIONS = [
    ("aloe_sft", "sources", "", "", NAMES),
    ("aloe_sft", "sources", "nope", "nope", NAMES),
    ("aloe_sft", "sources", "medquad,nope", "nope", NAMES),
    ("aloe_sft", "sources", "medquad,", "", NAMES),
    ("aloe_sft", "sources", " medquad", " medquad", NAMES),
    ("aloe_sft", "sources", "MedQuAD", "MedQuAD", NAMES),
    ("aloe_sft", "sources", "all,medquad", "all", NAMES),
    ("aloe_sft", "sources", "medquad,available", "available", NAMES),
    ("aloe_sft", "sources", "careqa", "careqa", NAMES),
    ("aloe_sft", "license", "", "", USE),
    ("aloe_sft", "license", "Commercial", "Commercial", USE),
    ("aloe_sft", "license", "any,commercial", "any,commercial", USE),
    ("aloe_sft", "license", "MIT", "MIT", USE),
    ("aloe_sft", "license", "null", "null", USE),
    ("aloe_sft", "limit", "0", "0", least(1)),
    ("aloe_sft", "limit", "-1", "-1", least(1)),
    ("aloe_sft", "limit", "1.5", "1.5", INTEGER),
    ("aloe_sft", "limit", "ten", "ten", INTEGER),
    ("aloe_sft", "limit", "", "", INTEGER),
    ("aloe_sft", "limit", "1e3", "1e3", INTEGER),
    ("aloe_sft", "limit", "None", "None", INTEGER),
    ("aloe_sft", "limit", "[5]", "[5]", INTEGER),
    ("aloe_sft", "limit", "1000000001", "1000000001", most(1_000_000_000)),
    ("aloe_sft", "limit", str(HUGE), str(HUGE), most(1_000_000_000)),
    ("aloe_sft", "max_row_chars", "99", "99", least(100)),
    ("aloe_sft", "max_row_chars", "-60000", "-60000", least(100)),
    ("aloe_sft", "max_row_chars", "many", "many", INTEGER),
    ("aloe_sft", "max_row_chars", "", "", INTEGER),
    ("aloe_sft", "max_row_chars", str(HUGE), str(HUGE), most(1_000_000_000)),
    ("aloe_sft", "min_answer_chars", "0", "0", least(1)),
    ("aloe_sft", "min_answer_chars", "10001", "10001", most(10_000)),
    ("aloe_sft", "min_answer_chars", "2.5", "2.5", INTEGER),
    ("aloe_sft", "min_answer_chars", "few", "few", INTEGER),
    ("aloe_sft", "language_confidence", "0", "0", "greater than 0"),
    ("aloe_sft", "language_confidence", "-0.5", "-0.5", "greater than 0"),
    ("aloe_sft", "language_confidence", "1.01", "1.01", most(1)),
    ("aloe_sft", "language_confidence", "nan", "nan", most(1)),
    ("aloe_sft", "language_confidence", "inf", "inf", most(1)),
    ("aloe_sft", "language_confidence", "80%", "80%", NUMBER),
    ("aloe_sft", "language_confidence", "", "", NUMBER),
    ("aloe_sft", "near_threshold", "0", "0", "greater than 0"),
    ("aloe_sft", "near_threshold", "72", "72", most(1)),
    ("aloe_sft", "near_threshold", "nan", "nan", most(1)),
    ("aloe_sft", "near_threshold", "close", "close", NUMBER),
    ("demo", "license", "free", "free", USE),
    ("demo", "license", "", "", USE),
    ("demo", "limit", "0", "0", least(1)),
    ("demo", "limit", "all", "all", INTEGER),
    ("demo", "limit", str(HUGE), str(HUGE), most(1_000_000_000)),
]


@pytest.fixture
def opened(monkeypatch):
    """The raw files that were opened."""
    paths = []
    monkeypatch.setattr(RawFile, "open", lambda file: paths.append(file.path))
    return paths


@pytest.mark.parametrize(("recipe", "field", "given", "value", "expected"), OPTIONS)
def test_a_wrong_option_is_refused_before_any_work(recipe, field, given, value, expected, opened, tmp_path):
    option = f"--{field.replace('_', '-')}={given}"
    told = refused(2, "build", recipe, option, "--mirror", MIRROR, "--store", tmp_path / "store")
    assert told.startswith(f"Error: {field}: got {value!r}, expected ")
    assert expected in told
    assert opened == []
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("verb", ["plan", "release"])
def test_the_other_verbs_refuse_wrong_options_alike(verb, opened, tmp_path):
    version = ("--version", "1") if verb == "release" else ()
    told = refused(2, verb, "demo", "--limit", "0", *version, "--store", tmp_path / "store")
    assert told == f"Error: limit: got '0', expected {least(1)}"
    assert opened == []
    assert not (tmp_path / "store").exists()


# --- values handed to a recipe by a program ------------------------------------------------------------------------

VALUES = [
    ("sources", 5, TUPLE),
    ("sources", None, TUPLE),
    ("sources", {"medquad"}, TUPLE),
    ("sources", {"medquad": 1}, TUPLE),
    ("sources", (), "at least 1 item"),
    ("license", None, USE),
    ("license", 1, USE),
    ("license", ["any"], USE),
    ("limit", True, INTEGER),
    ("limit", 5.0, INTEGER),
    ("limit", [5], INTEGER),
    ("limit", {}, INTEGER),
    ("limit", b"5", INTEGER),
    ("limit", HUGE, most(1_000_000_000)),
    ("max_row_chars", None, INTEGER),
    ("max_row_chars", 1e5, INTEGER),
    ("max_row_chars", (60_000,), INTEGER),
    ("min_answer_chars", False, INTEGER),
    ("min_answer_chars", -3, least(1)),
    ("language_confidence", None, NUMBER),
    ("language_confidence", True, NUMBER),
    ("language_confidence", [0.8], NUMBER),
    ("language_confidence", float("nan"), most(1)),
    ("language_confidence", 2, most(1)),
    ("near_threshold", False, NUMBER),
    ("licence", "any", "one of sources, source, license, limit, before, undated, max_row_chars, min_answer_chars, "),
    ("", "any", "one of sources, source, license, limit, "),
]


@pytest.mark.parametrize(("field", "value", "expected"), VALUES)
def test_a_wrong_value_is_refused_by_the_recipe(field, value, expected):
    with pytest.raises(RecipeError) as refusal:
        load("aloe_sft").bind({field: value})
    assert str(refusal.value).startswith(f"{field}: got {value!r}, expected ")
    assert expected in str(refusal.value)


def test_a_wrong_part_of_a_value_is_told_by_its_place():
    with pytest.raises(RecipeError, match=f"^sources.1: got 1, expected {TEXT}$"):
        load("aloe_sft").bind({"sources": ["medquad", 1]})


def test_every_wrong_value_of_a_call_is_told_at_once():
    with pytest.raises(RecipeError) as refusal:
        load("aloe_sft").bind({"limit": "0", "license": "free"})
    assert str(refusal.value) == f"limit: got '0', expected {least(1)}; license: got 'free', expected {USE}"


# --- configs of steps ----------------------------------------------------------------------------------------------

UNKNOWN = "Unexpected keyword argument"

CONFIGS = [
    (Rules, "min_question_chars", 0, least(1)),
    (Rules, "min_question_chars", 10_001, most(10_000)),
    (Rules, "min_question_chars", "4", INTEGER),
    (Rules, "min_question_chars", None, INTEGER),
    (Rules, "min_answer_chars", -1, least(1)),
    (Rules, "min_answer_chars", True, INTEGER),
    (Rules, "min_answer_chars", [3], INTEGER),
    (Rules, "max_row_chars", 99, least(100)),
    (Rules, "max_row_chars", HUGE, most(1_000_000_000)),
    (Rules, "max_row_chars", 6e4, INTEGER),
    (Rules, "max_row_chars", float("inf"), INTEGER),
    (Rules, "min_prose_chars", 0, least(1)),
    (Rules, "min_distinct_words", 1.0, "less than 1"),
    (Rules, "min_distinct_words", -0.1, least(0)),
    (Rules, "min_distinct_words", "0.2", NUMBER),
    (Rules, "min_distinct_words", float("nan"), "less than 1"),
    (Rules, "repetition_words", 4, least(5)),
    (Rules, "repetition_words", HUGE, most(10_000)),
    (Rules, "language_letters", 9, least(10)),
    (Rules, "language_letters", HUGE, most(10_000)),
    (Rules, "language_confidence", 0, "greater than 0"),
    (Rules, "language_confidence", 1.5, most(1)),
    (Rules, "language_confidence", True, NUMBER),
    (Rules, "max_chars", 5, UNKNOWN),
    (Normalise, "verbatim_tasks", "math", TUPLE),
    (Normalise, "verbatim_tasks", ["math"], TUPLE),
    (Normalise, "verbatim_tasks", ("maths",), "one of mcqa, qa, "),
    (Normalise, "verbatim_tasks", (1,), TEXT),
    (Normalise, "verbatim_tasks", None, TUPLE),
    (Normalise, "repairs", (("medquad", ("flatten",)),), "one of calculator_marks, flattened_lists"),
    (Normalise, "repairs", (("medquad", "sentence_case"),), TUPLE),
    (Normalise, "repairs", (("", ("sentence_case",)),), "at least 1 character"),
    (Normalise, "repairs", (("medquad",),), "Field required"),
    (Normalise, "repairs", {"medquad": ("sentence_case",)}, TUPLE),
    (Normalise, "edits", (), UNKNOWN),
    (Clean, "rules", None, "Rules"),
    (Clean, "rules", {"min_answer_chars": 3}, "Rules"),
    (Clean, "rules", Normalise(), "Rules"),
    (Clean, "normalise", (), "Normalise"),
    (Clean, "rule", Rules(), UNKNOWN),
    (Exact, "source_ranks", (("medquad", "1"),), INTEGER),
    (Exact, "source_ranks", (("medquad", 1.0),), INTEGER),
    (Exact, "source_ranks", (("medquad", -1),), least(0)),
    (Exact, "source_ranks", (("medquad", 40_000),), most(1_000)),
    (Exact, "source_ranks", ((5, 1),), TEXT),
    (Exact, "source_ranks", (("", 1),), "at least 1 character"),
    (Exact, "source_ranks", {"medquad": 1}, TUPLE),
    (Exact, "ranks", (), UNKNOWN),
    (LicenseGate, "use", "free", USE),
    (LicenseGate, "use", "", USE),
    (LicenseGate, "use", None, USE),
    (LicenseGate, "use", ("any",), USE),
    (LicenseGate, "licence", "any", UNKNOWN),
]


@pytest.mark.parametrize(("config", "field", "value", "expected"), CONFIGS)
def test_a_wrong_config_of_a_step_cannot_be_made(config, field, value, expected):
    with pytest.raises(ValidationError) as refusal:
        config(**{field: value})
    assert field in str(refusal.value)
    assert expected in str(refusal.value)
    [wrong] = refusal.value.errors()
    assert wrong["loc"][0] == field
    assert "input_value=" in str(refusal.value)


@pytest.mark.parametrize("config", [Rules, Normalise, Clean, Exact, LicenseGate])
def test_a_config_stays_as_it_was_made(config):
    made = config()
    field = next(iter(made.__dataclass_fields__))
    with pytest.raises(AttributeError):
        setattr(made, field, None)


def test_there_are_a_hundred_of_them():
    assert len(OPTIONS) + len(VALUES) + len(CONFIGS) >= 100


@pytest.mark.parametrize("recipe", ["aloe_sft", "aloe_dpo", "medqa_cot"])
@pytest.mark.parametrize("terms", ["LicenseRef-unknown", "CC-BY-NC-4.0"])
def test_a_teacher_whose_words_may_not_be_sold_is_refused_in_a_commercial_build(recipe, terms, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    teacher = ("--teacher", "openai:http://localhost:1/v1#m", "--teacher-license", terms)
    told = refused(2, "build", recipe, "--license", "commercial", *teacher, "--mirror", str(MIRROR))
    assert f"teacher_license: got '{terms}', which does not allow the commercial use" in told
    assert not (tmp_path / "store").exists()


def test_a_teacher_whose_words_may_be_sold_is_taken_in_a_commercial_build():
    values = {"license": "commercial", "teacher": "openai:http://localhost:1/v1#m", "teacher_license": "Apache-2.0"}
    assert load("aloe_sft").bind(values)
