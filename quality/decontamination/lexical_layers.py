"""The lexical layers of leak detection: which similarities count as evidence of which kind."""

from __future__ import annotations

import numpy as np
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.decontamination.answer_agreement import (
    LENGTH_BITS,
    facts_agree,
    figures_agree,
    subject_agrees,
    with_answers,
)
from quality.decontamination.exact_questions import exact_keys, exact_pairs
from quality.decontamination.item_index import LeakIndex
from quality.decontamination.question_contrast import contrasts
from quality.decontamination.scan import question_side, reasoning_side, scan
from quality.decontamination.similar_passages import PassageLimits
from quality.decontamination.similarity import (
    PASSAGE,
    PASSAGE_WITH_OPTIONS,
    QUESTION,
    REWRITE,
    SUSPECT,
    WITH_OPTIONS,
    Limits,
)
from quality.decontamination.verbatim import verbatim_pairs

LAYERS = ("exact", "verbatim", "context", "ngram", "shuffled", "rewrite", "answer", "embedding", "judge")
"""Layers by strength of evidence; a pair gets the first that finds it, and a dropped row ``leak:`` and that name."""

SUSPECTED = "suspected"
"""Marks a pair too weak to drop a row, which a judge may review; not a layer."""

OF_KIND = {
    QUESTION: "ngram",
    WITH_OPTIONS: "shuffled",
    REWRITE: "rewrite",
    PASSAGE: "ngram",
    PASSAGE_WITH_OPTIONS: "shuffled",
    SUSPECT: SUSPECTED,
}

QUESTION_SHARE = 0.4
"""The share of an item's question, in bits, that a row with its answer must contain; a smaller part is another
question.
"""

WHOLE_TO = 2
"""Length ratio up to which a text is compared with an item's question as a whole, not by passage."""

FOUND_SCHEMA = pl.Schema(
    {
        "row": pl.Int64(),
        "item_group": pl.Int64(),
        "layer": pl.String(),
        "score": pl.Float64(),
        "bits": pl.Float64(),
        "passage": pl.String(),
    }
)
"""Row and item group by number, the layer, its score in [0, 1], the shared bits, and the passage if only that fits."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class SimilarityThresholds:
    """Thresholds of the lexical layers; scores in [0, 1], information in bits (``quality.decontamination.rarity``).

    * ``exact_bits``: least bits of question and options for equality to be evidence; ``question_bits``: the same for an
      equal question where one side has no options.
    * ``copy``: mean of two Dice coefficients, of the questions and of questions with options; with ``copy_bits``
      shared, and ``copy_options`` of the second where both sides have options.
    * ``rewrite``: (0.3 item's share + row's share) / 1.3 of the questions; with ``rewrite_bits`` shared.
    * ``passage``: share of the item found in a dense passage of the row (``similar_passages``); with ``passage_bits``
      of its question or ``passage_option_bits`` of question and options.
    * ``certain``: score from which a match counts without the right answer in the row, if both sides have the same
      numbers and negations.
    * ``suspect``, ``suspect_bits``: what a question must share for the right answer next to it to be evidence, with
      ``answer_bits`` in both together; ``verbatim``: score from which that answer may be anywhere in the row.

    The numbers come from 260 pairs of real questions read one by one, from OpenMedQA against MedQA, and from 40,000
    rows of clean corpora (tests/test_leak_labels.py).
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
    certain: float = Field(default=0.85, gt=0, le=1)
    suspect: float = Field(default=0.46, gt=0, le=1)
    suspect_bits: float = Field(default=10, ge=0)
    answer_bits: float = Field(default=30, ge=0)
    verbatim: float = Field(default=0.9, gt=0, le=1)
    passage_answer_bits: float = Field(default=60, ge=0)


def _limits(config: SimilarityThresholds) -> tuple[Limits, PassageLimits]:
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


def lexical_pairs(rows: pl.DataFrame, index: LeakIndex, config: SimilarityThresholds) -> pl.DataFrame:
    """Return the pairs (``FOUND_SCHEMA``) found by words alone, suspects included; a pair may occur several times."""
    keys = exact_keys(rows)
    exact = exact_pairs(keys, index.item_groups, config.exact_bits)
    verbatim = verbatim_pairs(rows, index.verbatim)
    equal_questions = index.item_groups["question_key"].gather(verbatim["item_group"]) == keys["question_key"].gather(
        verbatim["row"]
    )
    verbatim = verbatim.with_columns(layer=pl.when(equal_questions).then(pl.lit("exact")).otherwise("layer"))
    wholes, by_question = scan(*question_side(rows), index, *_limits(config))
    alone, inside = _single_texts(rows, index, config)
    _, stated = scan(*reasoning_side(rows), index, *_limits(config))
    plain = pl.lit(None, pl.String).alias("single_text")
    wholes, by_question, stated = (pairs.with_columns(plain) for pairs in (wholes, by_question, stated))
    by_question = pl.concat([wholes, by_question, alone, inside])
    by_question = by_question.with_columns(layer=pl.col("kind").replace_strict(OF_KIND, return_dtype=pl.String))
    suspects = pl.col("kind") == SUSPECT
    confirmed = (
        _confirmed(by_question, rows, index, config),
        _answered(pl.concat([wholes, alone]).filter(suspects), rows, index, config).with_columns(
            layer=pl.lit("answer")
        ),
        _confirmed(stated.filter(~suspects).with_columns(layer=pl.lit("answer")), rows, index, config),
        _retold(stated.filter(suspects), rows, index, config).with_columns(layer=pl.lit("answer")),
    )
    layers = (
        verbatim,
        exact.with_columns(layer=pl.lit("exact"), score=pl.lit(1.0), passage=pl.lit(None, pl.String)),
        *(_about_one(pairs, rows, index) for pairs in confirmed),
    )
    return pl.concat([pairs.select(FOUND_SCHEMA.names()).cast(FOUND_SCHEMA) for pairs in layers])


def _about_one(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex) -> pl.DataFrame:
    """Return the pairs; a pair becomes a suspect if the row has another name or number in the place of the item's."""
    items = index.first_items["question"].gather(pairs["item_group"]).fill_null("")
    questions = rows["question"].gather(pairs["row"]).fill_null("")
    texts = pl.select(mine=pl.coalesce(pairs["single_text"], questions), passage=pairs["passage"], item=items)
    whole = pl.col("mine").str.len_chars() <= WHOLE_TO * pl.col("item").str.len_chars()
    texts = texts.with_columns(text=pl.when(whole | pl.col("passage").is_null()).then("mine").otherwise("passage"))
    short = texts.select(pl.col("text").str.len_chars() <= WHOLE_TO * pl.col("item").str.len_chars()).to_series()
    judged = short & (pairs["layer"] != SUSPECTED)
    contrasting = np.zeros(pairs.height, np.bool_)
    contrasting[judged.to_numpy()] = [contrasts(*both) for both in texts.filter(judged).select("text", "item").rows()]
    return pairs.with_columns(layer=pl.when(pl.Series(contrasting)).then(pl.lit(SUSPECTED)).otherwise("layer"))


def _single_texts(
    rows: pl.DataFrame, index: LeakIndex, config: SimilarityThresholds
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what ``scan`` finds in single texts: questions without options, and columns without a known role.

    Each text is compared alone, so that no other column can hide a match.
    """
    question_alone = pl.when(pl.col("options").list.len() > 0).then(pl.concat_list("question"))
    each = pl.concat_list(question_alone.fill_null(pl.lit([], pl.List(pl.String))), pl.col("texts").fill_null([]))
    table = rows.select(row=pl.int_range(pl.len(), dtype=pl.Int64), text=each)
    table = table.explode("text", empty_as_null=True, keep_nulls=True).filter(pl.col("text").fill_null("") != "")
    scanned = scan(table["text"], table["text"].str.len_bytes(), index, *_limits(config))
    wholes, parts = (
        pairs.with_columns(row=table["row"].gather(pairs["row"]), single_text=table["text"].gather(pairs["row"]))
        for pairs in scanned
    )
    return wholes, parts


def _confirmed(pairs: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex, config: SimilarityThresholds) -> pl.DataFrame:
    """Return the pairs; a pair becomes a suspect if the row lacks the right answer and the questions are not nearly
    equal.

    An answer can confirm a match but never contradict one. A stem with statements to judge, and a text that is only an
    option, both need the answer, since their wording fits other questions too.
    """
    sure = np.zeros(pairs.height, np.bool_)
    open_pairs = pairs["layer"] != SUSPECTED
    table = with_answers(pairs.filter(open_pairs), rows, index)
    by_question = ~pl.col("kind").is_in([REWRITE, WITH_OPTIONS, PASSAGE_WITH_OPTIONS])
    bits = index.item_groups["question_bits"].gather(table["item_group"])
    judged = pl.Series(index.verbatim.judged).gather(table["item_group"]) & (bits < LENGTH_BITS)
    itself = by_question & ~judged & ~pl.col("optional")
    close = (itself & (pl.col("score") >= config.certain)) | (pl.col("similar_answer") & (pl.col("kind") != REWRITE))
    answered = pl.col("same") | pl.col("stated")
    confirmed = table.select(answered).to_series().to_numpy().copy()
    by_facts = table.select(close & ~answered).to_series()
    confirmed[by_facts.to_numpy()] = facts_agree(table.filter(by_facts), rows, index).to_numpy()
    sure[open_pairs.to_numpy()] = confirmed
    return pairs.with_columns(layer=pl.when(pl.Series(sure)).then("layer").otherwise(pl.lit(SUSPECTED)))


def _answered(
    suspects: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex, config: SimilarityThresholds
) -> pl.DataFrame:
    """Return the suspects whose row gives the right answer: as its answer, or anywhere if the questions are one."""
    suspects = suspects.with_columns(gold_bits=index.item_groups["answer_bits"].gather(suspects["item_group"]))
    verbatim, bits = pl.col("score") >= config.verbatim, pl.col("bits") + pl.col("gold_bits")
    question_bits = index.item_groups["question_bits"].gather(suspects["item_group"])
    as_answer = (pl.col("bits") >= QUESTION_SHARE * question_bits) & (
        bits >= pl.when(verbatim).then(config.exact_bits).otherwise(config.answer_bits)
    )
    anywhere = verbatim & (pl.col("bits") >= config.question_bits)
    possible = suspects.select(pl.all(), as_answer=as_answer, anywhere=anywhere).filter(
        pl.col("as_answer") | pl.col("anywhere")
    )
    pairs = with_answers(possible, rows, index, anywhere=possible["anywhere"])
    chosen = pairs.filter((pl.col("as_answer") & pl.col("same")) | (pl.col("anywhere") & pl.col("stated")))
    found = (
        chosen.filter(subject_agrees(chosen, rows, index)),
        suspects.filter(figures_agree(suspects, rows, index)),
    )
    return pl.concat([part.select(suspects.columns) for part in found])


def _retold(suspects: pl.DataFrame, rows: pl.DataFrame, index: LeakIndex, config: SimilarityThresholds) -> pl.DataFrame:
    """Return the suspected passages with the right answer next to them."""
    gold_bits = index.item_groups["answer_bits"].gather(suspects["item_group"])
    pairs = with_answers(suspects.filter(pl.col("bits") + gold_bits >= config.passage_answer_bits), rows, index)
    return pairs.filter(pl.col("same") | pl.col("stated"))
