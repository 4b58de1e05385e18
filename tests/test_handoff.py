"""Configs for other trainers: their fields are known to those tools, and the tools read what was exported.

The last tests want each tool itself, in an environment of its own, and are skipped otherwise: set
``SABILA_LLAMA_FACTORY`` (llamafactory 0.9.5), ``SABILA_AXOLOTL`` (axolotl 0.19.0), ``SABILA_OPENRLHF`` (openrlhf 0.11.2
with deepspeed) to a Python that has it. No GPU is needed.
"""

import argparse
import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from json_results import export

from training.data.handoff import Handoff, configs
from training.settings import Dpo, Sft

CHECKS = Path(__file__).with_name("handoff_checks.py")
TOOLS = {
    "llama-factory": "SABILA_LLAMA_FACTORY",
    "axolotl": "SABILA_AXOLOTL",
    "openrlhf": "SABILA_OPENRLHF",
}

# Fields that the tools' own schemas have, as read in the packages named above.
AXOLOTL = """attn_implementation base_model bf16 chat_template datasets dpo_loss_type excess_length_strategy
gradient_accumulation_steps gradient_checkpointing learning_rate logging_steps lr_scheduler max_grad_norm max_steps
micro_batch_size num_epochs optimizer output_dir rl rl_beta sample_packing save_steps save_total_limit seed sequence_len
warmup_steps weight_decay""".split()
AXOLOTL_DATA = {
    "sft": "path split ds_type type field_messages roles_to_train".split(),
    "dpo": "path split type field_messages field_chosen field_rejected".split(),
}
LLAMA_FACTORY = """bf16 cutoff_len dataset dataset_dir disable_gradient_checkpointing do_train finetuning_type
flash_attn gradient_accumulation_steps learning_rate logging_steps lr_scheduler_type max_grad_norm max_steps
model_name_or_path
neat_packing num_train_epochs optim output_dir packing per_device_train_batch_size pref_beta pref_loss save_steps
save_total_limit seed stage warmup_steps weight_decay""".split()
LLAMA_FACTORY_LOSSES = ("sigmoid", "hinge", "ipo", "kto_pair", "orpo", "simpo")
OPENRLHF_TEXTS = """model.model_name_or_path data.dataset data.input_key data.prompt_key data.chosen_key
data.rejected_key lr_scheduler ds.param_dtype ckpt.path ckpt.output_dir""".split()
OPENRLHF_WHOLE = """data.max_len data.max_samples train.micro_batch_size train.batch_size train.max_epochs train.seed
ds.zero_stage ckpt.save_steps ckpt.max_num""".split()
OPENRLHF_NUMBERS = "model.beta adam.lr adam.weight_decay lr_warmup_ratio max_norm".split()
OPENRLHF_FLAGS = """data.apply_chat_template data.multiturn ds.packing_samples
model.gradient_checkpointing_enable""".split()


def part(kind, rows=100_000, **changed):
    settings = (Sft if kind == "sft" else Dpo)(**changed)
    return Handoff(dataset=f"tiny_{kind}", file=f"{kind}.jsonl", rows=rows, model="org/model", settings=settings)


def config(tool, kind, **changed):
    text = configs(tool, [part(kind, **changed)])[f"{kind}.{'sh' if tool == 'openrlhf' else 'yaml'}"]
    return words(text) if tool == "openrlhf" else yaml.safe_load(text)


def words(script):
    """Return the options of a script as OpenRLHF's own parser has them, dots and all."""
    call = shlex.split(script.replace("\\\n", " "), comments=True)
    assert call[:2] == ["deepspeed", "--module"]
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for names, kind in ((OPENRLHF_TEXTS, str), (OPENRLHF_WHOLE, int), (OPENRLHF_NUMBERS, float)):
        for name in names:
            parser.add_argument(f"--{name}", type=kind)
    for name in OPENRLHF_FLAGS:
        parser.add_argument(f"--{name}", action="store_true")
    return {**vars(parser.parse_args(call[3:])), "module": call[2]}


# --- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sft", "dpo"])
@pytest.mark.parametrize("steps", [None, 50])
def test_every_field_is_one_that_the_tool_has(kind, steps):
    schedule = {"schedule": {"max_steps": steps, "epochs": 1}}
    axolotl, llama = (config(tool, kind, **schedule) for tool in ("axolotl", "llama-factory"))
    assert set(axolotl) <= set(AXOLOTL)
    assert set(axolotl["datasets"][0]) == set(AXOLOTL_DATA[kind])
    assert set(llama) <= set(LLAMA_FACTORY)
    assert llama.get("pref_loss", "sigmoid") in LLAMA_FACTORY_LOSSES
    assert axolotl.get("max_steps") == llama.get("max_steps") == steps


@pytest.mark.parametrize(("kind", "rate", "epochs", "sequence"), [("sft", 2e-5, 4, 16_384), ("dpo", 2e-7, 1, 4_096)])
def test_all_tools_get_aloe_s_settings(kind, rate, epochs, sequence):
    axolotl, llama, openrlhf = (config(tool, kind) for tool in ("axolotl", "llama-factory", "openrlhf"))
    assert [axolotl["learning_rate"], llama["learning_rate"], openrlhf["adam.lr"]] == [rate] * 3
    assert [axolotl["num_epochs"], llama["num_train_epochs"], openrlhf["train.max_epochs"]] == [epochs] * 3
    assert [axolotl["sequence_len"], llama["cutoff_len"], openrlhf["data.max_len"]] == [sequence] * 3
    for one, by in ((axolotl, "micro_batch_size"), (llama, "per_device_train_batch_size")):
        assert one["gradient_accumulation_steps"] * one[by] == 128 == openrlhf["train.batch_size"]
    assert [axolotl["lr_scheduler"], llama["lr_scheduler_type"], openrlhf["lr_scheduler"]] == ["cosine"] * 3
    if kind == "dpo":
        assert [axolotl["rl_beta"], llama["pref_beta"], openrlhf["model.beta"]] == [0.1] * 3


def test_other_settings_come_through():
    changed = {"schedule": {"epochs": 2, "learning_rate": 1e-5}, "batch": {"sequence": 512, "packing": False}}
    assert config("axolotl", "sft", **changed)["sample_packing"] is False
    assert config("llama-factory", "sft", **changed)["packing"] is False
    openrlhf = config("openrlhf", "sft", **changed)
    assert (openrlhf["adam.lr"], openrlhf["data.max_len"], openrlhf["ds.packing_samples"]) == (1e-5, 512, False)


@pytest.mark.parametrize(("rows", "ratio"), [(128_000, 0.025), (100, 1.0), (0, 1.0)])
def test_openrlhf_s_warm_up_is_a_share_of_its_steps(rows, ratio):
    assert words(configs("openrlhf", [part("sft", rows)])["sft.sh"])["lr_warmup_ratio"] == ratio


def test_llama_factory_finds_both_files_by_one_index():
    files = configs("llama-factory", [part("sft"), part("dpo")])
    index = json.loads(files["dataset_info.json"])
    for kind in ("sft", "dpo"):
        entry = index[yaml.safe_load(files[f"{kind}.yaml"])["dataset"]]
        assert entry["file_name"] == f"{kind}.jsonl" and entry.get("ranking", False) == (kind == "dpo")


@pytest.mark.parametrize("tool", TOOLS)
def test_each_config_begins_with_the_command_that_uses_it(tool):
    for name, text in configs(tool, [part("sft"), part("dpo")]).items():
        if name != "dataset_info.json":
            command = next(line for line in text.splitlines() if line.startswith("# "))
            assert command.endswith(name)


def test_a_model_s_name_cannot_break_out_of_the_script():
    odd = Handoff(dataset="d", file="sft.jsonl", rows=1, model="a; rm -rf b", settings=Sft())
    assert words(configs("openrlhf", [odd])["sft.sh"])["model.model_name_or_path"] == "a; rm -rf b"


# --- the tools themselves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sft", "dpo"])
@pytest.mark.parametrize("tool", TOOLS)
def test_the_tool_itself_takes_config_and_rows(tool, kind, demo_store, tmp_path):
    python = os.environ.get(TOOLS[tool])
    if not python:
        pytest.skip(f"not asked for: set {TOOLS[tool]} to a Python that has {tool}")
    release = demo_store / "releases" / ("demo" if kind == "sft" else "demo_dpo") / "1"
    account = export(release, tmp_path / "out", to=tool, kind=kind, model="org/model")
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    call = [python, str(CHECKS), tool, str(tmp_path / "out"), kind]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] == account["rows"][kind]
    rate, epochs, sequence = (2e-5, 4, 16_384) if kind == "sft" else (2e-7, 1, 4_096)
    assert [told["settings"][name] for name in ("learning_rate", "epochs", "sequence")] == [rate, epochs, sequence]
    first = json.loads((tmp_path / "out" / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()[0])
    for reply in replies(first):
        assert any(said.startswith(reply.strip()) for said in told["first"]), told["first"]


def replies(row):
    """Return what the assistant says in an exported row of any shape, last of all."""
    if "chosen" in row:
        sides = (row[side][0] if isinstance(row[side], list) else row[side] for side in ("chosen", "rejected"))
        return [side.get("content") or side["value"] for side in sides]
    last = row["messages"][-1] if "messages" in row else row["conversations"][-1]
    return [last.get("content") or last["value"]]
