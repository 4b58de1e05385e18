"""A step: a name, work to do, a frozen config and the steps it reads. A recipe returns its last step.

The work is one of three kinds. ``Read`` turns a source's raw files into rows. ``EachShard`` maps the rows of one shard,
row by row, so that shards may run in any order. ``WholeSet`` decides over all rows, but sees only a small sketch of
each: it names the rows to drop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from quality.outcome import Outcome
from sources.source import Source


@dataclass(frozen=True, kw_only=True)
class Read:
    """Read ``source``; where it is not ``required``, a build that cannot find it goes on without and says so."""

    source: Source
    required: bool = True
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class EachShard:
    """Call ``function(rows, config)`` on every shard; all of the rows must be in the outcome, in order."""

    function: Callable[[pl.DataFrame, Any], Outcome]


@dataclass(frozen=True, kw_only=True)
class WholeSet:
    """Call ``sketch(rows, config)`` on every shard, then ``decide(sketches, config)`` once for the rows to drop."""

    sketch: Callable[[pl.DataFrame, Any], pl.DataFrame]
    decide: Callable[[pl.LazyFrame, Any], pl.DataFrame]


@dataclass(frozen=True, kw_only=True)
class AwaitTeacher:
    """Work for a language model, listed by ``plan`` and passed over by builds without a teacher."""

    needs: str


Work = Read | EachShard | WholeSet | AwaitTeacher


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a recipe; ``config`` is a frozen dataclass whose fields are JSON, or None."""

    name: str
    work: Work
    config: Any = None
    inputs: tuple[Step, ...] = field(default=())


def read(source: Source, *, required: bool = True, limit: int | None = None) -> Step:
    """Return the step that reads ``source``."""
    return Step(name=f"read-{source.name}", work=Read(source=source, required=required, limit=limit))


def each_shard(name: str, function: Callable[[pl.DataFrame, Any], Outcome], config: Any, *inputs: Step) -> Step:
    """Return the step that maps the shards of ``inputs``, one by one."""
    return Step(name=name, work=EachShard(function=function), config=config, inputs=inputs)


def whole_set(
    name: str,
    sketch: Callable[[pl.DataFrame, Any], pl.DataFrame],
    decide: Callable[[pl.LazyFrame, Any], pl.DataFrame],
    config: Any,
    *inputs: Step,
) -> Step:
    """Return the step that decides over all rows of ``inputs`` which ones to drop."""
    return Step(name=name, work=WholeSet(sketch=sketch, decide=decide), config=config, inputs=inputs)


def await_teacher(name: str, needs: str, *inputs: Step) -> Step:
    """Return the step that stands for what a teacher will write; its rows pass through unchanged until there is one."""
    return Step(name=name, work=AwaitTeacher(needs=needs), inputs=inputs)
