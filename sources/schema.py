"""What a connector expects of a raw row, and the public places where that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Aspect = Literal["columns", "gold", "splits", "license"]
"""What can be checked of a corpus: its columns, the number of the first option, its splits and files, its licence."""

ASPECTS: tuple[Aspect, ...] = get_args(Aspect)

ColumnType = Literal["text", "integer", "number", "boolean", "list", "object", "any"]

Columns = Mapping[str, str]
"""Types of the columns that a connector reads: a ``ColumnType``, with ``?`` where the value may be null or absent.

A name with a dot is a field of an object (``data.Question``) or of the first object of a list (``answers.atext``).
"""


@dataclass(frozen=True, kw_only=True)
class GoldColumn:
    """The column that numbers the right option.

    - ``base``: the number of the first option
    - ``options``: the number of options, or the column that lists them
    - ``hidden``: the value of rows whose answer is not published
    """

    name: str
    base: int
    options: int | str
    hidden: int | None = None


@dataclass(frozen=True, kw_only=True)
class SchemaReading:
    """What one public place says of a corpus: a card, a loader, or the files themselves.

    - ``checked``: what is said there and was compared with the connector
    - ``where``: repository and path (``OWNER/NAME: PATH``), or ``card of ORG/NAME``
    - ``result``: ``agrees``, or what was mended or is in conflict
    """

    checked: tuple[Aspect, ...]
    where: str
    result: str = "agrees"

    def __post_init__(self) -> None:
        if not self.checked or set(self.checked) - set(ASPECTS):
            raise ValueError(f"checked is {self.checked!r}, expected some of {', '.join(ASPECTS)}")


def unverified(readings: tuple[SchemaReading, ...], *, gold: bool) -> tuple[Aspect, ...]:
    """Return what no reading covers; ``gold`` only counts for corpora of questions with options."""
    read = {aspect for reading in readings for aspect in reading.checked}
    return tuple(aspect for aspect in ASPECTS if aspect not in read and (gold or aspect != "gold"))
