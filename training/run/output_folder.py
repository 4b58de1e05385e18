"""The output folder of a run: a partial folder, renamed to the result when it is complete."""

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
    """The result at ``out``, and the partial folder from which an interrupted run resumes."""

    out: Path

    @property
    def partial(self) -> Path:
        """The folder of an unfinished run: rows, checkpoints and log."""
        return self.out.with_name(f"{self.out.name}.partial")

    def finished_record(self, identity: str) -> dict[str, Any] | None:
        """Return the record of a complete run, None without one; raise where ``out`` is something else."""
        if not self.out.exists():
            return None
        record = self.out / RECORD
        finished: dict[str, Any] = json.loads(record.read_text()) if record.is_file() else {}
        if finished.get("identity") != identity:
            raise TrainingError(
                f"{self.out} holds {'another run' if finished else 'no run'}: remove it or give another --out"
            )
        return finished

    def begin(self, identity: str) -> None:
        """Create or reuse the partial folder of a run; raise where it belongs to another run with checkpoints.

        The files of a run without a complete checkpoint are removed.
        """
        note = self.partial / "identity"
        same = note.is_file() and note.read_text() == identity
        if self.partial.exists() and not same and not any(self.partial.glob(f"part-*/**/{MARKER}")):
            shutil.rmtree(self.partial)
        if note.is_file() and not same:
            raise TrainingError(
                f"{self.partial} was started with other rows, model or settings: "
                "use those to resume, or remove it to start again"
            )
        self.partial.mkdir(parents=True, exist_ok=True)
        write_bytes(note, identity.encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the output folder; raise where another run has locked it."""
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
        """Rename a complete model folder to the result and clean up."""
        sync_tree(model)
        publish_folder(model, self.out)
        self.clean()

    def clean(self) -> None:
        """Remove the files that a complete run no longer needs."""
        (self.out / MARKER).unlink(missing_ok=True)
        shutil.rmtree(self.partial, ignore_errors=True)


def identity_of(facts: Mapping[str, Any]) -> str:
    """Return the identity of a run: the sha256 of everything that determines its result."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def sync_tree(folder: Path) -> None:
    """Wait until a folder and every file and folder in it are on the disk."""
    for path in [folder, *folder.rglob("*")]:
        sync(path)


def mark_complete(folder: Path) -> None:
    """Mark a checkpoint or a part's model as complete; unmarked ones are never read."""
    sync_tree(folder)
    write_bytes(folder / MARKER, b"")


def last_checkpoint(folder: Path) -> Path | None:
    """Return the last complete checkpoint in ``folder``, and remove incomplete ones."""
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in checkpoints:
        if not (path / MARKER).is_file():
            shutil.rmtree(path)
    return next((path for path in reversed(checkpoints) if path.exists()), None)


@contextmanager
def report_full_disk(folder: Path) -> Iterator[None]:
    """Turn errors of a full disk into a ``TrainingError`` with a remedy."""
    try:
        yield
    except TrainingError:
        raise
    except Exception as error:
        if not disk_full_reason(error):
            raise
        raise TrainingError(
            f"no room to write in {folder} ({free_bytes(folder):,} bytes free): make room and run again; "
            "the run resumes from its last complete checkpoint"
        ) from error
