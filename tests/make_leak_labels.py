"""Make the labelled set of leak detection from real data: training rows, and the benchmark item each holds, if any.

    PYTHONPATH=. python tests/make_leak_labels.py DATA OUT

DATA is a folder of raw corpora as a mirror has them. OUT gets ``rows.parquet`` and ``items.parquet``; nothing of them
belongs into the repository. The same for the same data, whatever the machine.

A row has ``kind`` (how it was made), ``benchmark`` and ``item`` (what it holds; null: nothing). Positives are made from
benchmark items, but for two kinds that are real: ``renamed`` (the same items from another publisher) and ``openmedqa``
(MedQA rewritten as open questions). ``translated`` rows hold an item in another language. Rows of real training sets
hold nothing, unless ``leak_judgements.csv`` says so: its pairs were read one by one, and are one question or not.
"""

import argparse
import csv
from pathlib import Path

import polars as pl
from leak_positives import made

from quality.decontamination.inputs import items_of, rows_of
from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import mirrored
from sources.read import read
from sources.record import Record
from sources.table import frame

JUDGEMENTS = Path(__file__).parent / "leak_judgements.csv"
SEED = 20

HELD_OUT = (
    "medmcqa_validation",
    "careqa",
    "mmlu",
    "pubmedqa_test",
    "headqa_en_held_out",
    "headqa_es_held_out",
    "frenchmedmcqa_held_out",
    "gsm8k_test",
    "truthfulqa",
)
CLEAN = (
    ("medmcqa_sample", 10_000),
    ("headqa_en", 2_657),
    ("medquad", 1_500),
    ("rqe", 500),
    ("genmedgpt5k", 500),
    ("wikidoc_patient_information", 500),
    ("pubmedqa", 500),
    ("mts_dialog", 200),
    ("covid_qa", 100),
    ("gsm8k", 1_000),
)
"""Real training rows, and how many of each source."""


def records(name, data, split=None):
    """Return the rows of a source or benchmark under ``data``, all or those of one split, as a table."""
    corpus = SOURCES.get(name) or BENCHMARKS[name]
    found = (row for file in mirrored(corpus, data) for row in read(corpus, file))
    return frame([row for row in found if isinstance(row, Record) and split in (None, row.split)])


def benchmark_items(data):
    """Return the items that rows are compared with: held-out sets, and of MedQA the test split."""
    tables = [records(name, data) for name in HELD_OUT] + [records("medqa_hpai", data, "test")]
    return items_of(pl.concat(tables))


# --- real rows -------------------------------------------------------------------------------------------------------


def linked(rows, kind, benchmark, items):
    return rows.with_columns(kind=pl.lit(kind), benchmark=pl.lit(benchmark), item=pl.Series(items, dtype=pl.String))


def renamed(data, items):
    """The validation set of MedMCQA and the test set of MedQA as others publish them: in the same order."""
    for name, benchmark, split in (("medmcqa_dev", "medmcqa_validation", None), ("medqa", "medqa_hpai", "test")):
        theirs = items.filter(pl.col("benchmark") == benchmark)["id"]
        mine = rows_of(in_file_order(records(name, data, split)))
        yield linked(mine, "renamed", benchmark, theirs).sample(300, seed=SEED)


def in_file_order(table):
    return table.sort("file", "line", maintain_order=True)


def openmedqa(data, items):
    rows = rows_of(records("openmedqa", data))
    return linked(rows, "openmedqa", "medqa_hpai", ["medqa_hpai:" + id.split(":")[1] for id in rows["id"]])


def translated(data):
    """HEAD-QA's held-out questions in Spanish, row by row those in English."""
    rows = rows_of(records("headqa_es_held_out", data))
    theirs = [id.replace("_es_", "_en_") for id in rows["id"]]
    return linked(rows, "translated", "headqa_en_held_out", theirs).sample(500, seed=SEED)


def clean(data):
    """Real training rows; those that the judgements call a leak hold their item."""
    leaks = {row: (benchmark, item) for row, benchmark, item, leak in judgements() if leak}
    for name, count in CLEAN:
        rows = rows_of(records(name, data, "train")).unique("id", keep="first", maintain_order=True)
        rows = rows.sample(min(count, rows.height), seed=SEED)
        held = [leaks.get(id, (None, None)) for id in rows["id"]]
        kind = ["natural" if item else name for _, item in held]
        yield rows.with_columns(
            kind=pl.Series(kind),
            benchmark=pl.Series([benchmark for benchmark, _ in held], dtype=pl.String),
            item=pl.Series([item for _, item in held], dtype=pl.String),
        )
    dev = rows_of(records("medqa_hpai", data, "validation"))
    yield linked(dev, "medqa_dev", None, [None] * dev.height)


def judgements():
    """Yield (row, benchmark, item, leak) for the pairs of real rows and items that were read."""
    with JUDGEMENTS.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield row["row"], row["benchmark"], row["item"], row["leak"] == "1"


def labels(data, seed=SEED):
    """Return (rows, items) of the labelled set."""
    items = benchmark_items(data)
    columns = ["id", "question", "options", "answer", "reasoning", "kind", "benchmark", "item"]
    schema = {name: items.schema.get(name, pl.String) for name in columns}
    positives = pl.DataFrame(list(made(items.to_dicts(), seed)), schema=schema)
    real = [*renamed(data, items), openmedqa(data, items), translated(data), *clean(data)]
    rows = pl.concat([positives, *(table.select(columns) for table in real)])
    return rows.with_columns(id=pl.col("kind") + "/" + pl.col("id")), items


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    folders = parser.parse_args(arguments)
    folders.out.mkdir(parents=True, exist_ok=True)
    rows, items = labels(folders.data)
    rows.write_parquet(folders.out / "rows.parquet")
    items.write_parquet(folders.out / "items.parquet")


if __name__ == "__main__":
    main()
