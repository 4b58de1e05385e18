"""The objects of a JSON list, one at a time: collections of several GB are published as a single list."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import TextIO

import orjson

from sources.files import FileError, RawFile, reading
from sources.source import Broken, Raw

BLOCK = 1 << 20
"""Characters that are taken in at a time."""

LONGEST = 1 << 26
"""Characters an element may have: past a broken one there is no telling where the next begins."""

SEPARATORS = re.compile(r"[\s,]*")


def elements(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the objects of the JSON list that ``file`` holds, numbered from 1, in memory that does not grow with it.

    Raises ``FileError`` where the list breaks off, or where something in it is no JSON.
    """
    with reading(file), io.TextIOWrapper(file.open(), encoding="utf-8", errors="surrogateescape") as stream:
        for number, text in enumerate(_texts(stream, file), 1):
            try:
                yield Raw(number, orjson.loads(text.encode()))
            except (UnicodeEncodeError, orjson.JSONDecodeError) as error:
                yield Broken(number, f"not JSON: {error}", text.encode(errors="replace").decode())


def _texts(stream: TextIO, file: RawFile) -> Iterator[str]:
    decoder, text, number = json.JSONDecoder(), "", 1
    while "[" not in text:
        text += _more(stream, file, 0, "its start: no list opens")
    at = text.index("[") + 1
    while True:
        start = _next(text, at)
        if text.startswith("]", start):
            return
        try:
            _, at = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            text, at = text[start:] + _more(stream, file, len(text) - start, f"element {number}: {error}"), 0
        else:
            yield text[start:at]
            number += 1


def _next(text: str, at: int) -> int:
    found = SEPARATORS.match(text, at)
    assert found is not None, "the pattern matches nothing too"
    return found.end()


def _more(stream: TextIO, file: RawFile, held: int, where: str) -> str:
    block = stream.read(max(BLOCK, held)) if held < LONGEST else ""
    if not block:
        raise FileError(f"{file.path} breaks off or is broken in {where}; fetch it again")
    return block
