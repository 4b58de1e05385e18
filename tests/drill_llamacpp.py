"""``kill -9`` of sabila and of llama.cpp's server while a real model writes: nothing lost, no server left, same rows.

Run from the repository: ``python tests/drill_llamacpp.py [KILLS]``, 20 of each by default. A small recipe has
48 questions. sabila is killed after a random number of new answers and started again until the build is
complete; the server is killed in the middle of builds, which go on. Each finished store is compared with a build from a
copy of its completions alone.
"""

import hashlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from real_models import smollm2
from test_llamacpp import gone_within
from tiny_recipe import SABILA, write_mirror, write_recipe

RECIPE = '''"""Questions of a clinic, sorted by a model into medical ones and others."""

from pipelines.build.step import each_shard, generate_step, read
from quality.cleaning.clean import Clean, clean
from quality.cleaning.rules import Rules
from sources.shapes.row_shapes import jsonl, mcq
from sources.source import Source
from synth.judges.medical_filter import STAGE, MedicalFilter
from synth.teachers.candidates import author
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher as teacher_of


def parse(raw, file):
    row = raw.value
    return mcq(row["id"], row["question"], row["options"], row["gold"])


CLINIC = Source(
    name="clinic", title="Questions of the clinic", home="hf://datasets/sabila-tests/clinic", license="CC0-1.0",
    license_read="written for these tests", task="mcqa", lang="en", files={"train": ("*.jsonl",)}, rows=jsonl,
    parse=parse,
)


def recipe(*, teacher: str = "embedded", max_failed: float = 0.0):
    """Sort the questions.

    Args:
        teacher: Who sorts.
        max_failed: Share of the requests that may fail.
    """
    asked = teacher_of(teacher, TeacherOptions(license="CC0-1.0"))
    cleaned = each_shard("clean", clean, Clean(rules=Rules(min_answer_chars=1)), read(CLINIC))
    config = MedicalFilter(generated_by=author(asked), max_tokens=64)
    return generate_step("sort", STAGE, config, asked, cleaned, max_failed=max_failed)
'''
QUESTIONS = [
    {"id": f"v{n}", "question": f"Which vaccine comes first for group {n}?", "options": ["BCG", "Polio"], "gold": 0}
    for n in range(48)
]
SLOTS = 4
UNSEEN_S = 90


def words(folder, store):
    return [
        *(SABILA, "build", "tiny.py", "--mirror", "mirror", "--store", str(store), "--workers", "1"),
        *("--teacher", f"llamacpp:{smollm2()}", "--concurrency", str(SLOTS), "--teacher-threads", "1"),
        *("--context-tokens", "1024", "--max-failed", "0.5"),
    ]


def completions(store):
    """Return the completions of a store by key."""
    path = store / "completions"
    if not path.exists():
        return {}
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as opened:
            return dict(opened.execute("select key, text from completions"))
    except sqlite3.OperationalError:  # no table yet
        return {}


def rows(store):
    """Return the hash of what the last step kept and dropped."""
    files = sorted((path.name, path.read_bytes()) for path in store.glob("steps/sort-*/*/*.parquet"))
    return hashlib.sha256(repr(files).encode()).hexdigest()


def server_of(pid):
    """Return the process id of the server that a process started, None before it did."""
    found = subprocess.run(["pgrep", "-P", str(pid), "-f", "llamacpp_serve"], capture_output=True, text=True)
    return int(found.stdout.split()[0]) if found.stdout.strip() else None


def start(folder, store):
    with (folder / "log").open("a") as log:
        return subprocess.Popen(words(folder, store), cwd=folder, stdout=log, stderr=log)


def after_answers(process, store, more):
    """Wait until a build has so many new answers, or ends; return whether it still runs."""
    before, until = len(completions(store)), time.monotonic() + UNSEEN_S
    while process.poll() is None and time.monotonic() < until:
        if len(completions(store)) >= before + more:
            return True
        time.sleep(0.02)
    return process.poll() is None


def kill_sabila(folder, kills, rng):
    """Kill sabila so often, over as many stores as that takes; return the kills that hit a running build."""
    killed, stores = 0, 0
    while killed < kills:
        store = folder / f"sabila-{stores}"
        stores += 1
        while True:
            process, had = start(folder, store), completions(store)
            if killed < kills and after_answers(process, store, rng.randint(0, 6)):
                time.sleep(rng.uniform(0, 0.5))
                server = server_of(process.pid)
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
                assert server is None or gone_within(server, 10), "a server was left behind"
            else:
                assert process.wait() == 0, (folder / "log").read_text()[-2000:]
            now = completions(store)
            assert had.items() <= now.items(), "an answer was lost or changed"
            print(f"sabila killed {killed} times: {len(had)} answers before, {len(now)} now", flush=True)
            if process.returncode == 0:
                break
        compare(folder, store)


def kill_server(folder, kills, rng):
    """Kill the server so often, four times a build."""
    killed, stores = 0, 0
    while killed < kills:
        store = folder / f"server-{stores}"
        stores += 1
        process = start(folder, store)
        for _ in range(4):
            if killed < kills and after_answers(process, store, rng.randint(1, 9)):
                server = server_of(process.pid)
                if server is not None and process.poll() is None:
                    subprocess.run(["kill", "-9", str(server)], check=False)
                    killed += 1
                    print(f"server killed {killed} times: {len(completions(store))} answers so far", flush=True)
        assert process.wait() == 0, (folder / "log").read_text()[-2000:]
        compare(folder, store)


def compare(folder, store):
    """Check that every request has one answer or a counted failure, and that the answers alone make the same rows."""
    answers = completions(store)
    with sqlite3.connect(f"file:{store / 'completions'}?mode=ro", uri=True) as opened:
        failed = {key for (key,) in opened.execute("select key from failures")} - answers.keys()
    assert len(answers) + len(failed) == len(QUESTIONS), (len(answers), len(failed))
    copy = store.with_name(f"{store.name}-copy")
    copy.mkdir()
    for path in store.glob("completions*"):
        shutil.copy(path, copy)
    again = start(folder, copy)
    assert again.wait() == 0
    assert completions(copy) == answers or failed
    assert rows(copy) == rows(store), "the same answers make other rows"
    print(f"{store.name}: {len(answers)} answers, {len(failed)} failed, same rows from the answers alone", flush=True)


def main(kills=20):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_recipe(folder, RECIPE)
        write_mirror(folder / "mirror", {"clinic": {"q.jsonl": QUESTIONS}})
        rng = random.Random(kills)
        kill_sabila(folder, kills, rng)
        kill_server(folder, kills, rng)
        print(f"{kills} kills of each: nothing lost, no server left, the same rows")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
