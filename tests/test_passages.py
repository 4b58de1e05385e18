"""Questions from passages: kept only if the passage bears them out, word for word."""

import json

import pytest
from rows import row, table

from sources.record import Message
from sources.table import records
from synth.passages.passage_questions import STAGE, Passages
from synth.teachers.candidates import Author
from synth.teachers.teacher import Completion, Failure

TEXT = (
    "Lactulose is split by bacteria of the colon into acids. The lower pH turns ammonia into ammonium,\n"
    "which is not absorbed. The dose is chosen so that two to three soft stools are passed a day, usually\n"
    "15 to 30 mL twice daily. Too high a dose causes dehydration, which by itself can worsen encephalopathy."
)
PASSAGE = row("wiki:1", "Lactulose", context=TEXT, license="CC-BY-SA-4.0", task="explanation")
CONFIG = Passages(
    generated_by=Author(name="tiny", revision="1"), license="LicenseRef-llama-3.1-community", min_chars=100
)

QUESTION = "How does lactulose lower ammonia in a patient with cirrhosis?"
ANSWER = "Bacteria split it into acids. At a lower pH ammonia becomes ammonium, which the gut does not absorb."
SUPPORT = "The lower pH turns ammonia into ammonium, which is not absorbed."


def reply(finish_reason="stop", **fields):
    text = json.dumps({"question": QUESTION, "answer": ANSWER, "support": SUPPORT, **fields})
    return Completion(text=text, finish_reason=finish_reason)


def judged(*answers, rows=(PASSAGE,), **config):
    settings = Passages(**{**CONFIG.__dict__, "samples": len(answers), **config})
    asked = STAGE.requests(table(*rows), settings)
    outcome = STAGE.judge(table(*rows), zip(asked, answers, strict=True), settings)
    return outcome.rows, outcome.tables["candidates"]


def test_a_passage_becomes_a_question_with_its_answer():
    rows, candidates = judged(reply())
    (record,) = records(rows)
    assert record.messages == (Message("user", QUESTION),)
    assert (record.answer, record.response, record.context, record.task) == (ANSWER, ANSWER, None, "qa")
    assert record.meta["passage"]["support"] == SUPPORT
    assert record.license == "CC-BY-SA-4.0 AND LicenseRef-llama-3.1-community"
    assert candidates.select("verdict", "parsed").rows() == [("kept", QUESTION)]


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        ("unparsed", Completion(text=f"Q: {QUESTION}\nA: {ANSWER}", finish_reason="stop")),
        ("control_marks", reply(answer=f"{ANSWER}<|eot_id|>")),
        ("unparsed", reply(answer="  ")),
        ("unparsed", reply(more="x")),
        ("unparsed", reply(support=["The lower pH"])),
        ("truncated", reply("length")),
        ("not_a_question", reply(question="Explain lactulose.")),
        ("of_the_passage", reply(question="What does the passage say about lactulose?")),
        ("of_the_passage", reply(answer="According to the text, it lowers pH.")),
        ("unsupported", reply(support="Lactulose is a sugar that kills bacteria of the gut.")),
        ("unsupported", reply(support="the lower pH turns Ammonia into ammonium")),
        ("unsupported", reply(support="ammonium")),
        ("new_number", reply(answer=f"{ANSWER} The dose is 45 mL.")),
        ("failed", Failure(error="gone", tries=2)),
    ],
)
def test_what_the_passage_does_not_bear_out_goes(verdict, answer):
    rows, candidates = judged(answer)
    assert candidates["verdict"].to_list() == [verdict]
    assert rows["drop_reason"].to_list() == ["no_question"]
    assert json.loads(rows["evidence"][0]) == {verdict: 1}
    assert rows["context"].to_list() == [TEXT]


def test_numbers_of_the_passage_and_of_the_question_may_be_in_the_answer():
    asked = "A man of 62 takes lactulose. How much?"
    rows, _ = judged(reply(question=asked, answer="At 62 as at any age 15 to 30 mL twice daily."))
    assert rows["drop_reason"].to_list() == [None]


def test_the_first_sample_that_holds_is_kept():
    _, candidates = judged(reply(support="made up, all of it"), reply(), reply())
    assert candidates["verdict"].to_list() == ["unsupported", "kept", "spare"]


def test_rows_without_a_fitting_passage_are_left_alone():
    short = row("wiki:2", "Term", context="Too short.")
    none = row("wiki:3", "Term")
    other = row("book:1", "Term", context=TEXT)
    rows, candidates = judged(reply(), rows=(short, PASSAGE, none, other), sources=("wiki",))
    assert rows["id"].to_list() == ["wiki:2", "wiki:1", "wiki:3", "book:1"]
    assert rows["drop_reason"].null_count() == 4
    assert candidates["id"].to_list() == ["wiki:1"]


def test_a_reply_that_never_came_leaves_no_question():
    outcome = STAGE.judge(table(PASSAGE), [], CONFIG)
    assert outcome.rows.select("drop_reason", "evidence").rows() == [("no_question", "{}")]
    assert outcome.tables["candidates"].is_empty()


def test_title_and_passage_are_shown():
    titled = row("wiki:4", "Explain the term", context=TEXT, meta={"title": "Lactulose"})
    first, second = STAGE.requests(table(PASSAGE, titled), CONFIG)
    assert first.messages == second.messages
    assert first.messages[-1].content == f"Title: Lactulose\n\nPassage:\n{TEXT}"
    assert first.sampling.json_schema["required"] == ["question", "answer", "support"]
