"""HTML pages as documents: headings, paragraphs, items and rows of tables, without navigation and scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from sources.documents.document import Document, DocumentText
from sources.fields.dates import parse_date

LEFT_OUT = frozenset("script style noscript template nav footer aside form button select svg iframe head".split())
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = frozenset(
    "address article blockquote body caption center dd details div dl dt fieldset figcaption figure header hgroup hr "
    "li main ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
DATE_FIELDS = ("article:modified_time", "article:published_time", "dcterms.modified", "dc.date", "date")
"""Names of ``meta`` elements that date a page, the most specific first."""


def read_web_page(content: bytes, name: str) -> Document:
    """Return an HTML page as a document: the part marked as its main content, or all of its body.

    Raises ``RecursionError`` for elements that are nested beyond reason.
    """
    page = LexborHTMLParser(content)
    root = page.css_first("main, [role=main], article") or page.body
    reader = _Reader()
    if root is not None:
        reader.walk(root)
        reader.flush()
    title = page.css_first("title")
    has_heading = any(block.level == 1 for block in reader.text.blocks)
    own_title = _spaced(title.text()) if title and not has_heading else None  # that of a site, often
    return reader.text.document(own_title, name, _date_of(page))


def _date_of(page: LexborHTMLParser) -> str | None:
    stated = {
        (node.attributes.get("name") or node.attributes.get("property") or "").lower(): node.attributes.get("content")
        for node in page.css("meta[content]")
    }
    for field_name in DATE_FIELDS:
        try:
            if date := parse_date(stated.get(field_name)):
                return date
        except ValueError:
            continue
    return None


@dataclass
class _Reader:
    """The blocks read so far, and the pieces of the current one."""

    text: DocumentText = field(default_factory=DocumentText)
    pieces: list[str] = field(default_factory=list)

    def walk(self, node: LexborNode) -> None:
        """Read the content of an element."""
        for child in node.iter(include_text=True):
            tag = child.tag or ""
            if tag == "-text":
                self.pieces.append(child.text(deep=False))
            elif tag in HEADINGS:
                self.flush()
                self.text.add(_spaced(child.text()), level=HEADINGS[tag])
            elif tag == "br":
                self.pieces.append(" ")
            elif tag in ("td", "th"):
                if "".join(self.pieces).strip():
                    self.pieces.append(" | ")
                self.walk(child)
            elif tag in BLOCKS:
                self.flush()
                self.pieces += ["- "] if tag == "li" else []
                self.walk(child)
                self.flush()
            elif tag not in LEFT_OUT and not tag.startswith(("!", "-")):
                self.walk(child)

    def flush(self) -> None:
        """End the current block."""
        text = _spaced("".join(self.pieces))
        self.pieces = []
        if text != "-":
            self.text.add(text)


def _spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
