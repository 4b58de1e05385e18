"""Publishing when something fails: told in a line, the version before stays whole, and the same call finishes it."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import hub_server
import pytest
from hub_releases import asked, environment, listed
from hub_server import READER, WRITER, Fault
from json_results import publish
from tiny_recipe import SABILA, refused, run

import pipelines.hub.client
from pipelines.hub.client import ATTEMPTS, connect
from sources.releases.read_manifest import ReleaseError

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, about itself

REPO = "clinic/tiny"

STAGES = {
    "look": "GET /api/datasets/clinic/tiny/revision/main",
    "refs": "/refs",
    "list": "/tree/",
    "preupload": "/preupload/",
    "batch": "/info/lfs/objects/batch",
    "part": "PUT /part/",
    "whole": "POST /whole/",
    "verify": "/verify/",
    "card": "/api/validate-yaml",
    "commit": "/commit/main",
    "tag": "POST /api/datasets/clinic/tiny/tag/",
}
"""What a publication asks of the Hub, in its order."""

AGAIN = "The version published before stays as it was; run the same command again, what is uploaded is not resent"


@pytest.fixture(autouse=True)
def checked(monkeypatch):
    """The releases here are sound, as tests/test_publish.py has it; checking them each time takes longest."""
    monkeypatch.setattr("pipelines.hub.publish.check", lambda folder, files, use, private: None)


def say(line):
    """Take what is said on the way."""


def call(folder, *more):
    return ("publish", folder, "--repo", REPO, *more)


# --- told, nothing lost, finished by the same call -----------------------------------------------------------------


def whole(hub, releases):
    """Return the version that readers of the main branch see, which must be one of them as a whole."""
    [version] = [version for version, folder in releases.items() if hub.files(REPO) == listed(folder)]
    return version


TOLD = {
    401: "401 Unauthorized",
    403: "403 Forbidden",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
    None: "disconnected without sending a response",
}
LASTING = [(stage, status) for stage in STAGES if stage != "verify" for status in (500, None)]
LASTING += [(stage, status) for stage in ("preupload", "commit") for status in (401, 403, 429, 503)]


def fault_of(stage, status, **more):
    """Return a fault at a stage: an answer with that status, or a connection that is cut."""
    return Fault(STAGES[stage], status=status or 0, cut=status is None, **more)


@pytest.mark.parametrize(("stage", "status"), LASTING)
def test_a_lasting_fault_is_told_and_the_same_call_finishes_later(stage, status, hub, releases):
    publish(releases["1"], REPO, say)
    hub.uploads.clear()
    hub.faults = [fault_of(stage, status)]
    line = refused(1, *call(releases["2"]))
    assert TOLD[status] in line, line
    assert " clinic/tiny: " in line
    assert hub.files(REPO, revision="1") == listed(releases["1"])
    assert whole(hub, releases) == ("2" if stage == "tag" else "1")
    hub.faults = []
    assert run(*call(releases["2"])).exit_code == 0
    assert whole(hub, releases) == "2"
    assert hub.files(REPO, revision="2") == listed(releases["2"])
    assert hub.again == [], "a blob that was there was sent again"


def test_a_blob_that_came_whole_needs_no_second_word_of_the_hub(hub, releases):
    hub.faults = [Fault(STAGES["verify"], status=500)]
    assert run(*call(releases["1"])).exit_code == 0
    assert hub.files(REPO, revision="1") == listed(releases["1"])
    assert hub.again == []


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (401, "log in with `hf auth login`, or set HF_TOKEN to a valid one"),
        (403, "The token may not write to clinic/tiny: log in with `hf auth login`, or set HF_TOKEN to one with write"),
        (409, "Another change is in progress (HTTP 409): run the same command again"),
        (429, "The Hub asks for fewer requests: run the same command later; what is uploaded is not sent again"),
        (500, AGAIN),
    ],
)
def test_what_to_do_is_told(fault, advice, hub, releases):
    hub.create(REPO)
    hub.faults = [Fault("/preupload/", status=fault)]
    assert advice in refused(1, *call(releases["1"]))


PASSING = [(stage, None) for stage in STAGES] + [("preupload", 429), ("whole", 500), ("commit", 429), ("tag", 503)]


@pytest.mark.parametrize(("stage", "status"), PASSING)
def test_a_fault_that_passes_is_waited_out(stage, status, hub, releases):
    publish(releases["1"], REPO, say)
    asked(hub)
    hub.faults = [fault_of(stage, status, headers={"Retry-After": "7"}, times=2)]
    assert run(*call(releases["2"])).exit_code == 0
    assert hub.files(REPO, revision="2") == listed(releases["2"])
    assert len([request for request in asked(hub) if "/commit/" in request]) == (3 if stage == "commit" else 1)
    assert max(hub.pauses) >= (7 if status else 1)


def test_pauses_grow_and_a_longer_one_than_is_sensible_is_told(hub, releases):
    hub.create(REPO)
    hub.faults = [Fault("/refs", status=503)]
    refused(1, *call(releases["1"]))
    assert [pause for pause in hub.pauses if pause] == [2.0**n for n in range(ATTEMPTS - 1)]
    hub.pauses.clear()
    hub.faults = [Fault("/refs", status=429, headers={"Retry-After": "3600"})]
    assert "429 Too Many Requests" in refused(1, *call(releases["1"]))
    assert [pause for pause in hub.pauses if pause] == []


@pytest.mark.parametrize("fault", [{"cut": True}, {"status": 504}], ids=["cut", "504"])
@pytest.mark.parametrize("stage", ["commit", "tag", "whole", "create"])
def test_an_answer_lost_on_its_way_does_not_make_it_happen_twice(stage, fault, hub, releases):
    where = {**STAGES, "create": "/api/repos/create"}[stage]
    hub.faults = [Fault(where, late=True, times=1, **fault)]
    assert run(*call(releases["1"])).exit_code == 0
    assert hub.files(REPO, revision="1") == listed(releases["1"])
    assert len(list((hub.folder / "repos" / "datasets" / REPO).glob("*.json"))) == 3  # two commits and repo.json
    assert hub.again == []


def test_a_silent_hub_is_told(hub, releases, monkeypatch):
    monkeypatch.setattr(pipelines.hub.client, "SILENCE_S", 0.2)
    hub.create(REPO)
    hub.faults = [Fault("/refs", hang=True)]
    assert refused(1, *call(releases["1"])) == f"Error: looking at clinic/tiny: ReadTimeout: timed out. {AGAIN}"
    hub.released.set()


def test_a_hub_that_is_not_there_is_told(hub, releases, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    message = refused(1, *call(releases["1"]))
    assert message.startswith("Error: looking at clinic/tiny: ConnectError: ")
    assert "No connection to http" in message
    assert message.endswith(AGAIN)


def test_a_page_that_is_none_of_the_hub_is_told(hub, releases):
    hub.faults = [Fault("/revision/main", status=200, body=b"<html>Sign in to this network</html>")]
    assert refused(1, *call(releases["1"])).startswith("Error: looking at clinic/tiny: JSONDecodeError: Expecting")


def test_a_card_that_the_hub_does_not_take_is_told_and_nothing_is_committed(hub, releases):
    hub.create(REPO)
    reply_body = json.dumps({"error": "invalid", "errors": [{"message": "license is none of the list"}]}).encode()
    hub.faults = [Fault(STAGES["card"], status=400, body=reply_body)]
    assert "400 Bad Request: invalid license is none of the list. The Hub rejected the request (HTTP 400)" in refused(
        1, *call(releases["1"])
    )
    assert hub.files(REPO) == {}


def test_offline_mode_is_told_at_once(hub, releases, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "OfflineModeIsEnabled" in refused(1, *call(releases["1"]))
    assert hub.pauses == []
    assert hub.requests == []


# --- tokens --------------------------------------------------------------------------------------------------------


def test_a_token_that_may_only_read_is_told(hub, releases, monkeypatch):
    publish(releases["1"], REPO, say)
    monkeypatch.setenv("HF_TOKEN", READER)
    assert "403 Forbidden: Forbidden: this token has no write access. The token may not" in refused(
        1, *call(releases["2"])
    )
    assert "creating clinic/new: 403 Forbidden" in refused(1, "publish", releases["2"], "--repo", "clinic/new")
    assert whole(hub, releases) == "1"


def test_a_token_that_nobody_knows_is_told(hub, releases, monkeypatch):
    hub.create(REPO)
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    message = refused(1, *call(releases["1"]))
    assert "401 Unauthorized" in message
    assert "The Hub rejected the token (HTTP 401): log in with `hf auth login`" in message


def test_the_token_is_read_where_the_client_keeps_it(hub, releases, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "token").write_text(WRITER)
    kept = environment(hub, home)
    del kept["HF_TOKEN"]
    done = subprocess.run(
        [SABILA, *map(str, call(releases["1"]))], env=kept, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f"{hub.url}/datasets/{REPO}"
    assert WRITER not in done.stdout + done.stderr


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 500])
def test_no_token_is_told_when_the_hub_itself_tells_it(status, hub, releases, caplog, monkeypatch):
    monkeypatch.setattr(pipelines.hub.client, "ATTEMPTS", 2)
    publish(releases["1"], REPO, say)
    caplog.set_level("DEBUG")
    for stage in ("look", "batch", "commit", "tag"):
        hub.faults = [fault_of(stage, status, echo=True)]
        result = run(*call(releases["2"], "--json"))
        assert WRITER not in result.output
        assert WRITER not in result.stderr
        hub.faults = []
    with pytest.raises(ReleaseError) as caught:
        hub.faults = [fault_of("refs", status, echo=True)]
        publish(releases["2"], REPO, say)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, "a traceback would show what the client said"
    assert WRITER not in str(caught.value)
    assert WRITER not in "\n".join(map(str, (record.getMessage() for record in caplog.records)))


def test_no_token_is_in_what_is_printed_logged_or_written(hub, releases, tmp_path):
    own = environment(hub, tmp_path / "home", HF_DEBUG="1", HF_HUB_VERBOSITY="debug", PYTHONFAULTHANDLER="1")
    for fault in (
        [],
        [Fault(STAGES["batch"], status=500, echo=True)],
        [Fault(STAGES["commit"], status=400, echo=True)],
    ):
        hub.faults = fault
        target = f"clinic/tiny{len(fault)}{id(fault)}"
        program = f"""
import time
time.sleep = lambda seconds: None
from pipelines.cli.commands import main
main(["publish", {str(releases["1"])!r}, "--repo", {target!r}])
"""
        ran = [sys.executable, "-X", "dev", "-W", "ignore", "-c", program]
        done = subprocess.run(ran, env=own, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == (1 if fault else 0), done.stderr
        assert "checking tiny@1" in done.stderr
        assert WRITER not in done.stdout + done.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert [path for path in written if WRITER.encode() in path.read_bytes()] == []


def test_the_token_is_not_in_what_a_debugger_shows(hub):
    with connect(REPO, "dataset", say) as there:
        assert there.token == WRITER
        assert WRITER not in repr(there)


# --- killed, and two at once ---------------------------------------------------------------------------------------


def started(hub, folder, home):
    """Start a publication in a process of its own."""
    ran = [SABILA, *map(str, call(folder))]
    return subprocess.Popen(ran, env=environment(hub, home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(reached_yet):
    """Wait on the real clock."""
    for _ in range(2_000):
        if reached_yet():
            return
        threading.Event().wait(0.01)
    raise AssertionError("what was waited for did not come")


@pytest.mark.parametrize("after", [0, 1])
def test_a_push_killed_in_the_middle_is_finished_by_the_same_call(after, hub, releases, tmp_path):
    publish(releases["1"], REPO, say)
    hub.uploads.clear()
    hub.faults = [Fault(("PUT /part/", "/commit/")[after], skip=1 - after, hang=True, times=1)]
    push = started(hub, releases["2"], tmp_path / "home")
    until(lambda: hub.faults[0].times == 0)
    os.kill(push.pid, signal.SIGKILL)
    push.communicate()
    hub.released.set()
    hub.faults = []
    assert whole(hub, releases) == "1"
    sent = list(hub.uploads)
    assert len(set(sent)) > after, "what was up before it was killed"
    push = started(hub, releases["2"], tmp_path / "home")
    _, errors = push.communicate(timeout=60)
    assert push.returncode == 0, errors
    assert whole(hub, releases) == "2"
    assert hub.files(REPO, revision="2") == listed(releases["2"])
    assert hub.again == [], "a blob that was there was sent again"


def test_a_push_that_another_overtakes_is_refused_and_not_mixed_in(hub, releases, monkeypatch):
    publish(releases["1"], REPO, say)
    upload = pipelines.hub.client.Hub.upload

    def overtaken(self, additions):
        upload(self, additions)
        hub.commit(REPO, {"README.md": b"edited on the web page"})

    monkeypatch.setattr(pipelines.hub.client.Hub, "upload", overtaken)
    message = refused(1, *call(releases["2"]))
    assert " changed from " in message
    assert "during the upload: another publication came first" in message
    assert hub.content(REPO, "README.md") == b"edited on the web page"
    assert {k: v for k, v in hub.files(REPO).items() if k != "README.md"} == {
        k: v for k, v in listed(releases["1"]).items() if k != "README.md"
    }
    assert hub.repo("datasets", REPO)["tags"].keys() == {"1"}
    monkeypatch.setattr(pipelines.hub.client.Hub, "upload", upload)
    assert run(*call(releases["2"])).exit_code == 0
    assert whole(hub, releases) == "2"


def test_two_at_once_leave_one_of_them_whole(hub, releases, tmp_path):
    publish(releases["1"], REPO, say)
    pushes = [started(hub, releases["2"], tmp_path / f"home{n}") for n in range(2)]
    ended = [(push.communicate(timeout=60), push.returncode) for push in pushes]
    assert 0 in [code for _, code in ended]
    assert whole(hub, releases) == "2"
    assert hub.files(REPO, revision="2") == listed(releases["2"])


def test_two_different_versions_at_once_are_not_mixed(hub, releases, tmp_path):
    pushes = [started(hub, releases[version], tmp_path / f"home{version}") for version in releases]
    ended = [(push.communicate(timeout=60)[1], push.returncode) for push in pushes]
    tags = hub.repo("datasets", REPO)["tags"]
    assert whole(hub, releases) in tags
    for version in tags:
        assert hub.files(REPO, revision=version) == listed(releases[version])
    assert not [errors for errors, code in ended if code and "another publication came first" not in errors]
    assert len(tags) == [code for _, code in ended].count(0)


def test_a_tag_that_another_sets_meanwhile_is_not_taken_for_ours(hub, releases, monkeypatch):
    publish(releases["2"], REPO, say)
    upload = pipelines.hub.client.Hub.upload

    def overtaken(self, additions):
        upload(self, additions)
        repo = hub.repo("datasets", REPO)
        hub.save("datasets", REPO, {**repo, "tags": {**repo["tags"], "1": repo["branches"]["main"]}})

    monkeypatch.setattr(pipelines.hub.client.Hub, "upload", overtaken)
    message = refused(1, *call(releases["1"]))
    assert "has a tag 1 at " in message
    assert message.endswith("Choose another version")


def test_json_tells_what_was_done(hub, releases):
    account = json.loads(run(*call(releases["1"], "--json")).stdout)
    assert account["state"] == "published"
    assert account["commit"] == hub.repo("datasets", REPO)["tags"]["1"]
    assert time.sleep.__self__ is hub.pauses  # no pause was real


# --- a Hub that lies ------------------------------------------------------------------------------------------------


def without(line_of):
    """Return a commit that leaves out what ``line_of`` says of a line, or changes it."""
    taken = hub_server.Handler._commit

    def commit(self, kind, name, revision):
        lines = [json.loads(line) for line in self.body.splitlines()]
        kept = [line for line in map(line_of, lines) if line]
        self.body = b"\n".join(json.dumps(line).encode() for line in kept)
        taken(self, kind, name, revision)

    return commit


def no_ledger(line):
    return None if "ledger" in json.dumps(line["value"]) else line


def other_card(line):
    if line["value"].get("path") == "README.md":
        line["value"]["content"] = base64.b64encode(b"# Another card\n").decode()
    return line


def nothing_stored(self, kind, name, revision):
    self._json({"commitOid": self.hub.resolved(kind, name, revision), "commitUrl": f"{self.hub.url}/{name}/commit/x"})


LIES = {"stores nothing": nothing_stored, "drops a file": without(no_ledger), "other bytes": without(other_card)}


@pytest.mark.parametrize("lie", LIES)
def test_a_hub_that_holds_something_else_is_not_believed(lie, hub, releases, monkeypatch):
    routes = [(p, LIES[lie] if m is hub_server.Handler._commit else m) for p, m in hub_server.ROUTES]
    monkeypatch.setattr(hub_server, "ROUTES", routes)
    message = refused(1, *call(releases["1"]))
    assert "but its content at " in message
    assert "differs from the upload" in message
    monkeypatch.undo()


@pytest.mark.parametrize("size", [None, 6 << 30])
def test_an_answer_without_end_is_not_read_on(size, hub, releases, monkeypatch):
    monkeypatch.setattr("pipelines.hub.bounds.LARGEST_ANSWER", 1 << 20)
    monkeypatch.setattr("pipelines.hub.bounds.LONGEST_ANSWER_S", 0.3 if size is None else 60.0)
    pause = threading.Event()

    def answer(self):
        self.send_response(200)
        self.send_header("Content-Length", str(size or 1_000_000))
        self.end_headers()
        try:
            for _ in range(10_000):
                self.wfile.write(b" " if size is None else b" " * 65536)
                self.wfile.flush()
                pause.wait(0.05 if size is None else 0)
        except OSError:
            self.close_connection = True

    monkeypatch.setattr(hub_server.Handler, "_answer", answer)
    with pytest.raises(ReleaseError, match="reading stopped"):
        publish(releases["1"], REPO, say)


@pytest.mark.parametrize("dripped", [b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000, b"HTTP/1.1 " + b"0" * 10_000])
def test_headers_that_drip_are_not_read_on(dripped, hub, releases, monkeypatch):
    monkeypatch.setattr("pipelines.hub.bounds.LONGEST_ANSWER_S", 0.3)
    pause = threading.Event()

    def answer(self):
        self.close_connection = True
        try:
            for byte in dripped:
                self.connection.sendall(bytes([byte]))
                pause.wait(0.05)
        except OSError:
            return

    monkeypatch.setattr(hub_server.Handler, "_answer", answer)
    with pytest.raises(ReleaseError, match=r"was incomplete after 0\.3 s; reading stopped"):
        publish(releases["1"], REPO, say)


@pytest.mark.parametrize("where", ["/preupload/", "/commit/", "/tree/"])
def test_what_is_published_goes_to_no_other_host(where, hub, releases, tmp_path, monkeypatch):
    answered = hub_server.Handler._answer
    with hub_server.running(tmp_path / "other") as other:

        def answer(self):
            if where not in self.path or self.server.server_port == urlsplit(other.url).port:
                answered(self)
                return
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(307)
            self.send_header("Location", f"{other.url}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        monkeypatch.setattr(hub_server.Handler, "_answer", answer)
        assert "expected a direct response" in refused(1, *call(releases["1"]))
        assert other.requests == []
