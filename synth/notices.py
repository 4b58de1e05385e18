"""What a user should know of a teacher, each said once: a warning of the logger ``sabila.teacher``."""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("sabila.teacher")


class Notices:
    """Warnings of one teacher, each kind once, however many replies give cause for it."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._said: set[str] = set()

    def once(self, kind: str, text: str) -> None:
        """Warn, unless a warning of this kind was given before."""
        if kind not in self._said:
            self._said.add(kind)
            LOGGER.warning("%s: %s", self._where, text)
