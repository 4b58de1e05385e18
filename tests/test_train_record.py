"""The folder, log, cost and card of a run, from figures given by hand: no model is trained here."""

import json

import numpy as np
import pytest
from training_place import pair, write_release

from training.data.token_rows import TokenRows
from training.lineage import trace_model
from training.model_card import model_card
from training.run.cost_forecast import memory_bytes, model_flops
from training.run.hardware import meter
from training.run.loss_plot import save_plots
from training.run.output_folder import RunFolder, last_checkpoint, mark_complete, report_full_disk
from training.run.start_model import ModelFacts
from training.run.training_record import energy, run_record, tokens_seen
from training.settings import Power
from training.settings_file import read_settings
from training.training_errors import TrainingError

LLAMA = ModelFacts(
    name="meta-llama/Llama-3.1-8B",
    revision="abc",
    hash=None,
    license="LicenseRef-llama-3.1-community",
    architecture="LlamaForCausalLM",
    dtype="bfloat16",
    parameters=8_030_261_248,
    matrices=7_504_924_672,
    layers=32,
    hidden=4_096,
    vocabulary=128_256,
)


# --- the folder ----------------------------------------------------------------------------------------------------


def test_a_checkpoint_that_was_cut_off_is_removed_and_the_whole_one_before_it_is_taken(tmp_path):
    for step in (4, 8, 12):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "weights").write_text("")
    mark_complete(tmp_path / "checkpoint-4")
    mark_complete(tmp_path / "checkpoint-8")
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-8"
    assert not (tmp_path / "checkpoint-12").exists()
    assert last_checkpoint(tmp_path / "nothing") is None


def test_steps_of_checkpoints_are_compared_as_numbers(tmp_path):
    for step in (100, 20):
        (tmp_path / f"checkpoint-{step}").mkdir()
        mark_complete(tmp_path / f"checkpoint-{step}")
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-100"


def test_a_partial_run_without_a_whole_checkpoint_gives_way_to_other_settings(tmp_path):
    place = RunFolder(out=tmp_path / "model")
    place.begin("one")
    cut_off = place.partial / "part-1" / "checkpoints" / "checkpoint-4"
    cut_off.mkdir(parents=True)
    (cut_off / "model.safetensors").write_bytes(b"half")
    place.begin("other")
    assert not cut_off.exists()
    (place.partial / "identity").unlink()
    (place.partial / "rows.json").write_text("{")
    place.begin("other")
    assert [path.name for path in place.partial.iterdir()] == ["identity"]


def test_a_partial_run_is_gone_on_with_by_the_same_run_alone(tmp_path):
    place = RunFolder(out=tmp_path / "model")
    place.begin("one")
    checkpoint = place.partial / "part-1" / "checkpoints" / "checkpoint-4"
    checkpoint.mkdir(parents=True)
    mark_complete(checkpoint)
    place.begin("one")
    with pytest.raises(TrainingError, match=r"model\.partial was started with other rows, model or settings"):
        place.begin("two")


def test_two_runs_into_one_place_are_refused(tmp_path):
    place = RunFolder(out=tmp_path / "model")
    with place.lock(), pytest.raises(TrainingError, match=r"another run is writing .*model: wait for it"), place.lock():
        raise AssertionError("the second run began")
    with place.lock():
        pass


def test_a_folder_that_is_no_run_is_not_overwritten(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(TrainingError, match="model holds no run: remove it or give another --out"):
        RunFolder(out=tmp_path / "model").finished_record("one")
    assert RunFolder(out=tmp_path / "other").finished_record("one") is None


@pytest.mark.parametrize(
    "failure",
    [
        OSError(28, "No space left on device"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 1984 vs 1878"),
    ],
    ids=["system", "safetensors", "torch"],
)
def test_a_full_disk_is_told_whichever_library_met_it(failure, tmp_path):
    told = r"no room to write in .* bytes free\): make room and run again"
    with pytest.raises(TrainingError, match=told), report_full_disk(tmp_path):
        raise failure


def test_another_failure_is_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(RuntimeError, match="shapes"), report_full_disk(tmp_path):
        raise RuntimeError("shapes do not match")


# --- what it cost --------------------------------------------------------------------------------------------------


def test_energy_is_summed_over_starts_and_turned_into_co2_by_the_factor():
    starts = [{"joules": 1.8e6, "how": "NVML"}, {"joules": 1.8e6, "how": "NVML"}]
    assert energy(starts, Power(co2_grams_per_kwh=300)) == {
        "kwh": 1.0,
        "how": ["NVML"],
        "co2_kg": 0.3,
        "co2_grams_per_kwh": 300,
    }


def test_energy_is_not_known_where_one_start_was_not_measured():
    told = energy([{"joules": 3.6e6, "how": "NVML"}, {"joules": None, "how": "not measured"}], Power())
    assert (told["kwh"], told["co2_kg"], told["how"]) == (None, None, ["NVML", "not measured"])


def test_the_meters_of_all_devices_are_read_from_the_start_of_a_run(monkeypatch):
    counts = iter([1_000, 5_000, 3_000, 9_000])  # millijoules of two devices, at the start and later
    monkeypatch.setattr("training.run.hardware._nvml_counters", lambda gpus: [lambda: next(counts)] * gpus)
    made = meter(watts=300, processes=4, machines=2)
    assert made.how == "NVML, 2 GPUs of each machine"
    assert made.joules() == 2 * (2_000 + 4_000) / 1_000, "each machine of two as this one"


def test_declared_power_counts_where_no_meter_is_and_nothing_where_none_is_declared(monkeypatch):
    monkeypatch.setattr("training.run.hardware._nvml_counters", lambda gpus: [])
    assert meter(watts=300, processes=4, machines=1).how == "declared: 300 W for each of 4 processes"
    assert meter(watts=300, processes=4, machines=1).joules() >= 0
    assert meter(watts=None, processes=1, machines=1).joules() is None


def test_tokens_are_counted_across_a_trainer_that_begins_anew():
    assert tokens_seen([{"num_tokens": count} for count in (100, 200, 350, 90, 180)]) == 530
    assert tokens_seen([]) == 0


def test_the_operations_of_llama_are_those_of_its_matrices_and_its_attention():
    tokens, rows = 8_192, 1
    flops = model_flops(tokens, rows * tokens * tokens, LLAMA)
    assert flops == 6 * 7_504_924_672 * 8_192 + 6 * 32 * 4_096 * 8_192**2
    assert flops / tokens == pytest.approx(5.15e10, rel=0.01)


def token_rows(length):
    return TokenRows(
        dataset=[0],
        read=1,
        kept=1,
        tokens=length,
        label_tokens=1,
        longest=length,
        sum_squared_lengths=length**2,
        too_long=[],
        licenses={},
    )


def test_memory_is_cut_over_devices_by_what_cuts_it():
    def needed(**given):
        return memory_bytes(token_rows(8_192), LLAMA, read_settings("sft", None, None, {"sequence": "8192", **given}))

    alone = needed()
    assert alone > 16 * LLAMA.parameters, "fp32 weights, gradients and two moments"
    assert alone < 16 * LLAMA.parameters + 20e9
    eight = {"processes": "8"}
    assert (
        needed(parallel="fsdp", **eight) < needed(parallel="deepspeed_zero2", **eight) < needed(parallel="ddp", **eight)
    )
    assert needed(parallel="ddp", **eight) == alone
    assert needed(kind="qlora") < needed(kind="lora") < alone
    assert needed(gradient_checkpointing="false") > alone


# --- the type that a model is saved in ------------------------------------------------------------------------------


def saved(folder, weights):
    from safetensors.torch import save_file

    folder.mkdir()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text('{"dtype": "float32"}')
    return folder


def test_it_is_counted_how_many_changed_weights_rounding_leaves_changed(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is in the extra 'train', which is not installed")
    from training.run.saved_model import recast, rounding_line

    before = {"a": torch.tensor([1.0, 1.0, 1.0, 1.0])}
    start = saved(tmp_path / "start", before)
    # One weight as it was, two moved by less than half a step of bfloat16 at 1, one by more.
    trained = saved(tmp_path / "trained", {"a": before["a"] + torch.tensor([0.0, 1e-5, 1e-4, 0.1])})
    left = recast(trained, "bfloat16", {"a": start / "model.safetensors"})
    assert left == {"dtype": "bfloat16", "changed": 3, "survived": 1, "share": 1 / 3}
    assert rounding_line(left).startswith("1 of 3 weights that training changed (33.3%) still differ from the start")
    assert json.loads((trained / "config.json").read_text())["dtype"] == "bfloat16"


def test_a_model_that_is_saved_as_it_was_trained_loses_nothing(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is in the extra 'train', which is not installed")
    from training.run.saved_model import recast

    start = saved(tmp_path / "start", {"a": torch.ones(2)})
    trained = saved(tmp_path / "trained", {"a": torch.ones(2) + 1e-6})
    content = (trained / "model.safetensors").read_bytes()
    assert recast(trained, "float32", {"a": start / "model.safetensors"}) is None
    assert (trained / "model.safetensors").read_bytes() == content


# --- a draw of rows ------------------------------------------------------------------------------------------------


def test_a_limit_draws_from_all_sources_by_seed(tmp_path):
    pytest.importorskip("datasets", reason="datasets is in the extra 'train', which is not installed")
    from training.data.release_rows import load_rows, read_release
    from training.settings import Data

    rows = [
        {**pair(n, "Is it safe?", "No.", "Yes.", source=source)} for source in ("clinic", "ward") for n in range(50)
    ]
    folder = write_release(tmp_path / "release", "dpo", rows)
    data = Data(limit=20)
    _, files = read_release(folder, "dpo", data)

    def ids(seed):
        return load_rows(files, "dpo", data, seed, tmp_path / "cache")["id"][:]

    assert len(ids(0)) == 20
    assert {row.split(":")[0] for row in ids(0)} == {"clinic", "ward"}
    assert ids(0) == ids(0) != ids(1)


# --- picture and card ----------------------------------------------------------------------------------------------


def curve(path):
    """Return where a saved plot of one curve has its colour: the rows and columns of those pixels, and the shape."""
    from matplotlib.image import imread

    drawn = imread(path)
    blue = np.abs(drawn[:, :, :3] - np.array([0x1F, 0x77, 0xB4]) / 255).max(axis=2) < 0.02
    return *np.nonzero(blue), drawn.shape[:2]


def test_a_falling_loss_is_drawn_from_the_upper_left_to_the_lower_right(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra 'train', which is not installed")
    assert save_plots([{"loss": 50.0 - step} for step in range(50)], tmp_path) == ["loss.png"]
    rows, columns, shape = curve(tmp_path / "loss.png")
    assert shape == (480, 960)
    left, right = rows[columns == columns.min()].mean(), rows[columns == columns.max()].mean()
    assert left < 60
    assert right > 350


@pytest.mark.parametrize("values", [[2.0], [3.0, 3.0]])
def test_a_curve_of_one_point_or_one_height_is_drawn(values, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra 'train', which is not installed")
    log = [{"loss": value, "rewards/accuracies": value} for value in values]
    assert save_plots(log, tmp_path) == ["loss.png", "accuracy.png"]
    assert all(curve(tmp_path / name)[0].size for name in ("loss.png", "accuracy.png"))


def test_without_matplotlib_there_is_no_plot_and_the_card_shows_none(tmp_path, monkeypatch):
    monkeypatch.setattr("training.run.loss_plot.find_spec", lambda name: None)
    assert save_plots([{"loss": 1.0}], tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    record = record_of()
    assert ".png" not in model_card(record, "x")
    assert "![Loss by step](loss.png)" in model_card(record, "x", ["loss.png"])


def record_of(**rows):
    pytest.importorskip("torch", reason="torch is in the extra 'train', which is not installed")
    counts = {"read": 3, "kept": 2, "too_long": 1, "licenses": {"CC-BY-4.0": 2}, **rows}
    return run_record(
        stage="sft",
        identity="i",
        release={"name": "demo", "version": "1", "hash": "h", "license": "CC-BY-4.0", "sources": ["ward"]},
        model=LLAMA,
        rows=counts,
        settings=read_settings("sft", None, None, {}),
        log=[{"loss": 2.0, "num_tokens": 10}, {"loss": 1.0, "num_tokens": 20}],
        starts=[{"seconds": 10.0, "joules": None, "how": "not measured"}],
        flops=2e13,
        passes=1.0,
        origin=trace_model(lambda file: None, LLAMA.name, hub=True, revision=LLAMA.revision, license=LLAMA.license),
    )


def test_a_record_is_json_and_its_card_names_the_start_model_of_the_hub():
    record = record_of()
    assert json.loads(json.dumps(record)) == json.loads(json.dumps(record, sort_keys=True))
    assert record["model_tflops_per_device"] == 2.0
    assert record["license"] == "CC-BY-4.0 AND LicenseRef-llama-3.1-community"
    card = model_card(record, "ward-8b")
    assert "base_model:\n- meta-llama/Llama-3.1-8B\n" in card
    assert "license: other\nlicense_name: cc-by-4.0-and-licenseref-llama-3.1-community\n" in card
    assert "| Rows | 2 of 3; 1 were too long, see `too_long.jsonl` |" in card
    assert "| Energy | not known kWh (not measured) |" in card


def test_licences_that_contradict_each_other_are_told_on_the_card():
    record = record_of(licenses={"CC-BY-NC-SA-4.0": 1, "CC-BY-SA-4.0": 1})
    assert record["license_conflict"]
    assert f"**These licences contradict each other**: {record['license_conflict']}." in model_card(record, "x")
