"""State shared by all steps of one build: store, engine, teachers, progress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Protocol

from pipelines.build.engine import Engine
from pipelines.build.shared_steps import SharedSteps
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import GenerateProgress
from pipelines.storage.store import Store
from sources.releases.manifest_model import StepSummary
from synth.teachers.specs import with_options
from synth.teachers.teacher import Answered, Ask, Request, Teacher


class Progress(GenerateProgress, Protocol):
    """Receiver of a build's progress; called from several threads."""

    def started(self, step: str, shards: int) -> None:
        """A step starts a pass over this number of shards."""

    def advanced(self, step: str, rows: int) -> None:
        """A shard of a step is done."""

    def finished(self, step: str, summary: StepSummary, shards: int, reused: int) -> None:
        """A step is complete; ``reused`` of its ``shards`` were made by an earlier build."""

    def waiting(self, step: str) -> None:
        """Another build is running this step."""

    def fetched(self, step: str, summary: StepSummary) -> None:
        """A step was fetched from the shared store."""


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """State shared by all steps of one build; ``requesting`` are fields of ``TeacherOptions`` for this run.

    ``memory`` are the bytes that a step over all rows fills before it uses files (``quality.scratch``).
    ``interrupted`` is set by Ctrl-C, after which no more answers are taken from teachers.
    """

    store: Store
    engine: Engine
    progress: Progress
    spending: Spending
    memory: int
    shared: SharedSteps | None = None
    requesting: Mapping[str, Any] = field(default_factory=dict)
    interrupted: Event = field(default_factory=Event)
    _teachers: dict[int, Teacher] = field(default_factory=dict)

    def teacher(self, named: Teacher) -> Teacher:
        """Return a teacher of the plan with the options of this run; the same one for all steps that use it."""
        return self._teachers.setdefault(id(named), with_options(named, self.requesting))

    def until_interrupted(self, ask: Ask) -> Ask:
        """Return ``ask`` that raises ``CancelledError`` at the first answer after Ctrl-C."""

        def asking(requests: Iterable[Request]) -> Iterator[Answered]:
            for answered in ask(requests):
                if self.interrupted.is_set():
                    raise CancelledError
                yield answered

        return asking
