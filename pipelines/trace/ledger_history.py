"""The history of a row from the ledger of a release: where it was read, which steps changed it, how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from pipelines.release.manifest_model import Manifest
from sources.literal import scan_parquet


def history_from_ledger(row_id: str, folder: Path, manifest: Manifest) -> dict[str, Any] | None:
    """Return the row of the ledger as one event; None for an unknown row."""
    paths = sorted((folder / "ledger").glob("*.parquet"))
    if not paths:
        return None
    found = scan_parquet(paths).filter(pl.col("id") == row_id).collect().rows(named=True)
    if not found:
        return None
    row, source = found[0], found[0]["source"]
    entry = manifest.lock.get(source)
    origin = next((step.origin for step in manifest.steps if step.source and step.source.name == source), {})
    return {"recorded_by": "ledger", **row, **origin, **({"revision": entry.revision} if entry else {})}
