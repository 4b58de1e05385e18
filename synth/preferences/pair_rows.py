"""Rows with their pairs, and figures of pairs for a card, such as how often the longer text is chosen."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence

import orjson
import polars as pl

from quality.outcome import Outcome
from sources.license import joint
from sources.table import SCHEMA, to_json
from synth.preferences.pair_rules import PairRules, decide
from synth.preferences.propose_pairs import from_records

PAIR_FACTS = ("origin", "margin", "chosen_key", "rejected_key", "chosen_by", "rejected_by", "split")
"""The fields of ``meta["pair"]``."""


def pair_rows(rows: pl.DataFrame, decided: pl.DataFrame, licenses: Sequence[str] = ()) -> pl.DataFrame:
    """Return the rows with ``response`` and ``rejected`` from their pairs, ``drop_reason`` and ``evidence``, in order.

    A row's first pair fills the row, each further one a copy of it whose id ends in ``/pair-2`` and so on. ``meta`` has
    the origin of the texts, the margin and the side of the split under ``pair``. ``licenses`` are those of teachers'
    texts: a row with such a text is under all of them and its own. A row without a pair is dropped (``no_pair``) with
    the counted reasons of its pairs as evidence.
    """
    kept = decided.filter(pl.col("drop_reason").is_null()).sort("id", "rank", maintain_order=True)
    pairs = kept.select("id", "chosen", "rejected", *PAIR_FACTS, number=pl.int_range(1, pl.len() + 1).over("id"))
    joined = rows.join(pairs, on="id", how="left", maintain_order="left", suffix="_of_pair")
    lost = _reasons(decided)
    unpaired = pl.col("chosen").is_null()
    evidence = [
        None if chosen else json.dumps(lost.get(id, {}))
        for id, chosen in zip(joined["id"], joined["chosen"], strict=True)
    ]
    generated = pl.any_horizontal(pl.col("chosen_by", "rejected_by").is_not_null())
    terms = {license: joint((license, *licenses)) for license in joined["license"].unique()}
    copy = pl.col("id") + "/pair-" + pl.col("number").cast(pl.String)
    return joined.with_columns(
        id=pl.when(pl.col("number") > 1).then(copy).otherwise("id"),
        response=pl.coalesce("chosen", "response"),
        rejected=pl.coalesce("rejected_of_pair", "rejected"),
        license=pl.when(generated).then(pl.col("license").replace_strict(terms)).otherwise("license"),
        meta=pl.Series(_meta(joined), dtype=pl.String),
        drop_reason=pl.when(unpaired).then(pl.lit("no_pair")).otherwise(None),
        evidence=pl.Series(evidence, dtype=pl.String),
    ).select(*SCHEMA.names(), "drop_reason", "evidence")


def keep_source_pairs(rows: pl.DataFrame, config: PairRules) -> Outcome:
    """Return the rows of preference corpora whose pair fits the rules; ``pairs`` holds all with their reasons."""
    decided = decide(from_records(rows), rows, config)
    return Outcome(rows=pair_rows(rows, decided), tables={"pairs": decided})


def _meta(joined: pl.DataFrame) -> list[str]:
    metas = []
    for meta, *values in joined.select("meta", *PAIR_FACTS[:-1], "split_of_pair").iter_rows():
        facts = {name: value for name, value in zip(PAIR_FACTS, values, strict=True) if value is not None}
        metas.append(to_json({**orjson.loads(meta), "pair": facts}) if "origin" in facts else meta)
    return metas


def _reasons(decided: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Return for each row the reasons of its dropped pairs with their counts, sorted by name."""
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for id, reason in decided.drop_nulls("drop_reason").select("id", "drop_reason").iter_rows():
        reasons[id][reason] += 1
    return {id: dict(sorted(counts.items())) for id, counts in reasons.items()}


def length_bias(decided: pl.DataFrame) -> dict[str, float | int | None]:
    """Return figures of whether kept pairs prefer longer texts, in characters.

    ``spearman_gap_margin`` is the rank correlation of chosen minus rejected length with the margin, over the pairs that
    have one (``pairs_with_margin``); it is None for fewer than three of them, or where either never varies. A share or
    mean over no pairs is None.
    """
    kept = decided.filter(pl.col("drop_reason").is_null())
    chars = [pl.col(name).str.len_chars().alias(f"{name}_chars") for name in ("chosen", "rejected")]
    return length_bias_of(kept.select(*chars, "margin"))


def length_bias_of(lengths: pl.DataFrame) -> dict[str, float | int | None]:
    """Return the same figures from ``chosen_chars``, ``rejected_chars`` and ``margin``."""
    chosen, rejected = (pl.col(name).cast(pl.Int64) for name in ("chosen_chars", "rejected_chars"))
    gap = chosen - rejected
    facts = lengths.select(
        mean_chosen_chars=chosen.mean(),
        mean_rejected_chars=rejected.mean(),
        share_chosen_longer=(gap > 0).mean(),
        share_same_length=(gap == 0).mean(),
    )
    scored = lengths.drop_nulls("margin").select("margin", gap=gap)
    return {
        "pairs": lengths.height,
        **facts.row(0, named=True),
        "pairs_with_margin": scored.height,
        "spearman_gap_margin": _spearman(scored),
    }


def _spearman(scored: pl.DataFrame) -> float | None:
    if scored.height < 3 or scored["gap"].n_unique() < 2 or scored["margin"].n_unique() < 2:
        return None
    return float(scored.select(pl.corr("gap", "margin", method="spearman")).item())
