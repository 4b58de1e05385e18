"""How fast near-duplicates are found, whole process, beside every other tool that is installed: one table.

    python tests/benchmark_dedup.py --rows 100000 --peers-python PEERS/bin/python
    python tests/benchmark_dedup.py --rows 2000000 --peers none
    python tests/benchmark_dedup.py --rows 1000000 --peers none --scenario copies
    python tests/benchmark_dedup.py --rows 1000000 --peers none --scenario index

The corpus is generated: texts of 680 characters on average, one in five a copy of another row with some words changed.
Every tool runs in a process of its own that reads parquet and writes what it keeps; start-up counts. ``found`` is the
share of the planted pairs at or above the threshold of which not both rows were kept, of a sample; ``wrong`` is the
share of the rows that a tool dropped although they were not planted as copies.

The peers need an environment of their own (datatrove 0.10 does not run with xxhash 4):

    python -m venv PEERS
    PEERS/bin/pip install datasketch rensa text-dedup datatrove spacy nltk semhash polars 'xxhash<4'

semhash needs an embedding model besides: ``--semhash-model`` takes the folder of a model2vec model.
Not collected by pytest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

THRESHOLD, BANDS, ROWS, SHINGLE = 0.72, 25, 5, 5
CHUNK = 50_000
LEAST = {"mixed": 5, "copies": 2, "index": 100}
"""Fewest rows of a scenario: a planted copy, a pair, a hundredth to add."""

# --- the corpus ----------------------------------------------------------------------------------------------------


def vocabulary(rng: np.random.Generator, size: int = 20_000) -> pl.Series:
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = {"".join(letters[np.minimum(21, rng.exponential(6, n)).astype(int)]) for n in rng.integers(2, 11, 3 * size)}
    return pl.Series(sorted(words)).sample(size, seed=1)


def own_texts(rng: np.random.Generator, rows: int, words: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the length of each text and the numbers of all words, frequent ones more often."""
    lengths = np.clip(rng.lognormal(4.31, 0.6, rows), 3, 2000).astype(np.int64)
    return lengths, (words * rng.random(lengths.sum()) ** 3).astype(np.uint32)


def edited(rng, lengths: np.ndarray, numbers: np.ndarray, source: np.ndarray, words: int):
    """Return copies of the texts ``source`` with up to 5% of their words changed, none in a third of them."""
    starts = np.concatenate([[0], np.cumsum(lengths)])
    copies = np.concatenate([numbers[:0], *(numbers[starts[s] : starts[s + 1]] for s in source)])
    share = np.repeat(np.maximum(0, rng.uniform(-0.025, 0.05, len(source))), lengths[source])
    changed = rng.random(len(copies)) < share
    copies[changed] = rng.integers(0, words, changed.sum())
    return lengths[source], copies


def joined(words: pl.Series, lengths: np.ndarray, numbers: np.ndarray) -> pl.Series:
    rows = pl.DataFrame({"row": np.repeat(np.arange(len(lengths)), lengths), "text": words.gather(numbers)})
    return rows.group_by("row", maintain_order=True).agg(pl.col("text").str.join(" "))["text"]


def generate(folder: Path, rows: int) -> pl.DataFrame:
    """Write ``id, text`` to ``folder`` in files of ``CHUNK`` rows and return the planted pairs: copy, original.

    The last fifth of a file are copies of rows of the same file and of the file before.
    """
    words = vocabulary(np.random.default_rng(0))
    folder.mkdir(parents=True)
    earlier, pairs = (np.zeros(0, np.int64), np.zeros(0, np.uint32), np.zeros(0, np.int64)), []
    for first in range(0, rows, CHUNK):
        rng, size = np.random.default_rng(first), min(CHUNK, rows - first)
        own = own_texts(rng, size - size // 5, len(words))
        known = np.concatenate([earlier[2], first + np.arange(len(own[0]))])
        lengths, numbers = np.concatenate([earlier[0], own[0]]), np.concatenate([earlier[1], own[1]])
        source = rng.integers(0, len(known), size // 5)
        copies = edited(rng, lengths, numbers, source, len(words))
        text = joined(words, np.concatenate([own[0], copies[0]]), np.concatenate([own[1], copies[1]]))
        ids = pl.Series(first + np.arange(size)).cast(pl.String)
        pl.DataFrame({"id": ids, "text": text}).write_parquet(folder / f"{first:09}.parquet")
        pairs.append(pl.DataFrame({"copy": ids[len(own[0]) :], "original": pl.Series(known[source]).cast(pl.String)}))
        earlier = (*own, first + np.arange(len(own[0])))
    return pl.concat(pairs)


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}


def similar_sample(folder: Path, planted: pl.DataFrame, size: int = 2000) -> pl.DataFrame:
    """Return those of ``size`` planted pairs that are at or above the threshold."""
    sample = planted.sample(min(size, planted.height), seed=2)
    wanted = pl.concat([sample["copy"], sample["original"]]).unique()
    texts = dict(pl.scan_parquet(folder).filter(pl.col("id").is_in(wanted.implode())).collect().iter_rows())
    similar = []
    for copy, original in sample.iter_rows():
        a, b = shingles(texts[copy]), shingles(texts[original])
        similar.append(len(a & b) / len(a | b) >= THRESHOLD)
    return sample.filter(pl.Series(similar))


# --- the tools: each reads the parquet files of a folder and writes what it keeps -------------------------------------


def run_sabila(source: Path, out: Path) -> None:
    from pipelines.cli.commands import main

    files = [str(path) for path in sorted(source.glob("*.parquet"))]
    main(["dedup", *files, "--id-column", "id", "--out", str(out)], standalone_mode=False)


def word_shingles(source: Path):
    """Yield (id, shingles as bytes) of every row: what the libraries that only sign are given."""
    import re

    words = re.compile(r"\w+")
    for batch in (pl.read_parquet(path) for path in sorted(source.glob("*.parquet"))):
        for id, text in batch.iter_rows():
            tokens = words.findall(text.lower())
            yield id, {" ".join(tokens[i : i + SHINGLE]) for i in range(max(1, len(tokens) - SHINGLE + 1))}


def write_kept(source: Path, out: Path, kept: list[str]) -> None:
    pl.scan_parquet(source).filter(pl.col("id").is_in(pl.Series(kept).implode())).sink_parquet(out / "kept.parquet")


def run_datasketch(source: Path, out: Path) -> None:
    import xxhash
    from datasketch import MinHash, MinHashLSH

    lsh, kept = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS)), []
    for id, grams in word_shingles(source):
        minhash = MinHash(BANDS * ROWS, hashfunc=xxhash.xxh32_intdigest)
        minhash.update_batch([gram.encode() for gram in grams])
        if not any(lsh_hash.jaccard(minhash) >= THRESHOLD for lsh_hash in map(SIGNED.get, lsh.query(minhash))):
            kept.append(id)
            SIGNED[id] = minhash
            lsh.insert(id, minhash, check_duplication=False)
    write_kept(source, out, kept)


SIGNED: dict = {}


def run_rensa(source: Path, out: Path) -> None:
    from rensa import RMinHash, RMinHashLSH

    lsh, kept, signed = RMinHashLSH(threshold=THRESHOLD, num_perm=BANDS * ROWS, num_bands=BANDS), [], []
    for number, (id, grams) in enumerate(word_shingles(source)):
        minhash = RMinHash(num_perm=BANDS * ROWS, seed=1)
        minhash.update(list(grams))
        signed.append(minhash)
        if not any(signed[other].jaccard(minhash) >= THRESHOLD for other in lsh.query(minhash)):
            kept.append(id)
            lsh.insert(number, minhash)
    write_kept(source, out, kept)


def run_text_dedup(source: Path, out: Path) -> None:
    """Run it as its users do: its own defaults but for the threshold."""
    files, cpus = str(source / "*.parquet"), str(len(os.sched_getaffinity(0)))
    options = {"path": "parquet", "data_files": files, "split": "train", "column": "text", "num_proc": cpus}
    options |= {"threshold": str(THRESHOLD), "output": str(out / "kept"), "cache_dir": str(out / "cache")}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    subprocess.run([sys.executable, "-m", "text_dedup.minhash", *flags], check=True, cwd=out)


def run_datatrove(source: Path, out: Path) -> None:
    """Run its four stages with its own defaults, 14 buckets of 8."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import JsonlWriter

    config, cpus = MinhashConfig(n_grams=SHINGLE, num_buckets=14, hashes_per_bucket=8), len(os.sched_getaffinity(0))
    work = {name: str(out / name) for name in ("signatures", "buckets", "remove", "kept")}
    reader = ParquetReader(str(source))

    def stage(steps: list, tasks: int, name: str) -> None:
        LocalPipelineExecutor(steps, tasks=tasks, workers=cpus, logging_dir=str(out / f"log-{name}")).run()

    stage([reader, MinhashDedupSignature(work["signatures"], config=config)], cpus, "sign")
    stage([MinhashDedupBuckets(work["signatures"], work["buckets"], config=config)], 14, "buckets")
    stage([MinhashDedupCluster(work["buckets"], work["remove"], config=config)], 1, "cluster")
    stage([reader, MinhashDedupFilter(work["remove"]), JsonlWriter(work["kept"])], cpus, "filter")


def run_semhash(source: Path, out: Path) -> None:
    from model2vec import StaticModel
    from semhash import SemHash

    records = pl.read_parquet(source).to_dicts()
    found = SemHash.from_records(
        records, columns=["text"], model=StaticModel.from_pretrained(os.environ["SEMHASH_MODEL"])
    )
    write_kept(source, out, [record["id"] for record in found.self_deduplicate(threshold=0.9).selected])


def kept_ids(out: Path) -> pl.Series:
    """Return the ids of the rows that a tool kept, in whatever form it wrote them."""
    if (out / "kept.parquet").exists():
        return pl.read_parquet(out / "kept.parquet", columns=["id"])["id"]
    if arrow := sorted((out / "kept").glob("*.arrow")):
        return pl.concat([pl.read_ipc_stream(path, columns=["id"]) for path in arrow])["id"]
    lines = sorted((out / "kept").glob("*.jsonl.gz"))
    return pl.concat([pl.read_ndjson(path, schema_overrides={"id": pl.String}).select("id") for path in lines])["id"]


TOOLS = {
    "sabila": (run_sabila, "quality"),
    "datasketch": (run_datasketch, "datasketch"),
    "rensa": (run_rensa, "rensa"),
    "text-dedup": (run_text_dedup, "text_dedup"),
    "datatrove": (run_datatrove, "datatrove"),
    "semhash": (run_semhash, "semhash"),
}

# --- the index -----------------------------------------------------------------------------------------------------


def run_index_full(source: Path, out: Path) -> None:
    """Index all rows but the 1% to add, and write how long that took in a process that has loaded everything."""
    load_everything(out)
    began = time.perf_counter()
    add_to(index_of([]), batches(source, first=True), out)
    (out / "seconds").write_text(str(time.perf_counter() - began))


def run_index_add(source: Path, out: Path) -> None:
    """Open the index of all other rows and add the last 1%."""
    load_everything(out)
    began = time.perf_counter()
    add_to(index_of([out.parent / "index-full"]), batches(source, first=False), out)
    (out / "seconds").write_text(str(time.perf_counter() - began))


def load_everything(out: Path) -> None:
    """Index two rows, then add two more, so that what is measured next finds all code in memory."""
    for name, index in (("first", []), ("second", [out / "first"])):
        (out / name).mkdir()
        add_to(index_of(index), [pl.DataFrame({"id": [name, name + "2"], "text": [name, "the same"]})], out / name)


def batches(source: Path, first: bool):
    from quality.duplicates.near_duplicates import text_batches

    rows = pl.scan_parquet(sorted(source.glob("*.parquet")))
    count = rows.select(pl.len()).collect().item()
    known = count - count // 101  # one more in a hundred
    return text_batches(rows.head(known) if first else rows.slice(known), ["text"], "id")


def index_of(folders: list[Path]):
    from quality.duplicates.near_settings import NearRules
    from quality.duplicates.segment import Segment
    from quality.duplicates.signature_index import SignatureIndex
    from quality.mapped_tables import mapped

    segments = tuple(Segment(rows=mapped(at / "rows.arrow"), sets=mapped(at / "sets.arrow")) for at in folders)
    members = mapped(folders[-1] / "members.arrow") if folders else None
    return SignatureIndex(rules=NearRules(), segments=segments, members=members)


def add_to(index, rows, out: Path) -> None:
    """Add rows and write what is new: the last segment and the clusters."""
    from quality.duplicates.signature_index import add
    from quality.mapped_tables import write_mapped

    after = add(index, rows)
    for name, table in (
        ("rows", after.segments[-1].rows),
        ("sets", after.segments[-1].sets),
        ("members", after.members),
    ):
        write_mapped(table, out / f"{name}.arrow")


RUNS = {**{name: run for name, (run, _) in TOOLS.items()}, "index-full": run_index_full, "index-add": run_index_add}

# --- the table -----------------------------------------------------------------------------------------------------


@dataclass
class Measured:
    seconds: float
    processor_seconds: float
    gigabytes: float


def measure(python: str, name: str, *, source: Path, out: Path) -> Measured | None:
    """Run a tool in a process of its own; None, and its last words on stderr, if it fails."""
    out.mkdir(parents=True)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(Path(__file__).parent.parent)}
    began = time.perf_counter()
    with (out / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, __file__, "--run", name, str(source), str(out)], stdout=log, stderr=log, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"{name} failed: {(out / 'log').read_text(errors='replace')[-800:]}", file=sys.stderr)
        return None
    return Measured(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6)


def compare(names: list[str], peers: str, source: Path, planted: pl.DataFrame, work: Path) -> pl.DataFrame:
    rows, similar, table = (
        pl.scan_parquet(source).select(pl.len()).collect().item(),
        similar_sample(source, planted),
        [],
    )
    for name in names:
        python = sys.executable if name == "sabila" else peers
        if name == "sabila":
            measure(python, name, source=source, out=work / "warm-up")  # compiles, where that is still to be done
        if (measured := measure(python, name, source=source, out=work / name)) is None:
            continue
        kept = kept_ids(work / name)
        lost = similar.filter(pl.col("copy").is_in(kept.implode()) & pl.col("original").is_in(kept.implode()))
        table.append(
            {
                "tool": name,
                "seconds": round(measured.seconds, 2),
                "CPU": round(measured.processor_seconds, 2),
                "ratio": round(measured.seconds / (table[0]["seconds"] if table else measured.seconds), 1),
                "µs/row": round(1e6 * measured.seconds / rows, 1),
                "peak GB": round(measured.gigabytes, 2),
                "kept": len(kept),
                "found": round(1 - lost.height / similar.height, 4) if similar.height else None,
                "wrong": round(1 - len(set(kept) | involved(planted)) / rows, 4),
            }
        )
    return pl.DataFrame(table)


def involved(planted: pl.DataFrame) -> set[str]:
    return {*planted["copy"], *planted["original"]}


def compare_index(rows: int, work: Path) -> pl.DataFrame:
    """Return the seconds of a full run over ``rows`` rows that keeps an index, and of adding 1% to that."""
    source, table = work / "corpus", []
    generate(source, rows + rows // 100)
    for name in ("index-full", "index-add"):
        measure(sys.executable, name, source=source, out=work / "warm-up" / name)
        if (whole := measure(sys.executable, name, source=source, out=work / name)) is None:
            sys.exit(1)  # measure has printed why
        table.append(
            {"run": name, "whole process": whole.seconds, "started": float((work / name / "seconds").read_text())}
        )
    seconds = pl.col("whole process", "started")
    return pl.DataFrame(table).with_columns(
        seconds.round(2), (seconds / seconds.first()).round(4).name.suffix(" share")
    )


def report(options: argparse.Namespace, work: Path) -> pl.DataFrame:
    """Generate the corpus of the scenario, run everything on it and return the table."""
    if options.scenario == "index":
        return compare_index(options.rows, work)
    tools, source = chosen(options), work / "corpus"
    planted = (copies if options.scenario == "copies" else generate)(source, options.rows)
    characters = pl.scan_parquet(source).select(pl.col("text").str.len_chars().cast(pl.Int64).sum()).collect().item()
    print(f"{options.rows:,} texts, {characters / 1e6:,.0f} million characters, {len(os.sched_getaffinity(0))} CPUs")
    return compare(tools, options.peers_python, source, planted, work)


def copies(folder: Path, rows: int) -> pl.DataFrame:
    """Write one text ``rows`` times and return the planted pairs, copy and original."""
    folder.mkdir(parents=True)
    text, ids = " ".join(f"word{i}" for i in range(100)), pl.Series(range(rows)).cast(pl.String)
    for first in range(0, rows, CHUNK):
        part = ids[first : first + CHUNK]
        pl.DataFrame({"id": part, "text": [text] * len(part)}).write_parquet(folder / f"{first:09}.parquet")
    return pl.DataFrame({"copy": ids[1:], "original": ["0"] * (rows - 1)})


def chosen(options: argparse.Namespace) -> list[str]:
    """Return the tools to run, and say of those that are not installed how to install them."""
    wanted = [] if options.peers == "none" else options.peers.split(",")
    if unknown := set(wanted) - set(TOOLS):
        sys.exit(f"no peer {', '.join(sorted(unknown))}; there are {', '.join(list(TOOLS)[1:])}")
    script = f"from importlib.util import find_spec as f; print(*(n for n in {[TOOLS[n][1] for n in wanted]} if f(n)))"
    there = subprocess.run(
        [options.peers_python, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    if missing := [name for name in wanted if TOOLS[name][1] not in there]:
        print(f"not installed: {', '.join(missing)}. {options.peers_python} -m pip install {' '.join(missing)}")
    if "semhash" in wanted and not options.semhash_model:
        missing.append("semhash")
        print("semhash is left out: --semhash-model names no model")
    return ["sabila", *(name for name in wanted if name not in missing)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--scenario", choices=("mixed", "copies", "index"), default="mixed")
    parser.add_argument("--peers", default=",".join(list(TOOLS)[1:]), help="Comma-separated, or none.")
    parser.add_argument("--peers-python", default=sys.executable, help="The Python of the peers' environment.")
    parser.add_argument("--semhash-model", default="", help="Folder of a model2vec model.")
    parser.add_argument("--folder", type=Path, help="Where there is room for corpus and outputs; they are removed.")
    parser.add_argument("--run", nargs=3, metavar=("TOOL", "SOURCE", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        RUNS[options.run[0]](Path(options.run[1]), Path(options.run[2]))
        return
    if options.rows < LEAST[options.scenario]:
        parser.error(f"--rows is {options.rows}, expected at least {LEAST[options.scenario]} for {options.scenario}")
    os.environ["SEMHASH_MODEL"] = options.semhash_model
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as work,
        pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True),
    ):
        print(report(options, Path(work)))


if __name__ == "__main__":
    main()
