"""The record of a run, ``run.json``: inputs, results and costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from sources.license import contradiction, joint
from sources.versions import installed_versions
from training.lineage import describe_step
from training.run.hardware import JOULES_PER_KWH, hardware
from training.run.start_model import ModelFacts
from training.settings import Power, Settings, to_dict

LIBRARIES = ("sabila", "torch", "transformers", "trl", "peft", "accelerate", "datasets")
LAST_STEPS = 10
FIGURES = ("rewards/accuracies", "rewards/margins", "rewards/chosen", "rewards/rejected", "mean_token_accuracy")


def run_record(
    *,
    stage: str,
    identity: str,
    release: dict[str, Any],
    model: ModelFacts,
    rows: dict[str, Any],
    settings: Settings,
    log: Sequence[dict[str, Any]],
    starts: Sequence[dict[str, Any]],
    flops: float,
    passes: float,
    origin: dict[str, Any],
    rounding: dict[str, Any] | None = None,
    evaluations: Sequence[dict[str, Any]] = (),
    kept: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return the record of a run from its log and starts; ``flops`` are the model's own for all ``passes``.

    ``origin`` is the start model with its lineage. ``passes`` is the number of passes over the rows, ``rounding`` the
    share of the training kept in the saved type, ``evaluations`` the loss on held-out rows, ``kept`` the step of each
    part chosen by it. The licence is that of the rows and of the start model together.
    """
    seconds = sum(start["seconds"] for start in starts)
    license = joint([*rows["licenses"], model.license])
    return {
        "stage": stage,
        "identity": identity,
        "finished": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "release": release,
        "start_model": vars_of(model),
        "settings": to_dict(settings),
        "rows": rows,
        "passes": passes,
        "steps": len(log),
        "tokens_seen": tokens_seen(log),
        "loss": {"first": log[0]["loss"], "last": log[-1]["loss"], f"mean_of_last_{LAST_STEPS}": _last(log, "loss")},
        "figures": {name: _last(log, name) for name in FIGURES if name in log[-1]},
        "evaluations": list(evaluations),
        "kept": list(kept),
        "rounding": rounding,
        "seconds": seconds,
        "starts": len(starts),
        "model_tflops_per_device": flops / seconds / settings.launch.processes / 1e12 if seconds else None,
        "energy": energy(starts, settings.power),
        "hardware": {**hardware(), "processes": settings.launch.processes, "machines": settings.launch.machines},
        "license": license,
        "license_conflict": contradiction(license),
        "lineage": describe_step(stage, release, [origin]),
        "libraries": installed_versions(LIBRARIES),
    }


def energy(starts: Sequence[dict[str, Any]], power: Power) -> dict[str, Any]:
    """Return kWh and kg of CO2 over all starts, None where one of them was not measured, and how it was."""
    joules = [start["joules"] for start in starts]
    kwh = None if None in joules else sum(joules) / JOULES_PER_KWH
    return {
        "kwh": kwh,
        "how": sorted({start["how"] for start in starts}),
        "co2_kg": None if kwh is None else kwh * power.co2_grams_per_kwh / 1_000,
        "co2_grams_per_kwh": power.co2_grams_per_kwh,
    }


def tokens_seen(log: Sequence[dict[str, Any]]) -> int:
    """Return the tokens that passed through training; a trainer counts from 0 after each start."""
    counts = [int(line.get("num_tokens", 0)) for line in log]
    return sum(now - before if now > before else now for before, now in zip([0, *counts], counts, strict=False))


def vars_of(model: ModelFacts) -> dict[str, Any]:
    """Return the facts of a model as JSON values."""
    return {name: getattr(model, name) for name in ModelFacts.__dataclass_fields__}


def _last(log: Sequence[dict[str, Any]], name: str) -> float:
    return fmean(line[name] for line in log[-LAST_STEPS:])
