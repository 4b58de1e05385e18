"""Near-duplicates by MinHash and exact Jaccard: of rows that say almost the same one stays, and the others say why.

Signatures propose pairs (Broder 1997; bands after Leskovec et al., MMDS, chapter 3), exact Jaccard similarity of the
shingle sets decides on each, connected components are clusters, and one row of a cluster stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from quality.clusters import CLUSTER_COLUMNS
from quality.near_rules import NearRules
from quality.outcome import DROP_SCHEMA
from quality.signature_index import SignatureIndex, add

BATCH_ROWS = 50_000
"""Rows in memory at a time with their texts."""


@dataclass(frozen=True, kw_only=True)
class Deduplicated:
    """The rows that stay, the rows that do not, with ``CLUSTER_COLUMNS`` beside their own, and all clusters."""

    kept: pl.LazyFrame
    dropped: pl.LazyFrame
    clusters: pl.DataFrame


def near_duplicates(
    batches: Iterable[pl.DataFrame], rules: NearRules, *, order: Sequence[str] = (), threads: int | None = None
) -> pl.DataFrame:
    """Return the clusters of near-duplicates among the rows of ``batches`` (``CLUSTER_COLUMNS``).

    Memory holds one batch of texts and some 550 bytes a row. Batches, order and errors are those of
    ``signature_index.add``, which does the same and keeps what it learnt.
    """
    return add(SignatureIndex(rules=rules, order=tuple(order)), batches, threads).clusters
