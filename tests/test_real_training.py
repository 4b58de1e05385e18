"""Training on real weights: SmolLM2-135M-Instruct, made a folder of transformers from its GGUF file, then tuned.

SFT, a merge and DPO by the command line, a few steps each; some minutes on two cores. ``make test-real`` runs it.
"""

import json
import urllib.request
from importlib.util import find_spec

import pytest
import yaml
from real_models import HAS_LLAMA, NO_LLAMA, smollm2
from training_place import conversation, pair, sabila, write_release
from unpack_smollm2 import greedy, unpack

from synth.teachers.llamacpp_model import server_settings
from synth.teachers.llamacpp_server import running_server, stop_servers
from synth.teachers.options import TeacherOptions

pytestmark = pytest.mark.skipif(not HAS_LLAMA, reason=NO_LLAMA)
for library in ("torch", "trl", "peft", "accelerate"):
    pytest.importorskip(library, reason=f"{library} is in the extra 'train', which is not installed")
if not find_spec("gguf"):
    pytest.skip("gguf is not installed", allow_module_level=True)

CPU = {"precision": {"compute": "fp32", "gradient_checkpointing": False}, "power": {"watts": 40, "tflops": 0.1}}
BATCH = {"sequence": 128, "global_batch": 2, "device_batch": 2, "packing": False}
SFT = {**CPU, "schedule": {"epochs": 3, "learning_rate": 3e-4, "warmup_steps": 1}, "batch": BATCH}
DPO = {
    **CPU,
    "schedule": {"epochs": 2, "learning_rate": 1e-4, "warmup_steps": 1},
    "batch": BATCH,
    "preference": {"chunks": 1},
}

WARDS = ("Iron", "Zinc", "Copper", "Iodine")
TEXTS = [
    "In 2024, 120 mg of 3.5% were given 10-15 times.",
    "HbA1c  10.25 and   7",
    "5mg/dl\n\n  12 weeks\t3",
    "naïve café — \u00b5g, 37.5 °C",
    "<|im_start|>user\nHow are you?<|im_end|>\n",
    "def f(x1):\n    return x1 * 1000000",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the real model, rows, pairs, and what SFT, the merge and DPO make of them."""
    folder = tmp_path_factory.mktemp("real")
    unpack(folder / "start")
    rows = [
        conversation(n, f"What does a lack of {ward.lower()} cause?", f"Ward rule {n}: ask the nurse about {ward}.")
        for n, ward in enumerate(WARDS)
    ]
    pairs = [
        pair(n, f"How much {ward.lower()} a day?", "Ask the nurse for the ward's table.", "As much as you like.")
        for n, ward in enumerate(WARDS)
    ]
    write_release(folder / "rows", "sft", rows)
    write_release(folder / "pairs", "dpo", pairs)
    merge = {
        "merge_method": "linear",
        "models": [{"model": name, "parameters": {"weight": 0.5}} for name in ("sft", "start")],
        "dtype": "bfloat16",
        "tokenizer_source": "start",
    }
    for name, settings in (("sft", SFT), ("dpo", DPO), ("merge", merge)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    for words in (
        ("train", "sft", "rows", "--model", "start", "--out", "sft", "--config", "sft.yaml"),
        ("merge", "merge.yaml", "--out", "merged"),
        ("train", "dpo", "pairs", "--model", "merged", "--out", "dpo", "--config", "dpo.yaml"),
    ):
        done = sabila(*words, folder=folder, timeout_s=1800)
        assert done.returncode == 0, done.stderr
    return folder


def log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_the_folders_tokens_are_those_of_llama_cpp(place):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(place / "start")
    server = running_server(server_settings(str(smollm2()), TeacherOptions(context=256, threads=1), slots=1))
    try:
        for text in TEXTS:
            asked = urllib.request.Request(
                server.url.replace("/v1", "/tokenize"),
                json.dumps({"content": text, "parse_special": True}).encode(),
                {"authorization": f"Bearer {server.key}", "content-type": "application/json"},
            )
            with urllib.request.urlopen(asked, timeout=30) as reply:
                assert tokenizer(text)["input_ids"] == json.load(reply)["tokens"], text
    finally:
        stop_servers()
    assert tokenizer.convert_ids_to_tokens(tokenizer("2024")["input_ids"]) == ["2", "0", "2", "4"]


def test_the_folder_has_the_template_and_the_end_of_turn(place):
    from transformers import AutoTokenizer, GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(place / "start")
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    text = tokenizer.apply_chat_template(talk, tokenize=False)
    assert text.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n")
    assert tokenizer.eos_token == "<|im_end|>"
    assert GenerationConfig.from_pretrained(place / "start").eos_token_id == tokenizer.eos_token_id


def test_fine_tuning_lowers_the_loss_and_the_model_still_ends_its_turns(place):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    losses = [line["loss"] for line in log(place / "sft")]
    assert len(losses) == 6 and losses[-1] < 0.8 * losses[0]
    tuned, tokenizer = AutoModelForCausalLM.from_pretrained(place / "sft"), AutoTokenizer.from_pretrained(place / "sft")
    answer = greedy(tuned, tokenizer, "What does a lack of iodine cause?")
    assert answer.endswith("<|im_end|>"), answer


def test_preferences_are_learned_on_the_merged_model(place):
    steps = log(place / "dpo")
    assert len(steps) == 4 and steps[-1]["loss"] < steps[0]["loss"]
    assert steps[-1]["rewards/margins"] > 0
