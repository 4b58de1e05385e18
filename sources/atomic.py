"""Atomic writing: to a temporary name, synced to the disk, then renamed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import polars as pl

from sources.errors import SabilaError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

LEFTOVER = re.compile(r".+\.\d+\.tmp")
"""The name of a file while it is written."""


class WriteError(SabilaError):
    """A file or folder that cannot be written."""


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a parquet file atomically; the same table gives the same bytes."""
    with replacing(path) as temporary:
        table.write_parquet(temporary, compression="zstd", compression_level=1, row_group_size=50_000, statistics=True)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, with sorted keys."""
    write_bytes(path, (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def own_number() -> int:
    """Return a number for the name of a temporary file: no other process has it, on any machine of a cluster."""
    return secrets.randbits(62)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; on success it is synced and renamed to ``path``."""
    temporary = path.with_name(f"{path.name}.{own_number()}.tmp")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)  # a temporary file without a lock is a leftover (remove_leftovers)
            try:
                yield temporary
                sync(temporary)
                temporary.rename(path)
            finally:
                temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of killed processes from a folder; those of running processes stay."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if not LEFTOVER.fullmatch(path.name) or path.is_symlink() or not path.is_file():
            continue
        with path.open() as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            path.unlink(missing_ok=True)


def open_lock(path: Path) -> TextIO:
    """Open the file of a lock, made where it is missing; close it to free the lock."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w")


def sync(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish_folder(partial: Path, out: Path) -> None:
    """Rename a complete folder to ``out``, durably."""
    sync(partial)
    partial.rename(out)
    sync(out.parent)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write ``path`` into a ``WriteError`` that says what to do."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        if reason := disk_full_reason(error):
            raise WriteError(
                f"no room to write {path} ({reason}; {free_bytes(path):,} bytes free): make room and run again; "
                "what is complete is kept"
            ) from error
        if not _names(error, path):
            raise  # what was being written could not be read
        raise WriteError(f"cannot write {path}: {error}") from error


def _names(error: Exception, path: Path) -> bool:
    """Return whether an error concerns ``path``, its temporary name or a folder above it."""
    if not isinstance(error, OSError):
        return str(path) in str(error)
    if error.filename is None:
        return True
    return str(error.filename).startswith(str(path)) or Path(str(error.filename)) in path.parents


def disk_full_reason(error: BaseException | None) -> str | None:
    """Return how an error, or one that caused it, reports a full disk, None for other errors.

    polars, pyarrow and torch report it as text only.
    """
    if error is None:
        return None
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return os.strerror(error.errno)
    found = re.search(r"os error (\d+)|(No space left|File too large|unexpected pos|file write failed)", str(error))
    if found and (found[2] or int(found[1]) in NO_ROOM):
        return os.strerror(int(found[1] or (errno.EFBIG if found[2] == "File too large" else errno.ENOSPC)))
    return disk_full_reason(error.__cause__ or error.__context__)


def free_bytes(path: Path) -> int:
    """Return the free bytes of the disk that holds ``path``, which need not exist yet."""
    place = path.absolute()
    return shutil.disk_usage(next(parent for parent in (place, *place.parents) if parent.exists())).free
