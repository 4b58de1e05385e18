"""Documents cut into passages: whole paragraphs under one heading, each with document, page, headings and offset."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath

from sources.documents.document import Block, Document, heading_text
from sources.documents.markdown import read_markdown
from sources.documents.pdf import read_pdf
from sources.documents.web_page import read_web_page
from sources.files import FileError, RawFile

DOCUMENT_SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".pdf")

SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
"""Where a paragraph that is too long is cut."""

SPACE = re.compile(r"\s+")


@dataclass(frozen=True, kw_only=True)
class PassageSize:
    """The usual least and the greatest number of characters of a passage.

    A shorter one is joined with a neighbour; the rest of a section and the passage before it are cut into equal parts.
    """

    least: int = 300
    most: int = 1_500

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError(f"passages of {self.least:,} to {self.most:,} characters, expected the least first")


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A part of a document: ``text`` is ``[start:end]`` of the document's text.

    ``page`` and ``last_page`` count from 1 and are None without pages. ``headings`` are those above it, the document's
    highest first.
    """

    title: str
    headings: tuple[str, ...]
    page: int | None
    last_page: int | None
    start: int
    end: int
    text: str
    date: str | None = None
    lang: str | None = None

    @property
    def heading(self) -> str:
        """The headings as one text."""
        return " > ".join(self.headings)

    def citation(self, document: str) -> str:
        """Return where the passage is, for readers: document, page, headings, characters."""
        pages = [str(page) for page in dict.fromkeys((self.page, self.last_page)) if page is not None]
        parts = [document, *([f"p. {'–'.join(pages)}"] if pages else []), *([self.heading] if self.headings else [])]
        return ", ".join((*parts, f"characters {self.start}–{self.end}"))


def read_document(file: RawFile) -> Document:
    """Return a file as a document, by its suffix. Raises ``FileError`` where it cannot be read."""
    name, suffix = PurePosixPath(file.name).stem, PurePosixPath(file.name).suffix.lower()
    if file.path.is_file() and not file.path.stat().st_size:
        return Document(title=name, text="", blocks=())
    try:
        if suffix == ".pdf":
            return read_pdf(file.read(), name)
        if suffix in (".html", ".htm"):
            return read_web_page(file.document(), name)
        return read_markdown(file.text(), name)
    except ModuleNotFoundError as error:
        raise FileError(
            f"{file.path} needs the package {error.name} to be read; pip install 'sabila[documents]', or convert it to "
            "Markdown or HTML"
        ) from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{file.path} cannot be read as a document: {error}") from error


Placed = tuple[Block, tuple[str, ...]]
"""A block and the headings above it."""


def cut_passages(document: Document, size: PassageSize) -> Iterator[Passage]:
    """Yield the passages of a document, in order; every character of its paragraphs is in one of them."""
    groups: list[list[Placed]] = [[]]
    path: dict[int, str] = {}
    for block in (part for whole in document.blocks for part in _parts(document.text, whole, size.most)):
        if block.level:
            path = {level: text for level, text in path.items() if level < block.level}
            path[block.level] = heading_text(document.text[block.start : block.end])
        headings = tuple(path[level] for level in sorted(path))
        group = groups[-1]
        enough = _chars(group) >= size.least and (block.level or headings != group[-1][1])
        if group and (enough or _chars([*group, (block, headings)]) > size.most):
            after = [placed for placed in reversed(_last_headings(group))]
            del group[len(group) - len(after) :]
            groups.append(after)
        groups[-1].append((block, headings))
    at = 0
    while at < len(groups):
        if 0 < _chars(groups[at]) < size.least and _lengthen(document.text, groups, at, size):
            at = max(0, at - 1)  # two passages may be one now
        else:
            at += 1
    for group in groups:
        yield from _passage(document, group)


def _chars(group: Sequence[Placed]) -> int:
    """Return the length of the passage of a group, without the headings before and after its text."""
    written = _written(group)
    return written[-1].end - written[0].start if written else 0


def _paths(group: Sequence[Placed]) -> list[tuple[str, ...]]:
    """Return the headings above each block of a group that is no heading."""
    return [headings for block, headings in group if not block.level]


def _written(group: Sequence[Placed]) -> list[Block]:
    """Return the blocks of a group that are no headings."""
    return [block for block, _ in group if not block.level]


def _lengthen(text: str, groups: list[list[Placed]], at: int, size: PassageSize) -> bool:
    """Join a short group with the one before or after it, or cut two of one section into about equal parts.

    The group under more of the same headings comes first, then the one before. Return whether it could be done.
    """
    pairs = [(first, groups[first] + groups[first + 1]) for first in (at - 1, at) if 0 <= first < len(groups) - 1]
    pairs.sort(key=lambda pair: -len(_shared(_paths(pair[1]))))
    for first, both in pairs:
        if _chars(both) <= size.most:
            groups[first : first + 2] = [both]
            return True
    for first, both in pairs:
        ended, following = _paths(groups[first]), _paths(groups[first + 1])
        one_section = bool(ended and following) and ended[-1] == following[0]
        if one_section and (cut := _middle_cut(text, both, size)) is not None:
            groups[first : first + 2] = _cut_at(both, *cut)
            return True
    return False


def _middle_cut(text: str, group: Sequence[Placed], size: PassageSize) -> tuple[int, int] | None:
    """Return where the first of two parts of a group ends and the second begins, None where no two parts fit.

    They are cut between paragraphs, else between sentences or lines, else between words.
    """
    written = _written(group)
    start, end = written[0].start, written[-1].end
    between = [(one.end, following.start) for one, following in pairwise(written)]
    within = (
        [
            found.span()
            for block in written
            for found in pattern.finditer(text, block.start + 1, block.end)
            if found.end() < block.end
        ]
        for pattern in (SENTENCE, SPACE)
    )
    for cuts in (between, *within):
        fitting = [
            (abs((stop - start) - (end - following)), stop, following)
            for stop, following in cuts
            if all(size.least <= chars <= size.most for chars in (stop - start, end - following))
        ]
        if fitting:
            return min(fitting)[1:]
    return None


def _cut_at(group: Sequence[Placed], stop: int, following: int) -> list[list[Placed]]:
    """Return the blocks of a group up to ``stop``, and those from ``following`` on."""
    first: list[Placed] = []
    second: list[Placed] = []
    for block, headings in group:
        if block.end <= stop:
            first.append((block, headings))
        elif block.start >= stop:
            second.append((block, headings))
        else:
            first.append((replace(block, end=stop), headings))
            second.append((replace(block, start=following), headings))
    return [first, second]


def _last_headings(group: Sequence[Placed]) -> list[Placed]:
    """Return the headings at the end of a group, last first, which belong to what comes after them."""
    found: list[Placed] = []
    for placed in reversed(group):
        if not placed[0].level:
            return found
        found.append(placed)
    return found


def _parts(text: str, block: Block, most: int) -> Iterator[Block]:
    """Yield a block, cut at ends of sentences or lines, and else within, where it is longer than ``most``."""
    start = block.start
    while block.end - start > most:
        cuts = [found for found in SENTENCE.finditer(text, start + 1, start + most) if found.start() > start]
        stop, following = (cuts[-1].start(), cuts[-1].end()) if cuts else (start + most, start + most)
        yield Block(start=start, end=stop, level=block.level, page=block.page)
        start = following
    yield Block(start=start, end=block.end, level=block.level, page=block.page)


def _passage(document: Document, group: Sequence[Placed]) -> Iterator[Passage]:
    """Yield the passage of some blocks, from the first to the last that is no heading; none where all are headings."""
    written = [place for place, (block, _) in enumerate(group) if not block.level]
    if not written:
        return
    parts = group[written[0] : written[-1] + 1]
    start, end = parts[0][0].start, parts[-1][0].end
    yield Passage(
        title=document.title,
        headings=_shared(_paths(parts)),
        page=parts[0][0].page,
        last_page=parts[-1][0].page,
        start=start,
        end=end,
        text=document.text[start:end],
        date=document.date,
        lang=document.lang,
    )


def _shared(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the headings that all blocks of a passage are under."""
    shared = paths[0]
    for path in paths[1:]:
        same = [one == other for one, other in zip(shared, path, strict=False)]
        shared = shared[: same.index(False) if False in same else len(same)]
    return shared
