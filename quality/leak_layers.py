"""The lexical layers of leak detection: from how texts are alike to what that is evidence of."""

from __future__ import annotations

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.key import key
from quality.leak_exact import exact_keys, exact_pairs
from quality.leak_index import LeakIndex
from quality.leak_likeness import (
    PASSAGE,
    PASSAGE_WITH_OPTIONS,
    QUESTION,
    REWRITE,
    SUSPECT,
    WITH_OPTIONS,
    Limits,
)
from quality.leak_passages import PassageLimits
from quality.leak_scan import question_side, reasoning_side, scan
from quality.leak_words import text_keys

LAYERS = ("exact", "ngram", "shuffled", "rewrite", "answer", "embedding", "judge")
"""By strength of evidence; a pair bears the name of the first that finds it, and a dropped row ``leak:`` and that."""

SUSPECTED = "suspected"
"""Not a layer: a pair that is alike, but too little to drop a row for; a judge may look at it."""

OF_KIND = {
    QUESTION: "ngram",
    WITH_OPTIONS: "shuffled",
    REWRITE: "rewrite",
    PASSAGE: "ngram",
    PASSAGE_WITH_OPTIONS: "shuffled",
    SUSPECT: SUSPECTED,
}

FOUND_SCHEMA = pl.Schema(
    {
        "row": pl.Int64(),
        "unit": pl.Int64(),
        "layer": pl.String(),
        "score": pl.Float64(),
        "bits": pl.Float64(),
        "passage": pl.String(),
    }
)
"""A row's number, a unit's, the layer, its score in [0, 1], the bits shared, and the passage if only that is alike."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Likeness:
    """From where on texts count as alike; scores in [0, 1], information in bits (``quality.leak_rarity``).

    * ``exact_bits``: what question and options must be worth that their being equal is evidence; ``question_bits``: the
      same for an equal question where one side has no options.
    * ``copy``: mean of two Dice coefficients, of the questions and of questions and options; with ``copy_bits`` shared,
      and ``copy_options`` of the second where both sides have options.
    * ``rewrite``: (0.3 item's share + row's share) / 1.3 of the questions; with ``rewrite_bits`` shared.
    * ``passage``: share of the item found in a passage of the row that is dense in it (``quality.leak_passages``); with
      ``passage_bits`` of its question or ``passage_option_bits`` of question and options.
    * ``contradicted``: the score that the likeness of wholes needs where both right options are known and differ; a
      passage is no evidence then.
    * ``suspect``, ``suspect_bits``: what a question must share that the right answer beside it is evidence, with
      ``answer_bits`` in both together; ``verbatim``: the likeness from which on that answer may stand anywhere.

    The numbers come from 210 pairs of real questions read one by one, OpenMedQA against MedQA, and 60,000 rows of
    clean corpora (tests/test_leak_labels.py).
    """

    exact_bits: float = Field(default=20, ge=0)
    question_bits: float = Field(default=30, ge=0)
    copy: float = Field(default=0.68, gt=0, le=1)
    copy_bits: float = Field(default=40, ge=0)
    copy_options: float = Field(default=0.55, ge=0, le=1)
    rewrite: float = Field(default=0.55, gt=0, le=1)
    rewrite_bits: float = Field(default=80, ge=0)
    passage: float = Field(default=0.8, gt=0, le=1)
    passage_bits: float = Field(default=55, ge=0)
    passage_option_bits: float = Field(default=45, ge=0)
    contradicted: float = Field(default=0.9, gt=0, le=1)
    suspect: float = Field(default=0.46, gt=0, le=1)
    suspect_bits: float = Field(default=10, ge=0)
    answer_bits: float = Field(default=35, ge=0)
    verbatim: float = Field(default=0.9, gt=0, le=1)
    passage_answer_bits: float = Field(default=60, ge=0)


TELLING_BITS = 5.0
"""An answer worth less (yes, no, a letter) is given by chance."""


def _limits(config: Likeness) -> tuple[Limits, PassageLimits]:
    wholes = Limits(
        copy=config.copy,
        copy_bits=config.copy_bits,
        copy_options=config.copy_options,
        rewrite=config.rewrite,
        rewrite_bits=config.rewrite_bits,
        suspect=config.suspect,
        suspect_bits=config.suspect_bits,
        passage=config.passage,
    )
    dense = PassageLimits(config.passage, config.passage_bits, config.passage_option_bits, config.suspect_bits)
    return wholes, dense


def lexical_pairs(rows: pl.DataFrame, index: LeakIndex, config: Likeness, workers: int | None) -> pl.DataFrame:
    """Return the pairs (``FOUND_SCHEMA``) that words alone find, suspects included; a pair may come several times."""
    exact = exact_pairs(exact_keys(rows), index.units, config.exact_bits, config.question_bits)
    wholes, asked = scan(*question_side(rows), index, *_limits(config), workers)
    _, told = scan(*reasoning_side(rows), index, *_limits(config), workers)
    asked = pl.concat([wholes, asked]).with_columns(
        layer=pl.col("kind").replace_strict(OF_KIND, return_dtype=pl.String)
    )
    suspects = pl.col("kind") == SUSPECT
    found = (
        exact.with_columns(layer=pl.lit("exact"), score=pl.lit(1.0), passage=pl.lit(None, pl.String)),
        _unless_contradicted(asked, rows, index, config),
        _answered(wholes.filter(suspects), rows, index, config).with_columns(layer=pl.lit("answer")),
        told.filter(~suspects).with_columns(layer=pl.lit("answer")),
        _retold(told.filter(suspects), rows, index, config).with_columns(layer=pl.lit("answer")),
    )
    return pl.concat([pairs.select(FOUND_SCHEMA.names()).cast(FOUND_SCHEMA) for pairs in found])


def _unless_contradicted(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex, config: Likeness) -> pl.DataFrame:
    """Make suspects of the pairs that are not alike enough for two questions whose right options differ."""
    doubtful = (pl.col("score") < config.contradicted) | pl.col("passage").is_not_null()
    pairs = pairs.with_columns(contradicted=_contradicted(pairs, rows, index))
    layer = pl.when(doubtful & pl.col("contradicted")).then(pl.lit(SUSPECTED)).otherwise("layer")
    return pairs.with_columns(layer=layer)


def _contradicted(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.Series:
    """Tell whether a pair's right options are both known and share no more than half of the words of the shorter."""
    sides = pl.DataFrame(
        {
            "mine": _right_option(rows).gather(pairs["row"]),
            "theirs": _right_option(index.first_items()).gather(pairs["unit"]),
        }
    )
    mine, theirs = pl.col("mine").str.split(" "), pl.col("theirs").str.split(" ")
    shared = mine.list.set_intersection(theirs).list.len()
    fewest = pl.min_horizontal(mine.list.n_unique(), theirs.list.n_unique())
    return sides.select((2 * shared <= fewest).fill_null(False).alias("contradicted")).to_series()


def _right_option(table: pl.DataFrame) -> pl.Series:
    """Return the answer where it is one of the options, as texts are compared, else null."""
    answer = key(pl.col("answer"))
    options = pl.col("options").list.eval(key(pl.element()))
    return table.select(pl.when((answer != "") & options.list.contains(answer)).then(answer)).to_series()


def _answered(suspects: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex, config: Likeness) -> pl.DataFrame:
    """Return the suspects whose row gives the right answer: as its answer, or anywhere if the questions are one."""
    pairs = _with_answers(suspects, rows, index)
    verbatim, bits = pl.col("score") >= config.verbatim, pl.col("bits") + pl.col("gold_bits")
    same = pl.col("same") & (bits >= pl.when(verbatim).then(config.exact_bits).otherwise(config.answer_bits))
    told = pl.col("told") & verbatim & (pl.col("bits") >= config.question_bits)
    return pairs.filter(same | told)


def _retold(suspects: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex, config: Likeness) -> pl.DataFrame:
    """Return the suspected passages beside which the right answer stands."""
    pairs = _with_answers(suspects, rows, index)
    enough = pl.col("bits") + pl.col("gold_bits") >= config.passage_answer_bits
    return pairs.filter((pl.col("same") | pl.col("told")) & enough)


def _with_answers(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.DataFrame:
    """Add the item answer's ``gold_bits``, whether it is the ``same`` as the row's, and whether the row ``told`` it."""
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
