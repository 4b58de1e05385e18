"""Arrays beyond the memory of a step: in files without a name, which are gone when nothing reads them any more.

The system reads their pages as they are used and may drop them again, so they need no memory that is not free.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sources.atomic import writing

Number = TypeVar("Number", bound=np.generic)

GROUPS, OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""Where Linux states the memory that a container or a job may use."""

ALIGNED = 64
"""Bytes that the arrays of a file begin at a multiple of."""

SHARE = 4
"""The part of the machine's memory that arrays fill by default: one in so many bytes."""


@dataclass(kw_only=True)
class Scratch:
    """Where new arrays are: in memory up to ``limit`` bytes, the others in files of ``folder``."""

    folder: Path | None = None
    limit: int = 0
    used: int = field(default=0, init=False)

    def takes(self, size: int) -> bool:
        """Return whether so many bytes more are in memory, and enter them."""
        if self.folder is not None and self.used + size > self.limit:
            return False
        self.used += size
        return True


_CURRENT: ContextVar[Scratch | None] = ContextVar("scratch", default=None)


@contextmanager
def using(scratch: Scratch) -> Iterator[None]:
    """Have the arrays that are made within use ``scratch``; without it all of them are in memory."""
    token = _CURRENT.set(scratch)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def limit_bytes(gigabytes: float | None) -> int:
    """Return a limit in bytes; None for a quarter of the memory of the machine, the container or the job."""
    if gigabytes is not None:
        return int(gigabytes * 1e9)
    return _own_memory() // SHARE


def _own_memory() -> int:
    """Return the bytes of memory of the machine, or those that this process may use (control groups 2), if fewer."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    if OWN_GROUP.exists():
        name = OWN_GROUP.read_text(encoding="utf-8").strip().rpartition("::")[2].lstrip("/")
        for folder in ((GROUPS / name), *(GROUPS / name).parents):
            limit = folder / "memory.max"
            if folder.is_relative_to(GROUPS) and limit.is_file() and (most := limit.read_text().strip()).isdigit():
                limits.append(int(most))
    return min(limits)


def current() -> Scratch:
    """Return where arrays are made now."""
    return _CURRENT.get() or Scratch()


def new_array(shape: int | tuple[int, ...], kind: type[Number]) -> NDArray[Number]:
    """Return an array without content, in memory or in a file. Raises ``WriteError`` where the disk is full."""
    scratch, count = current(), int(np.prod(shape))
    size = count * np.dtype(kind).itemsize
    if not size or scratch.takes(size):
        return np.empty(shape, kind)
    with _file(scratch) as file, writing(_folder(scratch)):
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk is an error here, and a crash at the first access
        else:
            file.truncate(size)
        return np.frombuffer(mmap.mmap(file.fileno(), size), kind).reshape(shape)


def _folder(scratch: Scratch) -> Path:
    assert scratch.folder is not None, "what does not fit needs a folder"
    return scratch.folder


def _file(scratch: Scratch) -> IO[bytes]:
    folder = _folder(scratch)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder, buffering=0)


@dataclass(kw_only=True)
class Spill:
    """Arrays added one after another: in memory as far as they fit, the others at the end of one file."""

    _scratch: Scratch = field(default_factory=current)
    _file: IO[bytes] | None = None
    _size: int = 0
    _kept: list[NDArray[Any] | tuple[int, np.dtype[Any], tuple[int, ...]]] = field(default_factory=list)

    def add(self, array: NDArray[Any]) -> None:
        """Add an array."""
        if not array.nbytes or self._scratch.takes(array.nbytes):
            self._kept.append(array)
            return
        self._file = self._file or _file(self._scratch)
        self._kept.append((self._size, array.dtype, array.shape))
        padding = bytes(-array.nbytes % ALIGNED)
        with writing(_folder(self._scratch)):
            for part in (np.ascontiguousarray(array).data.cast("B"), padding):
                self._size += _write_all(self._file, part)

    def arrays(self) -> Sequence[NDArray[Any]]:
        """Return the arrays in order, read-only where they are in the file, and forget them here."""
        kept, self._kept = self._kept, []
        if self._file is None:
            return [one for one in kept if isinstance(one, np.ndarray)]
        with self._file as file:
            data = mmap.mmap(file.fileno(), self._size, access=mmap.ACCESS_READ)
        return [one if isinstance(one, np.ndarray) else _view(data, *one) for one in kept]


def _write_all(file: IO[bytes], data: memoryview | bytes) -> int:
    """Write all of ``data``, which the system may take in parts, and return its bytes."""
    done, left = 0, memoryview(data)
    while done < len(left):
        done += file.write(left[done:])
    return done


def _view(data: mmap.mmap, start: int, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.frombuffer(data, kind, int(np.prod(shape)), start).reshape(shape)
