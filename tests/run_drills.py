"""Drills: the tests of each fault, by the fault's name, run twice in a row.

    python tests/run_drills.py                       # all of them: `make drill`
    python tests/run_drills.py "full disk" "dead node"

A drill passes if the build, call or run ends right, or ends with an error in one line and goes on where it stopped. One
that lacks a package is skipped and says so. Not collected by pytest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).parent

DRILLS: dict[str, tuple[str, ...]] = {
    "killed build": ("test_faults.py", "-k", "killed_build or killed_between"),
    "killed release, export, dedup, decontaminate": ("test_kills.py",),
    "dead worker, as without memory": ("test_faults.py", "-k", "worker_that_is_killed"),
    "dead node of a cluster": ("test_engines.py", "-k", "node_that_dies"),
    "worker of a cluster that dies every time": ("test_engines.py", "-k", "dies_every_time"),
    "Ctrl-C": ("test_faults.py", "test_failed_requests.py", "-k", "interrupted or ctrl_c"),
    "two builds at once": ("test_faults.py", "-k", "two_builds"),
    "full disk": ("test_faults.py", "test_store_faults.py", "-k", "full"),
    "read-only store": ("test_store_faults.py", "-k", "read-only"),
    "failing disk": ("test_store_faults.py", "-k", "failing"),
    "stale file handle of a network store": ("test_store_faults.py", "-k", "stale"),
    "slow store": ("test_store_faults.py", "-k", "slow"),
    "clock that jumps": ("test_store_faults.py", "-k", "clock"),
    "teacher that fails, refuses or is revoked": ("test_failed_requests.py", "test_hostile_teachers.py"),
    "llama.cpp server that dies": ("test_llamacpp.py", "-k", "dies or killed"),
    "Hub that fails on reading": ("test_hub.py", "-k", "failure or failing or cut or not_there"),
    "Hub that fails on publishing": ("test_publish_faults.py",),
    "object store that is busy, denies or is missing": ("test_shared_s3.py",),
    "shared store with torn, lost or foreign files": ("test_shared_store.py",),
}
"""Every drill and its tests."""


def drill(selection: tuple[str, ...]) -> tuple[str, str]:
    """Run the tests of a drill in a process of its own; return passed, failed or skipped, and pytest's last line."""
    files = [str(TESTS / word) if word.endswith(".py") else word for word in selection]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "", *files]
    done = subprocess.run(
        command, cwd=TESTS.parent, capture_output=True, text=True, env={"SABILA_KILLS": "20", **os.environ, "CI": ""}
    )
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr.strip()[-200:]
    if done.returncode == 0 and "passed" not in last:
        return "skipped", last
    if done.returncode:
        print(done.stdout[-3_000:], file=sys.stderr)
    return "failed" if done.returncode else "passed", last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drills", nargs="*", help=f"{', '.join(DRILLS)}.  [default: all]")
    parser.add_argument("--times", type=int, default=2, help="Runs of each.  [default: 2]")
    given = parser.parse_args()
    if unknown := [name for name in given.drills if name not in DRILLS]:
        parser.error(f"no drill {unknown[0]!r}, expected some of {', '.join(DRILLS)}")
    failed = []
    for name in given.drills or DRILLS:
        for turn in range(1, given.times + 1):
            began = time.monotonic()
            outcome, last = drill(DRILLS[name])
            print(
                f"{name}, {turn} of {given.times}: {outcome} in {time.monotonic() - began:.0f} s ({last})", flush=True
            )
            if outcome == "failed":
                failed.append(name)
            if outcome != "passed":
                break
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
