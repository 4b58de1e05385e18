"""Comparison of the answers to two similar questions: equal answers confirm a match, different ones contradict it."""

from __future__ import annotations

import re
from difflib import get_close_matches

import numpy as np
import polars as pl

from quality.decontamination.item_index import LeakIndex
from quality.decontamination.similarity import QUESTION_PART
from quality.decontamination.word_keys import words
from quality.key import key

INFORMATIVE_BITS = 5.0
"""An answer that adds fewer bits to its question (yes, no, a letter) matches by chance."""

LENGTH_BITS = 80.0
"""Shared question bits from which any answer confirms: two stories that share so much are versions of one."""

LIKE_WORDS, LIKE_FROM_CHARS = 0.8, 5
"""Similarity (Ratcliff and Obershelp, as in difflib) and least length of two words that are slips of one another."""


NUMBERS = "one two three four five six seven eight nine ten eleven twelve half twice thrice first second third"
NEGATIONS = "not no never without except neither nor none absent negative cannot false incorrect"
FACTS = r"\d+|\b(?:" + "|".join([*NUMBERS.split(), *NEGATIONS.split()]) + r")\b"
"""Words that a question cannot lose or gain without changing its meaning: numbers and negations."""


FIGURE, LEAST_FIGURES, FIGURES_SHARE = r"\d[\d.,]*\d", 4, 0.9
"""Numbers of two or more digits, the least count of them in a context, and the share of them that identifies it."""


def with_answers(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.DataFrame:
    """Add ``gold_bits`` of the item's answer and flags: the answer is the ``same`` as the row's, a ``similar_answer``
    (slips allowed) or ``stated`` in the row, and the passage is ``optional``, one of the row's options.

    ``pairs`` name rows and item groups by number. An answer that is missing or without information is neither same nor
    similar.
    """
    gold_bits = index.item_groups["answer_bits"].gather(pairs["item_group"])
    numbered = pairs.select(
        "row",
        "item_group",
        "bits",
        offset=pl.int_range(pl.len()),
        optional=_optional(pairs, rows),
        known=gold_bits >= INFORMATIVE_BITS,
    )
    informative = numbered.filter(pl.col("known") | (pl.col("bits") >= LENGTH_BITS))
    compared = informative.select("offset").hstack(_compared(informative, rows, index.first_items()["answer"]))
    flags = numbered.join(compared, on="offset", how="left", maintain_order="left")
    flags = flags.select("optional", pl.col("same", "similar_answer", "stated").fill_null(False))
    return pairs.with_columns(gold_bits=gold_bits).hstack(flags)


def _compared(pairs: pl.DataFrame, rows: pl.DataFrame, answers: pl.Series) -> pl.DataFrame:
    """Return ``same``, ``similar_answer`` and ``stated`` of each pair; the texts of a row are normalised once."""
    once = pairs.select("row", "optional").unique(maintain_order=True)
    mine = rows[once["row"]]
    texts = pl.col("texts").list.join("\n", ignore_nulls=True)
    row_questions = pl.when(once["optional"]).then("question")
    row_text = pl.concat_str(row_questions, "answer", "reasoning", texts, separator="\n", ignore_nulls=True)
    mine = mine.select(row_text=" " + _comparable(row_text) + " ", answer=_comparable(pl.lit(_answer_texts(mine))))
    gold = pl.DataFrame({"gold": answers.gather(pairs["item_group"])}).select(_comparable(pl.col("gold")))
    table = pairs.join(once.hstack(mine), on=["row", "optional"], how="left", maintain_order="left").hstack(gold)
    equal = (pl.col("answer") == pl.col("gold")) & (pl.col("gold") != "")
    return table.select(
        same=equal.fill_null(False),
        similar_answer=pl.lit(_similar_answers(table.select("answer", "gold"))) & pl.col("known"),
        stated=pl.col("row_text").str.contains(" " + pl.col("gold") + " ", literal=True).fill_null(False)
        & pl.col("known"),
    )


def _optional(pairs: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """Return for each pair whether its passage is among the row's options and not in its question."""
    options, row_questions = rows["options"].list.join("\n", ignore_nulls=True), rows["question"]
    out = []
    for row, passage in zip(pairs["row"], pairs["passage"], strict=True):
        there = passage is not None and passage in (options[row] or "")
        out.append(there and passage not in (row_questions[row] or ""))
    return pl.Series(out, dtype=pl.Boolean)


def _comparable(text: pl.Expr) -> pl.Expr:
    """Return normalised texts, a decimal number as one word."""
    return key(text.str.replace_all(r"(\d)[.,](\d)", "${1}point${2}"))


def _answer_texts(rows: pl.DataFrame) -> pl.Series:
    """Return the answers; an answer that is a letter becomes the option it names."""
    letter = key(pl.col("answer")).str.extract(r"^(?:option |answer )?([a-j])$")
    at = letter.replace_strict({name: at for at, name in enumerate("abcdefghij")}, default=None, return_dtype=pl.Int64)
    return rows.select(pl.coalesce(pl.col("options").list.get(at, null_on_oob=True), "answer")).to_series()


def _similar_answers(table: pl.DataFrame) -> pl.Series:
    """Return whether ``answer`` and ``gold`` are similar, slips allowed."""
    worded = (pl.col("answer") != "") & (pl.col("gold") != "")
    distinct = table.drop_nulls().unique(maintain_order=True).filter(worded)
    same = [mine == gold or answers_agree(mine, gold) for mine, gold in distinct.iter_rows()]
    known = distinct.with_columns(same=pl.Series(same, dtype=pl.Boolean))
    return table.join(known, on=["answer", "gold"], how="left", maintain_order="left")["same"].fill_null(False)


def figures_agree(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.Series:
    """Return for each pair whether the row has the figures (the results) of the item's context, in any wording."""
    items = index.first_items()["context"]
    out = []
    for row, item_group in pairs.select("row", "item_group").iter_rows():
        theirs = set(re.findall(FIGURE, items[int(item_group)] or ""))
        mine = set(re.findall(FIGURE, rows["reasoning"][int(row)] or "")) if len(theirs) >= LEAST_FIGURES else set()
        out.append(len(theirs) >= LEAST_FIGURES and len(theirs & mine) >= FIGURES_SHARE * len(theirs))
    return pl.Series(out, dtype=pl.Boolean)


def subject_agrees(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.Series:
    """Return for each pair whether the row has the rarest word and all numbers of the item's question."""
    questions, row_questions = index.first_items()["question"], rows["question"]
    items, out = index.arrays, []
    for row, item_group in pairs.select("row", "item_group").iter_rows():
        low, high = items.starts[item_group], items.starts[item_group + 1]
        ids = items.words[low:high][items.parts[low:high] & QUESTION_PART > 0]
        mine = index.ids(words(row_questions[row : row + 1]))
        numbers = set(re.findall(r"\d+", questions[int(item_group)] or "")) <= set(
            re.findall(r"\d+", row_questions[int(row)] or "")
        )
        out.append(numbers and len(ids) > 0 and bool(np.isin(ids[np.argmax(items.bits[ids])], mine)))
    return pl.Series(out, dtype=pl.Boolean)


def facts_agree(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.Series:
    """Return for each ``close`` pair whether both sides have the same numbers and negations; false for other pairs."""
    items = index.first_items().select("question", "options")
    out = []
    columns = zip(
        pairs["row"], pairs["item_group"], pairs["passage"], pairs["single_text"], pairs["close"], strict=True
    )
    for row, item_group, passage, single_text, close in columns:
        text = passage if passage is not None else single_text or rows["question"][int(row)]
        out.append(close and _facts_agree(text, items.row(int(item_group))))
    return pl.Series(out, dtype=pl.Boolean)


def _facts_agree(text: str | None, item: tuple[str | None, list[str] | None]) -> bool:
    row_questions, chosen = _facts(item[0]), _facts(" ".join(option or "" for option in item[1] or ()))
    mine = _facts(text)
    return row_questions <= mine and mine <= row_questions | chosen


def _facts(text: str | None) -> set[str]:
    return set(re.findall(FACTS, (text or "").lower()))


def answers_agree(mine: str, theirs: str) -> bool:
    """Return whether the texts contain each other, slips allowed: a part of an answer is not the answer."""
    few, many = sorted((mine.split(), theirs.split()), key=len)
    numbers = [[word for word in words if word[0].isdecimal()] for words in (few, many)]
    return 2 * len(few) >= len(many) and numbers[0] == numbers[1] and similar(mine, theirs)


def similar(mine: str, theirs: str) -> bool:
    """Return whether more than half of the words of the shorter text are in the other, slips allowed."""
    few, many = sorted((mine.split(), theirs.split()), key=len)
    return 2 * sum(_is_among(word, many) for word in few) > len(few)


def _is_among(word: str, words: list[str]) -> bool:
    if len(word) < LIKE_FROM_CHARS:
        return word in words
    return bool(get_close_matches(word, words, n=1, cutoff=LIKE_WORDS))
