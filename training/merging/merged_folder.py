"""The output folder of a merge, written atomically: to a hidden folder next to it, synced, then renamed."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sources.atomic import WriteError, disk_full_reason, free_bytes, publish_folder
from training.training_errors import MergeError

RESERVE = 64 << 20
"""Bytes needed besides the weights: tokenizer, records, the file system's own."""


@contextmanager
def new_folder(out: Path, size: int) -> Iterator[Path]:
    """Give a folder to write to; on success it is synced and renamed to ``out``, on failure removed.

    The next run removes the files of a killed run. Raises ``MergeError`` where ``out`` exists, where the disk has no
    room for ``size`` bytes or becomes full, and where another run is writing the same folder.
    """
    check_output_folder(out, size)
    partial = _partial(out)
    with _report_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        handle = _lock_folder(partial, out)
        try:
            for path in partial.iterdir():
                path.unlink()
            yield partial
            publish_folder(partial, out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        finally:
            os.close(handle)


def check_output_folder(out: Path, size: int) -> None:
    """Raise ``MergeError`` where ``out`` exists, or its disk has no room for ``size`` bytes."""
    if out.exists():
        raise MergeError(f"{out} exists already, expected a new folder: name another or remove it")
    # The files of a killed run count as free: the next one removes them.
    left = sum(path.stat().st_size for path in _partial(out).glob("*"))
    free = free_bytes(out) + left
    if free < size + RESERVE:
        raise MergeError(
            f"the result has {size:,} bytes and the disk of {out.absolute().parent} has {free:,} free: "
            "make room, or name a folder on another disk"
        )


def _partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial")


def _lock_folder(partial: Path, out: Path) -> int:
    """Return a handle that locks the folder until it is closed or the process ends."""
    partial.mkdir(exist_ok=True)
    handle = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not partial.exists() or partial.stat().st_ino != os.fstat(handle).st_ino:
            raise BlockingIOError  # another run finished between the two calls
    except BlockingIOError:
        os.close(handle)
        raise MergeError(f"another run is writing {out}: wait for it, or name another folder") from None
    return handle


@contextmanager
def _report_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, WriteError) as error:
        if reason := disk_full_reason(error):
            raise MergeError(
                f"no room to write {out} ({reason}): make room and merge again; nothing was left there"
            ) from error
        raise MergeError(f"cannot write {out}: {error}") from error
