"""Make the labelled set of leak detection from real data: training rows, and the benchmark item each holds, if any.

    python tests/make_leak_labels.py DATA OUT

DATA is a folder of raw corpora as a mirror has them. OUT gets ``rows.parquet`` and ``items.parquet``; nothing of them
belongs into the repository. The same for the same data, whatever the machine.

A row has ``kind`` (how it was made), ``benchmark`` and ``item`` (what it holds; null: nothing). Positives are made from
benchmark items, but for two kinds that are real: ``renamed`` (the same items from another publisher) and ``openmedqa``
(MedQA rewritten as open questions). ``translated`` rows hold an item in another language. Rows of real training sets
hold nothing, unless ``leak_judgements.csv`` says so: its pairs were read one by one, and are one question or not.
"""

import argparse
import csv
import random
import re
from pathlib import Path

import polars as pl

from quality.leak_inputs import items_of, rows_of
from sources.catalog import BENCHMARKS, SOURCES
from sources.mirror import mirrored
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
TEMPLATES = (("medqa_hpai", 70), ("medmcqa_validation", 70), ("careqa", 60), ("headqa_en_held_out", 40))
"""Where positives are made from, and how many of each kind."""

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


# --- positives made from items ---------------------------------------------------------------------------------------


def sentences(text):
    return [part for part in re.split(r"(?<=[.?!:])\s+", text.strip()) if part]


def copy(item, rng):
    return item


def shuffled(item, rng):
    return item | {"options": rng.sample(item["options"], len(item["options"]))}


def flattened(item, rng):
    """One prompt that holds instruction, question and lettered options in another order."""
    options = rng.sample(item["options"], len(item["options"]))
    lettered = "\n".join(f"{letter}) {option}" for letter, option in zip("ABCDEFGH", options, strict=False))
    prompt = f"Read the question and name the best choice.\n\n{item['question']}\n\n{lettered}\n\nGive its letter only."
    letter = "ABCDEFGH"[options.index(item["answer"])]
    return item | {"question": prompt, "options": [], "answer": letter, "reasoning": f"The best choice is {letter}."}


def slip(word, rng):
    """Return a word with one letter doubled, dropped or swapped with the next."""
    at = rng.randrange(len(word) - 1)
    return rng.choice((word[:at] + word[at] + word[at:], word[:at] + word[at + 1 :], word[:at] + word[at + 1] + word[at] + word[at + 2 :]))


def mistyped(item, rng):
    """Every twelfth word or so mistyped; case, spacing and punctuation changed."""

    def damage(text):
        words = [slip(word, rng) if len(word) > 3 and rng.random() < 0.08 else word for word in text.split()]
        text = rng.choice(("  ", " ", "\n")).join(words)
        return rng.choice((str.upper, str.lower, str))(text.rstrip("?:.")) + rng.choice(("", " -", "...", "?"))

    return item | {"question": damage(item["question"]), "options": [damage(option) for option in item["options"]]}


SYNONYMS = {
    "patient": "person", "physician": "doctor", "shows": "reveals", "likely": "probable", "history": "background",
    "most": "the most", "treatment": "therapy", "following": "options", "because": "since", "has": "presents with",
    "increased": "raised", "decreased": "lowered", "drug": "medicine", "disease": "illness", "caused": "produced",
    "used": "employed", "seen": "found", "children": "kids", "cells": "cell", "true": "correct", "false": "incorrect",
    "common": "frequent", "appropriate": "suitable", "pain": "ache", "month": "four-week", "examination": "exam",
}  # fmt: skip


def substituted(item, rng):
    """One known word in two replaced by another, one in twenty of all dropped; options as they are."""
    words = []
    for word in item["question"].split():
        if rng.random() < 0.05:
            continue
        other = SYNONYMS.get(word.lower().strip(",.?:"))
        words.append(other if other and rng.random() < 0.5 else word)
    return item | {"question": " ".join(words)}


def reordered(item, rng):
    """The sentences in another order, the last one still the question."""
    *story, question = sentences(item["question"])
    return item | {"question": " ".join([*rng.sample(story, len(story)), question]), "options": []}


REWRITES = (
    (r"\b[Aa]n? (\d+)-year-old (\w+)", r"A \2 aged \1"),
    (r"(comes|is brought|presents) to (the|her|his|a|an) [\w ]*?(physician|doctor|hospital|department|clinic|office)", "is seen"),
    (r"(because of|due to|complaining of|with complaints of)", "for"),
    (r"[Pp]hysical examination (shows|reveals)", "On examination there is"),
    (r"[Ll]aboratory (studies|tests) (show|reveal)", "In the laboratory,"),
    (r"(His|Her) (temperature) is", r"Vital signs: \2"),
    (r"[Ww]hich (one )?of the following (\w+ )?is (the )?most (likely|appropriate)", "What is the best guess for"),
    (r"[Ww]hich (one )?of the following", "What"),
    (r"[Aa]ll (of the following )?are (true|correct) (about|regarding)", "What holds for"),
    (r"(?i)\bexcept\b:?", "with one exception"),
    (r"[Ii]ndicate the (correct|incorrect|false) (answer|option|statement)", r"What is \1 here"),
)  # fmt: skip


def rewritten(item, rng):
    """Asked openly in other words: stock phrases replaced, of long stories one sentence in eight left out."""
    story = [part for part in sentences(item["question"])[:-1] if rng.random() > 0.125]
    text = " ".join([*story, *sentences(item["question"])[-1:]])
    for pattern, value in REWRITES:
        text = re.sub(pattern, value, text)
    return item | {"question": text, "options": []}


def opened(item, rng):
    """The question without options, answered."""
    return item | {"options": [], "reasoning": f"{item['answer']}. This follows from the findings."}


def buried(item, rng):
    """A row that asks something else and whose reasoning retells the item, question, options and answer."""
    wrong = " ".join(f"{option} does not fit the picture." for option in item["options"] if option != item["answer"])
    story = f"I remember a similar case. {item['question']} Let us go through it. {wrong} So it has to be {item['answer']}."
    return item | {"question": "How do you work through a difficult case?", "options": [], "answer": None, "reasoning": story}


MADE = {
    "copy": copy,
    "shuffled": shuffled,
    "flattened": flattened,
    "mistyped": mistyped,
    "substituted": substituted,
    "reordered": reordered,
    "rewritten": rewritten,
    "opened": opened,
    "buried": buried,
}
NEEDS = {"reordered": lambda item: len(sentences(item["question"])) > 3}


def made(items, seed):
    """Yield the positives made from items, kind by kind."""
    for kind, change in MADE.items():
        rng = random.Random(f"{seed} {kind}")
        for benchmark, count in TEMPLATES:
            fits = NEEDS.get(kind, lambda item: item["answer"] in item["options"])
            pool = [item for item in items if item["benchmark"] == benchmark and fits(item)]
            for item in rng.sample(pool, min(count, len(pool))):
                row = change(item, rng)
                yield row | {"id": f"{kind}:{item['id']}", "kind": kind, "item": item["id"]}


# --- real rows ---------------------------------------------------------------------------------------------------------


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    folders = parser.parse_args()
    folders.out.mkdir(parents=True, exist_ok=True)
    rows, items = labels(folders.data)
    rows.write_parquet(folders.out / "rows.parquet")
    items.write_parquet(folders.out / "items.parquet")


if __name__ == "__main__":
    main()
