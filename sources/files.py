"""Raw files, plain or compressed (gzip, Zstandard): hashed by content, and read whole, by lines or by windows of lines.

Sizes stated by a file are not trusted: lines, whole files and the expansion of compressed files are bounded.
"""

from __future__ import annotations

import atexit
import gzip
import hashlib
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import BinaryIO, cast

from sources.errors import SabilaError

WINDOW_LINES = 50_000
"""Lines in one window: some 50 MB of work, so that memory stays flat whatever the size of a file."""

LINE_SUFFIXES = (".jsonl", ".ndjson")

PAGE_SUFFIXES = (".html", ".htm")

COMPRESSED = (".gz", ".zst")
"""Suffixes of compressed files, which the names of raw files leave out."""

LONGEST_LINE = 1 << 26
"""Bytes of the longest line that is read; a longer one is a broken row."""

LARGEST_WHOLE = 1 << 31
"""Bytes of the largest file that is read at once; larger ones must come in lines."""

EXPANSION = 250
"""Times its own size to which a compressed file may expand past ``EXPANSION_FROM`` bytes; text reaches 5 to 20."""

EXPANSION_FROM = 1 << 28

BOM = b"\xef\xbb\xbf"


class FileError(SabilaError):
    """A raw file that cannot be used as a whole: damaged, empty or unreadable."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Lines ``first`` to ``last`` (1-based, inclusive) of a file; ``offset`` is the byte where the first one starts."""

    first: int
    last: int
    offset: int


@dataclass(frozen=True)
class RawFile:
    """One file of a corpus. ``name`` is its path inside the corpus without ``.gz`` or ``.zst``.

    ``split`` is named by the publisher.

    ``siblings`` are the names of the other files of the split. ``unpacked`` is a decompressed copy to read instead.
    """

    name: str
    path: Path
    split: str = "train"
    companions: tuple[RawFile, ...] = ()
    window: Window | None = None
    siblings: frozenset[str] = frozenset()
    unpacked: Path | None = None

    def open(self) -> BinaryIO:
        """Open the content for reading, decompressed within bounds if the file is compressed.

        Raises ``FileError`` for a Git LFS pointer, or a web page saved under the name of another kind of file.
        """
        with self.path.open("rb") as stream:
            _refuse_stand_in(self.path, stream.read(512), page=self.name.lower().endswith(PAGE_SUFFIXES))
        return open_unpacked(self.unpacked or self.path)

    def read(self) -> bytes:
        """Return the whole content; ``FileError`` if the file is damaged, empty or larger than ``LARGEST_WHOLE``."""
        with reading(self), self.open() as stream:
            content = stream.read(LARGEST_WHOLE + 1)
        if not content:
            raise FileError(f"{self.path} is empty, expected {self.name} with rows; fetch it again")
        if len(content) > LARGEST_WHOLE:
            raise FileError(
                f"{self.path} holds more than {LARGEST_WHOLE:,} bytes, which is read at once in this format; "
                "split it, or convert it to JSON Lines"
            )
        return content

    def document(self) -> bytes:
        """Return the whole content of a text file without a byte order mark; ``FileError`` where it is UTF-16."""
        content = self.read()
        _refuse_utf16(self.path, content)
        return content.removeprefix(BOM)

    def text(self) -> str:
        """Return the whole content as text; ``FileError`` where it is not UTF-8."""
        try:
            return self.document().decode()
        except UnicodeDecodeError as error:
            raise FileError(
                f"{self.path} is not UTF-8: byte {error.start} is {error.object[error.start]:#x}; save it as UTF-8"
            ) from None

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (1-based number, line without its end) for the lines of the window, or of the whole file.

        A line longer than ``LONGEST_LINE`` is truncated to ``LONGEST_LINE + 1`` bytes.
        """
        number, last = (self.window.first, self.window.last) if self.window else (1, None)
        with reading(self), self.open() as stream:
            if self.window:
                stream.seek(self.window.offset)
            while line := stream.readline(LONGEST_LINE + 1):
                if last is not None and number > last:
                    return
                if number == 1:
                    _refuse_utf16(self.path, line)
                if len(line) > LONGEST_LINE:
                    _skip_line(stream)
                yield number, line.removeprefix(BOM).rstrip(b"\r\n")
                number += 1

    def starts_with(self, mark: bytes) -> bool:
        """Return whether the first non-blank character is ``mark``."""
        with reading(self), self.open() as stream:
            return stream.read(1 << 16).removeprefix(BOM).lstrip().startswith(mark)

    def companion(self, name: str) -> RawFile:
        """Return the companion file ``name`` that the connector reads with the rows."""
        for file in self.companions:
            if file.name == name:
                return file
        raise FileError(f"{self.path} needs {name} in the same folder, which is missing")

    @cached_property
    def sha256(self) -> str:
        """Hash of the content, the same for a plain and a compressed copy, in hexadecimal."""
        return self._survey[0]

    @property
    def windows(self) -> tuple[RawFile, ...]:
        """Return the file in windows of ``WINDOW_LINES`` lines; a file not made of lines is one window.

        A compressed file of several windows is decompressed once, into the system's folder for temporary files.
        """
        starts = self._survey[1]
        if len(starts) < 2 or self.starts_with(b"["):
            return (self,)
        with reading(self):
            unpacked = unpack(self.path) if self.path.suffix in COMPRESSED else None
        spans = [
            Window(first=1 + i * WINDOW_LINES, last=(i + 1) * WINDOW_LINES, offset=o) for i, o in enumerate(starts)
        ]
        return tuple(replace(self, window=span, unpacked=unpacked) for span in spans)

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


def _skip_line(stream: BinaryIO) -> None:
    while (part := stream.readline(1 << 20)) and not part.endswith(b"\n"):
        pass


def _refuse_stand_in(path: Path, head: bytes, *, page: bool) -> None:
    """Raise ``FileError`` for a Git LFS pointer or a web page in place of a data file; a ``page`` is to be one."""
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        raise FileError(f"{path} is a Git LFS pointer, not the file itself; get it with git lfs pull")
    if head.startswith((b"/annex/objects/", b"../.git/annex/objects/")):
        raise FileError(f"{path} is a git-annex pointer, not the file itself; get it with git annex get")
    start = head.removeprefix(BOM).lstrip().lower()
    if not page and start.startswith((b"<!doctype html", b"<html")):
        raise FileError(f"{path} is a web page (HTML), not a data file; fetch it again")


def _refuse_utf16(path: Path, content: bytes) -> None:
    without_mark = content[1:6:2] == bytes(3) != content[:6:2]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or without_mark:
        raise FileError(f"{path} is UTF-16, expected UTF-8; convert it (iconv -f UTF-16 -t UTF-8) and run again")


class _Bounded(io.RawIOBase):
    """The content of a compressed file, up to ``EXPANSION`` times its size; ``FileError`` where it expands more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = _decompressed(path)
        self._given, self._most = 0, max(EXPANSION_FROM, EXPANSION * path.stat().st_size)

    def readable(self) -> bool:
        """Return True: the content can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer`` with the next content and return its length."""
        given = self._stream.readinto(buffer)
        self._given += given
        if self._given > self._most:
            raise FileError(
                f"{self._path} expands to more than {self._most:,} bytes, {EXPANSION} times its size or more, as a "
                "damaged or hostile file does; if it is right, decompress it and run again"
            )
        return given

    def seekable(self) -> bool:
        """Return True: the content can be read again."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to ``offset``; an earlier one is reached by reading again from the start."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in the content."""
        return self._stream.tell()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()


def _decompressed(path: Path) -> io.BufferedIOBase:
    if path.suffix == ".gz":
        return cast(io.BufferedIOBase, gzip.open(path, "rb"))
    import pyarrow as pa

    return cast(io.BufferedIOBase, pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))


def plain_name(name: str) -> str:
    """Return the name of a file without the suffix of its compression."""
    return name.removesuffix(".gz").removesuffix(".zst")


def open_unpacked(path: Path) -> BinaryIO:
    """Open a file for reading, decompressed within bounds where its name ends in ``.gz`` or ``.zst``."""
    if path.suffix in COMPRESSED:
        return cast(BinaryIO, io.BufferedReader(_Bounded(path), 1 << 18))
    return path.open("rb")


@cache
def scratch_folder() -> Path:
    """Return a folder for decompressed copies, which is removed when this process ends."""
    folder = tempfile.mkdtemp(prefix="sabila-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def unpack(path: Path) -> Path:
    """Return a decompressed copy of a compressed file, made once."""
    status = path.stat()
    copy = scratch_folder() / f"{status.st_dev}-{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
    if not copy.exists():
        partial = copy.with_suffix(".partial")
        with open_unpacked(path) as stream, partial.open("wb") as to:
            shutil.copyfileobj(stream, to, 1 << 20)
        partial.rename(copy)
    return copy


@contextmanager
def reading(file: RawFile) -> Iterator[None]:
    """Turn errors of a damaged or unreadable file into a ``FileError`` that names the file and a remedy."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileError(f"{file.path} is damaged ({error}), expected a whole gzip file; fetch it again") from error
    except OSError as error:
        raise FileError(f"{file.path} cannot be read: {error.strerror or error}") from error
