"""How long decontamination takes: rows recombined from real training text against every benchmark in a mirror.

    PYTHONPATH=. python tests/benchmark_decontaminate.py DATA [--rows 1000000] [--workers 2]

Prints rows, characters, items, seconds and peak memory. Layers of words alone (exact, n-gram, shuffled, rewrite,
answer): what embeddings and judges cost is what their models cost. Not collected by pytest.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import polars as pl
from make_leak_labels import records

from quality.decontamination.find_leaks import Decontaminate, find_leaks
from quality.decontamination.inputs import items_of, rows_of
from quality.decontamination.item_index import build_index
from sources.catalog import BENCHMARKS
from sources.fetch.mirror import MissingCorpusError

SOURCES = ("medmcqa_sample", "headqa_en", "medquad", "rqe", "genmedgpt5k", "wikidoc_patient_information", "pubmedqa")
QUESTION_CHARS, REASONING_CHARS = 200, 500


def benchmark_items(data):
    """Return the items of every benchmark whose files are under ``data``."""
    tables = []
    for name in BENCHMARKS:
        try:
            tables.append(items_of(records(name, data)))
        except MissingCorpusError:
            continue
    return pl.concat(tables)


def sentences(data):
    """Return the sentences of real training rows."""
    rows = pl.concat([rows_of(records(name, data, "train")) for name in SOURCES])
    text = rows.select(pl.concat_str("question", "reasoning", separator=". ", ignore_nulls=True)).to_series()
    pieces = text.str.split(". ").explode().str.strip_chars()
    return pieces.filter(pieces.str.len_chars().is_between(20, 400))


def recombined(pieces, count, seed=20):
    """Return ``count`` rows whose texts are sentences drawn at random, of the mean lengths above."""
    rng = np.random.default_rng(seed)
    mean = pieces.str.len_chars().mean()
    texts = []
    for chars in (QUESTION_CHARS, REASONING_CHARS):
        lengths = rng.poisson(chars / mean - 1, count) + 1
        drawn = pieces.gather(rng.integers(0, len(pieces), lengths.sum()))
        owner = np.repeat(np.arange(count), lengths)
        table = pl.DataFrame({"row": owner, "text": drawn}).group_by("row", maintain_order=True)
        texts.append(table.agg(pl.col("text").str.join(". "))["text"])
    ids = pl.int_range(count, eager=True).cast(pl.String)
    nothing = pl.lit(None, pl.String)
    return pl.DataFrame({"id": ids, "question": texts[0], "reasoning": texts[1]}).with_columns(
        options=pl.lit(None, pl.List(pl.String)), answer=nothing
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    items, rows = benchmark_items(given.data), recombined(sentences(given.data), given.rows)
    chars = sum(int(rows[name].str.len_chars().sum()) for name in ("question", "reasoning"))
    find_leaks(rows[:10], build_index(items[:10]), Decontaminate(), workers=1)  # compiles, or reads what is compiled
    start, busy = time.perf_counter(), time.process_time()
    index = build_index(items)
    indexed = time.perf_counter()
    pairs = find_leaks(rows, index, Decontaminate(), workers=given.workers)
    end, busy = time.perf_counter(), time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{rows.height:,} rows, {chars / rows.height:.0f} characters a row, {items.height:,} items")
    print(f"index {indexed - start:.1f} s, rows {end - indexed:.1f} s with {given.workers} workers")
    print(f"{busy:.1f} s of processor time, peak {peak:.1f} GB")
    print(f"{pairs['id'].n_unique():,} rows flagged: {dict(pairs.unique('id')['layer'].value_counts().iter_rows())}")


if __name__ == "__main__":
    main()
