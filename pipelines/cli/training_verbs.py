"""The verbs on models: train, merge, gguf, licenses, publish-model."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.number_range import NumberRange
from pipelines.cli.release_verbs import DRY_RUN, PUBLIC, REPO, USE
from pipelines.cli.shared_options import JSON, STORE, main
from pipelines.terminal import echo, echo_json

if TYPE_CHECKING:
    from training.settings_file import Stage

STAGES: dict[str, str] = {
    "sft": "Fine-tune a model on the answers of a release.",
    "dpo": "Optimise a model on the preference pairs of a release, chunk after chunk.",
}
DETAILS = (
    "RELEASE is NAME@VERSION or a folder. Settings come from the preset, the file of --config (YAML, TOML or JSON) and "
    "the options, in rising priority. An interrupted run resumes when the command is repeated. The last line on stdout "
    "is the model's folder."
)


class TrainingGroup(click.Group):
    """Stages of training, each with its settings as options; a stage is loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the stages."""
        return list(STAGES)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Make the command of a stage."""
        return stage_command(name) if name in STAGES else None


@main.group(cls=TrainingGroup)
def train() -> None:
    """Train a model on a release, with TRL."""


def stage_command(name: str) -> click.Command:
    """Return the command of a stage, with an option for every one of its settings."""
    from training.settings_file import choices, fields, presets
    from training.settings_help import SETTINGS

    stage: Stage = "dpo" if name == "dpo" else "sft"
    command: Any = _run_stage(stage)
    few = choices(stage)
    for setting, (group, _, default) in reversed(fields(stage).items()):
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        default_text = "none" if shown in (None, "") else str(shown).lower() if isinstance(shown, bool) else shown
        place = f"{group}.{setting}" if group else setting
        text = f"{SETTINGS[setting]}  [in files: {place}; default: {default_text}]"
        shape = f"[{'|'.join(few[setting])}]" if setting in few else _shape(default)
        command = click.option(f"--{setting.replace('_', '-')}", setting, help=text, metavar=shape)(command)
    for option in (
        JSON,
        click.option("--dry-run", is_flag=True, help="Print the forecast and the launch command; train nothing."),
        click.option(
            "--preset", help=f"Preset of settings to start from: {', '.join(presets(stage))}.  [default: none]"
        ),
        click.option(
            "--config",
            type=FilePath(dir_okay=False, exists=True),
            help="File of settings: YAML, TOML or JSON.  [default: none]",
        ),
        STORE,
        click.option("--out", type=FilePath(), required=True, help="Folder for the model."),
        click.option("--model", required=True, help="Folder of the start model, or ORG/NAME[@REVISION] of the Hub."),
        click.argument("release"),
    ):
        command = option(command)
    return click.command(name, help=f"{STAGES[name]}\n\n{DETAILS}")(command)


def _shape(default: Any) -> str:
    """Return the kind of value that a setting takes, for its help."""
    if isinstance(default, bool):
        return "true|false"
    return "NUMBER" if isinstance(default, (int, float)) else "TEXT"


def _run_stage(stage: Stage) -> Any:
    """Return the function called by a stage's command."""

    def callback(
        release: str,
        model: str,
        out: Path,
        store: Path,
        config: Path | None,
        preset: str | None,
        dry_run: bool,
        as_json: bool,
        **options: str | None,
    ) -> None:
        values = {name: value for name, value in options.items() if value is not None}
        job = _train_job(stage, release, model, out, store, config, preset, values)
        if dry_run:
            _echo_plan(job, as_json)
            return
        from training.run.processes import is_main_process
        from training.run.train_model import train as run

        record = run(job)
        if is_main_process():
            if as_json:
                echo_json(record)
            else:
                echo(out)

    return callback


def _train_job(
    stage: Stage,
    release: str,
    model: str,
    out: Path,
    store: Path,
    config: Path | None,
    preset: str | None,
    values: dict[str, str],
) -> Any:
    """Return the job of a stage, its settings checked before anything heavy is loaded."""
    from pipelines.release.locate import find
    from training.settings_file import read_settings

    settings = read_settings(stage, preset, config, values)
    folder = find(release, store)
    program = ["sabila", "train", stage, release, "--model", model, "--out", str(out), "--store", str(store)]
    program += ["--config", str(config)] if config else []
    program += ["--preset", preset] if preset else []
    program += [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", value)]
    _need_libraries()
    echo("loading torch, transformers and TRL", err=True)
    from training.run.train_model import TrainJob

    return TrainJob(release=folder, model=model, out=out, settings=settings, program=tuple(program))


def _need_libraries() -> None:
    """Raise ``TrainingError`` where the training libraries are not installed."""
    from importlib.util import find_spec

    from training.training_errors import TrainingError

    if absent := [
        name for name in ("torch", "transformers", "trl", "peft", "accelerate", "datasets") if not find_spec(name)
    ]:
        raise TrainingError(
            f"{', '.join(absent)} not installed, expected the extra 'train': make train, or pip install -e '.[train]'"
        )


def _echo_plan(called: Any, as_json: bool) -> None:
    """Print the forecast of a run and the command that starts it."""
    import shlex

    from training.run.cost_forecast import forecast_lines
    from training.run.train_model import plan

    planned = plan(called)
    if as_json:
        echo_json(planned)
        return
    for line in forecast_lines(planned["forecast"]):
        echo(line)
    echo(shlex.join(planned["command"]))


# --- merge ---------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("config", type=FilePath(dir_okay=False, exists=True))
@click.option("--out", type=FilePath(), required=True, help="New folder for the merged model.")
@click.option("--shard-gb", type=NumberRange(0.001), default=5.0, show_default=True, help="Largest file, in GB.")
@click.option("--threads", type=click.IntRange(1, 256), help="Number of worker threads.  [default: cores]")
@click.option(
    "--model-license",
    multiple=True,
    metavar="[MODEL=]LICENCE",
    help="Licence of a model that states none, as an SPDX id or the Hub's id; without MODEL for all that state none.  "
    "[default: none]",
)
@click.option("--dry-run", is_flag=True, help="Check everything and print the plan; write nothing.")
@JSON
def merge(
    config: Path,
    out: Path,
    shard_gb: float,
    threads: int | None,
    model_license: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Merge models of one architecture.

    CONFIG is a file in mergekit's YAML."""
    from training.merging.merge_config import named_licenses, read_merge_config
    from training.merging.merge_models import merge as run
    from training.merging.merge_models import plan_of

    size = int(shard_gb * 1e9)
    settings = named_licenses(model_license, read_merge_config(config))
    if dry_run:
        account = plan_of(settings, out, size)
    else:
        with click.progressbar(length=1, label="merging", file=sys.stderr) as bar:

            def shown(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            account = run(settings, out, shard_bytes=size, threads=threads, report_progress=shown)
    if as_json:
        echo_json(account)
        return
    for note in account["notes"]:
        echo(f"note: {note}", err=True)
    echo(_merge_text(account) if dry_run else out)


def _merge_text(plan: dict[str, Any]) -> str:
    """Return the plan of a merge in a few lines; ``--json`` lists the parameters of every tensor."""
    return "\n".join(
        (
            f"{plan['method']} of {', '.join(plan['models'])}",
            f"{plan['tensors']:,} tensors, {plan['bytes']:,} bytes, the largest {plan['largest_tensor_bytes']:,}",
            f"files: {', '.join(plan['shards'])}",
            f"tokenizer: {plan['tokenizer'] or 'none'} ({plan['chosen_by']})",
            f"chat template: {plan['chat_template'] or 'none'}",
        )
    )


# --- licences ------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("names", nargs=-1)
@JSON
def licenses(names: tuple[str, ...], as_json: bool) -> None:
    """List what licences allow and require.

    NAMES are SPDX ids or the Hub's ids, such as llama3.2 or cc-by-4.0; without NAMES all known licences of data and
    models are listed, with the address of each text.
    """
    from sources.known_licenses import LICENSES, License, named_license
    from sources.suggest import did_you_mean

    def known(name: str) -> License:
        if (id := named_license(name)) is None:
            raise ValueError(f"{name!r} is not a known licence{did_you_mean(name, LICENSES)}")
        return LICENSES[id]

    try:
        chosen = [known(name) for name in names] or list(LICENSES.values())
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        echo_json([one.facts() for one in chosen])
        return
    echo("\n\n".join(_license_text(one.facts()) for one in chosen))


def _license_text(facts: dict[str, Any]) -> str:
    """Return a licence in a few lines."""
    uses = ", ".join(use for use, allowed in facts["rows_may_be"].items() if allowed) or "kept private only"
    lines = [f"{facts['id']}: {facts['title']}", f"  rows may be: {uses}"]
    lines += [f"  training on such a model's output: {facts['outputs']}"] if facts["outputs"] else []
    lines += [f"  asks: {facts['duty']}"] if facts["duty"] else []
    lines += [f"  read at: {facts['url']}"] if facts["url"] else []
    return "\n".join(lines)


# --- gguf ----------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("folder", type=FilePath(file_okay=False, exists=True))
@click.option(
    "--out",
    type=FilePath(dir_okay=False),
    required=True,
    help="File to write, which must not exist, such as model.gguf.",
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(("auto", "f32", "f16", "bf16", "q8_0")),
    default="auto",
    show_default=True,
    help="Type of the weights; auto: the 16-bit type nearest to the model's own.",
)
@click.option(
    "--converter",
    type=FilePath(exists=True),
    help="llama.cpp's folder or its convert_hf_to_gguf.py.  [default: LLAMA_CPP, or the one that is installed]",
)
@JSON
def gguf(folder: Path, out: Path, kind: str, converter: Path | None, as_json: bool) -> None:
    """Export a model as one GGUF file.

    FOLDER is a model's folder. llama.cpp's converter writes the file, and its chat template and end token are checked.
    """
    from training.run.gguf_export import export_gguf

    record = export_gguf(folder, out, kind=kind, converter=converter)
    if as_json:
        echo_json(record)
        return
    if record["checked"] is None:
        echo("note: the file was not read back: pip install gguf", err=True)
    echo(out)


# --- publish -------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("folder", type=FilePath(file_okay=False, exists=True))
@REPO
@PUBLIC
@USE
@click.option("--version", help="Tag of the commit, as in 1.  [default: none]")
@DRY_RUN
@JSON
def publish_model(folder: Path, repo: str, as_json: bool, **options: Any) -> None:
    """Publish a model to the Hub.

    FOLDER is a model written by `sabila train` or `sabila merge`. It is checked first, then uploaded in one commit.
    """
    from pipelines.hub.publish_model import publish_model as run
    from pipelines.hub.publish_output import published_text

    done = run(folder, repo, partial(echo, err=True), **options)
    if as_json:
        echo_json(done.to_json())
    else:
        echo(published_text(done))
