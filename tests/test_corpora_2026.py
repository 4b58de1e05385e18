"""Corpora published since 2025: what becomes of their fields, and that a build reads them only if it is asked to."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tiny_recipe import run

from pipelines.recipes import aloe_sft
from sources.catalog import BENCHMARKS, SOURCES
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


TRAINING_PARTS = {
    "medec_train": "medec",
    "medec_hub_train": "medec_hub",
    "medcalc_bench_train": "medcalc_bench",
    "medcasereasoning_train": "medcasereasoning",
    "cares": "cares_test",
}
"""Training parts of benchmarks, each with its held-out part."""


def test_a_note_to_train_on_has_its_task_and_a_reply_that_quotes_the_wrong_sentence():
    for name in ("medec_train", "medec_hub_train"):
        right, wrong = rows_of(name)
        assert [role for role, _ in right.messages] == ["system", "user"]
        assert (right.answer, right.meta) == ("The note is correct.", {"error_type": None})
        assert wrong.answer == (
            "Wrong: Her airway is narrowed by measles.\nCorrection: Her airway is narrowed by parainfluenza virus."
        )
        assert wrong.messages[1].content.startswith("A girl of 6 has a barking cough at night. Her airway")


def test_calculations_and_cases_to_train_on_have_their_reasons():
    calculation, case = rows_of("medcalc_bench_train")[0], rows_of("medcasereasoning_train")[0]
    assert (calculation.answer, calculation.rationale) == (
        "22.491",
        "65 kg divided by 1.70 m squared is 22.491 kg/m^2.",
    )
    assert (case.answer, case.task) == ("Occupational asthma", "diagnosis")
    assert case.rationale.startswith("1. Symptoms follow exposure")


@pytest.mark.parametrize(("name", "held_out"), TRAINING_PARTS.items())
def test_a_training_part_and_its_held_out_part_share_no_file_and_no_row(name, held_out):
    source, benchmark = SOURCES[name], BENCHMARKS[held_out]
    files, held = ({file.path for file in mirrored(corpus, FIXTURES)} for corpus in (source, benchmark))
    assert files
    assert held
    assert not files & held
    assert source.folder == (benchmark.folder or benchmark.name)
    asked = {row.messages[-1].content for file in mirrored(benchmark, FIXTURES) for row in read(benchmark, file)}
    assert not asked & {row.messages[-1].content for row in rows_of(name)}


def test_a_test_row_in_a_training_part_is_dropped_as_a_leak(tmp_path):
    mirror = tmp_path / "mirror"
    shutil.copytree(FIXTURES / "medcalc_bench", mirror / "medcalc_bench")
    test, train = (mirror / "medcalc_bench" / f"{part}_data_11_18_final.csv" for part in ("test", "train"))
    note = (
        "A woman of 70 who takes warfarin has hypertension, atrial fibrillation and a swollen left calf since Monday."
    )
    row = f'9,4,CHA2DS2-VASc Score,risk,integer,n9,Template,"{note}",What is her CHA2DS2-VASc score?,{{}},3,3,3,Sum.\n'
    for path in (test, train):
        path.write_text(path.read_text(encoding="utf-8") + row, encoding="utf-8")
    call = ("build", "aloe_sft", "--sources", "medcalc_bench_train", "--mirror", mirror, "--store", tmp_path / "store")
    done = run(*call, "--lock", tmp_path / "lock", "--workers", "1", "--json")
    assert done.exit_code == 0, done.output
    dropped = [
        row
        for path in (tmp_path / "store").rglob("steps/*/dropped/*.parquet")
        for row in pq.read_table(path, columns=["id", "reason"]).to_pylist()
    ]
    assert ("medcalc_bench_train:9", True) in [(row["id"], "leak" in row["reason"]) for row in dropped], dropped


def test_large_collections_of_other_corpora_and_training_parts_are_read_only_by_name():
    assert len(NEW) == 9 + len(TRAINING_PARTS)
    assert set(TRAINING_PARTS) < set(NEW)
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
