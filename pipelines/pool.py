"""Worker processes for shards: started when first needed, gone when their parent is."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import cloudpickle

T = TypeVar("T")


class WorkerDiedError(Exception):
    """A worker process that ended without a word."""


Run = Callable[..., Any]
"""``run(function, *arguments)`` calls the function here or in a worker, and returns or raises what it does."""


@contextmanager
def worker_pool(workers: int) -> Iterator[Run]:
    """Give a ``Run`` over ``workers`` processes; with one worker everything runs in this process."""
    if workers == 1:
        yield lambda function, *arguments: function(*arguments)
        return
    pool: list[ProcessPoolExecutor] = []
    starting = threading.Lock()

    def run(function: Callable[..., Any], *arguments: Any) -> Any:
        with starting:
            if not pool:
                pool.append(_start(workers))
        try:
            return pool[0].submit(_call, cloudpickle.dumps((function, arguments))).result()
        except BrokenProcessPool as error:
            raise WorkerDiedError(
                f"one of {workers} worker processes was killed, as happens when memory runs out; "
                "run again with fewer --workers, what is complete is kept"
            ) from error

    try:
        yield run
    finally:
        for started in pool:
            started.shutdown(cancel_futures=True)


def _start(workers: int) -> ProcessPoolExecutor:
    threads = max(1, (os.cpu_count() or 1) // workers)
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(os.getpid(), threads),
    )


def _begin(parent: int, threads: int) -> None:
    """Share the cores among workers, and end this worker when its parent has died without a word."""
    os.environ.setdefault("POLARS_MAX_THREADS", str(threads))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _call(pickled: bytes) -> Any:
    function, arguments = cloudpickle.loads(pickled)
    return function(*arguments)
