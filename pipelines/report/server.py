"""The server of a page: on localhost, with a secret token in the URL; read-only, unless its site accepts verdicts."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson

from pipelines.release.open_release import BROKEN
from pipelines.report.browse import JSON
from pipelines.report.row_queries import QuestionError
from sources.errors import SabilaError

HOST = "127.0.0.1"
"""The only address the server listens on."""

IDLE_SECONDS = 60

MOST_SENT = 100_000
"""Bytes of a request's content; a comment has a few thousand characters."""

SAFE = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer: no caching, framing, sniffing or referrer."""


class ServedPage(Protocol):
    """A served page: the secret token of its URL, its content security policy, and its answers."""

    @property
    def token(self) -> str:
        """The first part of the path of every request."""

    @property
    def policy(self) -> str:
        """The content security policy of its page."""

    def answer(self, path: str, query: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, type and content for a path below the token."""


class Server(ThreadingHTTPServer):
    """Serves a site on a port of this machine, any free one for 0; ``OSError`` where it is in use."""

    daemon_threads = True

    def __init__(self, site: ServedPage, port: int) -> None:
        super().__init__((HOST, port), Handler)
        self.site = site

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that closed the connection; report anything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """The address of the page, with its secret token."""
        return f"http://{HOST}:{self.server_port}/{self.site.token}/"


class Handler(BaseHTTPRequestHandler):
    """Answers GET requests to localhost whose path starts with the secret token."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "sabila", ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        """Answer a request for a page or a row."""
        if path := self._path():
            self._answer(path, urlsplit(self.path).query)

    def _path(self) -> str | None:
        """Return the path below the token, or refuse.

        Another host name is refused because it may be that of an external page (DNS rebinding).
        """
        url = urlsplit(self.path)
        secret, _, path = url.path.removeprefix("/").partition("/")
        hosts = [f"{name}:{self.server.server_port}" for name in (HOST, "localhost")]
        if self.headers.get_all("Host") not in [[host] for host in hosts]:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "unknown host name; use the URL that sabila printed")
        elif not secrets.compare_digest(secret.encode(errors="replace"), self.server.site.token.encode()):
            self._refuse(HTTPStatus.FORBIDDEN, "the URL lacks its secret token; use the one that sabila printed")
        else:
            return f"/{path}"
        return None

    def do_POST(self) -> None:
        """Pass JSON from the page of this server to the site; refuse other pages, which cannot send this origin."""
        self.close_connection = True  # the content of a refused request is not read
        accept = getattr(self.server.site, "accept", None)
        if accept is None:
            self._only_get()
        elif path := self._path():
            size = self.headers.get("Content-Length") or ""
            origin = f"http://{self.headers['Host']}"
            site = self.headers.get("Sec-Fetch-Site", "same-origin")
            if self.headers.get("Origin") != origin or site != "same-origin":
                self._refuse(HTTPStatus.FORBIDDEN, f"the request is from another page, expected one from {origin}")
            elif self.headers.get("Content-Type") != JSON:
                self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {JSON}")
            elif not (size.isascii() and size.isdigit() and len(size) < 7 and int(size) <= MOST_SENT):
                self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected {MOST_SENT:,} bytes at most")
            else:
                self._reply(partial(accept, path, self.rfile.read(int(size))))

    def _only_get(self) -> None:
        """Reject any other method."""
        self.close_connection = True  # the content of the request is not read
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "this page is read-only, expected GET")

    do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _only_get  # noqa: N815

    def log_message(self, *parts: object) -> None:
        """Log nothing, since searches are private."""

    def _answer(self, path: str, query: str) -> None:
        self._reply(partial(self.server.site.answer, path, query))

    def _reply(self, answered: Callable[[], tuple[HTTPStatus, str, bytes]]) -> None:
        try:
            answer = answered()
        except QuestionError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except (OSError, SabilaError, *BROKEN) as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"the files of the release cannot be read now: {error}")
        else:
            self._send(*answer)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._send(status, JSON, orjson.dumps({"error": why}))

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in {**SAFE, "Content-Security-Policy": self.server.site.policy}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def serve(server: Server) -> None:
    """Serve until Ctrl-C, then release the port."""
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:  # the intended way to stop
        pass
    finally:
        server.server_close()
