"""Limits on responses of the Hub: size, time, and redirections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpcore2
import httpx2

LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of one response; the largest that a publication reads is a manifest."""

LONGEST_ANSWER_S = 60.0
"""Seconds from the first to the last byte of one response, headers included."""


class BoundedStream(httpx2.SyncByteStream):
    """The bytes of a response, up to a limit; ``ValueError`` beyond."""

    def __init__(self, stream: Any, place: str) -> None:
        self._stream, self._place = stream, place

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._stream:
            size += len(part)
            if size > LARGEST_ANSWER:
                raise ValueError(f"the response of {self._place} exceeds {LARGEST_ANSWER:,} bytes; reading stopped")
            yield part

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


class BoundedConnection(httpcore2.NetworkStream):
    """A connection whose responses, headers included, must be complete in time; ``ValueError`` if not.

    The client limits single reads only; the time of a response runs from its first byte, and the next request starts
    anew.
    """

    def __init__(self, stream: httpcore2.NetworkStream, place: str) -> None:
        self._stream, self._place = stream, place
        self._until: float | None = None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send a part of a request."""
        self._until = None
        self._stream.write(buffer, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes of a response."""
        part = self._stream.read(max_bytes, timeout)
        now = time.monotonic()
        if self._until is None:
            self._until = now + LONGEST_ANSWER_S
        elif part and now > self._until:
            raise ValueError(
                f"the response of {self._place} was incomplete after {LONGEST_ANSWER_S:g} s; reading stopped"
            )
        return part

    def start_tls(self, *arguments: Any, **more: Any) -> httpcore2.NetworkStream:
        """Return the connection as an encrypted one."""
        return BoundedConnection(self._stream.start_tls(*arguments, **more), self._place)

    def get_extra_info(self, info: str) -> Any:
        """Return information about the connection."""
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


class BoundedNetwork(httpcore2.SyncBackend):
    """The network of this machine with ``BoundedConnection`` only."""

    def connect_tcp(self, host: str, port: int, *arguments: Any, **more: Any) -> httpcore2.NetworkStream:
        """Connect to a port of a host."""
        return BoundedConnection(super().connect_tcp(host, port, *arguments, **more), f"{host}:{port}")


def bound_connections(client: httpx2.Client) -> None:
    """Make a client connect by ``BoundedNetwork``, also through a proxy."""
    for transport in (client._transport, *client._mounts.values()):
        if (pool := getattr(transport, "_pool", None)) is not None:
            pool._network_backend = BoundedNetwork()


def bound(response: httpx2.Response) -> None:
    """Limit a response before it is read; ``ValueError`` for one that redirects an upload to another host.

    Downloads may be redirected, since the Hub serves files from its storage.
    """
    request = response.request
    here, path = _origin(request.url), request.url.path
    if response.has_redirect_location:
        there = request.url.join(response.headers["Location"])
        if _origin(there) != here and not (request.method in ("GET", "HEAD") and "/resolve/" in path):
            raise ValueError(
                f"{here} redirects {request.method} {path} to {_origin(there)}, expected a direct response"
            )
    response.stream = BoundedStream(response.stream, here)


def _origin(url: httpx2.URL) -> str:
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return f"{url.scheme}://{url.host}:{port}"
