"""Edits of a row: the fields that differ between two releases, before and after, word by word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.diff.release_diff import WordPiece
from pipelines.diff.row_differences import Sides, columns
from pipelines.diff.word_diff import KEPT, word_diff
from pipelines.release.data_files import RECORD_PARTS
from pipelines.release.screening import Screening
from pipelines.storage.duckdb_session import listed, quoted, text_literal
from sources.formats.literal import scan_parquet
from sources.table import SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH = 50_000

Screenings = tuple[Screening, ...]
"""The masking of the texts of either release."""

_CHAT = 'STRUCT("role" VARCHAR, "content" VARCHAR)[]'
_TYPES = {"line": "BIGINT", "messages": _CHAT, "options": "VARCHAR[]", "gold": "INTEGER[]"}

_TURNS = {"all": "{0}", "all but last": "{0}[1:len({0}) - 1]", "last": "{0}[len({0})].content"}
"""DuckDB expressions for the turns of a chat column (``data_files.RECORD_PARTS``)."""

_NOT_COLUMNS = ("response", "rejected")

EDITS = pl.Schema({"id": pl.String, "field": pl.String, "before": pl.String, "after": pl.String})


def edits(
    run: DuckDBPyConnection, sides: Sides, screenings: Screenings, id_query: str, values: Sequence[Any], place: Path
) -> Iterator[pl.DataFrame]:
    """Yield the differing fields of the rows whose ids the query ``id_query`` with ``values`` returns (``EDITS``).

    ``screenings`` mask the texts of either side; ``place`` is a folder for temporary copies of both releases.
    """
    run.execute(f"CREATE OR REPLACE TABLE selected AS {id_query}", values)
    files = [place / "before.parquet", place / "after.parquet"]
    for folder, file in zip(sides, files, strict=True):
        parts = [_records(folder, kind, set(there)) for kind, there in columns(folder).items()]
        target = text_literal(str(file))
        run.execute(f"COPY (SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY id) TO {target} (FORMAT parquet)")
    before, after = map(scan_parquet, files)
    rows = int(before.select(pl.len()).collect().item())
    for at in range(0, rows, BATCH):
        tables = (before.slice(at, BATCH).collect(), after.slice(at, BATCH).collect())
        yield _fields(tables, screenings)


def _records(folder: Path, kind: str, present: set[str]) -> str:
    """Return the query that reads the rows of table ``selected`` of a kind as records; missing columns are null."""
    turns = {name: _TURNS[part.turns].format(part.column) for name, part in RECORD_PARTS[kind].items()}
    plain = {name: quoted(name) if name in present and name not in _NOT_COLUMNS else "NULL" for name in SCHEMA.names()}
    columns = ", ".join(
        f"({turns.get(name, own)})::{_TYPES.get(name, 'VARCHAR')} AS {quoted(name)}" for name, own in plain.items()
    )
    files = listed(sorted(folder.glob(f"data/{kind}/*/*.parquet")))
    return f"SELECT {columns} FROM read_parquet({files}) SEMI JOIN selected USING (id)"


def _fields(tables: tuple[pl.DataFrame, pl.DataFrame], screenings: Screenings) -> pl.DataFrame:
    """Return the fields that differ between two tables of the same rows, as texts."""
    before, after = tables
    shown = [
        table if screening.released else screening.table(table)
        for table, screening in zip(tables, screenings, strict=True)
    ]
    parts = []
    for name in SCHEMA.names():
        differs = before[name].ne_missing(after[name])
        if differs.any():
            old, new = (_text(table.filter(differs), name) for table in shown)
            parts.append(pl.DataFrame({"id": before["id"].filter(differs), "before": old, "after": new}))
            parts[-1] = parts[-1].select("id", field=pl.lit(name), before="before", after="after")
    return pl.concat(parts).sort("id", maintain_order=True) if parts else pl.DataFrame(schema=EDITS)


def _text(rows: pl.DataFrame, name: str) -> pl.Series:
    column = pl.col(name)
    if name == "messages":
        turn = pl.format("{}: {}", pl.element().struct.field("role"), pl.element().struct.field("content"))
        column = column.list.eval(turn).list.join("\n")
    elif name in ("options", "gold"):
        column = column.cast(pl.List(pl.String)).list.join("\n")
    return rows.select(column.cast(pl.String)).to_series()


# --- word by word --------------------------------------------------------------------------------------------------


def words(before: str | None, after: str | None) -> list[WordPiece]:
    """Return two texts word by word: pieces with ``op`` (= - +) and ``text``.

    The common start and end are split off first, since most edits are small.
    """
    old, new = before or "", after or ""
    start = _start(old, new)
    end = _end(old[start:], new[start:])
    middle = word_diff(old[start : len(old) - end], new[start : len(new) - end])
    pieces = [(KEPT, old[:start]), *middle, (KEPT, old[len(old) - end :])]
    return [WordPiece(op=op, text=text) for op, text in _joined(pieces)]


def _start(old: str, new: str) -> int:
    """Return the start of the first word that may differ."""
    at = _common(len(old), len(new), lambda size: old[:size] == new[:size])
    while at and not (old[at - 1].isspace() and old[at : at + 1].strip() and new[at : at + 1].strip()):
        at -= 1
    return at


def _end(old: str, new: str) -> int:
    """Return the length of the common end, from the start of a word after a space in both texts."""
    size = _common(len(old), len(new), lambda size: old[len(old) - size :] == new[len(new) - size :])
    while size and not (_begins(old, size) and _begins(new, size)):
        size -= 1
    return size


def _begins(text: str, size: int) -> bool:
    at = len(text) - size
    return at > 0 and text[at - 1].isspace() and not text[at].isspace()


def _common(old: int, new: int, same: Any) -> int:
    """Return the largest length for which ``same`` is true; it is true for all smaller lengths too (bisection)."""
    low, high = 0, min(old, new)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if same(middle) else (low, middle - 1)
    return low


def _joined(pieces: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the non-empty pieces; consecutive pieces of one kind are merged."""
    last = ("", "")
    for op, text in pieces:
        if text and op == last[0]:
            last = (op, last[1] + text)
        elif text:
            if last[1]:
                yield last
            last = (op, text)
    if last[1]:
        yield last
