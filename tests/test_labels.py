"""Labels and marks by a model: medical or not, which field, how good; what cannot be read is never a default."""

import json
from dataclasses import replace

import pytest
from rows import row, table

from sources.table import SCHEMA, records
from synth.judges import medical_filter, rubric, specialty
from synth.judges.medical_filter import MedicalFilter
from synth.judges.rubric import CRITERIA, Rubric
from synth.judges.specialty import FIELDS, Specialty, label
from synth.teachers.candidates import Author
from synth.teachers.chat_reply import usable
from synth.teachers.request_errors import BadReplyError
from synth.teachers.teacher import Completion, Failure

BY = Author(name="tiny", revision="1")
HEART = row("aux:1", "Which valve leaks?", task="mcqa", options=("Mitral", "Aortic"), gold=(0,), meta={"year": 2})
LAW = row("aux:2", "Which court decides?", task="mcqa", options=("First", "Second"), gold=(0,))
OTHER = row("else:1", "Who wrote it?")


def says(text, finish_reason="stop"):
    return Completion(text=text, finish_reason=finish_reason)


def answered(module, rows, config, *answers):
    return list(zip(module.STAGE.requests(rows, config), answers, strict=True))


def judge(module, rows, answered, config):
    outcome = module.STAGE.judge(rows, answered, config)
    return outcome.rows, outcome.tables["candidates"]


# --- medical or not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "drop", "evidence", "verdict"),
    [
        (says("It takes cardiology.\n\nAnswer: yes"), None, None, "medical"),
        (says("It takes law.\n\nAnswer: no"), "not_medical", None, "not_medical"),
        (says('{"reason": "It takes law.", "answer": "no"}'), "not_medical", None, "not_medical"),
        (says("Hard to say."), "medical_unknown", "unparsed", "unparsed"),
        (says("Answer: yes or no"), "medical_unknown", "unparsed", "unparsed"),
        (says("Answer: yes", "length"), "medical_unknown", "truncated", "truncated"),
        (Failure(error="gone", tries=3), "medical_unknown", "failed", "failed"),
    ],
)
def test_only_what_is_found_medical_stays(answer, drop, evidence, verdict):
    config = MedicalFilter(generated_by=BY)
    rows, candidates = judge(
        medical_filter, table(HEART), answered(medical_filter, table(HEART), config, answer), config
    )
    assert rows.select("drop_reason", "evidence").rows() == [(drop, evidence)]
    assert candidates["verdict"].to_list() == [verdict]


def test_a_reply_that_never_came_keeps_nothing_and_other_sources_stay():
    config = MedicalFilter(generated_by=BY, sources=("aux",))
    rows = table(HEART, OTHER, LAW)
    replies = answered(medical_filter, rows, config, says("Answer: yes"), says("Answer: no"))
    filtered, _ = judge(medical_filter, rows, replies[1:], config)
    assert filtered["id"].to_list() == ["aux:1", "else:1", "aux:2"]
    assert filtered.select("drop_reason", "evidence").rows() == [
        ("medical_unknown", "missing"),
        (None, None),
        ("not_medical", None),
    ]


def test_the_filter_shows_question_and_options_without_the_answer():
    (request,) = medical_filter.STAGE.requests(table(HEART), MedicalFilter(generated_by=BY))
    assert request.messages[-1].content == (
        "Question: Which valve leaks?\nA. Mitral\nB. Aortic\nIs this question medical, yes or no?"
    )
    assert request.sampling.temperature == 0


# --- fields --------------------------------------------------------------------------------------------------------


def test_there_are_35_fields():
    assert len(set(FIELDS)) == 35
    assert "None" not in FIELDS


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ("Cardiology", "It is about a valve.\n\nSpecialty: Cardiology"),
        ("Cardiology", "**Specialty:** cardiology."),
        ("Nursing", "Specialty: Cardiology\nOn reflection:\nSpecialty: Nursing"),
        ("None", "Specialty: None"),
        (None, "Specialty: Cardiology\nSpecialty: Heart disease"),
        (None, "Specialty: Cardiology or Nursing"),
        ("Infectious Diseases and Microbiology", "The answer is prevention.\n\nSpecialty: Infectious Diseases"),
        ("Forensic Medicine and Toxicology", "Specialty: **Toxicology**"),
        (None, "Specialty: Medicine"),
        (None, "Specialty: Rare Diseases and Conditions"),
        ("Cardiology", "The specialty is Cardiology."),
        ("Cardiology", "Cardiology"),
        ("Paediatrics", "Specialty: Pediatrics (children)"),
        (None, "Heart disease, as nursing would say.\n\nSo it is hard to say."),
        (None, ""),
    ],
)
def test_a_field_is_read_from_the_last_line_that_names_one(named, text):
    assert label(text) == named


def test_an_unreadable_field_is_null_and_not_none():
    config = Specialty(generated_by=BY, sources=("aux",))
    rows = table(HEART, LAW, OTHER)
    replies = answered(specialty, rows, config, says("Perhaps the heart."), says("Specialty: None"))
    labelled, candidates = judge(specialty, rows, replies, config)
    assert [record.meta for record in records(labelled)] == [
        {"year": 2, "specialty": None, "specialty_by": "tiny"},
        {"specialty": "None", "specialty_by": "tiny"},
        {},
    ]
    bound = replace(config, license="CC-BY-NC-4.0")
    labelled, _ = judge(specialty, rows, replies, bound)
    assert ["CC-BY-NC-4.0" in license for license in labelled["license"]] == [False, True, False]
    assert labelled["drop_reason"].null_count() == 3
    assert candidates.select("verdict", "parsed").rows() == [("unparsed", None), ("labelled", "None")]
    assert labelled.columns == [*SCHEMA.names(), "drop_reason", "evidence"]


def test_all_fields_are_offered():
    (request,) = specialty.STAGE.requests(table(HEART), Specialty(generated_by=BY))
    assert all(f"- {field}\n" in request.messages[0].content for field in FIELDS)
    assert request.messages[-1].content.endswith("Which valve leaks?\nA. Mitral\nB. Aortic")


# --- marks ---------------------------------------------------------------------------------------------------------

REASONED = row("aux:3", "Which valve leaks?", task="mcqa", options=("Mitral", "Aortic"), gold=(1,), response="Because.")


def marks(**fields):
    return json.dumps({"remark": "Sound.", **dict.fromkeys(CRITERIA, 4), **fields})


@pytest.mark.parametrize(
    ("answer", "drop"),
    [
        (says(marks()), None),
        (says(f"```json\n{marks(safe=3)}\n```"), None),
        (says(f"Here are my marks:\n{marks(safe=3)}\nI hope this helps."), None),
        (says(marks(safe=4.0)), None),
        (says(f"{marks(safe=4)}\n{marks(safe=1)}"), "unmarked"),
        (says(marks(safe=2)), "low_mark"),
        (says(marks(safe=0)), "unmarked"),
        (says(marks(safe=True)), "unmarked"),
        (says(marks(safe="4")), "unmarked"),
        (says(marks(safe=4.5)), "unmarked"),
        (says(marks(style=5)), "unmarked"),
        (says('{"remark": "Fine.", "correct": 5}'), "unmarked"),
        (says("All is well: 5 of 5."), "unmarked"),
        (says(marks(), "length"), "unmarked"),
        (Failure(error="gone", tries=3), "unmarked"),
    ],
)
def test_a_row_stays_with_all_its_marks_or_goes(answer, drop):
    config = Rubric(generated_by=BY)
    rows, candidates = judge(rubric, table(REASONED), answered(rubric, table(REASONED), config, answer), config)
    assert rows["drop_reason"].to_list() == [drop]
    noted = next(records(rows)).meta.get("rubric")
    assert (noted is None) == (drop == "unmarked") == (candidates["parsed"][0] is None)
    if drop == "low_mark":
        assert json.loads(rows["evidence"][0]) == noted == {**dict.fromkeys(CRITERIA, 4), "safe": 2}


def test_rows_without_a_response_are_not_marked_and_missing_marks_are_said():
    config = Rubric(generated_by=BY)
    rows, candidates = judge(rubric, table(OTHER, REASONED), [], config)
    assert rows.select("drop_reason", "evidence").rows() == [(None, None), ("unmarked", "missing")]
    assert candidates.is_empty()


def test_the_judge_sees_question_options_answer_and_reasoning():
    (request,) = rubric.STAGE.requests(table(REASONED), Rubric(generated_by=BY))
    text = request.messages[-1].content
    assert "A. Mitral\nB. Aortic" in text
    assert "Right answer: B" in text and text.endswith("Because.")
    assert request.sampling.json_schema["required"] == ["remark", *CRITERIA]


# --- schemas -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ['{"reason": "An antibody.", "specialty": "Rheumatology"}', "Specialty: Rheumatology"])
def test_a_field_is_read_from_json_and_from_text(text):
    assert label(text) == "Rheumatology"


@pytest.mark.parametrize("module", [medical_filter, specialty])
def test_a_server_is_asked_for_json_and_text_of_one_without_schemas_is_read_too(module):
    config = {medical_filter: MedicalFilter, specialty: Specialty}[module](generated_by=BY)
    (request,) = module.STAGE.requests(table(HEART), config)
    name, choices = list(request.sampling.json_schema["properties"].items())[-1]
    assert request.sampling.json_schema["required"] == ["reason", name]
    assert {"yes", "Cardiology"} & set(choices["enum"])
    assert usable(says("Answer: yes"), request).text == "Answer: yes"
    with pytest.raises(BadReplyError, match="text is not JSON"):
        usable(says("Answer: yes"), replace(request, reads_text=False))
