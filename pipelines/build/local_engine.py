"""The engine of one machine: worker processes, started when first needed, ended with their parent."""

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

from pipelines.build.engine import Engine, WorkerDiedError


class LocalEngine:
    """Runs tasks in ``workers`` processes; with one worker everything runs in this process."""

    spreads = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pools: list[tuple[ProcessPoolExecutor, Event]] = []
        self._starting, self._ended = threading.Lock(), threading.Event()

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the function here or in a worker, and return its result or raise its error."""
        if self._ended.is_set():
            raise CancelledError
        if self.workers == 1:
            return function(*arguments)
        with self._starting:
            if not self._pools:
                self._pools.append(_start(self.workers))
        try:
            return self._pools[0][0].submit(_call, cloudpickle.dumps((function, arguments))).result()
        except BrokenProcessPool as error:
            raise WorkerDiedError(
                f"one of {self.workers} worker processes was killed, as happens when memory is exhausted; "
                "run again with fewer --workers, what is complete is kept"
            ) from error

    def interrupt(self) -> None:
        """End the workers in the middle of their work."""
        for _, stop in self._pools:
            stop.set()

    def end(self) -> None:
        """Start nothing more, and wait for the tasks in progress."""
        self._ended.set()
        for pool, _ in self._pools:
            pool.shutdown(cancel_futures=True)


@contextmanager
def local_engine(workers: int) -> Iterator[Engine]:
    """Yield an engine of ``workers`` processes on this machine."""
    engine = LocalEngine(workers)
    try:
        yield engine
    except KeyboardInterrupt:
        engine.interrupt()
        raise
    finally:
        engine.end()


class _Worker(SpawnProcess):
    """A worker that does not run the script of its parent; all that it needs is pickled by value.

    Python would run the script again in each worker, so a script that calls ``pipelines.build`` would never end.
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
