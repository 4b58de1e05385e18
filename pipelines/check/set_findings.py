"""Findings between rows: repeated ids, duplicates, contradicting and unbalanced right options."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from sources.shapes.row_shapes import LETTERS

SET_FINDINGS = pl.Schema({"kind": pl.String, "number": pl.Int64, "detail": pl.String})
"""A finding: its kind, the number of the row among all rows (null for the whole set), and details."""

CRITICAL = (10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32, 26.12, 27.88)
"""Values that a chi-square variable with 1 to 9 degrees of freedom exceeds once in a thousand times."""

LEAST_QUESTIONS = 100
EXCESS = 0.05
"""A position is too frequent from this share above an equal one on, provided the difference is significant."""


def set_findings(facts: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Return the findings (``SET_FINDINGS``) between all rows.

    ``facts`` has ``ROW_FACTS``, ``number``, ``file``, ``place`` (FILE:LINE) and ``id``; ``clusters`` are those of
    near-duplicates by number.
    """
    return pl.concat(
        [
            pl.DataFrame(schema=SET_FINDINGS),
            _repeated(
                facts.filter(pl.col("id").is_not_null()), ["file", "id"], "repeated-id", "{} is the id of {} too"
            ),
            exact := _repeated(facts.with_columns(id=pl.lit("")), ["mark"], "exact-duplicate", "{}equal to {}"),
            _near(facts, clusters, exact["number"]),
            _conflicts(facts),
            *_unbalanced(facts),
        ]
    )


def _repeated(facts: pl.DataFrame, by: list[str], kind: str, form: str) -> pl.DataFrame:
    """Find all rows but the first of each group."""
    groups = facts.select("number", "place", "id", *(name for name in by if name != "id"))
    groups = groups.filter(pl.struct(by).is_duplicated())
    ranked = groups.with_columns(first=pl.col("place").first().over(by), at=pl.col("number").first().over(by))
    others = ranked.filter(pl.col("number") != pl.col("at"))
    detail = pl.format(form, "id", "first")
    return others.select(kind=pl.lit(kind), number="number", detail=detail).cast(SET_FINDINGS)


def _near(facts: pl.DataFrame, clusters: pl.DataFrame, exact: pl.Series) -> pl.DataFrame:
    others = clusters.filter(pl.col("duplicate_of").is_not_null() & ~pl.col("id").is_in(exact.implode()))
    places = facts.select(pl.col("number").alias("duplicate_of"), "place")
    named = others.join(places, on="duplicate_of", how="left", maintain_order="left").sort("id")
    detail = pl.format("{} similar to {}", pl.col("similarity").round(2), "place")
    return named.select(kind=pl.lit("near-duplicate"), number="id", detail=detail).cast(SET_FINDINGS)


def _conflicts(facts: pl.DataFrame) -> pl.DataFrame:
    """Find multiple-choice questions whose first occurrence has another right option."""
    questions = facts.filter((pl.col("options") > 0) & pl.col("gold").is_not_null())
    questions = questions.filter(pl.col("question").is_duplicated())
    first = questions.with_columns(pl.col("place", "answer").first().over("question").name.prefix("first_"))
    conflicts = first.filter(pl.col("answer") != pl.col("first_answer"))
    detail = pl.format("another option is right in {}", "first_place")
    return conflicts.select(kind=pl.lit("conflicting-gold"), number="number", detail=detail).cast(SET_FINDINGS)


def _unbalanced(facts: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Find numbers of options for which the right one is at one position far more often than at others."""
    right = facts.filter((pl.col("gold") >= 0) & (pl.col("gold") < pl.col("options")))
    for n in range(2, len(CRITICAL) + 2):
        counts = right.filter(options=n)["gold"].value_counts()
        by_position = dict(zip(counts["gold"], counts["count"], strict=True))
        total = sum(by_position.values())
        if total < LEAST_QUESTIONS:
            continue
        equal = total / n
        statistic = sum((by_position.get(place, 0) - equal) ** 2 / equal for place in range(n))
        if statistic > CRITICAL[n - 2] and max(by_position.values()) / total - 1 / n >= EXCESS:
            shares = ", ".join(f"{LETTERS[place]} {by_position.get(place, 0) / total:.0%}" for place in range(n))
            detail = f"{total:,} questions with {n} options: {shares}; an equal share is {1 / n:.0%}"
            yield pl.DataFrame([("gold-position-bias", None, detail)], SET_FINDINGS, orient="row")
