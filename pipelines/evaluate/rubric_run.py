"""Replies scored by rubrics: read from a file or asked of a model, checked by a judge, ``rubric.json`` written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.completions.warning_log import kept_notices
from pipelines.evaluate.evaluate_model import EvaluationError
from pipelines.evaluate.result_folder import check_new
from sources.atomic import write_json
from synth.teachers.candidates import author
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher as teacher_of
from synth.teachers.teacher import Teacher
from training.evaluation.evaluation_record import ModelFacts
from training.evaluation.judge_agreement import same_family
from training.evaluation.rubric_scores import RubricRecord, RubricSample, check_samples, replies, score_rubrics

RECORD = "rubric.json"


@dataclass(frozen=True, kw_only=True)
class RubricJob:
    """The file of samples, who judges, and the model that replies unless the file has replies."""

    file: Path
    judge: str
    out: Path
    store: Path
    model: str | None = None
    max_tokens: int = 1024
    limit: int | None = None
    options: TeacherOptions = field(default_factory=TeacherOptions)
    judge_options: TeacherOptions = field(default_factory=TeacherOptions)


def run_rubrics(job: RubricJob, spending: Spending) -> RubricRecord:
    """Ask for replies and verdicts that are not there yet, and write the scores."""
    check_new(job.out)
    samples = list(rubric_samples(job.file))[: job.limit]
    if job.model is None and (lacking := next((one.id for one in samples if not one.response), None)):
        raise EvaluationError(f"{job.file}: {lacking} has no response, expected one in every row, or --model")
    judge = teacher_of(job.judge, job.judge_options)
    model = teacher_of(job.model, job.options) if job.model else None
    with show_progress(2) as progress, kept_notices():
        if model:
            ask = cached_teacher(job.store / FILE, model, spending, progress)
            samples = replies(samples, ask, job.max_tokens)
        checked, failed = check_samples(samples, cached_teacher(job.store / FILE, judge, spending, progress))
    own = same_family(judge.name, model.name if model else None)
    notes = ["judge and judged model are of one family: judges prefer texts of their own family"] if own else []
    record = score_rubrics(
        samples,
        checked,
        failed,
        sabila=version("sabila"),
        model=_facts(model) if model else None,
        judge=_facts(judge),
        notes=notes,
    )
    write_json(job.out / RECORD, record.model_dump(mode="json"))
    return record


def _facts(teacher: Teacher) -> ModelFacts:
    by = author(teacher)
    return ModelFacts(name=by.name, revision=by.revision)


def rubric_samples(file: Path) -> Iterator[RubricSample]:
    """Yield the samples of a jsonl file in HealthBench's form. Raises ``EvaluationError`` with the line of a wrong one.

    Fields: ``prompt_id`` or ``id``; ``prompt``, a text or a list of role and content; ``rubrics``, a list of criterion,
    points and tags; and, if there are any, ``example_tags`` and ``response``.
    """
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise EvaluationError(f"{file} cannot be read: {error.strerror}") from error
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row: dict[str, Any] = orjson.loads(line)
            sample = RubricSample.model_validate(
                {**row, "id": str(row.get("prompt_id", row.get("id", number))), "tags": row.get("example_tags", ())}
            )
        except (ValidationError, ValueError, AttributeError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise EvaluationError(f"{file}, line {number}: {reason}; expected prompt and rubrics") from error
        if sample.id in seen:
            raise EvaluationError(f"{file}, line {number}: id {sample.id!r} is there already, expected different ones")
        seen.add(sample.id)
        yield sample
    if not seen:
        raise EvaluationError(f"{file} has no sample, expected one a line")
