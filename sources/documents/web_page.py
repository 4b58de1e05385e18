"""HTML pages as documents: headings, paragraphs, items and rows of tables, without navigation and scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from sources.documents.document import Document, DocumentText, stated_language
from sources.fields.dates import parse_date

LEFT_OUT = frozenset("script style noscript template nav footer button select textarea svg iframe head".split())
ASIDE = "aside"
"""Read inside the main content, where it is a note on it, and left out beside it."""

HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure header "
    "hgroup hr li main ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
DATE_FIELDS = ("article:modified_time", "article:published_time", "dcterms.modified", "dc.date", "date")
"""Names of ``meta`` elements that date a page, the most specific first."""

CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
CHARSET_WITHIN = 4_096
"""Bytes at the start of a page among which its encoding is looked for."""


def read_web_page(content: bytes, name: str) -> Document:
    """Return an HTML page as a document: the part marked as its main content, or all of its body.

    Raises ``RecursionError`` for elements that are nested beyond reason, ``ValueError`` for an unknown encoding.
    """
    page = LexborHTMLParser(_decoded(content))
    reader = _Reader()
    for root, within in ((_main_content(page), True), (page.body, False)):
        if root is not None and not reader.text.blocks:
            reader.walk(root, within=within)
            reader.flush()
    title = page.css_first("title")
    has_heading = any(block.level == 1 for block in reader.text.blocks)
    own_title = _spaced(title.text()) if title and not has_heading else None  # that of a site, often
    html = page.css_first("html")
    lang = stated_language(html.attributes.get("lang")) if html else None
    return reader.text.document(own_title, name, _date_of(page), lang)


def _decoded(content: bytes) -> str:
    """Return the text of a page: UTF-8, or else the encoding that it names."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        stated = CHARSET.search(content[:CHARSET_WITHIN])
        name = stated[1].decode("ascii", "replace").lower() if stated else "none"
        where = f"byte {error.start} is {content[error.start]:#x}"
    try:
        return content.decode({"iso-8859-1": "cp1252", "latin1": "cp1252"}.get(name, name))  # as browsers read it
    except (LookupError, UnicodeDecodeError):
        raise ValueError(f"it is not UTF-8 ({where}) and its charset is {name}; save it as UTF-8") from None


def _main_content(page: LexborHTMLParser) -> LexborNode | None:
    """Return the element marked as main content, or the only article; None where there is none or several."""
    for selector in ("main, [role=main]", "article"):
        if found := page.css(selector):
            return found[0] if len(found) == 1 else None
    return None


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

    def walk(self, node: LexborNode, *, within: bool) -> None:
        """Read the content of an element, which is ``within`` main content or not."""
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
                self.walk(child, within=within)
            elif tag in BLOCKS and (within or tag != ASIDE):
                self.flush()
                self.pieces += ["- "] if tag == "li" else []
                self.walk(child, within=within or tag in ("article", "main"))
                self.flush()
            elif tag not in LEFT_OUT and not tag.startswith(("!", "-")) and tag != ASIDE:
                self.walk(child, within=within)

    def flush(self) -> None:
        """End the current block."""
        text = _spaced("".join(self.pieces))
        self.pieces = []
        if text != "-":
            self.text.add(text)


def _spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
