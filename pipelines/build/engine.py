"""Engines: where the tasks of a build run, and the settings of the one that a user chose."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sources.errors import SabilaError


class EngineError(SabilaError):
    """An engine that cannot start, or whose machines cannot do the work."""


class WorkerDiedError(EngineError):
    """A worker process that ended without a result."""


class Engine(Protocol):
    """Runs tasks. All that a build distributes is one call: mapping shards, making and joining keys, splitting shards.

    A task reads files of the store, writes files of the store and returns counts, so that no rows pass through an
    engine. It may run twice, since it writes atomically and the same bytes.
    """

    @property
    def workers(self) -> int:
        """The number of tasks that run at a time."""

    @property
    def spreads(self) -> bool:
        """Whether tasks run on other machines than the build, so that it pays to send them more of the work."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the function in a worker, wait, and return its result or raise its error. Called from many threads.

        Raises ``CancelledError`` once the engine has ended, and ``EngineError`` where no worker gave a result.
        """


StartEngine = Callable[[], AbstractContextManager[Engine]]
"""Starts an engine, which ends with its block: nothing more is started, and Ctrl-C ends tasks in progress."""
