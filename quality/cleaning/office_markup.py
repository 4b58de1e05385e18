"""Removal of word-processor markup: conditional comments, Office XML and list styles, none of which is displayed."""

from __future__ import annotations

import re

_XML_PARTS = r"WordDocument|LatentStyles|OfficeDocumentSettings|DocumentProperties|shapedefaults|shapelayout|shapetype"
_WORDS = r"(?:false|true)"

PATTERNS: tuple[str, ...] = (
    r"(?is)<!--\[if\b[^\]]*\]>.*?<!\[endif\]-->",
    rf"(?is)<xml>\s*<(?:[wov]|mml?):.*?</xml>|<([wov]):(?:{_XML_PARTS})\b[^<>]*>.*?</[wov]:(?:{_XML_PARTS})>",
    r"(?s)<!--(?:[^-\n]|-[^->]|\n[^\n]){0,4000}?-->",
    r"(?i)<!--\[if\b[^\]]*\]>|<!--\[endif\]-->|<!\[(?:if\b[^\]]*|endif)\](?:--)?>|<\?xml\b[^<>]*>",
    r"(?i)</?(?:o|v|w|m|x|st\d|xsl|mml|u\d):[a-z][a-z0-9]*(?:\s[^<>]*)?/?>",
    r"/\*\s*Style Definitions\s*\*/(?:\s*[\w.@, -]+\{[^{}]*\})+",
    rf"\bNormal\s+0\s+(?:\d+\s+)?{_WORDS}\s+{_WORDS}\s+{_WORDS}(?:\s+(?:[A-Z]{{2}}(?:-[A-Z]{{2,4}})?|X-NONE)\b)*"
    r"(?:\s+MicrosoftInternetExplorer\d)?",
)
OFFICE = (
    r"(?i)<!--|<!\[|<\?xml|<xml>|</?(?:o|v|w|m|x|st\d|xsl|mml|u\d):[a-z]|"
    r"/\*\s*Style Definitions|\bNormal\s+0\s+(?:\d+\s+)?(?:false|true)"
)
"""Pattern that every text with Office markup contains."""

_PATTERNS = tuple(map(re.compile, PATTERNS))


def remove_office(text: str) -> tuple[str, str]:
    """Remove comments and Office markup; the words between the tags are kept."""
    removed: list[str] = []
    for pattern in _PATTERNS:
        removed += [match[0].strip() for match in pattern.finditer(text)]
        text = pattern.sub("", text)
    return text, "\n".join(removed)
