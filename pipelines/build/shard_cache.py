"""Results of shards in earlier builds: reused where shard, code and config are the same.

A changed row or an added source changes the inputs, and so the names, of all later steps, but few of the files that
they read. Files are identified by content, and results are linked, not copied.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from pipelines.build.fingerprint import fingerprint, plain
from pipelines.storage.store import Store
from pipelines.storage.stored_step import content_hash
from quality.overrides import Override
from sources.atomic import own_number, write_json, writing
from sources.fields.json_model import Count, JsonModel
from sources.releases.manifest_model import FailedRequests, Identity

INDEX = "shards.json"
"""In the folder of a step: the input content and counts of each shard."""


class ShardCounts(JsonModel):
    """The counts of a shard: rows in, derived, changed and quarantined, and edits by rule.

    ``shard`` is its number. ``input_hash`` is the content of its input, empty where that is not cached; ``reused`` is
    true for the result of an earlier build.
    """

    shard: Count = 0
    rows_in: Count
    made: Count = 0
    changed: Count = 0
    quarantined: Count = 0
    edits: dict[str, Count] = Field(default_factory=dict)
    input_hash: str = ""
    reused: bool = False
    failed: FailedRequests | None = None


@dataclass(frozen=True, kw_only=True)
class CachedShard:
    """The result of a shard: the step's folder, the shard's number in it, and its counts."""

    folder: Path
    shard: int
    counts: ShardCounts

    def link(self, folder: Path, shard: int) -> None:
        """Link the files of the result into another folder, under another number."""
        for path in sorted(self.folder.glob(f"*/{self.shard:05}.parquet")):
            link_file(path, folder / path.parent.name / f"{shard:05}.parquet")


Known = Mapping[str, CachedShard]
"""Results by the content of their input."""


def link_file(path: Path, place: Path) -> None:
    """Link a file to a second path, atomically."""
    temporary = place.with_name(f"{place.name}.{own_number()}.tmp")
    with writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        _link(path, temporary)
        temporary.rename(place)


def _link(path: Path, place: Path) -> None:
    try:
        place.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copyfile(path, place)


def content_of(paths: Sequence[Path], passes: Sequence[Override] = ()) -> str:
    """Return a hash of the bytes of some files, in order, and of the overrides of their rows.

    128 bits identify a shard within one store.
    """
    content = content_hash(*paths)
    return fingerprint([content, *(plain(entry) for entry in passes)]) if passes else content


def note_shards(folder: Path, counts: Sequence[ShardCounts]) -> None:
    """Write the index of the shards of a step; shards passed on unchanged have no entry."""
    write_json(folder / INDEX, [one.with_values(reused=False).to_json() for one in counts if one.input_hash])


def cached_shard(store: Store, identity: Identity) -> dict[str, CachedShard]:
    """Return the shard results of steps that differ from ``identity`` only in their inputs."""
    shards: dict[str, CachedShard] = {}
    for index in sorted((store.root / "steps").glob(f"{identity.step}-*/{INDEX}")):
        if not store.done(index.parent.name):
            continue
        if _without_inputs(store.summary(index.parent.name).identity) == _without_inputs(identity):
            for counted in json.loads(index.read_text(encoding="utf-8")):
                counts = ShardCounts.of(counted)
                shards[counts.input_hash] = CachedShard(folder=index.parent, shard=counts.shard, counts=counts)
    return shards


def _without_inputs(identity: Identity) -> Identity:
    """Return the identity without inputs and passes, which the hash of a shard's input covers."""
    return identity.with_values(inputs=[], passes=[])
