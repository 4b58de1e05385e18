"""The addresses of servers of one model: each request is sent to the least busy one of those that can be reached."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

REST_S = 15.0
"""How long an address that cannot be reached is left alone while there are others."""


def addresses(text: str) -> list[str]:
    """Return the addresses that are joined by ``+``; one within an address is part of it."""
    return re.split(r"\+(?=https?://)", text)


class Addresses:
    """Addresses, with the requests in flight to each; shared by concurrent calls of a teacher."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        self.urls = urls
        self._lock = threading.Lock()
        self._in_flight: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._resting: dict[str, float] = {}

    @contextmanager
    def least_busy(self) -> Iterator[str]:
        """Give the address with the fewest requests in flight, and of several the one that was sent the fewest."""
        now = time.monotonic()
        with self._lock:
            awake = [url for url in self.urls if self._resting.get(url, now) <= now] or list(self.urls)
            url = min(awake, key=lambda one: (self._in_flight[one], self._sent[one]))
            self._in_flight[url] += 1
            self._sent[url] += 1
        try:
            yield url
        finally:
            with self._lock:
                self._in_flight[url] -= 1

    def unreachable(self, url: str) -> bool:
        """Leave an address alone for a while; return whether there is another one to try at once."""
        now = time.monotonic()
        with self._lock:
            self._resting[url] = now + REST_S
            return any(self._resting.get(one, now) <= now for one in self.urls)
