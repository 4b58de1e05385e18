"""What a store holds and what nothing uses any more: steps of earlier builds, of interrupted ones, kept tables.

A step is used by a release, or by the last build of a recipe. A build that needs what was removed rebuilds it; models'
answers, vectors of texts, raw files and releases are never removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import Field

from pipelines.build.rebuild_reasons import read_note
from pipelines.completions.completion_store import FILE
from pipelines.storage.store import VECTOR_FOLDER, Store, StoreError
from sources.fields.json_model import Count, JsonModel
from sources.releases.read_manifest import MANIFEST, load


class StorePart(JsonModel):
    """Folders or files of one kind in a store: their number and bytes, and whether nothing uses them."""

    part: str
    count: Count
    bytes: Count
    unused: bool = False
    names: list[str] = Field(default_factory=list)
    """Names below the store, of parts that nothing uses."""


class StoreContents(JsonModel):
    """The parts of a store, and the bytes that were removed in this call."""

    store: str
    parts: list[StorePart]
    removed_bytes: Count = 0

    @property
    def unused_bytes(self) -> int:
        """The bytes that nothing uses."""
        return sum(part.bytes for part in self.parts if part.unused)


def store_contents(store: Store) -> StoreContents:
    """Return what a store holds.

    Raises ``StoreError`` where there is no store or a note of a build is damaged, and ``ReleaseError`` for a damaged
    manifest: what it uses is not known.
    """
    _check(store)
    used = used_steps(store)
    steps = _folders(store.root / "steps")
    older_tables = set(_older_tables(store))
    return StoreContents(
        store=str(store.root),
        parts=[
            _part(store, "steps of releases and last builds", [path for path in steps if path.name in used]),
            _part(store, "other steps", [path for path in steps if path.name not in used], unused=True),
            _part(store, "steps begun since", sorted(_begun(store, since=True))),
            _part(store, "steps begun before the last build", sorted(_begun(store, since=False)), unused=True),
            _part(store, "kept tables", [path for path in _folders(store.root / "memory") if path not in older_tables]),
            _part(store, "older kept tables", sorted(older_tables), unused=True),
            _part(store, "models' answers", sorted(store.root.glob(f"{FILE}*"))),
            _part(store, "vectors of texts", sorted((store.root / VECTOR_FOLDER).rglob("*.parquet"))),
            _part(store, "raw files", [path for path in (store.root / "raw").rglob("*") if path.is_file()]),
            _part(store, "releases", [path.parent for path in _manifests(store)]),
        ],
        removed_bytes=0,
    )


def remove_unused(store: Store) -> StoreContents:
    """Remove what nothing uses, and return what the store held and how many bytes were removed.

    Raises ``StoreError`` where a build is running in the store.
    """
    _check(store)
    with store.alone():
        contents = store_contents(store)
        for part in contents.parts:
            for name in part.names:
                shutil.rmtree(store.root / name)
        return contents.with_values(removed_bytes=contents.unused_bytes)


def _check(store: Store) -> None:
    """Raise ``StoreError`` where there is no store, or one of a newer sabila."""
    if not (store.root / "store.json").exists():
        raise StoreError(f"{store.root} is no store, expected a folder that sabila build wrote; name it with --store")
    store.prepare()


def used_steps(store: Store) -> set[str]:
    """Return the folders of the steps of all releases and of the last build of every recipe."""
    noted = {name for path in _notes(store) for name in read_note(path).steps}
    return noted | {step.folder for path in _manifests(store) for step in load(path.parent).steps}


def _notes(store: Store) -> list[Path]:
    return sorted((store.root / "builds").glob("*.json"))


def _manifests(store: Store) -> list[Path]:
    return sorted(store.root.glob(f"releases/*/*/{MANIFEST}"))


def _folders(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir()) if place.is_dir() else []


def _begun(store: Store, *, since: bool) -> Iterator[Path]:
    """Yield the folders of unfinished steps that were written to since the last build ended, or those that were not."""
    ended = max((path.stat().st_mtime for path in _notes(store)), default=0.0)
    for folder in _folders(store.root / "partial"):
        written = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
        if (written > ended) is since:
            yield folder


def _older_tables(store: Store) -> Iterator[Path]:
    """Yield the folders of kept tables (``signature_memory``, sketches), but for the newest one of each step."""
    by_step: dict[str, list[Path]] = {}
    for folder in _folders(store.root / "memory"):
        by_step.setdefault(folder.name.rpartition("-")[0], []).append(folder)
    for folders in by_step.values():
        yield from sorted(folders, key=lambda path: path.stat().st_mtime_ns)[:-1]


def _part(store: Store, name: str, paths: Iterable[Path], *, unused: bool = False) -> StorePart:
    found = list(paths)
    names = [path.relative_to(store.root).as_posix() for path in found] if unused else []
    return StorePart(part=name, count=len(found), bytes=sum(map(_bytes, found)), unused=unused, names=names)


def _bytes(path: Path) -> int:
    """Return the bytes of a file or of all files in a folder; a file with two names counts once."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum({(stat.st_dev, stat.st_ino): stat.st_size for stat in (file.stat() for file in files)}.values())
