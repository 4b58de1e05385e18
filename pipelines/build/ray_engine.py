"""The engine of a Ray cluster: the same tasks, on the workers of any of its machines.

Store, mirror, models and code lie on a file system that all machines share, under the same paths. Every worker process
compares its code, its libraries and its view of the store with those of the build before its first task.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cloudpickle

from pipelines.build.engine import Engine, EngineError, WorkerDiedError
from pipelines.build.fingerprint import FOLDERS, RESULT_LIBRARIES
from sources.atomic import write_bytes

HOME = Path(__file__).parents[2]
"""The folder that holds the five folders of the code."""

EXACT_LIBRARIES = ("cloudpickle", "duckdb", "numba", "numpy", "orjson", "polars", "pyarrow", "ray", "xxhash")
"""Libraries that compute or write rows without being part of a fingerprint."""

RETRIES = 5
"""How often a task is started again after its worker or machine died. It writes atomically, and the same bytes."""

NO_MACHINES_S = 60.0
"""How long a build waits for machines where the cluster has none."""

ANSWERS_S = 10.0
"""How long the head of a cluster may take to accept a connection."""

NOT_IMPORTED = "The remote function failed to import on the worker"
"""Ray's message about a worker that lacks the code."""


@dataclass(frozen=True)
class WorkerView:
    """What a worker must share with the build: its code, versions of libraries, and a file of the store."""

    code: str
    versions: tuple[tuple[str, str], ...]
    probe: Path
    token: str
    folder: Path


class RayEngine:
    """Runs tasks on a cluster that this process is connected to, ``workers`` of them at a time, each on one CPU."""

    spreads = True

    def __init__(self, view: WorkerView, workers: int) -> None:
        import ray

        self.workers = workers
        self._view = view
        places = [str(HOME), *filter(None, [os.environ.get("PYTHONPATH")])]
        variables = {"PYTHONPATH": os.pathsep.join(places), "POLARS_MAX_THREADS": "1"}
        self._remote = ray.remote(num_cpus=1, max_retries=RETRIES, runtime_env={"env_vars": variables})(call)
        self._ended, self._changed = threading.Event(), threading.Condition()
        self._running: set[Any] = set()

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the function on the cluster, and return its result or raise its error."""
        import ray

        with self._changed:
            if self._ended.is_set():
                raise CancelledError
            task = self._remote.remote(self._view, cloudpickle.dumps((function, arguments)))
            self._running.add(task)
        try:
            return self._result(task)
        except ray.exceptions.TaskCancelledError as error:
            raise CancelledError from error
        except ray.exceptions.RayTaskError as error:
            raise _own_error(error) from error
        except ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise WorkerDiedError(
                f"a worker of the Ray cluster gave no result after {RETRIES} retries ({type(error).__name__}: "
                f"{lines[0]}), as happens when memory is exhausted or machines fail; run again, with fewer --workers "
                "if memory is short; what is complete is kept"
            ) from error
        finally:
            with self._changed:
                self._running.discard(task)
                self._changed.notify_all()

    def end(self, *, interrupted: bool = False) -> None:
        """Start no more tasks, cancel the running ones, and wait until their threads have noticed."""
        import ray

        with self._changed:
            self._ended.set()
            for task in self._running:
                ray.cancel(task, force=interrupted)
            self._changed.wait_for(lambda: not self._running, timeout=30)

    def _result(self, task: Any) -> Any:
        """Wait for a task; give up where the cluster stays without machines."""
        import ray

        without = 0.0
        while True:
            try:
                return ray.get(task, timeout=5)
            except ray.exceptions.GetTimeoutError as error:
                without = 0.0 if ray.cluster_resources().get("CPU", 0) >= 1 else without + 5
                if without > NO_MACHINES_S:
                    raise EngineError(
                        f"the Ray cluster has had no CPU for {NO_MACHINES_S:.0f} s, expected at least one; start a "
                        "node with `ray start` and run again, what is complete is kept"
                    ) from error


@contextmanager
def ray_engine(address: str | None, workers: int | None, store: Path) -> Iterator[Engine]:
    """Yield an engine on the Ray cluster at ``address``, with as many tasks at a time as it has CPUs.

    Without an address it is the cluster that ``RAY_ADDRESS`` or this machine's Ray names; ``local`` starts one here,
    which ends with the build. Raises ``EngineError`` where there is no Ray, no cluster, or one that cannot be used.
    """
    with redirect_stdout(sys.stderr):  # Ray prints messages about workers on stdout
        own = _connect(address, workers)
        try:
            yield from _engine(workers, store)
        finally:
            if own:
                import ray

                ray.shutdown()


def _engine(workers: int | None, store: Path) -> Iterator[Engine]:
    """Yield an engine on the cluster that this process is connected to, and end it."""
    import ray

    probe = store.absolute() / "locks" / f"ray-{os.urandom(8).hex()}"
    write_bytes(probe, probe.name.encode())
    view = WorkerView(code=code_on_disk(), versions=versions(), probe=probe, token=probe.name, folder=Path.cwd())
    engine = RayEngine(view, workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
    try:
        yield engine
    except KeyboardInterrupt:
        engine.end(interrupted=True)
        raise
    finally:
        engine.end()
        probe.unlink(missing_ok=True)


def _connect(address: str | None, workers: int | None) -> bool:
    """Connect this process to a cluster; return False where it was connected before."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no network beyond the cluster
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # without it each start prints a warning
    try:
        import ray
    except ImportError as error:
        raise EngineError(
            f"--engine ray needs the package ray ({error}), expected in this environment and on every machine of the "
            "cluster: pip install -e '.[ray]'"
        ) from error
    if address and address.startswith("ray://"):
        raise EngineError(
            f"--ray-address: got {address!r}, expected HOST:PORT of the cluster, auto or local; run sabila on a "
            "machine of the cluster, since it reads and writes the store itself"
        )
    if ray.is_initialized():
        return False
    place = address or os.environ.get("RAY_ADDRESS") or "auto"
    own = {"num_cpus": workers, "include_dashboard": False} if place == "local" else {}
    try:
        if place == "local":
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else Ray leaves one in the home folder
        elif place != "auto":
            host, _, port = place.rpartition(":")
            socket.create_connection((host, int(port)), timeout=ANSWERS_S).close()  # Ray itself tries for minutes
        ray.init(address=place, logging_level=logging.ERROR, log_to_driver=False, **own)
    except (ray.exceptions.RayError, ValueError, RuntimeError, OSError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise EngineError(
            f"no Ray cluster at {place} ({lines[0]}); start one with `ray start --head` and name it with --ray-address "
            "HOST:PORT, or use --ray-address local"
        ) from error
    return True


# --- in a worker ------------------------------------------------------------------------------------------------------


def call(view: WorkerView, pickled: bytes) -> Any:
    """Do one task in a worker that shares the build's code, libraries and store."""
    check_worker(view)
    function, arguments = cloudpickle.loads(pickled)
    return function(*arguments)


@cache
def check_worker(view: WorkerView) -> None:
    """Raise ``EngineError`` where this worker's code, libraries or store are not those of the build; once a process."""
    here = platform.node()
    if not view.folder.is_dir() or not view.probe.is_file() or view.probe.read_text(encoding="utf-8") != view.token:
        seen = view.folder if not view.folder.is_dir() else view.probe.parents[1]
        raise EngineError(
            f"{here} does not see {seen} as the build does; put the store, the mirror and the folder where you run "
            "sabila on a file system that all machines of the cluster share, under the same paths"
        )
    os.chdir(view.folder)  # the paths of a task may be relative to the folder of the build
    if (code := code_on_disk()) != view.code:
        raise EngineError(
            f"{here} has other code of sabila in {HOME} ({code}), expected {view.code}; use one checkout on a file "
            "system that all machines share"
        )
    own = dict(versions())
    if other := [
        f"{name} {own[name]} instead of {expected}" for name, expected in view.versions if own[name] != expected
    ]:
        raise EngineError(
            f"{here} has {', '.join(other)}; run `ray start` in the environment from which sabila is run, on every "
            "machine"
        )


def code_on_disk() -> str:
    """Return a hash of the files of the five folders, compiled ones left out."""
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((HOME / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(HOME).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def versions() -> tuple[tuple[str, str], ...]:
    """Return the versions of Python and of the libraries that compute or write rows; "absent" for those not there."""
    names = sorted({*EXACT_LIBRARIES, *(name for several in RESULT_LIBRARIES.values() for name in several)})
    return (("python", platform.python_version()), *((name, _version(name)) for name in names))


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"


def _own_error(error: Any) -> BaseException:
    """Return the error that a task raised, as this process would have raised it."""
    cause = error.cause
    if NOT_IMPORTED in str(cause):
        return EngineError(
            f"a machine of the Ray cluster cannot import sabila from {HOME}, or not its libraries; put the checkout on "
            "a file system that all machines share, and run `ray start` in the environment from which sabila is run"
        )
    return cause if isinstance(cause, Exception) else error
