"""Strict JSON: no repeated key, no number that loses digits, no NaN, at any depth."""

from __future__ import annotations

import json
import re
from typing import Any, Never

import orjson

_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
"""Maps each digit to ``0`` and all else to a blank, so that one search finds a long number."""

_LONG = b"0" * 19
"""The digits of a whole number that may not fit into 64 bits."""

_ESCAPED = re.compile(rb'\\(?:"|u0022)')

_PLAIN = frozenset({str, int, bool, type(None)})
"""Types that orjson reads exactly; a rounded whole number is a ``float``."""


class JsonError(ValueError):
    """Text that is not a JSON value, or one that parsers read differently."""


def parse_json(text: bytes, *, nan: bool = False) -> Any:
    """Return the value of a JSON text; whole numbers of any size are exact.

    Raises ``JsonError`` for invalid JSON, for an object with a repeated key, and for NaN and infinities unless ``nan``
    allows them.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if nan:
            return parse_slowly(text, nan=True)
        raise JsonError(f"not JSON: {error.msg} at character {error.pos}") from error
    # orjson takes the last of two equal keys and rounds whole numbers past 64 bits: both leave a trace in the text.
    if type(value) is dict and (b"\\" not in text or not _ESCAPED.search(text)):
        kinds = list(map(type, value.values()))
        if _PLAIN.issuperset(kinds) and text.count(b'"') == 2 * (len(kinds) + kinds.count(str)):
            return value  # as many quotes as the keys and texts of a row without lists and fractions have
    try:
        twice = text.count(b'"') != orjson.dumps(value).count(b'"') or b"\\u0022" in text
    except TypeError as error:
        raise JsonError(f"nested too deep: {error}") from error
    if twice or _LONG in text.translate(_DIGITS):
        return parse_slowly(text, nan=nan)
    return value


def parse_slowly(text: bytes, *, nan: bool) -> Any:
    """Parse JSON like ``parse_json``, with a slower parser that checks every key and number."""
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=float if nan else _refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
        return value
    except JsonError:
        raise
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON: {error.msg} at character {error.pos}") from error
    except (ValueError, RecursionError) as error:
        raise JsonError(f"not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise JsonError(f"key {twice!r} occurs twice in an object")
    return found


def _refuse_constant(name: str) -> Never:
    raise JsonError(f"not JSON: {name} is not a JSON number")
