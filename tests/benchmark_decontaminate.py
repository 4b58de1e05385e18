"""How long decontamination takes: rows recombined from real training text against every benchmark in a mirror.

    PYTHONPATH=. python tests/benchmark_decontaminate.py DATA [--rows 1000000] [--workers 2] [--holdouts-2026]

With ``--holdouts-2026`` the items are joined by as many of the sizes and shapes of the newer hold-outs, whose files are
not at hand: recombined from sentences that no row is made of.

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
from sources.catalog import HELD_OUT
from sources.fetch.mirror import MissingCorpusError

SOURCES = ("medmcqa_sample", "headqa_en", "medquad", "rqe", "genmedgpt5k", "wikidoc_patient_information", "pubmedqa")
QUESTION_CHARS, REASONING_CHARS = 200, 500

SHARED_BY = 20
"""Items that share a context, as the questions on one record do."""

ITEM_SHARE = 5
"""One sentence in so many is for new items, the others are for rows."""

NEW_ITEMS = {
    "medxpertqa": (2_455, 900, 10, 0),
    "healthbench_professional": (525, 800, 0, 0),
    "metamedqa": (1_373, 800, 6, 0),
    "med_halt": (11_000, 150, 4, 0),
    "medhallu": (2_000, 100, 3, 1_500),
    "medec": (1_171, 700, 0, 0),
    "medcalc_bench": (1_100, 3_000, 0, 0),
    "afrimedqa": (4_000, 150, 5, 0),
    "afrimedqa_open": (11_275, 200, 0, 0),
    "medcasereasoning": (1_397, 2_500, 0, 0),
    "mmlu_pro_health": (818, 300, 10, 0),
    "supergpqa_medicine": (2_755, 250, 10, 0),
    "longhealth": (400, 120, 5, 36_000),
    "pubhealthbench": (8_850, 150, 7, 0),
    "medbullets": (308, 800, 5, 0),
    "medmisbench": (10_932, 500, 5, 200),
    "livemedbench": (2_756, 700, 0, 0),
    "headqa_v2": (20_000, 130, 4, 0),
    "cares_test": (9_239, 250, 0, 0),
}
"""Items, characters of a question, options, and characters of a context: published counts, sizes by estimate."""


def benchmark_items(data):
    """Return the items of every benchmark whose files are under ``data``."""
    tables = []
    for name in HELD_OUT:
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


def recombined(pieces, count, seed=20, sizes=(QUESTION_CHARS, REASONING_CHARS)):
    """Return ``count`` rows whose texts are sentences drawn at random, of the mean lengths above."""
    rng = np.random.default_rng(seed)
    mean = pieces.str.len_chars().mean()
    texts = []
    for chars in sizes:
        lengths = rng.poisson(max(0.0, chars / mean - 1), count) + 1
        drawn = pieces.gather(rng.integers(0, len(pieces), lengths.sum()))
        owner = np.repeat(np.arange(count), lengths)
        table = pl.DataFrame({"row": owner, "text": drawn}).group_by("row", maintain_order=True)
        texts.append(table.agg(pl.col("text").str.join(". "))["text"])
    ids = pl.int_range(count, eager=True).cast(pl.String)
    nothing = pl.lit(None, pl.String)
    return pl.DataFrame({"id": ids, "question": texts[0], "reasoning": texts[1]}).with_columns(
        options=pl.lit(None, pl.List(pl.String)), answer=nothing
    )


def new_items(pieces, known):
    """Return items of the shapes of ``NEW_ITEMS`` from sentences, and from options of the items that are ``known``."""
    rng = np.random.default_rng(21)
    options = known["options"].explode().drop_nulls()
    tables = []
    for number, (name, (count, question, choices, context)) in enumerate(NEW_ITEMS.items()):
        texts = recombined(pieces, count, 100 + number, (question, 1))
        shared = recombined(pieces, -(-count // SHARED_BY), 200 + number, (1, context or 1))["reasoning"]
        drawn = options.gather(rng.integers(0, len(options), count * choices)).to_list()
        listed = [drawn[at * choices : (at + 1) * choices] or None for at in range(count)]
        item = texts.select(
            "id",
            "question",
            benchmark=pl.lit(name),
            options=pl.Series(listed, dtype=pl.List(pl.String)),
            answer=pl.Series([one[0] if one else None for one in listed], dtype=pl.String),
            reasoning=pl.lit(None, pl.String),
            texts=pl.lit(None, pl.List(pl.String)),
            context=shared.gather(np.arange(count) // SHARED_BY) if context else pl.lit(None, pl.String),
        )
        tables.append(item.select(known.columns).cast(dict(known.schema)))
    return pl.concat(tables)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--holdouts-2026", action="store_true")
    given = parser.parse_args()
    items, pieces = benchmark_items(given.data), sentences(given.data)
    if given.holdouts_2026:
        apart = pieces.str.to_lowercase().hash() % ITEM_SHARE == 0  # equal sentences stay on one side
        items, pieces = pl.concat([items, new_items(pieces.filter(apart), items)]), pieces.filter(~apart)
    rows = recombined(pieces, given.rows)
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
