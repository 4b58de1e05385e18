"""PDF files as documents, by pypdf (extra ``documents``): lines joined to paragraphs, headings by the size of letters.

Lines that recur at the top or bottom of pages are left out. Scans without a text layer are refused.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from statistics import median
from typing import Any, NamedTuple

from sources.documents.document import Document, DocumentText

HEADING_SIZE = 1.15
"""Times the usual size of letters from which a short line is a heading."""

LONGEST_HEADING = 120

SHORT_LINE = 0.75
"""Share of the usual width below which a line that ends a sentence ends its paragraph."""

RUNNING_LINES = 0.5
"""Share of the pages, two at least, on whose edge a line must recur to count as a running title."""

NEW_PARAGRAPH = re.compile(r"(?:[•▪◦·‣*–-]|\(?\d{1,2}[.)])\s")
SENTENCE_END = (".", "!", "?", ":", ";")


class Line(NamedTuple):
    """A line of a page: its text and the largest size of its letters."""

    text: str
    size: float


class NoTextError(ValueError):
    """A PDF file whose text cannot be read: a scan has none, another needs a password."""


def read_pdf(content: bytes, name: str) -> Document:
    """Return a PDF file as a document with pages.

    Raises ``ModuleNotFoundError`` without pypdf, ``NoTextError``, and ``ValueError`` for a damaged file.
    """
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it logs each repair of a file
    try:
        reader = pypdf.PdfReader(BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise NoTextError("it needs a password, expected an open file")
        pages = [_lines(page) for page in reader.pages]
        scanned = [n for n, page in enumerate(reader.pages, 1) if not pages[n - 1] and _has_picture(page)]
        title = (reader.metadata or {}).get("/Title")
    except (MemoryError, NoTextError):
        raise
    except Exception as error:  # of many kinds, as the content is not trusted
        raise ValueError(f"it is damaged ({type(error).__name__}: {error}), expected a whole PDF file") from error
    pages = _without_running_lines(pages)
    sizes = [line.size for page in pages for line in page for _ in line.text]
    if not sizes:
        raise NoTextError("it has no text, as a scan has none; recognise its text first (OCR)")
    usual = median(sizes)
    text = DocumentText()
    heading_sizes = sorted({_rounded(line.size) for page in pages for line in page if _is_heading(line, usual)})[::-1]
    for number, page in enumerate(pages, 1):
        for paragraph in _paragraphs(page, usual):
            level = 0
            if _is_heading(paragraph, usual):
                level = min(6, 1 + heading_sizes.index(_rounded(paragraph.size)))
            text.add(paragraph.text, level=level, page=number)
    document = text.document(str(title).strip() if title else None, name)
    return replace(document, scanned_pages=tuple(scanned))


def _has_picture(page: Any) -> bool:
    resources = page.get("/Resources")
    return bool(resources and resources.get_object().get("/XObject"))


def _lines(page: Any) -> list[Line]:
    """Return the lines of a page in the order of its content."""
    pieces: list[tuple[str, float]] = []

    def visit(text: str, cm: Any, tm: Any, font: Any, size: float) -> None:
        scale = abs(tm[3] or tm[1] or 1.0) * abs(cm[3] or cm[1] or 1.0)
        pieces.append((text, float(size or 0) * scale))

    page.extract_text(visitor_text=visit)
    lines: list[Line] = []
    words: list[str] = []
    largest = 0.0
    for text, size in pieces:
        for place, part in enumerate(text.split("\n")):
            if place:
                lines.append(Line(" ".join("".join(words).split()), largest))
                words, largest = [], 0.0
            words.append(part)
            largest = max(largest, size) if part.strip() else largest
    lines.append(Line(" ".join("".join(words).split()), largest))
    return [line for line in lines if line.text]


def _without_running_lines(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """Return the pages without lines that recur at their top or bottom, whatever number they contain."""
    edges = Counter(mark for page in pages for mark in {_mark(line) for line in (*page[:2], *page[-2:])})
    running = {mark for mark, count in edges.items() if count >= max(2, RUNNING_LINES * len(pages))}
    return [
        [line for place, line in enumerate(page) if not (_on_edge(place, page) and _mark(line) in running)]
        for page in pages
    ]


def _on_edge(place: int, page: Sequence[Line]) -> bool:
    return place < 2 or place >= len(page) - 2


def _mark(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text)


def _rounded(size: float) -> float:
    return round(size, 1)


def _is_heading(line: Line, usual: float) -> bool:
    return line.size >= HEADING_SIZE * usual and len(line.text) <= LONGEST_HEADING


def _paragraphs(page: Sequence[Line], usual: float) -> list[Line]:
    """Return the lines of a page joined to paragraphs; headings of several lines are joined too."""
    width = max((len(line.text) for line in page), default=0)
    found: list[Line] = []
    ended = True
    for line in page:
        heading = _is_heading(line, usual)
        before = found[-1] if found else None
        joins = (
            before is not None
            and (heading or not ended)
            and not NEW_PARAGRAPH.match(line.text)
            and _is_heading(before, usual) == heading
            and (not heading or _rounded(before.size) == _rounded(line.size))
        )
        if joins and before is not None:
            found[-1] = Line(_joined(before.text, line.text), before.size)
        else:
            found.append(line)
        ended = line.text.endswith(SENTENCE_END) and len(line.text) < SHORT_LINE * width
    return found


def _joined(before: str, line: str) -> str:
    """Return two lines as one; a word that is divided at the end of a line is put together again."""
    if re.search(r"[^\W\d_]-$", before) and line[:1].islower():
        return before[:-1] + line
    return f"{before} {line}"
