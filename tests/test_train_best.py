"""The loss on held-out rows ends training and picks the checkpoint; the way to a model is told from run to run."""

import json

import pytest
import yaml
from training_place import conversation, make_model, pair, sabila, write_release

for library in ("torch", "trl", "peft", "accelerate"):
    pytest.importorskip(library, reason=f"{library} is in the extra 'train', which is not installed")

SETTINGS = {
    "data": {"eval_share": 0.25},
    "precision": {"compute": "fp32", "gradient_checkpointing": False},
    "power": {"watts": 40, "tflops": 0.1},
    "saving": {"every_steps": 2, "best": True},
    "schedule": {"epochs": 40, "learning_rate": 2e-2, "warmup_steps": 0, "early_stopping": 2},
    "batch": {"sequence": 128, "global_batch": 4, "device_batch": 4, "packing": False},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Fine-tuning that learns its few rows by heart, and preferences on what it gave."""
    folder = tmp_path_factory.mktemp("best")
    make_model(folder / "start")
    rows = [conversation(n, f"What is {n}?", f"A number, {n * n}.") for n in range(16)]
    write_release(folder / "rows", "sft", rows)
    pairs = [pair(n, f"Is {n} safe?", "No.", "Yes.") for n in range(8)]
    write_release(folder / "pairs", "dpo", pairs, name="pairs")
    (folder / "sft.yaml").write_text(yaml.safe_dump(SETTINGS))
    schedule = {"epochs": 1, "learning_rate": 1e-4, "early_stopping": None}
    (folder / "dpo.yaml").write_text(yaml.safe_dump({**SETTINGS, "schedule": schedule, "preference": {"chunks": 2}}))
    for stage, release, model in (("sft", "rows", "start"), ("dpo", "pairs", "sft")):
        words = ("train", stage, release, "--model", model, "--out", stage, "--config", f"{stage}.yaml")
        done = sabila(*words, folder=folder)
        assert done.returncode == 0, done.stderr
    return folder


def record(folder, stage):
    return json.loads((folder / stage / "run.json").read_text())


def test_training_ends_where_the_loss_on_held_out_rows_falls_no_more_and_keeps_the_best(runs):
    told = record(runs, "sft")
    (kept,) = told["kept"]
    losses = {line["step"]: line["eval_loss"] for line in told["evaluations"]}
    assert losses[kept["step"]] == min(losses.values()) == kept["eval_loss"]
    assert told["steps"] == kept["last_step"] == kept["step"] + 4, "two more evaluations, two steps apart"
    assert kept["last_step"] < kept["planned_steps"] == 120
    assert told["passes"] == pytest.approx(40 * told["steps"] / 120)
    assert f"Loss on them at step {kept['step']} of part 1, which was kept" in (runs / "sft" / "README.md").read_text()


def test_the_weights_are_those_of_the_checkpoint_that_was_kept(runs):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from training.data.token_rows import sft_rows
    from training.settings_file import read_settings

    model, tokenizer = (kind.from_pretrained(runs / "sft") for kind in (AutoModelForCausalLM, AutoTokenizer))
    settings = read_settings("sft", None, runs / "sft.yaml", {})
    from datasets import Dataset

    rows = Dataset.from_parquet(str(next((runs / "rows").rglob("*.parquet"))))
    held_out = sft_rows(rows, tokenizer, 10_000, settings).held_out
    with torch.no_grad():
        losses = [
            (float(model(torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]])).loss), learned)
            for row in held_out
            if (learned := sum(label >= 0 for label in row["labels"]))
        ]
    mean = sum(loss * count for loss, count in losses) / sum(count for _, count in losses)
    assert mean == pytest.approx(record(runs, "sft")["kept"][0]["eval_loss"], rel=0.02)


def test_every_chunk_of_preferences_keeps_its_best(runs):
    assert [line["part"] for line in record(runs, "dpo")["kept"]] == [1, 2]


def test_a_run_on_a_run_names_both_releases_and_all_licences(runs):
    lineage = record(runs, "dpo")["lineage"]
    (sft,) = lineage["from"]
    (start,) = sft["from"]
    assert (lineage["made_by"], sft["made_by"], start["made_by"]) == ("dpo", "sft", None)
    assert (lineage["release"]["name"], sft["release"]["name"]) == ("pairs", "ward")
    assert (start["model"], start["license"]) == ("start", "Apache-2.0")
    assert sft["license"] == "Apache-2.0 AND CC-BY-4.0"
    card = (runs / "dpo" / "README.md").read_text()
    assert "| start |  | others |  |  | Apache-2.0 |" in card
    assert "| sft |  | sft | ward@1 |" in card
    assert "| this model | | dpo | pairs@1 |" in card


def test_the_loss_is_measured_on_the_validation_split_and_test_rows_are_not_read(tmp_path):
    """A release with splits: the model sees its training rows alone, and the loss is that of the validation rows."""
    make_model(tmp_path / "start")
    train, validation, test = (
        [conversation(n, f"What is {n}?", f"A number, {n * n}.") for n in range(start, start + count)]
        for start, count in ((0, 8), (100, 3), (200, 5))
    )
    write_release(tmp_path / "rows", "sft", train, validation=validation, test=test)
    schedule = {"epochs": 1, "learning_rate": 1e-4, "warmup_steps": 0}
    settings = {**SETTINGS, "data": {}, "saving": {"every_steps": 2}, "schedule": schedule}
    (tmp_path / "sft.yaml").write_text(yaml.safe_dump(settings))
    done = sabila(*"train sft rows --model start --out sft --config sft.yaml".split(), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    told = record(tmp_path, "sft")
    assert (told["rows"]["read"], told["rows"]["held_out"]) == (8, 3)
    assert [line["step"] for line in told["evaluations"]] == [2]
    assert "the loss is measured on the 3 rows of the release's validation split" in done.stderr
