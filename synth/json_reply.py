"""Replies that must be one JSON object of a known shape, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

FENCED = re.compile(r"\s*(?:```(?:json)?\s*\n)?\s*(\{.*\})\s*(?:\n\s*```)?\s*", re.DOTALL)


def object_schema(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the JSON schema of an object with exactly these fields, in this order."""
    return {
        "type": "object",
        "properties": {name: dict(kind) for name, kind in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }


def parse(text: str, kinds: Mapping[str, type]) -> dict[str, Any] | None:
    """Return the object if ``text`` is just that, in a code fence or not, with exactly these fields of these types.

    Texts must not be blank; true and false are no whole numbers. Anything else is None.
    """
    match = FENCED.fullmatch(text)
    try:
        found = json.loads(match[1]) if match else None
    except (json.JSONDecodeError, RecursionError):
        return None
    if not isinstance(found, dict) or set(found) != set(kinds):
        return None
    return found if all(_fits(found[name], kind) for name, kind in kinds.items()) else None


def _fits(value: object, kind: type) -> bool:
    return type(value) is kind and not (isinstance(value, str) and not value.strip())
