"""Passages of documents as rows: the headings in place of a question, the text as context, and where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from sources.documents.passage_cuts import DOCUMENT_SUFFIXES, PassageSize, cut_passages, read_document
from sources.files import RawFile
from sources.source import Raw

COLUMNS = {"question": "heading", "context": "text", "date": "date", "meta": ["passage"]}
"""The column of each field of a passage, as a mapping has them."""


def is_document(name: str) -> bool:
    """Return whether a file is a document by its name."""
    return PurePosixPath(name).suffix.lower() in DOCUMENT_SUFFIXES


def passage_rows(file: RawFile, *, least: int, most: int) -> Iterator[Raw]:
    """Yield the passages of a document, of ``least`` to ``most`` characters, numbered from 1."""
    document = read_document(file)
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
        row = {"heading": one.heading or one.title, "text": one.text, "date": one.date, "passage": place}
        yield Raw(number, row)
