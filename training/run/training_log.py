"""The log of a training run: metrics of each step, a stop at a non-finite loss, complete checkpoints marked."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback

from sources.atomic import write_bytes, write_json
from training.run.hardware import Meter
from training.run.output_folder import mark_complete
from training.training_errors import TrainingError

SECONDS_BETWEEN_LINES = 10


class RunLog(TrainerCallback):  # type: ignore[misc]  # its class is Any to a checker that does not follow transformers
    """Writes ``log.jsonl`` and ``starts/*.json`` of a run, and ends it at a non-finite loss.

    A start is the work of one process on one part, to its end or a kill; its costs are saved continuously.
    """

    def __init__(self, folder: Path, *, part: int, meter: Meter) -> None:
        self._folder, self._part, self._meter = folder, part, meter
        self._began = self._last_line = time.monotonic()
        self._joules = meter.joules()
        self._figures = Path()
        self._first_step = 0
        self._bar: Progress | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Log a start, and remove the lines after the checkpoint from which training resumes."""
        self._first_step = state.global_step
        if not state.is_world_process_zero:
            return
        kept = [
            line for line in read_log(self._folder) if (line["part"], line["step"]) <= (self._part, self._first_step)
        ]
        write_bytes(self._folder / "log.jsonl", "".join(json.dumps(line) + "\n" for line in kept).encode())
        starts = self._folder / "starts"
        starts.mkdir(exist_ok=True)
        self._figures = starts / f"{len(list(starts.glob('*.json'))):04}.json"
        if sys.stderr.isatty():
            self._bar = _bar(self._part, state.max_steps)

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Remove the progress bar, and log which checkpoint is kept where the loss decides."""
        if self._bar:
            self._bar.stop()
        if not args.load_best_model_at_end or not state.is_world_process_zero or state.best_metric is None:
            return
        line = {
            "part": self._part,
            "step": state.best_global_step,
            "eval_loss": state.best_metric,
            "last_step": state.global_step,
            "planned_steps": state.max_steps,
        }
        _append(self._folder / "kept.jsonl", line)
        print(f"part {self._part}: kept step {line['step']} of {line['last_step']}", file=sys.stderr)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **more: Any) -> None:
        """Log the metrics of a step; raise ``TrainingError`` for a non-finite loss."""
        if logs and "eval_loss" in logs and state.is_world_process_zero:
            self._evaluated(state.global_step, float(logs["eval_loss"]))
        if not logs or "loss" not in logs:
            return
        for name in ("loss", "grad_norm"):
            if not math.isfinite(float(logs.get(name, 0))):
                raise TrainingError(
                    f"{name} is {logs[name]} at step {state.global_step}: lower learning_rate or raise warmup_steps, "
                    "and look at the rows; checkpoints before this step are whole"
                )
        if not state.is_world_process_zero:
            return
        line = {"part": self._part, "step": state.global_step, **{name: float(value) for name, value in logs.items()}}
        _append(self._folder / "log.jsonl", line)
        self._spent(state)
        self._report_progress(state, line)

    def _evaluated(self, step: int, loss: float) -> None:
        line = {"part": self._part, "step": step, "eval_loss": loss}
        _append(self._folder / "evaluations.jsonl", line)
        print(f"part {self._part}: step {step}  loss on held-out rows {loss:.4f}", file=sys.stderr)

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Mark the checkpoint as complete after every process has written its part."""
        import torch

        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.barrier()
        if state.is_world_process_zero:
            mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def _spent(self, state: Any) -> None:
        seconds = time.monotonic() - self._began
        figures = {"part": self._part, "steps": [self._first_step, state.global_step], "seconds": seconds}
        total = self._meter.joules()
        joules = None if total is None or self._joules is None else total - self._joules
        write_json(self._figures, {**figures, "joules": joules, "how": self._meter.how})

    def _report_progress(self, state: Any, line: dict[str, Any]) -> None:
        """Report progress: a bar on a terminal, occasional lines elsewhere."""
        now = time.monotonic()
        rate = (now - self._began) / max(1, state.global_step - self._first_step)
        if self._bar:
            loss = f"loss {line['loss']:.4f}"
            task = self._bar.task_ids[0]
            self._bar.update(task, completed=state.global_step, loss=loss, rate=f"{rate:.2f} s/step")
        elif now - self._last_line >= SECONDS_BETWEEN_LINES or state.global_step >= state.max_steps:
            self._last_line = now
            left = rate * (state.max_steps - state.global_step)
            done = f"part {self._part}: step {state.global_step}/{state.max_steps}"
            print(f"{done}  loss {line['loss']:.4f}  {rate:.2f} s/step  {left:.0f} s left", file=sys.stderr)


def _bar(part: int, steps: int) -> Progress:
    """Return a started progress bar with steps, rate and time left."""
    texts = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}")]
    bar = Progress(*texts, TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), console=Console(stderr=True))
    bar.add_task(f"part {part}", total=steps, loss="", rate="")
    bar.start()
    return bar


def _append(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file, without an incomplete last one; none where there is no file."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []
    return [json.loads(line) for line in lines]


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the metrics of every step so far, without an incomplete last line."""
    return _read_lines(folder / "log.jsonl")


def read_evaluations(folder: Path) -> list[dict[str, Any]]:
    """Return the loss on held-out rows at every evaluated step; of a repeated step the last."""
    by_step = {(line["part"], line["step"]): line for line in _read_lines(folder / "evaluations.jsonl")}
    return [by_step[place] for place in sorted(by_step)]


def read_kept(folder: Path) -> list[dict[str, Any]]:
    """Return the step kept for each part by its loss on held-out rows; empty where the last one is kept."""
    by_part = {line["part"]: line for line in _read_lines(folder / "kept.jsonl")}
    return [by_part[part] for part in sorted(by_part)]


def read_starts(folder: Path) -> list[dict[str, Any]]:
    """Return the time and energy of every start, in order."""
    return [json.loads(path.read_text()) for path in sorted((folder / "starts").glob("*.json"))]
