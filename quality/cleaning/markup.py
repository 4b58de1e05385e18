"""HTML to text with a parser, only for texts that contain HTML: ``p<0.05``, ``<90 mmHg`` and ``HLA-<B>27`` do not.

A tag counts if its name is an HTML name and it has attributes, a partner, or a name with no other meaning
(``<br>``). Everything else in angle brackets is text. Superscripts and subscripts keep their meaning:
``10<sup>5.2</sup>`` is 10^5.2, never 105.2.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from quality.cleaning.markdown_tables import markdown_table

PLAIN = frozenset(
    "br blockquote dd div dl dt h1 h2 h3 h4 h5 h6 hr img li ol p pre sub sup table tbody td tfoot th thead tr "
    "ul".split()
)
"""Tags that are markup even without attributes and partner."""
PAIRED_BLOCKS = frozenset(
    "address article aside caption details fieldset figcaption figure footer form header main nav section summary "
    "title".split()
)
INLINE = frozenset(
    "a abbr acronym b bdi bdo big center cite code del dfn em font i ins kbd label mark q s samp small span strike "
    "strong time tt u var".split()
)
UNSEEN = frozenset(("script", "style"))
"""Elements whose content is not displayed."""
SHELL = frozenset(
    "base body button col colgroup embed head html iframe input link map meta noscript object option param select "
    "template textarea wbr".split()
)
"""Tags removed before parsing, since a parser would drop text with them."""
BLOCKS = (PLAIN - {"br", "img", "sub", "sup"}) | PAIRED_BLOCKS

_NAMES = "|".join(sorted(PLAIN | PAIRED_BLOCKS | INLINE | UNSEEN | SHELL, key=len, reverse=True))
TAG = (
    rf"(?i)<img\b[^>]*>|<!doctype\b[^<>]*>|"
    rf"</?(?:{_NAMES})(?:\s+[a-z][a-z:-]*(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+)))*\s*/?>"
)
"""An HTML tag: a known name, then only attributes (images also with broken ones).

The pattern works in both Rust's and Python's regular expressions.
"""

ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8}\d?);"

_TAG = re.compile(TAG)
_TAG_NAME = re.compile(r"</?!?([a-zA-Z]+\d?)")
_ENTITY = re.compile(ENTITY)
_SIMPLE = re.compile(r"[-+−–]?(?:\d+(?:[.,·]\d+)*|[^\W\d_]+|\d*[^\W\d_]{1,2})|\d+[-+−–]")
_CITATION = re.compile(r"\d+(?:\s*[-–,;]\s*\d+)*")
_ORDINALS = frozenset(("st", "nd", "rd", "th", "er", "ère", "ème", "eme"))
_DEGREES = frozenset("o0º°")
_ESCAPED_AMPERSAND = re.compile(r"&(?:amp;|#0*38;|#[xX]0*26;)+")
_OPEN_SCRIPT = re.compile(r"(?i)<(su[bp])\b[^>]*>([^\s<]+)(?![^<]*</\1)")
_ROW_PART = re.compile(r"(?i)<(?:t[rdh]|tbody|thead|tfoot)\b")
_LAST_ROW_PART = re.compile(r"(?is).*</(?:t[rdh]|tbody|thead|tfoot)\s*>")


def to_text(markup: str) -> str:
    """Return the visible text of ``markup``: blocks on lines of their own, tables in Markdown."""
    real = _real_tags(markup) if "<" in markup else []
    if not real:
        return unescape(markup)
    parts: list[str] = []
    _walk(LexborHTMLParser(_parsable(markup, real)).body, parts)
    return unescape(re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip("\n"))


def unescape(text: str) -> str:
    """Return ``text`` with its character references resolved, however often they were escaped."""
    while True:
        resolved = _ENTITY.sub(lambda match: html.unescape(match[0]), _ESCAPED_AMPERSAND.sub("&", text))
        if resolved == text:
            return text
        text = resolved


def _real_tags(markup: str) -> list[re.Match[str]]:
    """Return the matches of ``TAG`` that are markup, in order."""
    matches = list(_TAG.finditer(markup))
    names = [_name(match) for match in matches]
    partners = _partners(matches, names)
    real = [
        match
        for at, (match, name) in enumerate(zip(matches, names, strict=True))
        if at in partners or name in PLAIN or "=" in match[0] or match[0][1] in "/!"
    ]
    if len(real) == 1 and real[0][0].lower() == "<p>" and _glued(markup, real[0]):
        return []
    return real


def _glued(markup: str, match: re.Match[str]) -> bool:
    """Return whether a tag is a letter inside a sentence ("patient <P> was"), where no paragraph begins."""
    before = markup[: match.start()].rstrip(" ")
    return bool(before) and (before[-1].isalnum() or before[-1] in "-,(/")


def _name(match: re.Match[str]) -> str:
    tag = _TAG_NAME.match(match[0])
    return tag[1].lower() if tag else ""


def _partners(matches: list[re.Match[str]], names: list[str]) -> set[int]:
    """Return the positions of the tags that open and close one another."""
    paired: set[int] = set()
    opened: dict[str, list[int]] = {}
    for at, (match, name) in enumerate(zip(matches, names, strict=True)):
        if not match[0].startswith("</"):
            opened.setdefault(name, []).append(at)
        elif opened.get(name):
            paired |= {opened[name].pop(), at}
    return paired


def _parsable(markup: str, real: list[re.Match[str]]) -> str:
    """Return markup in which every ``<`` that does not open a real tag is escaped."""
    pieces, at, unseen = [], 0, ""
    for match in real:
        text, name = markup[at : match.start()], _name(match)
        if not unseen:
            pieces.append(text.replace("<", "&lt;"))
        if name in UNSEEN:
            closes = match[0].startswith("</")
            unseen = "" if closes or not _closed_later(real, match, name) else name
        elif not unseen and name not in SHELL and name != "doctype":
            pieces.append(re.sub(r"(?i)\btitle\b", "div", match[0], count=1) if name == "title" else match[0])
        at = match.end()
    joined = "".join([*pieces, markup[at:].replace("<", "&lt;")])
    return _in_a_table(_OPEN_SCRIPT.sub(r"<\1>\2</\1>", joined))


def _closed_later(real: list[re.Match[str]], opening: re.Match[str], name: str) -> bool:
    return any(m.start() > opening.start() and m[0].startswith("</") and _name(m) == name for m in real)


def _in_a_table(markup: str) -> str:
    """Return markup whose stray rows are wrapped in a table: a parser would run their cells together."""
    first = _ROW_PART.search(markup)
    if not first or re.search(r"(?i)<table\b", markup):
        return markup
    last = _LAST_ROW_PART.match(markup)
    end = last.end() if last and last.end() > first.start() else len(markup)
    return f"{markup[: first.start()]}<table>{markup[first.start() : end]}</table>{markup[end:]}"


def _walk(node: LexborNode | None, parts: list[str]) -> None:
    for child in node.iter(include_text=True) if node else ():
        tag = child.tag or ""
        if tag == "-text":
            parts.append(child.text_content or "")
        elif tag == "br":
            parts.append("\n")
        elif tag in ("sup", "sub"):
            write = superscript if tag == "sup" else subscript
            parts.append(write(child.text().strip(), "".join(parts[-3:])[-2:], _following(child)))
        elif tag == "table":
            parts.append(_table(child))
        elif tag == "img":
            parts.append((child.attributes.get("alt") or "").strip())
        else:
            edge = "\n" if tag in BLOCKS else ""
            parts.append(edge + (_marker(child) if tag == "li" else ""))
            _walk(child, parts)
            parts.append(edge)


def _following(node: LexborNode) -> str:
    """Return the character after an element, or an empty text."""
    after = node.next
    if not after or after.tag in ("sup", "sub"):
        return ""
    return ((after.text_content if after.tag == "-text" else after.text()) or "")[:1]


def _marker(item: LexborNode) -> str:
    """Return the prefix of a list item: a dash, or its number in an ordered list."""
    if not item.parent or item.parent.tag != "ol":
        return "- "
    return f"{sum(1 for child in _before(item) if child.tag == 'li') + 1}. "


def _before(node: LexborNode) -> Iterator[LexborNode]:
    while node.prev:
        node = node.prev
        yield node


def _table(table: LexborNode) -> str:
    """Return a table in Markdown with its caption first; a layout table becomes its text."""
    rows, caption = [], ""
    for row in _elements(table, ("tr", "caption")):
        if row.tag == "caption":
            caption = _inner(row)
        else:
            cells = list(_elements(row, ("td", "th")))
            rows.append([(_inner(cell), _span(cell, "colspan"), _span(cell, "rowspan")) for cell in cells])
    return f"\n\n{caption}\n{markdown_table(rows)}\n\n"


def _inner(node: LexborNode) -> str:
    parts: list[str] = []
    _walk(node, parts)
    return "".join(parts).strip()


def _elements(node: LexborNode, tags: tuple[str, ...]) -> Iterator[LexborNode]:
    """Yield the elements with the given tags below ``node``, except nested ones and those of an inner table."""
    for child in node.iter():
        if child.tag in tags:
            yield child
        elif child.tag != "table":
            yield from _elements(child, tags)


def _span(cell: LexborNode, name: str) -> int:
    value = cell.attributes.get(name) or ""
    return min(max(int(value), 1), 50) if value.isdecimal() and value.isascii() else 1


def superscript(text: str, before: str, after: str) -> str:
    """Return a superscript as text: exponents get a ``^``; mass numbers before their symbol and bare signs do not.

    ``before`` is the text before it, ``after`` the character after it.
    """
    last, rest = before[-1:], before.rstrip()[-1:]
    if text in _DEGREES and rest.isdigit() and after in ("C", "F"):
        written = "°"
    elif text.lower() == "tm":
        written = "™"
    elif not _has_word(text) or (last.isdigit() and text.lower() in _ORDINALS):
        written = text
    elif last and last in '.,;:!?"”’' and _CITATION.fullmatch(text):
        written = f"[{text}]"
    elif not last.isalnum() and last not in tuple(")]}") and after.isalpha() and after.isupper():
        written = text
    else:
        written = "^" + _wrapped(text, after)
    return written


def subscript(text: str, before: str, after: str) -> str:
    """Return a subscript as text: H2O, log10 and Vmax as usually written, others after an underscore."""
    last = before[-1:]
    if not _has_word(text) or not (last.isalnum() or last in tuple(")]}")):
        return text
    runs_on = text[-1].isdigit() and after.isdigit()
    if not last.isdigit() and not runs_on and (text.isalnum() or text == "1/2"):
        return text
    return "_" + _wrapped(text, after)


def _wrapped(text: str, after: str) -> str:
    """Return the text in parentheses where it would otherwise merge with the following text."""
    runs_on = after.isdigit() or (after.isalpha() and text[-1:].isalpha())
    return text if _SIMPLE.fullmatch(text) and not runs_on else f"({text})"


def _has_word(text: str) -> bool:
    return any(char.isalnum() for char in text)
