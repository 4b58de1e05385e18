"""Where a run writes: a partial folder beside its result, which appears complete or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources.atomic import disk_full_reason, free_bytes, publish_folder, sync, write_bytes
from training.training_errors import TrainingError

RECORD = "run.json"
MARKER = "complete"


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The result at ``out``, and beside it what a run that was ended can go on from."""

    out: Path

    @property
    def partial(self) -> Path:
        """The folder of a run that is not complete: its rows, checkpoints and log."""
        return self.out.with_name(f"{self.out.name}.partial")

    def finished(self, identity: str) -> dict[str, Any] | None:
        """Return the record of the run if it is complete; raise where something else is in its place."""
        if not self.out.exists():
            return None
        record = self.out / RECORD
        found: dict[str, Any] = json.loads(record.read_text()) if record.is_file() else {}
        if found.get("identity") != identity:
            raise TrainingError(
                f"{self.out} holds {'another run' if found else 'no run'}: remove it or give another --out"
            )
        return found

    def begin(self, identity: str) -> None:
        """Make the partial folder, or find that of the same run; raise where it is that of another, with work to keep.

        What a run left that was ended before its first whole checkpoint is removed.
        """
        note = self.partial / "identity"
        same = note.is_file() and note.read_text() == identity
        if self.partial.exists() and not same and not any(self.partial.glob(f"part-*/**/{MARKER}")):
            shutil.rmtree(self.partial)
        if note.is_file() and not same:
            raise TrainingError(
                f"{self.partial} was begun with other rows, model or settings: "
                "give those again to go on, or remove it to begin anew"
            )
        self.partial.mkdir(parents=True, exist_ok=True)
        write_bytes(note, identity.encode())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder against another run into the same place, which is refused."""
        self.out.parent.mkdir(parents=True, exist_ok=True)
        with (self.out.parent / f".{self.out.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TrainingError(f"another run is writing {self.out}: wait for it or give another --out") from error
            try:
                yield
            finally:
                Path(lock.name).unlink(missing_ok=True)

    def publish(self, model: Path) -> None:
        """Put a complete model folder in the place of the result, whole, and clean up."""
        sync_tree(model)
        publish_folder(model, self.out)
        self.clean()

    def clean(self) -> None:
        """Remove what a complete run needs no more."""
        (self.out / MARKER).unlink(missing_ok=True)
        shutil.rmtree(self.partial, ignore_errors=True)


def identity_of(facts: Mapping[str, Any]) -> str:
    """Return the name of a run: the sha256 of what decides its outcome."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def sync_tree(folder: Path) -> None:
    """Wait until a folder and every file and folder in it are on the disk."""
    for path in [folder, *folder.rglob("*")]:
        sync(path)


def mark_complete(folder: Path) -> None:
    """Mark a checkpoint or a part's model as whole; what has no mark is never read."""
    sync_tree(folder)
    write_bytes(folder / MARKER, b"")


def last_checkpoint(folder: Path) -> Path | None:
    """Return the last whole checkpoint in ``folder``, and remove those that were cut off."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in found:
        if not (path / MARKER).is_file():
            shutil.rmtree(path)
    return next((path for path in reversed(found) if path.exists()), None)


@contextmanager
def report_full_disk(folder: Path) -> Iterator[None]:
    """Turn the failure to write for want of room into a ``TrainingError`` that says what to do."""
    try:
        yield
    except TrainingError:
        raise
    except Exception as error:
        if not disk_full_reason(error):
            raise
        raise TrainingError(
            f"no room to write in {folder} ({free_bytes(folder):,} bytes free): make room and run again; "
            "the run goes on from its last whole checkpoint"
        ) from error
