"""A step: a name, work to do, a frozen config and the steps it reads. A recipe returns its last step.

Each kind of work is a class here, made by a function of its own: ``read``, ``each_shard``, ``each_shard_here``,
``whole_set``, ``incremental_whole_set``, ``generate_step``, ``pending_teacher`` and ``takedowns``.
``pipelines.build.step_runner`` runs them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, overload

import polars as pl

from quality.outcome import Decision, Outcome, Shards
from quality.overrides import Override, Overrides
from sources.fields.json_model import Values
from sources.fields.names import check_name
from sources.files import RawFile
from sources.read import read as read_file
from sources.source import Benchmark, Corpus
from sources.table import frame
from synth.teachers.teacher import Ask, Request, Teacher

Config = TypeVar("Config")
GivenConfig = TypeVar("GivenConfig", contravariant=True)

MapRows = Callable[[pl.DataFrame, Config], Outcome]
"""Maps the rows of one shard; all of them must be in the outcome, in order."""

CompareRows = Callable[[pl.DataFrame, Config, tuple[Path, ...]], Outcome]
"""Maps the rows of one shard, compared with the rows in some files."""

Decide = Callable[[Shards, Config], Decision]
"""Names the rows to drop, given all shards."""

MakeSketch = Callable[[pl.DataFrame, Config], pl.DataFrame]
"""Makes a small table of the rows of one shard, such as their keys."""


@dataclass(frozen=True, kw_only=True)
class ReferenceSketch(Generic[Config]):
    """``make(rows, config)`` is a table of one file of the reference inputs, made once and kept in the store."""

    make: MakeSketch[Config]
    config: Config


DecideOnNew = Callable[[Shards, Config, dict[str, pl.DataFrame]], Decision]
"""Names the rows to drop of all rows, given the new shards and the tables it kept of the others."""

TERMS = ("name", "license", "license_read", "task", "lang", "title", "home")
"""Facts of a corpus that its rows or the summary of its step hold."""


class Runner(Protocol):
    """Runs one step: a method for each kind of work."""

    def read_files(self, corpus: Corpus, limit: int | None) -> None:
        """Read the raw files of a corpus."""

    def map_shards(self, function: MapRows[Any], *, in_this_process: bool = False) -> None:
        """Map shard by shard."""

    def compare_shards(self, function: CompareRows[Any], sketch: ReferenceSketch[Any] | None) -> None:
        """Map shard by shard, with the files of the reference inputs."""

    def drop_rows(self, decide: Decide[Any], sketch: MakeSketch[Any] | None, key: str | None) -> None:
        """Decide over all shards, or over their sketches, and drop."""

    def drop_rows_incrementally(
        self, decide: DecideOnNew[Any], sketch: MakeSketch[Any] | None, *, by_model: bool
    ) -> None:
        """Decide over the shards that are new since the step was last built, and drop."""

    def generate(self, work: GenerateStep) -> None:
        """Send the requests of all rows to a teacher."""

    def map_named(self, function: MapRows[Overrides]) -> None:
        """Map the shards that contain a row named by the config, and pass on the others."""


class Work(ABC):
    """The work of a step."""

    corpus: Corpus | None = None
    """The corpus that is read."""

    required: bool = True
    """Whether a build fails where the corpus is not there."""

    teacher: Teacher | None = None
    """The model that requests are sent to."""

    needs: str | None = None
    """What a teacher would have to write; such a step is listed by ``plan`` and left out of builds."""

    @abstractmethod
    def functions(self) -> tuple[Callable[..., object], ...]:
        """Return the functions whose code decides the result."""

    @abstractmethod
    def run(self, runner: Runner) -> None:
        """Call the method of the runner for this kind of work."""

    def identity(self, files: tuple[RawFile, ...]) -> Values:
        """Return what else determines the result, in addition to code, config and inputs."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Read(Work):
    """Read ``corpus``; where it is not ``required``, a build without it continues with a notice."""

    corpus: Corpus = field()  # field() hides the default of Work
    required: bool = True
    limit: int | None = None

    def functions(self) -> tuple[Callable[..., object], ...]:
        """Return the reader of the corpus and what it calls."""
        parse = self.corpus.parse
        if self.corpus.mapping and isinstance(parse, partial):  # its mapping is in the identity, by name
            parse = parse.func
        return (parse, self.corpus.rows, read_file, frame)

    def run(self, runner: Runner) -> None:
        """Read the raw files."""
        runner.read_files(self.corpus, self.limit)

    def identity(self, files: tuple[RawFile, ...]) -> Values:
        """Return the terms of the corpus, its files by content, and the mapping of an own source."""
        return {
            "source": {name: getattr(self.corpus, name) for name in TERMS},
            "files": [(file.split, file.name, file.sha256) for file in files],
            "companions": {companion.name: companion.sha256 for file in files for companion in file.companions},
            "limit": self.limit,
            **({"mapping": dict(self.corpus.mapping)} if self.corpus.mapping else {}),
        }


@dataclass(frozen=True, kw_only=True)
class EachShard(Work):
    """Call ``function(rows, config)`` on every shard; shards may run in any order.

    With ``in_this_process`` they run one after the other in the build's own process, for a function that loads a model.
    """

    function: MapRows[Any]
    in_this_process: bool = False

    def functions(self) -> tuple[Callable[..., object], ...]:
        """Return the function."""
        return (self.function,)

    def run(self, runner: Runner) -> None:
        """Map shard by shard."""
        runner.map_shards(self.function, in_this_process=self.in_this_process)


@dataclass(frozen=True, kw_only=True)
class EachShardWithReferences(Work):
    """Call ``function(rows, config, files)`` on every shard; ``files`` hold the rows of the reference inputs.

    With a ``sketch``, their sketches follow, in the same order.
    """

    function: CompareRows[Any]
    sketch: ReferenceSketch[Any] | None = None

    def functions(self) -> tuple[Callable[..., object], ...]:
        """Return the functions."""
        return (self.function,) if self.sketch is None else (self.function, self.sketch.make)

    def run(self, runner: Runner) -> None:
        """Map shard by shard, with the reference inputs."""
        runner.compare_shards(self.function, self.sketch)


@dataclass(frozen=True, kw_only=True)
class WholeSet(Work):
    """Call ``decide(shards, config)`` once, for the rows to drop.

    With a ``sketch``, ``shards`` are the tables that ``sketch(rows, config)`` makes of every shard, in workers; with a
    ``key``, a column of bytes in them, ``decide`` is called for one range of the key after the other: rows with equal
    keys are always seen together.
    """

    decide: Decide[Any]
    sketch: MakeSketch[Any] | None = None
    key: str | None = None

    def functions(self) -> tuple[Callable[..., object], ...]:
        """Return the functions that decide."""
        return (self.decide,) if self.sketch is None else (self.decide, self.sketch)

    def run(self, runner: Runner) -> None:
        """Decide over all shards."""
        runner.drop_rows(self.decide, self.sketch, self.key)


@dataclass(frozen=True, kw_only=True)
class IncrementalWholeSet(Work):
    """Call ``decide(new_shards, config, tables)``: ``tables`` are what it kept of the shards of an earlier build.

    Its decision is on all rows all the same. Without an earlier build all shards are new. On a cluster the shards are
    the tables that ``sketch(rows, config)`` makes of them in workers, if there is one; the decision is the same. A
    sketch made ``by_model`` is made on one machine as well, where the model is, and kept shard by shard.
    """

    decide: DecideOnNew[Any]
    sketch: MakeSketch[Any] | None = None
    by_model: bool = False

    def functions(self) -> tuple[Callable[..., object], ...]:
        """Return the functions that decide."""
        return (self.decide,) if self.sketch is None else (self.decide, self.sketch)

    def run(self, runner: Runner) -> None:
        """Decide with the shards that are new."""
        runner.drop_rows_incrementally(self.decide, self.sketch, by_model=self.by_model)


@dataclass(frozen=True, kw_only=True)
class GenerateStep(Work):
    """Call ``function(rows, config, ask)`` on the rows, in large shards; ``ask`` sends requests to ``teacher``.

    Completions that are stored are not requested again. The config names the teacher and its revision, since they are
    part of what the step is. ``requests(rows, config)`` returns the first round by part of the step, ``most_requests``
    the most that all rounds send, None for a step of one round. Shards without a row of ``sources`` are passed on
    unread; without ``sources`` all are read. A step of whose requests more than the share ``max_failed`` failed is not
    complete.
    """

    function: Callable[[pl.DataFrame, Any, Ask], Outcome]
    requests: Callable[[pl.DataFrame, Any], dict[str, list[Request]]]
    most_requests: Callable[[pl.DataFrame, Any], int | None]
    teacher: Teacher = field()  # field() hides the default of Work
    sources: tuple[str, ...] = ()
    max_failed: float = 0.0

    def functions(self) -> tuple[Callable[..., object], ...]:
        """Return both functions."""
        return (self.function, self.requests)

    def run(self, runner: Runner) -> None:
        """Send the requests."""
        runner.generate(self)

    def identity(self, files: tuple[RawFile, ...]) -> Values:
        """Return the share of failures that is accepted, if any."""
        return {"max_failed": self.max_failed} if self.max_failed else {}


@dataclass(frozen=True, kw_only=True)
class NamedRows(Work):
    """Call ``function(rows, overrides)`` on the shards that contain a row named by one; others are passed on unread.

    Without a function the step is only a place for takedowns, and is left out of every plan.
    """

    function: MapRows[Overrides] | None = None

    def functions(self) -> tuple[Callable[..., object], ...]:
        """Return the function."""
        return (self.function,) if self.function else ()

    def run(self, runner: Runner) -> None:
        """Map the shards that contain named rows."""
        assert self.function is not None, "a step without a function is in no plan"
        runner.map_named(self.function)


@dataclass(frozen=True, kw_only=True)
class PendingTeacher(Work):
    """Work for a language model that no teacher was configured for; the rows pass through."""

    needs: str = field()  # field() hides the default of Work

    def functions(self) -> tuple[Callable[..., object], ...]:
        """Return nothing: no code is run."""
        return ()

    def run(self, runner: Runner) -> None:
        """Do nothing: the step is left out of every plan."""


class GenerateStage(Protocol[GivenConfig]):
    """A stage that sends requests to a model, such as ``synth.teachers.stage.Stage``."""

    def requests_by_part(self, rows: pl.DataFrame, config: GivenConfig) -> dict[str, list[Request]]:
        """Return the first round of requests by part of the stage."""

    def most_requests(self, rows: pl.DataFrame, config: GivenConfig) -> int | None:
        """Return the most requests that all rounds together send; None for a stage of one round."""

    def sources(self, config: GivenConfig) -> tuple[str, ...]:
        """Return the only sources whose rows the stage sends requests about; none if it may be any."""

    def run(self, rows: pl.DataFrame, config: GivenConfig, ask: Ask) -> Outcome:
        """Send all requests and return the outcome."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a recipe; ``config`` is a frozen dataclass whose fields are JSON, or None.

    ``passes`` are the overrides of rows that pass one of its rules. Rows of ``inputs`` pass through the step, rows of
    ``reference_inputs`` are only compared with. Benchmark rows may only be reference inputs: a step that would pass
    them on is refused.
    """

    name: str
    work: Work
    config: Any = None
    inputs: tuple[Step, ...] = ()
    reference_inputs: tuple[Step, ...] = ()
    passes: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        check_name("the name of a step", self.name)
        for step in self.inputs:
            if isinstance(step.work.corpus, Benchmark):
                raise TypeError(
                    f"{self.name} reads {step.name}, rows of a benchmark, which may only be reference inputs"
                )


def read(corpus: Corpus, *, required: bool = True, limit: int | None = None) -> Step:
    """Return the step that reads ``corpus``."""
    return Step(name=f"read-{corpus.name}", work=Read(corpus=corpus, required=required, limit=limit))


@overload
def each_shard(name: str, function: MapRows[Config], config: Config, *inputs: Step) -> Step: ...


@overload
def each_shard(
    name: str,
    function: CompareRows[Config],
    config: Config,
    *inputs: Step,
    reference_inputs: tuple[Step, ...],
    sketch: ReferenceSketch[Any] | None = None,
) -> Step: ...


def each_shard(
    name: str,
    function: Any,
    config: Any,
    *inputs: Step,
    reference_inputs: tuple[Step, ...] | None = None,
    sketch: ReferenceSketch[Any] | None = None,
) -> Step:
    """Return the step that maps the shards of ``inputs``, one by one.

    With ``reference_inputs`` the function takes a third argument, the files of their rows, which their sketches follow
    where there is a ``sketch``.
    """
    if reference_inputs is None:
        return Step(name=name, work=EachShard(function=function), config=config, inputs=inputs)
    work = EachShardWithReferences(function=function, sketch=sketch)
    return Step(name=name, work=work, config=config, inputs=inputs, reference_inputs=reference_inputs)


def each_shard_here(name: str, function: MapRows[Config], config: Config, *inputs: Step) -> Step:
    """Return the step that maps the shards of ``inputs`` in the build's own process, where a model is loaded once."""
    return Step(name=name, work=EachShard(function=function, in_this_process=True), config=config, inputs=inputs)


def whole_set(
    name: str,
    decide: Decide[Config],
    config: Config,
    *inputs: Step,
    sketch: MakeSketch[Config] | None = None,
    key: str | None = None,
) -> Step:
    """Return the step that decides over all rows of ``inputs`` which ones to drop, or over a ``sketch`` of each shard.

    With the name of a ``key`` of the sketches they are joined by key, range by range.
    """
    return Step(name=name, work=WholeSet(decide=decide, sketch=sketch, key=key), config=config, inputs=inputs)


def incremental_whole_set(
    name: str,
    decide: DecideOnNew[Config],
    config: Config,
    *inputs: Step,
    sketch: MakeSketch[Config] | None = None,
    by_model: bool = False,
) -> Step:
    """Return the step that decides over all rows, and reads only shards that are new since it was last built.

    On a cluster, or where it is made ``by_model``, it reads a ``sketch`` of each of them, if there is one.
    """
    work = IncrementalWholeSet(decide=decide, sketch=sketch, by_model=by_model)
    return Step(name=name, work=work, config=config, inputs=inputs)


def generate_step(
    name: str,
    stage: GenerateStage[Config],
    config: Config,
    teacher: Teacher,
    *inputs: Step,
    max_failed: float = 0.0,
) -> Step:
    """Return the step that runs ``stage`` with ``teacher`` on the rows of ``inputs``."""
    work = GenerateStep(
        function=stage.run,
        requests=stage.requests_by_part,
        most_requests=stage.most_requests,
        teacher=teacher,
        sources=stage.sources(config),
        max_failed=max_failed,
    )
    return Step(name=name, work=work, config=config, inputs=inputs)


class Generate(Protocol):
    """``generate_step``, or a variant that accepts a share of failed requests."""

    def __call__(
        self, name: str, stage: GenerateStage[Config], config: Config, teacher: Teacher, *inputs: Step
    ) -> Step:
        """Return the step that runs ``stage`` with ``teacher`` on the rows of ``inputs``."""


def pending_teacher(name: str, needs: str, *inputs: Step) -> Step:
    """Return a placeholder for a generating step; its rows pass through until a teacher is configured."""
    return Step(name=name, work=PendingTeacher(needs=needs), inputs=inputs)


def takedowns(rows: Step) -> Step:
    """Return the place in a recipe at which overrides drop rows: a step only where an overrides file drops some.

    After deduplication, so that no copy takes the place of a dropped row, and before requests to a model.
    """
    return Step(name="takedowns", work=NamedRows(), inputs=(rows,))
