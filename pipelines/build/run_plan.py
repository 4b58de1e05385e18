"""Running a plan: finished steps are skipped, independent steps run in parallel, and every row is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from pipelines.build.fingerprint import fingerprint
from pipelines.build.plan import Node, Plan
from pipelines.build.repeated_ids import quarantine_repeated_ids
from pipelines.build.shard import LostRowsError, generate_shard, map_shard, note, read_shard, sift_shard
from pipelines.build.shard_cache import cached_shard, note_shards
from pipelines.build.signature_memory import Memory
from pipelines.build.step import EachShard, GenerateStep, Read, WholeSet
from pipelines.build.worker_pool import Run, worker_pool
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import GenerateProgress, cached_teacher
from pipelines.completions.failed_requests import Outcomes, not_complete
from pipelines.completions.shard_groups import shard_groups
from pipelines.storage.row_index import write_row_index
from pipelines.storage.store import Store
from pipelines.storage.stored_step import height
from quality.outcome import Decision
from sources.atomic import write_table
from sources.fetch.mirror import named_as_tests
from sources.files import FileError, RawFile
from sources.license import unknown_parts
from sources.literal import read_parquet, scan_parquet
from sources.source import Benchmark
from synth.teachers.specs import with_options
from synth.teachers.teacher import Teacher


class Progress(GenerateProgress, Protocol):
    """Receiver of a build's progress; called from several threads."""

    def started(self, step: str, shards: int) -> None:
        """A step starts, with this number of shards."""

    def advanced(self, step: str, rows: int) -> None:
        """A shard of a step is done."""

    def finished(self, step: str, summary: dict[str, Any]) -> None:
        """A step is complete; ``summary`` is its ``step.json``, with its number of shards and of reused ones."""

    def waiting(self, step: str) -> None:
        """Another build is running this step."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """State shared by all steps of one build."""

    store: Store
    run: Run
    progress: Progress
    spending: Spending
    workers: int
    requesting: Mapping[str, Any] = field(default_factory=dict)
    _teachers: dict[int, Teacher] = field(default_factory=dict)

    def teacher(self, named: Teacher) -> Teacher:
        """Return a teacher of the plan with the options of this run; the same one for all steps that use it."""
        return self._teachers.setdefault(id(named), with_options(named, self.requesting))


def build(
    plan: Plan,
    store: Store,
    progress: Progress,
    *,
    workers: int,
    spending: Spending | None = None,
    requesting: Mapping[str, Any] | None = None,
) -> Path:
    """Build the missing steps of ``plan`` and return the folder of its last step.

    The same plan gives the same bytes with any number of workers. ``requesting`` are fields of ``TeacherOptions`` for
    this run, such as ``concurrency``. Raises the error of the first failing step; complete steps are kept.
    """
    store.prepare()
    missing = _missing(plan, store)
    if missing:
        with ThreadPoolExecutor(workers) as threads, worker_pool(workers) as run:
            context = Build(
                store=store,
                run=run,
                progress=progress,
                spending=spending or Spending(),
                workers=workers,
                requesting=requesting or {},
            )
            _run_all(missing, context, threads)
    return store.folder(plan.last.name)


def _missing(plan: Plan, store: Store) -> list[Node]:
    """Return the nodes to build, each after its inputs.

    A removed step is rebuilt even where all steps after it exist, since ``trace`` and releases read every step. Raises
    ``StoreError`` for a damaged step: by its sizes, and by content where it will be read.
    """
    nodes = plan.nodes()
    missing = [node for node in nodes if not store.done(node.name)]
    read = {before.name for node in missing for before in node.sees}
    for node in nodes:
        if node not in missing:
            store.check(node.name, contents=node.name in read)
    return missing


def _run_all(nodes: list[Node], context: Build, threads: ThreadPoolExecutor) -> None:
    """Run nodes in threads that submit their shards to the pool.

    Nodes come in order and threads take them in order, so a node never blocks its own inputs.
    """
    futures: dict[str, Future[None]] = {}
    for node in nodes:
        before = [futures[i.name] for i in node.sees if i.name in futures]
        futures[node.name] = threads.submit(_run_after, before, node, context)
    for future in _finish_shards(list(futures.values())):
        if (error := future.exception()) and not isinstance(error, _InputFailedError):
            raise error


def _finish_shards(futures: list[Future[None]]) -> list[Future[None]]:
    """Wait until all are done or one failed, and return the done ones in order; unstarted ones are cancelled.

    The wait is divided into short ones: polars' signal handler delays Ctrl-C during a longer one.
    """
    while True:
        done, rest = wait(futures, timeout=0.2, return_when=FIRST_EXCEPTION)
        if not rest or any(future.exception() for future in done):
            break
    for future in rest:
        future.cancel()
    return [future for future in futures if future in done]


class _InputFailedError(Exception):
    """A step whose input failed; the input's own error is reported instead."""


def _run_after(before: list[Future[None]], node: Node, context: Build) -> None:
    for future in before:
        if future.exception():
            raise _InputFailedError(node.name)
    with context.store.partial(node.name, lambda: context.progress.waiting(node.step.name)) as folder:
        if folder is not None:
            _run_node(node, folder, context)


def _run_node(node: Node, folder: Path, context: Build) -> None:
    work = node.step.work
    if isinstance(work, Read):
        counts = _read(node, work, folder, context)
        quarantine_repeated_ids(folder)
        write_row_index(folder)
    elif isinstance(work, EachShard):
        reference_inputs = tuple(_shards(node.reference_inputs, context.store)) if node.step.reference_inputs else None
        known = cached_shard(context.store, node.identity)
        shards = _shards(node.inputs, context.store)
        tasks = [(map_shard, work, node.step.config, reference_inputs, known, path) for path in shards]
        counts = _each(node, tasks, folder, context)
        note_shards(folder, counts)
    elif isinstance(work, WholeSet):
        counts = _whole_set(node, work, folder, context)
    elif isinstance(work, GenerateStep):
        counts = _run_generate_step(node, work, folder, context)
    _check_ids(node, folder, counts)
    summary = _summary(node, folder, counts)
    context.store.finish(node.name, summary)
    taken_over = sum("taken_over" in counted for counted in counts)
    context.progress.finished(node.step.name, {**summary, "shards": len(counts), "taken_over": taken_over})


def _each(node: Node, tasks: list[tuple[Any, ...]], folder: Path, context: Build) -> list[dict[str, Any]]:
    """Run the tasks of a step, one per shard, except those finished by an interrupted build; return their counts in
    order.
    """
    context.progress.started(node.step.name, len(tasks))

    def one(shard: int, task: tuple[Any, ...]) -> dict[str, Any]:
        function, *arguments = task
        counted: dict[str, Any] = note(folder, shard) or context.run(function, *arguments, folder, shard)
        context.progress.advanced(node.step.name, counted["rows_in"])
        return counted

    if len(tasks) == 1:
        return [one(0, tasks[0])]
    with ThreadPoolExecutor(context.workers) as threads:
        return list(threads.map(one, range(len(tasks)), tasks))


def _shards(nodes: tuple[Node, ...], store: Store) -> list[Path]:
    return [path for node in nodes for path in sorted((store.folder(node.name) / "kept").glob("*.parquet"))]


# --- reading -------------------------------------------------------------------------------------------------------


def _read(node: Node, work: Read, folder: Path, context: Build) -> list[dict[str, Any]]:
    groups: list[tuple[RawFile, ...]] = [node.files]
    if work.limit is None:
        groups = [(window,) for file in node.files for window in file.windows]
    tasks = [(read_shard, work.corpus, group, work.limit) for group in groups]
    counts = _each(node, tasks, folder, context)
    seen: Counter[Path] = Counter()
    for group, counted in zip(groups, counts, strict=True):
        seen[group[0].path] += counted["rows_in"] - counted["quarantined"]
    for group, counted in zip(groups, counts, strict=True):
        if counted["rows_in"] and not seen[group[0].path]:
            _refuse(group, folder)
    return counts


def _refuse(group: tuple[RawFile, ...], folder: Path) -> None:
    """Raise for a file whose rows are all malformed: it is not the file its connector was written for."""
    paths = {file.name: file.path for file in group}
    quarantine = scan_parquet(sorted((folder / "quarantine").glob("*.parquet")))
    first = quarantine.filter(pl.col("file").is_in(list(paths))).head(1).collect().row(0, named=True)
    raise FileError(f"{paths[first['file']]}: every row was refused; line {first['line']}: {first['error']}")


# --- deciding over all rows ----------------------------------------------------------------------------------------


def _whole_set(node: Node, work: WholeSet, folder: Path, context: Build) -> list[dict[str, Any]]:
    shards = _shards(node.inputs, context.store)
    drops = folder / "decided" / "drops.parquet"
    if not drops.exists():
        decision = _decision(node, work, shards, context.store)
        for name, found in decision.tables.items():
            write_table(folder / f"{name}.parquet", found)
        write_table(drops, _checked(node, decision.drops))
    counts = _each(node, [(sift_shard, drops, path) for path in shards], folder, context)
    named, dropped = height([drops]), height(folder.glob("dropped/*.parquet"))
    if named != dropped:
        raise LostRowsError(
            f"{node.step.name} names {named} rows to drop, but {dropped} of those it was given bear their ids"
        )
    return counts


def _decision(node: Node, work: WholeSet, shards: list[Path], store: Store) -> Decision:
    """Decide over all shards, or over those new since the step was last built."""
    if not work.remembers:
        return work.decide(lambda: map(read_parquet, shards), node.step.config)
    own = fingerprint({name: node.identity[name] for name in ("step", "config", "code", "libraries")})
    memory = Memory(store.root / "memory" / f"{node.step.name}-{own}")
    known, fresh = memory.recall(shards)
    decision = work.decide(lambda: map(read_parquet, fresh), node.step.config, known)
    memory.keep(decision.memory, known, shards)
    return decision


def _checked(node: Node, drops: pl.DataFrame) -> pl.DataFrame:
    if drops["id"].is_duplicated().any() or drops["drop_reason"].has_nulls():
        raise LostRowsError(f"{node.step.name} names a row twice, or without a reason, among those to drop")
    return drops.sort("id")


# --- asking a teacher ----------------------------------------------------------------------------------------------


def _run_generate_step(node: Node, work: GenerateStep, folder: Path, context: Build) -> list[dict[str, Any]]:
    """Send the rows to the teacher group by group, in this process, where its connections or model are.

    Raises ``RequestsFailedError`` at the end, after all groups, where more requests failed than allowed.
    """
    groups = shard_groups(_shards(node.inputs, context.store))
    context.progress.started(node.step.name, len(groups))
    teacher = context.teacher(work.teacher)
    ask = cached_teacher(context.store.root / "completions", teacher, context.spending, context.progress)
    known = cached_shard(context.store, node.identity)
    counts, failed = [], Outcomes()
    for shard, paths in enumerate(groups):
        counted = note(folder, shard) or generate_shard(work, node.step.config, ask, known, paths, folder, shard)
        if isinstance(counted, Outcomes):
            failed.add(counted)
        else:
            context.progress.advanced(node.step.name, counted["rows_in"])
            counts.append(counted)
    if failed.failed:
        raise not_complete(node.step.name, failed, work.max_failed)
    note_shards(folder, counts)
    return counts


# --- accounting ----------------------------------------------------------------------------------------------------


def _summary(node: Node, folder: Path, counts: list[dict[str, Any]]) -> dict[str, Any]:
    """Count the outcomes of all input rows from the step's files; merge the quarantine into one file."""
    parts = sorted(folder.glob("quarantine/*.parquet"))
    if parts:
        write_table(folder / "quarantine.parquet", read_parquet(parts).sort("file", "line", maintain_order=True))
    total = {
        "rows_in": sum(counted["rows_in"] for counted in counts),
        "made": sum(counted["made"] for counted in counts),
        "kept": height(folder.glob("kept/*.parquet")),
        "dropped": height(folder.glob("dropped/*.parquet")),
        "quarantined": height(folder.glob("quarantine.parquet")),
    }
    if total["rows_in"] + total["made"] != total["kept"] + total["dropped"] + total["quarantined"]:
        raise LostRowsError(f"{node.name} loses or makes rows: {total}; this is a defect of the step")
    return {
        "name": node.step.name,
        "folder": node.name,
        "identity": node.identity,
        "inputs": [before.name for before in node.inputs],
        "reference_inputs": [before.name for before in node.reference_inputs],
        "counts": total,
        "reasons": _reasons(folder),
        "edits": _edits(counts),
        "changed": _changed(counts),
        **_origin(node),
        **_report_step(folder),
        **_failed(counts),
    }


def _check_ids(node: Node, folder: Path, counts: list[dict[str, Any]]) -> None:
    """Raise ``LostRowsError`` for a repeated id, where rows were generated or came from several inputs."""
    paths = [*folder.glob("kept/*.parquet"), *folder.glob("dropped/*.parquet")]
    if not paths or not (_meet_again(node) or any(counted["made"] for counted in counts)):
        return
    ids = scan_parquet(paths, extra_columns="ignore").select("id")
    twice = ids.filter(pl.col("id").is_duplicated()).unique().sort("id").collect()["id"]
    if len(twice):
        raise LostRowsError(
            f"{node.step.name} has {len(twice)} ids twice, {twice[0]} first; expected each row once. It reads a row by "
            "two ways, or makes two rows of one name"
        )


def _meet_again(node: Node) -> bool:
    """Return whether two inputs of a step have rows of one corpus."""
    seen: set[str] = set()
    for before in node.inputs:
        corpora = _corpora(before)
        if seen & corpora:
            return True
        seen |= corpora
    return False


def _corpora(node: Node) -> frozenset[str]:
    """Return the names of the corpora whose rows pass a node."""
    known: dict[str, frozenset[str]] = {}

    def visit(node: Node) -> frozenset[str]:
        if node.name not in known:
            work = node.step.work
            own = {work.corpus.name} if isinstance(work, Read) else set()
            known[node.name] = frozenset(own).union(*map(visit, node.inputs))
        return known[node.name]

    return visit(node)


def _changed(counts: list[dict[str, Any]]) -> int | None:
    """Return the number of rows changed by the step; None where an older sabila, which did not count it, did some
    shards.
    """
    return sum(counted["changed"] for counted in counts) if all("changed" in counted for counted in counts) else None


def _origin(node: Node) -> dict[str, Any]:
    """Return the origin of a source, where its licence was read, and warnings about its files."""
    if not isinstance(node.step.work, Read):
        return {}
    corpus = node.step.work.corpus
    origin = {"origin": {name: getattr(corpus, name) for name in ("title", "home", "license_read")}}
    if isinstance(corpus, Benchmark):
        return origin
    warnings = [
        f"{name} is read as training rows, but is named as a test set is" for name in named_as_tests(corpus, node.files)
    ]
    warnings += [
        f"no known licence is called {unknown}; its rows may be handed to nobody"
        for unknown in unknown_parts(corpus.license)
    ]
    return {**origin, "warnings": warnings} if warnings else origin


def _report_step(folder: Path) -> dict[str, Any]:
    """Return the step's table ``account``, if it has one."""
    path = folder / "account.parquet"
    return {"account": read_parquet(path).to_dicts()} if path.exists() else {}


def _failed(counts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the accepted failed requests, if any: their number, the total, and their errors."""
    total = Outcomes()
    for counted in counts:
        if "failed" in counted:
            one = counted["failed"]
            total.add(Outcomes(total=one["requests"], failed=one["failed"], errors=Counter(one["errors"])))
    return total.to_dict()


def _reasons(folder: Path) -> dict[str, int]:
    paths = list(folder.glob("dropped/*.parquet"))
    if not paths:
        return {}
    return dict(scan_parquet(paths).group_by("reason").len().sort("reason").collect().iter_rows())


def _edits(counts: list[dict[str, Any]]) -> dict[str, int]:
    added: Counter[str] = Counter()
    for counted in counts:
        added.update(counted["edits"])
    return dict(sorted(added.items()))
