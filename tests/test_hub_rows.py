"""Corpora that live on the Hub only: what becomes of their fields, and which shapes are refused."""

from pathlib import Path

import pytest

from sources.connectors.agent_instruct import AGENT_INSTRUCT
from sources.connectors.aloe_beta import ALOE_BETA_DPO, ALOE_BETA_MEDICAL
from sources.connectors.aloe_beta_general import ALOE_BETA_GENERAL
from sources.connectors.alpacare import ALPACARE_MEDINSTRUCT
from sources.connectors.bioasq import BIOASQ, BIOASQ_BIGBIO
from sources.connectors.chatdoctor import CHATDOCTOR_ICLINIQ
from sources.connectors.egida import EGIDA
from sources.connectors.gsm8k import GSM8K
from sources.connectors.hermes_function_calling import HERMES_FUNCTION_CALLING
from sources.connectors.hpai_cot import MEDQA_COT
from sources.connectors.liveqa import LIVEQA
from sources.connectors.liveqa_trec import LIVEQA_TEST
from sources.connectors.mash_qa import MASH_QA
from sources.connectors.meds_ins import MEDS_INS
from sources.connectors.medsafetybench import MEDSAFETYBENCH
from sources.connectors.mental_health_conversational import MENTAL_HEALTH_CONVERSATIONAL
from sources.connectors.ultrafeedback import ULTRAFEEDBACK
from sources.connectors.ultramedical import ULTRAMEDICAL, rating
from sources.connectors.xlam_function_calling import XLAM_FUNCTION_CALLING
from sources.fetch.mirror import mirrored
from sources.files import FileError, RawFile
from sources.read import read
from sources.record import Record
from sources.shapes.row_shapes import sft, under
from sources.source import Broken, Raw

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
FILE = RawFile("data/part.json", Path("part.json"))


def records(corpus):
    rows = [row for file in mirrored(corpus, FIXTURES) for row in read(corpus, file)]
    assert all(isinstance(row, Record) for row in rows)
    return rows


def test_medical_collection_reads_turns_alpaca_and_questions():
    prompts = [row.messages[-1].content for row in records(ALOE_BETA_MEDICAL)]
    assert prompts == [
        "Answer the question.\n\nWhat is anaemia?",
        "Is a fever of 38 dangerous?",
        "What does the pancreas make?",
    ]
    assert all(row.answer for row in records(ALOE_BETA_MEDICAL))


@pytest.mark.parametrize(
    "row", [{"text": "?"}, {"question": "?"}, {"instruction": "?"}, {"messages": None}, ["?"], None]
)
def test_a_row_of_unknown_shape_is_refused(row):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        sft(Raw(1, row), FILE)


def test_general_collection_keeps_the_licence_of_each_origin():
    licenses = {row.meta["origin"]: row.license for row in records(ALOE_BETA_GENERAL)}
    assert licenses["FineTome-100k"] == "MIT"
    assert licenses["magpie-ultra-v0.1"] == "LicenseRef-llama-3.1-community"
    assert licenses["AgentInstruct"] == "LicenseRef-unknown"
    assert len(licenses) == 12
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    with pytest.raises(KeyError, match="Unheard-of"):
        ALOE_BETA_GENERAL.parse(Raw(1, row), RawFile("Unheard-of.json", Path("Unheard-of.json")))


def test_preference_chunks_have_ids_of_their_own():
    pairs = records(ALOE_BETA_DPO)
    assert len({row.id for row in pairs}) == len(pairs) == 10
    assert all(row.response and row.rejected and row.answer is None for row in pairs)


def test_chain_of_thought_keeps_its_system_prompt():
    row = records(MEDQA_COT)[0]
    assert [role for role, _ in row.messages] == ["system", "user"]
    assert row.answer.endswith("Answer: B")
    draft = MEDQA_COT.parse(Raw(1, {"system_prompt": None, "question": "q", "response": "r"}), FILE)
    assert list(draft.messages) == [("user", "q")]


def test_egida_names_every_topic_of_a_question():
    story, note = records(EGIDA)[1:]
    assert (story.meta["base"], story.meta["topics"]) == (False, ["theft"])
    assert (note.meta["base"], note.meta["topics"]) == (True, ["fraud", "health"])


def test_meds_ins_puts_the_definition_before_each_input_and_labels_the_task():
    first, _, drugs = records(MEDS_INS)
    assert first.messages[0].content == "Explain the medical term.\n\nApnoea"
    assert (first.task, first.answer) == ("explanation", "A pause in breathing.")
    assert (drugs.task, drugs.answer) == ("ner", "aspirin")


@pytest.mark.parametrize(
    ("categories", "task"),
    [
        (["Question Answering", "Dialogue Generation"], "qa"),
        ("Text Summarization", "summarization"),
        (["Poetry", "Translation"], "translation"),
        (["Poetry"], "instruction"),
    ],
)
def test_meds_ins_categories_become_labels(categories, task):
    row = {"Categories": categories, "Definition": "d", "input": "i", "output": "o"}
    assert MEDS_INS.parse(Raw(1, row), FILE).task == task


def test_noinput_is_no_input():
    assert records(ALPACARE_MEDINSTRUCT)[0].messages[0].content == "Name a cause of thirst."


def test_icliniq_answers_are_the_doctors():
    row = records(CHATDOCTOR_ICLINIQ)[0]
    assert row.answer.startswith("Hello. This looks like an allergy")
    assert row.meta["answer_chatgpt"] == "It may be conjunctivitis."


def test_mash_qa_joins_spans_and_leaves_a_question_without_any_unanswered():
    joined, single, none = records(MASH_QA)
    assert joined.answer == "Drink plenty of water. Rest for two days."
    assert single.answer in single.context
    assert none.answer is None


def test_bioasq_takes_the_first_ideal_answer_whether_alone_or_in_a_list():
    listed, alone = records(BIOASQ)
    assert (listed.context, listed.meta["exact_answer"]) == ("Insulin lowers blood sugar.", [["insulin"]])
    assert listed.answer == "Insulin, made by the pancreas, lowers blood sugar."
    assert (alone.context, alone.answer[:6]) == (None, "Sepsis")
    assert [row.answer for row in records(BIOASQ_BIGBIO)] == ["insulin", "yes"]


def test_liveqa_joins_subject_and_message():
    assert [row.messages[0].content for row in records(LIVEQA)][1:] == [
        "Please send me something on colds.",
        "cold in babies\n\nWhat can I do?",
    ]
    wart, stress = records(LIVEQA_TEST)
    assert wart.answer == "Salicylic acid removes many warts.\n\nA doctor can freeze them."
    assert wart.meta["urls"] == ["https://example.org/warts", "https://example.org/freeze"]
    assert stress.messages[0].content == "Is stress bad for my heart?"
    with pytest.raises(ValueError, match="subject and message are empty"):
        LIVEQA.parse(Raw(1, {"subject": " ", "message": None, "answer": "a"}), FILE)


def test_mental_health_text_is_cut_at_its_marks():
    row = records(MENTAL_HEALTH_CONVERSATIONAL)[1]
    assert row.messages[0].content == "Is it normal to feel sad in winter?"
    assert row.answer == "Many people do; light and walks help."


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("This question would be rated a 7. It needs 12 facts.", 7),
        ("Score: 10\n\nJustification: rare.", 10),
        ("I would rate this question as a 9 or 10.", 9),
        ("It is hard to say; 3 facts are needed.", None),
        ("Rated 42.", None),
        ("", None),
    ],
)
def test_a_rating_is_read_only_where_the_prose_gives_one(score, expected):
    assert rating(score) == expected


def test_ultramedical_shards_have_ids_of_their_own():
    assert [row.id for row in records(ULTRAMEDICAL)] == [
        "ultramedical:data/train-00000-of-00002-1",
        "ultramedical:data/train-00000-of-00002-2",
        "ultramedical:data/train-00001-of-00002-1",
    ]


def test_ultrafeedback_keeps_tied_scores_visible():
    row = records(ULTRAFEEDBACK)[1]
    assert row.meta["score_chosen"] == row.meta["score_rejected"] == 7.0


def test_a_tool_that_replies_is_a_user():
    rows = {row.file: row for row in records(HERMES_FUNCTION_CALLING)}
    roles = [role for role, _ in rows["func-calling.json"].messages]
    assert roles == ["system", "user", "assistant", "user"]


def test_agent_instruct_environments_are_its_splits():
    assert {row.split for row in records(AGENT_INSTRUCT)} == {"os", "db", "alfworld", "webshop", "kg", "mind2web"}


def test_xlam_tools_are_context_and_calls_the_answer():
    row = records(XLAM_FUNCTION_CALLING)[0]
    assert row.id == "xlam_function_calling:0"
    assert '"description": "Rain now"' in row.context
    assert row.answer.startswith('[{"name": "weather"')


def test_gsm8k_refuses_a_solution_without_a_result():
    with pytest.raises(ValueError, match="expected a last line '#### <number>'"):
        GSM8K.parse(Raw(1, {"question": "q", "answer": "It is 7."}), FILE)


def test_medsafetybench_refuses_a_file_that_does_not_say_its_category():
    row = {"": "0", "harmful_medical_request": "q", "safe_response": "a"}
    with pytest.raises(ValueError, match=r"file is 'data/part\.json'"):
        MEDSAFETYBENCH.parse(Raw(1, row), FILE)


def test_objects_under_a_key_carry_the_fields_beside_it(tmp_path):
    path = tmp_path / "task.json"
    path.write_text('{"name": "n", "rows": [{"q": 1}, 7]}')
    first, second = under("rows")(RawFile("task.json", path))
    assert first == Raw(1, {"name": "n", "q": 1})
    assert second == Broken(2, "7 is no object", "rows")
    with pytest.raises(FileError, match="has no list 'questions', expected one; found name, rows"):
        list(under("questions")(RawFile("task.json", path)))
