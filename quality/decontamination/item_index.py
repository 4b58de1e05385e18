"""Index of benchmark items: the bits of their words, and which items list each word."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.decontamination.exact_questions import exact_keys
from quality.decontamination.inputs import ITEM_SCHEMA, checked
from quality.decontamination.inverted_index import GATE, Postings
from quality.decontamination.rarity import UNKNOWN_BITS, known_words, word_bits
from quality.decontamination.similarity import OPTION_PART, QUESTION_PART, Items
from quality.decontamination.verbatim import Verbatim, build_verbatim
from quality.decontamination.word_keys import OTHER_IDS, Words, lookup_table, text_keys, word_ids, words

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]

LISTED_BITS, LISTED_SHARE, LISTED_LEAST = 7.5, 0.5, 4.0
"""A part lists its words of at least the first number of bits, then further words, rarest first, up to a share of its
bits, but none below the last number: one item in 181 has a listed word, at most one in 16.
"""

OPTIONS_LISTED_BITS = 150.0
"""Question bits from which the options need no listing, since the question is found alone."""

GATE_BITS, OPTIONS_GATE_BITS, OPTIONS_GATE = 10.0, 15.0, 0.6
GATES = ((80.0, 0.4), (200.0, 0.2))
"""The share of a question's listed bits that makes a candidate: 0.4 up to 80 bits, 0.2 from 200 on, linear between. A
smaller share identifies a long question.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class LeakIndex:
    """The indexed benchmarks; two of them are equal only if they are one, so that results can be kept by index.

    ``items`` are the given items with ``item_group``; items equal in question, options and answer form one group.
    ``item_groups`` has, per group, ``question_key``, ``options_key``, ``question_bits``, ``all_bits`` (question and
    options) and ``answer_bits`` (what the answer adds to the question). ``table`` maps words to ``vocabulary`` ids;
    ``verbatim`` is the index of word-for-word matches.
    """

    items: pl.DataFrame
    item_groups: pl.DataFrame
    table: tuple[U64, I32]
    vocabulary: int
    postings: Postings
    arrays: Items
    verbatim: Verbatim

    def ids(self, tokens: Words) -> I32:
        """Return the ids of words."""
        return word_ids(tokens.keys, *self.table, self.vocabulary)

    def count(self) -> int:
        """Return the number of items, counting an item with several forms once."""
        return self.items.unique(["benchmark", "id"]).height

    @cached_property
    def first_items(self) -> pl.DataFrame:
        """Return the first item of each group, in the order of ``item_groups``."""
        return self.items.unique("item_group", keep="first", maintain_order=True).sort("item_group")


def build_index(items: pl.DataFrame) -> LeakIndex:
    """Return the index of a table of items (``ITEM_SCHEMA``); ``ValueError`` for a table with wrong columns."""
    items, item_groups = _item_groups(checked(items, ITEM_SCHEMA))
    with ThreadPoolExecutor(1) as thread:
        verbatim = thread.submit(build_verbatim, items, item_groups["question"])
        return _with_postings(items, item_groups, verbatim)


def _with_postings(items: pl.DataFrame, item_groups: pl.DataFrame, verbatim: Future[Verbatim]) -> LeakIndex:
    """Return the index, given what is found word for word, which is made at the same time."""
    question, options = words(item_groups["question"]), words(item_groups["options"].list.join("\n", ignore_nulls=True))
    vocabulary = _distinct(np.concatenate([question.keys, options.keys, known_words()]))
    table, size = lookup_table(vocabulary), len(vocabulary)
    item_group, word, part = _entries(question, options, table, size)
    bits = np.concatenate([word_bits(vocabulary), np.full(OTHER_IDS, UNKNOWN_BITS)])
    in_question = part & QUESTION_PART > 0
    item_groups = item_groups.with_columns(
        question_bits=np.bincount(item_group[in_question], bits[word[in_question]], item_groups.height),
        all_bits=np.bincount(item_group, bits[word], item_groups.height),
        answer_bits=_answer_bits(
            item_groups["answer"], item_group[in_question], word[in_question], bits, (table, size)
        ),
    )
    arrays = Items(
        bits.astype(np.float32),
        _starts(item_group, item_groups.height),
        (word << 2 | part).astype(np.int32),
        item_groups["question_bits"].to_numpy().astype(np.float32),
        item_groups["all_bits"].to_numpy().astype(np.float32),
    )
    postings = _postings(item_group, word, part, arrays)
    return LeakIndex(
        items=items,
        item_groups=item_groups.drop("question", "options", "answer"),
        table=table,
        vocabulary=size,
        postings=postings,
        arrays=arrays,
        verbatim=verbatim.result(),
    )


def _item_groups(items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the items with their group, and the groups: the first item of each, with its keys."""
    keyed = items.hstack(exact_keys(items)).with_columns(answer_key=pl.Series(text_keys(items["answer"])))
    keys = ["question_key", "options_key", "answer_key"]
    item_groups = keyed.unique(keys, keep="first", maintain_order=True).select(*keys, "question", "options", "answer")
    numbers = item_groups.select(*keys, item_group=pl.int_range(pl.len(), dtype=pl.Int32))
    return keyed.join(numbers, on=keys, how="left", maintain_order="left").drop(keys), item_groups


def _distinct(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct numbers, sorted; sorting is many times faster here than NumPy's hash table."""
    ordered = np.sort(numbers)
    first = np.concatenate([np.ones(min(len(ordered), 1), np.bool_), ordered[1:] != ordered[:-1]])
    distinct: NDArray[Any] = ordered[first]
    return distinct


def _entries(question: Words, options: Words, table: tuple[U64, I32], size: int) -> tuple[I64, I64, U8]:
    """Return (item group, word, parts that contain it) for every distinct word of every group, sorted by group."""
    codes = []
    for words_of, part in ((question, QUESTION_PART), (options, OPTION_PART)):
        item_group = np.repeat(np.arange(len(words_of.offsets) - 1), np.diff(words_of.offsets))
        codes.append((item_group * size + word_ids(words_of.keys, *table, size)) * 4 + part)
    entries = _distinct(np.concatenate(codes))
    first = np.flatnonzero(np.diff(entries >> 2, prepend=-1))
    word = entries[first] >> 2
    parts = np.bitwise_or.reduceat(entries & 3, first) if len(first) else entries
    return word // max(size, 1), word % max(size, 1), parts.astype(np.uint8)


def _starts(sorted_numbers: I64, count: int) -> I64:
    return np.searchsorted(sorted_numbers, np.arange(count + 1)).astype(np.int64)


def _answer_bits(answers: pl.Series, item_group: I64, word: I64, bits: F64, table: tuple[tuple[U64, I32], int]) -> F64:
    """Return the bits of the words of each answer that its question lacks."""
    tokens = words(answers)
    owner = np.repeat(np.arange(len(answers)), np.diff(tokens.offsets))
    mine = _distinct(owner * len(bits) + word_ids(tokens.keys, *table[0], table[1]))
    theirs = item_group * len(bits) + word
    at = np.minimum(np.searchsorted(theirs, mine), len(theirs) - 1)
    mine = mine[theirs[at] != mine] if len(theirs) else mine
    return np.bincount(mine // len(bits), bits[mine % len(bits)], len(answers)).astype(np.float64)


def _postings(item_group: I64, word: I64, part: U8, arrays: Items) -> Postings:
    """List each part of an item group under its rarest words, and set the gates."""
    count, bits = len(arrays.question_bits), arrays.bits.astype(np.float64)
    optioned = (part & OPTION_PART > 0) & (arrays.question_bits[item_group] < OPTIONS_LISTED_BITS)
    chosen_word, chosen_part = [], []
    for which, mask in enumerate((part & QUESTION_PART > 0, optioned)):
        keep = _listed(item_group[mask], word[mask], bits)
        chosen_word.append(word[mask][keep])
        chosen_part.append(item_group[mask][keep] * 2 + which)
    by_word, parts = np.concatenate(chosen_word), np.concatenate(chosen_part)
    gates = _gates(np.bincount(parts, bits[by_word], 2 * count).astype(np.float64))
    live = np.isfinite(gates)
    numbers, listed = np.cumsum(live) - 1, live[parts]
    by_word, parts = by_word[listed], parts[listed]
    weights = np.minimum(np.ceil(bits[by_word] / gates[parts] * GATE), GATE).astype(np.uint16)
    order = np.argsort(by_word * (2 * count) + parts)
    return Postings(
        _starts(by_word[order], len(bits)),
        numbers[parts[order]].astype(np.int32),
        weights[order],
        (np.flatnonzero(live) // 2).astype(np.int32),
    )


def _listed(item_group: I64, word: I64, bits: F64) -> NDArray[np.bool_]:
    """Return which words of a part are listed; ``item_group`` is sorted."""
    rank = np.empty(len(bits), np.int64)
    rank[np.argsort(-bits, kind="stable")] = np.arange(len(bits))
    order = np.argsort(item_group * len(bits) + rank[word])  # by group, then rarest first
    ordered = bits[word[order]]
    first = _starts(item_group, int(item_group[-1]) + 1)[item_group] if len(item_group) else item_group
    total = np.bincount(item_group, bits[word])[item_group] if len(item_group) else ordered
    rarer = np.cumsum(ordered) - ordered
    rarer -= rarer[first]
    keep = np.empty(len(item_group), np.bool_)
    keep[order] = (ordered >= LISTED_BITS) | ((rarer < LISTED_SHARE * total) & (ordered >= LISTED_LEAST))
    return keep


def _gates(listed: F64) -> F64:
    """Return the bits at which a part becomes a candidate; infinite where it lists too little."""
    question, options = listed[0::2], listed[1::2]
    gates = np.empty(len(listed))
    (low, most), (high, least) = GATES
    gates[0::2] = np.maximum(GATE_BITS, question * np.interp(question, (low, high), (most, least)))
    gates[1::2] = np.maximum(OPTIONS_GATE_BITS, OPTIONS_GATE * options)
    gates[listed < gates] = np.inf
    return gates
