"""The devices of a run: type, speed and energy."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

JOULES_PER_KWH = 3_600_000
SMALLEST_SIDE, LARGEST_SIDE = 256, 8_192
TIMED_S = 0.02
"""Least duration of a timed product; the next one takes eight times as long at most."""


def hardware() -> dict[str, Any]:
    """Return the devices visible to this process, with memory in bytes, and the machine they are in."""
    import torch

    gpus = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return {
        "devices": [{"name": gpu.name, "memory_bytes": gpu.total_memory} for gpu in gpus],
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
    }


def matmul_rate(compute: str) -> float:
    """Return the floating-point operations per second of one device, measured on square matrices for a few seconds at
    most.

    The matrices grow until a product takes long enough to be timed; the largest has a side of 8,192.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    side, took = SMALLEST_SIDE, 0.0
    while True:
        matrix = torch.ones(side, side, device=device, dtype=getattr(torch, DTYPES[compute]))
        took = min(_product_seconds(matrix) for _ in range(3))
        if took >= TIMED_S or side >= LARGEST_SIDE:
            return float(2 * side**3 / took)
        side *= 2


def _product_seconds(matrix: Any) -> float:
    start = time.perf_counter()
    float((matrix @ matrix)[0, 0])  # reading a number waits for the device
    return max(time.perf_counter() - start, 1e-9)


def device_name() -> str:
    """Return the name of the device that a run would use."""
    import torch

    return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else "this machine's CPU"


DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""torch's names of the types in settings; models are saved in any of them, and trained in the first two."""


@dataclass(frozen=True, kw_only=True)
class Meter:
    """The energy since its creation, in ``joules``, or None without a meter; ``how`` names the meter."""

    how: str
    joules: Callable[[], float | None]


def meter(watts: float | None, processes: int, machines: int) -> Meter:
    """Return a meter over NVML's counters of the visible GPUs, else over given ``watts`` per process, else over none.

    NVML counts the GPUs of this machine; those of other machines are assumed to draw as much.
    """
    counters = _nvml_counters(max(1, processes // machines))
    if counters:
        first = [counter() for counter in counters]

        def measured() -> float:
            return machines * sum(counter() - start for counter, start in zip(counters, first, strict=True)) / 1e3

        return Meter(how=f"NVML, {len(counters)} GPUs of each machine", joules=measured)
    if watts is None:
        return Meter(how="not measured: no NVML, and no watts given", joules=lambda: None)
    start = time.monotonic()
    return Meter(
        how=f"declared: {watts:g} W for each of {processes} processes",
        joules=lambda: watts * processes * (time.monotonic() - start),
    )


def _nvml_counters(gpus: int) -> list[Callable[[], int]]:
    """Return functions that read the millijoules each visible GPU has taken since its driver was loaded."""
    import torch

    if not torch.cuda.is_available():
        return []
    with suppress(ImportError):
        import pynvml

        with suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            counters = [_counter(pynvml, number) for number in range(min(gpus, torch.cuda.device_count()))]
            for counter in counters:
                counter()
            return counters
    return []


def _counter(pynvml: Any, number: int) -> Callable[[], int]:
    import torch

    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(number).uuid}")
    return lambda: int(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))
