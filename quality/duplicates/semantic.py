"""Semantic duplicates: rows whose embeddings are nearly parallel, and which of them stays.

Rows are taken in the order of the keep policy; a row stays unless one that stays already is as similar as the
threshold. So every dropped row is directly similar to the row that it is dropped for (chains of small steps, which
join unlike texts when components are taken, cannot arise), and no two rows that stay are. Compare SemHash
(MinishLab) and SemDeDup (arXiv 2303.09540). Every comparison is exact; ``cosine_bounds`` says why it is quick.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.keep import KEEP_ORDER
from quality.outcome import DROP_SCHEMA

F32 = NDArray[np.float32]

CLUSTER_SCHEMA = pl.Schema({"id": pl.String, "representative": pl.String, "similarity": pl.Float64})
"""One row of a cluster of two or more: its id, the id of the row that stays for it, their cosine (1 with itself)."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Semantic:
    """``threshold`` is the least cosine of duplicates. It differs from model to model, so it has no default.

    Where one model puts related texts at 0.96 and unrelated ones at 0.03, another puts them at 0.57 and 0.37: look at
    pairs known to be the same and known not to be before settling on one. ``model`` is written into the evidence;
    ``source_ranks`` as in the exact step; ``revision`` names the model's content where it lies in a folder.
    """

    model: str
    threshold: float = Field(gt=0, le=1)
    source_ranks: tuple[tuple[str, int], ...] = ()
    revision: str = ""


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """``clusters`` (``CLUSTER_SCHEMA``), sorted by representative and id, and the ids that could not be compared."""

    clusters: pl.DataFrame
    uncompared: pl.Series


def duplicates(rows: pl.DataFrame, vectors: F32, config: Semantic, order: Sequence[str] = KEEP_ORDER) -> Duplicates:
    """Return the clusters of ``rows``, whose embeddings are ``vectors``, row for row.

    ``rows`` has ``id`` and the columns of ``order``, by which the row that stays comes first, ascending, nulls last;
    ties go by id, so the order of the rows themselves counts for nothing. Rows without a vector (all zeros) stay.
    """
    from quality.duplicates.leaders import directed, leaders

    if len(rows) != len(vectors):
        raise ValueError(f"{len(vectors)} vectors for {len(rows)} rows, expected one each")
    compared = directed(vectors)
    ranked = rows.with_row_index("row").sort([*order, "id"], nulls_last=True)["row"].to_numpy().astype(np.int64)
    found = leaders(vectors, ranked[compared[ranked]], config.threshold)
    led = np.flatnonzero(found.leader >= 0)
    heads = np.unique(found.leader[led])
    ids = rows["id"]
    clusters = pl.DataFrame(
        {
            "id": pl.concat([ids.gather(led), ids.gather(heads)]),
            "representative": pl.concat([ids.gather(found.leader[led]), ids.gather(heads)]),
            "similarity": np.concatenate([found.similarity[led], np.ones(len(heads))]),
        },
        CLUSTER_SCHEMA,
    )
    return Duplicates(clusters=clusters.sort("representative", "id"), uncompared=ids.filter(~compared).sort())


def drops(clusters: pl.DataFrame, config: Semantic) -> pl.DataFrame:
    """Return the rows to drop (``DROP_SCHEMA``), sorted by id: all of each cluster but its representative."""
    gone = clusters.filter(pl.col("id") != pl.col("representative")).sort("id")
    evidence = [
        json.dumps(
            {"duplicate_of": of, "similarity": similarity, "threshold": config.threshold, "model": config.model},
            ensure_ascii=False,
        )
        for of, similarity in gone.select("representative", "similarity").iter_rows()
    ]
    columns = {"id": gone["id"], "drop_reason": ["semantic_duplicate"] * len(gone), "evidence": evidence}
    return pl.DataFrame(columns, DROP_SCHEMA)
