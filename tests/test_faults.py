"""What strikes a build from outside: kill -9 at any moment, another build, a full disk. Run again, it goes on."""

import contextlib
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import tiny_recipe
from tiny_recipe import names, refused, sabila, start, steps, tree, write_mirror, write_recipe

SIGNS = (
    "a fever",
    "a cough",
    "a rash",
    "chest pain",
    "a swollen knee",
    "night sweats",
    "blurred vision",
    "a toothache",
)
HELP = ("rest", "fluids", "an X-ray", "a blood count", "a cold compress", "paracetamol", "a second visit", "a swab")


def generated_rows(name, number):
    pick = random.Random(name)
    for n in range(number):
        signs, advice = pick.sample(SIGNS, 3), pick.sample(HELP, 3)
        question = f"Case {n} of {name}: somebody aged {n % 90} has {', '.join(signs)} for {n % 30} days. What now?"
        days = ("first", "second", "third", "fourth")
        answer = " ".join(f"For {signs[0]} on the {day} day: {advice[0]}, {advice[1]}." for day in days)
        answer += f" After that, {advice[2]}."
        yield {"id": f"{name}-{n}", "question": question, "answer": answer}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A recipe with a mirror of 10,000 rows, some broken, some repeated, and what an undisturbed build makes of it."""
    folder = tmp_path_factory.mktemp("large")
    write_recipe(folder)
    rows = {
        corpus: {
            f"{name}.jsonl": [*generated_rows(name, 900), b"{broken", *generated_rows(name, 2)]
            for name in (f"{corpus}{n}" for n in range(4))
        }
        for corpus in ("clinic", "ward", "school")
    }
    write_mirror(folder / "mirror", rows)
    done = sabila(*LARGE, "--store", "undisturbed", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder, tree(folder / "undisturbed")


LARGE = ("build", "tiny.py", "--mirror", "mirror", "--corpora", "clinic,ward,school", "--workers", "1")


# --- kill -9 -------------------------------------------------------------------------------------------------------


DRILL = "SABILA_KILLS" in os.environ
"""Whether builds are killed at three moments of each step: `make drill` sets the variable."""


@pytest.mark.parametrize("steps_before", range(7))
def test_a_killed_build_run_again_gives_the_same_bytes_and_redoes_nothing(steps_before, large, tmp_path):
    folder, expected = large
    delays_s = (0.0, 0.04, 0.15)
    for moment, delay_s in enumerate(delays_s if DRILL else (delays_s[steps_before % 3],)):
        store = tmp_path / str(moment)
        build = start(*LARGE, "--store", store, folder=folder)
        for _ in range(steps_before):
            build.stderr.readline()
        wait_for((store / "locks").exists)
        time.sleep(delay_s)
        kill(build)
        assert build.returncode == -signal.SIGKILL or delay_s > 0, "a build that ended by itself shows nothing"
        assert tree(store).items() <= expected.items()
        before = steps(store)
        assert len(before) >= steps_before
        again = sabila(*LARGE, "--store", store, folder=folder)
        assert again.returncode == 0, again.stderr
        assert tree(store) == expected
        assert before.items() <= steps(store).items()
        assert list((store / "partial").iterdir()) == []


def test_workers_of_a_killed_build_die_with_it_and_leave_it_to_be_finished(large, tmp_path):
    folder, expected = large
    arguments = (*LARGE[:-1], "2", "--store", tmp_path / "store")
    build = start(*arguments, folder=folder)
    build.stderr.readline()
    assert len(alive(build.pid)) >= 3, "the build and two workers"
    os.kill(build.pid, signal.SIGKILL)
    build.communicate()
    wait_for(lambda: not alive(build.pid))
    assert tree(tmp_path / "store").items() <= expected.items()
    again = sabila(*arguments, folder=folder)
    assert again.returncode == 0, again.stderr
    assert tree(tmp_path / "store") == expected


def kill(build):
    os.killpg(build.pid, signal.SIGKILL)
    build.communicate()
    wait_for(lambda: not alive(build.pid))


def alive(group):
    """Return the processes of a group that still run, dead ones that nobody has fetched left out."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
            found += [stat.parent.name] if int(pgrp) == group and state not in "ZX" else []
    return found


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


class Killed(BaseException):
    """Stands for a kill at one exact place."""


@pytest.mark.parametrize("place", ["shutil.rmtree", "Path.rename"])
def test_a_build_killed_between_the_marker_and_the_name_of_a_step_goes_on_there(place, tmp_path, monkeypatch):
    recipe, mirror = write_recipe(tmp_path), write_mirror(tmp_path / "mirror", WITH_BROKEN_ROWS)
    account = tiny_recipe.build(recipe, tmp_path / "undisturbed", mirror, corpora="clinic")
    broken = [step["folder"] for step in account["steps"] if step["counts"]["quarantined"]]
    assert broken

    def killed(path, *rest, **more):
        if path.name == "quarantine" or (path.name in broken and path.parent.name == "partial"):
            raise Killed
        return real(path, *rest, **more)

    real = shutil.rmtree if place == "shutil.rmtree" else Path.rename
    monkeypatch.setattr(f"pipelines.storage.store.{place}", killed)
    with pytest.raises(Killed):
        tiny_recipe.build(recipe, tmp_path / "store", mirror, corpora="clinic")
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "store" / "partial").iterdir()] == broken
    assert tiny_recipe.build(recipe, tmp_path / "store", mirror, corpora="clinic")["rows"] == account["rows"]
    assert tree(tmp_path / "store") == tree(tmp_path / "undisturbed")


WITH_BROKEN_ROWS = {"clinic": {name: [*rows, b"broken"] for name, rows in tiny_recipe.ROWS["clinic"].items()}}


def test_a_worker_that_is_killed_is_told_and_the_rest_is_kept(tmp_path):
    lethal = "import os\n\n\ndef lethal(rows, config):\n    os.kill(os.getpid(), 9)\n\n\n"
    text = tiny_recipe.RECIPE.replace("def parse", f"{lethal}def parse").replace("clean, config, ", "lethal, None, ")
    recipe, mirror = write_recipe(tmp_path, text), write_mirror(tmp_path / "mirror")
    told = refused(1, "build", recipe, "--store", tmp_path / "store", "--mirror", mirror, "--workers", 2)
    assert told == (
        "Error: one of 2 worker processes was killed, as happens when memory is exhausted; "
        "run again with fewer --workers, what is complete is kept"
    )
    assert "read-clinic" in names(steps(tmp_path / "store"))


def test_an_interrupted_build_ends_at_once_and_without_a_traceback(tmp_path):
    endless = "import time\n\n\ndef endless(rows, config):\n    time.sleep(600)\n\n\n"
    text = tiny_recipe.RECIPE.replace("def parse", f"{endless}def parse").replace("clean, config, ", "endless, None, ")
    write_recipe(tmp_path, text)
    write_mirror(tmp_path / "mirror")
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a shell may have it ignored
    program = (sys.executable, "-c", f"{heeding}; from pipelines.cli.commands import main; main()")
    build = start("build", "tiny.py", "--mirror", "mirror", "--workers", "2", folder=tmp_path, program=program)
    build.stderr.readline()
    os.killpg(build.pid, signal.SIGINT)
    output, errors = build.communicate(timeout=60)
    assert (build.returncode, output) == (1, "")
    assert errors.splitlines()[-1].startswith("Error: interrupted; what is finished")
    assert "Traceback" not in errors
    wait_for(lambda: not alive(build.pid))


# --- two at once ---------------------------------------------------------------------------------------------------


def test_two_builds_at_once_in_one_store_share_the_work(large, tmp_path):
    folder, expected = large
    builds = [start(*LARGE, "--store", tmp_path / "store", folder=folder) for _ in range(2)]
    outputs = [build.communicate(timeout=120) for build in builds]
    assert [build.returncode for build in builds] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert tree(tmp_path / "store") == expected
    finished = [line for _, errors in outputs for line in errors.splitlines() if " rows in, " in line]
    assert len(finished) == len(set(finished)) == 7, "each step was built by one of the two"


# --- a full disk ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_told_and_with_room_the_build_goes_on(workers, large, tmp_path):
    folder, expected = large
    arguments = (*LARGE[:-1], workers, "--store", tmp_path / "store")
    full = sabila(*arguments, folder=folder, file_size_limit=16_384)
    assert full.returncode == 1
    assert "Traceback" not in full.stderr
    last = full.stderr.splitlines()[-1]
    assert last.startswith(f"Error: no room to write {tmp_path / 'store' / 'partial'}"), full.stderr
    assert "File too large" in last
    assert last.endswith("make room and run again; what is complete is kept")
    assert steps(tmp_path / "store") == {}
    with_room = sabila(*arguments, folder=folder)
    assert with_room.returncode == 0, with_room.stderr
    assert tree(tmp_path / "store") == expected


def test_a_full_disk_leaves_no_half_release(tmp_path):
    write_recipe(tmp_path)
    rows = {name: {"a.jsonl": list(generated_rows(name, 900))} for name in ("clinic", "ward")}
    write_mirror(tmp_path / "mirror", rows)
    arguments = ("tiny.py", "--mirror", "mirror", "--store", "store", "--workers", "1")
    assert sabila("build", *arguments, folder=tmp_path).returncode == 0
    full = sabila("release", *arguments, "--version", "1", folder=tmp_path, file_size_limit=8_192)
    assert full.returncode == 1
    assert full.stderr.splitlines()[-1].startswith("Error: no room to write store/partial/release-tiny-1/data/prompts/")
    assert "Traceback" not in full.stderr
    assert not (tmp_path / "store" / "releases" / "tiny" / "1").exists()
    assert sabila("release", *arguments, "--version", "1", folder=tmp_path).returncode == 0
    assert (tmp_path / "store" / "releases" / "tiny" / "1" / "manifest.json").exists()
