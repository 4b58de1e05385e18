"""What answers say about two questions that are alike: the same one confirms, two different ones contradict."""

from __future__ import annotations

from difflib import get_close_matches

import polars as pl

from quality.key import key
from quality.leak_index import LeakIndex
from quality.leak_words import text_keys

TELLING_BITS = 5.0
"""An answer that adds less to its question (yes, no, a letter) is given by chance."""

LIKE_WORDS, LIKE_FROM_CHARS = 0.8, 5
"""Words this similar (Ratcliff and Obershelp, as difflib has it) are slips of one another, from so many letters on."""


def with_answers(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.DataFrame:
    """Add the item answer's ``gold_bits``, whether it is the ``same`` as the row's, and whether the row ``told`` it.

    ``pairs`` name rows and units by number. An answer that is not there, or tells nothing, is neither.
    """
    gold = index.first_items()["answer"].gather(pairs["unit"])
    mine = rows.select("answer", "reasoning")[pairs["row"]]
    keys = text_keys(gold)
    text = key(pl.concat_str("answer", "reasoning", separator=" ", ignore_nulls=True))
    told = mine.select((" " + text + " ").str.contains(" " + key(pl.lit(gold)) + " ", literal=True)).to_series()
    gold_bits = index.units["answer_bits"].gather(pairs["unit"])
    known = pl.Series(keys != 0) & (gold_bits >= TELLING_BITS)
    return pairs.with_columns(
        gold_bits=gold_bits,
        same=pl.Series(keys == text_keys(mine["answer"])) & known,
        told=told.fill_null(False) & known,
    )


def right_options_differ(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.Series:
    """Tell of each pair whether the right options of both are known and are not alike."""
    mine = _right_options(rows).gather(pairs["row"])
    theirs = _right_options(index.first_items()).gather(pairs["unit"])
    sides = pl.DataFrame({"mine": mine, "theirs": theirs})
    distinct = sides.drop_nulls().unique(maintain_order=True)
    differ = [not alike(*both) for both in distinct.iter_rows()]
    known = distinct.with_columns(differ=pl.Series(differ, dtype=pl.Boolean))
    told = sides.join(known, on=["mine", "theirs"], how="left", maintain_order="left")
    return told["differ"].fill_null(False)


def _right_options(table: pl.DataFrame) -> pl.Series:
    """Return the answers that are one of their options, as texts are compared, else null."""
    answer = key(pl.col("answer"))
    options = pl.col("options").list.eval(key(pl.element()))
    return table.select(pl.when((answer != "") & options.list.contains(answer)).then(answer)).to_series()


def alike(mine: str, theirs: str) -> bool:
    """Tell whether more than half of the words of the shorter text are in the other, slips allowed."""
    few, many = sorted((mine.split(), theirs.split()), key=len)
    return 2 * sum(_is_among(word, many) for word in few) > len(few)


def _is_among(word: str, words: list[str]) -> bool:
    if len(word) < LIKE_FROM_CHARS:
        return word in words
    return bool(get_close_matches(word, words, n=1, cutoff=LIKE_WORDS))
