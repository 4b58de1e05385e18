"""Files inside files: members of tar and zip archives, and the sheet of a workbook, which is a zip archive too.

Sizes stated by an archive are not trusted: members are read within bounds.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from sources.files import FileError, RawFile
from sources.source import Broken, Raw

UNPACKED = 1 << 29
"""Bytes to which the members of one zip archive may expand."""

LAST_ROW = 1 << 20
"""Rows that a sheet can have."""

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
    with _open_archive(file, f"zip archive with {name}") as archive:
        found = [info for info in archive.infolist() if info.filename == name]
        if not found:
            raise FileError(f"{file.path} is not a zip archive with {name}; fetch it again")
        if len(found) > 1:
            raise FileError(f"{file.path} has {len(found)} members {name}, expected one; fetch it again")
        return b"".join(_blocks(file, archive, found[0], f"zip archive with {name}"))


def _open_archive(file: RawFile, kind: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(file.read()))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise FileError(f"{file.path} is not a valid {kind}: {error}; fetch it again") from error


def _blocks(file: RawFile, archive: zipfile.ZipFile, info: zipfile.ZipInfo, kind: str) -> Iterator[bytes]:
    """Yield the content of a member, within bounds."""
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


def sheet(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one dict per row of the first sheet of an xlsx file; columns without a name are left out.

    Empty rows are skipped. A formula counts as its stored value, and breaks its row without one.
    """
    _check_workbook(file)
    try:
        yield from _sheet_rows(file)
    except FileError:
        raise
    except Exception as error:  # openpyxl lets through whatever its XML, dates and references raise
        raise FileError(f"{file.path} is not a readable workbook (xlsx): {error!r}; fetch it again") from error


def _check_workbook(file: RawFile) -> None:
    kind = "workbook (xlsx)"
    with _open_archive(file, kind) as archive:
        names = Counter(archive.namelist())
        if twice := [name for name, times in names.items() if times > 1]:
            raise FileError(f"{file.path} has two members {twice[0]}, expected one; fetch it again")
        total = sum(len(block) for info in archive.infolist() for block in _blocks(file, archive, info, kind))
    if total > UNPACKED:
        raise FileError(f"{file.path} expands to {total:,} bytes, expected {UNPACKED:,} at most; split it")


def _sheet_rows(file: RawFile) -> Iterator[Raw | Broken]:
    values, formulas = _cells(file, data_only=True), _cells(file, data_only=False)
    header = [cell.value for cell in next(values, ())]
    next(formulas, None)
    names = [str(name) if name not in (None, "") else None for name in header]
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise FileError(f"{file.path} names two columns {twice[0]!r} in its header; rename one")
    for number, (cells, written) in enumerate(zip(values, formulas, strict=True), 2):
        if number > LAST_ROW:
            raise FileError(f"{file.path} has more than {LAST_ROW:,} rows, which no sheet can have; fetch it again")
        if all(cell.value is None for cell in written):
            continue
        row = {name: cell.value for name, cell in zip(names, cells, strict=False) if name}
        bad = [
            name
            for name, cell, formula in zip(names, cells, written, strict=False)
            if name and (cell.data_type == "e" or (cell.value is None and formula.value is not None))
        ]
        if bad:
            text = ", ".join(str(cell.value) for cell in written)
            yield Broken(number, f"{bad[0]} is an error, or a formula without its value, expected a value", text)
        else:
            yield Raw(number, row)


def sheet_names(file: RawFile) -> list[str]:
    """Return the names of the sheets of an xlsx file, whose first one is read."""
    from openpyxl import load_workbook

    _check_workbook(file)
    return list(load_workbook(io.BytesIO(file.read()), read_only=True).sheetnames)


def _cells(file: RawFile, *, data_only: bool) -> Iterator[tuple[Any, ...]]:
    from openpyxl import load_workbook

    sheets = load_workbook(io.BytesIO(file.read()), read_only=True, data_only=data_only).worksheets
    sheets[0].reset_dimensions()  # a file may say that it has fewer rows than it has
    rows: Iterator[tuple[Any, ...]] = sheets[0].iter_rows()
    return rows
