"""Proposed preference pairs: right against wrong, higher against lower reward, and pairs of a source.

Every proposed pair is a row, a dropped one with its reason. ``pair_rules`` decides; ``judged_pairs`` proposes pairs by
a judge.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import polars as pl
import xxhash

PAIR_SCHEMA = pl.Schema(
    {
        "id": pl.String,
        "origin": pl.String,
        "rank": pl.Int64,
        "chosen": pl.String,
        "rejected": pl.String,
        "chosen_key": pl.String,
        "rejected_key": pl.String,
        "chosen_by": pl.String,
        "rejected_by": pl.String,
        "margin": pl.Float64,
        "drop_reason": pl.String,
        "evidence": pl.String,
    }
)
"""One proposed pair of a row (``id``): its texts, the keys and teachers of their completions (null for a source's own),
the margin (null where it was not measured), and the drop reason (null for a kept pair). ``rank`` orders the pairs of
one row; the first ones repeat no text as long as possible."""

RIGHT, WRONG = ("kept", "right"), ("wrong",)
"""Verdicts of verified answers. All others, unreadable ones above all, are neither."""

SCORES = ("score_chosen", "score_rejected")
"""The fields of ``meta`` with the scores of a source's replies, if any."""

Candidate = Mapping[str, Any]


def right_against_wrong(
    candidates: pl.DataFrame, *, right: Sequence[str] = RIGHT, wrong: Sequence[str] = WRONG, seed: int = 0
) -> pl.DataFrame:
    """Return all pairs of a right and a wrong candidate of one row by one model, in one stage (``PAIR_SCHEMA``).

    There is no margin: an answer is right or it is not. A candidate with another verdict is in no pair.
    """
    return pair_table(
        _pair(better, worse, "verified", rank)
        for group in by_prompt(candidates, seed)
        for rank, (better, worse) in enumerate(_turns(_with(group, right), _with(group, wrong)))
    )


def by_reward(candidates: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """Return all pairs of candidates of one row by one model in one stage, the one with the higher ``score`` chosen.

    ``candidates`` has a column ``score``; the margin is the difference, 0 for equal scores, which the rules refuse. A
    pair with a score that is missing or not finite is dropped (``unscored``).
    """
    return pair_table(
        _scored(first, second, rank)
        for group in by_prompt(candidates, seed)
        for rank, (first, second) in enumerate(combinations(group, 2))
    )


def from_records(rows: pl.DataFrame, scores: tuple[str, str] = SCORES) -> pl.DataFrame:
    """Return the pair of each row that has a response, a rejected answer or both; one side alone is dropped.

    The margin is the difference of the two ``scores`` in ``meta``, null without them.
    """
    better, worse = (pl.col("meta").str.json_path_match(f"$.{name}").cast(pl.Float64, strict=False) for name in scores)
    answered = rows.filter(pl.col("response").is_not_null() | pl.col("rejected").is_not_null())
    lacks = pl.when(pl.col("response").is_null()).then(pl.lit("no_chosen")).otherwise(pl.lit("no_rejected"))
    both = pl.all_horizontal(pl.col("response", "rejected").is_not_null())
    return answered.select(
        "id",
        pl.lit("source").alias("origin"),
        pl.lit(0, pl.Int64).alias("rank"),
        pl.col("response").alias("chosen"),
        "rejected",
        *(pl.lit(None, pl.String).alias(name) for name in ("chosen_key", "rejected_key", "chosen_by", "rejected_by")),
        (better - worse).alias("margin"),
        pl.when(both).then(None).otherwise(lacks).alias("drop_reason"),
        pl.lit(None, pl.String).alias("evidence"),
    ).match_to_schema(PAIR_SCHEMA)


def pair_table(pairs: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return the pairs as a table of ``PAIR_SCHEMA``; fields that a pair lacks are null."""
    return pl.DataFrame(list(pairs), PAIR_SCHEMA)


def by_prompt(candidates: pl.DataFrame, seed: int) -> Iterator[list[Candidate]]:
    """Yield the candidates with a text, grouped by row, stage and model, each group shuffled by ``seed``."""
    who = ["id", "stage", "teacher", "revision"]
    written = candidates.filter(pl.col("text").fill_null("") != "").sort(*who, "key", "sample")
    for group in written.partition_by(who, maintain_order=True):
        yield sorted(
            group.iter_rows(named=True),
            key=lambda one: (xxhash.xxh64_intdigest(one["key"].encode(), seed), one["sample"]),
        )


def _with(group: Sequence[Candidate], verdicts: Sequence[str]) -> list[Candidate]:
    return [one for one in group if one["verdict"] in verdicts]


def _turns(right: Sequence[Candidate], wrong: Sequence[Candidate]) -> Iterator[tuple[Candidate, Candidate]]:
    """Yield every pair, in rounds that give each right candidate another wrong one."""
    for shift in range(len(wrong)):
        for at, better in enumerate(right):
            yield better, wrong[(at + shift) % len(wrong)]


def _scored(first: Candidate, second: Candidate, rank: int) -> dict[str, Any]:
    scores = [one["score"] for one in (first, second)]
    scores = [score if score is not None and math.isfinite(score) else None for score in scores]
    if None in scores:
        evidence = json.dumps({"scores": scores})
        return {**_pair(first, second, "reward", rank), "drop_reason": "unscored", "evidence": evidence}
    better, worse = sorted((first, second), key=lambda one: one["score"], reverse=True)
    return {**_pair(better, worse, "reward", rank), "margin": better["score"] - worse["score"]}


def _pair(better: Candidate, worse: Candidate, origin: str, rank: int) -> dict[str, Any]:
    return {"id": better["id"], "origin": origin, "rank": rank, **side("chosen", better), **side("rejected", worse)}


def side(name: str, one: Candidate) -> dict[str, Any]:
    """Return the fields of one side of a pair: text, key and teacher."""
    return {name: one["text"], f"{name}_key": one["key"], f"{name}_by": one["teacher"]}
