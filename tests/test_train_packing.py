"""Rows that are packed into one sequence must not see each other: tried out on the model before a run begins."""

from importlib.util import find_spec

import pytest

from training.settings import Precision
from training.settings_file import read_settings
from training.training_errors import TrainingError

transformers, _, _ = (
    pytest.importorskip(library, reason=f"{library} is in the extra 'train', which is not installed")
    for library in ("transformers", "torch", "trl")
)

SMALL = {
    "vocab_size": 128,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def llama(**more):
    return transformers.LlamaConfig(**{**SMALL, **more})


def opt():
    sizes = {"hidden_size": 32, "word_embed_proj_dim": 32, "ffn_dim": 64, "num_attention_heads": 4}
    return transformers.OPTConfig(vocab_size=128, num_hidden_layers=2, **sizes)


def bloom():
    return transformers.BloomConfig(vocab_size=128, hidden_size=32, n_layer=2, n_head=4)


def lfm2():
    kinds = ["conv", "conv", "full_attention", "conv"]
    return transformers.Lfm2Config(**{**SMALL, "num_hidden_layers": 4}, layer_types=kinds)


@pytest.fixture
def fault():
    from training.run.packing_isolation import packing_fault

    return lambda config, **precision: packing_fault(config, Precision(**precision))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_rows_are_packed_where_attention_keeps_them_apart(attention, fault):
    assert fault(llama(), attention=attention) is None


@pytest.mark.parametrize("config", [opt, bloom])
def test_rows_are_not_packed_where_one_sees_the_row_before_it(config, fault):
    assert "a packed row sees the row before it" in fault(config())


@pytest.mark.skipif(find_spec("causal_conv1d") is not None, reason="with causal_conv1d the model keeps rows apart")
def test_rows_are_not_packed_where_the_model_fails_on_them(fault):
    assert "the model fails on packed rows" in fault(lfm2())


def test_the_model_that_is_tried_has_as_few_layers_as_have_one_of_each_kind():
    from training.run.packing_isolation import small_model

    for config, layers in ((llama(num_hidden_layers=6), 1), (lfm2(), 3)):
        assert small_model(config, Precision()).config.num_hidden_layers == layers
        assert config.num_hidden_layers > layers, "the model's own configuration stays"


def test_a_model_of_real_width_has_few_tokens_when_it_is_tried():
    from training.run.packing_isolation import small_model

    small = small_model(llama(vocab_size=128_256, pad_token_id=128_004), Precision())
    assert small.get_input_embeddings().weight.shape[0] == 512


def test_attention_is_one_that_the_architecture_has():
    from training.run.trainers import attention

    assert attention(Precision(attention="auto"), bloom()) == "eager"
    with pytest.raises(TrainingError, match="attention is 'sdpa', which BloomConfig does not have: set auto"):
        attention(Precision(attention="sdpa"), bloom())


def test_a_run_packs_nothing_where_rows_would_see_each_other(tmp_path, demo_store, monkeypatch):
    from click.testing import CliRunner
    from training_place import make_model

    from pipelines.cli.commands import main

    make_model(tmp_path / "start")
    monkeypatch.setattr("training.run.train_model.packing_fault", lambda *given: "a packed row sees the row before it")
    words = ["train", "sft", "demo@1", "--model", str(tmp_path / "start"), "--out", str(tmp_path / "out")]
    words += ["--store", str(demo_store), "--sequence", "512", "--limit", "8", "--tflops", "1", "--global-batch", "4"]
    done = CliRunner().invoke(main, [*words, "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "rows: 8 in 8 sequences" in done.output
    assert "packing is off: a packed row sees the row before it; a batch has 4 rows, not as many packs" in done.output
    assert read_settings("sft", None, None, {}).batch.packing, "it is on where nothing is said"
