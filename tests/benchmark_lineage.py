"""How fast and how large: tracing rows and writing the ledger of a store of millions of rows and ten steps.

    python tests/benchmark_lineage.py --folder SCRATCH               # five million rows: 2.5 GB, minutes to make
    python tests/benchmark_lineage.py --folder SCRATCH --rows 500000

The store is made by real builds of steps with trivial rules over rows of some 700 characters; only reading is left
out. Each trace is a process of its own, as a user starts it: ``warm`` with its files in the system's memory, ``cold``
after they were given up. SCRATCH is emptied at the end.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
from lineage_recipe import recipe

from pipelines.build.plan import resolve
from pipelines.build.progress import PlainProgress
from pipelines.build.rebuild_reasons import note_build
from pipelines.build.run_plan import build
from pipelines.build.step import Read
from pipelines.release.ledger import write_ledger
from pipelines.storage.row_index import write_row_index
from pipelines.storage.store import Store
from sources.atomic import write_table
from sources.files import RawFile
from sources.releases.manifest_model import StepSummary
from sources.table import MALFORMED_SCHEMA, SCHEMA

SHARD = 50_000

# --- the store -----------------------------------------------------------------------------------------------------


def make(folder, rows, workers):
    """Make a store of ``rows`` rows, four fifths of them in one source, and return it with its steps."""
    store = Store(folder / "store")
    store.prepare()
    for name in ("large", "small"):
        (folder / f"{name}.jsonl").write_text(f'"{name} {rows}"\n')
    plan = resolve(recipe(), lambda corpus: (RawFile("rows.jsonl", folder / f"{corpus.name}.jsonl"),))
    for node in plan.nodes():
        if isinstance(node.step.work, Read):
            share = rows * 4 // 5 if node.step.work.corpus.name == "large" else rows - rows * 4 // 5
            make_read(store, node, share)
    build(plan, store, PlainProgress(), workers=workers)
    note_build(plan, store, "benchmark", values={}, lock={})
    return store, [store.summary(node.name) for node in plan.nodes()]


def make_read(store, node, rows):
    """Write the folder of a source as a build would, from generated rows."""
    source = node.step.work.corpus.name
    with store.partial(node.name, lambda: None) as folder:
        if folder is None:
            return
        for shard, first in enumerate(range(0, rows, SHARD)):
            write_table(folder / "kept" / f"{shard:05}.parquet", made_rows(source, first, min(SHARD, rows - first)))
        broken = [[source, "rows.jsonl", rows + n, "not JSON", "{"] for n in range(1, 1 + rows // 1000)]
        write_table(folder / "quarantine.parquet", pl.DataFrame(broken, MALFORMED_SCHEMA, orient="row"))
        write_row_index(folder)
        counts = {"rows_in": rows + len(broken), "made": 0, "kept": rows, "dropped": 0, "quarantined": len(broken)}
        summary = {
            "name": node.step.name,
            "folder": node.name,
            "identity": node.identity,
            "inputs": [],
            "reference_inputs": [],
        }
        store.finish(node.name, StepSummary.of({**summary, "counts": counts, "reasons": {}, "edits": {}, "changed": 0}))


def made_rows(source, first, count):
    """Return rows of some 700 characters whose ids are in no order."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(3, 9))) for _ in range(3000)]
    pool = pl.Series([" ".join(draw.choices(words, k=45)) + "." for _ in range(1000)])
    line = pl.int_range(first + 1, first + count + 1, eager=True)
    mixed = line.cast(pl.UInt64) * 0x9E3779B97F4A7C15  # spreads the numbers over all of 64 bits
    rows = pl.DataFrame({"line": line, "mixed": mixed}).with_columns(
        id=pl.format("{}:{}", pl.lit(source), "mixed"),
        question=pl.format("Case {}: {}", "line", pool.gather((mixed % 1000).cast(pl.UInt32))),
        answer=pool.gather((mixed // 1000 % 1000).cast(pl.UInt32)),
    )
    message = pl.struct(role=pl.lit("user"), content=pl.col("question"))
    fixed = {"source": source, "license": "CC0-1.0", "task": "qa", "lang": "en", "split": "train", "file": "rows.jsonl"}
    return rows.with_columns(
        **{name: pl.lit(value) for name, value in fixed.items()},
        messages=pl.concat_list(message),
        options=pl.lit([], pl.List(pl.String)),
        gold=pl.lit([], pl.List(pl.Int32)),
        meta=pl.lit("{}"),
        **{name: pl.lit(None, pl.String) for name in ("date", "context", "rationale", "response", "rejected")},
    ).select(SCHEMA.names())


# --- what is measured ----------------------------------------------------------------------------------------------


def trace(id, store, *, cold):
    """Trace a row in a process of its own; return wall seconds, CPU seconds and the row's last status."""
    if cold:
        for path in store.root.rglob("*.parquet"):
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)
    call = [
        sys.executable,
        "-c",
        "from pipelines.cli.commands import main; main()",
        "trace",
        id,
        "--store",
        str(store.root),
    ]
    began, worked = time.perf_counter(), _worked()
    result = subprocess.run([*call, "--json"], capture_output=True, text=True, check=False)
    seconds, worked = time.perf_counter() - began, _worked() - worked
    status = json.loads(result.stdout)[-1]["status"] if result.returncode == 0 else result.stderr.splitlines()[-1][:40]
    return seconds, worked, status


def _worked():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ledger(folder):
    """Write the ledger, and tell seconds and the peak of memory; to be run in a process of its own."""
    store = Store(folder / "store")
    steps = json.loads((store.root / "builds" / "benchmark.json").read_text())["steps"]
    began = time.perf_counter()
    counts = write_ledger(store, [store.summary(name) for name in steps], folder)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    size = sum(path.stat().st_size for path in (folder / "ledger").iterdir()) / 1e6
    return {"seconds": round(seconds, 1), "peak_gb": round(peak, 2), "mb": round(size), **counts}


def chosen(folder, seed):
    """Return ids of every kind: kept, made, dropped early and late, malformed, and one that is in no file."""
    rows = pl.scan_parquet(folder / "ledger" / "*.parquet")
    draw = random.Random(seed)

    def one(title, condition):
        ids = rows.filter(condition).select("id").collect()["id"]
        return title, ids[draw.randrange(len(ids))]

    is_made = pl.col("id").str.contains("/")
    return [
        one("kept", (pl.col("status") == "kept") & ~is_made & (pl.col("source") == "large")),
        one("kept, small source", (pl.col("status") == "kept") & (pl.col("source") == "small")),
        one("made", is_made),
        one("dropped first", pl.col("step") == "clean-large"),
        one("dropped later", pl.col("step") == "near"),
        one("malformed", pl.col("status") == "quarantined"),
        ("nowhere", "large:nobody"),
    ]


def main():
    """Make the store, write its ledger, trace rows, print figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="Leave the store for another look.")
    parser.add_argument("--ledger-only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ledger_only:
        print(json.dumps(ledger(arguments.folder)))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    try:
        measure(arguments)
    finally:
        if not arguments.keep:
            shutil.rmtree(arguments.folder)


def measure(arguments):
    """Measure and print one figure a line."""
    began = time.perf_counter()
    store, steps = make(arguments.folder, arguments.rows, arguments.workers)
    size = sum(path.stat().st_size for path in store.root.rglob("*.parquet")) / 1e9
    shards = sum(1 for _ in store.root.rglob("*.parquet"))
    print(f"store: {arguments.rows:,} rows, {len(steps)} steps, {shards:,} files, {size:.1f} GB")
    print(f"made in {time.perf_counter() - began:.0f} s", flush=True)
    call = [sys.executable, __file__, "--folder", str(arguments.folder), "--ledger-only"]
    print("ledger:", subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip(), flush=True)
    for cold in (False, True):
        for turn in zip(*(chosen(arguments.folder, seed) for seed in range(arguments.repeat)), strict=True):
            traces = [trace(id, store, cold=cold) for _, id in turn]
            seconds, worked = ([one[n] for one in traces] for n in (0, 1))
            title = f"trace {'cold' if cold else 'warm'}, {turn[0][0]}"
            figures = f"median {statistics.median(seconds):.2f} s, most {max(seconds):.2f} s"
            print(f"{title:32} {figures}; {statistics.median(worked):.2f} s of processor ({traces[0][2]})")


if __name__ == "__main__":
    main()
