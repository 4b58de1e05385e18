"""Values as Python prints them, which cells of CSV files and replies of models hold."""

from __future__ import annotations

import ast
import warnings
from typing import Any


def parse_python(text: str) -> Any:
    """Return the value of a text, such as a list or a dict; ``ValueError`` where it holds none.

    Python's warnings about text that is nearly a number (``5mg``) are not shown.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            return ast.literal_eval(text)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError(f"{text[:80]!r} is not a Python value: {error or type(error).__name__}") from None
