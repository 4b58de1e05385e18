"""Candidates of language models by verdict, with a few examples of each."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.release.screening import Screening
from pipelines.report.all_rows import ReleaseView
from pipelines.report.paired_rows import order
from sources.literal import scan_parquet

ACCEPTED = ("kept", "right", "agrees")
"""Verdicts of candidates that are not rejected: ``right`` ones were good and not needed."""

EXAMPLES = 2

_COLUMNS = (
    "id",
    "stage",
    "sample",
    "teacher",
    "text",
    "verdict",
    "parsed",
    "detail",
    "prompt_tokens",
    "completion_tokens",
)


def candidates(release: ReleaseView) -> list[dict[str, Any]]:
    """Return, for each step that called a teacher, its candidates by stage and verdict, counted from the store.

    One entry per step and stage: ``step``, ``stage``, ``teachers``, ``candidates``, ``accepted``, token counts, and
    ``verdicts``, each with its ``rows`` and ``examples``.
    """
    files: dict[str, list[Any]] = {}
    for step, path in release.parts("candidates"):
        files.setdefault(step, []).append(path)
    stages = []
    for step, paths in files.items():
        found = scan_parquet(paths).select(_COLUMNS)
        light = found.drop("text").collect()
        for stage in sorted(light["stage"].unique()):
            stages.append(_stage(release.screening, step, stage, light.filter(stage=stage), found.filter(stage=stage)))
    return stages


def pair_counts(release: ReleaseView) -> list[dict[str, Any]]:
    """Return, for each step that made preference pairs, the numbers made, kept and dropped by reason."""
    return [
        {
            "step": part.step,
            "rows": part.proposed,
            "kept": part.kept,
            "left_out": sorted(part.reasons.items(), key=lambda reason: (-reason[1], reason[0])),
        }
        for part in release.manifest.card_figures.proposed_pairs
    ]


def _stage(screening: Screening, step: str, stage: str, light: pl.DataFrame, found: pl.LazyFrame) -> dict[str, Any]:
    by = light.group_by("verdict").agg(rows=pl.len()).sort("rows", "verdict", descending=[True, False])
    examples = _examples(screening, light, found)
    return {
        "step": step,
        "stage": stage,
        "teachers": sorted(light["teacher"].drop_nulls().unique()),
        "candidates": light.height,
        "accepted": int(light["verdict"].is_in(ACCEPTED).sum()),
        "prompt_tokens": int(light["prompt_tokens"].sum()),
        "completion_tokens": int(light["completion_tokens"].sum()),
        "verdicts": [
            {
                "verdict": verdict,
                "rows": rows,
                "share": rows / light.height,
                "accepted": verdict in ACCEPTED,
                "examples": examples.get(verdict, []),
            }
            for verdict, rows in by.iter_rows()
        ],
    }


def _examples(screening: Screening, light: pl.DataFrame, found: pl.LazyFrame) -> dict[str, list[dict[str, Any]]]:
    """Return some candidates of each verdict, chosen by the hash of their rows' ids."""
    rejected = light.filter(~pl.col("verdict").is_in(ACCEPTED)).unique(["verdict", "id"], maintain_order=True)
    drawn = rejected.with_columns(drawn=order(rejected["id"])).sort("verdict", "drawn")
    chosen = drawn.group_by("verdict", maintain_order=True).head(EXAMPLES)
    keys = ("id", "sample", "verdict")
    texts = found.join(chosen.lazy().select(keys), on=keys, how="semi").collect().sort("verdict", "id", "sample")
    shown: dict[str, list[dict[str, Any]]] = {}
    for row in screening.values(texts.rows(named=True)):
        shown.setdefault(row["verdict"], []).append(row)
    return shown
