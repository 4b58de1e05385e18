"""Whitespace: single spaces between words, none at the ends; code, indented lists and columns keep their layout."""

from __future__ import annotations

import re

import polars as pl

from quality.cleaning.markdown_tables import markdown_table

_ODD = r"\t\u00a0\u2000-\u200a\u202f\u205f\u3000"
_BLANK = rf"[ {_ODD}]"
LAYOUT = rf"^\s|\s$|{_BLANK}\n|\n{{3}}|{_BLANK}{{2}}|[{_ODD}]|\n "
"""Pattern that every text with untidy layout contains."""

_FENCE = re.compile(r"(?s)(```.*?```)")
_RUN = re.compile(rf"([(\[] {{2,}}[)\]])|{_BLANK}+")
"""A blank to fill in, whose width is kept, or spaces between words."""
_LIST = re.compile(r"(?m)^ {1,8}(?=(?:[-*•+–]|\d{1,3}[.)]|[a-z][.)]) \S)")


def tidy(texts: pl.Series) -> tuple[pl.Series, None]:
    """Return the texts with repeated and unusual blanks collapsed and at most one empty line in a row."""
    special = texts.str.contains(
        r"```|\n {1,8}(?:[-*•+–]|\d{1,3}[.)]|[a-z][.)]) |\t[^\n\t]+\n[^\n\t]+\t|[(\[] {2,}[)\]]"
    )
    plain = _tidied(texts)
    if special.any():
        at = special.arg_true()
        plain = plain.scatter(at, [_with_structure(text) for text in texts.gather(at)])
    return plain, None


def _tidied(texts: pl.Series) -> pl.Series:
    # A single blank is left where it is: replacing each by itself is what would take the time.
    several = rf" {_BLANK}+|[{_ODD}]{_BLANK}*"
    for pattern, value in ((rf"{_BLANK}+\n", "\n"), (r"\n{3,}", "\n\n"), (several, " "), (r"\n ", "\n")):
        texts = texts.str.replace_all(pattern, value)
    return texts.str.strip_chars()


def _with_structure(text: str) -> str:
    """Tidy a text except its code, the indentation of its lists and its tab-separated columns."""
    pieces = _FENCE.split(text.replace("\u00a0", " "))
    for at in range(0, len(pieces), 2):
        pieces[at] = _prose(pieces[at])
    return "".join(pieces).strip()


def _prose(text: str) -> str:
    lines = []
    for line in _columns(text.split("\n")):
        depth = _LIST.match(line)
        lines.append((depth[0] if depth else "") + _RUN.sub(lambda run: run[0] if run[1] else " ", line).strip(" "))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _columns(lines: list[str]) -> list[str]:
    """Return the lines with runs of equally many tabs turned into rows of a Markdown table."""
    done: list[str] = []
    at = 0
    while at < len(lines):
        tabs = len(_cells(lines[at])) - 1
        end = at + 1
        while tabs and end < len(lines) and len(_cells(lines[end])) == tabs + 1:
            end += 1
        if tabs and end - at > 1 and all(_is_row(line) for line in lines[at:end]):
            rows = [[(cell.strip(), 1, 1) for cell in _cells(line)] for line in lines[at:end]]
            done += markdown_table(rows).split("\n")
        else:
            done += lines[at:end]
        at = end
    return done


def _is_row(line: str) -> bool:
    """Return whether a line is a table row: more of its cells are filled than empty."""
    cells = [cell.strip() for cell in _cells(line)]
    return sum(map(bool, cells)) * 2 > len(cells)


def _cells(line: str) -> list[str]:
    return line.strip(" ").split("\t")
