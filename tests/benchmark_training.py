"""How fast a model trains here and with TRL as it comes: tokens a second, utilisation, memory; kept in MEASURED.md.

    python tests/benchmark_training.py --folder SCRATCH           # one H200: the shape of Llama 3.1 8B, bf16
    python tests/benchmark_training.py --folder SCRATCH --tiny    # any CPU: a million weights, a few minutes

Four runs, each a process of its own, on the same random weights and the same invented rows: SFT packed at 8,192 tokens
and DPO at 4,096, by this project's settings and by TRL's defaults. TRL's defaults are for another batch and length than
anyone would train 8B with, so they are given what cannot be left out: the length, bf16 weights, one row at a time, and
the same number of rows a step. Steps after the first three are timed. Tokens are those of rows, padding is not counted.
Utilisation is the model's operations (``cost_forecast.model_flops``; for DPO with those of the reference) over what
a GPU can do in bf16 without sparsity. On a CPU seconds are those of its cores at work, as others may be at work there
too, and there is no utilisation. SCRATCH takes 20 GB.
Not collected by pytest.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from training_place import conversation, pair, write_release

ROOT = Path(__file__).parent.parent
MEASURED = ROOT / "training" / "MEASURED.md"
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12}
"""Operations a second in bf16, dense, by the vendor's data sheets."""

SHAPES = {
    "8b": {
        "hidden_size": 4_096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128_256,
        "max_position_embeddings": 131_072,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
    },
    "tiny": {
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 4_100,
        "max_position_embeddings": 8_192,
    },
}
SCALE = {
    "8b": {"sft": 8_192, "dpo": 4_096, "batch": 8, "steps": 9},
    "tiny": {"sft": 512, "dpo": 256, "batch": 4, "steps": 6},
}
WARM_STEPS = 3
RUNS = ("sft-ours", "sft-trl", "dpo-ours", "dpo-trl")
NAMES = {
    "sft-ours": "SFT, packed, this project",
    "sft-trl": "SFT, TRL's defaults",
    "dpo-ours": "DPO, this project",
    "dpo-trl": "DPO, TRL's defaults",
}


# --- model and rows ------------------------------------------------------------------------------------------------


def make_model(folder, shape):
    """Write a Llama of random weights, and a tokenizer with a chat template; the same ones every time."""
    import tiny_model
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tiny_model.make(folder)
    on_gpu = torch.cuda.is_available()
    torch.manual_seed(0)
    with torch.device("cuda" if on_gpu else "cpu"):
        config = LlamaConfig(**SHAPES[shape], eos_token_id=0, pad_token_id=0, dtype="bfloat16" if on_gpu else "float32")
        model = LlamaForCausalLM._from_config(config, dtype=torch.bfloat16 if on_gpu else torch.float32)
    model.save_pretrained(folder)


WORDS = (
    "the fever cough patient dose blood pressure rest fluid doctor visit after before with without daily weekly".split()
)


def invented(pick, words):
    return " ".join(pick.choice(WORDS) for _ in range(words)) + "."


def make_rows(folder, shape):
    """Write a release for each stage; lengths spread as those of instructions do, to the longest that fits."""
    scale, pick = SCALE[shape], random.Random(0)
    enough = scale["batch"] * (scale["steps"] + WARM_STEPS) * 12

    def words(longest):
        return min(int(pick.lognormvariate(5.2, 0.9)) + 20, longest // 3)

    talks = [
        conversation(n, invented(pick, words(scale["sft"]) // 2), invented(pick, words(scale["sft"])))
        for n in range(enough)
    ]
    pairs = [
        pair(n, invented(pick, 60), *(invented(pick, words(scale["dpo"])) for _ in range(2))) for n in range(enough)
    ]
    write_release(folder / "sft", "sft", talks)
    write_release(folder / "dpo", "dpo", pairs)


# --- one run -------------------------------------------------------------------------------------------------------


def settings_of(kind, shape):
    from training.settings_file import read_settings

    scale = SCALE[shape]
    given = {"sequence": scale[kind], "global_batch": scale["batch"], "max_steps": scale["steps"] + WARM_STEPS}
    given |= {"warmup_steps": 0, "learning_rate": 1e-5, "device_batch": 2 if kind == "dpo" else 1}
    if shape == "tiny":
        given |= {"compute": "fp32"}
    else:
        given |= {"weights": "bf16", "optimizer": "adamw_torch_fused"}
    given |= {"chunks": 1} if kind == "dpo" else {}
    return read_settings(kind, None, None, given)


def trainer_of(run, folder, shape, callback):
    """Return the trainer of a run, the facts of its model and the mean square of a row's length over its length."""
    from training.data.release_rows import load_rows, read_release
    from training.data.token_rows import pair_rows, sft_rows
    from training.run.start_model import open_model
    from training.run.trainers import Part, trainer_for
    from training.settings import Data

    kind, whose = run.split("-")
    settings = settings_of(kind, shape)
    start = open_model(str(folder / "model"), settings)
    _, files = read_release(folder / kind, kind, settings.data)
    rows = load_rows(files, kind, Data(), 0, folder / "cache")
    coded = (sft_rows if kind == "sft" else pair_rows)(rows, start.tokenizer, start.facts.vocabulary, settings)
    square = (2 if kind == "dpo" else 1) * coded.sum_squared_lengths / coded.tokens
    if whose == "ours":
        part = Part(
            number=1, folder=folder / run, dataset=coded.dataset, model=start.path, revision=None, reference=start.path
        )
        return trainer_for(part, start.tokenizer, settings, callback), start.facts, square
    return plain_trainer(kind, rows, folder, settings, callback), start.facts, square


def plain_trainer(kind, rows, folder, settings, callback):
    """Return TRL's trainer with its defaults, but for what an 8B model does not train without."""
    import torch
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    on_gpu = torch.cuda.is_available()
    arguments = {
        "output_dir": str(folder / f"{kind}-trl"),
        "max_length": settings.batch.sequence,
        "max_steps": settings.schedule.max_steps,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": settings.batch.global_batch,
        "model_init_kwargs": {"dtype": "bfloat16" if on_gpu else "float32"},
        "bf16": on_gpu,
        "use_cpu": not on_gpu,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
    }
    config, trainer = (SFTConfig, SFTTrainer) if kind == "sft" else (DPOConfig, DPOTrainer)
    rows = rows.select_columns(["messages"] if kind == "sft" else ["prompt", "chosen", "rejected"])
    return trainer(str(folder / "model"), args=config(**arguments), train_dataset=rows, callbacks=[callback])


def measured(run, folder, shape):
    """Return tokens a second, utilisation, and peak bytes of one run."""
    import torch
    from transformers import TrainerCallback

    from training.run.cost_forecast import model_flops
    from training.run.hardware import matmul_rate

    clock = time.perf_counter if torch.cuda.is_available() else time.process_time

    class Watch(TrainerCallback):
        ends: list = []  # noqa: RUF012 (one object, one run)

        def on_log(self, args, state, control, logs=None, **more):
            if "loss" in logs:
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                self.ends.append((clock(), logs["num_tokens"]))

    trainer, model, square = trainer_of(run, folder, shape, Watch())
    trainer.args.save_strategy = "no"
    trainer.train()
    (began, before), (ended, after) = Watch.ends[WARM_STEPS - 1], Watch.ends[-1]
    tokens, seconds = after - before, ended - began
    passes = 4 / 3 if run.startswith("dpo") else 1
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    peak = next((rate for name, rate in PEAKS.items() if name in gpu), None) or (matmul_rate("bf16") if gpu else None)
    flops = passes * model_flops(tokens, tokens * square, model)
    return {
        "run": run,
        "tokens_per_second": tokens / seconds,
        "utilisation": flops / seconds / peak if peak else None,
        "peak_bytes": peak_bytes(),
        "steps": len(Watch.ends) - WARM_STEPS,
        "device": gpu or "CPU",
    }


def peak_bytes():
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# --- all of them ---------------------------------------------------------------------------------------------------


def in_process(words):
    """Run this file for one part and return what it says, or why it did not end well."""
    code = [sys.executable, "-W", "ignore", __file__, *map(str, words)]
    done = subprocess.run(code, capture_output=True, text=True)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no word"])[-1]
        print(done.stderr[-4_000:], file=sys.stderr)
        return {"failed": "out of memory" if "out of memory" in done.stderr.lower() else why[:120]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def row_of(run, found):
    if "failed" in found:
        return f"| {NAMES[run]} | {found['failed']} | | | |"
    utilisation = "" if found["utilisation"] is None else f"{found['utilisation']:.1%}"
    return (
        f"| {NAMES[run]} | {found['tokens_per_second']:,.0f} | {utilisation} "
        f"| {found['peak_bytes'] / 1e9:.1f} GB | {found['steps']} |"
    )


def section(shape, results):
    """Return the part of MEASURED.md that these results are."""
    from importlib.metadata import version

    device = next((found["device"] for found in results.values() if "device" in found), "no run ended")
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl"))
    scale = SCALE[shape]
    load = f"{os.cpu_count()} cores at a load of {os.getloadavg()[1]:.0f}"
    lines = [
        f"{HEADINGS[shape]}",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {device}, {load}, {libraries}. `{COMMANDS[shape]}`: "
        f"SFT at {scale['sft']:,} tokens, DPO at {scale['dpo']:,}, {scale['batch']} packs or pairs a step.",
        "",
        "| Run | Tokens a second | Utilisation | Peak memory | Steps timed |",
        "|---|---:|---:|---:|---:|",
        *(row_of(run, found) for run, found in results.items()),
        "",
    ]
    return "\n".join(lines)


HEADINGS = {"8b": "## One GPU, the shape of Llama 3.1 8B", "tiny": "## A CPU, a million weights"}
COMMANDS = {
    "8b": "python tests/benchmark_training.py --folder SCRATCH",
    "tiny": "python tests/benchmark_training.py --folder SCRATCH --tiny",
}


def keep(shape, text):
    """Put a section in the place of the one before it in MEASURED.md."""
    whole = MEASURED.read_text(encoding="utf-8")
    begin = whole.index(HEADINGS[shape])
    following = whole.find("\n## ", begin)
    rest = whole[following + 1 :] if following >= 0 else ""
    MEASURED.write_text(whole[:begin] + text + ("\n" + rest if rest else ""), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="scratch folder for the model and rows")
    parser.add_argument("--tiny", action="store_true", help="a million weights, for a CPU")
    parser.add_argument("--one", choices=["make", *RUNS], help="only this part, in this process")
    asked = parser.parse_args()
    shape = "tiny" if asked.tiny else "8b"
    if asked.one == "make":
        make_model(asked.folder / "model", shape)
        make_rows(asked.folder, shape)
        print("{}")
        return
    if asked.one:
        print(json.dumps(measured(asked.one, asked.folder, shape)))
        return
    common = ["--folder", asked.folder, *(["--tiny"] if asked.tiny else [])]
    if "failed" in (made := in_process([*common, "--one", "make"])):
        sys.exit(made["failed"])
    results = {run: in_process([*common, "--one", run]) for run in RUNS}
    text = section(shape, results)
    keep(shape, text)
    print(text)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
