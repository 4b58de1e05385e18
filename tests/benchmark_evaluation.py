"""Measure agreement with lm-evaluation-harness on log-likelihoods, and the time of both.

    sabila evaluate MODEL --benchmark medqa --benchmark medmcqa --benchmark mmlu_medical --limit 200 --out ours
    python tests/benchmark_evaluation.py MODEL --mirror ../shared/data --limit 200 --ours ours --out /tmp/agreement

Results of --scoring texts are compared with lm-eval's acc_norm, on headqa_en with the prompt of its own task.
Needs lm-eval in the environment. Its tasks are written with the prompts of its own medqa_4options, medmcqa and mmlu
task files, over the same items; the tool reads no file of the Hub.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from pipelines.evaluate.result_folder import read_results
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


@click.command()
@click.argument("model")
@click.option("--mirror", type=click.Path(path_type=Path), required=True)
@click.option("--limit", type=int, default=200, show_default=True)
@click.option(
    "--ours", type=click.Path(path_type=Path), required=True, help="Results of sabila evaluate on the same items."
)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(model: str, mirror: Path, limit: int, ours: Path, out: Path) -> None:
    """Run lm-eval on the items of the results in --ours and compare the answers."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    out.mkdir(parents=True, exist_ok=True)
    results = read_results(ours)
    found = {(one.benchmark, one.item): one for one in results.items}
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
    since = time.monotonic()
    told = lm_eval.simple_evaluate(
        model="hf",
        device="cpu",
        model_args={"pretrained": model, "dtype": "float32"},  # as sabila computes on a CPU
        tasks=tasks,
        batch_size=16,
        task_manager=TaskManager(include_path=str(out), include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
    )
    seconds = time.monotonic() - since
    summary: dict[str, dict[str, float]] = {}
    for samples in told["samples"].values():
        for sample in samples:
            doc = sample["doc"]
            values = [float(value[0]) for value in sample["filtered_resps"]]
            ranked = (
                [value / len(text) for value, text in zip(values, doc["options"], strict=True)] if texts else values
            )
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
        n = sums["n"]
        click.echo(
            f"{name}: {n:.0f} items, same answer {sums['same'] / n:.2%}, accuracy {sums['theirs'] / n:.2%} by lm-eval, "
            f"{sums['ours'] / n:.2%} by sabila, largest difference of a log-likelihood {sums['largest_gap']:.5f}"
        )
    click.echo(f"lm-eval {seconds:.0f} s, sabila {results.record.wall_seconds:.0f} s")


if __name__ == "__main__":
    main()
