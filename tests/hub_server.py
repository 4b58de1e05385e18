"""A stand-in for the Hugging Face Hub that takes repositories in: as much of its protocol as publishing needs.

Repositories, commits and blobs are files in a folder, so that they outlive a client that is killed. Requests are noted
and counted, tokens are asked for, and any request may meet a fault: a status, a cut connection, a silence.
"""

import base64
import hashlib
import json
import re
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, RLock, Thread
from urllib.parse import parse_qs, unquote, urlsplit

WRITER, READER = "hf_TheTokenOfTheseTestsThatMayWriteAAA", "hf_TheTokenOfTheseTestsThatMayReadBBBB"

PART = 64 * 1024
"""Blobs above this many bytes go up in parts."""

ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


@dataclass
class Fault:
    """What to do to requests whose method and path contain ``where``, after letting ``skip`` of them pass."""

    where: str
    status: int = 0
    cut: bool = False
    late: bool = False
    hang: bool = False
    body: bytes = b'{"error": "as was asked"}'
    headers: dict = field(default_factory=dict)
    echo: bool = False
    skip: int = 0
    times: int = 1_000


@dataclass
class Hub:
    """The repositories below ``folder``, what was asked, and the faults to come."""

    folder: Path
    requests: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    xet: Path | None = None
    url: str = ""
    lock: RLock = field(default_factory=RLock)
    released: Event = field(default_factory=Event)

    # --- repositories ----------------------------------------------------------------------------------------------

    def repo(self, kind, name):
        """Return what is known of a repository: visibility, branches and tags; None where there is none."""
        path = self.folder / "repos" / kind / name / "repo.json"
        return json.loads(path.read_text()) if path.exists() else None

    def save(self, kind, name, repo):
        """Keep what is known of a repository."""
        path = self.folder / "repos" / kind / name / "repo.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(repo))

    def create(self, name, *, kind="datasets", private=True):
        """Create a repository with its first commit, as the Hub does."""
        self.save(kind, name, {"private": private, "branches": {}, "tags": {}})
        return self.commit(name, {".gitattributes": ATTRIBUTES}, kind=kind)

    def commit(self, name, files, *, kind="datasets", gone=(), branch="main"):
        """Commit files, ``{path: bytes}`` or ``{path: entry}``, on top of what is there and return the commit."""
        repo = self.repo(kind, name)
        parent = repo["branches"].get(branch)
        tree = dict(self.tree(kind, name, parent)) if parent else {}
        tree |= {path: value if isinstance(value, dict) else self.keep(value) for path, value in files.items()}
        tree = {path: entry for path, entry in tree.items() if not _deleted(path, gone)}
        text = json.dumps({"parent": parent, "files": tree}, sort_keys=True)
        oid = hashlib.sha1(text.encode()).hexdigest()
        (self.folder / "repos" / kind / name / f"{oid}.json").write_text(text)
        repo["branches"][branch] = oid
        self.save(kind, name, repo)
        return oid

    def keep(self, content, *, lfs=False):
        """Keep a blob and return its entry in a tree."""
        sha256 = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
        (self.folder / "blobs" / sha256).write_bytes(content)
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return {"sha256": sha256, "git": git, "size": len(content), "lfs": lfs}

    def tree(self, kind, name, revision):
        """Return ``{path: entry}`` of a commit."""
        return json.loads((self.folder / "repos" / kind / name / f"{revision}.json").read_text())["files"]

    def resolved(self, kind, name, revision):
        """Return the commit that a branch, a tag or a commit names, or None."""
        repo = self.repo(kind, name)
        commit = (repo["branches"] | repo["tags"]).get(revision, revision)
        return commit if (self.folder / "repos" / kind / name / f"{commit}.json").exists() else None

    def content(self, name, path, *, kind="datasets", revision="main"):
        """Return the bytes of a file."""
        entry = self.tree(kind, name, self.resolved(kind, name, revision))[path]
        return (self.folder / "blobs" / entry["sha256"]).read_bytes()

    def files(self, name, *, kind="datasets", revision="main"):
        """Return ``{path: sha256}`` of a commit without what the Hub itself put there."""
        tree = self.tree(kind, name, self.resolved(kind, name, revision))
        return {path: entry["sha256"] for path, entry in tree.items() if path != ".gitattributes"}

    def has(self, sha256):
        """Say whether a blob is there, whole."""
        return (self.folder / "blobs" / sha256).exists()


def _deleted(path, gone):
    return any(path == name or (name.endswith("/") and path.startswith(name)) for name in gone)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536  # an answer in one piece, or each costs the client 40 ms
    hub: Hub

    def log_message(self, *arguments):
        """Say nothing."""

    def _answer(self):
        path = unquote(urlsplit(self.path).path)
        request = f"{self.command} {path}"
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else self._chunked()
        self.hub.requests.append(request)
        self.hub.tokens.append(self._token())
        fault = self._fault(request)
        if fault and not fault.late:
            self._fail(fault)
            return
        if fault:  # done, but the client will not hear of it
            self._send = lambda *arguments, **more: None
        with self.hub.lock:
            self._tell(path)
        if fault:
            del self._send
            self._fail(fault)

    def do_GET(self):
        self._answer()

    def do_HEAD(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def do_PUT(self):
        self._answer()

    def _chunked(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return b""
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _fault(self, request):
        with self.hub.lock:
            for fault in self.hub.faults:
                if fault.where in request and fault.skip > 0:
                    fault.skip -= 1
                elif fault.where in request and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def _fail(self, fault):
        if fault.hang:
            self.hub.released.wait(30)
        if fault.cut or fault.hang:
            self.close_connection = True
            self.connection.close()
            return
        body = json.dumps({"error": f"you sent {dict(self.headers)}"}).encode() if fault.echo else fault.body
        self._send(fault.status, body, fault.headers)

    # --- who asks --------------------------------------------------------------------------------------------------

    def _token(self):
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _may(self, kind, name, *, write):
        """Say whether the token is enough; if not, answer."""
        repo = self.hub.repo(kind, name)
        if self._token() not in ("", WRITER, READER):
            self._error(401, "Invalid credentials in Authorization header")
        elif repo is None or (repo["private"] and not self._token()):
            self._error(404 if self._token() else 401, "Repository not found", "RepoNotFound")
        elif write and self._token() != WRITER:
            self._error(403, "Forbidden: this token has no write access")
        else:
            return True
        return False

    # --- what is asked ---------------------------------------------------------------------------------------------

    def _tell(self, path):
        for pattern, method in ROUTES:
            found = re.fullmatch(pattern, f"{self.command} {path}")
            if found:
                method(self, **found.groupdict())
                return
        self._error(404, "no such address")

    def _whoami(self):
        known = self._token() in (WRITER, READER)
        self._json({"name": "curator", "type": "user"}) if known else self._error(401, "Invalid username or password.")

    def _create(self):
        asked = json.loads(self.body)
        kind, name = f"{asked.get('type', 'model')}s", f"{asked['organization']}/{asked['name']}"
        if self._token() != WRITER:
            known = self._token() == READER
            self._error(403 if known else 401, "You don't have the rights" if known else "Invalid credentials")
        elif self.hub.repo(kind, name):
            self._error(409, "You already created this repo")
        else:
            self.hub.create(name, kind=kind, private=asked.get("visibility") == "private")
            self._json({"url": f"{self.hub.url}/{name}", "name": name})

    def _yaml(self):
        self._json({"errors": [], "warnings": []})

    def _info(self, kind, name, revision="main"):
        if not self._may(kind, name, write=False):
            return
        commit = self.hub.resolved(kind, name, revision)
        if commit is None:
            self._error(404, "Invalid rev id", "RevisionNotFound")
            return
        siblings = [{"rfilename": path} for path in self.hub.tree(kind, name, commit)]
        self._json({"id": name, "sha": commit, "private": self.hub.repo(kind, name)["private"], "siblings": siblings})

    def _refs(self, kind, name):
        if self._may(kind, name, write=False):
            repo = self.hub.repo(kind, name)
            self._json(
                {"converts": []}
                | {
                    group: [
                        {"name": n, "ref": f"refs/{where}/{n}", "targetCommit": oid} for n, oid in repo[group].items()
                    ]
                    for group, where in (("branches", "heads"), ("tags", "tags"))
                }
            )

    def _tree(self, kind, name, revision, folder=""):
        if not self._may(kind, name, write=False):
            return
        commit = self.hub.resolved(kind, name, revision)
        if commit is None:
            self._error(404, "Invalid rev id", "RevisionNotFound")
            return
        recursive = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0].lower() == "true"
        folder = folder.strip("/")
        inside = f"{folder}/" if folder else ""
        tree = {p: e for p, e in self.hub.tree(kind, name, commit).items() if p.startswith(inside)}
        if not tree:
            self._error(404, f"{folder} does not exist", "EntryNotFound")
            return
        files = [_listed(p, e) for p, e in tree.items() if recursive or "/" not in p.removeprefix(inside)]
        folders = {
            parent for p in tree for parent in _parents(p, inside) if recursive or "/" not in parent[len(inside) :]
        }
        self._json([*files, *({"type": "directory", "path": p, "oid": "0" * 40, "size": 0} for p in sorted(folders))])

    def _paths(self, kind, name, revision):
        if self._may(kind, name, write=False):
            tree = self.hub.tree(kind, name, self.hub.resolved(kind, name, revision))
            paths = parse_qs(self.body.decode()).get("paths", [])
            if self.headers.get("Content-Type", "").startswith("application/json"):
                paths = json.loads(self.body)["paths"]
            found = [_listed(p, tree[p]) for p in paths if p in tree]
            dirs = [p for p in paths if p not in tree and any(t.startswith(f"{p}/") for t in tree)]
            self._json([*found, *({"type": "directory", "path": p, "oid": "0" * 40, "size": 0} for p in dirs)])

    def _preupload(self, kind, name, revision):
        if self._may(kind, name, write=True):
            tree = self.hub.tree(kind, name, self.hub.resolved(kind, name, revision))
            self._json({"files": [_mode(file, tree) for file in json.loads(self.body)["files"]]})

    def _batch(self, kind, name):
        if not self._may(kind, name, write=True):
            return
        objects = []
        for wanted in json.loads(self.body)["objects"]:
            entry = {"oid": wanted["oid"], "size": wanted["size"]}
            if not self.hub.has(wanted["oid"]):
                entry["actions"] = self._upload_action(wanted["oid"], wanted["size"], f"{kind}/{name}")
            objects.append(entry)
        self._json({"objects": objects, "transfer": "multipart"})

    def _upload_action(self, oid, size, where):
        verify = {"href": f"{self.hub.url}/verify/{where}", "header": {}}
        if size <= PART:
            return {"upload": {"href": f"{self.hub.url}/blob/{oid}", "header": {}}, "verify": verify}
        parts = -(-size // PART)
        header = {"chunk_size": str(PART)} | {
            f"{n + 1:05}": f"{self.hub.url}/part/{oid}/{n + 1}?signature=abc" for n in range(parts)
        }
        return {"upload": {"href": f"{self.hub.url}/whole/{oid}", "header": header}, "verify": verify}

    def _blob(self, oid):
        self._sent(oid)
        self._took(oid, self.body)

    def _part(self, oid, part):
        self._sent(oid)
        place = self.hub.folder / "parts" / oid
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{int(part):05}").write_bytes(self.body)
        self._send(200, b"", {"ETag": f'"{part}"'})

    def _whole(self, oid):
        self._took(oid, b"".join(path.read_bytes() for path in sorted((self.hub.folder / "parts" / oid).iterdir())))

    def _sent(self, oid):
        """Note content that is sent, and whether it was here before."""
        (self.hub.again if self.hub.has(oid) else self.hub.uploads).append(oid)

    def _took(self, oid, content):
        if hashlib.sha256(content).hexdigest() != oid:
            self._error(400, "this is not the content that was announced")
            return
        self.hub.keep(content)
        self._json({})

    def _verify(self, where):
        known = self.hub.has(json.loads(self.body)["oid"])
        self._json({}) if known else self._error(404, "no such object")

    def _xet_token(self, kind, name, scope, revision):
        if self._may(kind, name, write=scope == "write"):
            self._json({"accessToken": "of-xet", "exp": int(time.time()) + 3600, "casUrl": f"local://{self.hub.xet}"})

    def _commit(self, kind, name, revision):
        if not self._may(kind, name, write=True):
            return
        lines = [json.loads(line) for line in self.body.splitlines()]
        header, head = lines[0]["value"], self.hub.resolved(kind, name, revision)
        if header.get("parentCommit", head) != head:
            self._error(412, "A commit has happened since. Please refresh and try again.")
            return
        files, gone = {}, []
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = self.hub.keep(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile" and (self.hub.has(value["oid"]) or self.hub.xet):
                files[value["path"]] = {"sha256": value["oid"], "git": "", "size": value["size"], "lfs": True}
            elif line["key"] == "lfsFile":
                self._error(400, f"the object of {value['path']} was not uploaded")
                return
            else:
                gone.append(value["path"])
        oid = self.hub.commit(name, files, kind=kind, gone=gone)
        self.hub.titles[oid] = header["summary"]
        self._json({"commitOid": oid, "commitUrl": f"{self.hub.url}/{kind}/{name}/commit/{oid}"})

    def _tag(self, kind, name, revision):
        if not self._may(kind, name, write=True):
            return
        repo, tag = self.hub.repo(kind, name), json.loads(self.body)["tag"]
        if tag in repo["tags"]:
            self._error(409, "Tag reference exists already")
            return
        repo["tags"][tag] = self.hub.resolved(kind, name, revision)
        self.hub.save(kind, name, repo)
        self._json({})

    def _resolve(self, name, revision, path, kind="models"):
        kind = (kind or "models").strip("/")
        if not self._may(kind, name, write=False):
            return
        commit = self.hub.resolved(kind, name, revision)
        tree = self.hub.tree(kind, name, commit) if commit else {}
        if path not in tree:
            self._error(404, "not here", "EntryNotFound" if commit else "RevisionNotFound")
            return
        content = self.hub.content(name, path, kind=kind, revision=commit)
        first, last = _range(self.headers.get("Range"), len(content))
        entry = tree[path]
        headers = {"ETag": f'"{entry["sha256"] if entry["lfs"] else entry["git"]}"', "X-Repo-Commit": commit}
        headers |= {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last - 1}/{len(content)}"}
        self._send(206 if self.headers.get("Range") else 200, content[first:last], headers)

    # --- answers ---------------------------------------------------------------------------------------------------

    def _error(self, status, message, code=""):
        self._send(status, json.dumps({"error": message}).encode(), {"X-Error-Code": code, "X-Error-Message": message})

    def _json(self, value):
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status, content, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


REPO = r"(?P<kind>datasets|models)/(?P<name>[^/]+/[^/]+)"
ROUTES = [
    (r"GET /api/whoami-v2", Handler._whoami),
    (r"POST /api/repos/create", Handler._create),
    (r"POST /api/validate-yaml", Handler._yaml),
    (rf"GET /api/{REPO}", Handler._info),
    (rf"GET /api/{REPO}/revision/(?P<revision>.+)", Handler._info),
    (rf"GET /api/{REPO}/refs", Handler._refs),
    (
        rf"GET /api/{REPO}/tree/(?P<revision>[^/]+)(?P<folder>/.*)?",
        lambda self, folder, **more: self._tree(folder=folder or "", **more),
    ),
    (rf"POST /api/{REPO}/paths-info/(?P<revision>.+)", Handler._paths),
    (rf"POST /api/{REPO}/preupload/(?P<revision>.+)", Handler._preupload),
    (rf"POST /api/{REPO}/commit/(?P<revision>.+)", Handler._commit),
    (rf"POST /api/{REPO}/tag/(?P<revision>.+)", Handler._tag),
    (rf"GET /api/{REPO}/xet-(?P<scope>write|read)-token/(?P<revision>.+)", Handler._xet_token),
    (r"POST /(?P<kind>datasets)/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", Handler._batch),
    (r"POST /(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", lambda self, name: self._batch("models", name)),
    (r"PUT /blob/(?P<oid>\w+)", Handler._blob),
    (r"PUT /part/(?P<oid>\w+)/(?P<part>\d+)", Handler._part),
    (r"POST /whole/(?P<oid>\w+)", Handler._whole),
    (r"POST /verify/(?P<where>.+)", Handler._verify),
    (
        r"(GET|HEAD) /(?P<kind>datasets/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
        Handler._resolve,
    ),
]


def _listed(path, entry):
    listed = {"type": "file", "path": path, "size": entry["size"], "oid": entry["git"]}
    return listed | (
        {"lfs": {"oid": entry["sha256"], "size": entry["size"], "pointerSize": 130}} if entry["lfs"] else {}
    )


def _parents(path, inside):
    parts = path.removeprefix(inside).split("/")[:-1]
    return [inside + "/".join(parts[: n + 1]) for n in range(len(parts))]


def _mode(file, tree):
    entry = tree.get(file["path"])
    lfs = file["path"].endswith((".parquet", ".safetensors")) or file["size"] > 10_000_000
    oid = entry and (entry["sha256"] if entry["lfs"] else entry["git"])
    return {"path": file["path"], "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False, "oid": oid}


def _range(asked, size):
    if not asked:
        return 0, size
    first, _, last = asked.removeprefix("bytes=").partition("-")
    return (int(first), min(size, int(last) + 1 if last else size)) if first else (max(0, size - int(last)), size)


class QuietServer(ThreadingHTTPServer):
    """A server that says nothing of a client that hangs up, as a call that refuses an answer does."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


@contextmanager
def running(folder):
    """Give a ``Hub`` that keeps its repositories in ``folder`` and answers on a free port until the block ends."""
    hub = Hub(folder)
    server = QuietServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
