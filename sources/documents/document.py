"""A document as one text, and its blocks: headings and paragraphs, each with its place and page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of a document's text, from ``start`` to ``end``: a heading of ``level`` 1 to 6, or text (0).

    ``page`` counts from 1 and is None where a document has no pages.
    """

    start: int
    end: int
    level: int = 0
    page: int | None = None


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document: its title, its text, its blocks in order, and its date and language where it states them.

    ``scanned_pages`` are pages with pictures and no text.
    """

    title: str
    text: str
    blocks: tuple[Block, ...]
    date: str | None = None
    lang: str | None = None
    scanned_pages: tuple[int, ...] = ()


@dataclass
class DocumentText:
    """The text of a document that is put together block by block."""

    parts: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    size: int = 0

    def add(self, text: str, *, level: int = 0, page: int | None = None) -> None:
        """Add a block, a blank line after the one before; blank text is left out."""
        if not (text := text.strip()):
            return
        if self.parts:
            self.parts.append("\n\n")
            self.size += 2
        self.blocks.append(Block(start=self.size, end=self.size + len(text), level=level, page=page))
        self.parts.append(text)
        self.size += len(text)

    def document(self, title: str | None, name: str, date: str | None = None, lang: str | None = None) -> Document:
        """Return the document; without a title it is that of its first heading, else its name."""
        text = "".join(self.parts)
        return Document(
            title=title or first_heading(text, self.blocks) or name,
            text=text,
            blocks=tuple(self.blocks),
            date=date,
            lang=lang,
        )


def stated_language(value: object) -> str | None:
    """Return the ISO 639-1 code of a language tag such as ``de-AT``, None for anything else."""
    found = re.fullmatch(r"([a-z]{2})(?:[-_]\w+)*", str(value).strip().lower())
    return found[1] if found else None


def first_heading(text: str, blocks: list[Block]) -> str | None:
    """Return the first heading of the highest level, None where a document has none."""
    headings = [block for block in blocks if block.level]
    if not headings:
        return None
    first = min(headings, key=lambda block: (block.level, block.start))
    return heading_text(text[first.start : first.end])


def heading_text(text: str) -> str:
    """Return the words of a heading, without Markdown's marks around them."""
    return " ".join(text.partition("\n")[0].strip().strip("#").strip(" *_").split())
