"""What a model learns of a row: the assistant's words and their end, by any template, and nothing cut in silence."""

import json

import pytest
import tiny_model
from training_place import conversation, pair, said

from training.chat import encode
from training.settings_file import read_settings
from training.token_rows import IGNORED, pair_rows, save_too_long, sft_rows
from training.trainers import attention, check_installed
from training.trouble import TrainingError

torch, _ = (
    pytest.importorskip(library, reason=f"{library} is in the extra 'train', which is not installed")
    for library in ("torch", "trl")
)

TURNS = [
    said("system", "Be brief."),
    said("user", "What is iron for?"),
    said("assistant", "Haemoglobin carries oxygen.\n\nIt needs iron."),
    said("user", "Und Zink? 漢字"),
    said("assistant", "Enzymes é ü 漢字."),
]
LEARNED = "Haemoglobin carries oxygen.\n\nIt needs iron.{end}Enzymes é ü 漢字.{end}"

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKED = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}"
    "{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TRIMMED = (  # as Llama 3 writes turns
    "{{ bos_token }}{% for m in messages %}<|user|>{{ m.role }}<|system|>\n\n{{ m.content | trim }}<|im_end|>"
    "{% endfor %}{% if add_generation_prompt %}<|user|>assistant<|system|>\n\n{% endif %}"
)
INSTRUCT = (  # as Mistral does: no prompt of its own, white space before an answer
    "{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content }}{{ eos_token }}"
    "{% else %}[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}"
)
THINKING = (  # as Qwen 3 does: marks of thought before the last answer alone
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}"
    "<think>\n\n</think>\n\n{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model.make(tmp_path_factory.mktemp("model"))


@pytest.fixture
def tokenizer(model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<|user|>", "<|system|>"]}
    )
    return tokenizer


def learned(tokenizer, turns=TURNS):
    coded = encode(tokenizer, turns)
    assert coded.ids == tokenizer.apply_chat_template(turns)["input_ids"], "the tokens are the template's own"
    return tokenizer.decode([token for token, mark in zip(coded.ids, coded.learned, strict=True) if mark])


# --- the assistant's words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (tiny_model.TEMPLATE, LEARNED.format(end="<|end|>")),
        (CHATML, LEARNED.format(end="<|im_end|>")),
        (TRIMMED, LEARNED.format(end="<|im_end|>")),
        (INSTRUCT, LEARNED.format(end="<|end|>").replace("Haem", " Haem").replace("Enz", " Enz")),
        (THINKING, LEARNED.format(end="<|im_end|>").replace("Enz", "<think>\n\n</think>\n\nEnz")),
    ],
    ids=["tiny", "chatml", "trimmed", "instruct", "thinking"],
)
def test_the_assistants_words_and_their_end_are_learned_and_nothing_else(template, expected, tokenizer):
    tokenizer.chat_template = template
    assert learned(tokenizer) == expected


def test_markers_of_a_template_agree_with_what_is_found_without_them(tokenizer):
    tokenizer.chat_template = MARKED
    coded = tokenizer.apply_chat_template(TURNS, return_assistant_tokens_mask=True, return_dict=True)
    found = encode(tokenizer, TURNS)
    assert found.learned == [bool(mark) for mark in coded["assistant_masks"]]
    tokenizer.chat_template = CHATML
    assert encode(tokenizer, TURNS) == found, "the same conversation, the same tokens, the same marks"


def test_an_answer_that_repeats_the_question_is_found_in_its_own_place(tokenizer):
    tokenizer.chat_template = CHATML
    turns = [said("user", "assistant"), said("assistant", "assistant")]
    coded = encode(tokenizer, turns)
    assert learned(tokenizer, turns) == "assistant<|im_end|>"
    assert coded.learned.index(True) > coded.ids.index(tokenizer.convert_tokens_to_ids("<|im_end|>"))


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (CHATML.replace("<|im_end|>", ""), "writes no special token after an answer: a model never learns to stop"),
        (CHATML.replace("m.content", "m.content | upper"), "does not write the answer 'Haemoglobin carries oxyge"),
        (CHATML.replace("m.content", "m.content[:9]"), "does not write the answer 'Haemoglobin carries oxyge"),
        ("{{ raise_exception('no system message') }}", "refuses turns of system, user, assistant, user, assistant: no"),
        ("{{ messages[0].content }}", "does not write the answer"),
    ],
    ids=["no end", "rewrites", "cuts", "refuses", "leaves out"],
)
def test_a_template_that_hides_the_answers_is_refused(template, told, tokenizer):
    tokenizer.chat_template = template
    with pytest.raises(TrainingError) as caught:
        encode(tokenizer, TURNS)
    assert told in str(caught.value)


def test_a_conversation_without_an_answer_at_its_end_is_refused(tokenizer):
    with pytest.raises(TrainingError, match="does not end with the assistant's turn"):
        encode(tokenizer, TURNS[:-1])


# --- rows ----------------------------------------------------------------------------------------------------------


def rows_of(rows, tokenizer, stage="sft", embedded=10_000, **given):
    from datasets import Dataset

    given = {"sequence": "64", "packing": "false", **given}
    settings = read_settings(stage, None, None, given)
    code = sft_rows if stage == "sft" else pair_rows
    return code(Dataset.from_list(rows), tokenizer, embedded, settings)


SHORT = [conversation(n, f"What is {n}?", f"A number, {n}.") for n in range(6)]
LONG = conversation(9, "And then?", "It rained. " * 40)
TALK = conversation(8, "How are you?", "Well.", "And then?", "It rained. " * 40)


def test_labels_are_the_tokens_of_the_answer_and_are_ignored_elsewhere(tokenizer):
    made = rows_of(SHORT, tokenizer)
    row = made.dataset[2]
    labels = [token for token in row["labels"] if token != IGNORED]
    assert tokenizer.decode(labels) == "A number, 2.<|end|>"
    assert all(label in (IGNORED, token) for token, label in zip(row["input_ids"], row["labels"], strict=True))
    assert made.learned == sum(label != IGNORED for row in made.dataset for label in row["labels"])
    assert made.tokens == sum(len(row["input_ids"]) for row in made.dataset)
    assert (made.read, made.kept, made.too_long, made.licenses) == (6, 6, [], {"CC-BY-4.0": 6})


def test_rows_that_are_too_long_stop_a_run_that_has_no_policy_for_them(tokenizer):
    with pytest.raises(
        TrainingError, match=r"1 of 7 rows have more than 64 tokens, the longest \d+ \(ward:9\): raise s"
    ):
        rows_of([*SHORT, LONG], tokenizer)


def test_rows_that_are_too_long_are_dropped_and_listed(tokenizer, tmp_path):
    made = rows_of([*SHORT, LONG], tokenizer, too_long="drop")
    assert (made.read, made.kept, len(made.dataset)) == (7, 6, 6)
    save_too_long(made, tmp_path / "too_long.jsonl")
    (line,) = map(json.loads, (tmp_path / "too_long.jsonl").read_text().splitlines())
    assert (line["id"], line["limit"], line["done"], line["turns_left_out"]) == ("ward:9", 64, "dropped", 0)
    assert line["tokens"] > 64


def test_a_conversation_keeps_the_turns_that_fit_and_is_listed(tokenizer):
    made = rows_of([TALK, LONG, *SHORT], tokenizer, too_long="turns")
    assert tokenizer.decode([label for label in made.dataset[0]["labels"] if label != IGNORED]) == "Well.<|end|>"
    assert [(row["id"], row["done"], row["turns_left_out"]) for row in made.too_long] == [
        ("ward:8", "shortened", 2),
        ("ward:9", "dropped", 0),
    ]
    assert made.kept == 7


def test_no_row_left_is_told(tokenizer):
    with pytest.raises(TrainingError, match="no row is left of 1: each has more than 64 tokens, raise sequence"):
        rows_of([LONG], tokenizer, too_long="drop")


def test_a_token_beyond_the_embedding_is_told_with_its_row(tokenizer):
    with pytest.raises(
        TrainingError, match=r"row ward:0 has the token id \d+, expected below 100, the rows of the model"
    ):
        rows_of(SHORT, tokenizer, embedded=100)


# --- packing -------------------------------------------------------------------------------------------------------


def test_packs_hold_whole_rows_and_each_row_once(tokenizer):
    loose = rows_of(SHORT, tokenizer)
    packed = rows_of(SHORT, tokenizer, packing="true")
    assert len(packed.dataset) < len(loose.dataset)
    pieces = []
    for row in packed.dataset:
        assert len(row["input_ids"]) <= 64
        for length in row["seq_lengths"]:
            pieces.append((row["input_ids"][:length], row["labels"][:length]))
            row["input_ids"], row["labels"] = row["input_ids"][length:], row["labels"][length:]
        assert row["input_ids"] == []
    assert sorted(pieces) == sorted((row["input_ids"], row["labels"]) for row in loose.dataset)


def test_a_row_in_a_pack_does_not_see_its_neighbours(tokenizer, model):
    from transformers import AutoModelForCausalLM
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    network = AutoModelForCausalLM.from_pretrained(model, attn_implementation="sdpa", dtype=torch.float32).eval()
    (pack, *_) = rows_of(SHORT, tokenizer, packing="true").dataset
    batch = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)([pack])
    with torch.no_grad():
        together = network(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits[0]
        first, second = pack["seq_lengths"][:2]
        alone = network(input_ids=batch["input_ids"][:, first : first + second]).logits[0]
    assert torch.allclose(together[first : first + second], alone, atol=1e-4)


# --- kernels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"attention": "flash_attention_2"},
            "attention is 'flash_attention_2', which is not installed for this machine",
        ),
        ({"liger": "on"}, "liger is 'on' and the package liger-kernel is not installed"),
        ({"kind": "qlora"}, "kind needs the package bitsandbytes, which is not installed"),
        ({"optimizer": "adamw_bnb_8bit"}, "optimizer needs the package bitsandbytes, which is not installed"),
    ],
)
def test_kernels_that_are_asked_for_and_not_installed_are_told(given, told, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("transformers.utils.is_flash_attn_2_available", lambda: False)
    with pytest.raises(TrainingError, match=told):
        check_installed(read_settings("sft", None, None, given))


def test_the_newest_attention_that_is_there_is_taken_and_torchs_own_where_none_is(monkeypatch):
    there = {"2": True, "3": False}
    for number in there:
        monkeypatch.setattr(f"transformers.utils.is_flash_attn_{number}_available", lambda number=number: there[number])
    auto = read_settings("sft", None, None, {}).numerics
    assert attention(auto) == "flash_attention_2"
    there["3"] = True
    assert attention(auto) == "flash_attention_3"
    there.update({"2": False, "3": False})
    assert attention(auto) == "sdpa"


# --- pairs ---------------------------------------------------------------------------------------------------------

GOOD = pair(1, "Is it safe?", "No, it is not.", "Yes.")


def test_pairs_are_kept_as_they_are_and_counted(tokenizer):
    made = rows_of([GOOD], tokenizer, stage="dpo")
    assert made.dataset[0] == {key: GOOD[key] for key in ("prompt", "chosen", "rejected")}
    answers = [tokenizer(text + "<|end|>")["input_ids"] for text in ("No, it is not.", "Yes.")]
    assert made.learned == sum(map(len, answers))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rejected": GOOD["chosen"]}, "chosen and rejected are the same answer, expected two that differ"),
        ({"rejected": [said("assistant", " No, it is not. ")]}, "chosen and rejected are the same answer"),
        ({"prompt": []}, "its prompt does not end with a turn to answer"),
        ({"prompt": [*GOOD["prompt"], said("assistant", "Hm.")]}, "its prompt does not end with a turn to answer"),
        ({"chosen": []}, "chosen has no answer, expected one turn of the assistant's"),
        ({"chosen": [said("user", "No.")]}, "chosen has no answer, expected one turn of the assistant's"),
        ({"rejected": [said("assistant", "  ")]}, "rejected has no answer"),
        (
            {"chosen": GOOD["prompt"] + GOOD["chosen"]},
            "chosen has 2 turns, expected the answer alone: the prompt is rep",
        ),
        (
            {"chosen": [said("user", "Else?"), *GOOD["chosen"]]},
            "chosen has 2 turns, expected the answer alone: its prompt",
        ),
    ],
)
def test_a_pair_that_is_none_is_told_at_the_door(change, told, tokenizer):
    with pytest.raises(TrainingError) as caught:
        rows_of([{**GOOD, **change}], tokenizer, stage="dpo")
    assert str(caught.value).startswith(f"pair ward:1: {told}")


def test_a_prompt_whose_end_is_joined_to_the_answer_is_refused(tokenizer):
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    with pytest.raises(
        TrainingError, match="pair ward:1: the prompt alone and the prompt with its answer begin with d"
    ):
        rows_of([GOOD], tokenizer, stage="dpo")


def test_pairs_that_are_too_long_follow_the_policy(tokenizer):
    far = pair(2, "Is it safe?", "No. " * 90, "Yes.")
    with pytest.raises(TrainingError, match="1 of 2 rows have more than 64 tokens"):
        rows_of([GOOD, far], tokenizer, stage="dpo")
    made = rows_of([GOOD, far], tokenizer, stage="dpo", too_long="drop")
    assert (made.kept, [row["id"] for row in made.too_long]) == (1, ["ward:2"])
