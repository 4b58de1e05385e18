"""A set cut to a number of rows, chosen at random by a seed."""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl
import xxhash

from quality.outcome import DROP_SCHEMA, Decision, Shards


@dataclass(frozen=True, kw_only=True)
class RowLimit:
    """The most rows that are kept, and the seed that chooses them."""

    rows: int
    seed: int = 0


def limit_rows(shards: Shards, config: RowLimit) -> Decision:
    """Return the rows to drop (reason ``row_limit``) so that ``config.rows`` remain.

    A hash of seed and id chooses, so that every source keeps its share by chance, and added rows replace few.
    """
    empty = pl.Series("id", [], dtype=pl.String)
    ids = pl.concat([empty, *(rows["id"] for rows in shards())])
    hashes = [xxhash.xxh64_intdigest(id.encode(), config.seed) for id in ids]
    ordered = pl.DataFrame({"id": ids, "order": pl.Series(hashes, dtype=pl.UInt64)}).sort("order", "id")
    evidence = json.dumps({"rows_kept": min(config.rows, len(ids)), "rows_before": len(ids)})
    left = ordered.slice(config.rows).select(
        "id", drop_reason=pl.lit("row_limit", pl.String), evidence=pl.lit(evidence, pl.String)
    )
    return Decision(drops=left.match_to_schema(DROP_SCHEMA))
