"""Memory for the bytes of tensors, used again and again: to get it fresh takes longer than to fill it from the disk."""

from __future__ import annotations

from threading import Lock

import numpy as np

from training.merging.number_types import Raw

KEPT_BYTES = 512 << 20
"""Bytes that are kept for another use; layers of one model have few sizes, and these come again."""


class Memory:
    """Arrays of bytes for any thread; of those that nobody uses the last ones are kept."""

    def __init__(self) -> None:
        self._free: list[Raw] = []
        self._lock = Lock()

    def take(self, size: int) -> Raw:
        """Return an array of ``size`` bytes with anything in it."""
        with self._lock:
            for place, content in enumerate(self._free):
                if content.nbytes == size:
                    return self._free.pop(place)
        return np.empty(size, dtype=np.uint8)

    def give(self, content: Raw) -> None:
        """Take back an array that nobody uses any more."""
        with self._lock:
            self._free.append(content)
            while sum(each.nbytes for each in self._free) > KEPT_BYTES:
                self._free.pop(0)
