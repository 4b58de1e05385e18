"""The forecast of a run: tokens, steps, memory and time, and their formulas."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from training.data.token_rows import TokenRows
from training.model_license import UNKNOWN_LICENSE
from training.run.hardware import device_name, matmul_rate
from training.run.start_model import ModelFacts
from training.settings import Dpo, Settings, accumulation

UTILISATION = 0.4
"""Share of a device's rate that training is expected to reach."""

BYTES = {"fp32": 4, "bf16": 2}
STATE_BYTES = {"adamw_torch": 2, "adamw_torch_fused": 2, "adamw_bnb_8bit": 0, "adafactor": 0}
"""Moments of an optimiser in the type of the weights; those of the 8-bit one take two bytes together."""

QUANTISED_BYTES = 0.55
"""A weight in 4 bits with its scales (QLoRA, arXiv 2305.14314, section 3)."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Expected cost of a run: steps in all, bytes per device, seconds; ``notes`` are warnings."""

    rows: int
    sequences: int
    too_long: int
    tokens: int
    label_tokens: int
    steps: int
    tokens_in_all: int
    parameters: int
    trained_parameters: int
    memory_bytes: int
    disk_bytes: int
    device_flops: float
    rate_from: str
    seconds: float
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the forecast as JSON values."""
        return asdict(self)


def forecast(rows: TokenRows, model: ModelFacts, settings: Settings) -> Forecast:
    """Return the cost of training ``model`` on ``rows``; the rate of a device is given in the settings, or measured
    now.
    """
    rate = settings.power.tflops * 1e12 if settings.power.tflops else matmul_rate(settings.precision.compute)
    steps, passes = steps_and_passes(len(rows.dataset), settings)
    work = passes * pass_flops(rows, model, settings)
    return Forecast(
        rows=rows.kept,
        sequences=len(rows.dataset),
        too_long=len(rows.too_long),
        tokens=rows.tokens,
        label_tokens=rows.label_tokens,
        steps=steps,
        tokens_in_all=round(rows.tokens * passes),
        parameters=model.parameters,
        trained_parameters=trained_parameters(model, settings),
        memory_bytes=memory_bytes(rows, model, settings),
        disk_bytes=disk_bytes(model, settings),
        device_flops=rate,
        rate_from="declared as tflops" if settings.power.tflops else f"measured on {device_name()}",
        seconds=work / (rate * UTILISATION * settings.launch.processes),
        notes=tuple(_notes(rows, model, settings, steps)),
    )


def forecast_lines(expected: dict[str, Any]) -> list[str]:
    """Return the lines that describe a forecast, in the form of ``to_dict``."""
    memory, disk = expected["memory_bytes"] / 1e9, expected["disk_bytes"] / 1e9
    return [
        "rows: {rows:,} in {sequences:,} sequences, {too_long:,} were too long".format(**expected),
        "tokens: {tokens:,} in the rows, {label_tokens:,} of them labels; {tokens_in_all:,} in all passes".format(
            **expected
        ),
        "steps: {steps:,}".format(**expected),
        f"memory: {memory:,.2f} GB per device; disk: {disk:,.2f} GB",
        f"time: about {duration(expected['seconds'])}, taking {UTILISATION:.0%} of "
        f"{expected['device_flops'] / 1e12:,.3g} TFLOP/s per device, {expected['rate_from']}",
        *(f"note: {note}" for note in expected["notes"]),
    ]


def duration(seconds: float) -> str:
    """Return a time in minutes, hours or days, as text."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}" if seconds >= 20 * size else f"{seconds / size:,.1f} {unit}"
    return f"{max(seconds, 1):,.0f} s"


def steps_and_passes(sequences: int, settings: Settings) -> tuple[int, float]:
    """Return the optimiser's steps over all chunks, and the number of passes over the rows."""
    schedule, per_step = settings.schedule, settings.batch.device_batch * settings.launch.processes
    parts = chunk_sizes(sequences, settings.preference.chunks) if isinstance(settings, Dpo) else [sequences]
    steps = 0
    for part in parts:
        in_epoch = math.ceil(math.ceil(part / per_step) / accumulation(settings))
        all_steps = math.ceil(schedule.epochs * in_epoch)
        steps += min(all_steps, schedule.max_steps or all_steps)
    at_most = sequences * schedule.epochs
    seen = min(at_most, steps * settings.batch.global_batch) if schedule.max_steps else at_most
    return steps, seen / sequences


def chunk_sizes(rows: int, chunks: int) -> list[int]:
    """Return the sizes of nearly equal chunks of all rows, the larger ones first."""
    return [rows // chunks + (number < rows % chunks) for number in range(chunks)]


def model_flops(tokens: int, sum_squared_lengths: int, model: ModelFacts) -> float:
    """Return the operations of a forward and backward pass without recomputation, as utilisation counts them.

    Six per weight and token, and six times layers, width and the square of each row's length for causal attention
    (PaLM, arXiv 2204.02311, appendix B, halved as a token attends to half of its row).
    """
    return 6.0 * model.matrices * tokens + 6.0 * model.layers * model.hidden * sum_squared_lengths


def squared_lengths(rows: TokenRows, settings: Settings) -> int:
    """Return the sum of the squared lengths of all rows; a preference pair counts as two of its length."""
    return 2 * rows.sum_squared_lengths if isinstance(settings, Dpo) else rows.sum_squared_lengths


def pass_flops(rows: TokenRows, model: ModelFacts, settings: Settings) -> float:
    """Return the operations of one pass over the rows, recomputed activations and a reference model included."""
    forward = model_flops(rows.tokens, squared_lengths(rows, settings), model) / 3
    again = 1 if settings.precision.gradient_checkpointing else 0
    return forward * (3 + again + (1 if isinstance(settings, Dpo) else 0))


def trained_parameters(model: ModelFacts, settings: Settings) -> int:
    """Return the number of trained weights; for an adapter an estimate, seven square matrices per layer."""
    if settings.adapter.kind == "full":
        return model.parameters
    return 7 * model.layers * 2 * model.hidden * settings.adapter.rank


def memory_bytes(rows: TokenRows, model: ModelFacts, settings: Settings) -> int:
    """Return the bytes expected on one device: weights, gradients, moments, reference model, activations.

    Activations are 34 bytes for each token and width in a layer, of which checkpointing keeps two and one layer whole
    (arXiv 2205.05198, section 4.1, with attention that keeps no matrix of scores; the head is computed in parts).
    """
    size, trained = BYTES[settings.precision.weights], trained_parameters(model, settings)
    share = {"fsdp": (1, 1, 1), "deepspeed_zero3": (1, 1, 1), "deepspeed_zero2": (0, 1, 1)}
    cut = [settings.launch.processes if flag else 1 for flag in share.get(settings.launch.parallel, (0, 0, 0))]
    weight_bytes = QUANTISED_BYTES if settings.adapter.kind == "qlora" else size
    weights = model.parameters * weight_bytes / cut[0]
    moments = trained * (STATE_BYTES[settings.schedule.optimizer] * size or 2) / cut[2]
    state = weights + trained * size / cut[1] + moments
    if isinstance(settings, Dpo) and settings.adapter.kind == "full" and not settings.preference.precompute_reference:
        state += weights
    return round(state + _activation_bytes(rows, model, settings))


def _activation_bytes(rows: TokenRows, model: ModelFacts, settings: Settings) -> float:
    length = settings.batch.sequence if settings.batch.packing else rows.longest
    tokens = length * settings.batch.device_batch * (2 if isinstance(settings, Dpo) else 1)
    layer = 34 * tokens * model.hidden * BYTES[settings.precision.compute] / 2
    kept = 2 * tokens * model.hidden * model.layers
    return layer + kept if settings.precision.gradient_checkpointing else layer * model.layers


def disk_bytes(model: ModelFacts, settings: Settings) -> int:
    """Return the bytes that a run needs at once: the checkpoints it keeps, one more, and its result.

    A checkpoint includes the trained weights and their moments; preference chunks keep two models as well.
    """
    size, trained = BYTES[settings.precision.weights], trained_parameters(model, settings)
    checkpoint = trained * (size + (STATE_BYTES[settings.schedule.optimizer] * size or 2))
    models = 3 if isinstance(settings, Dpo) else 1
    return (settings.saving.keep + 1) * checkpoint + models * model.parameters * size


def _notes(rows: TokenRows, model: ModelFacts, settings: Settings, steps: int) -> list[str]:
    notes = []
    for done, reason, count in _commonest(rows.notes):
        notes.append(f"{count:,} rows: {done} ({reason}), see row_notes.jsonl")
    if rows.packing_off:
        notes.append(
            f"packing is off: {rows.packing_off}; a batch has {settings.batch.global_batch} rows, not as many packs"
        )
    precision, schedule = settings.precision, settings.schedule
    if precision.weights == "bf16" and schedule.learning_rate < 1e-5 and settings.adapter.kind == "full":
        notes.append(
            f"weights in bf16 lose steps as small as a learning rate of {schedule.learning_rate:g} makes: keep fp32"
        )
    narrow = model.dtype != "float32" if settings.saving.saved_as == "start" else settings.saving.saved_as != "fp32"
    if precision.weights == "fp32" and narrow and schedule.learning_rate < 1e-5 and settings.adapter.kind == "full":
        notes.append(
            f"changes as small as a learning rate of {schedule.learning_rate:g} makes may be lost when the model is "
            "saved in 16 bits; the record says how many are left: set saved_as to fp32 to keep them"
        )
    if settings.power.tflops is None and device_name().endswith("CPU"):
        notes.append("no GPU was found, the time is that of a CPU: give the rate of the device to use by tflops")
    if schedule.warmup_steps > steps / 2:
        notes.append(f"warm-up takes {schedule.warmup_steps} of {steps} steps")
    if model.license == UNKNOWN_LICENSE:
        notes.append("the start model states no licence: name it by base_license, or the result cannot be published")
    return notes


def _commonest(notes: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """Return the action on rows, with its most common reason and the number of rows."""
    actions = []
    for done in dict.fromkeys(note["done"] for note in notes):
        reasons = Counter(note["reason"] for note in notes if note["done"] == done)
        actions.append((done, max(sorted(reasons), key=reasons.__getitem__), reasons.total()))
    return actions
