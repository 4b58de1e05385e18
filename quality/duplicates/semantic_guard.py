"""Semantic duplicates checked by the words of both rows, since embeddings confuse one disease with another.

Where two rows share much of their wording, the words decide as for near-duplicates: a template filled in for another
subject is no rewrite, nor is the opposite statement. Where they share little, their questions must not each have a
number that the other lacks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.duplicates.near_settings import NearRules
from quality.duplicates.semantic import CLUSTER_SCHEMA, F32, Duplicates, Semantic, duplicates
from quality.duplicates.shingle_sets import ShingleSets, collapse, kernel_view
from quality.duplicates.signatures import TEXT_COLUMNS, blocks, sign_block
from quality.keep import KEEP_ORDER

WORDED = 0.2
"""Jaccard similarity of shingles from which the words of two rows decide."""

ROUNDS = 50
"""Most times that rows ruled out by the guard are compared again."""

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def guarded_duplicates(
    rows: pl.DataFrame, vectors: F32, config: Semantic, order: Sequence[str] = KEEP_ORDER
) -> Duplicates:
    """Return the result of ``semantic.duplicates`` without the rows that their words rule out as duplicates.

    ``rows`` has ``TEXT_COLUMNS`` besides ``id`` and the columns of ``order``. The rows ruled out are compared with one
    another once more, since one may be a rewrite of another.
    """
    left = np.arange(len(rows))
    confirmed: list[pl.DataFrame] = []
    uncompared = pl.Series("id", [], rows.schema["id"])
    for turn in range(ROUNDS):
        result = duplicates(rows[left], vectors[left], config, order)
        uncompared = result.uncompared if turn == 0 else uncompared
        pairs = result.clusters.filter(pl.col("id") != pl.col("representative"))
        ruled_out = pairs.filter(~pl.Series(allowed(rows, pairs), dtype=pl.Boolean))
        confirmed.append(pairs.join(ruled_out, on="id", how="anti"))
        left = np.flatnonzero(rows["id"].is_in(ruled_out["id"].implode()).to_numpy())
        if not len(left):
            break
    dropped = pl.concat(confirmed)
    heads = dropped.select(pl.col("representative").unique()).select(
        id="representative", representative="representative", similarity=pl.lit(1.0)
    )
    clusters = pl.concat([dropped, heads]).match_to_schema(CLUSTER_SCHEMA).sort("representative", "id")
    return Duplicates(clusters=clusters, uncompared=uncompared)


def allowed(rows: pl.DataFrame, pairs: pl.DataFrame) -> NDArray[np.bool_]:
    """Return for each of ``pairs`` (id, representative) whether the words of its rows allow them to be duplicates."""
    ids = pl.concat([pairs["id"], pairs["representative"]]).unique(maintain_order=True)
    texts = pl.DataFrame({"id": ids}).join(rows.select("id", *TEXT_COLUMNS), on="id", how="left", maintain_order="left")
    rules = NearRules()
    sets, numbers = collapse([sign_block(part, rules) for part in blocks(texts)], rules.banding.bands, join_empty=True)
    place = dict(zip(ids, range(len(ids)), strict=True))
    shown = texts.with_columns(pl.col(TEXT_COLUMNS).fill_null("")).rows(named=True)
    out = np.zeros(len(pairs), np.bool_)
    for n, (id, other) in enumerate(pairs.select("id", "representative").iter_rows()):
        a, b = place[id], place[other]
        out[n] = _allowed(sets, int(numbers[a]), int(numbers[b]), shown[a], shown[b])
    return out


def _allowed(sets: ShingleSets, one: int, other: int, row: dict[str, str], second: dict[str, str]) -> bool:
    from quality.duplicates import set_kernels

    if one == other or row["must_match"] != second["must_match"]:
        return row["must_match"] == second["must_match"]
    view = kernel_view(sets)
    if set_kernels.jaccard(view.values, view.starts, one, other, 0.0) >= WORDED:
        return set_kernels.same_subject(view, one, other) and not set_kernels.opposed(view, one, other)
    numbers = [set(NUMBER.findall(each["subject"] or each["text"])) for each in (row, second)]
    return not (numbers[0] - numbers[1] and numbers[1] - numbers[0])
