"""Running a plan: finished steps are skipped, independent steps run in parallel, and every row is accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.build.build_context import BuildContext, Progress
from pipelines.build.engine import StartEngine
from pipelines.build.local_engine import local_engine
from pipelines.build.plan import Node, Plan
from pipelines.build.shared_steps import SharedSteps, sends_requests
from pipelines.build.step_runner import StepRunner
from pipelines.build.step_summary import check_ids, summarise
from pipelines.completions.budget import Spending
from pipelines.storage.store import Store
from quality.scratch import limit_bytes


def build(
    plan: Plan,
    store: Store,
    progress: Progress,
    *,
    workers: int = 1,
    start_engine: StartEngine | None = None,
    spending: Spending | None = None,
    requesting: Mapping[str, Any] | None = None,
    shared: SharedSteps | None = None,
    memory: float | None = None,
    before_requests: bool = False,
) -> Path:
    """Build the missing steps of ``plan`` and return the folder of its last step.

    Tasks run in ``workers`` processes here, or where ``start_engine`` says; any engine gives the same bytes. Missing
    steps are fetched from ``shared`` where it has them, and it is given all others.
    ``requesting`` are fields of ``TeacherOptions`` for this run, such as ``concurrency``. A step over all rows fills
    ``memory`` gigabytes before it uses files; None for a quarter of the machine's. With ``before_requests`` steps that
    send requests, and those after them, are left out. Raises the error of the first failing step; complete steps are
    kept.
    """
    store.prepare()
    missing = _missing(plan, store)
    if before_requests:
        missing = nodes_before_requests(missing)
    if missing:
        start = start_engine or partial(local_engine, workers)
        with (
            ExitStack() as waited_for,
            start() as engine,
        ):  # the threads end after the engine, which cancels their tasks
            threads = waited_for.enter_context(ThreadPoolExecutor(engine.workers))
            context = BuildContext(
                store=store,
                engine=engine,
                progress=progress,
                spending=spending or Spending(),
                shared=shared,
                requesting=requesting or {},
                memory=limit_bytes(memory),
            )
            try:
                _run_all(missing, context, threads)
            except KeyboardInterrupt:  # the exit waits for the threads, and a step may have hours of requests left
                context.interrupted.set()
                raise
    if shared is not None:
        for node in plan.nodes():
            shared.share(node)  # what was complete before, or could not be uploaded then
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


def nodes_before_requests(missing: list[Node]) -> list[Node]:
    """Return those of the nodes to build that send no request and come after none that does."""
    left_out: set[str] = set()
    for node in missing:
        if sends_requests(node) or any(one.name in left_out for one in node.sees):
            left_out.add(node.name)
    return [node for node in missing if node.name not in left_out]


def _run_all(nodes: list[Node], context: BuildContext, threads: ThreadPoolExecutor) -> None:
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


def _run_after(before: list[Future[None]], node: Node, context: BuildContext) -> None:
    for future in before:
        if future.exception():
            raise _InputFailedError(node.name)
    with context.store.partial(node.name, lambda: context.progress.waiting(node.step.name)) as folder:
        if folder is None:
            return
        if context.shared is not None and context.shared.fetch(node):
            context.progress.fetched(node.step.name, context.store.summary(node.name))
            return
        _run_node(node, folder, context)
    if context.shared is not None:
        context.shared.share(node)


def _run_node(node: Node, folder: Path, context: BuildContext) -> None:
    runner = StepRunner(node=node, folder=folder, context=context)
    node.step.work.run(runner)
    check_ids(node, folder, runner.counts)
    summary = summarise(node, folder, runner.counts)
    context.store.finish(node.name, summary)
    reused = sum(counted.reused for counted in runner.counts)
    context.progress.finished(node.step.name, summary, len(runner.counts), reused)
