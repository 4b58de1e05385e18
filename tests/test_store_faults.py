"""A store that turns read-only, full, slow or unreliable, and a clock that jumps: an error in one line, then a resume.

The faults are put into the process and its workers by a ``sitecustomize`` on their path, so that no other file is hit.
"""

import os
import re
import shutil

import pytest
from test_faults import generated_rows
from tiny_recipe import RECIPE, sabila, steps, tree, write_mirror, write_recipe

FAULTS = '''
import errno, itertools, os, pathlib, time

kind, after, store = os.environ["SABILA_FAULT"].split(":")
COUNTER = store + ".writes"


def struck():
    """Count one more write, of whatever process, and return whether the fault is there."""
    handle = os.open(COUNTER, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, b".")
    size = os.fstat(handle).st_size
    os.close(handle)
    return size > int(after)


def raising(real, number):
    def call(path, *rest, **more):
        mode = rest[0] if rest and isinstance(rest[0], str) else more.get("mode", "r")
        writes = real.__name__ != "open" or set(mode) & set("wax+")
        if writes and str(path).startswith(store) and struck():
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *rest, **more)

    return call


def synced(real):
    numbers = {"full": errno.ENOSPC, "failing": errno.EIO, "stale": errno.ESTALE}

    def fsync(handle):
        if kind == "slow":
            time.sleep(0.02)
        elif struck():
            raise OSError(numbers[kind], os.strerror(numbers[kind]))
        return real(handle)

    return fsync


if kind == "read-only":
    for name in ("open", "mkdir", "rename"):
        setattr(pathlib.Path, name, raising(getattr(pathlib.Path, name), errno.EROFS))
elif kind == "clock":
    jumps, real_time = itertools.cycle((0, 86_400, -86_400, 400_000_000, -400_000_000)), time.time
    time.time = lambda: real_time() + next(jumps)
else:
    os.fsync = synced(os.fsync)
'''
CHOSEN = ("clinic", "ward", "school")
CALL = ("build", "tiny.py", "--mirror", "mirror", "--corpora", ",".join(CHOSEN))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return the folder of a recipe and its mirror, and the files of an undisturbed build."""
    folder = tmp_path_factory.mktemp("faults")
    write_recipe(folder, RECIPE)
    rows = {
        corpus: {f"{corpus}{n}.jsonl": list(generated_rows(f"{corpus}{n}", 40)) for n in range(3)} for corpus in CHOSEN
    }
    write_mirror(folder / "mirror", rows)
    (folder / "faults").mkdir()
    (folder / "faults" / "sitecustomize.py").write_text(FAULTS, encoding="utf-8")
    done = sabila(*CALL, "--workers", "1", "--store", folder / "undisturbed", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder, tree(folder / "undisturbed")


def struck(kind, after, store, folder, workers):
    path = os.pathsep.join(filter(None, [str(folder / "faults"), os.environ.get("PYTHONPATH")]))
    environment = {"PYTHONPATH": path, "SABILA_FAULT": f"{kind}:{after}:{store}"}
    return sabila(*CALL, "--workers", str(workers), "--store", store, folder=folder, env=environment)


@pytest.mark.parametrize(
    ("kind", "words", "workers"),
    [
        ("read-only", "cannot write .*Read-only file system", 1),
        ("full", "no room to write .*No space left on device", 1),
        ("full", "no room to write .*No space left on device", 2),
        ("failing", "Input/output error", 1),
        ("stale", "Stale file handle", 1),
    ],
)
def test_a_store_that_fails_ends_the_build_with_a_line_and_the_next_build_goes_on(
    kind, words, workers, place, tmp_path
):
    folder, expected = place
    for after in (2, 23, 71):
        store = tmp_path / str(after)
        done = struck(kind, after, store, folder, workers)
        assert done.returncode == 1, f"{after} writes\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        error = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert len(error) == 1, done.stderr
        assert re.search(words, error[0]), error[0]
        assert tree(store).items() <= expected.items()
        before = steps(store)
        again = sabila(*CALL, "--workers", str(workers), "--store", store, folder=folder)
        assert again.returncode == 0, again.stderr
        assert tree(store) == expected
        assert before.items() <= steps(store).items()
        shutil.rmtree(store)


@pytest.mark.parametrize("kind", ["slow", "clock"])
def test_what_delays_or_misleads_a_build_changes_nothing(kind, place, tmp_path):
    folder, expected = place
    done = struck(kind, 0, tmp_path / "store", folder, 2)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "store") == expected
    again = struck(kind, 0, tmp_path / "store", folder, 2)
    assert again.returncode == 0, again.stderr
    assert tree(tmp_path / "store") == expected
