"""The reviews of a release for its report: their figures, and rows on which reviewers disagree."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipelines.release.review_figures import outcomes, review_figures
from pipelines.release.review_verdicts import released_reviews
from pipelines.report.all_rows import ReleaseView, records
from pipelines.report.paired_rows import row_text
from sources.releases.figures_model import ReviewFigures

DISPUTED_SHOWN = 6
"""Most rows shown on which reviewers disagree."""


@dataclass(frozen=True, kw_only=True)
class DisputedRow:
    """A row that some reviewers call right and others wrong: its outcome, each verdict with its reason, its text."""

    id: str
    outcome: str
    verdicts: list[tuple[str, str, str]]
    text: str


@dataclass(frozen=True, kw_only=True)
class Reviews:
    """The figures of the reviews of a release, the number of rows in dispute, and the first of them."""

    figures: ReviewFigures
    disputed: int
    shown: list[DisputedRow]


def reviews(release: ReleaseView) -> Reviews | None:
    """Return the reviews of a release, None without verdicts.

    Rows with equally many right and wrong verdicts come first, then those with a majority, each by id.
    """
    verdicts = released_reviews(release.folder)
    if verdicts is None:
        return None
    disagreed = [(pl.col("verdict") == answer).any() for answer in ("right", "wrong")]
    both = verdicts.group_by("id").agg(pl.all_horizontal(disagreed).alias("both")).filter("both")
    disputed_rows = outcomes(verdicts).join(both, on="id", how="semi")
    order = disputed_rows.sort(pl.col("outcome") != "disputed", "id").head(DISPUTED_SHOWN)
    texts = records(release, order["id"].to_list())
    verdicts_of = {str(id): part for (id,), part in verdicts.group_by("id", maintain_order=True)}
    shown = [
        DisputedRow(
            id=id,
            outcome=outcome,
            verdicts=verdicts_of[id].select("reviewer", "verdict", "reason").rows(),
            text=row_text(texts.get(id)) or "",
        )
        for id, outcome in order.iter_rows()
    ]
    return Reviews(figures=review_figures(verdicts, release.folder), disputed=disputed_rows.height, shown=shown)
