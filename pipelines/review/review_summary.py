"""Summary of the reviews of a release so far, and the rows judged wrong as entries of an overrides file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipelines.build.overrides_file import read_overrides
from pipelines.release.review_figures import outcomes, review_figures
from pipelines.release.review_verdicts import (
    REASONS,
    ReviewError,
    Verdict,
    of_unchanged_rows,
    read_reviews,
    verdict_table,
)
from pipelines.trace.propose_overrides import add_to_file, contents_as_read
from quality.overrides import Override
from sources.fields.json_model import Count, JsonModel
from sources.fields.names import is_name
from sources.releases.figures_model import ReviewFigures


class ReviewSummary(JsonModel):
    """The figures of all verdicts on a release; ``left_out`` counts those on missing or changed rows."""

    release: str
    files: list[str]
    left_out: Count
    figures: ReviewFigures


def reviewer_file(reviews: Path, reviewer: str) -> Path:
    """Return the file of a reviewer's verdicts; ``ReviewError`` for a name that no file can have."""
    if not is_name(reviewer):
        raise ReviewError(f"reviewer is {reviewer!r}, expected 128 letters, digits and _ . + @ = - at most")
    return reviews / f"{reviewer}.jsonl"


def summary(folder: Path, title: str, reviews: Path) -> tuple[ReviewSummary, list[Verdict]]:
    """Return the figures of all verdicts in the folder ``reviews``, and these verdicts."""
    files = sorted(reviews.glob("*.jsonl"))
    verdicts = read_reviews(files)
    counted = of_unchanged_rows(verdicts, folder)
    if not counted:
        raise ReviewError(f"no verdict on {title} in {reviews}, expected some; sabila review {title} collects them")
    figures = review_figures(verdict_table(counted), folder)
    left_out = len(verdicts) - len(counted)
    return ReviewSummary(release=title, files=list(map(str, files)), left_out=left_out, figures=figures), counted


def override_wrong_rows(verdicts: Sequence[Verdict], path: Path, folder: Path, store: Path) -> int:
    """Add an entry with decision drop for each row that most reviewers call wrong, and return the number of new ones.

    Rows that the file drops already are skipped. Entries have the content of the row of the release in ``folder`` as it
    was read, where ``store`` has it. Raises ``OverridesError`` for an invalid file.
    """
    known = {one.id for one in read_overrides(path) if one.decision == "drop"} if path.exists() else set()
    judged = outcomes(verdict_table(verdicts)).filter(outcome="wrong")["id"].to_list()
    today = datetime.now(UTC).date().isoformat()
    new = []
    ids = [id for id in judged if id not in known]
    contents = contents_as_read(ids, store, str(folder))
    for id in ids:
        wrong = [one for one in verdicts if one.id == id and one.verdict == "wrong"]
        explanations = dict.fromkeys(
            ": ".join(filter(None, (REASONS.get(one.reason, "wrong"), one.comment))) for one in wrong
        )
        by = ", ".join(one.reviewer for one in wrong)
        new.append(
            Override(
                id=id,
                decision="drop",
                reason="; ".join(explanations),
                by=by,
                date=today,
                content=contents.get(id),
            )
        )
    if new:
        add_to_file(path, new)
    return len(new)
