"""Markdown and plain text as documents. Offsets are those of the file's text, with one character for each line end."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import yaml
from markdown_it import MarkdownIt

from sources.documents.document import Block, Document, first_heading, stated_language
from sources.fields.dates import parse_date

COMMENTS = re.compile(r"(?:<!--.*?-->\s*)+", re.DOTALL)
"""A block of comments and nothing else."""

FRONT_MATTER = re.compile(r"---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)


def read_markdown(text: str, name: str) -> Document:
    """Return a Markdown text as a document; ``title``, ``date`` and ``lang`` of YAML front matter are its own.

    Form feeds, which programs write between the pages of a PDF file, end a page and a paragraph.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    page_starts = [found.end() for found in re.finditer("\f", text)]
    text = text.replace("\f", "\n")
    front = FRONT_MATTER.match(text)
    skipped = front.end() if front else 0
    starts = [0]
    starts += [place + 1 for place, character in enumerate(text) if character == "\n"]
    first_line = text.count("\n", 0, skipped)
    blocks = []
    for token in MarkdownIt("commonmark").enable("table").parse(text[skipped:]):
        if token.level or token.map is None or token.type in ("hr", "inline") or token.nesting < 0:
            continue
        start, stop = (starts[min(first_line + line, len(starts) - 1)] for line in token.map)
        end = stop if first_line + token.map[1] < len(starts) else len(text)
        content = text[start:end].strip()
        if not content or COMMENTS.fullmatch(content):
            continue
        start = text.index(content, start)
        level = int(token.tag[1]) if token.type == "heading_open" else 0
        page = 1 + bisect_right(page_starts, start) if page_starts else None
        blocks.append(Block(start=start, end=start + len(content), level=level, page=page))
    facts = _facts(front[1]) if front else {}
    title = facts.get("title") or first_heading(text, blocks) or name
    lang = stated_language(facts.get("lang") or facts.get("language"))
    return Document(title=str(title), text=text, blocks=tuple(blocks), date=_date(facts.get("date")), lang=lang)


def _facts(text: str) -> Mapping[str, Any]:
    try:
        facts = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _date(value: Any) -> str | None:
    """Return a stated date, None where it has another form than rows have."""
    try:
        return parse_date(value)
    except ValueError:
        return None
