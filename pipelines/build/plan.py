"""From a recipe's steps to a plan: files found and hashed, folders named, absent sources listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pipelines.build.fingerprint import code_hash, code_modules, fingerprint, library_versions, plain
from pipelines.build.step import AwaitTeacher, EachShard, GenerateStep, Read, Step, WholeSet
from sources.fetch.mirror import MissingCorpusError
from sources.files import RawFile
from sources.read import read
from sources.source import Corpus
from sources.table import frame

DRIVERS = (
    "pipelines.build.changed_rows",
    "pipelines.completions.failed_requests",
    "pipelines.build.signature_memory",
    "pipelines.storage.row_index",
    "pipelines.build.repeated_ids",
    "pipelines.build.shard",
)
"""Modules that run steps and determine the content of their folders; their text is part of every fingerprint."""

TERMS = ("name", "license", "license_read", "task", "lang", "title", "home")
"""Facts of a corpus that are stored in its rows or in the summary of its step."""

Find = Callable[[Corpus], tuple[RawFile, ...]]
"""Finds raw files in a mirror or on the Hub. Raises ``MissingCorpusError`` for an absent corpus."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A resolved step: its input nodes, its reference nodes, its files, and the fingerprint that names it."""

    step: Step
    inputs: tuple[Node, ...]
    reference_inputs: tuple[Node, ...] = ()
    files: tuple[RawFile, ...] = ()
    identity: dict[str, Any]

    @property
    def sees(self) -> tuple[Node, ...]:
        """All nodes that must be built before."""
        return self.inputs + self.reference_inputs

    @property
    def name(self) -> str:
        """The name of the step's folder: ``<step>-<fingerprint>``."""
        return f"{self.step.name}-{fingerprint(self.identity)}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The last node of a build, the absent sources, and the steps without a teacher."""

    last: Node
    absent: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

    def nodes(self) -> list[Node]:
        """Return all nodes, each after its inputs."""
        ordered: dict[str, Node] = {}

        def visit(node: Node) -> None:
            if node.name not in ordered:
                for before in node.sees:
                    visit(before)
                ordered[node.name] = node

        visit(self.last)
        return list(ordered.values())


def reference_only(steps: Iterable[tuple[Iterable[str], Iterable[str]]]) -> set[str]:
    """Return the steps that others only compare with, from the inputs and the reference inputs of each step."""
    inputs, reference_inputs = set[str](), set[str]()
    for own, compared in steps:
        inputs.update(own)
        reference_inputs.update(compared)
    return reference_inputs - inputs


def resolve(step: Step, find: Find) -> Plan:
    """Return the plan of a recipe's last step.

    Raises ``MissingCorpusError`` for an absent required source, and where all sources are absent.
    """
    absent: dict[str, str] = {}
    waiting: dict[str, str] = {}
    known: dict[int, tuple[Node, ...]] = {}

    def visit(step: Step) -> tuple[Node, ...]:
        if id(step) not in known:
            inputs = tuple(node for before in step.inputs for node in visit(before))
            reference_inputs = tuple(node for before in step.reference_inputs for node in visit(before))
            known[id(step)] = _nodes(step, inputs, reference_inputs, find, absent, waiting)
        return known[id(step)]

    nodes = visit(step)
    if not nodes:
        first = next(iter(absent.values()), "the recipe names none")
        raise MissingCorpusError(f"nothing to build: none of {len(absent)} sources can be read; {first}")
    return Plan(last=nodes[-1], absent=absent, waiting=waiting)


def _nodes(
    step: Step,
    inputs: tuple[Node, ...],
    reference_inputs: tuple[Node, ...],
    find: Find,
    absent: dict[str, str],
    waiting: dict[str, str],
) -> tuple[Node, ...]:
    """Return the node of ``step``; none where its source is absent, its inputs' own where it has no teacher."""
    if isinstance(step.work, AwaitTeacher):
        waiting[step.name] = step.work.needs
        return inputs
    if not isinstance(step.work, Read):
        seen = {"inputs": [node.name for node in inputs], "reference_inputs": [node.name for node in reference_inputs]}
        return (
            (Node(step=step, inputs=inputs, reference_inputs=reference_inputs, identity={**_common(step), **seen}),)
            if inputs
            else ()
        )
    try:
        files = find(step.work.corpus)
    except MissingCorpusError as error:
        if step.work.required:
            raise
        absent[step.work.corpus.name] = str(error)
        return ()
    return (Node(step=step, inputs=(), files=files, identity={**_common(step), **_origin(step.work, files)}),)


def _common(step: Step) -> dict[str, Any]:
    accepts_failures = isinstance(step.work, GenerateStep) and step.work.max_failed
    return {
        "step": step.name,
        "config": plain(step.config),
        **({"max_failed": accepts_failures} if accepts_failures else {}),
        "code": code_hash(*_functions(step), modules=DRIVERS),
        "libraries": library_versions(*_functions(step)),
    }


def modules(step: Step) -> dict[str, str]:
    """Return our modules with the code of a step, each with a hash of its text."""
    return code_modules(*_functions(step), modules=DRIVERS)


def _functions(step: Step) -> Iterator[Callable[..., Any]]:
    work = step.work
    if isinstance(work, Read):
        yield from (work.corpus.parse, work.corpus.rows, read, frame)
    elif isinstance(work, EachShard):
        yield work.function
    elif isinstance(work, WholeSet):
        yield work.decide
    elif isinstance(work, GenerateStep):
        yield from (work.function, work.requests)


def _origin(work: Read, files: tuple[RawFile, ...]) -> dict[str, Any]:
    corpus = work.corpus
    hashes = [[file.split, file.name, file.sha256] for file in files]
    companions = {companion.name: companion.sha256 for file in files for companion in file.companions}
    terms = {name: getattr(corpus, name) for name in TERMS}
    return {"source": terms, "files": hashes, "companions": companions, "limit": work.limit}
