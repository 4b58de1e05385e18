"""Reading from the Hub: at a pinned commit, checked by content, asked once, and its failures told in a line."""

import gzip
import json
import shutil
import time

import hub_double
import pytest
import tiny_recipe
from hub_double import Failure, rows
from huggingface_hub import close_session
from tiny_recipe import refused, run, tree, write_mirror, write_recipe

from sources.fetch.hub_files import HubError, fetched, resolve_revision
from sources.fetch.mirror import MissingCorpusError
from sources.shapes.row_shapes import jsonl, qa
from sources.source import Source


@pytest.fixture
def hub(monkeypatch):
    """A Hub with the corpora of the tiny recipe; retries come without their pauses."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setenv("HF_TOKEN", "hf_of_these_tests")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub_double.running() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        for name, files in tiny_recipe.ROWS.items():
            double.commit(f"sabila-tests/{name}", {file: rows(values) for file, values in files.items()})
        yield double
        close_session()


@pytest.fixture
def call(tmp_path):
    """A build of the tiny recipe from the Hub."""
    return ("build", write_recipe(tmp_path), "--store", tmp_path / "store", "--workers", "1")


def asked(hub):
    """Return the requests for datasets since the last time."""
    requests = [request for request in hub.requests if "/datasets/" in request]
    hub.requests.clear()
    return requests


def locked(tmp_path):
    return json.loads((tmp_path / "sabila.lock").read_text())["recipes"]["tiny"]


# --- pinned --------------------------------------------------------------------------------------------------------


def test_a_branch_is_resolved_to_a_commit_and_files_are_read_at_it(hub, call, tmp_path):
    assert run(*call).exit_code == 0
    commit = hub.branches["sabila-tests/ward", "main"]
    assert locked(tmp_path)["ward"]["revision"] == commit
    assert (tmp_path / "store" / "raw" / "ward" / commit / "rounds.jsonl").exists()
    ward = [request for request in asked(hub) if "/ward/" in request]
    assert ward[0] == "GET /api/datasets/sabila-tests/ward/revision/main"
    assert len(ward) > 1
    assert all(commit in request for request in ward[1:])


def test_rows_from_the_hub_are_those_from_a_mirror_byte_for_byte(hub, call, tmp_path):
    assert run(*call).exit_code == 0
    mirror = write_mirror(tmp_path / "mirror")
    assert run(*call[:2], "--store", tmp_path / "mirrored", "--mirror", mirror, "--workers", "1").exit_code == 0
    assert tree(tmp_path / "mirrored") == tree(tmp_path / "store")


def test_what_is_locked_and_in_the_store_is_not_asked_for_again(hub, call):
    assert run(*call).exit_code == 0
    asked(hub)
    hub.commit("sabila-tests/ward", {"rounds.jsonl": rows(tiny_recipe.ROWS["school"]["lessons.jsonl"])})
    assert run(*call).exit_code == 0
    assert asked(hub) == []


def test_a_second_build_needs_no_network(hub, call, monkeypatch):
    assert run(*call).exit_code == 0
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert run(*call).exit_code == 0
    assert run(*call, "--min-prose-chars", "39").exit_code == 0
    assert run(*call, "--corpora", "school").exit_code == 1


def test_relock_takes_what_the_branch_names_now(hub, call, tmp_path):
    assert run(*call).exit_code == 0
    commit = hub.commit("sabila-tests/ward", {"rounds.jsonl": rows(tiny_recipe.ROWS["school"]["lessons.jsonl"])})
    assert run(*call, "--relock").exit_code == 0
    assert locked(tmp_path)["ward"]["revision"] == commit


def test_a_file_lost_from_the_store_is_fetched_at_the_locked_commit(hub, call, tmp_path):
    assert run(*call).exit_code == 0
    commit = locked(tmp_path)["ward"]["revision"]
    hub.commit("sabila-tests/ward", {"rounds.jsonl": b'{"id": "another"}\n'})
    asked(hub)
    (tmp_path / "store" / "raw" / "ward" / commit / "rounds.jsonl").unlink()
    assert run(*call).exit_code == 0
    assert (tmp_path / "store" / "raw" / "ward" / commit / "rounds.jsonl").exists()
    requests = asked(hub)
    assert requests
    assert all(commit in request for request in requests)


def test_a_named_lock_made_from_a_mirror_gains_its_commit_from_the_hub(hub, call, tmp_path):
    lock = ("--lock", tmp_path / "sabila.lock")
    assert run(*call, *lock, "--mirror", write_mirror(tmp_path / "mirror")).exit_code == 0
    assert locked(tmp_path)["ward"]["revision"] == "main"
    assert run(*call, *lock).exit_code == 0
    assert locked(tmp_path)["ward"]["revision"] == hub.branches["sabila-tests/ward", "main"]


# --- checked -------------------------------------------------------------------------------------------------------


def test_a_file_altered_in_the_store_is_refused(hub, call, tmp_path):
    assert run(*call).exit_code == 0
    with (tmp_path / "store" / "raw" / "ward" / locked(tmp_path)["ward"]["revision"] / "rounds.jsonl").open(
        "a"
    ) as file:
        file.write('{"id": "slipped in"}\n')
    assert refused(1, *call).startswith("Error: ward: rounds.jsonl has sha256 ")


def test_other_content_than_the_lock_says_is_refused(hub, call, tmp_path):
    assert run(*call).exit_code == 0
    commit = locked(tmp_path)["ward"]["revision"]
    shutil.rmtree(tmp_path / "store")
    hub.commits["sabila-tests/ward"][commit] = {"rounds.jsonl": rows([{"id": "x", "question": "q?", "answer": "a"}])}
    told = refused(1, *call)
    assert told.startswith("Error: ward: rounds.jsonl has sha256 ")
    assert told.endswith("restore the file, accept the change with --relock, or keep another lock with --lock FILE")
    assert not (tmp_path / "store" / "steps").exists()


def test_other_content_than_a_mirror_had_is_refused_under_one_named_lock(hub, call, tmp_path):
    mirror = write_mirror(tmp_path / "mirror", {**tiny_recipe.ROWS, "ward": tiny_recipe.ROWS["school"]})
    lock = ("--lock", tmp_path / "shared.lock")
    assert run(*call, *lock, "--mirror", mirror).exit_code == 0
    assert refused(1, *call, *lock).startswith("Error: ward: lessons.jsonl has sha256 nothing, it is missing, but ")


def test_the_hub_and_every_mirror_are_pinned_apart(hub, call, tmp_path):
    """Trying a recipe on other files never asks to accept a change of the real ones."""
    other = write_mirror(tmp_path / "other", {**tiny_recipe.ROWS, "ward": tiny_recipe.ROWS["school"]})
    assert run(*call).exit_code == 0
    assert run(*call, "--mirror", write_mirror(tmp_path / "mirror")).exit_code == 0
    assert run(*call, "--mirror", other).exit_code == 0
    recipes = json.loads((tmp_path / "sabila.lock").read_text())["recipes"]
    assert list(recipes) == ["tiny", "tiny --mirror mirror", "tiny --mirror other"]
    assert "lessons.jsonl" in recipes["tiny --mirror other"]["ward"]["files"]


# --- failures ------------------------------------------------------------------------------------------------------

ADVICE = "; check the network and the token, or read from a folder with --mirror"
RESOLVE, LIST, HEAD, GET = "/revision/main", "/tree/", "HEAD /datasets/", "GET /datasets/"


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure(RESOLVE, 401), "401 Unauthorized: as was asked"),
        (Failure(RESOLVE, 401, code="RepoNotFound"), "401 Unauthorized: as was asked"),
        (Failure(RESOLVE, 403, code="GatedRepo"), "403 Forbidden: as was asked"),
        (Failure(RESOLVE, 404, code="RepoNotFound"), "404 Not Found: as was asked"),
        (Failure(RESOLVE, 500), "500 Internal Server Error: as was asked"),
        (Failure(RESOLVE, 200), "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        (Failure(RESOLVE, cut_after=0), "RemoteProtocolError: Server disconnected without sending a response."),
        (Failure(LIST, 401), "401 Unauthorized: as was asked"),
        (Failure(LIST, 404, code="RevisionNotFound"), "404 Not Found: as was asked"),
        (Failure(LIST, 500), "500 Internal Server Error: as was asked"),
        (Failure(LIST, cut_after=0), "RemoteProtocolError: Server disconnected without sending a response."),
        (Failure(HEAD, 401), "401 Unauthorized"),
        (Failure(HEAD, 404, code="EntryNotFound"), "404 Not Found"),
        (Failure(HEAD, 503), "503 Service Unavailable"),
        (Failure(HEAD, cut_after=0), "RemoteProtocolError: Server disconnected without sending a response."),
        (Failure(GET, 403), "403 Forbidden: as was asked"),
        (Failure(GET, 500), "500 Internal Server Error: as was asked"),
        (Failure(GET, cut_after=0), "RemoteProtocolError: Server disconnected without sending a response."),
        (Failure(GET, cut_after=20), "RemoteProtocolError: peer closed connection without sending complete message"),
    ],
    ids=lambda value: (
        f"{value.where.strip('/')}-{value.cut_after or value.status}" if isinstance(value, Failure) else ""
    ),
)
def test_a_failure_of_the_hub_is_told_and_leaves_nothing_half_done(failure, reason, hub, call, tmp_path):
    hub.failures = [failure]
    told = refused(1, *call)
    assert told.startswith(f"Error: clinic: the Hub did not provide hf://datasets/sabila-tests/clinic ({reason}")
    assert told.endswith(ADVICE)
    assert not (tmp_path / "store" / "steps").exists()
    assert not (tmp_path / "sabila.lock").exists()
    hub.failures = []
    assert run(*call).exit_code == 0


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_gated_corpus_that_is_not_required_is_absent_and_the_build_goes_on(status, hub, call):
    hub.failures = [Failure("clinic/revision/main", status, code="GatedRepo")]
    planned = run("plan", call[1], "--store", call[3], "--no-required", "--json")
    reason = json.loads(planned.stdout)["absent"]["clinic"]
    assert reason.startswith(f"clinic: the Hub did not provide hf://datasets/sabila-tests/clinic ({status}")
    assert run(*call, "--no-required").exit_code == 0


def test_a_failing_hub_ends_a_build_that_requires_nothing(hub, call):
    hub.failures = [Failure("clinic/revision/main", 500)]
    assert refused(1, *call, "--no-required").startswith("Error: clinic: the Hub did not provide")


def test_a_hub_that_is_not_there_is_told(call, hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    told = refused(1, *call)
    assert told.startswith("Error: clinic: the Hub did not provide hf://datasets/sabila-tests/clinic (ConnectError: ")


def test_offline_mode_is_told(call, hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "(OfflineModeIsEnabled: Cannot reach " in refused(1, *call)
    assert asked(hub) == []


def test_a_failing_hub_does_not_pass_for_a_corpus_that_is_not_there(hub, call):
    hub.failures = [Failure(RESOLVE, 500)]
    assert "500 Internal Server Error" in refused(1, *call, "--no-required")


def test_a_connection_cut_in_the_middle_is_taken_up_again(hub, call, tmp_path):
    hub.failures = [Failure(GET, cut_after=20, times=2)]
    assert run(*call).exit_code == 0
    commit = locked(tmp_path)["clinic"]["revision"]
    for name, content in hub.commits["sabila-tests/clinic"][commit].items():
        assert (tmp_path / "store" / "raw" / "clinic" / commit / name).read_bytes() == content


# --- what a dataset holds ------------------------------------------------------------------------------------------


def parse(raw, file):
    return qa(raw.value["id"], raw.value["question"], raw.value["answer"])


def source(**changes):
    given = {"name": "school", "title": "Lessons", "home": "hf://datasets/sabila-tests/school", "license": "CC0-1.0"}
    given |= {"license_read": "here", "task": "qa", "lang": "en", "rows": jsonl, "parse": parse}
    return Source(**{**given, "files": {"train": ("data/*.jsonl",)}, **changes})


def test_patterns_take_in_the_files_that_they_do_in_a_folder(hub, tmp_path):
    names = ("data/b.jsonl", "data/a.jsonl", "data/old/c.jsonl", "c.jsonl", "data/a.txt", "truth.json", "README.md")
    commit = hub.commit("sabila-tests/school", {name: name.encode() for name in names})
    files = fetched(source(companions=("truth.json",)), tmp_path, commit)
    assert [file.name for file in files] == ["data/a.jsonl", "data/b.jsonl"]
    assert files[0].read() == b"data/a.jsonl"
    assert files[0].companion("truth.json").read() == b"truth.json"
    assert sorted(request.rpartition("/")[2] for request in asked(hub) if request.startswith(GET)) == [
        "a.jsonl",
        "b.jsonl",
        "truth.json",
    ]


def test_a_gzipped_file_counts_by_its_plain_name(hub, tmp_path):
    commit = hub.commit("sabila-tests/school", {"data/a.jsonl.gz": gzip.compress(b"lessons")})
    [file] = fetched(source(), tmp_path, commit)
    assert (file.name, file.read()) == ("data/a.jsonl", b"lessons")


def test_a_dataset_without_the_files_is_missing_and_names_the_pattern(hub, tmp_path):
    commit = hub.commit("sabila-tests/school", {"other.jsonl": b"x"})
    with pytest.raises(MissingCorpusError, match=r"^hf://datasets/sabila-tests/school has no data/\*.jsonl, a file of"):
        fetched(source(), tmp_path, commit)


def test_a_corpus_that_lives_elsewhere_is_asked_for_in_a_folder(hub, tmp_path):
    elsewhere = source(home="https://school.example/lessons", folder="lessons")
    with pytest.raises(MissingCorpusError, match=r"put its files into a folder lessons and read them with --mirror$"):
        resolve_revision(elsewhere, "main")
    assert asked(hub) == []


def test_an_unknown_revision_is_told(hub):
    with pytest.raises(HubError, match="404 Not Found: not here"):
        resolve_revision(source(), "v9")


def test_a_tag_resolves_to_its_commit(hub):
    commit = hub.commit("sabila-tests/school", {"data/a.jsonl": b"x"}, branch="v1")
    assert resolve_revision(source(), "v1") == commit
