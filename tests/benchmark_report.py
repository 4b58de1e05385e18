"""The report on a release of a million rows: seconds, megabytes, and memory.

python tests/benchmark_report.py [--rows 1000000] [--ended 60000] [--keep FOLDER]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from large_release import large_release


def measured(folder):
    from pipelines.report.report_page import write_report

    begun, before = time.perf_counter(), time.process_time()
    written = write_report(folder, folder / "report.html")
    return {
        "seconds": round(time.perf_counter() - begun, 1),
        "cpu_seconds": round(time.process_time() - before, 1),
        "megabytes": round(written.stat().st_size / 1e6, 2),
        "peak_mb": peak(),
        "load": round(os.getloadavg()[0], 1),
    }


def peak():
    """Return the most memory that this process had, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


def arguments(description):
    """Return what both benchmarks are told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--ended", type=int, default=60_000)
    parser.add_argument("--keep", type=Path, help="a folder to make the store in, and to leave it there")
    return parser.parse_args()


def run(measure, file, description):
    """Make the release, then measure in a process of its own, so that the memory told is that of the measured alone."""
    given = arguments(description)
    if "SABILA_MEASURE" in os.environ:
        print(measure(*large_release(given.keep, given.rows, given.ended)))
        return
    with tempfile.TemporaryDirectory(prefix="sabila-") as scratch:
        place = given.keep or Path(scratch)
        large_release(place, given.rows, given.ended)
        call = [sys.executable, file, "--keep", place]
        sys.exit(subprocess.run(call, env={**os.environ, "SABILA_MEASURE": "1"}).returncode)


if __name__ == "__main__":
    run(lambda folder, _: measured(folder), __file__, __doc__)
