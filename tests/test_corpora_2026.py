"""Corpora published since 2025: what becomes of their fields, and that a build reads them only if it is asked to."""

from pathlib import Path

import pytest
from tiny_recipe import run

from pipelines.recipes import aloe_sft
from sources.catalog import SOURCES
from sources.fetch.mirror import mirrored
from sources.read import read

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
NEW = [name for name, source in SOURCES.items() if source.by_name_only]


def rows_of(name):
    return [row for file in mirrored(SOURCES[name], FIXTURES) for row in read(SOURCES[name], file)]


def test_meditron_rows_name_their_component_and_keep_the_system_prompt():
    first, _, guideline = rows_of("fully_open_meditron")
    assert [role for role, _ in first.messages] == ["system", "user"]
    assert (first.license, first.meta, first.answer) == (
        "CC-BY-NC-4.0",
        {"component": "curated_qa"},
        "B. Vitamin C prevents scurvy.",
    )
    assert guideline.meta == {"component": "guidelines_qa"}


def test_miriad_rows_have_the_passage_and_the_year_of_their_paper():
    dated, undated = rows_of("miriad")
    assert (dated.date, undated.date) == ("2012", None)
    assert dated.context.startswith("Cold air dried the airways")
    assert dated.meta["paper_title"] == "Cold air and running"


def test_medreason_options_are_part_of_the_question_and_the_path_is_the_rationale():
    choice, open_question = rows_of("medreason")
    assert choice.messages[0].content.endswith("A. Facial nerve\nB. Oculomotor nerve")
    assert choice.rationale.startswith("Finding paths")
    assert choice.meta == {"origin": "medmcqa", "id": 17}
    assert open_question.messages[0].content == "What does a high ferritin suggest in fever?"


@pytest.mark.parametrize(
    ("name", "rationale", "answer"),
    [
        ("medical_r1_distill", "Cooling stops further damage.", "Cool running water for twenty minutes."),
        ("m23k", "The liver makes bile and the gallbladder stores it.", "The gallbladder stores bile. \\boxed{B}"),
        ("openmed_reasoning", "The diaphragm contracts by itself.", "A spasm of the diaphragm."),
        ("medical_o1_verifiable", None, "Plantar fasciitis"),
    ],
)
def test_reasoning_is_the_rationale_and_the_reply_the_answer(name, rationale, answer):
    first = rows_of(name)[0]
    assert (first.rationale, first.answer) == (rationale, answer)


def test_two_replies_of_ii_medical_to_one_question_are_two_rows():
    assert [row.meta["model"] for row in rows_of("ii_medical")] == ["example-235b", "example-r1"]


def test_large_collections_of_other_corpora_are_read_only_by_name():
    assert len(NEW) == 9
    chosen = [source.name for source in aloe_sft.choose(("all",))]
    assert "medquad" in chosen
    assert not set(NEW) & set(chosen)
    assert [source.name for source in aloe_sft.choose(("miriad", "medquad"))] == ["miriad", "medquad"]


def test_a_build_with_one_of_them_keeps_its_rows_and_its_licence(tmp_path):
    call = ("build", "aloe_sft", "--sources", "miriad", "--mirror", FIXTURES, "--store", tmp_path / "store")
    done = run(*call, "--lock", tmp_path / "lock", "--workers", "1", "--before", "2015")
    assert done.exit_code == 0, done.output
    plan = run("plan", "aloe_sft", "--sources", "medreason", "--mirror", FIXTURES, "--store", tmp_path / "store")
    assert "medreason shares questions with the hold-out medxpertqa" in plan.stdout + plan.stderr
