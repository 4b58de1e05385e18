"""What a step made of a shard in an earlier build: taken over where the shard, the code and the config are the same.

A row that was fixed, or a source that was added, changes the inputs of every step after it, and so their names, but few
of the files that these steps read. Files are known by their content, and their outcomes linked, not copied.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.storage.store import Store
from pipelines.storage.stored_step import content_hash
from sources.atomic import write_json, writing

INDEX = "shards.json"
"""In the folder of a step: what each of its shards was made of and what was counted, by shard."""


@dataclass(frozen=True, kw_only=True)
class CachedShard:
    """The outcome of a shard: the step's folder, the shard's number in it, and what was counted."""

    folder: Path
    shard: int
    counts: dict[str, Any]

    def link(self, folder: Path, shard: int) -> None:
        """Give the files of the outcome to another folder, under another number."""
        for path in sorted(self.folder.glob(f"*/{self.shard:05}.parquet")):
            place = folder / path.parent.name / f"{shard:05}.parquet"
            temporary = place.with_name(f"{place.name}.{os.getpid()}.tmp")
            with writing(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                temporary.unlink(missing_ok=True)
                _link(path, temporary)
                temporary.rename(place)


Known = Mapping[str, CachedShard]
"""Outcomes by the content they were made of."""


def _link(path: Path, place: Path) -> None:
    try:
        place.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copyfile(path, place)


def content_of(paths: Sequence[Path]) -> str:
    """Return a hash of the bytes of some files, in order; 128 bits identify a shard within one store."""
    return content_hash(*paths)


def note_shards(folder: Path, counts: Sequence[dict[str, Any]]) -> None:
    """Write the index of a step whose shards were counted so; nothing where an older sabila did some of them."""
    if all("of" in counted for counted in counts):
        index = [{name: value for name, value in counted.items() if name != "taken_over"} for counted in counts]
        write_json(folder / INDEX, index)


def cached_shard(store: Store, identity: Mapping[str, Any]) -> dict[str, CachedShard]:
    """Return what steps that differ from ``identity`` in nothing but the steps they read made of their shards."""
    found: dict[str, CachedShard] = {}
    for index in sorted((store.root / "steps").glob(f"{identity['step']}-*/{INDEX}")):
        if not store.done(index.parent.name):
            continue
        if _alone(store.summary(index.parent.name)["identity"]) == _alone(identity):
            for shard, counts in enumerate(json.loads(index.read_text(encoding="utf-8"))):
                found[counts["of"]] = CachedShard(folder=index.parent, shard=shard, counts=counts)
    return found


def _alone(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in identity.items() if name != "inputs"}
