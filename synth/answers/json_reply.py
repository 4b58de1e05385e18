"""Replies that must hold one JSON object of a known shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST_OBJECTS = 50
"""Opening braces of a reply that are tried."""


def object_schema(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the JSON schema of an object with exactly these fields, in this order."""
    return {
        "type": "object",
        "properties": {name: dict(kind) for name, kind in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }


def choice_schema(name: str, choices: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema of a reason and then one of some choices, under ``name``."""
    return object_schema({"reason": {"type": "string"}, name: {"type": "string", "enum": list(choices)}})


def parse(text: str, kinds: Mapping[str, type]) -> dict[str, Any] | None:
    """Return the one object in ``text`` with exactly these fields of these types, with any text around it.

    Texts must not be blank. A whole number may be written as ``4.0``; true and false are none. None where no
    object fits, or two that differ.
    """
    objects: list[dict[str, Any]] = []
    for value in _objects(text):
        if set(value) == set(kinds):
            fitted = {name: _fitted(value[name], kind) for name, kind in kinds.items()}
            if None not in fitted.values() and fitted not in objects:
                objects.append(fitted)
    return objects[0] if len(objects) == 1 else None


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a text from left to right, none from inside another."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(MOST_OBJECTS):
        at = text.find("{", at)
        if at < 0:
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            at += 1
            continue
        if isinstance(value, dict):
            yield value


def _fitted(value: object, kind: type) -> object | None:
    """Return ``value`` as a value of ``kind``, or None."""
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is kind and not (isinstance(value, str) and not value.strip()) else None
