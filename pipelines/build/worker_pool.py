"""Worker processes for shards: started when first needed, ended with their parent."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event
from typing import Any

import cloudpickle

from sources.errors import SabilaError


class WorkerDiedError(SabilaError):
    """A worker process that ended without a result."""


Run = Callable[..., Any]
"""``run(function, *arguments)`` calls the function here or in a worker, and returns its result or raises its error."""


@contextmanager
def worker_pool(workers: int) -> Iterator[Run]:
    """Give a ``Run`` over ``workers`` processes; with one worker everything runs in this process.

    At the end of the block nothing more is started; Ctrl-C ends the workers in the middle of their work.
    """
    pools: list[tuple[ProcessPoolExecutor, Event]] = []
    starting, ended = threading.Lock(), threading.Event()

    def run(function: Callable[..., Any], *arguments: Any) -> Any:
        if ended.is_set():
            raise CancelledError
        if workers == 1:
            return function(*arguments)
        with starting:
            if not pools:
                pools.append(_start(workers))
        with _on_death(workers):
            return pools[0][0].submit(_call, cloudpickle.dumps((function, arguments))).result()

    try:
        yield run
    except KeyboardInterrupt:
        for _, stop in pools:
            stop.set()
        raise
    finally:
        ended.set()
        for pool, _ in pools:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _on_death(workers: int) -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise WorkerDiedError(
            f"one of {workers} worker processes was killed, as happens when memory is exhausted; "
            "run again with fewer --workers, what is complete is kept"
        ) from error


class _Worker(SpawnProcess):
    """A worker that does not run the script of its parent: whatever it needs is pickled by value.

    Python would run it again in each worker, so that a script that calls ``pipelines.build`` would build without end.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802
        main = vars(sys.modules["__main__"])
        with _HIDING:
            script: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
            try:
                main.update(dict.fromkeys(script))
                return SpawnProcess._Popen(process_obj)
            finally:
                main.update(script)


class _Workers(SpawnContext):
    """Starts ``_Worker`` processes."""

    Process = _Worker


_HIDING = threading.Lock()


def _start(workers: int) -> tuple[ProcessPoolExecutor, Event]:
    """Return a pool, and the event that ends its workers at any time."""
    context = _Workers()
    stop, threads = context.Event(), max(1, (os.cpu_count() or 1) // workers)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(os.getpid(), threads, stop))
    return pool, stop


def _begin(parent: int, threads: int, stop: Event) -> None:
    """Share the cores among workers; end this worker when the stop event is set or its parent has died."""
    os.environ.setdefault("POLARS_MAX_THREADS", str(threads))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent decides

    def watch() -> None:
        while os.getppid() == parent and not stop.wait(0.5):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _call(pickled: bytes) -> Any:
    function, arguments = cloudpickle.loads(pickled)
    return function(*arguments)
