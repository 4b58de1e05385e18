"""The command that starts a run on many devices: accelerate's own launcher, with the settings shipped here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from training.settings import Launch
from training.training_errors import TrainingError

CONFIGS = Path(__file__).parents[1] / "launch_configs"


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
    """Raise ``TrainingError`` where fewer or more processes run than the settings name."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != launch.processes:
        raise TrainingError(
            f"{started} process was started, expected processes {launch.processes}: run {' '.join(command)}"
            if launch.processes > 1
            else f"{started} processes were started, expected 1: set processes to {started}, and parallel"
        )
