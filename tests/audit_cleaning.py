"""What cleaning took out of real corpora and what it rewrote, edit by edit with the text around it, to be read by eye.

    python tests/audit_cleaning.py --mirror ../shared/data --out edits.md [--sample 300] [--seed 0]

Counts by edit are printed. The file holds up to ``sample`` places, equally many of each edit where there are enough:
``[-gone-]{+come+}`` between the text before and behind it.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from quality.cleaning.normalize import Normalise, edits_for, flatten, stock_places
from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import MissingCorpusError, mirrored
from sources.read import read
from sources.record import Record
from sources.table import frame

PLAIN = frozenset(
    (
        "unicode",
        "ligatures",
        "line_ends",
        "invisible",
        "flattened_lists",
        "whitespace",
        "sentence_case",
        "spaced_punctuation",
    )
)
"""Edits that change blanks, marks and capitals alone; they are not listed."""
AROUND = 100


def tables(mirror: Path) -> Iterator[tuple[pl.DataFrame, Normalise]]:
    """Yield the rows of every corpus that lies in the mirror, with the repairs that it asks for."""
    for corpus in (*SOURCES.values(), *BENCHMARKS.values()):
        try:
            files = mirrored(corpus, mirror)
        except MissingCorpusError:
            continue
        rows = [row for file in files for row in read(corpus, file) if isinstance(row, Record)]
        repairs = ((corpus.name, tuple(sorted(corpus.repairs))),) if corpus.repairs else ()
        if rows:
            yield frame(rows), Normalise(repairs=repairs)


def places(rows: pl.DataFrame, config: Normalise) -> Iterator[tuple[str, str]]:
    """Yield the edit and the place of every change that one round of edits makes."""
    flat = flatten(rows).drop_nulls("text")
    texts = flat["text"]
    stock: dict[str, pl.Series] = {}
    for edit, wanted in edits_for(flat, config):
        if edit.where in ("answers", "advice"):
            stock = stock or stock_places(texts, wanted)
            at = stock[edit.name].filter(wanted.gather(stock[edit.name]))
        else:
            at = (texts.str.contains(edit.pattern) & wanted).arg_true()
        if at.is_empty():
            continue
        before, (after, _) = texts.gather(at), edit.apply(texts.gather(at))
        texts = texts.scatter(at, after)
        if edit.name not in PLAIN:
            where = flat.select("id", "field").gather(at)
            for (row, field), old, new in zip(where.rows(), before, after, strict=True):
                if old != new:
                    yield edit.name, f"{row} {field}: {change(old, new)}"


def shared(a: str, b: str) -> int:
    """Return how many characters two texts begin with alike."""
    return next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def change(old: str, new: str) -> str:
    """Return what an edit changed, from the first difference to the last, with what stands around it."""
    start = shared(old, new)
    shorter = min(len(old), len(new)) - start
    same = min(shared(old[::-1], new[::-1]), shorter)
    gone, come = old[start : len(old) - same], new[start : len(new) - same]
    return repr(f"{old[max(start - AROUND, 0) : start]}[-{gone}-]{{+{come}+}}{old[len(old) - same :][:AROUND]}")


def drawn(found: dict[str, list[str]], sample: int, seed: int) -> dict[str, list[str]]:
    """Return ``sample`` places at most, dealt out edit by edit, each edit's in an order of chance."""
    rng = random.Random(seed)
    shuffled = {name: rng.sample(sorted(listed), len(listed)) for name, listed in sorted(found.items())}
    taken: dict[str, list[str]] = {name: [] for name in shuffled}
    while sum(map(len, taken.values())) < sample and any(shuffled.values()):
        for name, listed in shuffled.items():
            if listed and sum(map(len, taken.values())) < sample:
                taken[name].append(listed.pop())
    return taken


def main() -> None:
    """Write the sample and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", type=Path, required=True, help="folder of real corpora")
    parser.add_argument("--out", type=Path, required=True, help="file to write, Markdown")
    parser.add_argument("--sample", type=int, default=300, help="places to draw (300)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw (0)")
    given = parser.parse_args()
    found: dict[str, list[str]] = defaultdict(list)
    for rows, config in tables(given.mirror):
        for name, place in places(rows, config):
            found[name].append(place)
    for name, listed in sorted(found.items()):
        print(f"{name}: {len(listed)} places")
    chosen = drawn(found, given.sample, given.seed)
    text = "\n".join(
        f"\n## {name}\n\n" + "\n".join(f"- {place}" for place in listed) for name, listed in chosen.items()
    )
    given.out.write_text(text.lstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
