"""The store: one folder per finished step, written atomically and safe for concurrent builds.

A step is written into a ``.partial`` folder under a lock that the operating system frees when its process dies. Every
file is written under a temporary name, synced and renamed; ``step.json`` comes last, then temporary data is removed and
the folder gets its name. Finished shards of an interrupted build are reused by the next.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.storage.stored_step import FILES, find_damage, list_files
from sources.atomic import open_lock, sync, write_json, writing
from sources.errors import SabilaError
from sources.releases.manifest_model import StepSummary

FORMAT = 1
"""The layout of a store; a store of a higher one was written by a newer sabila."""

MARKER = "step.json"

SCRATCH = ("shards", "sketch", "decided", "quarantine")
"""Temporary folders inside a step's folder while it is built."""


VECTOR_FOLDER = "vectors"
"""Folder of the vectors of texts that verbs on own files keep, with one folder for each model."""

BUILDING = ".building"
"""Lock that all builds share; only the removal of steps holds it exclusively."""


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
        if (stored_format := _format(version)) > FORMAT:
            raise StoreError(
                f"{self.root} has format {stored_format}, expected {FORMAT} or less: a newer sabila wrote it; "
                "upgrade, or name another folder with --store"
            )

    def folder(self, name: str) -> Path:
        """Return the folder of the finished step ``name`` (``<step>-<fingerprint>``), which may not exist yet."""
        return self.root / "steps" / name

    def done(self, name: str) -> bool:
        """Return whether the step is complete."""
        return (self.folder(name) / MARKER).exists()

    def summary(self, name: str) -> StepSummary:
        """Return the content of ``step.json`` of a finished step; ``StoreError`` where the step is gone."""
        path = self.folder(name) / MARKER
        if not path.exists():
            raise StoreError(f"{path.parent} is gone, expected a finished step; build again")
        try:
            return StepSummary.of(json.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise StoreError(f"{path} is damaged ({error}); remove {path.parent} and build again") from error

    def check(self, name: str, *, contents: bool) -> None:
        """Raise ``StoreError`` for a damaged finished step; ``contents`` reads all its files."""
        if damage := find_damage(self.folder(name), self.summary(name), contents=contents):
            raise StoreError(
                f"{self.folder(name)} is damaged: {damage}. Remove the folder and build again; other steps are kept"
            )

    @contextmanager
    def partial(self, name: str, waiting: Callable[[], None]) -> Iterator[Path | None]:
        """Lock the step and yield its partial folder, or None if another build has finished it meanwhile.

        ``waiting`` is called once if another build has the lock.
        """
        folder = self.root / "partial" / name
        with open_lock(self.root / "locks" / name) as handle:
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
        """Acquire the lock ``name``, waiting for its holder; it is freed when the process dies."""
        with open_lock(self.root / "locks" / name) as handle:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX)
            yield

    @contextmanager
    def building(self) -> Iterator[None]:
        """Keep ``alone`` from running while steps are built or read."""
        with open_lock(self.root / "locks" / BUILDING) as handle:
            fcntl.flock(handle.fileno(), fcntl.LOCK_SH)
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep builds from running; ``StoreError`` where one is."""
        with open_lock(self.root / "locks" / BUILDING) as handle:
            try:
                fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(f"a build is running in {self.root}, expected none; wait for its end") from error
            yield

    def finish(self, name: str, summary: StepSummary) -> Path:
        """Write the marker into the partial folder, remove temporary data and give the folder its name."""
        partial = self.root / "partial" / name
        listed = {path: facts for path, facts in list_files(partial).items() if path.split("/")[0] not in SCRATCH}
        write_json(partial / FILES, listed)
        write_json(partial / MARKER, summary.to_json())
        return self._publish(name)

    def adopt(self, name: str, downloaded: Path) -> Path:
        """Give the complete folder ``downloaded`` the name of a step, in place of what a killed build left of it."""
        partial = self.root / "partial" / name
        with writing(partial):
            shutil.rmtree(partial, ignore_errors=True)
            downloaded.rename(partial)
        return self._publish(name)

    def _publish(self, name: str) -> Path:
        partial, folder = self.root / "partial" / name, self.folder(name)
        for leftover in partial.rglob("*.tmp"):
            leftover.unlink(missing_ok=True)
        for scratch in SCRATCH:
            shutil.rmtree(partial / scratch, ignore_errors=True)
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)  # a folder without a marker, which sabila did not write
            partial.rename(folder)
            sync(folder.parent)
        return folder


def _format(version: Path) -> int:
    try:
        return int(json.loads(version.read_text(encoding="utf-8"))["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{version} does not say the store's format ({error!r}), expected the number {FORMAT}; "
            "restore it, or name another folder with --store"
        ) from error


def _acquire(handle: int, waiting: Callable[[], None]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(handle, fcntl.LOCK_EX)
