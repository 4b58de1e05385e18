"""From a release to a model: fine-tuning, a merge, preferences in two chunks, red-team pairs; killed and gone on with.

Every run that is to end well is the command line in a process of its own, on the CPU, offline.
"""

import contextlib
import hashlib
import json
import resource
import shutil
import warnings
from importlib.util import find_spec

import pytest
import yaml
from click.testing import CliRunner
from training_place import (
    conversation,
    in_processes,
    killed_at,
    make_model,
    pair,
    red_team_pairs,
    sabila,
    write_release,
)

from pipelines.cli.commands import main

for library in ("torch", "trl", "peft", "accelerate"):
    pytest.importorskip(library, reason=f"{library} is in the extra 'train', which is not installed")

TINY = {
    "precision": {"compute": "fp32", "gradient_checkpointing": False},
    "power": {"watts": 40, "tflops": 0.1},
    "saving": {"every_steps": 4},
}
SFT = {
    **TINY,
    "data": {"limit": 48},
    "schedule": {"epochs": 2, "learning_rate": 3e-3, "warmup_steps": 2},
    "batch": {"sequence": 512, "global_batch": 8, "device_batch": 4, "packing": False},
}
DPO = {
    **TINY,
    "schedule": {"epochs": 4, "learning_rate": 5e-4},
    "batch": {"sequence": 512, "global_batch": 8, "device_batch": 8},
    "preference": {"chunks": 2},
}
RED_TEAM = {**DPO, "schedule": {"epochs": 6, "learning_rate": 3e-4}, "preference": {"chunks": 1}}


class Place:
    """A folder with releases, a tiny model, settings, and what the stages make of them."""

    def __init__(self, folder, store):
        self.folder, self.store = folder, store
        make_model(folder / "start")
        write_release(folder / "redteam", "dpo", red_team_pairs(), name="redteam")
        for name, settings in (("sft", SFT), ("dpo", DPO), ("redteam", RED_TEAM)):
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))
        merge = {
            "merge_method": "linear",
            "models": [{"model": name, "parameters": {"weight": 0.5}} for name in ("sft", "start")],
            "dtype": "float32",
            "tokenizer_source": "start",
        }
        (folder / "merge.yaml").write_text(yaml.safe_dump(merge))

    def words(self, stage, out):
        """Return the words of a stage's call."""
        release, model = {"sft": ("demo@1", "start"), "dpo": ("demo_dpo@1", "merged"), "redteam": ("redteam", "dpo")}[
            stage
        ]
        verb = "sft" if stage == "sft" else "dpo"
        words = ["train", verb, release, "--model", model, "--out", out, "--config", f"{stage}.yaml"]
        return [*words, "--store", self.store]

    def record(self, out):
        return json.loads((self.folder / out / "run.json").read_text())

    def losses(self, out):
        return [line["loss"] for line in self.log(out)]

    def log(self, out):
        return [json.loads(line) for line in (self.folder / out / "log.jsonl").read_text().splitlines()]

    def weights(self, out):
        return hashlib.sha256((self.folder / out / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def place(tmp_path_factory, demo_store):
    """The whole way, undisturbed."""
    place = Place(tmp_path_factory.mktemp("training"), demo_store)
    for words in (
        place.words("sft", "sft"),
        ["merge", "merge.yaml", "--out", "merged"],
        place.words("dpo", "dpo"),
        place.words("redteam", "safe"),
    ):
        done = sabila(*words, folder=place.folder)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == f"{words[-1] if words[0] == 'merge' else words[words.index('--out') + 1]}\n"
    return place


# --- what comes out ------------------------------------------------------------------------------------------------


def test_the_loss_of_fine_tuning_falls(place):
    losses = place.losses("sft")
    assert len(losses) == 12
    assert losses[-1] < losses[0] - 1


@pytest.mark.parametrize("out", ["dpo", "safe"])
def test_the_model_comes_to_prefer_the_chosen_answers_of_its_own_pairs(place, out):
    log = place.log(out)
    assert len(log) == {"dpo": 2 * 4 * 3, "safe": 6}[out], "chunks of 20 pairs, four times each; 8 pairs six times"
    assert log[0]["rewards/accuracies"] == 0, "before it learns, it prefers what its reference does"
    last = [line for line in log if line["part"] == log[-1]["part"]][-2:]
    assert min(line["rewards/accuracies"] for line in last) > 0.9
    assert min(line["rewards/margins"] for line in last) > 0


def test_every_model_of_the_way_loads_and_generates(place):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    for out in ("sft", "merged", "dpo", "safe"):
        tokenizer = AutoTokenizer.from_pretrained(place.folder / out)
        model = AutoModelForCausalLM.from_pretrained(place.folder / out)
        question = [{"role": "user", "content": "What is iron for?"}]
        prompt = tokenizer.apply_chat_template(
            question, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        written = model.generate(**prompt, max_new_tokens=8, do_sample=False)
        assert written.shape[1] > prompt["input_ids"].shape[1]
        assert model.generation_config.eos_token_id in (tokenizer.convert_tokens_to_ids("<|end|>"), [0])


def test_a_complete_run_leaves_nothing_but_its_model(place):
    left = {path.name for path in place.folder.iterdir()}
    assert not any("partial" in name or name.endswith(".lock") for name in left)
    assert {path.name for path in (place.folder / "dpo").iterdir()} == {
        *(
            "README.md",
            "chat_template.jinja",
            "config.json",
            "generation_config.json",
            "log.jsonl",
        ),
        *(("accuracy.png", "loss.png") if find_spec("matplotlib") else ()),
        *("model.safetensors", "run.json", "tokenizer.json", "tokenizer_config.json"),
    }


# --- record and card -----------------------------------------------------------------------------------------------


def test_the_record_says_what_went_in_and_what_it_cost(place):
    record, manifest = place.record("sft"), json.loads((place.store / "releases/demo/1/manifest.json").read_text())
    release = record["release"]
    assert (release["name"], release["version"], release["hash"]) == ("demo", "1", manifest["hash"])
    assert record["rows"]["read"] == record["rows"]["kept"] == 48
    assert record["tokens_seen"] == 2 * record["rows"]["tokens"], "two epochs, no padding counted"
    assert record["steps"] == 12
    assert record["loss"]["last"] == place.losses("sft")[-1]
    assert record["start_model"]["parameters"] == 1_115_776
    assert record["settings"]["schedule"]["learning_rate"] == 3e-3
    assert record["energy"]["kwh"] == pytest.approx(40 * record["seconds"] / 3_600_000, rel=0.05)
    assert record["energy"]["co2_kg"] == pytest.approx(record["energy"]["kwh"] * 0.48)
    assert record["energy"]["how"] == ["declared: 40 W for each of 1 processes"]


def test_licences_of_the_rows_and_the_start_model_are_inherited(place):
    record = place.record("sft")
    assert record["start_model"]["license"] == "Apache-2.0", "as its card says"
    ids = set(record["license"].split(" AND "))
    assert ids == {"Apache-2.0"} | {id for row in record["rows"]["licenses"] for id in row.split(" AND ")}
    assert place.record("dpo")["start_model"]["license"] == record["license"], "as the record of the merge says"
    assert set(place.record("safe")["license"].split(" AND ")) >= set(place.record("dpo")["license"].split(" AND "))


def test_the_card_is_written_from_the_record(place):
    record, card = place.record("dpo"), (place.folder / "dpo" / "README.md").read_text()
    _, head, body = card.split("---\n", 2)
    head = yaml.safe_load(head)
    assert (head["license"], head["library_name"], head["pipeline_tag"]) == ("other", "transformers", "text-generation")
    assert f"`{record['release']['hash']}`" in body
    assert f"| Tokens seen | {record['tokens_seen']:,} |" in body
    assert f"| Steps | {record['steps']} |" in body
    assert '| preference.reference | "start" |' in body
    for license, rows in record["rows"]["licenses"].items():
        assert f"| {license} | {rows} |" in body
    assert ("](loss.png)" in body) == bool(find_spec("matplotlib"))
    if find_spec("matplotlib"):
        assert (place.folder / "dpo" / "loss.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


# --- kill -9 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "out", "part"), [("sft", "sft", 1), ("dpo", "dpo", 2), ("redteam", "safe", 1)])
def test_a_killed_stage_goes_on_to_the_same_losses_and_weights(stage, out, part, place):
    again = f"{out}-again"
    partial = place.folder / f"{again}.partial"
    marker = partial / f"part-{part}" / "checkpoints" / "checkpoint-4" / "complete"
    killed_at(marker.exists, *place.words(stage, again), folder=place.folder)
    assert not (place.folder / again).exists()
    done = sabila(*place.words(stage, again), folder=place.folder)
    assert done.returncode == 0, done.stderr
    assert f"of part {part}" in done.stderr, "it went on from a checkpoint"
    assert place.losses(again) == place.losses(out)
    assert place.weights(again) == place.weights(out)
    record = place.record(again)
    assert record["starts"] > place.record(out)["starts"]
    assert record["tokens_seen"] == place.record(out)["tokens_seen"]
    assert not partial.exists()


def test_a_complete_run_is_not_done_again_and_another_is_refused_in_its_place(place):
    before = place.weights("sft"), (place.folder / "sft" / "run.json").stat().st_mtime
    done = sabila(*place.words("sft", "sft"), folder=place.folder)
    assert (done.returncode, done.stdout) == (0, "sft\n")
    assert before == (place.weights("sft"), (place.folder / "sft" / "run.json").stat().st_mtime)
    other = sabila(*place.words("sft", "sft"), "--epochs", "3", folder=place.folder)
    assert other.returncode == 1
    assert other.stderr.splitlines()[-1] == "Error: sft holds another run: remove it or give another --out"


# --- bad input -----------------------------------------------------------------------------------------------------

ROWS = [conversation(n, f"What helps against {n}?", f"Rest, and tea number {n}.") for n in range(24)]


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """A folder with a tiny model, a small release for each stage, and settings."""
    folder = tmp_path_factory.mktemp("ward")
    make_model(folder / "start")
    write_release(folder / "rows", "sft", ROWS)
    write_release(folder / "pairs", "dpo", [pair(n, f"Is {n} safe?", "No.", "Yes.") for n in range(4)])
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**SFT, "data": {}}))
    return folder


def told(*words, folder):
    """Return the last line of a call that fails, and check that it leaves nothing that looks complete."""
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the libraries, which a run of the command line does not stop at
        done = CliRunner().invoke(main, [*map(str, words)])
    assert done.exit_code == 1, done.stderr
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.stdout == ""
    assert not (folder / "out").exists()
    shutil.rmtree(folder / "out.partial", ignore_errors=True)
    return done.stderr.splitlines()[-1]


BASIC = ("--model", "start", "--out", "out", "--config", "tiny.yaml")


def model_with(folder, **changes):
    """Return a copy of the tiny model with other files; None removes one."""
    shutil.rmtree(folder / "other", ignore_errors=True)
    shutil.copytree(folder / "start", folder / "other")
    for name, change in changes.items():
        path = folder / "other" / name.replace("__", ".")
        if change is None:
            path.unlink()
        else:
            path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    return ("--model", "other", *BASIC[2:])


def test_an_empty_release_is_told(ward):
    write_release(ward / "empty", "sft", [])
    assert told("train", "sft", "empty", *BASIC, folder=ward) == (
        "Error: empty has no row for sft, expected files in data/sft/: is it for `train dpo`?"
    )
    assert told("train", "dpo", "rows", "--model", "start", "--out", "out", folder=ward).startswith(
        "Error: rows has no row for dpo, expected files in data/dpo/"
    )


def test_a_damaged_release_is_told(ward):
    shutil.copytree(ward / "rows", ward / "damaged")
    (path,) = (ward / "damaged").rglob("*.parquet")
    path.write_bytes(path.read_bytes() + b"\0")
    line = told("train", "sft", "damaged", *BASIC, folder=ward)
    assert line.startswith(f"Error: {path.relative_to(ward)} has sha256 ")
    assert line.endswith("of the manifest: fetch it again")


def test_a_model_without_a_chat_template_is_told_and_takes_one_from_a_file(ward):
    words = model_with(ward, chat_template__jinja=None)
    assert told("train", "sft", "rows", *words, folder=ward) == (
        "Error: the model other has no chat template: name a file with one by chat_template"
    )
    done = sabila(
        *("train", "sft", "rows", *words, "--chat-template", "start/chat_template.jinja", "--dry-run"), folder=ward
    )
    assert done.returncode == 0, done.stderr


def test_a_tokenizer_that_does_not_fit_is_told(ward):
    words = model_with(ward, config__json={"vocab_size": 1_000})
    line = told("train", "sft", "rows", *words, folder=ward)
    assert line.startswith(
        "Error: the tokenizer of other gives token ids up to 4095, expected below 1000, the rows of "
    )


def test_a_licence_that_is_not_the_models_own_is_told(ward):
    assert told("train", "sft", "rows", *BASIC, "--base-license", "MIT", folder=ward) == (
        "Error: base_license is 'MIT', expected what the model start states, 'Apache-2.0', or nothing"
    )


def test_no_model_is_told(ward):
    assert told("train", "sft", "rows", "--model", "./nowhere", *BASIC[2:], folder=ward).startswith(
        "Error: cannot open the model ./nowhere: "
    )


def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(ward):
    from safetensors.torch import load_file, save_file

    words = model_with(ward)
    weights = load_file(ward / "other" / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, ward / "other" / "model.safetensors", metadata={"format": "pt"})
    line = told("train", "sft", "rows", *words, "--every-steps", "1", folder=ward)
    assert line == (
        "Error: loss is nan at step 1: lower learning_rate or raise warmup_steps, and look at the rows; "
        "checkpoints before this step are whole"
    )


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))


def test_a_full_disk_at_a_checkpoint_is_told_and_with_room_the_run_goes_on(ward):
    full = sabila("train", "sft", "rows", *BASIC[:2], "--out", "full", *BASIC[4:], folder=ward, before=small_files)
    assert full.returncode == 1
    assert "Traceback" not in full.stderr
    line = full.stderr.splitlines()[-1]
    assert line.startswith("Error: no room to write in full.partial (")
    assert line.endswith("make room and run again; the run resumes from its last complete checkpoint")
    assert not (ward / "full").exists()
    done = sabila("train", "sft", "rows", *BASIC[:2], "--out", "full", *BASIC[4:], folder=ward)
    assert done.returncode == 0, done.stderr
    assert (ward / "full" / "run.json").exists()


# --- before it starts ----------------------------------------------------------------------------------------------


def test_a_dry_run_tells_what_it_takes_and_the_command_and_writes_nothing(ward):
    words = ["train", "sft", "rows", *BASIC, "--parallel", "fsdp", "--processes", "2", "--dry-run"]
    before = sorted(ward.iterdir())
    done = sabila(*words, folder=ward)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "rows: 24 in 24 sequences, 0 were too long"
    assert lines[2] == "steps: 6"
    assert lines[-1].startswith("accelerate launch --config_file ")
    assert lines[-1].endswith(
        "--num_processes 2 --num_machines 1 --machine_rank 0 --main_process_port 29500 --no_python sabila train sft "
        "rows --model start --out out --store store --config tiny.yaml --parallel fsdp --processes 2"
    )
    assert sorted(ward.iterdir()) == before
    expected = json.loads(sabila(*words, "--json", folder=ward).stdout)
    assert expected["forecast"]["steps"] == 6
    assert expected["forecast"]["seconds"] > 0
    assert expected["forecast"]["memory_bytes"] > 4 * 4 * 1_115_776 / 2, "half the weights, gradients and moments"
    assert expected["command"][-1] == "2"


def test_several_processes_are_not_started_in_silence(ward):
    line = told("train", "sft", "rows", *BASIC, "--parallel", "ddp", "--processes", "2", folder=ward)
    assert line.startswith("Error: 1 process was started, expected processes 2: run accelerate launch --config_file ")


def test_two_processes_learn_what_one_does(ward):
    words = ("train", "sft", "rows", *BASIC[:2], *BASIC[4:], "--out")
    one = sabila(*words, "one", folder=ward)
    assert one.returncode == 0, one.stderr
    two = in_processes(2, *words, "two", "--parallel", "ddp", "--processes", "2", folder=ward)
    assert two.returncode == 0, two.stderr
    assert two.stdout == "two\n", "one of them speaks"
    logs = [
        [json.loads(line) for line in (ward / out / "log.jsonl").read_text().splitlines()] for out in ("one", "two")
    ]
    assert len(logs[0]) == len(logs[1]) == 6
    for alone, together in zip(*logs, strict=True):
        assert together["loss"] == pytest.approx(alone["loss"], rel=1e-4)
        assert together["num_tokens"] == alone["num_tokens"]


# --- adapters and references ---------------------------------------------------------------------------------------


def test_low_rank_adapters_are_merged_into_a_model_that_is_complete(ward):
    done = sabila("train", "sft", "rows", *BASIC[:2], "--out", "lora", *BASIC[4:], "--kind", "lora", folder=ward)
    assert done.returncode == 0, done.stderr
    assert (ward / "lora" / "adapter" / "adapter_config.json").exists()
    from transformers import AutoModelForCausalLM

    before, after = (AutoModelForCausalLM.from_pretrained(ward / name) for name in ("start", "lora"))
    assert type(after) is type(before)
    names = {name for name, weight in after.state_dict().items() if not weight.equal(before.state_dict()[name])}
    assert names
    assert all("proj" in name for name in names), "all linear layers, and nothing else"


@pytest.mark.parametrize(("reference", "kind"), [("start", "full"), ("previous", "full"), ("start", "lora")])
def test_the_reference_of_a_chunk_is_the_model_that_the_settings_name(reference, kind, ward):
    out = f"{reference}-{kind}"
    words = ("--chunks", "2", "--reference", reference, "--kind", kind, "--epochs", "2", "--learning-rate", "1e-2")
    (ward / "pairs.yaml").write_text(yaml.safe_dump({**DPO, "preference": {}, "schedule": {}}))
    batch = ("--global-batch", "2", "--device-batch", "2")
    done = sabila(
        *("train", "dpo", "pairs", "--model", "start", "--out", out, "--config", "pairs.yaml", *words, *batch),
        folder=ward,
    )
    assert done.returncode == 0, done.stderr
    log = [json.loads(line) for line in (ward / out / "log.jsonl").read_text().splitlines()]
    first = next(line for line in log if line["part"] == 2)
    # A model that is its own reference has no reward yet; one that has learned since does.
    zero = first["rewards/chosen"] == first["rewards/rejected"] == 0
    assert zero == (reference == "previous")
