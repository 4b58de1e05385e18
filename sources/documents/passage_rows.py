"""Passages of documents as rows: the headings in place of a question, the text as context, and where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from sources.documents.passage_cuts import DOCUMENT_SUFFIXES, PassageSize, cut_passages, read_document
from sources.files import FileError, RawFile
from sources.source import Broken, Raw

COLUMNS = {"question": "heading", "context": "text", "date": "date", "language": "lang", "meta": ["passage"]}
"""The column of each field of a passage, as a mapping has them."""


def is_document(name: str) -> bool:
    """Return whether a file is a document by its name."""
    return PurePosixPath(name).suffix.lower() in DOCUMENT_SUFFIXES


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
    for line, page in enumerate(document.scanned_pages, number + 1):
        yield Broken(line, f"page {page} has no text, as a scan has none; recognise its text first (OCR)", "")
    if not number and not document.scanned_pages:
        yield Broken(1, "it has no text besides headings, expected paragraphs", "")
