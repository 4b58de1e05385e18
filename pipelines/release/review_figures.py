"""Figures of the reviews of a release: agreement of the reviewers, and the share of wrong rows of each source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import polars as pl

from pipelines.release.data_files import scan
from pipelines.release.review_verdicts import ANSWERS, released_reviews
from sources.releases.figures_model import ReviewedSource, Reviewer, ReviewerPair, ReviewFigures
from training.evaluation.statistics import cohen_kappa, fleiss_kappa, wilson


def released_figures(folder: Path) -> ReviewFigures | None:
    """Return the figures of the verdicts in a release, None where it has none."""
    verdicts = released_reviews(folder)
    return None if verdicts is None else review_figures(verdicts, folder)


def review_figures(verdicts: pl.DataFrame, folder: Path) -> ReviewFigures:
    """Return the figures of a table of verdicts on rows of the release in ``folder``.

    The majority of the reviewers who were sure decides whether a row is right or wrong; a tie is disputed, and a row
    without any is unsure. Only right and wrong rows count for the share of errors.
    """
    names = verdicts["reviewer"].unique().sort().to_list()
    pairs = [_pair(verdicts, one, other) for one, other in combinations(names, 2)]
    kappas = [pair.kappa for pair in pairs if pair.kappa is not None]
    by_row = verdicts.sort("id", "reviewer").group_by("id", maintain_order=True).agg("verdict")
    shared = [labels for labels in by_row["verdict"].to_list() if len(labels) == len(names)]
    wrong = verdicts.filter(pl.col("verdict") == "wrong")
    return ReviewFigures(
        rows=verdicts["id"].n_unique(),
        reviewers=[_reviewer(verdicts.filter(reviewer=name), name) for name in names],
        pairs=pairs,
        mean_kappa=sum(kappas) / len(kappas) if kappas else None,
        fleiss_kappa=fleiss_kappa(shared) if len(names) > 2 else None,
        fleiss_rows=len(shared) if len(names) > 2 else 0,
        by_source=_by_source(outcomes(verdicts), folder),
        reasons=dict(wrong.group_by(pl.col("reason").replace("", "none given")).len().sort("reason").iter_rows()),
    )


def outcomes(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return (id, outcome) of each row that has a verdict: right, wrong, disputed or unsure."""
    right, wrong = ((pl.col("verdict") == answer).sum() for answer in ("right", "wrong"))
    outcome = (
        pl.when(right + wrong == 0)
        .then(pl.lit("unsure"))
        .when(right == wrong)
        .then(pl.lit("disputed"))
        .when(right > wrong)
        .then(pl.lit("right"))
        .otherwise(pl.lit("wrong"))
    )
    return verdicts.group_by("id").agg(outcome=outcome).sort("id")


def _reviewer(verdicts: pl.DataFrame, name: str) -> Reviewer:
    counted = dict(verdicts.group_by("verdict").len().iter_rows())
    return Reviewer(reviewer=name, verdicts={answer: counted.get(answer, 0) for answer in ANSWERS})


def _pair(verdicts: pl.DataFrame, one: str, other: str) -> ReviewerPair:
    """Return the agreement of two reviewers on the rows that both read, over right, wrong and unsure."""
    both = verdicts.filter(reviewer=one).join(verdicts.filter(reviewer=other), on="id")
    if both.is_empty():
        return ReviewerPair(first=one, second=other, rows=0, agreement=None, kappa=None)
    agreement = cohen_kappa(both["verdict"].to_list(), both["verdict_right"].to_list())
    return ReviewerPair(
        first=one, second=other, rows=agreement.n, agreement=agreement.share.value, kappa=agreement.kappa
    )


def _by_source(judged: pl.DataFrame, folder: Path) -> list[ReviewedSource]:
    sources = scan(folder).select("id", "source").filter(pl.col("id").is_in(judged["id"].to_list())).collect()
    rows = judged.join(sources, on="id")
    return [_source(str(source), part["outcome"].to_list()) for (source,), part in _parts(rows)]


def _parts(rows: pl.DataFrame) -> Iterable[tuple[tuple[object, ...], pl.DataFrame]]:
    return rows.sort("source", "id").group_by("source", maintain_order=True)


def _source(name: str, outcomes: Sequence[str]) -> ReviewedSource:
    counts = {outcome: outcomes.count(outcome) for outcome in ("right", "wrong", "disputed", "unsure")}
    sure = counts["right"] + counts["wrong"]
    rate = wilson(counts["wrong"], sure) if sure else None
    return ReviewedSource(
        source=name,
        rows=len(outcomes),
        **counts,
        error_rate=rate and rate.value,
        low=rate and rate.low,
        high=rate and rate.high,
    )
