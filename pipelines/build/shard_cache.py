"""Results of shards in earlier builds: reused where shard, code and config are the same.

A changed row or an added source changes the inputs, and so the names, of all later steps, but few of the files that
they read. Files are identified by content, and results are linked, not copied.
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
"""In the folder of a step: the input content and counts of each shard."""


@dataclass(frozen=True, kw_only=True)
class CachedShard:
    """The result of a shard: the step's folder, the shard's number in it, and its counts."""

    folder: Path
    shard: int
    counts: dict[str, Any]

    def link(self, folder: Path, shard: int) -> None:
        """Link the files of the result into another folder, under another number."""
        for path in sorted(self.folder.glob(f"*/{self.shard:05}.parquet")):
            place = folder / path.parent.name / f"{shard:05}.parquet"
            temporary = place.with_name(f"{place.name}.{os.getpid()}.tmp")
            with writing(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                temporary.unlink(missing_ok=True)
                _link(path, temporary)
                temporary.rename(place)


Known = Mapping[str, CachedShard]
"""Results by the content of their input."""


def _link(path: Path, place: Path) -> None:
    try:
        place.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copyfile(path, place)


def content_of(paths: Sequence[Path]) -> str:
    """Return a hash of the bytes of some files, in order; 128 bits identify a shard within one store."""
    return content_hash(*paths)


def note_shards(folder: Path, counts: Sequence[dict[str, Any]]) -> None:
    """Write the index of a step whose shards have counts; nothing where an older sabila did some of them."""
    if all("of" in counted for counted in counts):
        index = [{name: value for name, value in counted.items() if name != "taken_over"} for counted in counts]
        write_json(folder / INDEX, index)


def cached_shard(store: Store, identity: Mapping[str, Any]) -> dict[str, CachedShard]:
    """Return the shard results of steps that differ from ``identity`` only in their inputs."""
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
