"""Warnings about a teacher from the logger ``sabila.teacher``; waits are logged as information."""

from __future__ import annotations

import logging
import time

LOGGER = logging.getLogger("sabila.teacher")

AGAIN_S, SELDOM_S = 60.0, 600.0
"""Seconds from the first message about a wait to the second, and the longest interval between messages."""


class Notices:
    """Warnings about one teacher, each kind once; waits are reported repeatedly."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._said: set[str] = set()
        self._next: dict[str, tuple[float, float]] = {}

    def once(self, kind: str, text: str) -> None:
        """Warn, unless a warning of this kind was given before."""
        if kind not in self._said:
            self._said.add(kind)
            LOGGER.warning("%s: %s", self._where, text)

    def log_rarely(self, kind: str, text: str, now: float | None = None) -> None:
        """Report a wait: the first time at once, then after ``AGAIN_S``, and twice as long each further time."""
        now = time.monotonic() if now is None else now
        due, gap = self._next.get(kind, (now, AGAIN_S))
        if now >= due:
            self._next[kind] = (now + gap, min(2 * gap, SELDOM_S))
            LOGGER.info("%s: %s", self._where, text)
