"""Plots of a run's metrics by step, where matplotlib is installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PLOTS = {"loss.png": "loss", "accuracy.png": "rewards/accuracies"}
"""Plots in a model's folder, and the metric of the log that each shows."""


def save_plots(log: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Write the plots of a log into a folder and return their names, none without matplotlib."""
    if find_spec("matplotlib") is None:
        return []
    written = [(name, figure) for name, figure in PLOTS.items() if figure in log[-1]]
    for name, figure in written:
        save_curve(folder / name, [line[figure] for line in log], figure)
    return [name for name, _ in written]


def save_curve(path: Path, values: Sequence[float], name: str) -> None:
    """Plot values by step, counted from 1, as a PNG of 960 by 480 pixels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 4.8), dpi=100, layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel=name)
    axes.plot(range(1, len(values) + 1), values, marker="." if len(values) == 1 else None)
    axes.grid(alpha=0.3)
    figure.savefig(path)
