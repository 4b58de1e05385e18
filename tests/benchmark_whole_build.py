"""What a whole `aloe_sft` of many rows costs: seconds, memory and bytes on disk, step by step.

    python tests/benchmark_whole_build.py DATA --rows 5000000 --workers 2
    python tests/benchmark_whole_build.py DATA --rows 300000 --workers 1,2    # how well map steps use a second worker

Rows are recombined from sentences of real training text, one in twenty a copy of another, half of them with a few words
more. They are written as JSON Lines, built as an own source against every benchmark in a mirror, and released. Several
numbers of workers build in fresh stores, one after the other, each on as many cores, and the last table compares their
steps. Memory is what processes have of their own; what they map of files is not in it, since the system may take it
back. Not collected by pytest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from benchmark_build import resident_bytes
from benchmark_decontaminate import recombined, sentences

CHUNK, COPIES = 100_000, 20

MAPPING = """license = "CC0-1.0"
license_read = "generated"
language = "en"

[columns]
question = "instruction"
answer = "output"
"""

SABILA = (sys.executable, "-c", "from pipelines.cli.commands import main; main()")


def generate(path: Path, rows: int, data: Path) -> int:
    """Write the corpus to ``path`` and return its bytes."""
    pieces = sentences(data)
    with path.open("wb") as out:
        for first in range(0, rows, CHUNK):
            count = min(CHUNK, rows - first)
            chunk = recombined(pieces, count, seed=first)
            source = np.arange(count)
            copied = source % COPIES == COPIES - 1
            source[copied] = np.random.default_rng(first).integers(0, count, copied.sum())
            longer = pl.Series(copied & (np.arange(count) % (2 * COPIES) < COPIES))
            answer = pl.when(longer).then(pl.format("{} As was said before.", "reasoning")).otherwise("reasoning")
            chunk = chunk[source].select(instruction="question", output=answer)
            out.write(chunk.write_ndjson().encode())
    path.with_suffix(".toml").write_text(MAPPING)
    return path.stat().st_size


def bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def run(arguments: list[str], folder: Path, cores: int) -> tuple[float, int, dict[str, tuple[float, int]]]:
    """Run a command; return its seconds, its peak memory in bytes, and for each step of its store the second when it
    was complete and the peak memory since the step before.
    """
    began, peak, ended = time.monotonic(), 0, {}
    own = sorted(os.sched_getaffinity(0))[:cores]
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": "/usr/bin:/bin"}
    with (folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, own)), *SABILA, *arguments],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
        )
        since = 0
        while process.poll() is None:
            since = max(since, resident_bytes(process.pid, "Anonymous"))
            peak = max(peak, since)
            for record in folder.glob("store/steps/*/step.json"):
                if record.parent.name not in ended:
                    ended[record.parent.name], since = (time.monotonic() - began, since), 0
            time.sleep(0.2)
    if process.returncode:
        sys.exit((folder / "output.txt").read_text()[-3_000:])
    return time.monotonic() - began, peak, ended


def build(corpus: Path, folder: Path, data: Path, workers: int, more: list[str]) -> pl.DataFrame:
    """Build and release in a fresh store; print the figures and return a table of steps."""
    folder.mkdir()
    common = ["--mirror", str(data), "--workers", str(workers), "--source", f"own={corpus}"]
    seconds, peak, ended = run(["build", "aloe_sft", *common, *more], folder, workers)
    print(f"build, {workers} workers: {seconds:.1f} s, peak {peak / 1e6:,.0f} MB")
    release, released_peak, _ = run(["release", "aloe_sft", "--version", "1", *common], folder, workers)
    print(
        f"release: {release:.1f} s, peak {released_peak / 1e6:,.0f} MB, {bytes_of(folder / 'store/releases'):,} bytes"
    )
    steps = [(*ended.get(path.name, (seconds, 0)), path) for path in (folder / "store/steps").iterdir()]
    rows = [(path.name.rpartition("-")[0], end, bytes_of(path) / 1e6, top / 1e6) for end, top, path in sorted(steps)]
    table = pl.DataFrame(rows, ["step", "seconds", "megabytes on disk", "megabytes of memory"], orient="row")
    table = table.with_columns(pl.col("seconds").diff(null_behavior="ignore").fill_null(pl.col("seconds")))
    benchmark = pl.col("step").str.starts_with("read-") & (pl.col("step") != "read-own")
    leaks = benchmark | (pl.col("step") == "leaks")  # what reads the benchmarks is ready long before it is done
    table = table.with_columns(step=pl.when(leaks).then(pl.lit("benchmarks, leaks")).otherwise("step"))
    figures = pl.col("seconds", "megabytes on disk").sum(), pl.col("megabytes of memory").max()
    return table.group_by("step", maintain_order=True).agg(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="mirror of the corpora")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", default="2", help="numbers of workers, as in 1,2.  [default: 2]")
    parser.add_argument("--folder", type=Path, help="where corpus and stores are made.  [default: a temporary folder]")
    options, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder, data = Path(name), options.data.resolve()
        size = generate(folder / "own.jsonl", options.rows, data)
        print(f"{options.rows:,} rows, {size / options.rows:.0f} bytes a row")
        tables = []
        for workers in map(int, options.workers.split(",")):
            steps = build(folder / "own.jsonl", folder / f"workers-{workers}", data, workers, more)
            with pl.Config(tbl_rows=-1, float_precision=1, thousands_separator=True):
                print(steps)
            tables.append(steps.select("step", pl.col("seconds").alias(f"seconds, {workers} workers")))
        if len(tables) > 1:
            compared = tables[0]
            for table in tables[1:]:
                compared = compared.join(table, on="step", maintain_order="left")
            with pl.Config(tbl_rows=-1, float_precision=1):
                print(compared)


if __name__ == "__main__":
    main()
