"""The processes of a run: the command that starts them, and work done by the main process for all."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from training.settings import Launch
from training.training_errors import TrainingError

CONFIGS = Path(__file__).parents[1] / "launch_configs"

T = TypeVar("T")


def launch_command(launch: Launch, program: Sequence[str]) -> list[str]:
    """Return the command that runs ``program`` in every process of this machine."""
    if launch.parallel == "none":
        return list(program)
    words = ["accelerate", "launch", "--config_file", str(CONFIGS / f"{launch.parallel}.yaml")]
    words += ["--num_processes", str(launch.processes), "--num_machines", str(launch.machines)]
    words += ["--machine_rank", str(launch.machine_rank), "--main_process_port", str(launch.main_port)]
    if launch.main_address is not None:
        words += ["--main_process_ip", launch.main_address]
    return [*words, "--no_python", *program]


def check_launched(launch: Launch, command: Sequence[str]) -> None:
    """Raise ``TrainingError`` unless as many processes run as the settings name."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != launch.processes:
        raise TrainingError(
            f"{started} process was started, expected processes {launch.processes}: run {' '.join(command)}"
            if launch.processes > 1
            else f"{started} processes were started, expected 1: set processes to {started}, and parallel"
        )


def is_main_process() -> bool:
    """Return whether this is the main process."""
    import torch
    from accelerate import PartialState

    # The same argument as the trainer's later call: the first call decides how processes communicate.
    return bool(PartialState(cpu=not torch.cuda.is_available()).is_main_process)


def end_processes() -> None:
    """Leave the process group explicitly, since leaving it to the interpreter's exit can abort its threads."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def broadcast_from_main(work: Callable[[], T]) -> T:
    """Return the main process's result of ``work`` in every process; its failure ends all of them."""
    from accelerate.utils import broadcast_object_list

    answer: list[Any] = [None, None]
    failure: Exception | None = None
    if is_main_process():  # before the broadcast, since this call joins the processes
        try:
            answer[0] = work()
        except Exception as error:
            failure, answer[1] = error, str(error) or repr(error)
    broadcast_object_list(answer, from_process=0)
    if failure is not None:
        raise failure
    if answer[1] is not None:
        raise TrainingError(answer[1])
    value: T = answer[0]
    return value
