"""Files inside files: members of tar and zip archives.

Sizes stated by an archive are not trusted: members are read within bounds.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from sources.files import FileError, RawFile

UNPACKED = 1 << 29
"""Bytes to which the members of one zip archive may expand."""

BLOCK = 512
"""Bytes in which a tar archive is laid out."""


class Member(NamedTuple):
    """A file in an archive: its name, and its content or the error that prevents reading it."""

    name: str
    content: bytes
    error: str = ""


def members(file: RawFile, suffix: str) -> Iterator[Member]:
    """Yield the files in a tar archive whose name ends with ``suffix``, sorted by name; hidden ones are skipped.

    Both of two files with one name are yielded. A link or device under such a name has an error in place of its
    content.
    """
    content = file.read()
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            found = archive.getmembers()
            _check_end(file, content, archive.offset)
            wanted = [m for m in found if m.name.endswith(suffix) and not m.isdir() and not _hidden(m.name)]
            for member in sorted(wanted, key=lambda m: (m.name, m.offset)):
                yield _member(archive, member)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise FileError(f"{file.path} is not a readable tar archive: {error}; fetch it again") from error


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Member:
    if not (member.isreg() or member.islnk()) or member.issparse():
        return Member(member.name, b"", f"{member.name} is a link, device or sparse file, expected a plain one")
    try:
        stream = archive.extractfile(member)
    except KeyError:
        return Member(member.name, b"", f"{member.name} is a link to {member.linkname}, which is not in the archive")
    assert stream is not None, "a plain file or a link to one"
    return Member(member.name, stream.read())


def _check_end(file: RawFile, content: bytes, end: int) -> None:
    """Raise ``FileError`` where an archive has data after its end, or no end."""
    if end >= len(content):
        raise FileError(f"{file.path} breaks off: a tar archive ends in blocks of zeros; fetch it again")
    if any(content[end : end + BLOCK]):
        raise FileError(f"{file.path} is damaged at byte {end:,}, expected the header of a member; fetch it again")


def _hidden(name: str) -> bool:
    return any(part.startswith(".") and part not in (".", "..") for part in PurePosixPath(name).parts)


def zip_member(file: RawFile, name: str) -> bytes:
    """Return the content of one member of a zip archive; ``FileError`` where it is missing or occurs twice."""
    with open_archive(file, f"zip archive with {name}") as archive:
        found = [info for info in archive.infolist() if info.filename == name]
        if not found:
            raise FileError(f"{file.path} is not a zip archive with {name}; fetch it again")
        if len(found) > 1:
            raise FileError(f"{file.path} has {len(found)} members {name}, expected one; fetch it again")
        return b"".join(blocks(file, archive, found[0], f"zip archive with {name}"))


def open_archive(file: RawFile, kind: str) -> zipfile.ZipFile:
    """Return an open zip archive; ``FileError`` for a file that is not a valid ``kind``."""
    try:
        return zipfile.ZipFile(io.BytesIO(file.read()))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise FileError(f"{file.path} is not a valid {kind}: {error}; fetch it again") from error


def blocks(file: RawFile, archive: zipfile.ZipFile, info: zipfile.ZipInfo, kind: str) -> Iterator[bytes]:
    """Yield the content of a member of a zip archive, within bounds."""
    read = 0
    try:
        with archive.open(info) as stream:
            while block := stream.read(1 << 20):
                read += len(block)
                if read > UNPACKED:
                    raise FileError(
                        f"{file.path}: {info.filename} expands to more than {UNPACKED:,} bytes, as a damaged or "
                        "hostile archive does; unpack and split it"
                    )
                yield block
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        raise FileError(f"{file.path} is not a valid {kind}: {error}; fetch it again") from error
