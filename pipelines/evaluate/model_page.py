"""The page on one model or several: scores with intervals, comparisons, curves, examples, red team, bias, risk card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from pipelines.evaluate.compare_results import compare_folders
from pipelines.evaluate.model_results import ModelResults, read_model_results
from pipelines.evaluate.red_team_run import compare_runs
from pipelines.report.page import page
from sources.atomic import write_bytes
from sources.errors import SabilaError
from training.evaluation.evaluation_record import BenchmarkScore, EvaluationRecord, Score
from training.evaluation.item_results import ItemResult
from training.evaluation.red_team_record import AttackRate, RedTeamRecord
from training.evaluation.risk_card import risk_card

TEMPLATE = "model_report.html.jinja"

EXAMPLES = 3
"""Items shown of each kind: right, wrong, and no answer."""

COLORS = 12
"""Colours of the page, one a model, in turn."""

PLOT = {"left": 34.0, "right": 350.0, "top": 16.0, "bottom": 140.0}
"""The area of a plot of 360 by 170 units."""


def write_model_report(folders: Sequence[Path], out: Path) -> Path:
    """Write the page on the results in ``folders``: one HTML file that needs no network."""
    html, _ = page(TEMPLATE, (), **page_values(folders))
    write_bytes(out, html.encode("utf-8", "replace"))
    return out


def page_values(folders: Sequence[Path]) -> dict[str, Any]:
    """Return the values of the page's template."""
    models = read_model_results(folders)
    names = [one.name for one in models]
    return {
        "title": " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} others",
        "models": [{"name": one.name, "color": place % COLORS} for place, one in enumerate(models)],
        "forest": forest(models),
        "comparison": comparisons(models),
        "red_comparison": _red_comparison([folder for one in models for folder in one.red_team_folders]),
        "reliability": [plot for one in models for plot in reliability_plots(one)],
        "curves": [plot for one in models for plot in cost_plots(one)],
        "orders": [row for one in models for row in order_rows(one)],
        "strategies": [row for one in models for row in strategy_rows(one)],
        "paper_figures": [row for one in models for row in figure_rows(one)],
        "leaks": [row for one in models for row in leak_rows(one)],
        "examples": [shown for one in models if (shown := examples(one))],
        "red_teams": [matrix(one.name, record) for one in models for record in one.measured.red_teams],
        "biases": [(one.name, record) for one in models for record in one.measured.biases],
        "judges": models[0].measured.judges,
        "cards": [risk_card(one.name, one.measured) for one in models],
        "index": model_index(models[-1]),
    }


# --- scores --------------------------------------------------------------------------------------------------------


def forest(models: Sequence[ModelResults]) -> list[dict[str, Any]]:
    """Return the scores by benchmark and setting, a line for each model, and the level of chance."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for place, model in enumerate(models):
        for record, score in _scores(model):
            key = score.facts.name, describe_settings(record)
            row = rows.setdefault(key, {"name": key[0], "settings": key[1], "metric": score.metric, "lines": []})
            row["chance"] = score.chance
            row["lines"].append(_line(model.name, place, score.score) | {"no_answer": _no_answer(score)})
    return list(rows.values())


def describe_settings(record: EvaluationRecord) -> str:
    """Return how a benchmark was asked in a few words."""
    one = record.settings
    parts = [one.strategy.name if one.strategy else one.mode]
    parts += [f"{one.samples} samples"] if one.samples > 1 else []
    parts += [f"{one.orders} orders"] if one.orders > 1 else []
    parts += [f"{one.limit:,} items"] if one.limit else []
    parts += [f"of {one.after} and later"] if one.after else []
    return ", ".join(parts)


def _line(name: str, place: int, score: Score) -> dict[str, Any]:
    interval = {"value": score.value, "low": score.low, "high": score.high, "n": score.n}
    return {"model": name, "color": place % COLORS, **interval}


def _no_answer(score: BenchmarkScore) -> int:
    return sum(count for verdict, count in score.counts.items() if verdict not in ("right", "wrong", "scored"))


def _scores(model: ModelResults) -> Iterator[tuple[EvaluationRecord, BenchmarkScore]]:
    for record in model.measured.evaluations:
        yield from ((record, score) for score in record.benchmarks)


def comparisons(models: Sequence[ModelResults]) -> list[dict[str, Any]]:
    """Return the evaluations with the same settings compared with the first of them, or why they cannot be."""
    groups: dict[str, list[Path]] = {}
    for model in models:
        for record, folder in zip(model.measured.evaluations, model.evaluation_folders, strict=True):
            groups.setdefault(record.settings.model_dump_json(), []).append(folder)
    compared = []
    for model in models[:1]:
        for record in model.measured.evaluations:
            folders = groups.pop(record.settings.model_dump_json(), [])
            if len(folders) > 1:
                compared.append({"settings": describe_settings(record), **_compared(compare_folders, folders)})
    return compared


def _compared(compare: Callable[..., Any], *folders: Any) -> dict[str, Any]:
    try:
        return {"result": compare(*folders), "error": None}
    except SabilaError as error:
        return {"result": None, "error": str(error)}


def _red_comparison(folders: Sequence[Path]) -> dict[str, Any] | None:
    if len(folders) < 2:
        return None
    return _compared(compare_runs, folders[0], folders[1])


# --- plots ---------------------------------------------------------------------------------------------------------


def _x(share: float) -> float:
    return round(PLOT["left"] + share * (PLOT["right"] - PLOT["left"]), 1)


def _y(share: float) -> float:
    return round(PLOT["bottom"] - share * (PLOT["bottom"] - PLOT["top"]), 1)


def reliability_plots(model: ModelResults) -> list[dict[str, Any]]:
    """Return accuracy against confidence, bin by bin, of every benchmark whose answers have a confidence."""
    plots = []
    for record, score in _scores(model):
        if calibration := score.calibration:
            points = [
                {"x": _x(confidence), "y": _y(accuracy), "n": n, "confidence": confidence, "accuracy": accuracy}
                for _, _, n, confidence, accuracy in calibration.bins
            ]
            title = f"{model.name}, {score.facts.name}, {describe_settings(record)}"
            error = calibration.expected_calibration_error
            plots.append(
                {"title": title, "points": points, "error": error, "brier": calibration.brier, "n": calibration.n}
            )
    return plots


def cost_plots(model: ModelResults) -> list[dict[str, Any]]:
    """Return accuracy against calls a question of every strategy with more than one point."""
    plots = []
    for record, score in _scores(model):
        if score.strategy is None or len(score.strategy.curve) < 2:
            continue
        most = max(part.calls for part in score.strategy.curve)
        highest = max(part.accuracy.high for part in score.strategy.curve)
        points = [
            {
                "x": _x(part.calls / most),
                "y": _y(part.accuracy.value / highest),
                "low": _y(part.accuracy.low / highest),
                "high": _y(part.accuracy.high / highest),
                "stop": part.name.startswith(("stop", "as it")),
                "part": part,
            }
            for part in score.strategy.curve
        ]
        title = f"{model.name}, {score.facts.name}, {describe_settings(record)}"
        plots.append({"title": title, "points": points, "most": most, "highest": highest})
    return plots


# --- tables --------------------------------------------------------------------------------------------------------


def order_rows(model: ModelResults) -> list[dict[str, Any]]:
    """Return the scores by order of the options, and how often the choice changes."""
    return [
        {"model": model.name, "benchmark": score.facts.name, "orders": score.orders}
        for _, score in _scores(model)
        if score.orders
    ]


def leak_rows(model: ModelResults) -> list[dict[str, Any]]:
    """Return the scores of items that the model's training releases leak, do not leak, or were not compared with."""
    return [
        {"model": model.name, "benchmark": score.facts.name, "how": describe_settings(record), "scores": score.leaks}
        for record, score in _scores(model)
        if score.leaks
    ]


def figure_rows(model: ModelResults) -> list[dict[str, Any]]:
    """Return the further figures that papers report next to a score."""
    return [
        {"model": model.name, "benchmark": score.facts.name, "how": describe_settings(record), "figure": figure}
        for record, score in _scores(model)
        for figure in score.figures
    ]


def strategy_rows(model: ModelResults) -> list[dict[str, Any]]:
    """Return the calls, tokens and samples of each strategy."""
    return [
        {
            "model": model.name,
            "benchmark": score.facts.name,
            "how": describe_settings(record),
            "strategy": score.strategy,
        }
        for record, score in _scores(model)
        if score.strategy
    ]


def examples(model: ModelResults) -> dict[str, Any] | None:
    """Return the first items of each kind that have a text: right, wrong, no answer; None without any."""
    kinds = {
        "right": ("right",),
        "wrong": ("wrong",),
        "no answer": ("abstained", "unparsed", "ambiguous", "truncated", "failed"),
    }
    items_of = {kind: list(islice(_with_text(model.items, verdicts), EXAMPLES)) for kind, verdicts in kinds.items()}
    return {"model": model.name, "kinds": items_of} if any(items_of.values()) else None


def _with_text(items: Sequence[ItemResult], verdicts: tuple[str, ...]) -> Iterator[ItemResult]:
    return (one for one in items if one.verdict in verdicts and one.text)


def matrix(name: str, record: RedTeamRecord) -> dict[str, Any]:
    """Return attack success by style and topic as rows of cells; a cell without a verdict has no rate."""
    cells = {(one.style, one.topic): one for one in record.matrix}
    topics = [str(one.topic) for one in record.topics]
    rows = [
        {"style": one.style, "all": one, "cells": [cells.get((one.style, topic)) for topic in topics]}
        for one in record.styles
    ]
    return {"model": name, "record": record, "topics": topics, "rows": rows, "shade": shade}


def shade(one: AttackRate | None) -> str:
    """Return the class of a cell: its rate in five steps, or that it has none."""
    if one is None or one.rate is None:
        return "none"
    return f"h{min(4, int(one.rate.value * 5))}"


# --- the Hub -------------------------------------------------------------------------------------------------------


def model_index(model: ModelResults) -> str:
    """Return the results of a model as the ``model-index`` of a Hub model card, in YAML."""
    entries = []
    for record, score in _scores(model):
        interval = score.score
        about = (
            f"{describe_settings(record)}; 95% interval {interval.low:.4f} to {interval.high:.4f}, {interval.n} items"
        )
        entries.append(
            {
                "task": {"type": "question-answering"},
                "dataset": {"name": score.facts.title, "type": score.facts.corpus, "split": score.facts.split},
                "metrics": [{"type": score.metric, "name": about, "value": round(interval.value, 4)}],
            }
        )
    index = {"model-index": [{"name": model.name, "results": entries}]}
    return yaml.safe_dump(index, sort_keys=False, allow_unicode=True) if entries else ""
