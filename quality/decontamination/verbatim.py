"""Word-for-word matches of items in rows: in any column or message, inside longer text.

Equality counts however common the words are, with one exception: a stem found in any examination ("Which of the
following is true?") is evidence only together with an answer of the item. The bits required of question and answer are
fixed (``rarity``), so that no other item, benchmark, column or row can hide a leak.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.decontamination.contained_passages import Passages, contained, index_passages
from quality.decontamination.rarity import UNKNOWN_BITS, asking_words, judging_words, known_words, stem_words, word_bits
from quality.decontamination.sequences import (
    INSIDE,
    LINE,
    SENTENCE,
    Answers,
    Occurrences,
    Sequences,
    answers_of,
    distinct_weights,
    index_sequences,
    occurrences,
)
from quality.decontamination.word_keys import OTHER_IDS, WHOLE, Words, buffers, lookup_table, word_ids, words

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

BLOCK_ROWS = 4000
"""Rows at a time: enough to amortise their tables."""

LEAST_BITS = 2.0
"""Least weight of a word outside bare stems."""

ALONE_WORDS, ALONE_BITS, ALONE_LINE_BITS = 3, 20.0, 10.0
"""Least words and bits of a question identified without an answer: inside a text, and as a text or line of its own."""

JUDGED_LINE_BITS = 10.5
"""The last of these for a stem with statements to judge (true, false, correct), however long, since such stems hardly
differ between topics.
"""

FULL_WORDS, FULL_BITS = 8, 6.0
"""Words from which one further word identifies a question on a line of its own, and that word's least bits where there
are no statements to judge.
"""

NAMED_BITS = 30.0
"""Least bits of a line identified by itself whether or not it asks."""

ALONE_LONG = 12
"""Words from which a question is identified although the sentence goes on."""

LONG_QUESTION_WORDS, SHORT_QUESTION_WORDS = 10, 4
"""Words from which a question is more than the name of a topic, without and with an asking word."""

ANSWERED_BITS = (16.0, 4.0, 2.0)
"""Least bits of question and answer together, by boundary: words, end of sentence, end of line. The name of a topic is
no question inside a sentence.
"""

WHOLE_WORDS, WHOLE_BITS = 2, (12.0, 8.0, 4.0)
"""The same for a question without an answer, which is all its item has."""

ALL_OPTIONS_BITS = (16.0, 8.0, 4.0)
"""The same for a question and all of its options."""

SHORT_BITS, SHORT_WORDS = 8.0, 3
"""A question below either number counts only as a sentence of its own."""

PIECE_WORDS, PIECE_BITS = 6, 20.0
"""Least words and bits of a sentence searched for by itself."""

PASSAGE_WORDS, PASSAGE_SHARE = 25, 0.6
"""Least words of all pieces of a passage, and the share of them that a row must contain."""

LEAST_OPTIONS = 3
"""Number of long and rare options that identify an item without its question."""

PIECES_SHARE = 0.7
"""Least share of a question's words in its pieces for the pieces to stand for the question."""

PIECE = r"[.?!]+[\s\"')\]]+|\n+"


@dataclass(frozen=True, kw_only=True)
class Verbatim:
    """The sequences to search for.

    ``owners`` has a row for the whole question of an item group: ``sequence``, ``item_group`` and its ``words``.
    ``passages`` are the pieces of passages, and ``parts`` has a row for every passage: ``item_group``, ``total`` (words
    of its pieces) and ``layer``. ``answers`` are the possible forms of each group's answer.
    """

    sequences: Sequences
    owners: pl.DataFrame
    passages: Passages
    parts: pl.DataFrame
    question_length: I64
    question_words: I64
    question_bits: F64
    judged: NDArray[np.bool_]
    unanswered: NDArray[np.bool_]
    is_question: NDArray[np.bool_]
    answers: Answers


def whole_words(texts: pl.Series) -> Words:
    """Return the words of a text column, uncut."""
    return words(texts, WHOLE)


def content(texts: pl.Series, less: pl.Series | None = None) -> tuple[I64, F64]:
    """Return the number of words of each text outside bare stems and the bits of the distinct ones, without those of
    ``less``.
    """
    keys, ids, bits = _weights()
    tokens, other = words(texts), words(less if less is not None else pl.Series([None] * len(texts), dtype=pl.String))
    mine, theirs = (word_ids(each.keys, keys, ids, len(bits) - OTHER_IDS) for each in (tokens, other))
    counts, sums = distinct_weights(tokens.offsets, mine, other.offsets, theirs, bits)
    return counts, sums


@cache
def _weights() -> tuple[NDArray[np.uint64], NDArray[np.int32], F64]:
    """Return the table of words with a known rate, their bits and those of other words; words of bare stems have 0."""
    known = np.union1d(known_words(), stem_words())
    bits = np.where(np.isin(known, stem_words()), 0.0, np.maximum(word_bits(known), LEAST_BITS))
    return *lookup_table(known), np.concatenate([bits, np.full(OTHER_IDS, UNKNOWN_BITS)])


# --- what is looked for ----------------------------------------------------------------------------------------------


def build_verbatim(items: pl.DataFrame, questions: pl.Series) -> Verbatim:
    """Return the sequences of ``items`` (``ITEM_SCHEMA`` and ``item_group``) and of each group's question."""
    wholes = pl.DataFrame({"item_group": pl.int_range(len(questions), eager=True, dtype=pl.Int32), "text": questions})
    wholes = wholes.with_columns(part=pl.lit(-1, pl.Int32))
    split = _split(_passages(items, wholes))
    texts = pl.concat([wholes.select("item_group", "part", "text", kind=pl.lit(None, pl.String)), split])
    tokens, (counted, bits) = whole_words(texts["text"]), content(texts["text"])
    counts = np.diff(tokens.offsets)
    texts = texts.with_columns(words=pl.Series(counts), bits=pl.Series(bits), offset=pl.int_range(pl.len()))
    pieces, parts = _pieces(texts.filter(pl.col("part") >= 0))
    table = pl.concat([texts.filter(pl.col("part") < 0, pl.col("words") > 0), pieces])
    table = table.with_columns(key=pl.Series(_sequence_keys(tokens, table["offset"].to_list()), dtype=pl.Binary))
    firsts = table.unique("key", keep="first", maintain_order=True).with_row_index("sequence")
    owners = table.join(firsts.select("key", pl.col("sequence").cast(pl.Int32)), on="key", maintain_order="left")
    short = (firsts["bits"] < SHORT_BITS) | (firsts["words"] < SHORT_WORDS)
    figures = ~firsts["text"].str.contains(r"\p{L}{2}")
    needs = np.where(figures.to_numpy(), LINE, np.where(short.to_numpy(), SENTENCE, INSIDE)).astype(np.uint8)
    starts, keys = _gather_keys(tokens, firsts["offset"].to_numpy())
    sequences = index_sequences(starts, keys, _rarity(keys), needs)
    answers = _answers(items, questions)
    needed = (parts["share"] * parts["total"]).to_numpy()
    numbered = parts.select("part", passage=pl.int_range(pl.len(), dtype=pl.Int32))
    of_passages = owners.filter(pl.col("part") >= 0).join(numbered, on="part", maintain_order="left")
    return Verbatim(
        sequences=sequences,
        owners=owners.filter(pl.col("part") < 0).select("sequence", "item_group", pl.col("words").cast(pl.Int32)),
        passages=index_passages(of_passages, np.diff(sequences.starts), needed),
        parts=parts.select("item_group", "total", "layer"),
        question_length=counts[: len(questions)],
        question_words=counted[: len(questions)],
        question_bits=bits[: len(questions)],
        judged=_has_statements(tokens, len(questions)),
        unanswered=~np.isin(
            np.arange(len(questions)), items.filter(pl.col("answer").fill_null("") != "")["item_group"]
        ),
        is_question=_is_question(tokens, len(questions)),
        answers=answers,
    )


def _is_question(tokens: Words, texts: int) -> NDArray[np.bool_]:
    """Return which of the first texts are more than the name of a topic."""
    counts = np.diff(tokens.offsets[: texts + 1])
    is_question: NDArray[np.bool_] = (counts >= LONG_QUESTION_WORDS) | (
        _contains_any(tokens, texts, asking_words()) & (counts >= SHORT_QUESTION_WORDS)
    )
    return is_question


def _has_statements(tokens: Words, texts: int) -> NDArray[np.bool_]:
    """Return which of the first texts have statements to judge."""
    return _contains_any(tokens, texts, judging_words())


def _contains_any(tokens: Words, texts: int, listed: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which of the first texts have a ``listed`` word."""
    text = np.repeat(np.arange(texts), np.diff(tokens.offsets[: texts + 1]))
    having: NDArray[np.bool_] = np.bincount(text[np.isin(tokens.keys[: len(text)], listed)], minlength=texts) > 0
    return having


def _line_alone(known: Verbatim) -> NDArray[np.bool_]:
    """Return which groups' questions are identified by a line of their own."""
    bits, counted = known.question_bits, known.question_words
    out = (
        (counted >= ALONE_WORDS)
        & (bits >= np.where(known.judged, JUDGED_LINE_BITS, ALONE_LINE_BITS))
        & known.is_question
    )
    full = (counted > 0) & (known.question_length >= FULL_WORDS)
    out |= full & (bits >= np.where(known.judged, JUDGED_LINE_BITS, FULL_BITS))
    out |= bits >= NAMED_BITS
    alone: NDArray[np.bool_] = out | (known.unanswered & (counted >= WHOLE_WORDS) & (bits >= WHOLE_BITS[LINE]))
    return alone


def _rarity(keys: NDArray[np.uint64]) -> F64:
    """Return the rarity of each word among the sequences, used to choose anchors; it affects speed only."""
    table = pl.DataFrame({"key": keys})
    rarity = np.asarray(table.select(-(pl.len().over("key").log(2))).to_series().to_numpy(), np.float64)
    lifted: F64 = rarity - rarity.min(initial=0.0)
    return lifted


def _sequence_keys(tokens: Words, texts: list[int]) -> list[bytes]:
    data, offsets = tokens.keys.tobytes(), tokens.offsets.tolist()
    return [data[8 * offsets[at] : 8 * offsets[at + 1]] for at in texts]


def _gather_keys(tokens: Words, at: I64) -> tuple[I64, NDArray[np.uint64]]:
    """Return starts and keys of the texts with numbers ``at``."""
    lows, counts = tokens.offsets[at], tokens.offsets[at + 1] - tokens.offsets[at]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    places = np.arange(starts[-1]) - np.repeat(starts[:-1], counts) + np.repeat(lows, counts)
    return starts, tokens.keys[places]


def _passages(items: pl.DataFrame, wholes: pl.DataFrame) -> pl.DataFrame:
    """Return the passages of items: pieces of the question, contexts and long answers, equal ones once per group."""
    tables = [wholes.select("item_group", "text", kind=pl.lit("question"))]
    tables += [
        items.select("item_group", text=name, kind=pl.lit("context")) for name in ("context", "answer", "reasoning")
    ]
    options = items.filter(pl.col("options").list.len() >= LEAST_OPTIONS)
    tables += [
        options.select("item_group", text=pl.col("options").list.join("\n", ignore_nulls=True), kind=pl.lit("options"))
    ]
    return pl.concat(tables).drop_nulls("text").unique(["item_group", "text", "kind"], maintain_order=True)


def _split(passages: pl.DataFrame) -> pl.DataFrame:
    """Return the pieces of passages: item group, part (the passage's number), text and kind."""
    split = passages.with_row_index("part").with_columns(
        pl.col("part").cast(pl.Int32), text=pl.col("text").str.replace_all(PIECE, "\x1e").str.split("\x1e")
    )
    pieces = split.explode("text", empty_as_null=True, keep_nulls=True).drop_nulls("text")
    return pieces.select("item_group", "part", "text", "kind")


def _pieces(pieces: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the pieces to search for, and the passages with enough of them."""
    all_words = pieces.group_by("part", maintain_order=True).agg(all=pl.col("words").sum())
    fit = pieces.filter((pl.col("words") >= PIECE_WORDS) & (pl.col("bits") >= PIECE_BITS))
    parts = fit.group_by("part", maintain_order=True).agg(
        pl.col("item_group").first(), pl.col("kind").first(), total=pl.col("words").sum(), pieces=pl.len()
    )
    parts = parts.join(all_words, on="part", maintain_order="left")
    confirmed = pl.when(pl.col("kind") == "question").then(
        (pl.col("pieces") > 1) & (pl.col("total") >= PIECES_SHARE * pl.col("all"))
    )
    chosen = confirmed.when(pl.col("kind") == "options").then(pl.col("total") == pl.col("all"))
    parts = parts.filter(chosen.otherwise(pl.col("total") >= PASSAGE_WORDS))
    share = pl.when(pl.col("kind") == "context").then(PASSAGE_SHARE).otherwise(1.0)
    layer = pl.when(pl.col("kind") == "question").then(pl.lit("verbatim")).otherwise(pl.lit("context"))
    parts = parts.select("part", "item_group", pl.col("total").cast(pl.Int64), layer=layer, share=share)
    return fit.join(parts.select("part"), on="part", how="semi", maintain_order="left"), parts


def _answers(items: pl.DataFrame, questions: pl.Series) -> Answers:
    """Return the forms of each group's answer with the bits they add to its question, and its options."""
    forms = pl.concat(
        [
            items.select("item_group", text="answer", option=pl.lit(False)),
            items.select("item_group", text="reasoning", option=pl.lit(False)),
            items.select("item_group", text="options", option=pl.lit(True)).explode(
                "text", empty_as_null=True, keep_nulls=True
            ),
        ]
    )
    forms = forms.drop_nulls("text").unique(["item_group", "text", "option"], maintain_order=True)
    forms = forms.sort("item_group", "option", maintain_order=True)
    tokens = whole_words(forms["text"])
    _, bits = content(forms["text"], questions.gather(forms["item_group"]))
    full = np.flatnonzero(np.diff(tokens.offsets))
    forms, bits = forms[full], bits[full]
    starts, keys = _gather_keys(tokens, full)
    of_group = np.searchsorted(forms["item_group"].to_numpy(), np.arange(len(questions) + 1)).astype(np.int64)
    return Answers(of_group, starts, keys, bits, forms["option"].to_numpy().astype(np.bool_))


def findable(known: Verbatim) -> NDArray[np.bool_]:
    """Return for each group whether any of its texts is distinctive enough to be found."""
    answers, bits = known.answers, known.question_bits
    item_group = np.repeat(np.arange(len(bits)), np.diff(answers.of_group))
    right = np.zeros(len(bits))
    np.maximum.at(right, item_group[~answers.options], answers.bits[~answers.options])
    options = np.bincount(item_group[answers.options], answers.bits[answers.options], len(bits))
    counts = np.bincount(item_group[answers.options], minlength=len(bits))
    answered = np.bincount(item_group[~answers.options], minlength=len(bits)) > 0
    has_question = np.isin(np.arange(len(bits)), known.owners["item_group"].to_numpy())
    out = _line_alone(known) | (answered & (bits + right >= ANSWERED_BITS[LINE]))
    out |= (counts > 1) & (bits + options >= ALL_OPTIONS_BITS[LINE])
    with_parts = np.isin(np.arange(len(bits)), known.parts["item_group"].to_numpy())
    return (out & has_question) | with_parts


# --- looking ---------------------------------------------------------------------------------------------------------


def joined(rows: pl.DataFrame) -> pl.Series:
    """Return all text of a row, one line per column."""
    lists = [pl.col(name).list.join("\n", ignore_nulls=True) for name in ("options", "texts")]
    parts = ("question", lists[0], "answer", "reasoning", lists[1])
    return rows.select(pl.concat_str(parts, separator="\n", ignore_nulls=True)).to_series()


def verbatim_pairs(rows: pl.DataFrame, known: Verbatim) -> pl.DataFrame:
    """Return (row, item group, layer, score, bits, passage) of the groups found word for word in rows."""
    texts = joined(rows)
    blocks = [_block(texts[at : at + BLOCK_ROWS], known, at) for at in range(0, rows.height, BLOCK_ROWS)]
    schema = {"row": pl.Int64, "item_group": pl.Int64, "layer": pl.String, "score": pl.Float64, "bits": pl.Float64}
    return pl.concat([pl.DataFrame(schema={**schema, "passage": pl.String}), *blocks])


def _block(texts: pl.Series, known: Verbatim, at: int) -> pl.DataFrame:
    (data, bounds), tokens = buffers(texts), whole_words(texts)
    seen = occurrences(data, bounds, tokens.offsets, tokens.keys, tokens.at, known.sequences)
    table = pl.DataFrame(
        {"text": seen.texts, "sequence": seen.sequences, "first": seen.at, "begins": seen.begins, "stops": seen.stops}
    ).join(known.owners, on="sequence", how="inner", maintain_order="left")
    wholes = _matched_questions(table, data, bounds, tokens, known)
    pairs = pl.concat([wholes, _contained_passages(seen, known)]).with_columns(row=pl.col("text").cast(pl.Int64) + at)
    places = pairs.select("text", "first", "stop").iter_rows()
    passages = [_quoted(data, bounds, tokens, *place) for place in places]
    return pairs.select(
        "row",
        pl.col("item_group").cast(pl.Int64),
        "layer",
        "score",
        "bits",
        passage=pl.Series(passages, dtype=pl.String),
    )


def _quoted(data: U8, bounds: I64, tokens: Words, text: int, first: int, stop: int) -> str:
    """Return the text of words ``first`` to ``stop`` of a text, up to the next word."""
    begin = bounds[text]
    end = begin + tokens.at[stop] if stop < tokens.offsets[text + 1] else bounds[text + 1]
    return data[begin + tokens.at[first] : end].tobytes().decode(errors="ignore").strip()


def _matched_questions(hits: pl.DataFrame, data: U8, bounds: I64, tokens: Words, known: Verbatim) -> pl.DataFrame:
    """Return the questions identified by themselves or by an answer in the same row."""
    item_groups = hits["item_group"].to_numpy().astype(np.int64)
    bits, begins, ends = known.question_bits[item_groups], hits["begins"].to_numpy(), hits["stops"].to_numpy()
    ends, long = np.minimum(begins, ends), hits["words"].to_numpy() >= ALONE_LONG
    closed = (hits["stops"].to_numpy() > INSIDE) | long
    is_question = known.is_question[item_groups]
    alone = closed & (bits >= ALONE_BITS) & is_question & (known.question_words[item_groups] >= ALONE_WORDS)
    alone |= (ends == LINE) & _line_alone(known)[item_groups]
    enough = known.unanswered[item_groups] & (known.question_words[item_groups] >= WHOLE_WORDS)
    alone |= enough & (bits >= np.array(WHOLE_BITS)[ends])
    rest = np.flatnonzero(~alone)
    first = hits["first"].to_numpy()
    stop = first + hits["words"].to_numpy()
    texts = hits["text"].to_numpy().astype(np.int64)
    place = (texts[rest], first[rest], stop[rest], begins[rest], ends[rest])
    confirmed = answers_of(
        data, bounds, tokens.offsets, tokens.keys, tokens.at, *place, is_question[rest], bits[rest], item_groups[rest],
        known.answers, np.array(ANSWERED_BITS), np.array(ALL_OPTIONS_BITS),
    )  # fmt: skip
    keep = alone.copy()
    keep[rest] = confirmed
    return (
        hits.with_columns(
            layer=pl.lit("verbatim"), score=pl.lit(1.0), bits=pl.Series(bits), stop=pl.Series(stop, dtype=pl.Int64)
        )
        .filter(pl.Series(keep, dtype=pl.Boolean))
        .select("text", "item_group", "layer", "score", "bits", "first", "stop")
    )


def _contained_passages(seen: Occurrences, known: Verbatim) -> pl.DataFrame:
    """Return the passages of which a row contains enough."""
    found = contained(seen.texts, seen.sequences, seen.at, known.passages)
    part = known.parts[found.passages]
    return pl.DataFrame(
        {
            "text": found.texts,
            "item_group": part["item_group"],
            "layer": part["layer"],
            "score": (pl.Series(found.words) / part["total"]).clip(upper_bound=1.0),
            "bits": pl.Series([None] * part.height, dtype=pl.Float64),
            "first": found.firsts,
            "stop": found.firsts + found.longest,
        }
    )
