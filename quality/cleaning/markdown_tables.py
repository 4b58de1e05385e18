"""Tables as Markdown: a header, a rule, one line per row; empty cells are kept."""

from __future__ import annotations

import re

Cell = tuple[str, int, int]
"""The text of a cell, and the number of columns and rows it spans."""


def markdown_table(rows: list[list[Cell]]) -> str:
    """Return the rows as a Markdown table whose first row is the header; single-column rows become plain lines."""
    grid = _grid(rows)
    width = max((len(row) for row in grid), default=0)
    if width <= 1:
        return "\n".join(cell for row in grid for cell in row if cell)
    lines = [_line([_flat(cell) for cell in row] + [""] * (width - len(row))) for row in grid]
    return "\n".join([lines[0], _line(["---"] * width), *lines[1:]])


def _grid(rows: list[list[Cell]]) -> list[list[str]]:
    """Return the texts by row and column; a cell that spans several rows is repeated in each."""
    grid: list[list[str]] = []
    pending: dict[int, tuple[str, int]] = {}
    for cells in rows:
        row: list[str] = []
        for text, columns, deep in cells:
            _fill_from_above(row, pending)
            for extra in range(columns):
                if deep > 1:
                    pending[len(row)] = ("" if extra else text, deep - 1)
                row.append("" if extra else text)
        _fill_from_above(row, pending)
        if any(row):
            grid.append(row)
    return grid


def _fill_from_above(row: list[str], pending: dict[int, tuple[str, int]]) -> None:
    while len(row) in pending:
        text, left = pending.pop(len(row))
        if left > 1:
            pending[len(row)] = (text, left - 1)
        row.append(text)


def _flat(cell: str) -> str:
    return re.sub(r"\s+", " ", cell).strip().replace("|", "\\|")


def _line(cells: list[str]) -> str:
    return re.sub(r" {2,}", " ", f"| {' | '.join(cells)} |")
