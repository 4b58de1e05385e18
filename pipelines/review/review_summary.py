"""What the reviewers of a release say so far, and rows that they call wrong as entries of an overrides file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipelines.release.review_figures import outcomes, review_figures
from pipelines.release.review_verdicts import (
    REASONS,
    ReviewError,
    Verdict,
    of_unchanged_rows,
    read_reviews,
    verdict_table,
)
from sources.atomic import write_bytes
from sources.json_model import Count, JsonModel
from sources.names import is_name
from sources.releases.figures_model import ReviewFigures


class ReviewSummary(JsonModel):
    """The figures of all verdicts on a release; ``left_out`` are those on rows that it lacks or has changed."""

    release: str
    files: list[str]
    left_out: Count
    figures: ReviewFigures


def reviewer_file(reviews: Path, reviewer: str) -> Path:
    """Return the file of a reviewer's verdicts; ``ReviewError`` for a name that no file can have."""
    if not is_name(reviewer):
        raise ReviewError(f"reviewer is {reviewer!r}, expected letters, digits and _ . + @ = -")
    return reviews / f"{reviewer}.jsonl"


def summary(folder: Path, title: str, reviews: Path) -> tuple[ReviewSummary, list[Verdict]]:
    """Return the figures of all verdicts in the folder ``reviews``, and these verdicts."""
    files = sorted(reviews.glob("*.jsonl"))
    given = read_reviews(files)
    counted = of_unchanged_rows(given, folder)
    if not counted:
        raise ReviewError(f"no verdict on {title} in {reviews}, expected some; sabila review {title} collects them")
    figures = review_figures(verdict_table(counted), folder)
    left_out = len(given) - len(counted)
    return ReviewSummary(release=title, files=list(map(str, files)), left_out=left_out, figures=figures), counted


def override_wrong_rows(verdicts: Sequence[Verdict], path: Path) -> int:
    """Add an entry that drops it for each row that most reviewers call wrong, and return how many are new.

    A row that the file names already is left as it is. Raises ``ReviewError`` for a file that is no TOML.
    """
    known, before = _entries(path)
    judged = outcomes(verdict_table(verdicts)).filter(outcome="wrong")["id"].to_list()
    new = [id for id in judged if id not in known]
    today = datetime.now(UTC).date().isoformat()
    parts = [_entry(id, [one for one in verdicts if one.id == id and one.verdict == "wrong"], today) for id in new]
    if parts:
        write_bytes(path, "\n".join([*([before.rstrip() + "\n"] if before.strip() else []), *parts]).encode())
    return len(new)


def _entries(path: Path) -> tuple[set[str], str]:
    if not path.exists():
        return set(), ""
    text = path.read_text(encoding="utf-8")
    try:
        return {str(one.get("id")) for one in tomllib.loads(text).get("override", [])}, text
    except (tomllib.TOMLDecodeError, AttributeError) as error:
        raise ReviewError(f"{path} is no overrides file ({error}), expected [[override]] tables") from error


def _entry(id: str, wrong: Sequence[Verdict], date: str) -> str:
    said = [": ".join(filter(None, (REASONS.get(one.reason, "wrong"), one.comment))) for one in wrong]
    values = {"id": id, "decision": "drop", "reason": "; ".join(dict.fromkeys(said))}
    values["by"] = ", ".join(one.reviewer for one in wrong)
    lines = [f"{name} = {_toml_text(value)}" for name, value in values.items()]
    return "\n".join(["[[override]]", *lines, f"date = {date}", ""])


def _toml_text(text: str) -> str:
    """Return a basic TOML string: JSON's escapes are TOML's too, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
