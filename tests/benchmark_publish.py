"""What a small change costs to publish: rows as our writer and plain pyarrow write them, and the Hub's own chunks.

    python tests/benchmark_publish.py [ROWS] [WORDS]

Writes made-up rows (200,000 of some 150 words) as a release does, changes 1% of them in one of several ways, and
uploads both versions with the Hub's own client library into a chunk store in a folder. It prints the client's
own count: bytes of the second version that were not there, of all its bytes. No network.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from pipelines.release.data_files import write_data
from sources.table import SCHEMA

SYLLABLES = "ba co di fe gu ha in jo ka lu me no or pe qui ra so tu ul va cardi hepat nephr itis osis emia al ic tion"
VOCABULARY = 30_000
SOURCES = 20


def vocabulary(rng):
    syllables = SYLLABLES.split()
    return pl.Series(["".join(rng.choice(syllables, size=rng.integers(1, 5))) for _ in range(VOCABULARY)])


def texts(rng, words, rows, length):
    """Return texts whose words are sampled by Zipf's law, as in a language."""
    share = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    positions = np.searchsorted(share / share[-1], rng.random(rows * length)).clip(0, VOCABULARY - 1)
    return words.gather(positions).reshape((rows, length)).arr.join(" ")


def records(rng, words, first, rows, length):
    """Return rows of ``SCHEMA`` by ``SOURCES`` corpora, whose answers are long or short."""
    short = rows // 2
    questions = texts(rng, words, rows, max(1, length // 4))
    answers = pl.concat([texts(rng, words, short, length // 2), texts(rng, words, rows - short, length)])
    number = pl.int_range(first, first + rows, eager=True)
    source = pl.Series([f"corpus{n:02}" for n in range(SOURCES)]).gather(number * SOURCES // (first + rows))
    turn = pl.struct(role=pl.lit("user"), content=pl.lit(questions))
    columns = {
        "id": pl.format("{}:{}", pl.lit(source), pl.lit(number)),
        "source": pl.lit(source),
        "license": pl.lit("CC-BY-4.0"),
        "task": pl.lit("qa"),
        "lang": pl.lit("en"),
        "split": pl.lit("train"),
        "file": pl.lit("train.jsonl"),
        "line": pl.lit(number) + 1,
        "messages": pl.concat_list(turn),
        "response": pl.lit(answers.gather(pl.Series(rng.permutation(rows)))),
        "meta": pl.lit("{}"),
    }
    empty = {name: pl.lit(None, kind) for name, kind in SCHEMA.items() if name not in columns}
    return pl.select(**columns, **empty).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def edited(rows, where):
    changed = pl.col("response") + " Corrected: " + pl.col("response").str.slice(0, 9)
    return rows.with_columns(response=pl.when(pl.Series(where)).then(changed).otherwise("response"))


def inserted(rows, more, places):
    """Return the rows with ``more`` between them, each in the corpus of the row before it."""
    order = pl.concat([pl.int_range(rows.height, eager=True).cast(pl.Float64), pl.Series(np.sort(places))])
    both = pl.concat([rows, more]).with_columns(order=order).sort("order").drop("order")
    own = pl.col("source").is_in(["new"])
    return both.with_columns(source=pl.when(own).then(None).otherwise("source").forward_fill().backward_fill())


def changes(rng, rows, more):
    """Return, for every kind of change of 1% of the rows, a function that makes the second version."""
    height, share = rows.height, more.height
    block = np.zeros(height, bool)
    block[height // 3 : height // 3 + share] = True
    spread = np.zeros(height, bool)
    spread[rng.choice(height, share, replace=False)] = True
    return {
        "edited together": lambda: edited(rows, block),
        "inserted together": lambda: inserted(rows, more, height / 3 + np.arange(share) / share / 2),
        "dropped together": lambda: rows.filter(~pl.Series(block)),
        "a corpus added": lambda: pl.concat([rows, more]),
        "edited here and there": lambda: edited(rows, spread),
        "inserted here and there": lambda: inserted(rows, more, rng.random(share) * height),
        "dropped here and there": lambda: rows.filter(~pl.Series(spread)),
    }


def write_ours(rows, folder):
    shards = folder / "shard.parquet"
    rows.write_parquet(shards)
    write_data([shards], folder / "release")
    shards.unlink()
    return sorted((folder / "release").rglob("*.parquet"))


def write_plain(rows, folder):
    """Write the same files with pyarrow's defaults."""
    paths = write_ours(rows, folder)
    for path in paths:
        pq.write_table(pq.read_table(path), path)
    return paths


def uploaded(paths, store):
    """Return bytes that were new to the chunk store, and all bytes."""
    import hf_xet

    session = hf_xet.XetSession()
    with session.new_upload_commit(endpoint=f"local://{store}") as commit:
        sent = [commit.start_upload_file(str(path)) for path in paths]
    counts = [one.result().dedup_metrics for one in sent]
    return sum(count.new_bytes for count in counts), sum(count.total_bytes for count in counts)


def measured(write, rows, second, place):
    """Return the bytes of the first version, and for each change the share of the second's bytes that were new."""
    first = place / "first"
    first.mkdir()
    began = time.perf_counter()
    paths = write(rows, first)
    seconds = time.perf_counter() - began
    _, size = uploaded(paths, place / "chunks")
    shares = {}
    for name, changed in second.items():
        shutil.copytree(place / "chunks", place / "again")
        (place / "second").mkdir()
        new, total = uploaded(write(changed(), place / "second"), place / "again")
        shares[name] = new / total
        shutil.rmtree(place / "again")
        shutil.rmtree(place / "second")
    return size, seconds, shares


def main():
    height, length = (int(word) for word in [*sys.argv[1:], *("200000", "130")[len(sys.argv) - 1 :]])
    rng = np.random.default_rng(7)
    words = vocabulary(rng)
    rows = records(rng, words, 0, height, length)
    more = records(rng, words, height, height // 100, length).with_columns(source=pl.lit("new"))
    second = changes(rng, rows, more)
    results = {}
    for name, write in (("plain", write_plain), ("ours", write_ours)):
        with tempfile.TemporaryDirectory() as place:
            results[name] = measured(write, rows, second, Path(place))
        size, seconds, _ = results[name]
        print(f"{name}: {height:,} rows, {size / 1e6:.1f} MB in {seconds:.1f} s", flush=True)
    print(f"{'1% of rows':26}{'plain':>8}{'ours':>8}   of the second version's bytes uploaded")
    for change in second:
        print(f"{change:26}{results['plain'][2][change]:8.1%}{results['ours'][2][change]:8.1%}")


if __name__ == "__main__":
    main()
