"""Results as HTML for notebooks: every text is escaped, and hidden characters are written out."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from pipelines.report.page_text import safe_text

if TYPE_CHECKING:
    import polars as pl

SHOWN_ROWS = 5


def text_html(text: str) -> str:
    """Return text as it is printed, without breaking its columns."""
    return f'<pre style="overflow-x: auto">{_text(text)}</pre>'


def facts_html(title: str, facts: Mapping[str, str]) -> str:
    """Return a table of two columns under a title."""
    rows = "".join(
        f'<tr><th style="text-align: left">{_text(k)}</th><td>{_text(v)}</td></tr>' for k, v in facts.items()
    )
    head = f"<caption>{_text(title)}</caption>" if title else ""
    return f"<table>{head}{rows}</table>"


def frame_html(rows: pl.DataFrame, title: str = "") -> str:
    """Return the first rows of a table."""
    heading = f"<p>{_text(title)}</p>" if title and rows.height else ""
    return heading + rows.head(SHOWN_ROWS)._repr_html_() if rows.height else ""


def _text(text: str) -> str:
    return escape(safe_text(text))
