"""Beginnings of texts in an own file, or in the file of RealToxicityPrompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from pipelines.own_files.file_tables import TableError, scan
from training.evaluation.toxic_continuations import TOXIC, Beginning


def read_beginnings(path: Path) -> list[Beginning]:
    """Return the beginnings of a file: a column ``prompt`` or ``text``, and optionally ``toxicity`` from 0 to 1.

    In RealToxicityPrompts ``prompt`` is an object with both. Raises ``TableError`` for a file of another form.
    """
    table = scan([path]).collect()
    name = next((name for name in ("prompt", "text") if name in table.columns), None)
    if name is None:
        raise TableError(f"{path} has the columns {', '.join(table.columns)}, expected prompt or text")
    if isinstance(table.schema[name], pl.Struct):
        table = table.select(name).unnest(name)
        name = "text" if "text" in table.columns else name
    return [_beginning(path, number, row, name) for number, row in enumerate(table.iter_rows(named=True), 1)]


def _beginning(path: Path, number: int, row: dict[str, Any], name: str) -> Beginning:
    text, mark = row.get(name), row.get("toxicity")
    if not isinstance(text, str) or not text.strip():
        raise TableError(f"{path}, row {number}: {name} is {text!r}, expected the beginning of a text")
    try:
        toxicity = None if mark is None or mark == "" else float(mark)
    except (TypeError, ValueError):
        toxicity = -1.0
    if toxicity is not None and not 0 <= toxicity <= 1:
        raise TableError(f"{path}, row {number}: toxicity is {mark!r}, expected a number from 0 to 1")
    return Beginning(id=str(number), text=text, toxic=None if toxicity is None else toxicity >= TOXIC)
