"""``kill -9`` at any moment of a release, an export, a deduplication or a decontamination; run again, it ends as ever.

``SABILA_KILLS`` says how often each is killed.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import time

import pytest
from test_faults import generated_rows
from tiny_recipe import RECIPE, sabila, start, write_mirror, write_recipe

KILLS = int(os.environ.get("SABILA_KILLS", "2"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A recipe, its mirror and a release of it; and files for the verbs that read any."""
    folder = tmp_path_factory.mktemp("kills")
    qa = 'qa(row["id"], row["question"], row["answer"], split=row.get("split"))'
    said = 'pair(row["id"], user(row["question"]), row["answer"], None)'
    write_recipe(folder, RECIPE.replace(qa, said).replace("import jsonl, mcq, qa", "import jsonl, mcq, pair, user"))
    rows = {
        corpus: {f"{corpus}0.jsonl": list(generated_rows(f"{corpus}0", 150))} for corpus in ("clinic", "ward", "school")
    }
    mirror = write_mirror(folder / "mirror", rows)
    done = sabila(*CALLS["release"], "--store", "base", folder=folder)
    assert done.returncode == 0, done.stderr
    (folder / "items.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in generated_rows("ward0", 40)), encoding="utf-8"
    )
    shutil.copy(mirror / "ward" / "ward0.jsonl", folder / "rows.jsonl")
    return folder


MADE = ("tiny.py", "--mirror", "mirror", "--corpora", "clinic,ward,school", "--workers", "1")
CALLS = {
    "release": ("release", *MADE, "--version", "1"),
    "export": ("export", "base/releases/tiny/1", "--to", "axolotl"),
    "dedup": ("dedup", "rows.jsonl", "--text-column", "question", "--text-column", "answer", "--threads", "1"),
    "decontaminate": ("decontaminate", "rows.jsonl", "--against", "items.jsonl"),
}
PLACES = {"release": "--store", "export": "--out", "dedup": "--out", "decontaminate": "--out"}


def content(folder):
    """Return ``{path: hash}`` of what a call is to leave: of a store the release alone, steps have tests of theirs."""
    root = folder / "releases" if (folder / "store.json").exists() else folder
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("verb", CALLS)
def test_a_killed_call_run_again_leaves_what_an_undisturbed_one_leaves(verb, place, tmp_path):
    call = (*CALLS[verb], PLACES[verb])
    for out in ("first", "undisturbed"):  # the first may compile what the others find compiled
        began = time.monotonic()
        done = start(*call, tmp_path / out, folder=place)
        _, errors = done.communicate(timeout=600)
        whole_s = time.monotonic() - began
        assert done.returncode == 0, errors
    wanted, rng = content(tmp_path / "undisturbed"), random.Random(f"{verb} {KILLS}")
    for kill in range(KILLS):
        out = tmp_path / str(kill)
        killed = start(*call, out, folder=place)
        time.sleep(whole_s * rng.uniform(0.3, 1.0))
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        left = content(out) if out.exists() else {}
        again = sabila(*call, out, folder=place)
        assert again.returncode == 0 or (left == wanted and "an earlier call" in again.stderr), again.stderr
        assert content(out) == wanted, f"killed when {sorted(left)} were there"
        print(f"{verb}: killed with {killed.returncode}, {len(left)} of {len(wanted)} files were there")
