"""The rules for proposed pairs: limits for each pair, a maximum per prompt, and the side of a split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import polars as pl
import xxhash
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.duplicates.exact import question_identity
from quality.duplicates.near_settings import NearRules
from quality.key import key
from sources.table import question_text
from synth.preferences.propose_pairs import PAIR_SCHEMA

Groups = Callable[[pl.DataFrame], pl.DataFrame]
"""Rows in, (id, group) out: rows of one group have the same question and count as one prompt."""

DECIDED_SCHEMA = pl.Schema([*PAIR_SCHEMA.items(), ("group", pl.String()), ("split", pl.String())])
"""A pair with its verdict, the prompt it counts for and the side of the split that this prompt is on."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PairRules:
    """The limits of a pair.

    A margin, where there is one, must be above 0 and at least ``min_margin``. The longer text has at most
    ``max_length_ratio`` times the characters of the shorter. One prompt gives ``max_per_prompt`` pairs, those with the
    largest margins first. ``test_share`` of the prompts is held out, whole.
    """

    min_margin: Annotated[float, Field(ge=0)] = 0.0
    max_length_ratio: Annotated[float, Field(ge=1)] = 4.0
    max_per_prompt: Annotated[int, Field(ge=1)] = 1
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0


def same_prompts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the groups of rows whose messages, context and options are equal but for case, marks and spacing."""
    return rows.select("id", group=pl.col("id").min().over(question_identity()))


def similar_prompts(rules: NearRules) -> Groups:
    """Return the grouping of rows whose messages are near-duplicates under ``rules``."""

    def groups(rows: pl.DataFrame) -> pl.DataFrame:
        from quality.duplicates.near_duplicates import near_duplicates

        clusters = near_duplicates([rows.select("id", text=question_text())], rules).clusters
        named = rows.select("id").join(
            clusters.select("id", "representative"), on="id", how="left", maintain_order="left"
        )
        return named.select("id", group=pl.coalesce("representative", "id"))

    return groups


def decide(pairs: pl.DataFrame, rows: pl.DataFrame, config: PairRules, groups: Groups = same_prompts) -> pl.DataFrame:
    """Return all pairs with group, split and, where one breaks a rule, reason and evidence (``DECIDED_SCHEMA``).

    In order: a pair that is dropped already, ``empty``, ``same_text`` (after normalisation), ``tie``, ``small_margin``,
    ``length_ratio``, ``repeated_pair`` and ``prompt_cap``. Raises ``ValueError`` for a pair of a row that is not there.
    """
    placed = pairs.join(groups(rows), on="id", how="left", maintain_order="left")
    if not (lost := placed.filter(pl.col("group").is_null())).is_empty():
        raise ValueError(f"pair of {lost['id'][0]!r} belongs to no row; pass the rows that the requests were made of")
    keyed = placed.with_columns(chosen_text=key(pl.col("chosen")), rejected_text=key(pl.col("rejected")))
    measured = mark(keyed, _broken(config))
    capped = mark(_in_turn(measured, config), _crowded(config))
    side = [_side(group, config) for group in capped["group"]]
    return capped.with_columns(split=pl.Series(side, dtype=pl.String)).select(DECIDED_SCHEMA.names())


Broken = tuple[str, pl.Expr, pl.Expr]
"""A rule: its reason, which rows break it, and the evidence."""


def _broken(config: PairRules) -> list[Broken]:
    chosen, rejected, margin = (pl.col(name) for name in ("chosen_text", "rejected_text", "margin"))
    chars = [pl.col(name).str.len_chars() for name in ("chosen", "rejected")]
    lengths = _evidence(chosen_chars=chars[0], rejected_chars=chars[1])
    ratio = pl.max_horizontal(chars) / pl.min_horizontal(chars)
    return [
        ("empty", (chosen == "") | (rejected == ""), lengths),
        ("same_text", chosen == rejected, _evidence(text=chosen.str.head(200))),
        ("tie", margin == 0, _evidence(margin=margin)),
        ("small_margin", margin < max(config.min_margin, 0.0), _evidence(margin=margin)),
        ("length_ratio", ratio > config.max_length_ratio, lengths),
    ]


def _crowded(config: PairRules) -> list[Broken]:
    cap = _evidence(group=pl.col("group"), max_per_prompt=pl.lit(config.max_per_prompt))
    return [
        ("repeated_pair", ~pl.col("first"), _evidence(group=pl.col("group"))),
        ("prompt_cap", pl.col("turn") > config.max_per_prompt, cap),
    ]


TURNS = ("margin", "rank", "order", "id", "chosen", "rejected")
"""The order in which pairs of one prompt are kept, independent of their order in the table."""


def _in_turn(pairs: pl.DataFrame, config: PairRules) -> pl.DataFrame:
    """Return the pairs with ``first``, whether no earlier pair of the prompt is equal, and ``turn``, from 1.

    Pairs that are not dropped are numbered: larger margins first, then lower places, then by a hash of seed and id.
    """
    order = [xxhash.xxh64_intdigest(id.encode(), config.seed) for id in pairs["id"]]
    numbered = pairs.with_columns(order=pl.Series(order, dtype=pl.UInt64)).with_row_index("offset")
    kept = numbered.filter(pl.col("drop_reason").is_null()).sort(
        *TURNS, descending=[name == "margin" for name in TURNS], nulls_last=True
    )
    first = pl.struct("chosen", "rejected").is_first_distinct().over("group")
    turns = kept.with_columns(first=first).select("offset", "first", turn=pl.col("first").cum_sum().over("group"))
    return numbered.join(turns, on="offset", how="left", maintain_order="left").drop("offset", "order")


def _side(group: str, config: PairRules) -> str:
    """Return the side of a prompt: a hash of seed and group falls below the share, or not."""
    place = xxhash.xxh64_intdigest(f"split {group}".encode(), config.seed) / 2**64
    return "test" if place < config.test_share else "train"


def _evidence(**seen: pl.Expr) -> pl.Expr:
    return pl.struct([value.alias(name) for name, value in seen.items()]).struct.json_encode()


def mark(rows: pl.DataFrame, rules: list[Broken]) -> pl.DataFrame:
    """Return the rows with reason and evidence of the first rule that each breaks; one that has a reason keeps it."""
    for reason, breaks, evidence in rules:
        breaking = pl.col("drop_reason").is_null() & breaks.fill_null(False)
        rows = rows.with_columns(
            drop_reason=pl.when(breaking).then(pl.lit(reason)).otherwise("drop_reason"),
            evidence=pl.when(breaking).then(evidence).otherwise("evidence"),
        )
    return rows
