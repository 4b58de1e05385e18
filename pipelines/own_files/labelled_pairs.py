"""Labelled pairs of texts in an own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.own_files.file_tables import TableError, scan
from quality.calibration import Pair, Text
from sources.suggest import did_you_mean

SIDES = (("a", "b"), ("item", "row"))
LABELS = ("same", "duplicate", "leak")


def read_pairs(path: Path) -> list[Pair]:
    """Return the pairs of a file: columns ``a`` and ``b`` (or ``item`` and ``row``), each a text or an object with
    ``question`` and ``answer``, a true or false ``same`` (or ``duplicate``, ``leak``), and optionally ``kind``.

    Raises ``TableError`` for a file of another form.
    """
    table = scan([path]).collect()
    sides = next((pair for pair in SIDES if set(pair) <= set(table.columns)), None)
    label = next((name for name in LABELS if name in table.columns), None)
    if sides is None or label is None:
        raise TableError(
            f"{path} has the columns {', '.join(table.columns)}, expected a and b with the texts and same with true or "
            f"false{did_you_mean('same', table.columns)}"
        )
    pairs = []
    for number, row in enumerate(table.iter_rows(named=True), 1):
        if not isinstance(row[label], bool):
            raise TableError(f"{path}, row {number}: {label} is {row[label]!r}, expected true or false")
        first, second = (_text(row[side]) for side in sides)
        pairs.append(Pair(first=first, second=second, same=row[label], kind=str(row.get("kind") or "")))
    return pairs


def _text(value: Any) -> Text:
    """Return a text as a question, or the question and answer of an object."""
    if not isinstance(value, dict):
        return Text(question=str(value or ""))
    question = next((value[name] for name in ("question", "text", "prompt") if value.get(name)), "")
    return Text(question=str(question), answer=str(value.get("answer") or ""))
