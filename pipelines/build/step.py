"""A step: a name, work to do, a frozen config and the steps it reads. A recipe returns its last step.

``Read`` turns a corpus's raw files into rows. ``EachShard`` maps the rows of one shard, independently of the others.
``WholeSet`` sees all rows, shard by shard, and returns those to drop. ``GenerateStep`` maps rows with a teacher.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from quality.outcome import Decision, Outcome
from sources.names import check_name
from sources.source import Benchmark, Corpus
from synth.teachers.teacher import Ask, Request, Teacher


@dataclass(frozen=True, kw_only=True)
class Read:
    """Read ``corpus``; where it is not ``required``, a build without it continues with a notice."""

    corpus: Corpus
    required: bool = True
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class EachShard:
    """Call ``function(rows, config)`` on every shard; the outcome must contain all of the rows, in order.

    A step that also compares with other rows (``Step.reference_inputs``) has a function of three arguments; the third
    is the files of those rows.
    """

    function: Callable[..., Outcome]


@dataclass(frozen=True, kw_only=True)
class WholeSet:
    """Call ``decide(shards, config)`` once, for the rows to drop.

    A step that ``remembers`` gets a third argument, the tables of its last build over some of these shards, and
    ``shards`` are then the new ones; its decision covers all rows nevertheless.
    """

    decide: Callable[..., Decision]
    remembers: bool = False


@dataclass(frozen=True, kw_only=True)
class GenerateStep:
    """Call ``function(rows, config, ask)`` on the rows, in large shards; ``ask`` sends requests to ``teacher``.

    Cached requests are answered from the completion store. The config names the teacher and its revision, since they
    are part of the fingerprint. ``requests(rows, config)`` returns the first round for forecasts. A step is not
    complete where more than the share ``max_failed`` of its requests failed.
    """

    function: Callable[[pl.DataFrame, Any, Ask], Outcome]
    requests: Callable[[pl.DataFrame, Any], list[Request]]
    teacher: Teacher
    max_failed: float = 0.0


class GenerateStage(Protocol):
    """A stage that asks a model, such as ``synth.teachers.stage.Stage``."""

    def requests(self, rows: pl.DataFrame, config: Any) -> list[Request]:
        """Return the first round of requests."""

    def run(self, rows: pl.DataFrame, config: Any, ask: Ask) -> Outcome:
        """Send all requests and return the outcome."""


@dataclass(frozen=True, kw_only=True)
class AwaitTeacher:
    """Work for a language model, listed by ``plan`` and skipped by builds without a teacher."""

    needs: str


Work = Read | EachShard | WholeSet | GenerateStep | AwaitTeacher


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a recipe; ``config`` is a frozen dataclass whose fields are JSON, or None.

    Rows of ``inputs`` pass through the step, rows of ``reference_inputs`` are only compared with. Benchmark rows may
    only be reference inputs: a step that would pass them on is refused.
    """

    name: str
    work: Work
    config: Any = None
    inputs: tuple[Step, ...] = ()
    reference_inputs: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        check_name("the name of a step", self.name)
        for step in self.inputs:
            if isinstance(step.work, Read) and isinstance(step.work.corpus, Benchmark):
                raise TypeError(f"{self.name} reads {step.name}, rows of a benchmark, which may only be looked at")


def read(corpus: Corpus, *, required: bool = True, limit: int | None = None) -> Step:
    """Return the step that reads ``corpus``."""
    return Step(name=f"read-{corpus.name}", work=Read(corpus=corpus, required=required, limit=limit))


def each_shard(
    name: str, function: Callable[..., Outcome], config: Any, *inputs: Step, reference_inputs: tuple[Step, ...] = ()
) -> Step:
    """Return the step that maps the shards of ``inputs``, one by one."""
    return Step(
        name=name, work=EachShard(function=function), config=config, inputs=inputs, reference_inputs=reference_inputs
    )


def whole_set(name: str, decide: Callable[..., Decision], config: Any, *inputs: Step, remembers: bool = False) -> Step:
    """Return the step that decides over all rows of ``inputs`` which ones to drop."""
    return Step(name=name, work=WholeSet(decide=decide, remembers=remembers), config=config, inputs=inputs)


def generate_step(
    name: str,
    stage: GenerateStage,
    config: Any,
    teacher: Teacher,
    *inputs: Step,
    max_failed: float = 0.0,
) -> Step:
    """Return the step that runs ``stage`` with ``teacher`` on the rows of ``inputs``."""
    work = GenerateStep(function=stage.run, requests=stage.requests, teacher=teacher, max_failed=max_failed)
    return Step(name=name, work=work, config=config, inputs=inputs)


def await_teacher(name: str, needs: str, *inputs: Step) -> Step:
    """Return the placeholder of a generating step; its rows pass through unchanged until there is a teacher."""
    return Step(name=name, work=AwaitTeacher(needs=needs), inputs=inputs)
