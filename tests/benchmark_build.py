"""How fast a large corpus is read, normalised and ruled: rows a second, peak memory, on this machine.

    python tests/benchmark_build.py --rows 1000000 --workers 2

Generates JSON Lines of medical-looking text (mean 700 characters, one row in twenty in need of an edit), builds it by
the command line in a fresh store, and prints the figures. Not collected by pytest.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import orjson

RECIPE = """
from pathlib import Path

from pipelines.build.step import each_shard, read
from quality.cleaning.clean import Clean, clean
from sources.shapes.row_shapes import alpaca, jsonl
from sources.source import Source

MIRROR = Path(__file__).parent / "mirror"
BIG = Source(
    name="big", title="generated", home="https://example.org", license="CC0-1.0", license_read="generated",
    task="qa", lang="en", files={"train": ("rows.jsonl",)}, rows=jsonl, parse=alpaca,
)


def recipe(*, seed: int = 0):
    \"\"\"Read and clean the generated corpus.\"\"\"
    return each_shard("clean-big", clean, Clean(), read(BIG))
"""

WORDS = (
    "the patient with acute chronic renal failure was given a dose of insulin and then the blood pressure of fever "
    "pain which is most likely caused by infection in this case after treatment for severe cough due to heart disease "
    "at normal level therapy should be started if symptoms persist diagnosis includes anemia asthma diabetes liver lung"
).split()
BLEMISHES = (
    "  two  blanks ",
    " see https://example.org/page for more. ",
    "<b>bold</b> text",
    "caf\u00c3\u00a9",
    "a &amp; b\r\n",
)


def generate(path: Path, rows: int) -> int:
    """Write the corpus and return its size in characters."""
    rng = random.Random(0)
    phrases = [" ".join(rng.choices(WORDS, k=12)) for _ in range(4000)]
    total = 0
    with path.open("wb") as out:
        for n in range(rows):
            answer = ". ".join(rng.choices(phrases, k=rng.randint(4, 12)))
            if n % 20 == 0:
                answer += rng.choice(BLEMISHES)
            row = {"instruction": f"Question {n}: what is {rng.choice(phrases)}?", "input": "", "output": answer}
            total += len(row["instruction"]) + len(answer)
            out.write(orjson.dumps(row) + b"\n")
    return total


def peak_memory(process: subprocess.Popen, peak: list[int]) -> None:
    """Follow the memory of the process and its children, in bytes, until it ends."""
    while process.poll() is None:
        peak[0] = max(peak[0], resident_bytes(process.pid))
        time.sleep(0.2)


def resident_bytes(pid: int, kind: str = "Pss") -> int:
    """Return the memory of a process and its children: all of it, or its ``Anonymous`` part, which is in no file."""
    return sum(_resident(process, kind) for process in _family(pid))


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        threads = [p for t in Path(f"/proc/{pid}/task").iterdir() for p in (t / "children").read_text().split()]
    except FileNotFoundError:
        return []
    return [pid, *(p for child in {*children, *threads} for p in _family(int(child)))]


def _resident(pid: int, kind: str) -> int:
    """Return a figure of a process; memory shared between processes counts once among them (Pss)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{kind}:")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mirror" / "big").mkdir(parents=True)
        characters = generate(folder / "mirror" / "big" / "rows.jsonl", options.rows)
        (folder / "big.py").write_text(RECIPE)
        command = [sys.executable, "-c", "from pipelines.cli.commands import main; main()", "build", "big.py"]
        started, peak = time.monotonic(), [0]
        environment = {"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": "/usr/bin:/bin"}
        process = subprocess.Popen([*command, "--workers", str(options.workers)], cwd=folder, env=environment)
        watcher = threading.Thread(target=peak_memory, args=(process, peak))
        watcher.start()
        watcher.join()
        seconds = time.monotonic() - started
        print(f"{options.rows:,} rows of {characters / options.rows:.0f} characters, {options.workers} workers")
        rate, megabytes = options.rows / seconds, peak[0] / 1e6
        print(f"{seconds:.1f} s, {rate:,.0f} rows/s, peak {megabytes:,.0f} MB, exit {process.returncode}")


if __name__ == "__main__":
    main()
