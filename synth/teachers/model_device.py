"""Where a transformers model computes on this machine, and in which precision."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

LOGGER = logging.getLogger("sabila.teacher")


def to_device(network: Any, device: str | None = None) -> Any:
    """Return a loaded model on ``device`` (the first GPU, else the CPU), ready for inference.

    On a CPU its weights become 32-bit floats: one without 16-bit instructions emulates them, which took seven times as
    long, and 32 bits give the same values on every CPU. A model too large for that stays as it is, with a warning.
    """
    torch = import_module("torch")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if torch.device(device).type == "cpu" and network.dtype in (torch.bfloat16, torch.float16):
        needed, free = 2 * network.get_memory_footprint(), _free_memory()
        if needed <= free:
            network = network.float()
        else:
            LOGGER.warning(
                "%s: 32-bit weights need %.1f GB and %.1f GB are free: it computes in %s, which most CPUs do slowly; "
                "use a GPU, or a GGUF file with llamacpp:FILE",
                network.name_or_path,
                needed / 1e9,
                free / 1e9,
                str(network.dtype).removeprefix("torch."),
            )
    return network.to(device).eval()


def _free_memory() -> int:
    """Return the bytes that a process can take without swapping; unlimited where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 2**63
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 2**63)
