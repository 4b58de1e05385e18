"""Rows dropped because of another row: duplicates and leaks, side by side with the row or item they match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import polars as pl

from pipelines.release.ledger_figures import cluster_sizes
from pipelines.report.page_text import compared

CLUSTERS_SHOWN = 10
MEMBERS_SHOWN = 4
LEAKS_SHOWN = 30
COMPARED_CHARS = 1_200

Text = Callable[[str], str | None]
"""The text of a row by its id, None where it is not available."""


def duplicates(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows dropped as copies: (id, source, step, reason, keeper, similarity), by keeper and id."""
    copies = rows.filter(pl.col("evidence").str.contains('"duplicate_of"', literal=True))
    return (
        copies.select("id", "source", "step", "reason", parsed=pl.col("evidence").str.json_decode(_COPY))
        .unnest("parsed")
        .rename({"duplicate_of": "keeper"})
        .sort("keeper", "id")
    )


_COPY = pl.Struct({"duplicate_of": pl.String, "similarity": pl.Float64})
_LEAK = pl.Struct({"benchmark": pl.String, "item": pl.String, "layer": pl.String, "score": pl.Float64})


def clusters(copies: pl.DataFrame) -> dict[str, Any]:
    """Return how many rows repeat how many others, the clusters by size, and the largest of them.

    A cluster is a kept row and all rows dropped as its copies; its size counts the kept row too.
    """
    sized = copies.group_by("keeper").agg(size=pl.len() + 1)
    counted = cluster_sizes(dict(sized["size"].value_counts().iter_rows()))
    largest = sized.sort("size", "keeper", descending=[True, False]).head(CLUSTERS_SHOWN)
    return {
        "rows": copies.height,
        "clusters": sized.height,
        "sizes": [(part.size, part.clusters) for part in counted],
        "by_reason": copies.group_by("reason").len().sort("reason").rows(),
        "across_sources": int((copies["source"] != copies["keeper"].str.extract(r"^([^:]*):")).sum()),
        "largest": [
            {"keeper": keeper, "size": size, "members": _members(copies, keeper)}
            for keeper, size in largest.iter_rows()
        ],
    }


def _members(copies: pl.DataFrame, keeper: str) -> list[dict[str, Any]]:
    """Return the most different members of a cluster, which are worth checking."""
    return copies.filter(keeper=keeper).sort("similarity", "id").head(MEMBERS_SHOWN).rows(named=True)


def closest_calls(copies: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the copies with the lowest similarity, near the threshold."""
    near = copies.filter(pl.col("similarity") < 1).sort("similarity", "id")
    return near.head(CLUSTERS_SHOWN).rows(named=True)


def leaks(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows dropped as leaks: (id, source, reason, benchmark, item, layer, score), by id."""
    leaking = rows.filter(pl.col("evidence").str.contains('"benchmark"', literal=True))
    return leaking.select("id", "source", "reason", parsed=pl.col("evidence").str.json_decode(_LEAK)).unnest("parsed")


def leak_figures(leaking: pl.DataFrame) -> dict[str, Any]:
    """Return the numbers of leaking rows and of leaked items, and a table of benchmarks by layer."""
    layers = sorted(leaking["layer"].unique().to_list())
    counted: dict[str, Counter[str]] = {}
    for benchmark, layer, n in leaking.group_by("benchmark", "layer").len().iter_rows():
        counted.setdefault(benchmark, Counter())[layer] = n
    ordered = sorted(counted.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    return {
        "rows": leaking.height,
        "different": leaking["item"].n_unique(),
        "layers": layers,
        "benchmarks": [(name, [by[layer] for layer in layers], by.total()) for name, by in ordered],
    }


def leak_examples(leaking: pl.DataFrame) -> pl.DataFrame:
    """Return leaks to show: in turn one of each benchmark and layer, by the hash of their ids."""
    hashed = leaking.with_columns(drawn=order(leaking["id"]))
    turn = pl.col("drawn").rank("ordinal").over("benchmark", "layer")
    shown = hashed.with_columns(turn=turn).sort("turn", "benchmark", "layer").head(LEAKS_SHOWN)
    return shown.sort("benchmark", "layer", "drawn")


def order(ids: pl.Series) -> pl.Series:
    """Return a sort number for each id, equal on every machine (xxh64)."""
    import xxhash

    return pl.Series("drawn", [xxhash.xxh64_intdigest(one.encode()) for one in ids.to_list()], pl.UInt64)


def side_by_side(left: str | None, right: str | None) -> dict[str, Any]:
    """Return two texts in pieces, to show side by side; a missing text is None."""
    if left is None or right is None:
        return {
            "left": left and compared(left, left, COMPARED_CHARS)[0],
            "right": right and compared(right, right, COMPARED_CHARS)[0],
        }
    pieces = compared(left, right, COMPARED_CHARS)
    return {"left": pieces[0], "right": pieces[1]}


def row_text(row: dict[str, Any] | None) -> str | None:
    """Return all text of a row: its turns, options and answers; None for a row that is not available."""
    if row is None:
        return None
    if "messages" not in row:
        return str(row["text"])
    turns = [message["content"] for message in row["messages"]]
    texts = [*turns, *(row[name] for name in ("response", "rejected") if row[name])]
    if not row["response"]:
        texts += row["options"] or [row["answer"] or ""]
    return "\n".join(texts)


def parsed(evidence: str | None) -> dict[str, Any]:
    """Return evidence that is a JSON object; empty for any other."""
    try:
        value = orjson.loads(evidence or "null")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
