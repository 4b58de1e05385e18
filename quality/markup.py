"""HTML to text with a parser, for texts that really hold HTML: ``p<0.05`` and ``<90 mmHg`` are not tags."""

from __future__ import annotations

import html
import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

BLOCKS = frozenset(
    "address article blockquote dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li "
    "main nav ol p pre section table tbody td tfoot th thead tr ul".split()
)
INLINE = frozenset("a abbr b big br center code em font i img s small span strike strong sub sup tt u".split())
UNSEEN = frozenset(("script", "style", "head", "title", "template"))

_NAMES = "|".join(sorted(BLOCKS | INLINE | UNSEEN, key=len, reverse=True))
TAG = rf"(?i)<img\b[^>]*>|</?(?:{_NAMES})(?:\s+[a-z-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))*\s*/?>"
"""A tag of HTML: a known name, then nothing but attributes (images come with broken ones, too).

It stands in both Rust's and Python's regular expressions.
"""

ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8}\d?);"

_TAG = re.compile(TAG)
_ENTITY = re.compile(ENTITY)
_POWER = re.compile(r"[-+−]?\d+")


def to_text(markup: str) -> str:
    """Return what a reader of ``markup`` would see: blocks on lines of their own, list items with a dash."""
    if not _TAG.search(markup):
        return _ENTITY.sub(lambda match: html.unescape(match[0]), markup)
    parts: list[str] = []
    _walk(LexborHTMLParser(_only_real_tags(markup)).body, parts)
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip("\n")


def _only_real_tags(markup: str) -> str:
    """Escape every ``<`` that does not open a known tag, so that the parser leaves comparisons alone."""
    pieces, at = [], 0
    for match in _TAG.finditer(markup):
        pieces += [markup[at : match.start()].replace("<", "&lt;"), match[0]]
        at = match.end()
    return "".join([*pieces, markup[at:].replace("<", "&lt;")])


def _walk(node: LexborNode | None, parts: list[str]) -> None:
    for child in node.iter(include_text=True) if node else ():
        tag = child.tag or ""
        if tag == "-text":
            parts.append(child.text_content or "")
        elif tag == "br":
            parts.append("\n")
        elif tag == "sup" and _POWER.fullmatch(child.text()):
            parts.append(f"^{child.text()}")  # 10<sup>5</sup> must not become 105
        elif tag not in UNSEEN:
            edge = "\n" if tag in BLOCKS else ""
            parts.append(edge + ("- " if tag == "li" else ""))
            _walk(child, parts)
            parts.append(edge)
