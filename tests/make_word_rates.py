"""Make ``word_rates.tsv``: how common words are in medical questions, so that no set under test decides it.

    PYTHONPATH=. python tests/make_word_rates.py DATA [OUT]

DATA is a folder of raw corpora as a mirror has them. A line is a word as leak detection compares it (folded, its first
six characters) and its bits: -log2 of the highest rate at which the questions and options of any one corpus hold it.
Words that are worth ``UNKNOWN_BITS`` are left out. The same for the same data, whatever the machine.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl
from make_leak_labels import records

from quality.decontamination.inputs import rows_of
from quality.decontamination.rarity import RATES, UNKNOWN_BITS
from quality.decontamination.scan import question_side
from quality.decontamination.word_keys import UNSPACED, WORD_CHARS, fold, words
from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import MissingCorpusError

IMAGINED_ROWS, PRIOR_ROWS = 1000, 200
"""Rows imagined besides all, and how many rows' worth the rate among all weighs in one corpus: a small one says little.
"""
MOST_ROWS = 20_000


def corpora(data):
    """Yield the questions and options of every corpus that is there, one text a row, equal ones once."""
    for name in sorted({*SOURCES, *BENCHMARKS}):
        try:
            table = records(name, data)
        except MissingCorpusError:
            continue
        texts = question_side(rows_of(table))[0].unique(maintain_order=True)
        yield texts.sample(min(len(texts), MOST_ROWS), seed=20)


def spelled(texts, found, at):
    """Return word number ``at`` as text: its folded first characters; "" where its script sets no spaces."""
    text = str(texts[int(np.searchsorted(found.offsets, at, "right")) - 1]).encode()
    letters = ""
    for character in text[found.at[at] : found.at[at] + 4 * WORD_CHARS].decode(errors="ignore"):
        codes = fold(character)
        if codes and codes[0] == 0:
            break
        if codes and codes[0] >= UNSPACED:
            return ""
        letters += "".join(map(chr, codes))
    return letters[:WORD_CHARS]


def rates(data):
    """Return {word: the highest rate of any corpus}."""
    tables = []
    for number, texts in enumerate(corpora(data)):
        found = words(texts)
        row = np.repeat(np.arange(len(texts)), np.diff(found.offsets))
        distinct = np.unique(np.stack([found.keys, row.astype(np.uint64)]), axis=1)[0]
        keys, counts = np.unique(distinct, return_counts=True)
        first = dict(zip(*np.unique(found.keys, return_index=True), strict=True))
        names = [spelled(texts, found, first[key]) for key in keys]
        tables.append(pl.DataFrame({"corpus": number, "word": names, "rows": counts, "of": len(texts)}))
    table = pl.concat(tables).filter(pl.col("word") != "")
    total = table.unique("corpus")["of"].sum() + IMAGINED_ROWS
    among = table.group_by("word").agg(among=pl.col("rows").sum() / total)
    each = table.join(among, on="word").with_columns(
        rate=((pl.col("rows") - 1).clip(0) + PRIOR_ROWS * pl.col("among")) / (pl.col("of") + PRIOR_ROWS)
    )
    highest = each.group_by("word").agg(rate=pl.max_horizontal(pl.col("rate").max(), pl.col("among").first()))
    return dict(highest.iter_rows())


def main(arguments):
    out = Path(arguments[1]) if len(arguments) > 1 else RATES
    bits = {word: round(-np.log2(rate) * 4) / 4 for word, rate in rates(Path(arguments[0])).items()}
    single = np.diff(words(pl.Series(list(bits))).offsets) == 1
    bits = {word: value for (word, value), one in zip(bits.items(), single, strict=True) if one}
    lines = [f"{word}\t{value:g}" for word, value in sorted(bits.items()) if value < UNKNOWN_BITS - 1]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines):,} words in {out}")


if __name__ == "__main__":
    main(sys.argv[1:])
