"""A judge measured on labelled cases: requests sent through the store, results in ``judge.json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import ValidationError

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.completions.warning_log import kept_notices
from pipelines.evaluate.evaluate_model import EvaluationError
from pipelines.evaluate.guard_model import guard_settings
from pipelines.evaluate.result_folder import check_new
from pipelines.own_files.file_tables import scan
from sources.atomic import write_json
from synth.judges.guard_formats import FormatName
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher as teacher_of
from training.evaluation.judge_agreement import JudgeRecord, Kind, LabelledCase, measure_judge
from training.evaluation.red_team import model_facts

RECORD = "judge.json"
LABELS: dict[Kind, tuple[str, ...]] = {"guard": ("safe", "unsafe"), "pair": ("first", "second", "tie")}
COLUMNS: dict[Kind, tuple[str, ...]] = {
    "guard": ("prompt", "response", "label"),
    "pair": ("prompt", "first", "second", "label"),
}


@dataclass(frozen=True, kw_only=True)
class JudgeJob:
    """Which judge is measured on which file; ``judged`` names the model that it is to judge."""

    judge: str
    file: Path
    kind: Kind
    out: Path
    store: Path
    protocol: Literal["chat", "prompt"] = "prompt"
    format: FormatName | None = None
    judged: str | None = None
    options: TeacherOptions = field(default_factory=TeacherOptions)


def run_judge(job: JudgeJob, spending: Spending) -> JudgeRecord:
    """Ask a judge about labelled cases, twice and in both orders, and write the record."""
    check_new(job.out)
    cases = labelled_cases(job.file, job.kind)
    judge = teacher_of(job.judge, job.options)
    guard = None
    if job.kind == "guard":
        guard = guard_settings(judge, job.protocol, job.format)
    with show_progress(1) as progress, kept_notices():
        ask = cached_teacher(job.store / FILE, judge, spending, progress)
        record = measure_judge(cases, job.kind, ask, judge=model_facts(judge), guard=guard, judged=job.judged)
    write_json(job.out / RECORD, record.model_dump(mode="json"))
    return record


def labelled_cases(file: Path, kind: Kind) -> list[LabelledCase]:
    """Return the cases of a table. Raises ``EvaluationError`` for a missing column, an unknown label, a repeated id."""
    table = scan([file]).collect()
    if missing := [name for name in COLUMNS[kind] if name not in table.columns]:
        raise EvaluationError(f"{file} has no column {missing[0]!r}, expected {', '.join(COLUMNS[kind])}")
    if "id" not in table.columns:
        table = table.with_row_index("id")
    table = table.with_columns(pl.col("id", *COLUMNS[kind]).cast(pl.String))
    try:
        cases = [LabelledCase.model_validate(row) for row in table.iter_rows(named=True)]
    except ValidationError as error:
        raise EvaluationError(f"{file}: {error.errors()[0]['loc'][0]} is missing in a row, expected text") from error
    unknown = next((one for one in cases if one.label not in LABELS[kind]), None)
    if unknown:
        raise EvaluationError(
            f"{file}: label of {unknown.id} is {unknown.label!r}, expected one of {', '.join(LABELS[kind])}"
        )
    if len({one.id for one in cases}) < len(cases) or not cases:
        raise EvaluationError(f"{file} has {len(cases):,} cases with repeated ids or none, expected different ones")
    return cases
