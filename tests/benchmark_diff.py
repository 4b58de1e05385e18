"""How long and how much memory the comparison of two large releases takes.

    python tests/benchmark_diff.py --rows 5000000

Makes two releases of that size (some 500 characters of text a row; 1% added, 1% removed, 1% edited), without the rules
that rows go through, compares them in a process of its own, and prints seconds, processor seconds and the most memory.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from manifests import seal

from pipelines.release.data_files import SCHEMAS
from pipelines.release.ledger import LEDGER

GROUP = 50_000
FILE = 500_000
SOURCES = ("asked", "answered", "noted", "told")
CODE = """
import resource, sys, time
from pathlib import Path
from pipelines.diff.compare_releases import diff
started = time.monotonic()
before, after, out = sys.argv[1:]
found = diff(Path(before), Path(after), out=Path(out) if out else None)
print(found.counts, found.reasons)
used = resource.getrusage(resource.RUSAGE_SELF)
cpu = used.ru_utime + used.ru_stime
print(f"{time.monotonic() - started:.1f} s ({cpu:.1f} s of processor time), {used.ru_maxrss / 1e6:.2f} GB at most")
"""


def sentences(rng, count):
    """Return sentences of some 80 characters."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    lexicon = np.array(["".join(rng.choice(letters, size)) for size in rng.integers(2, 12, 20_000)])
    drawn = lexicon[(len(lexicon) * rng.random((count, 11)) ** 3).astype(int)]
    return pl.Series([" ".join(words) for words in drawn])


def texts(rng, pool, count, length):
    """Return texts of so many sentences."""
    drawn = {str(n): pool.gather(rng.integers(0, len(pool), count)) for n in range(length)}
    return pl.DataFrame(drawn).select(pl.concat_str(pl.all(), separator=". ")).to_series()


def rows(numbers, source, question, answer):
    """Return rows of the sft files: what does not matter here is the same in all."""
    chat = pl.concat_list(
        pl.struct(role=pl.lit("user"), content="question"), pl.struct(role=pl.lit("assistant"), content="answer")
    )
    table = pl.DataFrame({"n": numbers, "question": question, "answer": answer}).select(
        id=pl.format("{}:row-{}", pl.lit(source), pl.col("n").cast(pl.String).str.zfill(8)),
        **{name: pl.lit(value) for name, value in CONSTANT.items()},
        source=pl.lit(source),
        line=pl.col("n").cast(pl.Int64),
        messages=chat,
        options=pl.lit([], pl.List(pl.String)),
        gold=pl.lit([], pl.List(pl.Int32)),
        **{name: pl.lit(None, pl.String) for name in ("date", "context", "answer", "rationale")},
        meta=pl.lit("{}"),
    )
    return table.select(SCHEMAS["sft"].names)


CONSTANT = {"license": "CC-BY-4.0", "task": "qa", "lang": "en", "split": "train", "file": "rows.jsonl"}


def write(table, writer, schema):
    writer.write_table(table.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema), row_group_size=GROUP)


def ledger_rows(numbers, source, gone):
    status = pl.when(pl.col("n").is_in(gone)).then(pl.lit("dropped")).otherwise(pl.lit("kept"))
    return pl.DataFrame({"n": numbers}).select(
        id=pl.format("{}:row-{}", pl.lit(source), pl.col("n").cast(pl.String).str.zfill(8)),
        source=pl.lit(source),
        file=pl.lit(CONSTANT["file"]),
        line=pl.col("n").cast(pl.Int64),
        license=pl.lit(CONSTANT["license"]),
        status=status,
        step=pl.when(pl.col("n").is_in(gone)).then(pl.lit("near")).otherwise(pl.lit("compose")),
        reason=pl.when(pl.col("n").is_in(gone)).then(pl.lit("near_duplicate")),
        evidence=pl.lit(None, pl.String),
        changed_by=pl.lit(["clean", "compose"]),
    )


class Half:
    """One of the two releases, written group by group."""

    def __init__(self, folder, version):
        self.folder, self.version = folder, version
        self.rows, self.open = 0, None
        (folder / "ledger").mkdir(parents=True)
        self.ledger = pq.ParquetWriter(folder / "ledger" / "rows-00000-of-00001.parquet", LEDGER, compression="zstd")

    def add(self, table, source, part):
        folder = self.folder / "data" / "sft" / source
        folder.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(folder / f"train-{part:05}.parquet", SCHEMAS["sft"], compression="zstd") as writer:
            write(table, writer, SCHEMAS["sft"])
        self.rows += table.height

    def end(self, config):
        self.ledger.close()
        steps = [step("clean", config), step("near", None), step("compose", None)]
        seal(
            {
                **{"name": "large", "version": self.version, "rows": self.rows, "steps": steps, "values": {}},
                **{"license": CONSTANT["license"], "absent": [], "waiting_for_teacher": {}, "libraries": {}},
                "recipe": {"name": "large", "file_sha256": "", "shipped": False},
                "lock": {source: {"home": "", "revision": "1", "files": {}} for source in SOURCES},
            },
            self.folder,
        )


def step(name, config):
    identity = {"step": name, "config": config, "code": "0", "inputs": [], "reference_inputs": []}
    counts = {"rows_in": 0, "made": 0, "kept": 0, "dropped": 0, "quarantined": 0}
    folder = f"{name}-{'-'.join(map(str, (config or {}).values())) or 'none'}"
    return {
        **{"name": name, "folder": folder, "identity": identity, "inputs": [], "reference_inputs": []},
        **{"counts": counts, "reasons": {}},
    }


def make(place, count):
    """Write two releases of ``count`` rows under ``place``."""
    rng = np.random.default_rng(1)
    pool = sentences(rng, 50_000)
    before, after = Half(place / "1", "1"), Half(place / "2", "2")
    for part, at in enumerate(range(0, count, FILE)):
        source = SOURCES[part % len(SOURCES)]
        size = min(FILE, count - at)
        numbers = np.arange(at, at + size)
        question, answer = texts(rng, pool, size, 1), texts(rng, pool, size, 5)
        drawn = rng.random(size)
        gone, come, edited = (pl.Series(drawn // 0.01 == n) for n in range(3))
        changed = (
            pl.DataFrame({"answer": answer, "edited": edited})
            .select(pl.when("edited").then(pl.col("answer").str.replace(" ", " newly ")).otherwise("answer"))
            .to_series()
        )
        before.add(rows(numbers, source, question, answer).filter(~come), source, part)
        after.add(rows(numbers, source, question, changed).filter(~gone), source, part)
        for half, missing in ((before, come), (after, gone)):
            write(ledger_rows(numbers, source, pl.Series(numbers).filter(missing).implode()), half.ledger, LEDGER)
    before.end({"min_chars": 3})
    after.end({"min_chars": 5})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--place", type=Path, help="Folder for the releases.  [default: a temporary one]")
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="sabila-diff-", dir=arguments.place))
    try:
        started = time.monotonic()
        make(place, arguments.rows)
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        print(f"made in {time.monotonic() - started:.0f} s, {size / 1e9:.1f} GB on disk", flush=True)
        for name, out in (("summary", ""), ("all changes", str(place / "changes.parquet"))):
            print(name, flush=True)
            subprocess.run([sys.executable, "-c", CODE, place / "1", place / "2", out], check=True)
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
