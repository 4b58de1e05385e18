"""The store: one folder a finished step, complete or absent, whatever happens and whoever else builds.

A step is written into a ``.partial`` folder under a lock that the operating system frees when its holder dies. Every
file is written under another name, synced and renamed; ``step.json`` comes last, then what only the making needed goes
and the folder gets its name. What a killed build had finished of a step, shard by shard, the next build takes over.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import polars as pl

from pipelines.storage.stored_step import FILES, find_damage, list_files
from sources.errors import SabilaError

FORMAT = 1
"""The layout of a store; a store of a higher one was written by a newer sabila."""

MARKER = "step.json"

SCRATCH = ("shards", "sketch", "decided", "quarantine")
"""Folders inside a step's that only its making needs."""


class StoreError(SabilaError):
    """A store that cannot be used or written."""


@dataclass(frozen=True)
class Store:
    """A folder of finished steps and releases."""

    root: Path

    def prepare(self) -> None:
        """Create the store, or check that this version can use it; ``StoreError`` where it cannot."""
        with writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        version = self.root / "store.json"
        if not version.exists():
            write_json(version, {"format": FORMAT})
        if (found := _format(version)) > FORMAT:
            raise StoreError(
                f"{self.root} has format {found}, expected {FORMAT} or less: a newer sabila wrote it; "
                "upgrade, or name another folder with --store"
            )

    def folder(self, name: str) -> Path:
        """Return where the finished step ``name`` (``<step>-<fingerprint>``) is or will be."""
        return self.root / "steps" / name

    def done(self, name: str) -> bool:
        """Say whether the step is complete."""
        return (self.folder(name) / MARKER).exists()

    def summary(self, name: str) -> dict[str, Any]:
        """Return what ``step.json`` says of a finished step; ``StoreError`` where the step is gone."""
        path = self.folder(name) / MARKER
        if not path.exists():
            raise StoreError(f"{path.parent} is gone, expected a finished step; build again")
        try:
            summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StoreError(f"{path} is damaged ({error}); remove {path.parent} and build again") from error
        return summary

    def check(self, name: str, *, contents: bool) -> None:
        """Raise ``StoreError`` for a finished step that is not as it was built; ``contents`` reads all its files."""
        if damage := find_damage(self.folder(name), self.summary(name), contents=contents):
            raise StoreError(
                f"{self.folder(name)} is not as it was built: {damage}. Remove the folder and build again; what is "
                "whole is kept"
            )

    @contextmanager
    def partial(self, name: str, waiting: Callable[[], None]) -> Iterator[Path | None]:
        """Hold the step's lock and give its partial folder, or None when another build finished it meanwhile.

        ``waiting`` is called once if another build holds the lock.
        """
        folder = self.root / "partial" / name
        with _lock_file(self.root / "locks" / name) as handle:
            _acquire(handle.fileno(), waiting)
            if (folder / MARKER).exists():  # a build was killed between the marker and the name
                self._publish(name)
            if self.done(name):
                yield None
                return
            with writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
            yield folder

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold the lock ``name``, waiting for whoever holds it; it is freed when its holder dies."""
        with _lock_file(self.root / "locks" / name) as handle:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX)
            yield

    def finish(self, name: str, summary: dict[str, Any]) -> Path:
        """Write the marker into the partial folder, tidy it up and give the folder its name."""
        partial = self.root / "partial" / name
        listed = {path: facts for path, facts in list_files(partial).items() if path.split("/")[0] not in SCRATCH}
        write_json(partial / FILES, listed)
        write_json(partial / MARKER, summary)
        return self._publish(name)

    def _publish(self, name: str) -> Path:
        partial, folder = self.root / "partial" / name, self.folder(name)
        for leftover in partial.rglob("*.tmp"):
            leftover.unlink(missing_ok=True)
        for scratch in SCRATCH:
            shutil.rmtree(partial / scratch, ignore_errors=True)
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)  # a folder without a marker, by another hand than ours
            partial.rename(folder)
            _sync(folder.parent)
        return folder


def _format(version: Path) -> int:
    try:
        return int(json.loads(version.read_text(encoding="utf-8"))["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{version} does not say the store's format ({error!r}), expected the number {FORMAT}; "
            "restore it, or name another folder with --store"
        ) from error


def _lock_file(path: Path) -> TextIO:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w")


def _acquire(handle: int, waiting: Callable[[], None]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(handle, fcntl.LOCK_EX)


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a parquet file, complete or not at all; the same table gives the same bytes."""
    with replacing(path) as temporary:
        table.write_parquet(temporary, compression="zstd", compression_level=1, row_group_size=50_000, statistics=True)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, complete or not at all, keys sorted."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, complete or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to; what was written there becomes ``path``, synced, when all went well."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w") as handle:  # held as long as it is written: what nobody holds is a leftover
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield temporary
                _sync(temporary)
                temporary.rename(path)
            finally:
                temporary.unlink(missing_ok=True)


LEFTOVER = re.compile(r".+\.\d+\.tmp")


def remove_leftovers(folder: Path) -> None:
    """Remove the files in a folder that a killed process had begun to write; those of a living one stay."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if not LEFTOVER.fullmatch(path.name) or path.is_symlink() or not path.is_file():
            continue
        with path.open() as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the failure to write ``path`` into a ``StoreError`` that says what to do."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        if _errno(error) in NO_ROOM:
            free = shutil.disk_usage(_existing(path)).free
            raise StoreError(
                f"no room to write {path} ({os.strerror(_errno(error))}; {free:,} bytes free): make room and "
                "run again; what is complete is kept"
            ) from error
        if not _names(error, path):
            raise  # what was being written could not be read
        raise StoreError(f"cannot write {path}: {error}") from error


def _names(error: Exception, path: Path) -> bool:
    """Say whether an error is of ``path``, of the name it has while it is written, or of a folder above it."""
    if not isinstance(error, OSError):
        return str(path) in str(error)
    if error.filename is None:
        return True
    return str(error.filename).startswith(str(path)) or Path(str(error.filename)) in path.parents


def _errno(error: Exception) -> int:
    """Return the system's error number, which polars gives only as text: "(os error 28)"."""
    if isinstance(error, OSError):
        return error.errno or 0
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else 0


def _existing(path: Path) -> Path:
    return next(parent for parent in path.absolute().parents if parent.exists())
