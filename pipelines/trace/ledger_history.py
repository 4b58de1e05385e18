"""The life of a row as a release alone knows it: where it was read, which steps changed it, and how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from sources.literal import scan_parquet


def history_from_ledger(row_id: str, folder: Path, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """Return the one event that the ledger of a release knows of a row; None where it has no such row."""
    paths = sorted((folder / "ledger").glob("*.parquet"))
    if not paths:
        return None
    found = scan_parquet(paths).filter(pl.col("id") == row_id).collect().rows(named=True)
    if not found:
        return None
    row, source = found[0], found[0]["source"]
    entry = manifest["lock"].get(source, {})
    read = (step for step in manifest["steps"] if step["identity"].get("source", {}).get("name") == source)
    origin: dict[str, Any] = next((step.get("origin", {}) for step in read), {})
    return {"told_by": "ledger", **row, **origin, **({"revision": entry["revision"]} if entry else {})}
