"""Semantic duplicates: rows with nearly parallel embeddings, and which of them is kept.

Rows are taken in the order of the keep policy; a row is kept unless a kept row is as similar as the threshold. So every
dropped row is directly similar to the row it is dropped for, and no two kept rows are similar. Compare SemHash
(MinishLab) and SemDeDup (arXiv 2303.09540). Every comparison is exact; see ``cosine_bounds`` for the speed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.keep import KEEP_ORDER
from quality.outcome import DROP_SCHEMA
from sources.fields.names import portable_model

F32 = NDArray[np.float32]

CLUSTER_SCHEMA = pl.Schema({"id": pl.String, "representative": pl.String, "similarity": pl.Float64})
"""One row of a cluster of two or more: its id, the id of the row kept for it, their cosine (1 with itself)."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Semantic:
    """``threshold`` is the least cosine of duplicates. It differs between models, so it has no default.

    One model puts related texts at 0.96 and unrelated ones at 0.03, another at 0.57 and 0.37: check pairs known to be
    the same and known to be different before choosing. ``model`` is written into the evidence, ``source_ranks`` are as
    in the exact step, and ``revision`` identifies the content of a model in a folder.
    """

    model: str
    threshold: float = Field(gt=0, le=1)
    source_ranks: tuple[tuple[str, int], ...] = ()
    revision: str = ""

    def portable(self) -> Semantic:
        """Return the settings with the model named as on any machine."""
        return replace(self, model=portable_model(self.model))


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """``clusters`` (``CLUSTER_SCHEMA``), sorted by representative and id, and the ids that could not be compared."""

    clusters: pl.DataFrame
    uncompared: pl.Series


def duplicates(rows: pl.DataFrame, vectors: F32, config: Semantic, order: Sequence[str] = KEEP_ORDER) -> Duplicates:
    """Return the clusters of ``rows``, whose embeddings are ``vectors``, row for row.

    ``rows`` has ``id`` and the columns of ``order``: the first row by these is kept, ascending, nulls last, ties by id;
    the order of the table does not matter. Rows without a vector (all zeros) are kept.
    """
    from quality.duplicates.leaders import directed, leaders

    if len(rows) != len(vectors):
        raise ValueError(f"{len(vectors)} vectors for {len(rows)} rows, expected one each")
    compared = directed(vectors)
    ranked = rows.with_row_index("row").sort([*order, "id"], nulls_last=True)["row"].to_numpy().astype(np.int64)
    leading = leaders(vectors, ranked[compared[ranked]], config.threshold)
    led = np.flatnonzero(leading.leader >= 0)
    heads = np.unique(leading.leader[led])
    ids = rows["id"]
    clusters = pl.DataFrame(
        {
            "id": pl.concat([ids.gather(led), ids.gather(heads)]),
            "representative": pl.concat([ids.gather(leading.leader[led]), ids.gather(heads)]),
            "similarity": np.concatenate([leading.similarity[led], np.ones(len(heads))]),
        },
        CLUSTER_SCHEMA,
    )
    return Duplicates(clusters=clusters.sort("representative", "id"), uncompared=ids.filter(~compared).sort())


def drops(clusters: pl.DataFrame, config: Semantic) -> pl.DataFrame:
    """Return the rows to drop (``DROP_SCHEMA``), sorted by id: all of each cluster except its representative."""
    gone = clusters.filter(pl.col("id") != pl.col("representative")).sort("id")
    evidence = [
        json.dumps(
            {
                "duplicate_of": of,
                "similarity": similarity,
                "threshold": config.threshold,
                "model": portable_model(config.model),
            },
            ensure_ascii=False,
        )
        for of, similarity in gone.select("representative", "similarity").iter_rows()
    ]
    columns = {"id": gone["id"], "drop_reason": ["semantic_duplicate"] * len(gone), "evidence": evidence}
    return pl.DataFrame(columns, DROP_SCHEMA)
