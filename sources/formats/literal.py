"""Parquet files by literal paths: by default polars expands ``[1]``, ``*`` and ``?`` in a path as a pattern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl


def scan_parquet(paths: Path | Iterable[Path], **options: Any) -> pl.LazyFrame:
    """Return the rows of parquet files, each path taken literally."""
    return pl.scan_parquet(_paths(paths), glob=False, **options)


def read_parquet(paths: Path | Iterable[Path], columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the rows of parquet files as a table, each path taken literally."""
    return pl.read_parquet(_paths(paths), columns=list(columns) if columns else None, glob=False)


def parse_parquet(content: bytes) -> pl.DataFrame:
    """Return the rows of a parquet file that was read into memory."""
    return pl.read_parquet(content)


def parquet_schema(path: Path) -> pl.Schema:
    """Return the columns of one parquet file."""
    return pl.scan_parquet(_paths(path), glob=False).collect_schema()


def _paths(paths: Path | Iterable[Path]) -> Path | list[Path]:
    """Return the paths; ``ValueError`` for a broken link, and for pipes and devices, which block polars."""
    listed = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    for path in listed:
        if not path.is_file() and (path.is_symlink() or path.exists()):
            raise ValueError(f"{path} is not a file")
    return listed[0] if isinstance(paths, str | Path) else listed
