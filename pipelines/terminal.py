"""Safe output to the terminal, used by every verb.

Files, rows, manifests and servers may contain escape sequences, control characters and direction changes, which a
terminal would obey. They are shown as text; in JSON they are escaped, which programs read as the same characters.
"""

from __future__ import annotations

import json
import re
from typing import Any

import click

COLOURS = re.compile("(\x1b\\[(?:[0-9;]{1,8})m)")
"""Escape sequences of ``click.style``, allowed only in texts whose parts were made printable before."""

KEPT = "\n\t "


def printable(text: str) -> str:
    """Return text with control characters and direction changes escaped."""
    return "".join(c if c.isprintable() or c in KEPT else _escaped(c) for c in text)


def one_line(text: str) -> str:
    """Return text as one printable line, so that it cannot pass for a line of its own."""
    return printable(text.replace("\n", "\\n").replace("\t", "\\t"))


def to_json(value: Any) -> str:
    """Return a value as JSON without control characters, which programs read unchanged."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def echo(message: object, *, err: bool = False) -> None:
    """Print a line of printable text."""
    click.echo(printable(str(message)), err=err)


def echo_json(value: Any) -> None:
    """Print a value for programs."""
    click.echo(to_json(value))


def echo_coloured(message: str) -> None:
    """Print a text with the colours of ``click.style``, whose parts are printable already."""
    parts = COLOURS.split(message)
    click.echo("".join(part if COLOURS.fullmatch(part) else printable(part) for part in parts))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
