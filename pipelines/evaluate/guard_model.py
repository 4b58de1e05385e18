"""The settings of a guard model that a verb names."""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationError

from pipelines.evaluate.evaluate_model import EvaluationError
from synth.judges.guard import Guard
from synth.judges.guard_formats import FormatName
from synth.teachers.candidates import author
from synth.teachers.teacher import Teacher


def guard_settings(guard: Teacher, protocol: Literal["chat", "prompt"], format: FormatName | None) -> Guard:
    """Return how a guard is asked and read. Raises ``EvaluationError`` where its family must be known and is not."""
    try:
        return Guard(generated_by=author(guard), protocol=protocol, format=format)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise EvaluationError(f"{reason} (--guard-format, --guard-protocol)") from error
