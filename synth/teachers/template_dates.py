"""A fixed date for chat templates that write today's, so that a row does not depend on the day.

The date is put into the template's text: transformers hands a template no functions of a caller's.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any

PINNED = "2024-07-26"
"""The date that the templates of Llama 3.1 and 3.2 write without one given."""

CALL = re.compile(r"""\bstrftime_now\s*\(\s*(?:format\s*=\s*)?(["'])((?:(?!\1)[^\\])*)\1\s*\)""")
TESTED = re.compile(r"\bstrftime_now\s+is\s+(?:not\s+)?defined\b")


def dated_template(tokenizer: Any, day: str = PINNED) -> dict[str, str]:
    """Return variables with which a tokenizer's chat template renders ``day``, an ISO date, as today's.

    They are empty where the template renders no date. Raises ``ValueError`` where it gets the date in another way than
    by a call with a format.
    """
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, dict):
        template = template.get("default")
    if not isinstance(template, str) or not writes_date(template):
        return {}
    return {"chat_template": pin_date(template, day)}


def writes_date(template: Any) -> bool:
    """Return whether a chat template, or one of several, uses today's date."""
    return "strftime_now" in str(template)


@lru_cache(maxsize=8)
def pin_date(template: str, day: str) -> str:
    """Return a chat template with ``day`` in the place of today's date."""
    moment = date.fromisoformat(day)

    def written(call: re.Match[str]) -> str:
        return f"{call[1]}{moment.strftime(call[2])}{call[1]}"

    pinned = CALL.sub(written, template)
    if "strftime_now" in TESTED.sub("", pinned):
        place = pinned.index("strftime_now")
        raise ValueError(
            "the chat template gets today's date in a way that cannot be pinned, expected calls of strftime_now "
            f"with a format: {' '.join(pinned[max(0, place - 20) : place + 40].split())!r}"
        )
    return pinned
