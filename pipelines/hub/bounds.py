"""Bounds on what the Hub answers: its size, its time, and where it sends a request on to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2

LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of one answer; the largest that a publication reads is a manifest."""

LONGEST_ANSWER_S = 60.0
"""Seconds from the first to the last byte of one answer."""


class BoundedStream(httpx2.SyncByteStream):
    """The bytes of an answer, up to what one may have; ``ValueError`` beyond."""

    def __init__(self, stream: Any, place: str) -> None:
        self._stream, self._place = stream, place

    def __iter__(self) -> Iterator[bytes]:
        until, size = time.monotonic() + LONGEST_ANSWER_S, 0
        for part in self._stream:
            size += len(part)
            if size > LARGEST_ANSWER:
                raise ValueError(f"the answer of {self._place} has over {LARGEST_ANSWER:,} bytes; it was not read on")
            if time.monotonic() > until:
                raise ValueError(
                    f"the answer of {self._place} was not whole after {LONGEST_ANSWER_S:g} s, {size:,} bytes of it; it "
                    "was not read on"
                )
            yield part

    def close(self) -> None:
        """Let go of the connection."""
        self._stream.close()


def bound(response: httpx2.Response) -> None:
    """Bound an answer before it is read; ``ValueError`` for one that sends what is published to another host.

    Files that are read may lie elsewhere: the Hub sends their readers on to its storage.
    """
    request = response.request
    here, path = _origin(request.url), request.url.path
    if response.has_redirect_location:
        there = request.url.join(response.headers["Location"])
        if _origin(there) != here and not (request.method in ("GET", "HEAD") and "/resolve/" in path):
            raise ValueError(
                f"{here} sends {request.method} {path} on to {_origin(there)}, expected it to answer itself"
            )
    response.stream = BoundedStream(response.stream, here)


def _origin(url: httpx2.URL) -> str:
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return f"{url.scheme}://{url.host}:{port}"
