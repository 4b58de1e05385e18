"""Comparison of the answers to two similar questions: equal answers confirm a match, different ones contradict it."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache, lru_cache

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


def with_answers(
    pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex, *, anywhere: pl.Series | None = None
) -> pl.DataFrame:
    """Add flags: the item's answer is the ``same`` as the row's, a ``similar_answer`` (slips allowed) or ``stated`` in
    the row, and the passage is ``optional``, one of the row's options.

    ``pairs`` name rows and item groups by number. An answer that is missing or without information is neither same nor
    similar. Only pairs ``anywhere``, all by default, are searched for a stated answer.
    """
    known = index.item_groups["answer_bits"].gather(pairs["item_group"]) >= INFORMATIVE_BITS
    numbered = pairs.select(
        "row",
        "item_group",
        "bits",
        offset=pl.int_range(pl.len()),
        optional=_optional(pairs, rows),
        known=known,
        searched=known if anywhere is None else known & anywhere,
    )
    informative = numbered.filter(pl.col("known") | (pl.col("bits") >= LENGTH_BITS))
    gold = comparable_answers(index).gather(informative["item_group"])
    table = informative.with_columns(gold=gold, answer=_row_answers(informative["row"], rows))
    equal = (pl.col("answer") == pl.col("gold")) & (pl.col("gold") != "")
    compared = table.select(
        "offset",
        same=equal.fill_null(False),
        similar_answer=pl.lit(_similar_answers(table.select("answer", "gold"))) & pl.col("known"),
        stated=_stated(table, rows),
    )
    flags = numbered.join(compared, on="offset", how="left", maintain_order="left")
    return pairs.hstack(flags.select("optional", pl.col("same", "similar_answer", "stated").fill_null(False)))


@lru_cache(maxsize=1)
def comparable_answers(index: LeakIndex) -> pl.Series:
    """Return the normalised answers of the item groups, made once for all rows."""
    return index.first_items.select(_comparable(pl.col("answer"))).to_series()


def _row_answers(numbers: pl.Series, rows: pl.DataFrame) -> pl.Series:
    """Return the normalised answers of the rows with these numbers, each normalised once."""
    once = numbers.unique(maintain_order=True)
    answers = rows[once].select(row=once, answer=_comparable(pl.lit(_answer_texts(rows[once]))))
    return pl.DataFrame({"row": numbers}).join(answers, on="row", how="left", maintain_order="left")["answer"]


def _stated(table: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """Return for each pair that is ``searched`` whether its ``gold`` answer is in the row's texts; else false.

    Options are no statement, and neither is the question where the passage is one of them.
    """
    once = table.filter("searched").select("row", "optional").unique(maintain_order=True)
    texts = pl.col("texts").list.join("\n", ignore_nulls=True)
    row_questions = pl.when(once["optional"]).then("question")
    row_text = pl.concat_str(row_questions, "answer", "reasoning", texts, separator="\n", ignore_nulls=True)
    normalised = once.hstack(rows[once["row"]].select(row_text=" " + _comparable(row_text) + " "))
    searched = table.select("row", "optional", "gold", row_of_table=pl.int_range(pl.len())).filter(table["searched"])
    searched = searched.join(normalised, on=["row", "optional"], how="left", maintain_order="left")
    found = pl.col("row_text").str.contains(" " + pl.col("gold") + " ", literal=True)
    stated = searched.select(found.fill_null(False)).to_series()
    out = np.zeros(table.height, np.bool_)
    out[searched["row_of_table"].to_numpy()] = stated.to_numpy()
    return pl.Series(out)


def _optional(pairs: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """Return for each pair whether its passage is among the row's options and not in its question."""
    optioned = rows.select(options=pl.col("options").list.join("\n", ignore_nulls=True).fill_null(""))["options"]
    possible = pairs["passage"].is_not_null() & (optioned != "").gather(pairs["row"])
    numbers = pairs["row"].filter(possible)
    row_questions = rows["question"].gather(numbers).fill_null("")
    texts = zip(pairs["passage"].filter(possible), optioned.gather(numbers), row_questions, strict=True)
    optional = np.zeros(pairs.height, np.bool_)
    optional[possible.to_numpy()] = [
        passage in options and passage not in question for passage, options, question in texts
    ]
    return pl.Series(optional)


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
    contexts = index.first_items["context"].gather(pairs["item_group"])
    texts = rows["reasoning"].gather(pairs["row"])
    possible = contexts.is_not_null() & texts.is_not_null()
    figures = cache(lambda text: frozenset(re.findall(FIGURE, text)))
    agree = np.zeros(pairs.height, np.bool_)
    agree[possible.to_numpy()] = [
        len(theirs := figures(context)) >= LEAST_FIGURES and len(theirs & figures(text)) >= FIGURES_SHARE * len(theirs)
        for context, text in zip(contexts.filter(possible), texts.filter(possible), strict=True)
    ]
    return pl.Series(agree)


def subject_agrees(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.Series:
    """Return for each pair whether the row has the rarest word and all numbers of the item's question."""
    questions, row_questions = index.first_items["question"], rows["question"]
    items, out = index.arrays, []
    for row, item_group in pairs.select("row", "item_group").iter_rows():
        entries = items.entries[items.starts[item_group] : items.starts[item_group + 1]]
        ids = entries[entries & QUESTION_PART > 0] >> 2
        mine = index.ids(words(row_questions[row : row + 1]))
        numbers = set(re.findall(r"\d+", questions[int(item_group)] or "")) <= set(
            re.findall(r"\d+", row_questions[int(row)] or "")
        )
        out.append(numbers and len(ids) > 0 and bool(np.isin(ids[np.argmax(items.bits[ids])], mine)))
    return pl.Series(out, dtype=pl.Boolean)


def facts_agree(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.Series:
    """Return for each pair whether both sides have the same numbers and negations."""
    texts = pl.select(pl.coalesce(pairs["passage"], pairs["single_text"], rows["question"].gather(pairs["row"])))
    items = index.first_items.select("question", pl.col("options").list.join(" ", ignore_nulls=True))
    theirs = items[pairs["item_group"]]
    facts = cache(lambda text: frozenset(re.findall(FACTS, text.lower())) if text else frozenset())
    return pl.Series(
        [
            (stated := facts(question)) <= (mine := facts(text)) and mine <= stated | facts(options)
            for text, question, options in zip(texts.to_series(), theirs["question"], theirs["options"], strict=True)
        ],
        dtype=pl.Boolean,
    )


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
