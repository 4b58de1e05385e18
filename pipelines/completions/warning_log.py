"""Warnings of teachers during a build: shown at once, and repeated at the end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from pipelines.storage.secrets import own_secrets, without_secrets
from pipelines.terminal import printable
from synth.teachers.teacher_warnings import LOGGER


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Show a warning or a wait, without escape sequences and without a key that a server repeats."""
        text = printable(without_secrets(record.getMessage(), *own_secrets().values()))
        if record.levelno >= logging.WARNING:
            self.texts.append(text)
        Console(file=sys.stderr).print(f"note: {text}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def kept_notices() -> Iterator[list[str]]:
    """Give the list that collects the warnings of teachers within this context."""
    handler = _Kept()
    LOGGER.addHandler(handler)
    propagates, LOGGER.propagate = LOGGER.propagate, False
    level = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    try:
        yield handler.texts
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.propagate = propagates
        LOGGER.setLevel(level)
