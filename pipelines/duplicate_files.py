"""Near-duplicates in any files: read, decide, write what stays, what goes and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.store import remove_leftovers, write_table
from pipelines.tables import height, scan, text_columns, write_rows
from quality.near_duplicates import deduplicate
from quality.near_rules import NearRules


def dedup(
    files: Sequence[Path],
    out: Path,
    *,
    text: Sequence[str],
    id: str | None,
    rules: NearRules,
    threads: int | None,
) -> dict[str, Any]:
    """Part the rows of ``files`` into kept, dropped and clusters, a parquet file each in ``out``; return the account.

    A dropped row names the most similar row that stays, and how similar the two are. Raises ``TableError``.
    """
    rows = scan(files)
    remove_leftovers(out)
    found = deduplicate(rows, text=text_columns(rows, text), id=id, rules=rules, threads=threads)
    write_rows(found.kept, out / "kept.parquet")
    write_rows(found.dropped, out / "dropped.parquet")
    write_table(out / "clusters.parquet", found.found.clusters)
    kept, dropped = height(out / "kept.parquet"), height(out / "dropped.parquet")
    return {
        "rows": kept + dropped,
        "kept": kept,
        "dropped": dropped,
        "clusters": found.found.clusters["representative"].n_unique(),
        "buckets_cut": found.found.cut,
        "folder": str(out),
    }
