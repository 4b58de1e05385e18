"""The values of a JSON list or object, one at a time: collections of several GB are published as a single list.

The end of a value is found by its quotes and brackets only, so that invalid JSON costs one row and deep nesting is
harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from sources.files import BOM, FileError, RawFile, reading
from sources.formats.json_values import JsonError, parse_json
from sources.source import Broken, Raw

BLOCK = 1 << 20
"""Bytes read at a time."""

LONGEST = 1 << 26
"""Bytes an element may have: after a broken one, the start of the next is unknown."""

BLANKS = re.compile(rb"\s*+")
SEPARATORS = re.compile(rb"[\s,]*+")
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
KEY = re.compile(rb"(" + STRING + rb")\s*+:\s*+(?=\S)", re.DOTALL)
SCALAR = re.compile(STRING + rb"|(?:-?(?:[0-9][-+.0-9eE]*+|Infinity)|true|false|null|NaN)(?=[\s,\]}])", re.DOTALL)
WITHIN = re.compile(rb'(?:[^"\[\]{}]++|' + STRING + rb")*+", re.DOTALL)
OPENING, CLOSING = b"[{", b"]}"


def _nested(depth: int) -> bytes:
    """Return the pattern of the content of a value with ``depth`` levels of nesting."""
    inner = rb"|\[" + _nested(depth - 1) + rb"\]|\{" + _nested(depth - 1) + rb"\}" if depth else b""
    return rb'(?:[^"\[\]{}]++|' + STRING + inner + rb")*+"


SHALLOW = re.compile(rb"\{" + _nested(3) + rb"\}", re.DOTALL)
"""An object without deep nesting, matched in one step."""


def elements(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the values of the JSON list in ``file``, numbered from 1, in memory independent of its size.

    Consecutive lists are read as one. Raises ``FileError`` where a list is incomplete, an element has no end, or other
    content follows.
    """
    for number, _, text in _values(file, b"["):
        yield _row(number, text)


def entries(file: RawFile) -> Iterator[tuple[str, Raw | Broken]]:
    """Yield (key, value) for the entries of the JSON object in ``file``, numbered from 1, as ``elements`` does.

    A key that occurs twice is yielded twice.
    """
    for number, key, text in _values(file, b"{"):
        try:
            yield str(parse_json(key)), _row(number, text)
        except JsonError as error:
            shown = key.decode(errors="backslashreplace")
            yield shown, Broken(number, f"key {shown[:80]} is {error}", text.decode(errors="backslashreplace"))


def _row(number: int, text: bytes) -> Raw | Broken:
    try:
        return Raw(number, parse_json(text))
    except JsonError as error:
        return Broken(number, str(error), text.decode(errors="backslashreplace"))


def _values(file: RawFile, opening: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (number, key, value) as JSON text; the key is None in a list."""
    with reading(file), file.open() as stream:
        taken = _Taken(stream, file)
        number = 0
        taken.open(opening)
        while True:
            while not taken.closes(b"]" if opening == b"[" else b"}"):
                number += 1
                key = taken.key(number) if opening == b"{" else b""
                yield number, key, taken.value(number)
            if not taken.opens_again(opening, number):
                return


class _Taken:
    """The part of a file read and not yet parsed."""

    def __init__(self, stream: BinaryIO, file: RawFile) -> None:
        self._stream, self._file, self._text, self._at, self._ended = stream, file, b"", 0, False

    def open(self, opening: bytes) -> None:
        """Skip the opening bracket of the list or object; ``FileError`` for any other character."""
        kinds = {b"[": "list", b"{": "dict"}
        self._more(0, "", may_end=True)
        self._text = self._text.removeprefix(BOM)
        found = self._next(BLANKS)
        if found in kinds and found != opening:
            raise FileError(f"{self._file.path} holds a {kinds[found]}, expected a {kinds[opening]}")
        if found != opening:
            kind = "list" if opening == b"[" else "object"
            raise FileError(f"{self._file.path} is not JSON or is broken in its start: no {kind} opens")
        self._at += 1

    def closes(self, closing: bytes) -> bool:
        """Move to the next value; return True where the list or object ends instead."""
        if self._next(SEPARATORS) != closing:
            return False
        self._at += 1
        return True

    def opens_again(self, opening: bytes, number: int) -> bool:
        """Return whether another list follows; ``FileError`` for any other content."""
        found = self._next(BLANKS)
        if found and found != opening:
            raise FileError(
                f"{self._file.path} goes on with {found.decode(errors='backslashreplace')!r} after its end, after "
                f"{number:,} values, expected one list or object; fix the file"
            )
        self._at += len(found)
        return bool(found)

    def key(self, number: int) -> bytes:
        """Read a key and its colon, and return the key with its quotes."""
        while not (found := KEY.match(self._text, self._at)):
            self._more(number, "no key is there")
        self._at = found.end()
        return found[1]

    def value(self, number: int) -> bytes:
        """Read a value and return its text."""
        while (end := _end(self._text, self._at)) is None:
            self._more(number, "it does not end, or is no value")
        text, self._at = self._text[self._at : end], end
        return text

    def _next(self, blanks: re.Pattern[bytes]) -> bytes:
        """Skip white space and return the next byte, empty at the end of the file."""
        while True:
            found = blanks.match(self._text, self._at)
            assert found is not None, "the pattern matches nothing too"
            self._at = found.end()
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more(0, "", may_end=True)

    def _more(self, number: int, why: str, *, may_end: bool = False) -> None:
        held = len(self._text) - self._at
        block = self._stream.read(max(BLOCK, held)) if held < LONGEST else b""
        if not block and not may_end:
            raise FileError(f"{self._file.path} breaks off or is broken in element {number}: {why}; fetch it again")
        self._ended = not block
        self._text, self._at = self._text[self._at :] + block, 0


def _end(text: bytes, start: int) -> int | None:
    """Return the end of the value that starts at ``start``, or None where more of the file is needed."""
    if found := SHALLOW.match(text, start):
        return found.end()
    depth, at = 0, start
    while True:
        if depth:
            within = WITHIN.match(text, at)
            assert within is not None, "the pattern matches nothing too"
            at = within.end()
        sign = text[at : at + 1]
        if sign and sign in OPENING:
            depth += 1
        elif depth and sign and sign in CLOSING:
            depth -= 1
        elif depth:
            return None
        else:
            found = SCALAR.match(text, at)
            return found.end() if found else None
        at += 1
        if not depth:
            return at
