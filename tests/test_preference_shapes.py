"""Pairs, transcripts and conversations: which text becomes the prompt, the chosen and the rejected reply."""

from pathlib import Path

import pytest

from sources.connectors.aegis_2 import AEGIS_2
from sources.connectors.aligner import ALIGNER
from sources.connectors.do_not_answer import DO_NOT_ANSWER
from sources.connectors.hh_rlhf import HH_RLHF_TEST, MARKS
from sources.connectors.meddialog import MEDDIALOG
from sources.files import RawFile
from sources.read import read
from sources.record import Malformed, Message, check
from sources.shapes.row_shapes import chat, compared, conversation, preference, transcript, turns
from sources.source import Raw

FILE = RawFile("train.json", Path("train.json"))
ASKED = Message("user", "What is a cold?")


def said(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


BETTER = said(("user", "What is a cold?"), ("assistant", "An infection of the nose."))
WORSE = said(("user", "What is a cold?"), ("assistant", "Low temperature."))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "What is a cold?", "chosen": "An infection of the nose.", "rejected": "Low temperature."},
        {"prompt": said(("user", "What is a cold?")), "chosen": BETTER[1]["content"], "rejected": "Low temperature."},
        {"prompt": "What is a cold?", "chosen": BETTER, "rejected": WORSE},
        {"chosen": BETTER, "rejected": WORSE},
        {"prompt": said(("user", "What is a cold?")), "chosen": BETTER[1:], "rejected": WORSE[1:]},
        {"prompt": "What is a cold?", "chosen": BETTER[1:], "rejected": WORSE[1:]},
    ],
    ids=["texts", "messages-texts", "prompt-repeated", "prompt-implied", "replies", "text-replies"],
)
def test_a_pair_reads_alike_in_every_published_form(row):
    draft = preference("1", row)
    assert list(draft.messages) == [ASKED]
    assert (draft.response, draft.rejected) == ("An infection of the nose.", "Low temperature.")
    check(draft)


def test_a_pair_keeps_earlier_turns_in_its_prompt():
    start = (("system", "Be brief."), ("user", "Hello."), ("assistant", "Hello!"), ("user", "What is a cold?"))
    draft = preference("1", {"chosen": said(*start, ("assistant", "A")), "rejected": said(*start, ("assistant", "B"))})
    assert [role for role, _ in draft.messages] == ["system", "user", "assistant", "user"]
    assert (draft.response, draft.rejected) == ("A", "B")


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        ({"prompt": "a", "chosen": "b"}, KeyError, "rejected"),
        ({"chosen": "b", "rejected": "c"}, KeyError, "prompt"),
        ({"chosen": BETTER[1:], "rejected": WORSE[1:]}, KeyError, "prompt"),
        ({"prompt": "a", "chosen": BETTER, "rejected": "c"}, TypeError, "chosen and rejected are list and str"),
        ({"prompt": "a", "chosen": None, "rejected": None}, TypeError, "chosen and rejected are NoneType and NoneType"),
        ({"chosen": [], "rejected": WORSE}, ValueError, "chosen has 0 turns"),
        (
            {"chosen": BETTER, "rejected": WORSE[:1] * 2},
            ValueError,
            "rejected has 2 turns, expected a prompt and a last",
        ),
        ({"chosen": BETTER, "rejected": said(("user", "Why?"), ("assistant", "So."))}, ValueError, "different prompts"),
        ({"chosen": said(("robot", "a"), ("assistant", "b")), "rejected": WORSE}, ValueError, "speaker is 'robot'"),
    ],
)
def test_a_row_that_is_no_pair_is_refused(row, error, words):
    with pytest.raises(error, match=words):
        preference("1", row)


def test_prompts_may_not_differ_in_an_earlier_turn_either():
    start = [Message("user", "Hi."), Message("assistant", "Hi!"), Message("user", "Why?")]
    other = [Message("user", "Hi."), Message("assistant", "Hey!"), Message("user", "Why?")]
    reply = Message("assistant", "Because.")
    with pytest.raises(ValueError, match="different prompts"):
        compared("1", [*start, reply], [*other, reply])


def test_transcript_takes_turns_apart_at_their_marks():
    text = "\n\nHuman: Is tea safe?\n\nIn pregnancy, I mean.\n\nAssistant: In small amounts."
    assert transcript(text + "\n\nHuman: Thanks: bye!\n\nAssistant:", MARKS) == [
        ("user", "Is tea safe?\n\nIn pregnancy, I mean."),
        ("assistant", "In small amounts."),
        ("user", "Thanks: bye!"),
        ("assistant", ""),
    ]


def test_transcript_keeps_two_turns_of_one_speaker_apart():
    assert transcript("\n\nHuman: One.\n\nHuman: Two.", MARKS) == [("user", "One."), ("user", "Two.")]


@pytest.mark.parametrize("text", ["", "Human: no blank lines before", "Before.\n\nHuman: Hello.", "\n\nDoctor: Hello."])
def test_transcript_without_a_speaker_is_refused(text):
    with pytest.raises(ValueError, match="transcript starts with"):
        transcript(text, MARKS)


def test_hh_rlhf_maps_both_last_replies_and_keeps_an_empty_one():
    row = {"chosen": "\n\nHuman: Go on.\n\nAssistant: ", "rejected": "\n\nHuman: Go on.\n\nAssistant: No."}
    draft = HH_RLHF_TEST.parse(Raw(3, row), RawFile("harmless-base/test.jsonl", Path("test.jsonl"), split="test"))
    assert (draft.id, draft.response, draft.rejected) == ("harmless-base/test-3", "", "No.")
    check(draft)


def test_hh_rlhf_refuses_a_transcript_that_ends_with_the_human():
    row = {
        "chosen": "\n\nHuman: Go on.\n\nAssistant: Yes.",
        "rejected": "\n\nHuman: Go on.\n\nAssistant: A.\n\nHuman: B.",
    }
    with pytest.raises(ValueError, match="rejected has 3 turns"):
        HH_RLHF_TEST.parse(Raw(1, row), FILE)


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello."}]},
        {"messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]},
        {"conversations": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]},
    ],
)
def test_turns_are_read_in_every_published_form(row):
    assert chat(row) == [("user", "Hi."), ("assistant", "Hello.")]


def test_a_row_without_turns_names_both_fields():
    with pytest.raises(KeyError, match="conversations or messages"):
        chat({"dialog": []})


def test_an_unknown_speaker_is_refused_unless_the_corpus_knows_it():
    told = [{"from": "tool", "value": "42"}]
    with pytest.raises(ValueError, match="speaker is 'tool', expected one of human, user, gpt, assistant, system"):
        turns(told)
    assert turns(told, speakers={"tool": "user"}) == [("user", "42")]


@pytest.mark.parametrize(
    "messages", [[], [Message("assistant", "Hello.")], [Message("user", "a"), Message("user", "b")]], ids=len
)
def test_a_conversation_must_end_with_a_reply(messages):
    with pytest.raises(ValueError, match=f"conversation of {len(messages)} turns"):
        conversation("1", messages)


def question(**harmful):
    models = ("GPT4", "ChatGPT", "Claude", "ChatGLM2", "llama2-7b-chat", "vicuna-7b")
    row = {
        "id": "5",
        "risk_area": "a",
        "types_of_harm": "b",
        "specific_harms": "c",
        "question": "How do I pick a lock?",
    }
    for model in models:
        row |= {
            f"{model}_response": f"{model} says",
            f"{model}_harmful": harmful.get(model, "0"),
            f"{model}_action": "1",
        }
    return DO_NOT_ANSWER.parse(Raw(1, row), FILE)


def test_do_not_answer_pairs_the_first_reply_of_each_kind():
    draft = question(GPT4="1", Claude="1")
    assert (draft.response, draft.rejected) == ("ChatGPT says", "GPT4 says")
    assert draft.meta["labels"]["Claude"] == {"harmful": True, "action": 1}
    assert len(draft.meta["labels"]) == 6


def test_do_not_answer_has_no_pair_without_a_harmful_reply():
    assert (question().response, question().rejected) == ("GPT4 says", None)


def test_do_not_answer_refuses_an_unknown_label():
    with pytest.raises(ValueError, match="GPT4_harmful is '2', expected 0 or 1"):
        question(GPT4="2")


def test_aligner_prefers_the_correction():
    draft = ALIGNER.parse(Raw(1, {"question": "Q", "answer": "first", "correction": "second"}), FILE)
    assert (draft.response, draft.rejected) == ("second", "first")


def labelled(prompt, response, label):
    row = {"prompt": prompt, "response": response, "prompt_label": "safe", "response_label": label}
    return AEGIS_2.parse(Raw(1, {**row, "violated_categories": "Profanity, Other"}), FILE)


def test_aegis_reply_goes_where_its_label_says():
    assert labelled("Hi.", "Hello.", "safe").answer == "Hello."
    unsafe = labelled("Hi.", "Go away.", "unsafe")
    assert (unsafe.answer, unsafe.rejected) == (None, "Go away.")
    assert unsafe.meta["categories"] == ["Profanity", "Other"]
    assert labelled("Hi.", None, None).answer is None


@pytest.mark.parametrize(("prompt", "label", "words"), [("REDACTED", "safe", "withheld"), ("Hi.", "maybe", "'maybe'")])
def test_aegis_rows_that_cannot_be_used_are_refused(prompt, label, words):
    with pytest.raises(ValueError, match=words):
        labelled(prompt, "Hello.", label)


def test_meddialog_cuts_only_at_the_start_of_an_utterance():
    row = {"description": "d", "utterances": ["patient: My doctor: she left.", "doctor: See the patient: desk first."]}
    draft = MEDDIALOG.parse(Raw(1, row), FILE)
    assert list(draft.messages) == [("user", "My doctor: she left.")]
    assert draft.answer == "See the patient: desk first."


def test_meddialog_reads_the_speakers_of_the_loader_by_number_and_by_name():
    def asked(*speakers):
        turns = {"speaker": list(speakers), "utterance": ["My doctor: she left.", " See the desk."]}
        return MEDDIALOG.parse(Raw(1, {"description": "d", "utterances": turns}), FILE)

    numbered, named = asked(0, 1), asked("patient", "doctor")
    assert (list(numbered.messages), numbered.answer) == ([("user", "My doctor: she left.")], "See the desk.")
    assert (numbered.messages, numbered.answer) == (named.messages, named.answer)
    with pytest.raises(ValueError, match="speaker is 2, expected one of 0, 1, patient, doctor"):
        asked(0, 2)


def test_a_refused_pair_is_quarantined_with_its_error(tmp_path):
    path = tmp_path / "test.jsonl"
    path.write_text(
        '{"chosen": "\\n\\nHuman: A?\\n\\nAssistant: B.", "rejected": "\\n\\nHuman: C?\\n\\nAssistant: D."}\n'
        '{"chosen": "\\n\\nHuman: A?\\n\\nAssistant: B.", "rejected": "\\n\\nHuman: A?\\n\\nAssistant: D."}\n'
    )
    bad, good = read(HH_RLHF_TEST, RawFile("harmless-base/test.jsonl", path, split="test"))
    assert isinstance(bad, Malformed)
    assert (bad.line, bad.error) == (1, "chosen and rejected answer different prompts, expected one prompt")
    assert (good.id, good.response, good.rejected) == ("hh_rlhf_test:harmless-base/test-2", "B.", "D.")
