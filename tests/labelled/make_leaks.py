"""Leak variants of every item of the real benchmarks in a mirror, for measurement at full size.

Example: ``python tests/labelled/make_leaks.py ../shared/data out/ --seed 1``. Each benchmark gets one JSONL file per
variant, ``<benchmark>.<variant>.jsonl``; a row holds the columns to be checked and, under ``item``, the benchmark and
the number of the item. Nothing of it is committed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LETTERS = "ABCDEFGHIJ"
OPENINGS = (
    "Good evening, I am preparing an exam and would like your view.",
    "Hello, a colleague and I could not agree on this one.",
    "Hi! Could you look at a question from my course?",
)
CLOSINGS = ("Could you explain why?", "Thanks, that makes sense.", "And how would you remember it?")
PROSE_BEFORE = "These are my notes of the evening course. The room was full and the projector failed twice."
PROSE_AFTER = "After the break we spoke about the rota of the coming month, and the course ended at nine."
CHAIN = "I first look for the key words, then I go through the choices and discard those that do not fit."
CONTEXT = "Reader, unit four. Objectives: to name the commonest causes, to plan the tests and to advise the patient."


@dataclass(frozen=True)
class Item:
    """One benchmark item; ``answer`` is the text of the right option, or yes, no or maybe."""

    benchmark: str
    number: int
    question: str
    options: tuple[str, ...]
    gold: int | None
    answer: str
    long_answer: str


def open_text(path: Path) -> io.TextIOBase:
    """Open a file of the mirror for reading, whether or not it is compressed."""
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file with one JSON object per line."""
    with open_text(path) as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def read_medmcqa(mirror: Path) -> Iterator[Item]:
    """Yield the items of MedMCQA dev."""
    for number, row in enumerate(read_lines(mirror / "medmcqa/data/dev.json.gz")):
        options = tuple(row[name] for name in ("opa", "opb", "opc", "opd"))
        gold = int(row["cop"]) - 1
        yield Item("medmcqa", number, row["question"], options, gold, options[gold], row.get("exp") or "")


def read_medqa(mirror: Path) -> Iterator[Item]:
    """Yield the items of MedQA test, four options."""
    path = mirror / "medqa/data_clean/questions/US/4_options/phrases_no_exclude_test.jsonl.gz"
    for number, row in enumerate(read_lines(path)):
        options = tuple(row["options"].values())
        yield Item("medqa", number, row["question"], options, options.index(row["answer"]), row["answer"], "")


def read_pubmedqa(mirror: Path) -> Iterator[Item]:
    """Yield the items of the PubMedQA test split."""
    with open_text(mirror / "pubmedqa/data/ori_pqal.json.gz") as file:
        rows = json.load(file)
    with open_text(mirror / "pubmedqa/data/test_ground_truth.json.gz") as file:
        truth = json.load(file)
    for number, (key, answer) in enumerate(truth.items()):
        row = rows[key]
        yield Item("pubmedqa", number, row["QUESTION"], (), None, answer, row["LONG_ANSWER"])


def read_mmlu(mirror: Path) -> Iterator[Item]:
    """Yield the items of every MMLU test file in the order of the file names."""
    number = 0
    for path in sorted((mirror / "mmlu").rglob("*_test.csv*")):
        with open_text(path) as file:
            for question, *options, gold in csv.reader(file):
                position = LETTERS.index(gold)
                yield Item("mmlu", number, question, tuple(options), position, options[position], "")
                number += 1


def read_headqa(mirror: Path) -> Iterator[Item]:
    """Yield the items of HEAD-QA test in Spanish and in English."""
    for name, folder in (("headqa_es", "HEAD/test_HEAD"), ("headqa_en", "HEAD_EN/test_HEAD_EN")):
        with open_text(mirror / f"headqa/{folder}.json.gz") as file:
            exams = json.load(file)["exams"]
        rows = [row for exam in exams.values() for row in exam["data"]]
        for number, row in enumerate(rows):
            options = tuple(answer["atext"] for answer in row["answers"])
            gold = [answer["aid"] for answer in row["answers"]].index(int(row["ra"]))
            yield Item(name, number, row["qtext"], options, gold, options[gold], "")


READERS = (read_medmcqa, read_medqa, read_pubmedqa, read_mmlu, read_headqa)


def draw(seed: int, item: Item, variant: str) -> random.Random:
    """Return the generator of one row, independent of all other rows and of their order."""
    return random.Random(f"{seed}:{item.benchmark}:{item.number}:{variant}")


def shuffled(item: Item, generator: random.Random) -> list[str]:
    """Return the options in another order than the item's, where there is one."""
    options = list(item.options)
    if len(set(options)) > 1:
        while options == list(item.options):
            generator.shuffle(options)
    return options


def block(options: list[str] | tuple[str, ...]) -> str:
    """Return options as lettered lines."""
    return "\n".join(f"{LETTERS[i]}. {option}" for i, option in enumerate(options))


def make_option_text(item: Item, _: random.Random) -> dict[str, Any]:
    """Question and the text of the right option."""
    return {"question": item.question, "answer": item.answer}


def make_letter_text(item: Item, _: random.Random) -> dict[str, Any] | None:
    """Question with its options in one column and the letter with its text as answer."""
    if item.gold is None:
        return None
    return {
        "question": f"{item.question}\n{block(item.options)}",
        "answer": f"{LETTERS[item.gold]}. {item.answer}",
    }


def make_long_answer(item: Item, _: random.Random) -> dict[str, Any] | None:
    """Question and the long answer or explanation of the item."""
    return {"question": item.question, "answer": item.long_answer} if item.long_answer else None


def make_question_only(item: Item, _: random.Random) -> dict[str, Any]:
    """Question alone."""
    return {"question": item.question}


def make_shuffled(item: Item, generator: random.Random) -> dict[str, Any] | None:
    """Question with its options in another order."""
    if item.gold is None:
        return None
    options = shuffled(item, generator)
    return {"question": item.question, "options": options, "answer": LETTERS[options.index(item.answer)]}


def make_dialogue(item: Item, generator: random.Random) -> dict[str, Any]:
    """Question and answer inside a conversation of four messages."""
    turns = (
        ("user", generator.choice(OPENINGS)),
        ("assistant", "Of course, please go ahead."),
        ("user", item.question if not item.options else f"{item.question}\n{block(item.options)}"),
        ("assistant", f"I would say: {item.answer}. {item.long_answer}".strip()),
        ("user", generator.choice(CLOSINGS)),
    )
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def make_inside_text(item: Item, _: random.Random) -> dict[str, Any]:
    """Question and answer inside running text."""
    return {"text": f"{PROSE_BEFORE} {item.question} {item.answer}. {PROSE_AFTER}"}


def make_joined(item: Item, _: random.Random) -> dict[str, Any]:
    """Question and answer beside a foreign context and chain of thought."""
    return {"context": CONTEXT, "question": item.question, "chain": CHAIN, "answer": item.answer}


VARIANTS: dict[str, Callable[[Item, random.Random], dict[str, Any] | None]] = {
    "option_text": make_option_text,
    "letter_text": make_letter_text,
    "long_answer": make_long_answer,
    "question_only": make_question_only,
    "shuffled": make_shuffled,
    "dialogue": make_dialogue,
    "inside_text": make_inside_text,
    "joined": make_joined,
}


def write_variants(mirror: Path, out: Path, seed: int) -> dict[str, int]:
    """Write one file per benchmark and variant and return the number of rows of each."""
    out.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for reader in READERS:
        lines: dict[str, list[str]] = {}
        for item in reader(mirror):
            for name, make in VARIANTS.items():
                row = make(item, draw(seed, item, name))
                if row is not None:
                    row["item"] = {"benchmark": item.benchmark, "number": item.number}
                    lines.setdefault(f"{item.benchmark}.{name}", []).append(json.dumps(row, ensure_ascii=False) + "\n")
        for name, rows in lines.items():
            (out / f"{name}.jsonl").write_text("".join(rows), encoding="utf-8")
            counts[name] = len(rows)
    return counts


def main() -> None:
    """Write the variants of a mirror into a folder and print the number of rows per file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mirror", type=Path, help="folder with the raw corpora, for example ../shared/data")
    parser.add_argument("out", type=Path, help="folder for the JSONL files")
    parser.add_argument("--seed", type=int, default=1, help="seed of shuffled options and openings (default 1)")
    arguments = parser.parse_args()
    for name, rows in write_variants(arguments.mirror, arguments.out, arguments.seed).items():
        print(f"{name}\t{rows}")


if __name__ == "__main__":
    main()
