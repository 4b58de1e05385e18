"""A training stage from a release to a model folder: forecast, parts in order, record and card."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sources.atomic import free_bytes, write_json
from sources.license import joint
from synth.teachers.template_dates import writes_date
from training.data.release_rows import Kind, ReleaseFacts, load_rows, read_release, validation_files
from training.data.token_rows import TokenRows, pair_rows, save_notes, save_too_long, sft_rows
from training.model_card import model_card
from training.run.cost_forecast import (
    chunk_sizes,
    forecast,
    forecast_lines,
    model_flops,
    squared_lengths,
    steps_and_passes,
)
from training.run.hardware import Meter, meter
from training.run.loss_plot import save_plots
from training.run.output_folder import RECORD, RunFolder, identity_of, last_checkpoint, report_full_disk
from training.run.packing_isolation import packing_fault
from training.run.processes import broadcast_from_main, check_launched, end_processes, is_main_process, launch_command
from training.run.saved_model import FAINT, finish_model, is_saved, rounding_line, save_part
from training.run.start_model import StartModel, open_model
from training.run.trainers import Part, check_installed, trainer_for
from training.run.training_record import run_record, vars_of
from training.settings import Dpo, Settings, by_loss, to_dict
from training.training_errors import TrainingError


@dataclass(frozen=True, kw_only=True)
class TrainJob:
    """A training run: release folder, start model, output folder and settings; ``program`` is its command."""

    release: Path
    model: str
    out: Path
    settings: Settings
    program: tuple[str, ...]

    @property
    def stage(self) -> str:
        """``sft`` or ``dpo``."""
        return "dpo" if isinstance(self.settings, Dpo) else "sft"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A release, a model and their rows as tokens, all checked."""

    release: ReleaseFacts
    model: StartModel
    rows: TokenRows
    identity: str


def plan(call: TrainJob) -> dict[str, Any]:
    """Return the forecast of a run and the command that starts it, without writing anything.

    Raises ``TrainingError`` for everything that would be refused before training.
    """
    _silence_libraries()
    _log(f"checking {call.release} and {call.model}")
    with tempfile.TemporaryDirectory() as folder:
        release, model = _opened(call)
        rows = _tokens(call, release[1], model, Path(folder))
        call = _with_used_settings(call, rows)
        expected = forecast(rows, model.facts, call.settings)
    return {
        "stage": call.stage,
        "release": dataclasses.asdict(release[0]),
        "start_model": vars_of(model.facts),
        "settings": to_dict(call.settings),
        "forecast": expected.to_dict(),
        "command": launch_command(call.settings.launch, call.program),
    }


def train(call: TrainJob) -> dict[str, Any]:
    """Train a model into ``call.out`` and return the record of the run.

    An interrupted run resumes from its last complete checkpoint; a complete one is not repeated. Raises
    ``TrainingError`` for errors that a user can fix.
    """
    _silence_libraries()
    _log(f"checking {call.release} and {call.model}")
    check_launched(call.settings.launch, launch_command(call.settings.launch, call.program))
    try:
        return _train(call, RunFolder(out=call.out))
    finally:
        end_processes()


def _train(call: TrainJob, place: RunFolder) -> dict[str, Any]:
    (release, files), model = broadcast_from_main(lambda: _opened(call))
    identity = _identity(call, release, model)
    done = broadcast_from_main(lambda: place.finished_record(identity))
    if done is not None:
        broadcast_from_main(place.clean)
        return done
    if not is_main_process():
        return _run(call, place, model, files, release, identity)
    with place.lock(), report_full_disk(place.partial):
        return _run(call, place, model, files, release, identity)


def _run(
    call: TrainJob, place: RunFolder, model: StartModel, files: list[Path], release: ReleaseFacts, identity: str
) -> dict[str, Any]:
    broadcast_from_main(lambda: place.begin(identity))
    rows = _kept_rows(call, place.partial, files, model)
    call = _with_used_settings(call, rows)
    prepared = Prepared(release=release, model=model, rows=rows, identity=identity)
    broadcast_from_main(lambda: _report_forecast(call, place, prepared))
    launch = call.settings.launch
    gauge = meter(call.settings.power.watts, launch.processes, launch.machines)
    parts = _parts(call.settings, prepared, place.partial)
    done = max((part.number for part in parts if is_saved(part)), default=0)
    for part in parts[done:]:
        _train_part(part, call.settings, prepared, place, gauge)
        broadcast_from_main(partial(_remove_previous_model, part))
    return broadcast_from_main(lambda: _publish(call, place, prepared, parts[-1].folder / "model"))


def _opened(call: TrainJob) -> tuple[tuple[ReleaseFacts, list[Path]], StartModel]:
    check_installed(call.settings)
    release = read_release(call.release, "dpo" if call.stage == "dpo" else "sft", call.settings.data)
    return release, open_model(call.model, call.settings)


def _identity(call: TrainJob, release: ReleaseFacts, model: StartModel) -> str:
    """Return the identity of a run, which excludes power, addresses and the frequency of checkpoints."""
    settings = to_dict(call.settings)
    del settings["power"], settings["report_to"]
    decides = ("saved_as", "best", *(("every_steps",) if by_loss(call.settings) else ()))
    settings["saving"] = {name: settings["saving"][name] for name in decides}
    for name in ("machine_rank", "main_address", "main_port"):
        del settings["launch"][name]
    template = model.tokenizer.chat_template
    start = vars_of(model.facts)
    if model.facts.hash:
        del start["name"]  # a folder is what is in it, by whatever path
    facts = {"release": release.hash, "model": start, "settings": settings, "template": template}
    return identity_of({"stage": call.stage, **facts})


def _tokens(call: TrainJob, files: list[Path], model: StartModel, cache: Path) -> TokenRows:
    settings = call.settings
    pairs = isinstance(settings, Dpo)
    if settings.batch.packing:
        _log("checking whether the model isolates packed rows")
    fault = packing_fault(model.config, settings.precision) if settings.batch.packing else None
    kind: Kind = "dpo" if pairs else "sft"
    rows = load_rows(files, kind, settings.data, settings.schedule.seed, cache / "cache")
    code = pair_rows if pairs else sft_rows
    _log(f"tokenising {len(rows):,} rows")
    validation = validation_files(call.release, kind, settings.data)
    used = _without_held_out(settings) if validation else settings
    token_rows = code(rows, model.tokenizer, model.facts.vocabulary, _without_packing(used) if fault else used)
    if validation:
        every = dataclasses.replace(settings.data, limit=None)
        held_out = load_rows(validation, kind, every, settings.schedule.seed, cache / "cache")
        _log(f"the loss is measured on the {len(held_out):,} rows of the release's validation split")
        validation_rows = code(held_out, model.tokenizer, model.facts.vocabulary, _without_packing(used))
        token_rows = dataclasses.replace(token_rows, held_out=validation_rows.dataset)
    day = settings.data.template_date if writes_date(model.tokenizer.chat_template) else None
    if day:
        _log(f"the chat template writes today's date: {day} for every row (--template-date sets another)")
    return dataclasses.replace(token_rows, packing_off=fault, template_date=day)


def _without_held_out(settings: Settings) -> Settings:
    """Return settings that hold no training rows out: the release has a validation split."""
    return dataclasses.replace(settings, data=dataclasses.replace(settings.data, eval_share=0.0))


def _without_packing(settings: Settings) -> Settings:
    """Return settings without packing."""
    return dataclasses.replace(settings, batch=dataclasses.replace(settings.batch, packing=False))


def _with_used_settings(call: TrainJob, rows: TokenRows) -> TrainJob:
    """Return the job with its effective settings: without packing where packed rows would attend to each other."""
    return dataclasses.replace(call, settings=_without_packing(call.settings)) if rows.packing_off else call


def _kept_rows(call: TrainJob, folder: Path, files: list[Path], model: StartModel) -> TokenRows:
    """Return the rows as tokens; the main process prepares them once per run."""
    from datasets import Dataset

    kept, held_out_folder, counts = folder / "rows", folder / "held_out", folder / "rows.json"

    def make() -> None:
        if counts.is_file():
            return
        token_rows = _tokens(call, files, model, folder)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.rmtree(held_out_folder, ignore_errors=True)
        token_rows.dataset.save_to_disk(str(kept))
        if token_rows.held_out is not None:
            token_rows.held_out.save_to_disk(str(held_out_folder))
        shutil.rmtree(folder / "cache", ignore_errors=True)
        write_json(counts, dataclasses.asdict(dataclasses.replace(token_rows, dataset=None, held_out=None)))

    broadcast_from_main(make)
    held_out = Dataset.load_from_disk(str(held_out_folder)) if held_out_folder.is_dir() else None
    loaded = {"dataset": Dataset.load_from_disk(str(kept)), "held_out": held_out}
    return TokenRows(**{**json.loads(counts.read_text()), **loaded})


def _report_forecast(call: TrainJob, place: RunFolder, prepared: Prepared) -> None:
    """Print the forecast to stderr; raise where the disk is too small."""
    expected = forecast(prepared.rows, prepared.model.facts, call.settings)
    for line in forecast_lines(expected.to_dict()):
        print(line, file=sys.stderr)
    free = free_bytes(place.partial)
    if free < expected.disk_bytes:
        raise TrainingError(
            f"{place.partial} has {free:,} bytes free, expected {expected.disk_bytes:,} for checkpoints and the model: "
            "make room, or give an --out on another disk"
        )


def _parts(settings: Settings, prepared: Prepared, folder: Path) -> list[Part]:
    """Return the parts of a run: one for SFT, one per chunk for DPO, each starting from the previous model."""
    start, dataset = prepared.model.path, prepared.rows.dataset
    revision = prepared.model.facts.revision
    if not isinstance(settings, Dpo):
        return [Part(number=1, folder=folder / "part-1", dataset=dataset, model=start, revision=revision)]
    chunks = settings.preference.chunks
    if len(dataset) < chunks:
        raise TrainingError(f"chunks is {chunks}, expected at most the {len(dataset)} rows there are")
    shuffled, parts, begin = dataset.shuffle(seed=settings.schedule.seed), [], 0
    for number, size in enumerate(chunk_sizes(len(dataset), chunks), 1):
        before = str(folder / f"part-{number - 1}" / "model") if number > 1 else start
        reference = start if settings.preference.reference == "start" else before
        rows = shuffled.select(range(begin, begin + size))
        place = folder / f"part-{number}"
        parts.append(
            Part(number=number, folder=place, dataset=rows, model=before, revision=revision, reference=reference)
        )
        begin += size
    return parts


def _train_part(part: Part, settings: Settings, prepared: Prepared, place: RunFolder, gauge: Meter) -> None:
    """Train one part, from its last complete checkpoint if there is one, and save its model."""
    import torch

    from training.run.training_log import RunLog

    callback = RunLog(place.partial, part=part.number, meter=gauge)
    trainer = trainer_for(part, prepared.model.tokenizer, settings, callback, prepared.rows.held_out)
    checkpoint = broadcast_from_main(lambda: last_checkpoint(part.folder / "checkpoints"))
    if checkpoint:
        print(f"resuming from {checkpoint.name} of part {part.number}", file=sys.stderr)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    save_part(trainer, part, prepared.model.tokenizer, settings)
    del trainer
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _remove_previous_model(part: Part) -> None:
    """Remove the model of the previous part, which is no longer needed."""
    shutil.rmtree(part.folder.with_name(f"part-{part.number - 1}"), ignore_errors=True)


def _publish(call: TrainJob, place: RunFolder, prepared: Prepared, model: Path) -> dict[str, Any]:
    """Complete the folder of the last part's model and publish it."""
    from training.run.training_log import read_evaluations, read_kept, read_log, read_starts

    rounding = finish_model(model, prepared.model, call.settings)
    log = read_log(place.partial)
    rows = prepared.rows
    planned, passes = steps_and_passes(len(rows.dataset), call.settings)
    passes *= min(1.0, len(log) / planned)  # fewer where the loss on held-out rows ended a part
    record = run_record(
        stage=call.stage,
        identity=prepared.identity,
        # Only what was trained on: a limit or a policy may have left out all rows of a source.
        release={
            **dataclasses.asdict(prepared.release),
            "license": joint(rows.licenses),
            "sources": list(rows.sources),
        },
        model=prepared.model.facts,
        rows=rows.counts(),
        settings=call.settings,
        log=log,
        starts=read_starts(place.partial),
        flops=passes * model_flops(rows.tokens, squared_lengths(rows, call.settings), prepared.model.facts),
        passes=passes,
        origin=prepared.model.origin,
        evaluations=read_evaluations(place.partial),
        kept=read_kept(place.partial),
        rounding=rounding,
    )
    if rounding is not None and rounding["share"] < FAINT:
        print(f"note: {rounding_line(rounding)}", file=sys.stderr)
    shutil.copyfile(place.partial / "log.jsonl", model / "log.jsonl")
    plots = save_plots(log, model)
    if not plots:
        print("note: no plots are written, matplotlib is not installed (extra 'train')", file=sys.stderr)
    if rows.too_long:
        save_too_long(rows, model / "too_long.jsonl")
    if rows.notes:
        save_notes(rows, model / "row_notes.jsonl")
    (model / "README.md").write_text(model_card(record, call.out.name, plots), encoding="utf-8")
    (model / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    place.publish(model)
    return record


def _log(line: str) -> None:
    """Print a line to stderr in the main process."""
    if int(os.environ.get("RANK", "0")) == 0:
        print(line, file=sys.stderr, flush=True)


def _silence_libraries() -> None:
    """Silence the progress bars and warnings of the libraries."""
    import datasets
    import transformers

    # TRL passes on names that transformers will give up in its next major version, which is not allowed in yet.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|trl")
    transformers.logging.set_verbosity_error()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
        transformers.utils.logging.disable_progress_bar()
