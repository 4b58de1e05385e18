"""Merged models in the libraries that use them: transformers loads one and generates, mergekit's YAML stays its own."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (the extra `train`): no merged model can be loaded")
pytest.importorskip("transformers", reason="transformers is not installed (the extra `train`)")
tiny_model = pytest.importorskip("tiny_model")

from training.merging.merge_config import merge_config  # noqa: E402
from training.merging.merge_models import merge  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # those of torch and transformers are not ours to fix


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return the folders of a model, and of the same one after its weights moved a little."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    first = tiny_model.make(folder / "first")
    moved = AutoModelForCausalLM.from_pretrained(first, dtype=torch.bfloat16)
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in moved.parameters():
            weights.add_(torch.randn_like(weights) * 0.01)
    moved.save_pretrained(folder / "second", max_shard_size="1MB")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (first / name).exists():
            (folder / "second" / name).write_bytes((first / name).read_bytes())
    return first, folder / "second"


def asked(method, models, **shared):
    weight = {"parameters": {"weight": 0.5}} if method != "slerp" else {}
    others = [{"model": str(models[1]), **weight}]
    listed = [{"model": str(models[0]), **weight}, *others] if method == "linear" else others
    base = {} if method == "linear" else {"base_model": str(models[0])}
    return merge_config({"merge_method": method, "models": listed, **base, "parameters": shared, "dtype": "bfloat16"})


@pytest.mark.parametrize(
    ("method", "shared"),
    [("linear", {}), ("slerp", {"t": 0.5}), ("ties", {"density": 0.5}), ("dare_ties", {"density": 0.5})],
)
def test_a_merged_model_loads_whole_and_generates(models, tmp_path, method, shared):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    merge(asked(method, models, **shared), tmp_path / "out", shard_bytes=1_000_000)
    model, told = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(told[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert model.dtype == torch.bfloat16
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is fever?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    with torch.no_grad():
        reply = model.generate(**prompt, max_new_tokens=8, do_sample=False)
    assert reply.shape[1] > prompt["input_ids"].shape[1]
    assert json.loads((tmp_path / "out" / "generation_config.json").read_text())["do_sample"] is True


def test_the_library_of_the_format_reads_what_was_written(models, tmp_path):
    import torch
    from safetensors.torch import load_file

    merge(asked("linear", models), tmp_path / "out")
    found = load_file(tmp_path / "out" / "model.safetensors")
    first = load_file(models[0] / "model.safetensors")
    assert found.keys() == first.keys() - {"lm_head.weight"}
    second = {}
    for path in models[1].glob("*.safetensors"):
        second |= load_file(path)
    for name, values in found.items():
        assert values.dtype == torch.bfloat16
        expected = (first[name].float() + second[name].float()) / 2
        assert torch.equal(values, expected.to(torch.bfloat16)), name


def test_bfloat16_rounds_as_torch_rounds():
    import torch

    from training.merging.number_types import narrowed

    values = np.random.default_rng(0).integers(0, 0x7F7F0000, 100_000, dtype=np.uint32).view(np.float32)
    held = np.empty(len(values), np.uint16)
    narrowed(values, "BF16", held)
    theirs = torch.from_numpy(values).to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    assert (held == theirs).all()
