"""Dates of rows: a year, a month or a day, as exact as their source states them, in ISO 8601."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

DATE = re.compile(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2})(?=$|[T ]))?)?(?:[T ]+\d{1,2}:.*)?")
EXPECTED = "expected a year, a month or a day, as in 2019, 2019-04 or 2019-04-30"


def parse_date(value: Any) -> str | None:
    """Return a source's date as ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; None for none.

    A number is a year, slashes are read as hyphens, and a time of day is cut. Raises ``ValueError`` for anything else.
    """
    if value is None or (text := str(value).strip()) == "":
        return None
    found = DATE.fullmatch(text.removesuffix(".0"))
    if found is None:
        raise ValueError(f"date is {value!r}, {EXPECTED}")
    year, month, day = found.groups()
    parsed = "-".join([year, *(part.zfill(2) for part in (month, day) if part)])
    check_date(parsed)
    return parsed


def check_date(value: str) -> None:
    """Raise ``ValueError`` for a text that is no date of the calendar in one of the three forms."""
    try:
        date.fromisoformat(first_day(value))
        if re.fullmatch(r"\d{4}(-\d\d){0,2}", value):
            return
    except ValueError:
        pass
    raise ValueError(f"date is {value!r}, {EXPECTED}")


def first_day(value: str) -> str:
    """Return the first day of a year or month; a day is returned as it is."""
    return value + "-01-01"[len(value) - 4 :] if len(value) < 10 else value
