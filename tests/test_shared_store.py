"""A store that several machines share: what one built, the others fetch; damage and errors of it are met in words.

Two machines are two local stores, each with nothing but the shared store in common.
"""

import errno
import json
import re
import shutil
import threading

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hostile_server import good, serving
from test_failed_requests import QUESTIONS, REASONS, answers
from test_failed_requests import RECIPE as ASKING
from tiny_recipe import RECIPE, names, refused, run, steps, tree, write_mirror, write_recipe

from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from pipelines.storage import shared_files
from pipelines.storage.shared_files import SharedStoreError

ALL = {"read-clinic", "clean-clinic", "read-ward", "clean-ward", "exact"}


@pytest.fixture
def recipe(tmp_path):
    return write_recipe(tmp_path, RECIPE)


@pytest.fixture
def place(tmp_path, recipe, monkeypatch):
    """Return ``build(machine, shared store, values)``, which returns the account."""
    monkeypatch.setattr(shared_files, "PAUSES_S", (0, 0, 0))
    MemoryFileSystem.store.clear()
    mirror = write_mirror(tmp_path / "mirror")

    def build(machine, shared, **values):
        store = tmp_path / machine
        return (
            BuildSession.open(load(str(recipe)), values, store=store, mirror=mirror, shared_store=str(shared))
            .build()
            .to_json()
        )

    return build


def exchanged(account):
    return account["shared"]["fetched"], account["shared"]["uploaded"], account["shared"]["warnings"]


@pytest.mark.parametrize("kind", ["a folder", "a URL of files", "an object store"])
def test_what_one_machine_built_another_fetches_and_runs_nothing(kind, place, tmp_path, capsys):
    shared = {
        "a folder": tmp_path / "shared",
        "a URL of files": f"file://{tmp_path}/shared",
        "an object store": "memory://b/p",
    }
    assert exchanged(place("one", shared[kind])) == (0, 5, 0)
    capsys.readouterr()
    assert exchanged(place("two", shared[kind])) == (5, 0, 0)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert all(line.endswith("; fetched from the shared store") for line in lines)
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    assert exchanged(place("two", shared[kind])) == (0, 0, 0)
    assert not list((tmp_path / "two" / "partial").iterdir())


def test_a_store_that_was_built_before_is_uploaded_whole(place, tmp_path, recipe):
    BuildSession.open(load(str(recipe)), {}, store=tmp_path / "one", mirror=tmp_path / "mirror").build()
    assert exchanged(place("one", tmp_path / "shared")) == (0, 5, 0)


def test_a_plan_says_what_is_in_the_shared_store(place, tmp_path, recipe):
    shared = tmp_path / "shared"
    place("one", shared, corpora=["ward"])
    call = ("plan", recipe, "--mirror", tmp_path / "mirror", "--store", tmp_path / "two", "--shared-store", shared)
    forecast = json.loads(run(*call, "--json").stdout)
    assert {step["step"] for step in forecast["steps"] if step.get("shared")} == {"read-ward", "clean-ward"}
    assert not any(step["done"] for step in forecast["steps"])
    shown = run(*call).stdout
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("read-")] == ["to", "shared"]
    assert "2 steps are fetched from the shared store" in shown


def test_two_machines_that_build_at_once_do_not_harm_each_other(place, tmp_path):
    shared = tmp_path / "shared"
    machines = [threading.Thread(target=place, args=(name, shared)) for name in ("one", "two")]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join()
    assert exchanged(place("three", shared)) == (5, 0, 0)
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "three")


# --- uploads that are not what they were ------------------------------------------------------------------------------


def listed(shared, step):
    (path,) = (shared / "steps").glob(f"{step}-*.json")
    return path, json.loads(path.read_text())


def kept_file(shared, step):
    _, content = listed(shared, step)
    sha256 = content["files"]["kept/00002.parquet"]["sha256"]
    return shared / "files" / sha256[:2] / sha256


def tear(shared):
    path = kept_file(shared, "exact")
    path.write_bytes(path.read_bytes()[:100])


def change(shared):
    path = kept_file(shared, "exact")
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def lose(shared):
    kept_file(shared, "exact").unlink()


def swap(shared):
    path, content = listed(shared, "exact")
    path.write_text(json.dumps({**listed(shared, "clean-clinic")[1], "name": content["name"]}))


def cut_list(shared):
    path, _ = listed(shared, "exact")
    path.write_bytes(path.read_bytes()[:50])


def lead_outside(shared):
    path, content = listed(shared, "exact")
    content["files"]["../../escaped"] = content["files"]["step.json"]
    path.write_text(json.dumps(content))


def drop_file_from_list(shared):
    path, content = listed(shared, "exact")
    del content["files"]["kept/00002.parquet"]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (tear, "kept/00002.parquet .* has 100 bytes of other content"),
        (change, "kept/00002.parquet .* of other content"),
        (lose, "kept/00002.parquet .* is missing"),
        (swap, "it is clean-clinic-.*, another step"),
        (cut_list, "is not a list of its files"),
        (lead_outside, "expected the path of a file below a folder"),
        (drop_file_from_list, "kept/00002.parquet is missing"),
    ],
)
def test_a_damaged_upload_is_reported_run_here_and_replaced(damage, words, place, tmp_path):
    shared = tmp_path / "shared"
    place("one", shared)
    damage(shared)
    account = place("two", shared)
    assert exchanged(account) == (4, 1, 1)
    (notice,) = account["notices"]
    assert re.search(words, notice), notice
    assert "exact-" in notice and notice.endswith("it is not taken, and the step is run here")
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    assert exchanged(place("three", shared)) == (5, 0, 0)
    assert not (tmp_path / "two" / "escaped").exists()


def test_a_step_without_its_list_is_not_there_and_a_killed_upload_is_finished_later(place, tmp_path):
    shared = tmp_path / "shared"
    place("one", shared)
    listed(shared, "exact")[0].unlink()
    assert exchanged(place("two", shared)) == (4, 1, 0)


def test_a_download_that_was_killed_is_begun_again(place, tmp_path):
    place("one", tmp_path / "shared")
    (left,) = [name for name in steps(tmp_path / "one") if name.startswith("exact-")]
    leftover = tmp_path / "two" / "partial" / f"{left}.download"
    leftover.mkdir(parents=True)
    (leftover / "files.json").write_text("{}")
    (leftover / "more").write_text("of an earlier try")
    assert exchanged(place("two", tmp_path / "shared")) == (5, 0, 0)
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


# --- errors of the place ----------------------------------------------------------------------------------------------


def failing(monkeypatch, method, error, times=10**9, where=""):
    """Have a method of the object store fail on paths that contain ``where``; return the calls that failed."""
    real, failed = getattr(MemoryFileSystem, method), []

    def call(self, path, *rest, **more):
        target = str(rest[0]) if method == "put_file" else str(path)
        if where in target and len(failed) < times:
            failed.append(target)
            raise error
        return real(self, path, *rest, **more)

    monkeypatch.setattr(MemoryFileSystem, method, call)
    return failed


BUSY = OSError(errno.EBUSY, "Please reduce your request rate")


@pytest.mark.parametrize("method", ["put_file", "pipe_file", "cat_file", "get_file"])
def test_errors_that_pass_are_tried_again(method, place, tmp_path, monkeypatch):
    place("one", "memory://b/p")
    if method in ("put_file", "pipe_file"):
        MemoryFileSystem.store.clear()
    failed = failing(monkeypatch, method, BUSY, times=3)
    machine = "one" if method in ("put_file", "pipe_file") else "two"
    assert place(machine, "memory://b/p")["shared"]["warnings"] == 0
    assert len(failed) == 3
    assert exchanged(place("three", "memory://b/p")) == (5, 0, 0)


@pytest.mark.parametrize(
    ("error", "words", "tries"),
    [
        (BUSY, "4 tries): try again later", 4),
        (PermissionError(errno.EACCES, "Access Denied"), "1 try): check the credentials", 1),
        (OSError(errno.ENOSPC, "No space left on device"), "1 try): make room", 1),
        (OSError(errno.EROFS, "Read-only file system"), "1 try): expected a place that can be written", 1),
    ],
)
def test_a_place_that_takes_nothing_is_one_warning_and_the_next_build_uploads(
    error, words, tries, place, tmp_path, monkeypatch
):
    with monkeypatch.context() as patched:
        failed = failing(patched, "put_file", error)
        account = place("one", "memory://b/p")
    assert exchanged(account) == (0, 0, 1)
    assert len(failed) == tries
    (notice,) = account["notices"]
    assert words in notice
    assert notice.endswith("the next build uploads what is missing, this one no more")
    assert names(steps(tmp_path / "one")) == ALL
    assert exchanged(place("one", "memory://b/p")) == (0, 5, 0)
    assert exchanged(place("two", "memory://b/p")) == (5, 0, 0)


def test_a_place_that_gives_no_more_is_one_warning_and_steps_are_run(place, tmp_path, monkeypatch):
    place("one", "memory://b/p")
    failing(monkeypatch, "get_file", TimeoutError("timed out"))
    account = place("two", "memory://b/p")
    assert exchanged(account) == (0, 0, 1)
    assert "TimeoutError: timed out; 4 tries" in account["notices"][0]
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError("The specified bucket does not exist"), "expected an existing bucket or folder"),
        (PermissionError("Access Denied"), "check the credentials"),
        (type("NoCredentialsError", (Exception,), {})("Unable to locate credentials"), "check the credentials"),
        (BUSY, "try again later, or build without --shared-store"),
    ],
)
def test_a_place_that_cannot_be_used_at_all_ends_the_build_before_any_work(error, words, place, tmp_path, monkeypatch):
    failing(monkeypatch, "cat_file", error)
    failing(monkeypatch, "pipe_file", error)
    said = refused(1, *call(tmp_path, "--shared-store", "memory://b/p"))
    assert said.startswith("Error: cannot ") and words in said
    assert not (tmp_path / "one" / "steps").exists()


def call(tmp_path, *more):
    return ("build", tmp_path / "tiny.py", "--mirror", tmp_path / "mirror", "--store", tmp_path / "one", *more)


def test_a_url_that_nothing_understands_is_named(place, tmp_path):
    said = refused(1, *call(tmp_path, "--shared-store", "clay://tablets"))
    assert "--shared-store is 'clay://tablets'" in said and "s3://BUCKET/PREFIX" in said


def test_a_shared_store_of_a_newer_sabila_is_refused(place, tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "store.json").write_text('{"format": 2}')
    said = refused(1, *call(tmp_path, "--shared-store", tmp_path / "shared"))
    assert "has format 2, expected 1 or less" in said


def test_the_environment_names_the_shared_store(place, tmp_path, monkeypatch):
    monkeypatch.setenv("SABILA_SHARED_STORE", str(tmp_path / "shared"))
    assert "0 steps and 0 completions fetched, 5 steps" in run(*call(tmp_path)).stdout
    assert len(list((tmp_path / "shared" / "steps").iterdir())) == 5


# --- answers of models ------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(tmp_path, monkeypatch):
    """Return ``build(machine, server, values)`` of a recipe that sends requests."""
    monkeypatch.setattr(shared_files, "PAUSES_S", (0, 0, 0))
    MemoryFileSystem.store.clear()
    path = write_recipe(tmp_path, ASKING)
    mirror = write_mirror(tmp_path / "mirror", {"clinic": {"vaccines.jsonl": QUESTIONS}})

    def build(machine, server, relock=False, **values):
        return (
            BuildSession.open(
                load(str(path)),
                {"teacher": f"openai:{server.url}#m", **values},
                store=tmp_path / machine,
                mirror=mirror,
                relock=relock,
                shared_store="memory://b/answers",
            )
            .build()
            .to_json()
        )

    return build


def completions_of(account):
    return account["shared"]["completions_fetched"], account["shared"]["completions_uploaded"]


def test_a_request_answered_for_one_machine_is_sent_by_no_other(asking, tmp_path):
    with serving(answers) as server:
        assert completions_of(asking("one", server)) == (0, 12)
        assert server.requests == 12
        assert completions_of(asking("two", server)) == (12, 0)
        assert server.requests == 12
        assert tree(tmp_path / "two") == tree(tmp_path / "one")
        more = [*QUESTIONS, {**QUESTIONS[0], "id": "new", "question": "Which vaccine comes last?"}]
        write_mirror(tmp_path / "mirror", {"clinic": {"vaccines.jsonl": more}})
        assert completions_of(asking("three", server, relock=True)) == (12, 2)
        assert server.requests == 14, "only the two requests of the new row"
        assert completions_of(asking("one", server, relock=True)) == (2, 0)
        assert server.requests == 14


def test_a_step_of_other_answers_than_those_stored_here_is_not_taken(asking, tmp_path, monkeypatch):
    with serving(answers) as server:
        with monkeypatch.context() as alone:
            failing(alone, "put_file", BUSY)
            failing(alone, "pipe_file", BUSY, where="completions")
            asking("one", server)
        with serving(other_answers) as other:
            asking("two", other)
        account = asking("one", server)
        assert account["shared"]["warnings"] == 0 and account["shared"]["fetched"] == 0
        folder = next((tmp_path / "one" / "steps").glob("cot-*"))
        first = tree(tmp_path / "one")
        shutil.rmtree(folder)
        again = asking("one", server)
        assert "made of other answers than those stored here" in again["notices"][0]
        assert tree(tmp_path / "one") == first
        assert server.requests == 12


def other_answers(asked):
    return good(asked, REASONS.format(f"{asked.seed} of another try"))


def test_a_build_ends_rather_than_pay_again_for_answers_that_it_cannot_fetch(asking, tmp_path, monkeypatch):
    with serving(answers) as server:
        asking("one", server)
        failing(monkeypatch, "cat_file", BUSY, where="completions")
        with pytest.raises(SharedStoreError, match=r"cannot read memory://b/answers/completions/.*4 tries"):
            asking("two", server)
        assert server.requests == 12


def test_completions_that_are_not_what_their_name_says_end_the_build(asking):
    with serving(answers) as server:
        asking("one", server)
        (path,) = [path for path in MemoryFileSystem.store if "/completions/" in path]
        MemoryFileSystem().pipe_file(path, b"changed")
        with pytest.raises(SharedStoreError, match="is damaged, expected the content that its name is the hash of"):
            asking("two", server)


# --- releases ---------------------------------------------------------------------------------------------------------


def release_files(tmp_path, machine, name):
    folder = tmp_path / machine / "releases" / name / "1"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_machine_with_an_empty_store_freezes_the_same_bytes_and_runs_nothing(place, tmp_path):
    made = {}
    for machine in ("one", "two"):
        shared = ("--shared-store", tmp_path / "shared", "--workers", "1")
        options = ("--mirror", tmp_path / "mirror", "--store", tmp_path / machine, *shared)
        result = run("release", tmp_path / "tiny.py", "--version", "1", *options)
        assert result.exit_code == 0, result.output
        made[machine] = result.stderr
    assert made["two"].count("; fetched from the shared store") == 5
    assert release_files(tmp_path, "two", "tiny") == release_files(tmp_path, "one", "tiny") != {}


def test_a_release_of_fetched_answers_holds_them(asking, tmp_path):
    with serving(answers) as server:
        for machine in ("one", "two"):
            shared = ("--shared-store", "memory://b/answers", "--workers", "1", "--teacher", f"openai:{server.url}#m")
            options = ("--mirror", tmp_path / "mirror", "--store", tmp_path / machine, *shared)
            result = run("release", tmp_path / "tiny.py", "--version", "1", *options)
            assert result.exit_code == 0, result.output
        assert server.requests == 12
    files = release_files(tmp_path, "two", "tiny")
    assert any(path.startswith("completions/") for path in files)
    assert files == release_files(tmp_path, "one", "tiny")
