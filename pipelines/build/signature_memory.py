"""State of whole-set steps, kept in the store, so that the next build processes new shards only.

A memory belongs to a step's name, code and config. It contains tables as Arrow files, which are memory-mapped, and the
hashes of the shards they cover; unchanged tables are linked from one memory to the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from quality.mapped_tables import mapped, write_mapped
from sources.atomic import replacing, write_json, writing

CONTENTS = "contents.json"


@dataclass(frozen=True)
class Memory:
    """The memories of one step, in ``folder``: one for each set of shards it was built over, the newest last."""

    folder: Path

    def recall(self, shards: Sequence[Path]) -> tuple[dict[str, pl.DataFrame], list[Path]]:
        """Return the tables of the largest memory that covers only these shards, and the shards it does not cover."""
        hashes = {_sha256(path): path for path in shards}
        fitting = [known for known in self._stored() if set(known[1]) <= set(hashes)]
        if not fitting or len(hashes) < len(shards):
            return {}, list(shards)
        place, covered = max(fitting, key=lambda known: len(known[1]))
        tables = {path.stem: mapped(path) for path in sorted(place.glob("*.arrow"))}
        return tables, [path for digest, path in hashes.items() if digest not in covered]

    def keep(self, tables: dict[str, pl.DataFrame], known: dict[str, pl.DataFrame], shards: Sequence[Path]) -> None:
        """Store ``tables`` for ``shards`` atomically, in place of the previous ones."""
        hashes = sorted(map(_sha256, shards))
        place = self.folder / hashlib.sha256("".join(hashes).encode()).hexdigest()[:16]
        before = [folder for folder, _ in self._stored()]
        if place in before:
            return
        partial = self.folder / f"{place.name}.{os.getpid()}.tmp"
        shutil.rmtree(partial, ignore_errors=True)
        with writing(partial):
            partial.mkdir(parents=True)
            for name, table in tables.items():
                self._put(partial / f"{name}.arrow", table, known.get(name))
            write_json(partial / CONTENTS, hashes)
            partial.rename(place)
        for old in before:
            shutil.rmtree(old, ignore_errors=True)

    def _put(self, path: Path, table: pl.DataFrame, known: pl.DataFrame | None) -> None:
        """Write a table, or link its mapped file where it did not change."""
        if table is known:
            for folder, _ in self._stored():
                if (folder / path.name).exists():
                    os.link(folder / path.name, path)
                    return
        with replacing(path) as temporary:
            write_mapped(table, temporary)

    def _stored(self) -> list[tuple[Path, list[str]]]:
        paths = sorted(self.folder.glob(f"*/{CONTENTS}"), key=lambda path: path.stat().st_mtime_ns)
        return [(path.parent, json.loads(path.read_text(encoding="utf-8"))) for path in paths if _whole(path.parent)]


def _whole(folder: Path) -> bool:
    return folder.suffix != ".tmp"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
