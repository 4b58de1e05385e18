"""How fast ``sabila check`` reads and checks rows: rows a second, processor seconds, peak memory of all its processes.

    python tests/benchmark_check.py --rows 100000 --workers 2

Generates JSON Lines of medical-looking text (mean 700 characters), checks them by the command line without changing
them, and prints the figures. Not collected by pytest.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmark_build import generate, peak_memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.jsonl"
        characters = generate(path, options.rows)
        command = [sys.executable, "-c", "from pipelines.cli.commands import main; main()", "check", str(path)]
        environment = {"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": "/usr/bin:/bin"}
        started, peak = time.monotonic(), [0]
        process = subprocess.Popen([*command, "--workers", str(options.workers)], cwd=name, env=environment)
        watcher = threading.Thread(target=peak_memory, args=(process, peak))
        watcher.start()
        watcher.join()
        if process.wait():
            sys.exit(process.returncode)
        seconds, used = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{options.rows:,} rows of {characters / options.rows:.0f} characters, {options.workers} workers")
        processor = used.ru_utime + used.ru_stime
        print(
            f"{seconds:.1f} s, {options.rows / seconds:,.0f} rows/s, {processor:.1f} s of processor time, "
            f"peak {peak[0] / 1e6:,.0f} MB"
        )


if __name__ == "__main__":
    main()
