"""A folder that is there whole or not at all: written beside its place under another name, synced, then renamed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.merging.merge_errors import MergeError

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
RESERVE = 64 << 20
"""Bytes beside the weights: tokenizer, records, the file system's own."""


@contextmanager
def new_folder(out: Path, size: int) -> Iterator[Path]:
    """Give a folder to write into; it becomes ``out``, synced, when all went well, and goes when something did not.

    What a killed run left is removed by the next. Raises ``MergeError`` where ``out`` is there already, where the disk
    has no room for ``size`` bytes or becomes full, and where another run is writing the same.
    """
    check_output_folder(out, size)
    partial = _partial(out)
    with _telling(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        handle = _held(partial, out)
        try:
            for path in partial.iterdir():
                path.unlink()
            yield partial
            _sync(partial)
            partial.rename(out)
            _sync(out.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        finally:
            os.close(handle)


def check_output_folder(out: Path, size: int) -> None:
    """Raise ``MergeError`` where ``out`` is there already, or its disk has no room for ``size`` bytes."""
    if out.exists():
        raise MergeError(f"{out} is there already, expected a new folder: name another or remove it")
    existing = next(parent for parent in out.absolute().parents if parent.exists())
    # What a killed run left counts as free: the next one removes it.
    left = sum(path.stat().st_size for path in _partial(out).glob("*"))
    free = shutil.disk_usage(existing).free + left
    if free < size + RESERVE:
        raise MergeError(
            f"the result has {size:,} bytes and the disk of {existing} has {free:,} free: "
            "make room, or name a folder on another"
        )


def _partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial")


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and sync it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _held(partial: Path, out: Path) -> int:
    """Return a handle on the folder that keeps other runs out until it is closed, or the process ends."""
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


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _telling(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise MergeError(
                f"no room to write {out} ({os.strerror(error.errno)}): "
                "make room and merge again; nothing was left there"
            ) from error
        raise MergeError(f"cannot write {out}: {error}") from error
