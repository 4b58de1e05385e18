"""Folders of results of any kind, read and grouped by model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pipelines.evaluate.bias_run import RECORD as BIAS
from pipelines.evaluate.judge_run import RECORD as JUDGE
from pipelines.evaluate.red_team_run import RECORD as RED_TEAM
from pipelines.evaluate.red_team_run import read_record
from pipelines.evaluate.result_folder import RESULTS, ResultsError, read_results
from training.evaluation.bias_sets import BiasRecord
from training.evaluation.item_results import ItemResult
from training.evaluation.judge_agreement import JudgeRecord
from training.evaluation.risk_card import Measured


@dataclass(kw_only=True)
class ModelResults:
    """All results of one model, the folders they were read from, and the items of its evaluations."""

    name: str
    measured: Measured = field(default_factory=Measured)
    evaluation_folders: list[Path] = field(default_factory=list)
    red_team_folders: list[Path] = field(default_factory=list)
    items: list[ItemResult] = field(default_factory=list)


def read_model_results(folders: Sequence[Path]) -> list[ModelResults]:
    """Return the results by model, in the order in which the models are first named.

    A judge belongs to every model. Raises ``ResultsError`` for a folder without results.
    """
    models: dict[str, ModelResults] = {}
    judges: list[JudgeRecord] = []
    for folder in folders:
        if (folder / JUDGE).is_file():
            judges.append(_parsed(folder / JUDGE, JudgeRecord))
            continue
        if (folder / RESULTS).is_file():
            results = read_results(folder)
            one = _of(models, results.record.model.name, results.record.model.revision)
            one.measured = _with(one.measured, evaluations=[*one.measured.evaluations, results.record])
            one.evaluation_folders.append(folder)
            one.items += results.items
        elif (folder / RED_TEAM).is_file():
            record = read_record(folder)
            one = _of(models, record.model.name, record.model.revision)
            one.measured = _with(one.measured, red_teams=[*one.measured.red_teams, record])
            one.red_team_folders.append(folder)
        elif (folder / BIAS).is_file():
            bias = _parsed(folder / BIAS, BiasRecord)
            one = _of(models, bias.model.name, bias.model.revision)
            one.measured = _with(one.measured, biases=[*one.measured.biases, bias])
        else:
            names = ", ".join((RESULTS, RED_TEAM, BIAS, JUDGE))
            raise ResultsError(f"{folder} has none of {names}, expected a folder that sabila wrote results to")
    if not models:
        raise ResultsError("no results of a model were named, expected a folder of sabila evaluate, redteam or bias")
    for one in models.values():
        one.measured = _with(one.measured, judges=judges)
    return list(models.values())


def _of(models: dict[str, ModelResults], name: str, revision: str) -> ModelResults:
    """Return the results of a model; a teacher's kind is no part of its name, and equal names differ by revision."""
    short = name.partition(":")[2] if name.partition(":")[0] in KINDS else name
    known = models.setdefault(f"{short} {revision}", ModelResults(name=short))
    twins = [one for key, one in models.items() if key.rpartition(" ")[0] == short]
    if len(twins) > 1:
        for key, one in models.items():
            if one in twins:
                one.name = f"{short} @{key.rpartition(' ')[2][:8]}"
    return known


Record = TypeVar("Record", bound=BaseModel)

KINDS = ("openai", "vllm", "transformers", "llamacpp", "loglikelihood")


def _with(measured: Measured, **changes: object) -> Measured:
    return measured.model_copy(update=changes)


def _parsed(path: Path, kind: type[Record]) -> Record:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ResultsError(f"{path} cannot be read ({str(error).splitlines()[0]}): measure again") from error
