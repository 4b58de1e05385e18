"""Passages of documents as rows: the headings in place of a question, the text as context, and where it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from sources.documents.document import Document
from sources.documents.passage_cuts import DOCUMENT_SUFFIXES, PassageSize, cut_passages, read_document
from sources.files import FileError, RawFile
from sources.source import Broken, Raw

COLUMNS = {"question": "heading", "context": "text", "date": "date", "language": "lang", "meta": ["passage"]}
"""The column of each field of a passage, as a mapping has them."""


NO_SUFFIX = "without a suffix"


def is_document(name: str) -> bool:
    """Return whether a file is a document by its name."""
    return PurePosixPath(name).suffix.lower() in DOCUMENT_SUFFIXES


def documents_in(folder: Path) -> tuple[list[str], dict[str, int]]:
    """Return the documents of a folder and the folders in it by name, sorted, and the number of other files by suffix.

    Hidden files and folders are skipped.
    """
    documents: list[str] = []
    other: Counter[str] = Counter()
    for path in folder.rglob("*"):
        inner = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in inner.parts):
            continue
        if is_document(path.name):
            documents.append(inner.as_posix())
        else:
            other[path.suffix.lower()] += 1
    return sorted(documents), dict(sorted(other.items()))


def kinds_text(other: Mapping[str, int]) -> str:
    """Return the number of files of each suffix as text."""
    return ", ".join(f"{count:,} {suffix or NO_SUFFIX}" for suffix, count in other.items())


def unread_parts(document: Document, *, passages: bool) -> Iterator[str]:
    """Yield why parts of a document give no row: each scanned page, or the whole of one without ``passages``."""
    for page in document.scanned_pages:
        yield f"page {page} has no text, as a scan has none; recognise its text first (OCR)"
    if not passages and not document.scanned_pages:
        yield "it has no text besides headings, expected paragraphs"


def passage_rows(file: RawFile, *, least: int, most: int) -> Iterator[Raw | Broken]:
    """Yield the passages of a document, of ``least`` to ``most`` characters, numbered from 1.

    A document that cannot be read or has no text, and each scanned page, is a ``Broken`` after them. Raises
    ``FileError`` where a package is missing.
    """
    try:
        document = read_document(file)
    except FileError as error:
        if isinstance(error.__cause__, ModuleNotFoundError):
            raise
        yield Broken(1, str(error).removeprefix(f"{file.path} "), "")
        return
    number = 0
    for number, one in enumerate(cut_passages(document, PassageSize(least=least, most=most)), 1):
        place = {
            "document": file.name,
            "title": one.title,
            "headings": list(one.headings),
            "page": one.page,
            "last_page": one.last_page,
            "start": one.start,
            "end": one.end,
        }
        row = {
            "heading": one.heading or one.title,
            "text": one.text,
            "date": one.date,
            "lang": one.lang,
            "passage": place,
        }
        yield Raw(number, row)
    for line, why in enumerate(unread_parts(document, passages=number > 0), number + 1):
        yield Broken(line, why, "")
