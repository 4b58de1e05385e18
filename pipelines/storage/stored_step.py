"""Integrity of a finished step in a store: its files, their sizes and their content.

``files.json`` in the folder of a step lists them; a step of an older sabila has none, and its rows are counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import polars as pl
import xxhash

from sources.formats.literal import scan_parquet

if TYPE_CHECKING:  # the verbs on own files import this module, and start faster without the types of a manifest
    from sources.releases.manifest_model import StepSummary

FILES = "files.json"

BLOCK = 1 << 20


class StoredFile(TypedDict):
    """The size of a file in bytes, and a hash of its content."""

    bytes: int
    xxh3: str


Listing = dict[str, StoredFile]


def list_files(folder: Path) -> Listing:
    """Return the files of rows and tables in the folder of a step, by path: their sizes and hashes."""
    paths = sorted(path for path in folder.rglob("*.parquet") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "xxh3": content_hash(path)}
        for path in paths
    }


def content_hash(*paths: Path) -> str:
    """Return a 128-bit hash of files, in order; it detects accidents, not an adversary with access to the store."""
    digest = xxhash.xxh3_128()
    for path in paths:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def height(paths: Iterable[Path]) -> int:
    """Return the total number of rows of parquet files."""
    files = list(paths)
    return int(scan_parquet(files).select(pl.len()).collect().item()) if files else 0


def find_damage(folder: Path, summary: StepSummary, *, contents: bool) -> str | None:
    """Return the damage of a finished step, None where there is none; ``contents`` reads every file."""
    listing = folder / FILES
    if not listing.exists():
        return _miscounted(folder, summary)
    try:
        listed: Listing = json.loads(listing.read_text(encoding="utf-8"))
        for name, facts in listed.items():
            path = folder / name
            if not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != facts["bytes"]:
                return f"{name} has {path.stat().st_size:,} bytes, expected {facts['bytes']:,}"
            if contents and content_hash(path) != facts["xxh3"]:
                return f"{name} has other content than when it was built"
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        return f"{FILES} cannot be read ({error})"
    return None


def _miscounted(folder: Path, summary: StepSummary) -> str | None:
    try:
        for name, expected in (("kept", summary.counts.kept), ("dropped", summary.counts.dropped)):
            rows = height(sorted(folder.glob(f"{name}/*.parquet")))
            if rows != expected:
                return f"{name} holds {rows:,} rows, expected {expected:,}"
    except (pl.exceptions.PolarsError, OSError) as error:
        return f"its rows cannot be counted ({error})"
    return None
