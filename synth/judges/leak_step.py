"""The step of leaks in a recipe with models: an embedder for other words and languages, a judge for doubts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_config

from quality.decontamination.find_leaks import Decontaminate
from quality.decontamination.leaking_rows import drop_leaks
from quality.decontamination.neighbors import Embed
from quality.outcome import Outcome
from synth.judges.leak_judge import leak_judge
from synth.teachers.embedders import embedder, model_and_threshold, revision_of
from synth.teachers.specs import teacher

THRESHOLD = 0.9
"""Least cosine of a row's question and an item's that makes a leak, unless the spec names another."""


@checked_config(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ModelLeaks:
    """The layers of words, the embedding model with the hash of its files, and the judge; either may be none."""

    layers: Decontaminate = Field(default_factory=Decontaminate)
    embedder: str | None = None
    embedder_revision: str = ""
    judge: str | None = None


def model_leaks(spec: str | None, judge: str | None) -> ModelLeaks:
    """Return the settings that ``MODEL`` or ``MODEL@THRESHOLD`` names; ``ValueError`` where the threshold is none."""
    if spec is None:
        return ModelLeaks(judge=judge)
    model, least = model_and_threshold("leak_embedder", spec, THRESHOLD)
    layers = Decontaminate(similarity=least)
    return ModelLeaks(layers=layers, embedder=model, embedder_revision=revision_of(model), judge=judge)


def drop_leaks_with_models(rows: pl.DataFrame, config: ModelLeaks, benchmarks: tuple[Path, ...]) -> Outcome:
    """Return the rows, those that leak dropped, as ``leaking_rows.drop_leaks`` does, with the models' help."""
    embed = _loaded(config.embedder) if config.embedder else None
    judge = leak_judge(teacher(config.judge)) if config.judge else None
    return drop_leaks(rows, config.layers, benchmarks, embed=embed, judge=judge)


@lru_cache(maxsize=1)
def _loaded(spec: str) -> Embed:
    return embedder(spec)
