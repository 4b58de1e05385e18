"""Whose tokenizer, template and rows a merged model has: those all share, or those that were chosen, never a guess."""

import json

import numpy as np
import pytest
from merge_models import config, make, read, shapes

from training.merging.config import merge_config
from training.merging.merge import merge
from training.merging.trouble import MergeConfigError, MergeError

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
    assert "say whose to take, as tokenizer_source: MODEL" in told(linear([a, b]), tmp_path / "out")
    record = merge(linear([a, b], tokenizer_source=str(b)), tmp_path / "out")
    assert loaded(tmp_path / "out", "tokenizer.json")["normalizer"] == {"type": "NFC"}
    assert (record["tokenizer"], record["chosen_by"]) == (str(b), "tokenizer_source")


def test_unlike_templates_need_a_choice(tmp_path):
    a, b = with_tokenizer(tmp_path / "a", WORDS), with_tokenizer(tmp_path / "b", WORDS, TEMPLATE)
    assert f"the chat templates of the models differ ({a} (none); {b}): say whose to take, as chat_template" in told(
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
