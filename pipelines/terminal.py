"""The one door to the terminal: what a verb prints goes through here, whoever wrote the text.

Files, rows, manifests and servers may hold escape sequences, control characters and changes of direction, which a
terminal obeys. They are shown as text; in JSON they stand as escapes, which programs read as the same characters.
"""

from __future__ import annotations

import json
import re
from typing import Any

import click

COLOURS = re.compile("(\x1b\\[(?:[0-9;]{1,8})m)")
"""What ``click.style`` writes; only texts whose own parts were made printable before may keep it."""

KEPT = "\n\t "


def printable(text: str) -> str:
    """Return text that a terminal shows as it is: control characters and changes of direction are escaped."""
    return "".join(c if c.isprintable() or c in KEPT else _escaped(c) for c in text)


def one_line(text: str) -> str:
    """Return text as one printable line, so that it cannot pass for a line of its own."""
    return printable(text.replace("\n", "\\n").replace("\t", "\\t"))


def to_json(value: Any) -> str:
    """Return a value as JSON that a terminal shows as it is, and a program reads as it was."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def echo(message: object, *, err: bool = False) -> None:
    """Print a line for people: printable, whatever it holds."""
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
