"""Settings of training: presets, files and the command line; errors name the field, the value and what was expected."""

from typing import get_args, get_type_hints

import click
import pytest
import yaml
from click.testing import CliRunner
from training_place import conversation, write_release

from pipelines.cli.commands import main
from pipelines.cli.training_verbs import stage_command
from synth.teachers.template_dates import PINNED, pin_date
from training.run.cost_forecast import chunk_sizes, duration, steps_and_passes
from training.run.processes import CONFIGS, check_launched, launch_command
from training.settings import Launch, accumulation
from training.settings_file import fields, presets, read_settings
from training.settings_help import SETTINGS
from training.training_errors import SettingsError, TrainingError

runner = CliRunner()


@pytest.mark.parametrize(
    ("name", "rate", "batch"),
    [
        ("sft_aloe_beta_llama_8b", 2e-5, 128),
        ("sft_aloe_beta_qwen_7b", 1e-5, 128),
        ("sft_aloe_beta_llama_70b", 2e-5, 128),
        ("sft_aloe_beta_qwen_72b", 1e-5, 192),
    ],
)
def test_aloes_sft_is_a_preset(name, rate, batch):
    settings = read_settings("sft", name, None, {})
    schedule = settings.schedule
    assert (schedule.epochs, schedule.scheduler, schedule.warmup_steps) == (4, "cosine", 100)
    assert (schedule.learning_rate, settings.batch.global_batch, settings.batch.sequence) == (rate, batch, 16_384)
    assert settings.precision.compute == "bf16"


@pytest.mark.parametrize(("name", "rate", "chunks"), [("stage_1", 2e-7, 5), ("stage_2", 1e-7, 1)])
def test_aloes_two_stages_of_preferences_are_presets(name, rate, chunks):
    settings = read_settings("dpo", f"dpo_aloe_beta_{name}", None, {})
    assert (settings.schedule.learning_rate, settings.schedule.epochs) == (rate, 1)
    assert (settings.preference.beta, settings.preference.chunks, settings.batch.sequence) == (0.1, chunks, 4_096)


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_every_preset_can_be_read(stage):
    assert presets(stage)
    for name in presets(stage):
        assert read_settings(stage, name, None, {"device_batch": "2"}).batch.device_batch == 2


FILES = {
    "a.yaml": "preset: sft_aloe_beta_qwen_7b\nschedule: {epochs: 3, learning_rate: 3e-5}\n",
    "a.toml": 'preset = "sft_aloe_beta_qwen_7b"\n[schedule]\nepochs = 3\nlearning_rate = 3e-5\n',
    "a.json": '{"preset": "sft_aloe_beta_qwen_7b", "schedule": {"epochs": 3, "learning_rate": 3e-5}}',
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_overrides_its_preset_and_the_command_line_overrides_both(name, tmp_path):
    (tmp_path / name).write_text(FILES[name])
    settings = read_settings("sft", None, tmp_path / name, {"learning_rate": "4e-5", "sources": "a,b"})
    assert settings.schedule.epochs == 3
    assert settings.schedule.learning_rate == 4e-5
    assert settings.schedule.warmup_steps == 100, "of the preset"
    assert settings.data.too_long == "drop", "of the preset"
    assert settings.data.sources == ("a", "b")


def test_a_group_given_in_part_keeps_the_defaults_of_its_stage(tmp_path):
    (tmp_path / "a.yaml").write_text("schedule: {learning_rate: 1e-6}\nbatch: {device_batch: 4}\n")
    settings = read_settings("dpo", None, tmp_path / "a.yaml", {})
    assert (settings.schedule.epochs, settings.batch.packing, settings.batch.sequence) == (1, False, 4_096)


@pytest.mark.parametrize(
    ("stage", "options", "error"),
    [
        ("sft", {"learning_rate": "fast"}, "schedule.learning_rate is 'fast', expected valid number"),
        ("sft", {"learning_rate": "0"}, "schedule.learning_rate is '0', expected greater than 0"),
        ("sft", {"beta": "0.1"}, "beta is not a setting of sft, expected one of sources, limit, "),
        ("sft", {"too_long": "cut"}, "data.too_long is 'cut', expected 'refuse', 'drop' or 'turns'"),
        ("sft", {"keep": "1"}, "saving.keep is '1', expected greater than or equal to 2"),
        ("sft", {"device_batch": "3"}, "batch.global_batch is 128, expected a multiple of 3: device_batch 3 times 1"),
        ("sft", {"processes": "2"}, "processes is 2 with parallel 'none', expected ddp, fsdp or deepspeed_"),
        ("sft", {"weights": "bf16", "compute": "fp32"}, "compute is 'fp32' over weights in 'bf16', expected bf16"),
        ("sft", {"template_date": "today"}, "data.template_date is 'today', expected a date such as 2024-07-26"),
        ("sft", {"best": "true"}, "saving.best needs rows to measure the loss on, expected data.eval_share above 0"),
        ("dpo", {"early_stopping": "2"}, "schedule.early_stopping needs rows to measure the loss on"),
        ("dpo", {"packing": "true"}, "batch.packing is True, expected False: pairs are not packed"),
        ("dpo", {"too_long": "turns"}, "data.too_long is 'turns', expected refuse or drop"),
        ("dpo", {"loss": "sigmoid,norm"}, "preference.loss.1 is 'norm', expected 'sigmoid', 'sigmoid_norm', "),
        ("dpo", {"loss_weights": "1,2"}, "loss_weights has 2 values, expected 1: one a loss"),
        ("dpo", {"reference": "none"}, "preference.reference is 'none', expected 'start' or 'previous'"),
    ],
)
def test_a_wrong_setting_is_reported_with_what_was_expected(stage, options, error):
    with pytest.raises(SettingsError) as caught:
        read_settings(stage, None, None, options)
    assert str(caught.value).startswith(error)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        (
            "a.yaml",
            "schedule: {epoch: 3}",
            "schedule.epoch is not a setting of sft, expected one of epochs, max_st",
        ),
        ("a.yaml", "batsh: {}", "batsh is not a setting of sft, expected one of data, schedule, batch, "),
        ("a.yaml", "schedule: 3", "schedule is 3, expected dictionary"),
        ("a.yaml", "- 1", "a.yaml holds list, expected a mapping of settings"),
        ("a.yaml", "a: [", "a.yaml is not valid yaml: "),
        ("a.toml", "a = ", "a.toml is not valid toml: "),
        ("a.json", "{", "a.json is not valid json: "),
        ("a.ini", "", "a.ini ends in '.ini', expected one of .yaml, .yml, .toml, .json"),
        ("a.yaml", "preset: mine", "preset is 'mine', expected one of sft_aloe_beta_llama_70b, "),
    ],
)
def test_a_wrong_file_is_reported(name, text, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_settings("sft", None, path.relative_to(tmp_path), {})
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_every_setting_is_an_option_under_its_own_name(stage):
    shown = " ".join(runner.invoke(main, ["train", stage, "--help"]).stdout.split())
    for name, (group, _, _) in fields(stage).items():
        assert f"--{name.replace('_', '-')} " in shown
        assert f"[in files: {group + '.' if group else ''}{name};" in shown


def test_a_wrong_setting_is_a_wrong_call_before_any_file_is_read(tmp_path):
    result = runner.invoke(main, ["train", "sft", "no@1", "--model", "m", "--out", str(tmp_path), "--epochs", "-1"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "Error: schedule.epochs is '-1', expected greater than 0"


def test_without_the_libraries_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    write_release(tmp_path / "ward", "sft", [conversation(1, "Why?", "So.")])
    result = runner.invoke(
        main, ["train", "sft", str(tmp_path / "ward"), "--model", "m", "--out", str(tmp_path / "out")]
    )
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(
        "Error: torch, transformers, trl, peft, accelerate, datasets not ins"
    )


# --- batches and steps ---------------------------------------------------------------------------------------------


def settings(**options):
    return read_settings("dpo" if "chunks" in options else "sft", None, None, options)


def test_the_global_batch_is_kept_whatever_the_number_of_devices():
    for processes, device_batch in ((1, 1), (8, 1), (8, 4), (128, 1)):
        parallel = "fsdp" if processes > 1 else "none"
        config = settings(processes=processes, device_batch=device_batch, parallel=parallel)
        assert accumulation(config) * processes * device_batch == 128


def test_chunks_hold_every_row_and_none_twice():
    assert chunk_sizes(251_956, 5) == [50_392, 50_391, 50_391, 50_391, 50_391]
    assert chunk_sizes(3, 3) == [1, 1, 1]


@pytest.mark.parametrize(
    ("rows", "options", "steps", "passes"),
    [
        (1_000, {"epochs": 4}, 32, 4),
        (1_000, {"epochs": 4, "max_steps": 2}, 2, 0.256),
        (1_024, {"epochs": 1}, 8, 1),
        (1_024, {"epochs": 1, "device_batch": 4, "processes": 8, "parallel": "ddp"}, 8, 1),
        (1_000, {"epochs": 1, "chunks": 5}, 10, 1),
    ],
)
def test_steps_are_counted_as_the_trainer_counts_them(rows, options, steps, passes):
    assert steps_and_passes(rows, settings(**options)) == (steps, passes)


# --- many devices --------------------------------------------------------------------------------------------------

PROGRAM = ("sabila", "train", "sft", "demo@1")


def test_the_command_for_many_devices_is_accelerates_own():
    launch = Launch(parallel="fsdp", processes=16, machines=2, machine_rank=1, main_address="10.0.0.1")
    words = launch_command(launch, PROGRAM)
    assert words[:3] == ["accelerate", "launch", "--config_file"]
    assert words[4:] == [
        *("--num_processes", "16", "--num_machines", "2", "--machine_rank", "1", "--main_process_port", "29500"),
        *("--main_process_ip", "10.0.0.1", "--no_python", *PROGRAM),
    ]
    assert launch_command(Launch(), PROGRAM) == list(PROGRAM)


def test_missing_processes_are_reported_with_the_launch_command(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    launch = Launch(parallel="ddp", processes=2)
    with pytest.raises(TrainingError, match="1 process was started, expected processes 2: run accelerate launch"):
        check_launched(launch, launch_command(launch, PROGRAM))
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(TrainingError, match="4 processes were started, expected 1: set processes to 4"):
        check_launched(Launch(), PROGRAM)


@pytest.mark.parametrize("parallel", ["ddp", "fsdp", "deepspeed_zero2", "deepspeed_zero3"])
def test_accelerate_reads_the_shipped_settings_and_the_command(parallel):
    config_args = pytest.importorskip(
        "accelerate.commands.config.config_args", reason="accelerate is in the extra 'train', which is not installed"
    )
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    path = CONFIGS / f"{parallel}.yaml"
    read = config_args.load_config_from_file(str(path))
    written = yaml.safe_load(path.read_text())
    for key, value in written.items():
        loaded = getattr(read, key)
        assert getattr(loaded, "value", loaded) == value
    words = launch_command(Launch(parallel=parallel, processes=4), PROGRAM)
    parsed = launch_command_parser().parse_args(words[2:])
    assert (parsed.training_script, parsed.training_script_args, parsed.no_python) == (
        *PROGRAM[:1],
        [*PROGRAM[1:]],
        True,
    )
    checked, config, _ = _validate_launch_command(parsed)
    assert checked.num_processes == 4
    assert (checked.use_fsdp, checked.use_deepspeed) == (parallel == "fsdp", "deepspeed" in parallel)
    assert checked.mixed_precision == "bf16"
    assert config.distributed_type == written["distributed_type"]


def test_every_way_of_many_devices_has_its_file():
    ways = get_args(get_type_hints(Launch)["parallel"])
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == {*ways} - {"none"}


# --- help ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_the_help_describes_every_setting_with_its_default_and_values(stage):
    options = {option.name: option for option in stage_command(stage).params if isinstance(option, click.Option)}
    for name, (group, field, _) in fields(stage).items():
        text = options[name].help
        assert not text.startswith("Setting "), "the name of a setting is no help"
        assert len(text.split("  [in files: ")[0].split()) > 2
        assert f"[in files: {group}.{field}" in text if group else f"[in files: {field}" in text
        assert "default: " in text
    assert options["attention"].metavar == "[auto|sdpa|eager|flash_attention_2|flash_attention_3]"
    assert "default: true]" in options["gradient_checkpointing"].help


def test_no_help_is_left_over_for_a_setting_that_is_gone():
    assert SETTINGS.keys() == {*fields("sft"), *fields("dpo")}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "1 s"), (90, "90 s"), (600, "10.0 minutes"), (12_000, "3.3 hours"), (12_474_411, "144 days")],
)
def test_a_duration_is_formatted_in_readable_units(seconds, expected):
    assert duration(seconds) == expected


# --- dates in templates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ("{{ strftime_now('%d %b %Y') }}", "{{ '26 Jul 2024' }}"),
        ('{{ strftime_now( format="%Y-%m-%d" ) }}!', '{{ "2024-07-26" }}!'),
        (
            "{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% endif %}",
            "{% if strftime_now is defined %}{{ '2024' }}{% endif %}",
        ),
        ("no date", "no date"),
    ],
)
def test_a_date_is_put_in_the_place_of_todays(template, written):
    assert pin_date(template, PINNED) == written


@pytest.mark.parametrize("template", ["{% set now = strftime_now %}", "{{ strftime_now(form) }}"])
def test_a_date_that_cannot_be_pinned_is_refused(template):
    with pytest.raises(ValueError, match="cannot be pinned, expected calls of strftime_now with a format"):
        pin_date(template, PINNED)
