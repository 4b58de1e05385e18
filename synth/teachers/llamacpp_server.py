"""llama.cpp's own server, started on a free port of this machine, restarted when it dies, stopped with this process."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from synth.teachers import llamacpp_serve
from synth.teachers.teacher import TeacherError
from synth.teachers.teacher_warnings import LOGGER

RESTARTS, WITHIN_S = 5, 600.0
"""A server that ends more than so many times in so many seconds is not started again."""

STOP_WITHIN_S = 5.0
LAST_WORDS = 4000

PASSIVE = "passive"
"""Threads that wait for others sleep: while they spin, one busy neighbour makes two threads ten times slower."""

INSTALL = "pip install 'sabila[llamacpp]'"


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What a server is started with: ``context`` tokens for each of ``slots`` requests at a time."""

    model: str
    name: str
    context: int
    slots: int
    threads: int
    embedding: bool = False


_RUNNING: dict[ServerSettings, LlamaServer] = {}
_REGISTRY = threading.Lock()


def running_server(settings: ServerSettings) -> LlamaServer:
    """Return the server of these settings, started if it is not; all teachers of a process share it."""
    with _REGISTRY:
        if settings not in _RUNNING:
            if not _RUNNING:
                atexit.register(stop_servers)
            _RUNNING[settings] = LlamaServer(settings)
        server = _RUNNING[settings]
    server.start()
    return server


def stop_servers() -> None:
    """Stop all servers of this process."""
    with _REGISTRY:
        servers = list(_RUNNING.values())
        _RUNNING.clear()
    for server in servers:
        server.stop()


def check_installed(spec: str) -> None:
    """Raise ``TeacherError`` where the package that holds llama.cpp is not installed."""
    if find_spec("xllamacpp") is None:
        raise TeacherError(f"{spec} needs llama.cpp (package xllamacpp), which is not installed: {INSTALL}")


class LlamaServer:
    """One server process and the thread that starts it, waits for its end and starts it again on the same port."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.key = secrets.token_hex(16)
        self.process: subprocess.Popen[str] | None = None
        self._port = 0
        self._ready = threading.Event()
        self._starting = threading.Lock()
        self._stopped = False
        self._gone = ""
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self._port}/v1"

    def gone(self) -> str:
        """Return why the server ended and is not started again, "" while it is or will be there."""
        return self._gone

    def start(self) -> None:
        """Start the server if it was not, and wait until the model is loaded.

        Raises ``TeacherError`` with the server's last words where it ends before.
        """
        with self._starting:
            if self._thread is None:
                # The server is started from this thread, since Linux ends it when the thread that started it ends.
                self._thread = threading.Thread(target=self._supervise, name="llama.cpp", daemon=True)
                self._thread.start()
        self._ready.wait()
        if self._gone:
            raise TeacherError(self._gone)

    def stop(self) -> None:
        """End the server: it ends by itself when its input is closed, and is killed where it does not."""
        self._stopped = True
        process = self.process
        if process is None:
            return
        _close(process.stdin)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _supervise(self) -> None:
        ends: deque[float] = deque(maxlen=RESTARTS + 1)
        file = Path(self.settings.model).name
        with tempfile.TemporaryFile("w+", errors="replace") as log:
            while not self._stopped:
                began = log.seek(0, os.SEEK_END)
                self.process = process = self._started(log)
                self._port = _port(process) or self._port
                loaded = self._port > 0
                if loaded:
                    self._ready.set()
                code = process.wait()
                _close(process.stdin, process.stdout)
                if self._stopped:
                    break
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                ends.append(time.monotonic())
                if not loaded:
                    self._gone = f"llama.cpp cannot serve {file} ({how}): {_last_words(log, began)}"
                elif len(ends) > RESTARTS and ends[-1] - ends[0] < WITHIN_S:
                    self._gone = (
                        f"llama.cpp's server of {file} ended {len(ends)} times within {ends[-1] - ends[0]:.0f} s, last "
                        f"with {how}: {_last_words(log, began)}. Where memory is short, use a smaller --context-tokens "
                        "or --concurrency"
                    )
                else:
                    LOGGER.warning("llama.cpp's server of %s ended with %s and is started again", file, how)
                    continue
                break
        self._ready.set()

    def _started(self, log: IO[str]) -> subprocess.Popen[str]:
        settings = {**asdict(self.settings), "port": self._port, "key": self.key}
        process = subprocess.Popen(
            [sys.executable, "-P", llamacpp_serve.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={"OMP_WAIT_POLICY": PASSIVE, **os.environ},
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended already, which its exit code says
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
        return process


def _close(*pipes: IO[str] | None) -> None:
    for pipe in filter(None, pipes):
        with contextlib.suppress(BrokenPipeError):  # what was not read by a process that ended
            pipe.close()


def _port(process: subprocess.Popen[str]) -> int:
    """Wait until the server listens and return its port; 0 where it ended before."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(llamacpp_serve.READY):
            return int(line.removeprefix(llamacpp_serve.READY))
    return 0


def _last_words(log: IO[str], began: int) -> str:
    """Return the errors that llama.cpp reported since ``began``, or the last line of its log."""
    log.seek(max(began, log.seek(0, os.SEEK_END) - LAST_WORDS))
    lines = [line.strip() for line in log if line.strip()]
    errors = [line.partition(" E ")[2].strip() for line in lines if " E " in line]
    return "; ".join(dict.fromkeys(errors)) or (lines[-1] if lines else "it said nothing")
