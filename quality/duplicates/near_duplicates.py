"""Near-duplicates by MinHash and exact Jaccard: of similar rows one is kept, and the others record why not.

Signatures propose pairs (Broder 1997; bands after Leskovec et al., MMDS, chapter 3), exact Jaccard similarity of the
shingle sets decides on each, and connected components are clusters. A row is dropped only for a kept row that is
directly similar to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from quality.duplicates.near_settings import NearRules
from quality.duplicates.signature_index import SignatureIndex, add
from quality.outcome import DROP_SCHEMA

VERDICT = ("reason", "evidence", "representative", "duplicate_of", "similarity")
"""The columns with the reason for a drop."""

BATCH_ROWS = 50_000
"""Rows in memory with their texts at a time."""


@dataclass(frozen=True, kw_only=True)
class NearDuplicates:
    """The clusters of two or more rows (``clusters.CLUSTER_COLUMNS``), and the number of buckets cut short.

    Where ``cut`` is not 0, too many rows were half similar to compare them all (``linking.Linked``), and pairs may be
    missing.
    """

    clusters: pl.DataFrame
    cut: int

    @property
    def drops(self) -> pl.DataFrame:
        """The rows to drop, in ``DROP_SCHEMA``; evidence names the kept row and the similarity."""
        evidence = pl.struct("duplicate_of", "similarity").struct.json_encode()
        named = self.others.select("id", drop_reason=pl.lit("near_duplicate"), evidence=evidence)
        return named.match_to_schema(DROP_SCHEMA)

    @property
    def others(self) -> pl.DataFrame:
        """The rows of clusters that are not kept."""
        return self.clusters.filter(pl.col("duplicate_of").is_not_null())

    @property
    def verdicts(self) -> pl.DataFrame:
        """The rows of clusters that are not kept: ``id`` and the columns of ``VERDICT``."""
        evidence = pl.struct("duplicate_of", "similarity").struct.json_encode()
        return self.others.with_columns(reason=pl.lit("near_duplicate"), evidence=evidence).select("id", *VERDICT)


@dataclass(frozen=True, kw_only=True)
class Deduplicated:
    """The kept and dropped rows, in their order, and the clusters.

    A dropped row has the columns of ``VERDICT`` too; ``others`` are the ids of those rows with these columns.
    """

    kept: pl.LazyFrame
    dropped: pl.LazyFrame
    others: pl.DataFrame
    found: NearDuplicates


def near_duplicates(
    batches: Iterable[pl.DataFrame], rules: NearRules, *, order: Sequence[str] = (), threads: int | None = None
) -> NearDuplicates:
    """Return the near-duplicates among the rows of ``batches``.

    Memory holds a batch of texts and, for rows of 700 characters, about 1 kB per row. Batches, order and errors are
    those of ``signature_index.add``, which does the same and keeps its index.
    """
    index = add(SignatureIndex(rules=rules, order=tuple(order)), batches, threads)
    return NearDuplicates(clusters=index.clusters, cut=index.cut)


def text_batches(
    rows: pl.LazyFrame, text: Sequence[str], id: str, order: Sequence[str] = (), batch_rows: int = BATCH_ROWS
) -> Iterator[pl.DataFrame]:
    """Yield ``id``, ``text`` and the columns of ``order`` for all rows; text columns are joined by line breaks.

    Of several columns the first is the question, which determines the subject (``subject``).
    """
    joined = pl.concat_str(text, separator="\n", ignore_nulls=True)
    question = [pl.col(text[0]).alias("subject")] if len(text) > 1 else []
    chosen = rows.select(pl.col(id).alias("id"), joined.alias("text"), *question, *order)
    yield chosen.head(0).collect()  # a table without rows gives no batch, yet its ids have a type
    yield from chosen.collect_batches(chunk_size=batch_rows, maintain_order=True, engine="streaming")


def deduplicate(
    rows: pl.LazyFrame | pl.DataFrame,
    *,
    text: Sequence[str],
    id: str | None = None,
    order: Sequence[str] = (),
    rules: NearRules | None = None,
    threads: int | None = None,
) -> Deduplicated:
    """Return ``rows`` in two parts, the kept rows and the near-duplicates of them.

    ``text`` names the columns compared together, the question first. Of similar rows the first by the columns of
    ``order`` and then by ``id`` is kept; without an id column a row is named by its number from 0, in a column ``row``
    of the dropped rows. A column of the rows named like one of ``VERDICT`` or, without an id, ``row`` becomes
    ``input_…`` among the dropped ones. The parts are lazy and read ``rows`` again. Raises ``ValueError`` for missing
    columns, and for a null or repeated id.
    """
    frame = rows.lazy()
    columns = frame.collect_schema().names()
    if missing := {*text, *([id] if id else []), *order} - set(columns):
        raise ValueError(f"no column {', '.join(sorted(missing))}; there are {', '.join(columns)}")
    name = id or free_column("row", columns)
    numbered = frame if id else frame.with_row_index(name)
    batches = text_batches(numbered, text, name, order)
    result = near_duplicates(batches, rules or NearRules(), order=order, threads=threads)
    return part_rows(numbered, result.verdicts, columns, name, id, result)


def part_rows(
    numbered: pl.LazyFrame,
    others: pl.DataFrame,
    columns: Sequence[str],
    name: str,
    id: str | None,
    result: NearDuplicates,
) -> Deduplicated:
    """Return the rows without ``others``, and those of ``others`` with its columns of ``VERDICT``."""
    own = VERDICT if id else ("row", *VERDICT)
    renamed = {column: free_column(f"input_{column}", columns) for column in columns if column in own}
    key = free_column("id", (*columns, *renamed.values(), *VERDICT, name))
    verdict = others.rename({"id": key}).lazy()
    at = renamed.get(name, name)
    dropped = numbered.rename(renamed).join(verdict, left_on=at, right_on=key, how="inner", maintain_order="left")
    return Deduplicated(
        kept=numbered.join(verdict, left_on=name, right_on=key, how="anti", maintain_order="left").select(columns),
        dropped=dropped if id else dropped.rename({name: "row"}),
        others=others,
        found=result,
    )


def free_column(name: str, taken: Sequence[str]) -> str:
    """Return ``name``, with underscores appended until no column has that name."""
    while name in taken:
        name += "_"
    return name
