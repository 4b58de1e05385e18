"""Instructions before bare questions: how many there are, who gets which, and that a seed decides."""

import re
from collections import Counter

import pytest
from pydantic import ValidationError
from rows import row, table
from scipy.stats import chisquare

from sources.catalog import SOURCES
from sources.record import Message
from sources.table import records
from synth.formatting.instructions import (
    SUBTASKS,
    Instructions,
    Uninstructed,
    add_instructions,
    draw_instruction,
)
from synth.prompting import prompt_files

TEMPLATES = {name: prompt_files.lines(f"instructions/{name}.txt") for name in SUBTASKS}
SCURVY = Uninstructed("corpus", "nutrition")
CONFIG = Instructions(corpora=(SCURVY,))


def prompt(record):
    return record.messages[-1].content


def instructed(*rows, config=CONFIG):
    return list(records(add_instructions(table(*rows), config).rows))


def test_sixteen_subtasks_have_five_to_ten_templates_each_and_110_or_more_in_all():
    assert len(TEMPLATES) == 16
    assert {name: len(lines) for name, lines in TEMPLATES.items() if not 5 <= len(lines) <= 10} == {}
    assert sum(map(len, TEMPLATES.values())) >= 110


def test_templates_differ_in_more_than_case_and_each_names_the_subject_once():
    keys = [re.sub(r"\W+", " ", line).lower() for lines in TEMPLATES.values() for line in lines]
    assert [key for key, n in Counter(keys).items() if n > 1] == []
    assert [line for lines in TEMPLATES.values() for line in lines if line.count("{{ subject }}") != 1] == []


@pytest.mark.parametrize("source", [source for source in SOURCES.values() if source.instruction_subject])
def test_a_row_of_a_corpus_without_instructions_gets_one_on_its_subject(source):
    corpus = Uninstructed(source.name, source.instruction_subject, source.instruction_subtask)
    options = {"options": ("Vitamin A", "Vitamin C"), "gold": (1,)} if source.task == "mcqa" else {}
    bare = row(f"{source.name}:1", task=source.task, **options)
    (record,) = instructed(bare, config=Instructions(corpora=(corpus,)))
    assert source.instruction_subject in prompt(record)


def test_the_instruction_stands_before_the_question_and_names_the_subject():
    (record,) = instructed(row(answer="Vitamin C."))
    instruction, question = prompt(record).split("\n\n")
    assert question == "Which vitamin prevents scurvy?"
    assert "nutrition" in instruction
    assert "{{" not in instruction


def test_rows_of_other_corpora_other_languages_and_unknown_tasks_are_left_as_they_are():
    rows = [row("instructed:1"), row("corpus:2", lang="es"), row("corpus:3", task="math")]
    outcome = add_instructions(table(*rows), CONFIG)
    assert list(records(outcome.rows)) == rows
    assert outcome.edits.is_empty()


def test_earlier_turns_stay_and_the_last_one_is_instructed():
    turns = (Message("system", "Be brief."), Message("user", "Hello."), Message("assistant", "Hi."))
    (record,) = instructed(row(messages=(*turns, Message("user", "What is gout?"))))
    assert record.messages[:3] == turns
    assert prompt(record).endswith("\n\nWhat is gout?")


@pytest.mark.parametrize(
    ("fields", "subtask"),
    [
        ({"task": "qa"}, "medical_qa"),
        ({"task": "mcqa", "options": ("A", "B"), "gold": (0,)}, "mcq"),
        ({"task": "mcqa", "options": ("A", "B"), "response": "Answer: A"}, "mcq"),
        (
            {"task": "mcqa", "options": ("A", "B"), "response": "Collagen needs it.\n\nAnswer: A"},
            "mcq_with_explanation",
        ),
        ({"task": "mcqa", "options": ("A", "B"), "rationale": "Collagen needs it."}, "mcq_with_explanation"),
        ({"task": "summarization"}, "summarisation"),
        ({"task": "explanation"}, "term_definition"),
        ({"task": "clinical-note-taking"}, "conversation_to_note"),
    ],
)
def test_the_task_and_the_answer_choose_the_subtask(fields, subtask):
    assert draw_instruction(table(row(**fields)), CONFIG)["template"][0].split("/")[0] == subtask


def test_a_corpus_can_name_its_subtask():
    config = Instructions(corpora=(Uninstructed("corpus", "outpatient care", "note_summary"),))
    assert draw_instruction(table(row(task="summarization")), config)["template"][0].startswith("note_summary/")


def test_an_unknown_subtask_is_refused_with_the_known_ones():
    with pytest.raises(ValidationError, match="subtask is 'haiku', expected one of abbreviation, "):
        Instructions(corpora=(Uninstructed("corpus", "medicine", "haiku"),))


def test_a_row_keeps_its_instruction_whatever_rows_are_beside_it():
    rows = [row(f"corpus:{n}") for n in range(50)]
    alone = [prompt(record) for one in rows for record in instructed(one)]
    assert [prompt(record) for record in instructed(*reversed(rows))] == alone[::-1]


def test_another_seed_draws_other_instructions():
    rows = table(*[row(f"corpus:{n}") for n in range(50)])
    first, second = (draw_instruction(rows, Instructions(corpora=(SCURVY,), seed=seed))["template"] for seed in (0, 1))
    assert 30 < (first != second).sum() < 50


@pytest.mark.parametrize("seed", [0, 7])
def test_templates_are_drawn_evenly(seed):
    rows = table(*[row(f"corpus:{n}") for n in range(5_000)])
    drawn = draw_instruction(rows, Instructions(corpora=(SCURVY,), seed=seed))["template"].value_counts()
    assert drawn.height == len(TEMPLATES["medical_qa"])
    assert chisquare(drawn["count"].to_list()).pvalue > 0.001


def test_an_edit_says_which_template_a_row_got():
    outcome = add_instructions(table(row("corpus:1"), row("other:1")), CONFIG)
    (edit,) = outcome.edits.iter_rows(named=True)
    assert (edit["id"], edit["field"], edit["removed"]) == ("corpus:1", "messages", None)
    assert re.fullmatch(r"instruction medical_qa/\d", edit["rule"])


def test_the_config_changes_with_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(prompt_files, "FOLDER", tmp_path)
    (tmp_path / "instructions").mkdir()
    before = prompt_files.digest("instructions")
    (tmp_path / "instructions" / "mcq.txt").write_text("Choose.\n")
    assert prompt_files.digest("instructions") != before


def test_the_config_holds_the_hash_of_the_files():
    assert Instructions().templates == prompt_files.digest("instructions")
