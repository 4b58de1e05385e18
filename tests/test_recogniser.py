"""Names without a cue: found by a small model made here, masked by the privacy step, left to the rules without it."""

import polars as pl
import pytest
import torch
from rows import row, table
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

from pipelines.build.fingerprint import plain
from quality.privacy.recognizer import recogniser
from quality.privacy.redaction import Privacy, redact, screen

WORDS = ("[PAD]", "[UNK]", "Ada", "Quill", "Whipple", "was", "moved", "disease", "today", ".", ",")
PEOPLE = ("Ada", "Quill", "Whipple")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a model of one layer that takes three words for people, and no other."""
    place = tmp_path_factory.mktemp("names")
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(place)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        id2label={0: "O", 1: "I-PER"},
        label2id={"O": 0, "I-PER": 1},
    )
    torch.manual_seed(0)
    model = BertForTokenClassification(config).eval()
    person = torch.tensor([float(word in PEOPLE) for word in WORDS])
    with torch.no_grad():  # the first dimension says "person"; what stands around a word does not matter
        for parameter in model.parameters():
            parameter.zero_()
        model.bert.embeddings.word_embeddings.weight[:, 0] = 2 * person - 1
        model.bert.embeddings.LayerNorm.weight.fill_(1.0)
        for layer in model.bert.encoder.layer:
            layer.attention.output.LayerNorm.weight.fill_(1.0)
            layer.output.LayerNorm.weight.fill_(1.0)
        model.classifier.weight[1, 0] = 5.0
    model.save_pretrained(place)
    return place


def test_a_model_finds_names_that_no_cue_stands_beside(folder):
    rows = table(row("s:1", question="Ada Quill was moved today .", answer="Quill was moved ."))
    assert screen(rows, Privacy()).edits.is_empty()
    outcome = screen(rows, Privacy(recogniser=recogniser(str(folder))))
    assert outcome.rows["messages"][0][0]["content"] == "[NAME] was moved today ."
    assert outcome.rows["answer"][0] == "[NAME] was moved ."
    assert set(outcome.edits["rule"]) == {"name-recognised"}


def test_eponyms_stay_whatever_a_model_says(folder):
    config = Privacy(recogniser=recogniser(str(folder)))
    kept = pl.Series(["Whipple disease , today ."])
    assert redact(kept, config)[0].equals(kept)


def test_a_long_text_is_read_to_its_end(folder):
    text = "moved " * 200 + "Ada Quill"
    assert redact(pl.Series([text]), Privacy(recogniser=recogniser(str(folder))))[0][0] == "moved " * 200 + "[NAME]"


def test_a_step_is_named_by_the_model_and_not_by_its_place(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    here, there = (plain(Privacy(recogniser=recogniser(str(place)))) for place in (folder, copy))
    assert here == there
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert plain(Privacy(recogniser=recogniser(str(copy)))) != here


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"name_model: .* has no config\.json, expected the folder"):
        recogniser(str(tmp_path))
