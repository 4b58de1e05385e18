"""Texts inside nested values: lists, objects, and texts that contain JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import orjson


def change_texts(value: Any, change: Callable[[str], str], fixed: Collection[str] = ()) -> Any:
    """Return ``value`` with ``change`` applied to its texts, in order, except values under a key of ``fixed``.

    A text that contains a JSON object or list has its texts changed, and is rewritten only where one of them was.
    """
    if isinstance(value, str):
        inner = parse_json(value)
        if inner is None:
            return change(value)
        changed = change_texts(inner, change, fixed)
        return value if changed == inner else orjson.dumps(changed, option=orjson.OPT_SORT_KEYS).decode()
    if isinstance(value, dict):
        return {name: one if name in fixed else change_texts(one, change, fixed) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [change_texts(one, change, fixed) for one in value]
    return value


def list_texts(value: Any, fixed: Collection[str] = ()) -> list[str]:
    """Return the texts of ``value`` in the order of ``change_texts``."""
    texts: list[str] = []
    _collect(value, fixed, texts)
    return texts


def _collect(value: Any, fixed: Collection[str], texts: list[str]) -> None:
    if isinstance(value, str):
        inner = parse_json(value)
        if inner is None:
            texts.append(value)
        else:
            _collect(inner, fixed, texts)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name not in fixed:
                _collect(one, fixed, texts)
    elif isinstance(value, list | tuple):
        for one in value:
            _collect(one, fixed, texts)


def put_texts(value: Any, texts: Iterator[str], fixed: Collection[str] = ()) -> Any:
    """Return ``value`` with its texts replaced by the next of ``texts``, one each."""
    return change_texts(value, lambda _: next(texts), fixed)


def parse_json(text: str) -> dict[str, Any] | Sequence[Any] | None:
    """Return the object or list that a text holds as JSON; None for any other text."""
    if text[:1] not in ("{", "["):
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict | list) else None
