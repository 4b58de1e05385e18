"""Raw files: plain or gzipped alike, hashed by what they contain, read whole, by lines or by a window of lines."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

WINDOW_LINES = 50_000
"""Lines in one window: some 50 MB of work, so that memory stays flat whatever the size of a file."""

LINE_SUFFIXES = (".jsonl", ".ndjson")


class FileError(Exception):
    """A raw file that cannot be used as a whole: damaged, empty or unreadable."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Lines ``first`` to ``last`` (1-based, inclusive) of a file; ``offset`` is the byte where the first one starts."""

    first: int
    last: int
    offset: int


@dataclass(frozen=True)
class RawFile:
    """One file of a corpus. ``name`` is its path inside the corpus without ``.gz``, ``split`` the publisher's word."""

    name: str
    path: Path
    split: str = "train"
    companions: tuple[RawFile, ...] = ()
    window: Window | None = None

    def open(self) -> BinaryIO:
        """Open the content for reading, decompressed if the file is gzipped."""
        if self.path.suffix == ".gz":
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        return self.path.open("rb")

    def read(self) -> bytes:
        """Return the whole content; ``FileError`` if the file is damaged or empty."""
        with reading(self), self.open() as stream:
            content = stream.read()
        if not content:
            raise FileError(f"{self.path} is empty, expected {self.name} with rows; fetch it again")
        return content

    def text(self) -> str:
        """Return the whole content as text; ``FileError`` where it is not UTF-8."""
        try:
            return self.read().decode()
        except UnicodeDecodeError as error:
            raise FileError(f"{self.path} is not UTF-8: byte {error.start} is {error.object[error.start]:#x}") from None

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (1-based number, line without its end) for the lines of the window, or of the whole file."""
        first, last = (self.window.first, self.window.last) if self.window else (1, None)
        with reading(self), self.open() as stream:
            if self.window:
                stream.seek(self.window.offset)
            for number, line in enumerate(stream, first):
                if last is not None and number > last:
                    return
                yield number, line.rstrip(b"\r\n")

    def companion(self, name: str) -> RawFile:
        """Return the companion file called ``name``, one that a connector needs beside the rows."""
        for file in self.companions:
            if file.name == name:
                return file
        raise FileError(f"{self.path} needs {name} beside it, which is missing")

    @cached_property
    def sha256(self) -> str:
        """Hash of the content, the same for a plain and a gzipped copy, in hexadecimal."""
        return self._survey[0]

    @property
    def windows(self) -> tuple[RawFile, ...]:
        """Return the file in windows of ``WINDOW_LINES`` lines; a file that does not hold lines is one by itself."""
        starts = self._survey[1]
        if len(starts) < 2:
            return (self,)
        spans = [
            Window(first=1 + i * WINDOW_LINES, last=(i + 1) * WINDOW_LINES, offset=o) for i, o in enumerate(starts)
        ]
        return tuple(replace(self, window=span) for span in spans)

    @cached_property
    def _survey(self) -> tuple[str, list[int]]:
        """Read the content once: its hash, and the offset at which each window of lines starts."""
        digest, starts, lines, offset = hashlib.sha256(), [0], 0, 0
        by_lines = self.name.endswith(LINE_SUFFIXES)
        with reading(self), self.open() as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                if by_lines:
                    starts += [offset + at for at in _line_starts(block, lines)]
                    lines += block.count(b"\n")
                offset += len(block)
        if not offset:
            raise FileError(f"{self.path} is empty, expected {self.name} with rows; fetch it again")
        return digest.hexdigest(), [start for start in starts if start < offset]


def _line_starts(block: bytes, lines_before: int) -> Iterator[int]:
    """Yield the positions in ``block`` at which a window starts, given the number of lines that ended before it."""
    wanted = WINDOW_LINES - lines_before % WINDOW_LINES
    if block.count(b"\n") < wanted:
        return
    at = 0
    while (at := block.find(b"\n", at) + 1) > 0:
        wanted -= 1
        if not wanted:
            yield at
            wanted = WINDOW_LINES


@contextmanager
def reading(file: RawFile) -> Iterator[None]:
    """Turn what a damaged or unreadable file raises into a ``FileError`` that names it and says what to do."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileError(f"{file.path} is damaged ({error}), expected a whole gzip file; fetch it again") from error
    except OSError as error:
        raise FileError(f"{file.path} cannot be read: {error.strerror or error}") from error
