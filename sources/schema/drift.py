"""Files that no longer have the shape that their connector expects: a column renamed or retyped, a gold base shifted.

A row that differs from the others of its file is quarantined by itself. What all first rows of a file have in common is
no error of a row but another file: it is refused, with the column, what was expected and found, and a mapping.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from sources.files import FileError
from sources.record import as_position
from sources.schema.columns import ColumnTypes, GoldColumn

SAMPLE = 200
"""Rows at the start of a file that are compared with the connector's columns."""

ENOUGH = 5
"""Rows from which on a file is judged as a whole; those of a shorter one are judged one by one."""

ENOUGH_GOLD = 8
"""Answers from which on a shift of the gold base is distinguished from a single wrong answer."""

ENOUGH_UNSEEN = 30
"""Answers of which one at least is the last option, where hidden answers and a shift to them look the same."""

SIMILAR_NAME = 0.6
"""Similarity of two column names from which on one is proposed for the other."""

SAME_NAME = 0.8
"""Similarity from which on an optional column is taken for renamed and not for absent."""

NUMERAL = re.compile(r"[-+]?\d{1,300}(\.\d*)?([eE][-+]?\d{1,2})?")

STORED_AS = {"number": ("integer",), "letter": ("text",), "numeral": ("text", "integer", "number")}
"""The types in which files store the values of a kind."""

MISSING = object()


class DriftError(FileError):
    """A file whose columns are not those that its connector reads."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One column that is not as expected, and the mapping that would fit; ``proposal`` is None where none is near."""

    column: str
    expected: str
    found: str
    proposal: str | None = None

    def __str__(self) -> str:
        proposed = f"; proposed: {self.proposal}" if self.proposal else ""
        return f"column {self.column!r}: expected {self.expected}, found {self.found}{proposed}"


def find_drift(columns: ColumnTypes, gold: GoldColumn | None, rows: Sequence[object]) -> list[Drift]:
    """Return the ``columns`` that all of ``rows`` lack or have in another type, and a shifted base of ``gold``."""
    objects = [row for row in rows if isinstance(row, Mapping)]
    if not columns or len(objects) < ENOUGH:
        return []
    unclaimed = {name: kind for name, kind in found_types(objects).items() if name not in columns and "." not in name}
    found = [drift for name in columns if (drift := _column_drift(name, columns[name], objects, unclaimed))]
    named = {drift.column for drift in found}
    if gold and gold.name not in named and (shift := _gold_shift(gold, objects)):
        found.append(shift)
    return found


def found_types(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the types of the columns of some rows and of the fields of objects in them, as ``Corpus.columns`` are."""
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for name, value in _leaves(row):
            kinds.setdefault(name, set()).add(_kind(value))
    return {name: _one_type(seen) for name, seen in kinds.items()}


def _leaves(row: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in row.items():
        name = f"{prefix}{key}"
        yield name, value
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, Mapping) and not prefix:
            yield from _leaves(inner, f"{name}.")


def _column_drift(
    name: str, wanted: str, rows: Sequence[Mapping[str, Any]], unclaimed: Mapping[str, str]
) -> Drift | None:
    kind, nullable, optional = wanted.rstrip("?*"), wanted.endswith(("?", "*")), wanted.endswith("*")
    values = [_value_at(row, name) for row in rows]
    present = [value for value in values if value is not MISSING]
    if not present:
        near = _nearest(name, kind, unclaimed, least=SAME_NAME if optional else SIMILAR_NAME)
        if optional and near is None:
            return None
        outer = rows[0] if "." not in name else _value_at(rows[0], name.rpartition(".")[0])
        columns = ", ".join(outer) if isinstance(outer, Mapping) else type(outer).__name__
        return Drift(column=name, expected=kind, found=f"no such column among {columns}", proposal=near)
    blank = (None, "") if kind in ("letter", "numeral") else (None,)
    given = [value for value in present if value not in blank]
    if not given:
        return None if nullable else Drift(column=name, expected=kind, found="null in every row")
    if any(_fits(value, kind) for value in given):
        return None
    found = _one_type({_kind(value) for value in given})
    return Drift(
        column=name,
        expected=kind,
        found=f"{found} such as {f'{given[0]!r}'[:40]}",
        proposal=_conversion(name, kind, given),
    )


def _value_at(row: object, name: str) -> Any:
    """Return the value of a column, or of a field inside it; ``MISSING`` where the row has none."""
    value = row
    for key in name.split(".") if not (isinstance(row, Mapping) and name in row) else [name]:
        inner = value[0] if isinstance(value, list) and value else value
        if not isinstance(inner, Mapping) or key not in inner:
            return None if inner is None or inner == [] else MISSING
        value = inner[key]
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "object"
    return "list" if isinstance(value, list | tuple) else type(value).__name__


def _one_type(kinds: set[str]) -> str:
    """Return one name for the kinds of a column's values; ``?`` marks nulls."""
    solid = sorted(kinds - {"null"})
    if solid == ["integer", "number"]:
        solid = ["number"]
    name = " or ".join(solid) or "null"
    return f"{name}?" if "null" in kinds and solid else name


def _fits(value: Any, kind: str) -> bool:
    if kind == "letter":
        return isinstance(value, str) and len(value.strip()) == 1 and value.strip().isalpha()
    if kind == "numeral":
        return isinstance(_number(value), int | float) and not isinstance(value, bool)
    return kind == "any" or _kind(value) == kind or (kind == "number" and _kind(value) == "integer")


def _nearest(name: str, kind: str, unclaimed: Mapping[str, str], *, least: float) -> str | None:
    """Return the mapping of an unclaimed column to ``name``: the one with the nearest name, else the only one of its
    type.
    """
    fitting = {"any", kind, "null", *STORED_AS.get(kind, ())}
    typed = [other for other, found in unclaimed.items() if kind == "any" or found.removesuffix("?") in fitting]
    scored = sorted(((_similarity(name, other), other) for other in typed), reverse=True)
    if scored and scored[0][0] >= least:
        return f"read {scored[0][1]!r} in place of {name!r} (nearest name, same type)"
    if len(typed) == 1 and least < SAME_NAME:
        return f"read {typed[0]!r} in place of {name!r} (the only other column of type {kind})"
    return None


def _similarity(one: str, other: str) -> float:
    first, second = (re.sub(r"[\W_]+", "", name.lower()) for name in (one, other))
    if first == second:
        return 1.0
    if one.lower() in re.split(r"[\W_]+", other.lower()):
        return 0.95
    if first in second or second in first:
        return 0.9
    return SequenceMatcher(a=first, b=second).ratio()


def _conversion(name: str, kind: str, values: Sequence[Any]) -> str | None:
    """Return how values of another type become values of ``kind``; None where no conversion is at hand."""
    texts = [value.strip() for value in values if isinstance(value, str)]
    if kind == "letter" and all(isinstance(_number(value), int) for value in values):
        return f"{name!r} is a number now: a position that counts from 0 or 1, int(row[{name!r}])"
    if kind in ("integer", "number", "numeral") and len(texts) == len(values):
        if all(len(text) == 1 and text.isalpha() for text in texts):
            return f"{name!r} is a letter now: position of the letter, letter(row[{name!r}])"
        if all(text.lstrip("-").isdigit() for text in texts):
            return f"{name!r} is a number as text now: int(row[{name!r}])"
    if kind == "text" and all(isinstance(value, int | float) for value in values):
        return f"{name!r} is a number now: str(row[{name!r}]), or its position where it was a letter"
    if kind in ("list", "object") and texts and all(text[:1] in "[{" for text in texts):
        return f"{name!r} is JSON as text now: parse_json(row[{name!r}].encode())"
    if kind == "text" and all(isinstance(value, list) for value in values):
        return f"{name!r} is a list now: its first element, row[{name!r}][0], or one row each"
    return None


def _gold_shift(gold: GoldColumn, rows: Sequence[Mapping[str, Any]]) -> Drift | None:
    """Return the drift of a gold column that counts from another number than its base.

    A single answer out of range is an error of its row. A shift shows at both ends: one past the last option occurs and
    the first does not, or the reverse.
    """
    places, hidden, read = [], 0, f"row[{gold.name!r}]"
    for row in rows:
        written = _value_at(row, gold.name)
        read = f"int(row[{gold.name!r}])" if isinstance(written, str) else read
        value = as_position(_number(written))
        count = _option_count(gold, row)
        if isinstance(value, int) and value == gold.hidden:
            hidden += 1
        elif isinstance(value, int) and count:
            places.append((value - gold.base, count))
    if len(places) < ENOUGH_GOLD or len({place for place, _ in places}) == 1:  # one mark for all: none is published
        return None
    starts = any(place == 0 for place, _ in places)
    ends = any(place == count - 1 for place, count in places)
    past = any(place == count for place, count in places)
    before = any(place == -1 for place, _ in places)
    if hidden and gold.hidden == gold.base - 1 and len(places) >= ENOUGH_UNSEEN:
        before = True
    if past and not starts and not before:
        base = gold.base + 1
    elif before and not ends and not past:
        base = gold.base - 1
    else:
        return None
    values = [place + gold.base for place, _ in places] + ([gold.hidden] if hidden and gold.hidden is not None else [])
    return Drift(
        column=gold.name,
        expected=f"positions from {gold.base}",
        found=f"{min(values)} to {max(values)}, positions from {base}",
        proposal=f"count from {base}: {read}{f' - {base}' if base else ' as it is'}",
    )


def _option_count(gold: GoldColumn, row: Mapping[str, Any]) -> int:
    if isinstance(gold.options, int):
        return gold.options
    if callable(gold.options):
        return gold.options(row)
    listed = _value_at(row, gold.options)
    return len(listed) if isinstance(listed, list | dict) else 0


def _number(value: Any) -> Any:
    """Return the number that a text is, whole where it can be; any other value as it is."""
    if not isinstance(value, str) or not NUMERAL.fullmatch(value.strip()):
        return value
    number = float(value)
    return int(number) if number.is_integer() else number
