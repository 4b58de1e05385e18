"""A clock for chat templates that write today's date: it stands still, so that a row is the same on any day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

PINNED = "2024-07-26"
"""The date that the templates of Llama 3.1 and 3.2 write where nobody gives them one."""


def clock(day: str = PINNED) -> dict[str, Callable[[str], str]]:
    """Return what a template is rendered with, so that ``strftime_now`` gives ``day``, a date in ISO's form."""
    return {"strftime_now": date.fromisoformat(day).strftime}


def writes_date(template: Any) -> bool:
    """Say whether a chat template, or one of several, asks for today's date."""
    return "strftime_now" in str(template)
