"""How many items of every benchmark in a mirror decontamination finds, in each layout that a training file may have.

    PYTHONPATH=.:tests python tests/benchmark_leak_recall.py DATA [--most 1000] [--layouts question,joined]

Every item is made a training row, verbatim, and looked for among the items of its own set and among those of all sets.
Prints a line a layout and set: rows, and the share found in either case. "specific" are questions of eight words or
more that no other item of their set has. Not collected by pytest.
"""

import argparse
import random
import re
from pathlib import Path

import polars as pl
from make_leak_labels import records

from quality.decontamination.find_leaks import Decontaminate, find_leaks
from quality.decontamination.inputs import items_of, text_rows
from quality.decontamination.item_index import build_index
from sources.catalog import BENCHMARKS
from sources.fetch.mirror import MissingCorpusError

CHAIN = (
    "Let us work through this one step at a time. The findings narrow the choice down, and two of the candidates can "
    "be left out at once. Of the two that remain only one agrees with everything that was said."
)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def answer(item):
    """Return the item's answer, else what it says at length, else nothing."""
    return item["answer"] or ""


def letter(item):
    options = item["options"] or []
    return LETTERS[options.index(item["answer"])] if item["answer"] in options[:26] else ""


def lettered(options):
    return "\n".join(f"{name}. {option}" for name, option in zip(LETTERS, options, strict=False))


def dialogue(item, rng):
    """The question's sentences told by a patient, the doctor speaking between them."""
    said = [part for part in re.split(r"(?<=[.?!:])\s+", item["question"].strip()) if part]
    cut = len(said) // 2 if len(said) > 3 else 0
    turns = [
        "Doctor: Good morning, what brings you here today?",
        *([f"Patient: Well, let me begin. {' '.join(said[:cut])}", "Doctor: I see, please go on."] if cut else []),
        f"Patient: {' '.join(said[cut:])}",
        f"Doctor: As far as I can say from here: {answer(item)}",
        "Patient: Thank you very much.",
    ]
    return {"text": "\n".join(turns)}


def shuffled(item, rng):
    options = rng.sample(item["options"], len(item["options"]))
    name = LETTERS[options.index(item["answer"])] if item["answer"] in options[:26] else ""
    return {"question": item["question"], "options": lettered(options), "answer": f"{name}. {answer(item)}"}


LAYOUTS = {
    "question": lambda item, rng: {"question": item["question"]},
    "question, answer": lambda item, rng: {"question": item["question"], "answer": answer(item)},
    "question, C. answer": lambda item, rng: {
        "question": item["question"],
        "answer": f"{letter(item)}. {answer(item)}",
    },
    "question, long answer": lambda item, rng: {
        "question": item["question"],
        "answer": f"{item['long']}\n{answer(item)}",
    },
    "question, chain, answer": lambda item, rng: {
        "question": item["question"],
        "chain": CHAIN,
        "answer": answer(item),
    },
    "joined": lambda item, rng: {"text": f"{item['question']}\n{CHAIN}\n{answer(item)}"},
    "joined by blanks": lambda item, rng: {"text": f"{item['question']} {CHAIN} {answer(item)}"},
    "prompt": lambda item, rng: {
        "text": f"Answer:\n\n{item['question']}\n{lettered(item['options'] or [])}\n\n{CHAIN}\nIt is {letter(item)}"
    },
    "options shuffled": shuffled,
    "dialogue": dialogue,
}


def benchmark_items(data):
    """Return the items of every benchmark whose files are under ``data``, with ``long``: all else an item says."""
    tables = []
    for name in BENCHMARKS:
        try:
            found = records(name, data)
        except MissingCorpusError:
            continue
        long = found.select(pl.concat_str("rationale", "response", separator="\n", ignore_nulls=True)).to_series()
        tables.append((items_of(found), long))
    return tables


def sample(items, long, most, seed=1):
    """Return items as rows of Python, ``specific`` among them told, at most so many."""
    words = items["question"].fill_null("").str.to_lowercase().str.extract_all(r"[\p{L}\p{N}]+")
    table = items.with_columns(
        long=long.fill_null(""), specific=(words.list.len() >= 8) & ~words.list.join(" ").is_duplicated()
    )
    return table.sample(min(most, table.height), seed=seed).to_dicts()


def layouts_of(rows, chosen):
    """Yield the name of each layout and the items that have it."""
    for name in chosen:
        yield name, [row for row in rows if row["options"] or name != "options shuffled"]
        if name == "question":
            yield "specific question", [row for row in rows if row["specific"]]


def measure(used, layout, seed, own, everything):
    """Return rows, those found in their own set, those whose item is, those found among all; and the rows missed."""
    rng = random.Random(seed)
    table = pl.DataFrame([layout(row, rng) for row in used], infer_schema_length=None)
    rows = text_rows(table, table.columns)
    mine, among = (find_leaks(rows, index, Decontaminate()) for index in (own, everything))
    right = pl.DataFrame({"id": [str(at) for at in range(len(used))], "item": [row["id"] for row in used]})
    found = (mine["id"].n_unique(), mine.join(right, on=["id", "item"])["id"].n_unique(), among["id"].n_unique())
    return (len(used), *found), rows.join(among, on="id", how="anti")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--layouts", default="")
    parser.add_argument("--missed", type=Path, help="Write the rows that all sets do not find to this file.")
    given = parser.parse_args()
    sets = benchmark_items(given.data)
    everything = build_index(pl.concat([items for items, _ in sets]))
    chosen = [name for name in given.layouts.split(";") if name] or list(LAYOUTS)
    print("| set | layout | rows | own set | own, right item | all sets |\n|---|---|---|---|---|---|")
    totals, missed = {}, []
    for items, long in sets:
        own, benchmark = build_index(items), items["benchmark"][0]
        for name, used in layouts_of(sample(items, long, given.most), chosen):
            if not used:
                continue
            counts, lost = measure(used, LAYOUTS[name.removeprefix("specific ")], name, own, everything)
            totals[name] = tuple(map(sum, zip(totals.get(name, (0,) * 4), counts, strict=True)))
            print(line(benchmark, name, counts), flush=True)
            missed.append(lost.with_columns(set=pl.lit(benchmark), layout=pl.lit(name)))
    for name, counts in totals.items():
        print(line("**all**", name, counts))
    if given.missed:
        pl.concat(missed).write_parquet(given.missed)


def line(name, part, counts):
    rows, *found = counts
    return f"| {name} | {part} | {rows:,} | " + " | ".join(f"{count / rows:.2%}" for count in found) + " |"


if __name__ == "__main__":
    main()
