"""Candidates of language models by verdict, with a few examples of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from pipelines.release.screening import Screening
from pipelines.release.step_figures import with_generators
from pipelines.report.all_rows import ReleaseView
from pipelines.report.paired_rows import order
from sources.formats.literal import scan_parquet

ACCEPTED = ("kept", "right", "agrees")
"""Verdicts of candidates that are not rejected; ``right`` ones are correct, but were not needed."""

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

    One entry a step, generator (None in steps without) and stage: ``step``, ``generator``, ``stage``, ``teachers``,
    ``candidates``, ``accepted``, token counts, and ``verdicts``, each with its ``rows`` and ``examples``.
    """
    files, generators = (_paths_by_step(release, name) for name in ("candidates", "generators"))
    stages = []
    for step, paths in files.items():
        candidate_rows = with_generators(scan_parquet(paths).select(_COLUMNS), generators.get(step, []))
        light = candidate_rows.drop("text").collect()
        for generator, stage in light.select("generator", "stage").unique().sort("generator", "stage").iter_rows():
            own = pl.col("generator").eq_missing(pl.lit(generator)) & (pl.col("stage") == stage)
            counted = _stage(release.screening, light.filter(own), candidate_rows.filter(own))
            stages.append({"step": step, "generator": generator, "stage": stage, **counted})
    return stages


def _paths_by_step(release: ReleaseView, table: str) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for step, path in release.parts(table):
        files.setdefault(step, []).append(path)
    return files


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


def _stage(screening: Screening, light: pl.DataFrame, candidate_rows: pl.LazyFrame) -> dict[str, Any]:
    by = light.group_by("verdict").agg(rows=pl.len()).sort("rows", "verdict", descending=[True, False])
    examples = _examples(screening, light, candidate_rows)
    return {
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


def _examples(
    screening: Screening, light: pl.DataFrame, candidate_rows: pl.LazyFrame
) -> dict[str, list[dict[str, Any]]]:
    """Return some candidates of each verdict, chosen by the hash of their rows' ids."""
    rejected = light.filter(~pl.col("verdict").is_in(ACCEPTED)).sort("sample").unique(["verdict", "id"], keep="first")
    shuffled = rejected.with_columns(drawn=order(rejected["id"])).sort("verdict", "drawn")
    chosen = shuffled.group_by("verdict", maintain_order=True).head(EXAMPLES)
    keys = ("id", "sample", "verdict")
    texts = (
        candidate_rows.join(chosen.lazy().select(keys), on=keys, how="semi").collect().sort("verdict", "id", "sample")
    )
    shown: dict[str, list[dict[str, Any]]] = {}
    for row in screening.values(texts.rows(named=True)):
        shown.setdefault(row["verdict"], []).append(row)
    return shown
