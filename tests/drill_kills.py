"""``kill -9`` at many moments of a whole build: run again until it is complete, every build has the same files.

    python tests/drill_kills.py --mirror ../shared/data --kills 100
    python tests/drill_kills.py --mirror ../shared/data --kills 100 --nodes 2        # on a Ray cluster of two nodes
    python tests/drill_kills.py --mirror DIR --kills 20 -- --teacher embedded --limit 50

What follows ``--`` are more options of ``sabila build aloe_sft``. One build that nothing disturbs, here and with one
worker, says which files are right and how long a build takes. Not collected by pytest.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tiny_recipe import SABILA, names, steps, tree

SHARE_OF_A_BUILD = 0.15
"""The longest time before a kill, besides starting, as a share of what an undisturbed build takes."""

LONGER = 1.5
"""By how much that time grows after a kill before which no step was finished, so that long steps end."""


def start(folder, given, store, *more):
    """Start a build as the head of a process group of its own; its output goes to a log."""
    arguments = ["build", "aloe_sft", "--mirror", str(given.mirror), "--store", str(store), *given.options, *more]
    with (folder / "log").open("a") as log:
        return subprocess.Popen([SABILA, *arguments], cwd=folder, stdout=log, stderr=log, start_new_session=True)


def finished(process, folder):
    """Wait for a build that must end well."""
    if process.wait() != 0:
        sys.exit(f"a build failed:\n{(folder / 'log').read_text()[-3000:]}")


def difference(found, right):
    """Return the files of two trees that differ."""
    return sorted(path for path in found.keys() | right.keys() if found.get(path) != right.get(path))


@contextlib.contextmanager
def cluster(nodes):
    """Run a Ray cluster and give the options of a build on it; without nodes a build is this machine's alone."""
    if not nodes:
        yield ("--workers", "2")
        return
    from test_engines import nodes as ray_cluster

    with ray_cluster(nodes) as made:
        yield ("--engine", "ray", "--ray-address", made.address)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", type=Path, required=True, help="Raw corpora.")
    parser.add_argument("--kills", type=int, default=100, help="[default: 100]")
    parser.add_argument("--nodes", type=int, default=0, help="Nodes of a Ray cluster; 0 is no cluster.  [default: 0]")
    parser.add_argument("--seed", type=int, default=0, help="Of the moments.  [default: 0]")
    parser.add_argument("options", nargs="*", help="More options of the build, after --.")
    given = parser.parse_args()
    given.mirror, rng = given.mirror.resolve(), random.Random(given.seed)
    with tempfile.TemporaryDirectory() as place, cluster(given.nodes) as engine:
        folder = Path(place)
        began = time.monotonic()
        finished(start(folder, given, folder / "undisturbed", "--workers", "1"), folder)
        took, right = time.monotonic() - began, tree(folder / "undisturbed")
        began = time.monotonic()
        finished(start(folder, given, folder / "undisturbed", *engine), folder)
        starting = time.monotonic() - began
        print(f"undisturbed: {took:.0f} s, {len(right)} files; a finished build again: {starting:.1f} s", flush=True)
        killed, stores, moments = 0, 0, Counter()
        while killed < given.kills:
            store = folder / f"killed-{stores}"
            stores, patience = stores + 1, 1.0
            while True:
                before = steps(store)
                process = start(folder, given, store, *engine)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    if killed < given.kills:
                        process.wait(timeout=rng.uniform(0, patience * (starting + SHARE_OF_A_BUILD * took)))
                    else:
                        process.wait()
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    killed += 1
                    done = steps(store)
                    if lost := {name for name, mark in before.items() if done.get(name) != mark}:
                        sys.exit(f"kill {killed}: finished steps were made again or lost: {', '.join(sorted(lost))}")
                    moments.update(names(path.name for path in (store / "partial").glob("*")))
                    patience = 1.0 if len(done) > len(before) else patience * LONGER
                    print(f"kill {killed}: {len(done)} steps finished, {len(done) - len(before)} new", flush=True)
                    continue
                finished(process, folder)
                break
            if wrong := difference(tree(store), right):
                sys.exit(f"{store.name}: {len(wrong)} files differ from the undisturbed build, first {wrong[:5]}")
            print(f"{store.name}: all {len(right)} files as in the undisturbed build", flush=True)
            subprocess.run(["rm", "-rf", str(store)], check=True)
        print(f"{killed} kills over {stores} builds, all files the same; unfinished at a kill: {dict(moments)}")


if __name__ == "__main__":
    main()
