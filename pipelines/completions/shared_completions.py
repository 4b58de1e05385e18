"""Completions exchanged with a shared store: files that are named by the hash of their content and never changed.

    completions/<sha256>.parquet    completions that one machine stored, each once

An answer that is stored here stays, whatever other machines have.
"""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import polars as pl

from pipelines.completions.completion_rows import store_rows
from pipelines.completions.completion_store import EXPORTED, LOOKED_UP, opened
from pipelines.storage.shared_files import SharedFiles, SharedStoreError
from sources.formats.literal import parquet_schema, parse_parquet, read_parquet
from synth.teachers.candidates import FAILED

FOLDER = "completions"


def share_completions(path: Path, shared: SharedFiles) -> int:
    """Upload the completions of a store that a shared one lacks, and return their number."""
    uploaded = 0
    with opened(path) as completions:
        number, _ = completions.exchanged(shared.url)
        while True:
            rows, last = completions.exported_after(number)
            if rows.is_empty():
                return uploaded
            buffer = BytesIO()
            rows.write_parquet(buffer, compression="zstd")
            name = f"{hashlib.sha256(buffer.getvalue()).hexdigest()}.parquet"
            shared.write(f"{FOLDER}/{name}", buffer.getvalue())
            completions.note_exchanged(shared.url, name, last)
            number = last
            uploaded += rows.height


def fetch_completions(path: Path, shared: SharedFiles) -> int:
    """Store the completions of a shared store that are not known here, and return their number.

    Raises ``SharedStoreError`` where they cannot be read.
    """
    fetched = 0
    with opened(path) as completions:
        _, known = completions.exchanged(shared.url)
        for name in sorted(shared.names(FOLDER) - known):
            if not name.endswith(".parquet"):
                continue  # left by an interrupted upload
            rows = _read(name, shared)
            uploaded, _ = completions.exchanged(shared.url)
            before = completions.last_number()
            new = sum(
                part.height - len(completions.lookup(part["key"].to_list())) for part in rows.iter_slices(LOOKED_UP)
            )
            for _ in store_rows(rows, completions):
                fetched += 1
            stored = completions.last_number()
            # What was fetched is not uploaded again, unless other completions were stored in between.
            alone = uploaded == before and stored - before == new
            completions.note_exchanged(shared.url, name, stored if alone else uploaded)
    return fetched


def has_other_answers(path: Path, folder: Path) -> bool:
    """Return whether a finished step was made of other answers than those of the store, or of some it lacks."""
    with opened(path) as completions:
        for table in sorted(folder.glob("*/*.parquet")):
            if not {"key", "text", "verdict"} <= set(parquet_schema(table)):
                continue
            rows = read_parquet(table, columns=["key", "text", "verdict"]).filter(pl.col("verdict") != FAILED)
            for part in rows.iter_slices(LOOKED_UP):
                stored = completions.lookup(part["key"].unique().to_list())
                for key, text, _ in part.iter_rows():
                    if key not in stored or stored[key].text != text:
                        return True
    return False


def _read(name: str, shared: SharedFiles) -> pl.DataFrame:
    """Return the completions of a file; ``SharedStoreError`` where it is not what was uploaded."""
    content = shared.read(f"{FOLDER}/{name}")
    place = f"{shared.url}/{FOLDER}/{name}"
    if content is None or f"{hashlib.sha256(content).hexdigest()}.parquet" != name:
        raise SharedStoreError(f"{place} is damaged, expected the content that its name is the hash of; remove it")
    if (rows := parse_parquet(content)).schema != pl.Schema(EXPORTED):
        raise SharedStoreError(f"{place} has the columns {list(rows.schema)}, expected {list(EXPORTED)}; remove it")
    return rows
