"""Queries over the rows of a release: filters in DuckDB, and text search over all texts."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pipelines.report.all_rows import ReleaseView, all_rows
from pipelines.report.page_text import safe_text
from pipelines.report.report_figures import FACETS
from pipelines.report.text_search import Places, Texts
from pipelines.storage.duckdb_session import lock, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SORTS: dict[str, dict[str, bool]] = {
    "": {},
    "id": {"id": False},
    "long": {"chars": True},
    "short": {"chars": False},
    "source": {"source": False},
    "status": {"status": False, "reason": False},
}
"""Sort orders: the columns, and whether descending; ties keep the order of the release."""

SHOWN = ("n", "id", *FACETS, "tokens", "prompt_chars", "response_chars", "excerpt", "has_text")


class QuestionError(ValueError):
    """A malformed query: an unknown filter, or an invalid number."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A query: facets by value, a search text, lengths in characters, a sort order, and a page of results."""

    filters: dict[str, str] = field(default_factory=dict)
    text: str = ""
    shortest: int | None = None
    longest: int | None = None
    sort: str = ""
    page: int = 0
    size: int = 50

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.filters) - set(FACETS)):
            raise QuestionError(f"no filter {unknown[0]!r}, expected one of {', '.join(FACETS)}")
        if self.sort not in SORTS:
            raise QuestionError(
                f"no order {self.sort!r}, expected one of {', '.join(name or '(none)' for name in SORTS)}"
            )
        if not 0 <= self.page < 2**31 or not 1 <= self.size <= 500:
            raise QuestionError(f"page is {self.page} of {self.size} rows, expected 0 or more, of 1 to 500 rows")


@dataclass(frozen=True, kw_only=True)
class Index:
    """The table of a release's rows, the text of each in lower case, and the hits of the last searches.

    A facet is stored as the index of its value in ``names``, which are sorted.
    """

    run: DuckDBPyConnection
    names: dict[str, list[str]]
    texts: Texts
    codes: dict[str, Places]
    """For each facet the index of every row's value in ``names``, and ``chars`` (-1: no text), in the order of rows."""

    @classmethod
    def of(cls, release: ReleaseView) -> Index:
        """Read the rows of a release into memory: about 2 KB for a row of 700 characters."""
        import duckdb

        rows = all_rows(release, texts=True)
        texts = rows.select(pl.coalesce("text", pl.col("id").str.to_lowercase()).alias("text"))["text"]
        rows = rows.drop("text", "evidence", "changed_by", "file", "line", "split").with_row_index("n")
        rows = rows.with_columns(
            pl.col(*FACETS, "excerpt").fill_null(""),
            chars=pl.col("prompt_chars") + pl.col("response_chars").fill_null(0),
        )
        names = {name: sorted(rows[name].unique()) for name in FACETS}
        places = [pl.col(name).cast(pl.Enum(values)).to_physical() for name, values in names.items()]
        rows = rows.with_columns(places).with_columns(_ranks(rows, name, by) for name, by in SORTS.items())
        run = duckdb.connect(":memory:", config={"threads": os.cpu_count() or 1})
        run.register("loaded", rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
        run.execute("CREATE TABLE rows AS SELECT * FROM loaded ORDER BY n")
        run.unregister("loaded")
        lock(run)  # from here on DuckDB can only access this table
        codes = {name: rows[name].cast(pl.Int32).fill_null(-1).to_numpy() for name in (*FACETS, "chars")}
        return cls(run=run, names=names, texts=Texts(column=texts), codes=codes)

    def rows(self, question: Question) -> tuple[list[dict[str, Any]], int]:
        """Return the rows of a page, and how many rows there are on all pages."""
        run = self.run.cursor()
        where, values = self._where(question)
        query = f"SELECT n, {quoted(f'by_{question.sort}')} AS place FROM rows WHERE {where}"
        columns = run.execute(query, values).fetchnumpy()
        rows: Places = columns["n"]
        ranks = np.empty(self.rows_in_all(), np.int32)
        ranks[rows] = columns["place"]
        if question.text:
            rows = self.texts.containing(question.text.lower(), rows)
        places = _page(rows, ranks[rows], question).tolist()
        known = self._at(run, places)
        return [_shown(known[n]) for n in places], len(rows)

    def row(self, n: int) -> dict[str, Any] | None:
        """Return the row at a position of the table; None where there is none."""
        return self._at(self.run.cursor(), [n]).get(n)

    def rows_in_all(self) -> int:
        """Return the number of rows."""
        return len(self.texts.column)

    def values(self, question: Question | None = None) -> dict[str, list[tuple[str, int]]]:
        """Return the values of each facet with the rows that match a query without its own filter."""
        question = question or Question()
        chosen = np.ones(self.rows_in_all(), bool)
        for limit, fits in ((question.shortest, np.greater_equal), (question.longest, np.less_equal)):
            if limit is not None:
                chosen &= fits(self.codes["chars"], limit) & (self.codes["chars"] >= 0)
        if question.text:
            hits = self.texts.containing(question.text.lower(), np.flatnonzero(chosen).astype(np.int32))
            chosen = np.zeros_like(chosen)
            chosen[hits] = True
        fitting = {name: self.codes[name] == self._code(name, value) for name, value in question.filters.items()}
        counted = {}
        for name in FACETS:
            others = [mask for facet, mask in fitting.items() if facet != name]
            rows = self.codes[name][np.logical_and.reduce([chosen, *others])]
            counted[name] = np.bincount(rows, minlength=len(self.names[name])).tolist()
        return {name: list(zip(self.names[name], counted[name], strict=True)) for name in FACETS}

    def _code(self, name: str, value: str) -> int:
        """Return the index of a facet's value, -1 for one that no row has."""
        return self.names[name].index(value) if value in self.names[name] else -1

    def _where(self, question: Question) -> tuple[str, list[Any]]:
        """Return the condition of a query with its values, which are bound and never part of the SQL."""
        conditions, values = ["true"], list[Any]()
        for name, value in question.filters.items():
            conditions.append(f"{quoted(name)} = ?")
            values.append(self._code(name, value))
        for sign, limit in ((">=", question.shortest), ("<=", question.longest)):
            if limit is not None:
                conditions.append(f"chars {sign} ?")
                values.append(limit)
        return " AND ".join(conditions), values

    def _at(self, run: DuckDBPyConnection, places: list[int]) -> dict[int, dict[str, Any]]:
        if not places:
            return {}
        marks = ", ".join("?" * len(places))
        cells = run.execute(f"SELECT {', '.join(map(quoted, SHOWN))} FROM rows WHERE n IN ({marks})", places).fetchall()
        rows = [dict(zip(SHOWN, row, strict=True)) for row in cells]
        return {row["n"]: row | {name: self.names[name][row[name]] for name in FACETS} for row in rows}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: safe_text(value) if isinstance(value, str) else value for name, value in row.items()}


def _ranks(rows: pl.DataFrame, name: str, by: dict[str, bool]) -> pl.Series:
    """Return the rank of each row in a sort order, so that a query sorts numbers."""
    ordered = rows["n"]
    if by:
        ordered = rows.select("n", *by).sort(*by, descending=list(by.values()), nulls_last=True, maintain_order=True)[
            "n"
        ]
    ranks = np.empty(rows.height, np.int32)
    ranks[ordered.to_numpy()] = np.arange(rows.height, dtype=np.int32)
    return pl.Series(f"by_{name}", ranks)


def _page(rows: Places, ranks: Places, question: Question) -> Places:
    """Return the rows of a page without sorting all rows before it."""
    first, last = question.page * question.size, (question.page + 1) * question.size
    if last < len(rows):
        nearest = np.argpartition(ranks, last)[:last]
        rows, ranks = rows[nearest], ranks[nearest]
    return rows[np.argsort(ranks)][first:last]
