"""Questions from passages: kept only if the passage bears them out, word for word."""

import json

import polars as pl
import pytest
from rows import row, table

from sources.record import Message
from sources.table import records
from synth.passages.passage_questions import AGREEMENT_STAGE, ANSWER_STAGE, STAGE, STAGE_NAME, Passages
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


SECOND = {"answerable": True, "answer": "Its bacteria make acids, which keep ammonium in the gut."}
AGREEMENT = {"remark": "Both name the acids.", "agree": True}


def completion(value):
    return Completion(text=value if isinstance(value, str) else json.dumps(value), finish_reason="stop")


def judged(*answers, rows=(PASSAGE,), second=SECOND, agreement=AGREEMENT, **config):
    """Return the rows and the replies where the questions are ``answers``, and each check has the same reply."""
    settings = Passages(**{**CONFIG.__dict__, "samples": len(answers), **config})
    checks = {ANSWER_STAGE: second, AGREEMENT_STAGE: agreement}

    def ask(requests):
        for request in requests:
            if request.stage == STAGE_NAME:
                yield request, answers[request.sample]
            elif (value := checks[request.stage]) is not None:
                yield request, value if isinstance(value, Failure) else completion(value)

    outcome = STAGE.run(table(*rows), settings, ask)
    return outcome.rows, outcome.tables["candidates"]


def questions(candidates):
    """Return the verdicts on the questions of a table of replies."""
    return candidates.filter(stage=STAGE_NAME)["verdict"].to_list()


def test_a_passage_becomes_a_question_with_its_answer():
    rows, candidates = judged(reply())
    (record,) = records(rows)
    assert record.messages == (Message("user", QUESTION),)
    assert (record.answer, record.response, record.context, record.task) == (ANSWER, ANSWER, None, "qa")
    note = record.meta["passage"]
    assert (note["support"], note["support_start"], note["text"]) == (SUPPORT, TEXT.index("The lower pH"), TEXT)
    assert record.license == "CC-BY-SA-4.0 AND LicenseRef-llama-3.1-community"
    assert candidates.select("stage", "verdict", "parsed").rows() == [
        ("passage-question", "kept", QUESTION),
        ("passage-answer", "answered", SECOND["answer"]),
        ("passage-agreement", "agrees", "Both name the acids."),
    ]


def test_a_question_on_an_abstract_has_none_of_the_options_that_its_row_had():
    abstract = row("pubmed:1", "Does it?", context=TEXT, task="mcqa", options=("yes", "no"), gold=(0,), rationale="So.")
    (record,) = records(judged(reply(), rows=(abstract,))[0])
    assert (record.options, record.gold, record.rationale, record.task) == ((), (), None, "qa")


def test_the_second_answer_is_written_from_the_passage_without_the_first():
    sent = []

    def ask(requests):
        for request in requests:
            sent.append(request)
            value = {STAGE_NAME: reply().text, ANSWER_STAGE: SECOND, AGREEMENT_STAGE: AGREEMENT}[request.stage]
            yield request, completion(value)

    STAGE.run(table(PASSAGE), CONFIG, ask)
    _, second, agreement = sent
    assert second.messages[-1].content == f"Passage:\n{TEXT}\n\nQuestion: {QUESTION}"
    assert ANSWER not in "".join(message.content for message in second.messages)
    assert agreement.messages[-1].content.endswith(f"First answer: {ANSWER}\n\nSecond answer: {SECOND['answer']}")
    assert STAGE.most_requests(table(PASSAGE), CONFIG) == 3
    assert {one.sampling.json_schema["type"] for one in sent} == {"object"}


@pytest.mark.parametrize(
    ("verdict", "checks"),
    [
        ("not_answerable", {"second": {"answerable": False, "answer": "It names no dose."}}),
        ("answers_differ", {"agreement": {"remark": "Other drugs.", "agree": False}}),
        ("unverified", {"second": "I would say acids."}),
        ("unverified", {"second": {"answerable": "yes", "answer": "Acids."}}),
        ("unverified", {"agreement": "Yes, they agree."}),
        ("unverified", {"agreement": Failure(error="gone", tries=2)}),
        ("unverified", {"second": None}),
    ],
)
def test_a_question_is_dropped_unless_a_second_answer_agrees(verdict, checks):
    rows, candidates = judged(reply(), **checks)
    assert questions(candidates) == [verdict]
    assert rows.select("drop_reason", "evidence").rows() == [
        ("no_question", json.dumps({verdict: 1}, separators=(",", ":")))
    ]


def test_the_passage_is_the_context_of_a_grounded_row_and_its_place_is_kept():
    place = {"document": "liver.pdf", "page": 3, "start": 120}
    rows, _ = judged(
        reply(), rows=(row("wiki:5", "Lactulose", context=TEXT, meta={"passage": place}),), form="grounded"
    )
    (record,) = records(rows)
    assert record.context == TEXT
    assert record.meta["passage"] | place == record.meta["passage"]
    assert "text" not in record.meta["passage"]


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
        ("answer_in_question", reply(question=f"Is it true that {ANSWER[:-1]}?")),
        ("answer_in_question", reply(question=f"Why is it said that {SUPPORT[:-1]}?")),
        ("answer_in_question", reply(question="Are acids the reason?", answer="Acids.")),
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
    assert questions(candidates) == ["unsupported", "kept", "spare"]
    assert candidates.filter(pl.col("stage") != STAGE_NAME)["sample"].to_list() == [1, 1]


def test_the_next_sample_is_checked_where_the_first_fails():
    _, candidates = judged(reply(), reply(), agreement={"remark": "Other drugs.", "agree": False})
    assert questions(candidates) == ["answers_differ", "answers_differ"]
    assert candidates.filter(stage=ANSWER_STAGE)["sample"].to_list() == [0, 1]


def test_rows_without_a_fitting_passage_are_left_alone():
    short = row("wiki:2", "Term", context="Too short.")
    none = row("wiki:3", "Term")
    other = row("book:1", "Term", context=TEXT)
    rows, candidates = judged(reply(), rows=(short, PASSAGE, none, other), sources=("wiki",))
    assert rows["id"].to_list() == ["wiki:2", "wiki:1", "wiki:3", "book:1"]
    assert rows["drop_reason"].null_count() == 4
    assert set(candidates["id"]) == {"wiki:1"}


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
