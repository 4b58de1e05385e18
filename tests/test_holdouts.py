"""The hold-outs of 2026: what their rows say, which questions several of them have, and which corpora they touch."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from pipelines.cli.commands import main
from pipelines.own_files.leak_files import decontaminate
from sources.catalog import BENCHMARKS, HELD_OUT, SOURCES
from sources.fetch.mirror import mirrored
from sources.overlaps.shared_items import SHARED, shared_among, shared_by
from sources.read import read
from synth.prompting.generators import question_of
from training.evaluation.benchmark_items import benchmark_names

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"


NEW = (
    *("medxpertqa", "healthbench_professional", "metamedqa", "med_halt", "medhallu", "medec", "medec_hub"),
    *(
        "medcalc_bench",
        "afrimedqa",
        "afrimedqa_open",
        "medcasereasoning",
        "mmlu_pro_health",
        "supergpqa_medicine",
        "longhealth",
    ),
    *("pubhealthbench", "medbullets", "medmisbench", "livemedbench", "headqa_v2_en", "headqa_v2_es", "cares_test"),
)


def rows_of(name):
    return [row for file in mirrored(BENCHMARKS[name], FIXTURES) for row in read(BENCHMARKS[name], file)]


def by_id(name):
    return {row.id.partition(":")[2]: row for row in rows_of(name)}


# --- what a row says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("medxpertqa", ["Talus", "Calf stretching", "Fifth metatarsal"]),
        ("metamedqa", ["Dexamethasone", "None of the above", "I don't know or cannot answer"]),
        ("med_halt", ["Insulin", "I do not know", "None of the above"]),
        ("mmlu_pro_health", ["Vitamin A", "Glenohumeral joint"]),
        ("supergpqa_medicine", ["Type II pneumocyte"]),
        ("pubhealthbench", ["Everyone turning 65", "200 Bq/m3", "Tell the parents"]),
        ("medbullets", ["Naloxone", "Glucagon"]),
        ("medbullets_4_options", ["Naloxone", "Glucagon"]),
        ("longhealth", ["5 mg", "3 May", "Left wrist"]),
        ("longhealth_unanswerable", ["Question cannot be answered with provided documents"] * 3),
        ("medmisbench", ["Four", "Surgery", "Protamine", "Alteplase", "Tibialis anterior"]),
        ("headqa_v2_en", ["Median", None]),
        ("headqa_v2_es", ["Mediano"]),
    ],
)
def test_the_right_option_is_found_on_fixture_rows(name, answers):
    assert [row.answer for row in rows_of(name)] == answers


def test_the_options_at_the_end_of_a_question_are_cut():
    row = by_id("medxpertqa")["Text-1"]
    assert row.messages[0].content.endswith("Which bone does the short fibular muscle pull a piece from?")
    assert len(row.options) == 10


def test_rows_of_other_sets_and_of_training_splits_are_passed_over():
    assert all("Danube" not in row.messages[0].content for row in rows_of("supergpqa_medicine"))
    assert {row.meta["split_type"] for row in rows_of("med_halt")} == {"val", "test"}
    assert {row.meta["year"] for row in rows_of("headqa_v2_en")} == {2015, 2021}


def test_an_option_that_abstains_is_known_and_a_proposed_answer_is_no_part_of_the_question():
    assert [row.meta["abstain"] for row in rows_of("metamedqa")] == [[5], [5], [5]]
    doubtful = by_id("med_halt")["reasoning_FCT-h1"]
    assert (doubtful.meta["proposed"], doubtful.meta["abstain"]) == ("Glucagon", [])
    factual, hallucinated = rows_of("medhallu")[:2]
    assert (factual.gold, hallucinated.gold) == ((0,), (1,))
    assert factual.messages == hallucinated.messages


def test_unused_options_are_dropped_and_several_may_be_right():
    rows = by_id("afrimedqa") | by_id("afrimedqa_open")
    assert (rows["a1"].options[-1], rows["a1"].gold) == ("Black fly", (1,))
    assert rows["a2"].gold == (0, 1, 3)
    assert (rows["a3"].options, rows["a3"].answer) == ((), "Treat or prevent low blood sugar.")


def test_documents_are_those_of_the_patient_or_of_others():
    own, strange, mixed = (by_id(f"longhealth{end}")["patient_01-0"] for end in ("", "_unanswerable", "_among_others"))
    assert "Berg" in own.context
    assert "Tann" not in own.context
    assert "Berg" not in strange.context
    assert ("takes ramipril" in mixed.context, "gallbladder removed" in mixed.context) == (True, False)
    assert (mixed.gold, strange.gold) == ((1,), (5,))


def test_the_notes_of_both_editions_have_the_same_sentences():
    github, hub = by_id("medec"), by_id("medec_hub")
    assert github.keys() == hub.keys()
    for id, row in github.items():
        assert row.meta["sentences"] == hub[id].meta["sentences"]
        assert row.meta["error"] == hub[id].meta["error"]
    assert github["ms-test-0"].meta["error"] == {"number": 2, "correction": "She is given nitrofurantoin for cystitis."}
    assert github["ms-test-1"].meta["error"] is None


def test_a_misleading_statement_is_for_a_wrong_option():
    for row in rows_of("medmisbench"):
        assert row.context
        assert row.meta["misled_to"] not in row.gold
    assert all(row.context is None for row in rows_of("medmisbench_plain"))


# --- which questions several sets have -----------------------------------------------------------------------------


def test_rules_on_shared_items_name_what_there_is():
    evaluated = benchmark_names().keys()
    for rule in SHARED:
        assert {rule.hold_out, *rule.others} <= evaluated, rule
        assert set(rule.training) <= SOURCES.keys(), rule
        assert rule.others or rule.training
        assert rule.what
        assert rule.read
    assert len({rule.hold_out for rule in SHARED}) == len(SHARED)


def test_careqa_and_headqa_v2_are_a_known_pair():
    assert [rule.hold_out for rule in shared_by("careqa")] == ["headqa_v2_en", "careqa_open"]
    ((rule, others),) = shared_among(["headqa_v2_en", "careqa"])
    assert (rule.hold_out, others) == ("headqa_v2_en", ("careqa",))


def test_a_training_corpus_with_questions_of_a_hold_out_is_named_by_plan(tmp_path):
    made = CliRunner().invoke(
        main,
        ["plan", "aloe_sft", "--sources", "pubmedqa", "--mirror", str(FIXTURES), "--store", str(tmp_path)],
    )
    assert made.exit_code == 0, made.output
    assert "pubmedqa shares questions with the hold-out medhallu: the 1,000 questions" in made.output


def test_the_catalog_says_which_sets_share_questions():
    rows = {row["name"]: row for row in json.loads(CliRunner().invoke(main, ["sources", "--json"]).stdout)}
    assert rows["careqa_hub_en"]["shares"][0].startswith("careqa shares questions with headqa_v2_en, headqa_en")
    assert rows["xstest"]["shares"] == []


def test_a_question_of_two_hold_outs_is_known_to_be_in_both(tmp_path):
    question = "A man with a slow pulse took too much of a beta blocker. Which drug is given?"
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"question": question, "options": ["Atropine", "Glucagon"], "answer": "Glucagon"}) + "\n")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"question": f"{question} Say why.", "answer": "Glucagon"}) + "\n")
    account = decontaminate(
        [rows], tmp_path / "out", against=["medbullets", "medbullets_4_options", str(own)], mirror=FIXTURES
    )
    assert account["questions in several benchmarks"] == 2
    shared = pl.read_parquet(tmp_path / "out" / "shared_items.parquet")
    assert shared.group_by("question", maintain_order=True).len()["len"].sort().to_list() == [2, 3]
    assert set(shared["benchmark"]) >= {"medbullets", "medbullets_4_options"}


def test_variants_are_evaluated_and_not_compared_with_rows():
    variants = BENCHMARKS.keys() - HELD_OUT.keys()
    assert variants == {
        "longhealth_among_others",
        "longhealth_unanswerable",
        "medbullets_4_options",
        "medmisbench_plain",
    }
    assert all(BENCHMARKS[name].variant_of in HELD_OUT for name in variants)
    assert variants <= benchmark_names().keys()


@pytest.mark.parametrize("name", NEW)
def test_each_new_hold_out_finds_its_own_rows(name, tmp_path):
    items = [row for row in rows_of(name) if row.messages]
    file = tmp_path / "rows.jsonl"
    lines = [
        {"id": row.id, "question": question_of(row), "options": list(row.options), "answer": row.answer or ""}
        for row in items
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    account = decontaminate([file], tmp_path / "out", against=[name], mirror=FIXTURES)
    assert account["dropped"] == account["rows"] == len(lines), (name, account)
