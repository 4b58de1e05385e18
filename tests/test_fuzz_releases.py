"""Releases changed at random, put to every verb that reads one, in a process of its own."""

import subprocess
import sys
from pathlib import Path


def test_no_changed_release_writes_asks_or_breaks_anything():
    script = Path(__file__).with_name("fuzz_releases.py")
    done = subprocess.run([sys.executable, script, "4", "--seed", "3"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "4 releases from number 0, seed 3: 0 things wrong"), (
        done.stdout
    )
