"""A stand-in for the Hugging Face Hub on this machine: as much of its protocol as reading datasets needs.

Revisions resolve to commits, a commit's files are listed and downloaded. Each request is noted, and may be answered by
a failure instead.
"""

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit


@dataclass
class Failure:
    """What to answer in place of the truth, to requests whose method and path contain ``where``, so many times."""

    where: str
    status: int = 500
    cut_after: int | None = None
    code: str = ""
    times: int = 1_000


@dataclass
class Hub:
    """Datasets by id: their commits, each with files by name, and the branches that name commits."""

    commits: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    branches: dict[tuple[str, str], str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    url: str = ""

    def commit(self, dataset, files, branch="main"):
        """Add a commit with these files to a dataset, let the branch name it, and return it."""
        listed = json.dumps([[name, content.hex()] for name, content in sorted(files.items())])
        commit = hashlib.sha1(listed.encode()).hexdigest()
        self.commits.setdefault(dataset, {})[commit] = files
        self.branches[dataset, branch] = commit
        return commit

    def resolve(self, dataset, revision):
        """Return the commit and its files, or None."""
        commit = self.branches.get((dataset, revision), revision)
        files = self.commits.get(dataset, {}).get(commit)
        return None if files is None else (commit, files)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *arguments):
        """Say nothing."""

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        request = f"{self.command} {unquote(urlsplit(self.path).path)}"
        self.hub.requests.append(request)
        for failure in self.hub.failures:
            if failure.where in request and failure.times > 0:
                failure.times -= 1
                self._fail(request, failure)
                return
        self._tell(request)

    def _tell(self, request):
        parts = request.split(" ", 1)[1].strip("/").split("/")
        if parts[:2] == ["api", "datasets"] and len(parts) >= 6 and parts[4] in ("revision", "tree"):
            self._about("/".join(parts[2:4]), parts[4], "/".join(parts[5:]))
        elif parts[0] == "datasets" and len(parts) >= 6 and parts[3] == "resolve":
            self._file("/".join(parts[1:3]), parts[4], "/".join(parts[5:]))
        else:
            self._send(404, b"{}")

    def _about(self, dataset, what, revision):
        found = self.hub.resolve(dataset, revision)
        if found is None:
            code = "RevisionNotFound" if dataset in self.hub.commits else "RepoNotFound"
            self._send(404, b"{}", {"X-Error-Code": code, "X-Error-Message": "not here"})
            return
        commit, files = found
        if what == "revision":
            self._json({"id": dataset, "sha": commit, "siblings": [{"rfilename": name} for name in files]})
        else:
            self._json([{"type": "file", "path": n, "size": len(c), "oid": _oid(c)} for n, c in files.items()])

    def _file(self, dataset, revision, name):
        found = self.hub.resolve(dataset, revision)
        if found is None or name not in found[1]:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "not here"})
            return
        commit, files = found
        first = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        content = files[name]
        headers = {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._send(206 if first else 200, content[first:], headers)

    def _fail(self, request, failure):
        if failure.cut_after is None:
            content = b"<html>Sign in to this network</html>" if failure.status == 200 else b'{"error": "as was asked"}'
            self._send(failure.status, content, {"X-Error-Code": failure.code})
            return
        if failure.cut_after:
            dataset, _, rest = request.split("/datasets/")[1].partition("/resolve/")
            content = self.hub.resolve(dataset, rest.split("/")[0])[1]["/".join(rest.split("/")[1:])]
            self._send(200, content[: failure.cut_after], {"Content-Length": str(len(content))})
            self.wfile.flush()
        self.close_connection = True
        self.connection.close()

    def _json(self, value):
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status, content, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def rows(values):
    """Return rows as the content of a JSON Lines file."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def _oid(content):
    return hashlib.sha1(content).hexdigest()


@contextmanager
def running():
    """Give a ``Hub`` that answers on a free port of the loopback until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
