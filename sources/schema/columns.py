"""What a connector expects of a raw row, and the public places where that was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Aspect = Literal["columns", "gold", "splits", "license"]
"""What can be checked of a corpus: its columns, the number of the first option, its splits and files, its licence."""

ASPECTS: tuple[Aspect, ...] = get_args(Aspect)

ColumnType = Literal["text", "integer", "number", "boolean", "list", "object", "letter", "numeral", "any"]
"""``letter`` is a text of one letter, ``numeral`` a number or a text that is one, as all numbers of a csv file are."""

ColumnTypes = Mapping[str, str]
"""Types of the columns that a connector reads: a ``ColumnType``, with ``?`` if it may be null, ``*`` if absent too.

A name with a dot is a field of an object (``data.Question``) or of the first object of a list (``answers.atext``).
"""

ALPACA: ColumnTypes = {"instruction": "text", "input": "text*", "output": "text"}
ANSWERED: ColumnTypes = {"system_prompt": "text*", "question": "text", "response": "text"}
SHAREGPT: ColumnTypes = {"conversations": "list", "conversations.from": "text", "conversations.value": "text"}
CHAT: ColumnTypes = {"messages": "list", "messages.role": "text", "messages.content": "text"}
MESSAGE_PAIR: ColumnTypes = {
    "chosen": "list",
    "chosen.role": "text",
    "chosen.content": "text",
    "rejected": "list",
    "rejected.role": "text",
    "rejected.content": "text",
}


@dataclass(frozen=True, kw_only=True)
class GoldColumn:
    """The column that numbers the right option.

    - ``base``: the number of the first option
    - ``options``: the number of options, the column that lists them, or a function that counts those of a row
    - ``hidden``: the value of rows whose answer is not published
    """

    name: str
    base: int
    options: int | str | Callable[[Mapping[str, Any]], int]
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


PUBLISHED_FILES = SchemaReading(
    checked=ASPECTS, where="the published files, read whole by tests/test_real_counts_a.py and _b.py"
)
"""The reading of a corpus whose files were in hand when its connector was written."""


def hub_page(id: str, path: str, *checked: Aspect, result: str = "agrees") -> SchemaReading:
    """Return the reading of a page of the Hub: a card, or the list of files of a revision."""
    return SchemaReading(checked=checked, where=f"huggingface.co/datasets/{id}/{path}", result=result)


def repository_file(repository: str, path: str, *checked: Aspect, result: str = "agrees") -> SchemaReading:
    """Return the reading of a file in a public repository, such as a loader or a task of an evaluation harness."""
    return SchemaReading(checked=checked, where=f"{repository}: {path}", result=result)


def collected_card(id: str, *checked: Aspect, result: str = "agrees") -> SchemaReading:
    """Return the reading of a card in a public collection of dataset cards, made from the Hub's API in August 2026."""
    file = f"{id.replace('/', '__')}.md"
    return SchemaReading(checked=checked, where=f"{file} of a collection of dataset cards (2026-08-11)", result=result)


def public_code(call: str, *checked: Aspect, result: str = "agrees") -> SchemaReading:
    """Return the reading of public code that loads a corpus, found by the call in it."""
    return SchemaReading(checked=checked, where=f"public code: {call}", result=result)


def unverified(readings: tuple[SchemaReading, ...], *, gold: bool) -> tuple[Aspect, ...]:
    """Return what no reading covers; ``gold`` only counts for corpora of questions with options."""
    read = {aspect for reading in readings for aspect in reading.checked}
    return tuple(aspect for aspect in ASPECTS if aspect not in read and (gold or aspect != "gold"))
