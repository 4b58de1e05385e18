"""The engine that a user's options name."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Literal

from pipelines.build.engine import EngineError, StartEngine
from pipelines.build.local_engine import local_engine
from pipelines.build.ray_engine import ray_engine

EngineName = Literal["local", "ray"]


class EngineOptionError(EngineError):
    """Options of the engine that contradict each other."""

    exit_code = 2


def choose_engine(engine: EngineName, ray_address: str | None, workers: int | None, store: Path) -> StartEngine:
    """Return the function that starts the engine; ``workers`` default to this machine's cores or the cluster's CPUs."""
    if engine == "ray":
        return partial(ray_engine, ray_address, workers, store)
    if ray_address:
        raise EngineOptionError(f"--ray-address: got {ray_address!r} without --engine ray, expected both")
    return partial(local_engine, workers or os.cpu_count() or 1)
