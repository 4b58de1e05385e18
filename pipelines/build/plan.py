"""From a recipe's steps to a plan: files found and hashed, folders named, absent sources listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from pipelines.build.fingerprint import code_hash, code_modules, fingerprint, library_versions, plain
from pipelines.build.manifest_diff import GraphStep
from pipelines.build.step import NamedRows, Step
from sources.fetch.hub_files import WithheldCorpusError
from sources.fetch.mirror import MissingCorpusError
from sources.files import RawFile
from sources.releases.manifest_model import Identity
from sources.source import Corpus

DRIVERS = (
    "pipelines.build.changed_rows",
    "pipelines.completions.failed_requests",
    "pipelines.build.signature_memory",
    "pipelines.storage.row_index",
    "pipelines.build.repeated_ids",
    "pipelines.build.shard",
    "quality.overrides",
)
"""Modules that run steps and determine the content of their folders; their text is part of every fingerprint."""

Find = Callable[[Corpus], tuple[RawFile, ...]]
"""Finds raw files in a mirror or on the Hub. Raises ``MissingCorpusError`` for an absent corpus, and
``WithheldCorpusError`` for one that the Hub does not give.
"""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A resolved step: its input nodes, its reference nodes, its files, and the fingerprint that names it."""

    step: Step
    inputs: tuple[Node, ...]
    reference_inputs: tuple[Node, ...] = ()
    files: tuple[RawFile, ...] = ()
    identity: Identity

    @property
    def sees(self) -> tuple[Node, ...]:
        """All nodes that must be built before."""
        return self.inputs + self.reference_inputs

    @cached_property
    def name(self) -> str:
        """The name of the step's folder: ``<step>-<fingerprint>``."""
        return f"{self.step.name}-{fingerprint(self.identity.to_json())}"


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


def graph_of_plan(nodes: Iterable[Node]) -> list[GraphStep]:
    """Return nodes in the form in which two graphs are compared."""
    return [GraphStep(name=node.step.name, folder=node.name, identity=node.identity) for node in nodes]


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
    work, files = step.work, tuple[RawFile, ...]()
    if work.needs is not None:
        waiting[step.name] = work.needs
        return inputs
    if work.corpus is not None:
        try:
            files = find(work.corpus)
        except (MissingCorpusError, WithheldCorpusError) as error:
            if work.required:
                raise
            absent[work.corpus.name] = str(error)
            return ()
    elif not inputs:
        return ()
    elif isinstance(work, NamedRows) and work.function is None:
        return inputs
    identity = _identity(step, inputs, reference_inputs, files)
    return (Node(step=step, inputs=inputs, reference_inputs=reference_inputs, files=files, identity=identity),)


def _identity(
    step: Step, inputs: tuple[Node, ...], reference_inputs: tuple[Node, ...], files: tuple[RawFile, ...]
) -> Identity:
    """Return everything that the name of a step's folder is a hash of."""
    functions = step.work.functions()
    seen = {"inputs": [node.name for node in inputs], "reference_inputs": [node.name for node in reference_inputs]}
    return Identity.of(
        {
            "step": step.name,
            "config": plain(step.config),
            "code": code_hash(*functions, modules=DRIVERS),
            "libraries": library_versions(*functions),
            **({"passes": [plain(entry) for entry in step.passes]} if step.passes else {}),
            **({} if step.work.corpus else seen),
            **step.work.identity(files),
        }
    )


def modules(step: Step) -> dict[str, str]:
    """Return our modules with the code of a step, each with a hash of its text."""
    return code_modules(*step.work.functions(), modules=DRIVERS)
