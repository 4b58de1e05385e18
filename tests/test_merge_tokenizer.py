"""Whose tokenizer, template and rows a merged model has: those all share, or those that were chosen, never a guess."""

import json
import shutil

import numpy as np
import pytest
import tiny_model
from merge_models import config, make, read, shapes

from training.merging.merge_config import merge_config
from training.merging.merge_models import merge
from training.training_errors import MergeConfigError, MergeError

EMBEDDING, QUERY = "model.embed_tokens.weight", "model.layers.1.self_attn.q_proj.weight"
WORDS = ["<s>", "</s>", "fever", "cough", "rash", "dose"]
TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


def with_tokenizer(folder, words, template=None, rows=None, **more):
    """Make a checkpoint whose tokenizer has these words, and rows of padding up to ``rows``."""
    make(folder, seed=sum(folder.name.encode()), rows=rows or len(words), layers=2)
    vocabulary = {word: number for number, word in enumerate(words)}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<s>"}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": model, "added_tokens": [], **more}))
    settings = {"eos_token": "</s>", **({"chat_template": template} if template else {})}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": words.index("</s>")}))
    values = config(2, rows or len(words), 8, 16, eos_token_id=words.index("</s>"))
    (folder / "config.json").write_text(json.dumps(values))
    return folder


def linear(paths, **more):
    models = [{"model": str(path), "parameters": {"weight": 0.5}} for path in paths]
    return merge_config({"merge_method": "linear", "models": models, **more})


def told(configuration, out):
    with pytest.raises(MergeError) as error:
        merge(configuration, out)
    assert not out.exists()
    return str(error.value)


def loaded(folder, name):
    return json.loads((folder / name).read_text())


def test_a_tokenizer_that_all_share_is_taken(tmp_path):
    a, b = (with_tokenizer(tmp_path / name, WORDS, TEMPLATE) for name in "ab")
    record = merge(linear([a, b]), tmp_path / "out")
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (a / "tokenizer.json").read_bytes()
    assert (tmp_path / "out" / "chat_template.jinja").read_text() == TEMPLATE
    assert loaded(tmp_path / "out", "tokenizer_config.json") == {"eos_token": "</s>"}
    assert loaded(tmp_path / "out", "generation_config.json") == {"eos_token_id": 1}
    assert (record["tokenizer"], record["chosen_by"]) == (str(a), "equal in all models")


def test_how_a_tokenizer_was_last_called_makes_it_no_other(tmp_path):
    a = with_tokenizer(tmp_path / "a", WORDS)
    b = with_tokenizer(tmp_path / "b", WORDS, truncation={"max_length": 16}, padding=None)
    merge(linear([a, b]), tmp_path / "out")


def test_unlike_tokenizers_need_a_choice(tmp_path):
    a, b = with_tokenizer(tmp_path / "a", WORDS), with_tokenizer(tmp_path / "b", WORDS, normalizer={"type": "NFC"})
    assert "the tokenizers of the models differ" in told(linear([a, b]), tmp_path / "out")
    assert "choose one, as tokenizer_source: MODEL" in told(linear([a, b]), tmp_path / "out")
    record = merge(linear([a, b], tokenizer_source=str(b)), tmp_path / "out")
    assert loaded(tmp_path / "out", "tokenizer.json")["normalizer"] == {"type": "NFC"}
    assert (record["tokenizer"], record["chosen_by"]) == (str(b), "tokenizer_source")


def test_unlike_templates_need_a_choice(tmp_path):
    a, b = with_tokenizer(tmp_path / "a", WORDS), with_tokenizer(tmp_path / "b", WORDS, TEMPLATE)
    assert f"the chat templates of the models differ ({a} (none); {b}): choose one, as chat_template" in told(
        linear([a, b]), tmp_path / "out"
    )
    assert f"{a}, which has no chat template" in told(linear([a, b], chat_template=str(a)), tmp_path / "out")
    merge(linear([a, b], chat_template=str(b)), tmp_path / "theirs")
    assert (tmp_path / "theirs" / "chat_template.jinja").read_text() == TEMPLATE
    merge(linear([a, b], chat_template="{{ messages[0]['content'] }}"), tmp_path / "own")
    assert (tmp_path / "own" / "chat_template.jinja").read_text() == "{{ messages[0]['content'] }}"


def test_a_list_of_templates_is_kept_as_it_is(tmp_path):
    several = [{"name": "default", "template": TEMPLATE}, {"name": "tool_use", "template": "{{ tools }}"}]
    a, b = (with_tokenizer(tmp_path / name, WORDS, several) for name in "ab")
    merge(linear([a, b]), tmp_path / "out")
    assert loaded(tmp_path / "out", "tokenizer_config.json")["chat_template"] == several
    assert not (tmp_path / "out" / "chat_template.jinja").exists()


@pytest.mark.parametrize("key", ["tokenizer_source", "chat_template"])
@pytest.mark.parametrize("value", ["auto", "chatml", "base", "elsewhere"])
def test_a_choice_is_one_of_the_models(tmp_path, key, value):
    a, b = (with_tokenizer(tmp_path / name, WORDS, TEMPLATE) for name in "ab")
    with pytest.raises(MergeConfigError, match=f"{key} is '{value}', expected one of the models"):
        merge(linear([a, b], **{key: value}), tmp_path / "out")


def test_base_names_the_base(tmp_path):
    a, b = with_tokenizer(tmp_path / "a", WORDS), with_tokenizer(tmp_path / "b", WORDS, TEMPLATE)
    choice = {"tokenizer": {"source": "base"}, "chat_template": "base", "base_model": str(b)}
    record = merge(linear([a, b], **choice), tmp_path / "out")
    assert (record["tokenizer"], record["chat_template"]) == (str(b), str(b))


def test_a_model_without_any_tokenizer_gives_one_without(tmp_path):
    a, b = (make(tmp_path / name, layers=2) for name in "ab")
    record = merge(linear([a, b]), tmp_path / "out")
    assert "no model has a tokenizer; the result has none" in record["notes"]
    assert not (tmp_path / "out" / "tokenizer_config.json").exists()


# --- where an answer ends --------------------------------------------------------------------------------------------

CHAT = [*WORDS, "<|im_end|>"]
ENDED = "{% for m in messages %}{{ m['content'] }}<|im_end|>{% endfor %}"
ADDED = [{"id": 1, "content": "</s>", "special": True}, {"id": 6, "content": "<|im_end|>", "special": True}]


def ending(folder, eos, template=ENDED):
    """Make a checkpoint whose files say that ``eos`` ends generation, whatever its template writes."""
    with_tokenizer(folder, CHAT, template, added_tokens=ADDED)
    settings = {"eos_token": eos, **({"chat_template": template} if template else {})}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": CHAT.index(eos), "top_p": 0.9}))
    values = config(2, len(CHAT), 8, 16, eos_token_id=CHAT.index(eos))
    (folder / "config.json").write_text(json.dumps(values))
    return folder


def stops(folder):
    """Return what a model's three files say of its end."""
    return (
        loaded(folder, "config.json")["eos_token_id"],
        loaded(folder, "generation_config.json")["eos_token_id"],
        loaded(folder, "tokenizer_config.json")["eos_token"],
    )


def tuned_from(base, tuned, **more):
    models = [{"model": str(tuned), "parameters": {"weight": 0.7}}]
    return merge_config({"merge_method": "task_arithmetic", "base_model": str(base), "models": models, **more})


def test_a_merge_stops_as_the_tuned_model_does_where_the_base_ends_on_another_token(tmp_path):
    base, tuned = ending(tmp_path / "base", "</s>"), ending(tmp_path / "tuned", "<|im_end|>")
    record = merge(tuned_from(base, tuned), tmp_path / "out")
    assert stops(tmp_path / "out") == (6, 6, "<|im_end|>")
    assert (record["generation_settings"], record["end_of_turn"]) == (str(tuned), "<|im_end|>")


def test_the_model_whose_template_is_chosen_gives_the_end_of_an_answer_too(tmp_path):
    base, tuned = ending(tmp_path / "base", "</s>", template=None), ending(tmp_path / "tuned", "<|im_end|>")
    merge(tuned_from(base, tuned, chat_template=str(tuned)), tmp_path / "out")
    assert stops(tmp_path / "out") == (6, 6, "<|im_end|>")


def test_the_tokenizers_source_gives_template_and_end_of_an_answer_together(tmp_path):
    base, tuned = ending(tmp_path / "base", "</s>", template=None), ending(tmp_path / "tuned", "<|im_end|>")
    record = merge(tuned_from(base, tuned, tokenizer_source=str(tuned)), tmp_path / "out")
    assert stops(tmp_path / "out") == (6, 6, "<|im_end|>")
    assert record["chat_template"] == str(tuned)


def test_the_end_that_a_template_writes_is_added_where_the_chosen_model_lacks_it(tmp_path):
    base, tuned = ending(tmp_path / "base", "</s>"), ending(tmp_path / "tuned", "<|im_end|>")
    merge(tuned_from(base, tuned, tokenizer_source="base"), tmp_path / "out")
    assert stops(tmp_path / "out")[:2] == ([1, 6], [1, 6])
    assert loaded(tmp_path / "out", "generation_config.json")["top_p"] == 0.9


def test_models_that_stop_at_other_tokens_need_a_choice_where_the_template_does_not_decide(tmp_path):
    a, b = ending(tmp_path / "a", "</s>", template=TEMPLATE), ending(tmp_path / "b", "<|im_end|>", template=TEMPLATE)
    found = told(linear([a, b]), tmp_path / "out")
    assert f"the tokens that end generation of the models differ ({a}; {b})" in found
    assert "tokenizer_source: MODEL" in found


def test_a_template_is_refused_whose_end_the_chosen_tokenizer_lacks(tmp_path):
    base, tuned = with_tokenizer(tmp_path / "base", WORDS), ending(tmp_path / "tuned", "<|im_end|>")
    choice = {"tokenizer_source": "base", "chat_template": str(tuned)}
    assert "ends an answer with '<|im_end|>', which is not a special token of" in told(
        tuned_from(base, tuned, **choice), tmp_path / "out"
    )


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
NOTHING_ADDED = {
    "type": "TemplateProcessing",
    "single": [{"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {},
}
BOS_ADDED = {
    **NOTHING_ADDED,
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}},
}


def test_a_tokenizer_is_the_same_as_one_whose_post_processor_adds_nothing(tmp_path):
    start = with_tokenizer(tmp_path / "start", WORDS, post_processor=None)
    for name, processor in {"offsets": BYTE_LEVEL, "nothing": NOTHING_ADDED}.items():
        saved = with_tokenizer(tmp_path / name, WORDS, post_processor=processor)
        merge(linear([start, saved]), tmp_path / f"out-{name}")
    adding = with_tokenizer(tmp_path / "adding", WORDS, post_processor=BOS_ADDED)
    assert "the tokenizers of the models differ" in told(linear([start, adding]), tmp_path / "out")


def test_a_tokenizer_is_the_same_as_the_one_that_a_training_run_saved_of_it(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is in the extra 'train'")
    start = tiny_model.make(tmp_path / "start")
    saved = shutil.copytree(start, tmp_path / "saved")
    tokenizer = transformers.AutoTokenizer.from_pretrained(start)
    tokenizer.save_pretrained(saved)
    assert (start / "tokenizer.json").read_bytes() != (saved / "tokenizer.json").read_bytes()
    merge(linear([start, saved]), tmp_path / "out")
    merged = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    text = "Fever of 38.5 °C, what now?<|end|>\n"
    assert merged(text)["input_ids"] == tokenizer(text)["input_ids"]


# --- rows ------------------------------------------------------------------------------------------------------------


def mean(first, second):
    return (first + second) / 2


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=2**-8, atol=1e-9)


def test_padded_vocabularies_need_a_choice_and_keep_the_padding_of_the_chosen_model(tmp_path):
    a, b = with_tokenizer(tmp_path / "a", WORDS, rows=8), with_tokenizer(tmp_path / "b", WORDS, rows=10)
    assert f"the embeddings differ in rows (8 in {a}, 10 in {b}): say whose" in told(linear([a, b]), tmp_path / "out")
    first, second = read(a)[EMBEDDING], read(b)[EMBEDDING]
    merge(linear([a, b], tokenizer_source=str(b)), tmp_path / "long")
    found = read(tmp_path / "long")[EMBEDDING]
    close(found[:8], mean(first, second[:8]))
    close(found[8:], second[8:])
    assert loaded(tmp_path / "long", "config.json")["vocab_size"] == 10
    merge(linear([a, b], tokenizer_source=str(a)), tmp_path / "short")
    close(read(tmp_path / "short")[EMBEDDING], mean(first, second[:8]))
    assert loaded(tmp_path / "short", "config.json")["vocab_size"] == 8


def test_rows_are_matched_by_token_and_a_model_has_no_say_about_tokens_it_lacks(tmp_path):
    a = with_tokenizer(tmp_path / "a", WORDS)
    b = with_tokenizer(tmp_path / "b", ["<s>", "rash", "</s>", "fever", "cough", "itch", "pulse"])
    record = merge(linear([a, b], tokenizer_source=str(b)), tmp_path / "out")
    first, second, found = read(a)[EMBEDDING], read(b)[EMBEDDING], read(tmp_path / "out")
    close(found[EMBEDDING][:5], mean(first[[0, 4, 1, 2, 3]], second[:5]))
    close(found[EMBEDDING][5:], second[5:])
    close(found[QUERY], mean(read(a)[QUERY], read(b)[QUERY]))
    values = loaded(tmp_path / "out", "config.json")
    assert (values["vocab_size"], values["eos_token_id"]) == (7, 2)
    assert loaded(tmp_path / "out", "generation_config.json") == {"eos_token_id": 2}
    assert any(
        f"{a} has other rows of tokens than {b}: matched by token, 2 that it lacks" in n for n in record["notes"]
    )


def test_a_token_that_the_base_lacks_is_taken_as_the_chosen_model_has_it(tmp_path):
    base, chosen = with_tokenizer(tmp_path / "base", WORDS), with_tokenizer(tmp_path / "tuned", [*WORDS, "<|end|>"])
    models = [{"model": str(chosen), "parameters": {"weight": 0.5}}]
    values = {"merge_method": "task_arithmetic", "base_model": str(base), "models": models}
    merge(merge_config({**values, "tokenizer_source": str(chosen)}), tmp_path / "out")
    close(read(tmp_path / "out")[EMBEDDING][6], read(chosen)[EMBEDDING][6])


def test_models_of_unlike_types_and_rows_are_matched_too(tmp_path):
    a, b = with_tokenizer(tmp_path / "a", WORDS), with_tokenizer(tmp_path / "b", WORDS[::-1])
    dims = dict(shapes(2, 6, 8, 16))
    exact = {name: np.linspace(-1, 1, np.prod(shape)).reshape(shape) for name, shape in dims.items()}
    (b / "model.safetensors").unlink()
    words = (b / "config.json").read_text()
    make(b, dtype="F32", changed=exact, rows=6, layers=2)
    (b / "config.json").write_text(words)
    merge(linear([a, b], tokenizer_source=str(a), dtype="float32"), tmp_path / "out")
    np.testing.assert_allclose(
        read(tmp_path / "out")[EMBEDDING], mean(read(a)[EMBEDDING], exact[EMBEDDING][::-1]), rtol=1e-6, atol=1e-7
    )


def test_rows_cannot_be_matched_without_the_words(tmp_path):
    a, b = with_tokenizer(tmp_path / "a", WORDS, rows=8), make(tmp_path / "b", rows=6, layers=2)
    assert f"{b} has no tokenizer.json, which is needed to match" in told(
        linear([a, b], tokenizer_source=str(a)), tmp_path / "out"
    )
    c = make(tmp_path / "c", rows=8, layers=2)
    assert "put the tokenizer of each into its folder" in told(linear([b, c]), tmp_path / "out")


def test_a_damaged_tokenizer_is_told(tmp_path):
    a, b = (with_tokenizer(tmp_path / name, WORDS) for name in "ab")
    (b / "tokenizer.json").write_text("{")
    assert f"cannot read {b / 'tokenizer.json'}" in told(linear([a, b]), tmp_path / "out")
    (b / "tokenizer.json").write_text("[]")
    assert "holds list, expected an object" in told(linear([a, b]), tmp_path / "out")
    (b / "tokenizer.json").write_text("{}")
    assert "has no vocabulary" in told(linear([a, b]), tmp_path / "out")
