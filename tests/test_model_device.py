"""A model of 16-bit weights computes in 32 bits on a CPU, unless it is too large for that."""

import pytest

from synth.teachers import model_device
from synth.teachers.model_device import to_device

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture
def half():
    config = transformers.GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=16, n_positions=8)
    return transformers.GPT2LMHeadModel(config).to(torch.bfloat16)


def test_sixteen_bits_become_thirty_two_on_a_cpu(half):
    saved = half.transformer.wte.weight.detach().clone()
    loaded = to_device(half, "cpu")
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded.transformer.wte.weight, saved.float())
    assert not loaded.training


def test_a_model_too_large_for_that_stays_as_it_is_and_a_warning_says_so(half, monkeypatch, caplog):
    monkeypatch.setattr(model_device, "_free_memory", lambda: 100)
    assert to_device(half, "cpu").dtype == torch.bfloat16
    assert "computes in bfloat16" in caplog.text
    assert "llamacpp:FILE" in caplog.text


def test_the_free_memory_of_this_machine_is_known():
    assert 2**20 < model_device._free_memory() <= 2**63
