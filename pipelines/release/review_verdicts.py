"""Verdicts of people on rows of a release: a file per reviewer, a line per verdict, and their table in a release."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from pipelines.release.data_files import scan
from sources.atomic import write_table, writing
from sources.fields.json_model import JsonModel
from sources.fields.names import check_name
from sources.formats.literal import read_parquet
from sources.releases.read_manifest import ReleaseError
from sources.table import hash_fields

Answer = Literal["right", "wrong", "unsure"]
ANSWERS: tuple[Answer, ...] = get_args(Answer)

REASONS = {
    "wrong-answer": "the answer is wrong",
    "unsafe": "following it could harm",
    "outdated": "it was right once",
    "unsupported": "it states what nothing supports",
    "unclear-question": "the question cannot be answered as it is",
    "personal-data": "it names a person",
    "form": "broken off, mangled, another language",
}
"""Reasons that a reviewer can choose for "wrong" or "unsure", with their meaning; each names a fault of the row."""

JUDGED = ("messages", "context", "options", "gold", "answer", "response", "rejected")
"""Fields that a reviewer judges; a verdict is void once one of them has changed."""

FILE = "reviews/verdicts.parquet"
"""Where a release keeps verdicts on its rows, without comments and times."""

COLUMNS = dict.fromkeys(("id", "mark", "reviewer", "verdict", "reason"), pl.String())
LONGEST_COMMENT = 4000


class ReviewError(ReleaseError):
    """A file of verdicts that cannot be used, with the line."""


class Verdict(JsonModel):
    """One reviewer's verdict on one row; ``mark`` is the hash of the row as it was read."""

    id: str
    mark: str
    reviewer: str
    verdict: Answer
    reason: str = ""
    comment: str = ""
    release: str = ""
    at: str = ""


def row_mark(row: dict[str, Any]) -> str:
    """Return the hash of the fields of a row that a reviewer judges."""
    return hash_fields(row, JUDGED)


def check_verdict(verdict: str, reason: str, comment: str) -> None:
    """Raise ``ValueError`` for an unknown verdict or reason, a reason that contradicts it, or a comment too long."""
    if verdict not in ANSWERS:
        raise ValueError(f"verdict is {verdict!r}, expected {', '.join(ANSWERS)}")
    if reason and reason not in REASONS:
        raise ValueError(f"reason is {reason!r}, expected nothing or one of {', '.join(REASONS)}")
    if reason and verdict == "right":
        raise ValueError(
            f"verdict is 'right' with the reason {reason!r} ({REASONS[reason]}), expected no reason, or the verdict "
            "wrong or unsure; a remark on a right row is a comment"
        )
    if len(comment) > LONGEST_COMMENT:
        raise ValueError(f"the comment has {len(comment):,} characters, expected {LONGEST_COMMENT:,} at most")


def _valid_verdict(value: dict[str, Any]) -> Verdict:
    """Return the verdict of a JSON value; ``ValueError`` for one that no reviewer can give."""
    one = Verdict.of(value)
    check_name("reviewer", one.reviewer)
    check_verdict(one.verdict, one.reason, one.comment)
    return one


# --- the file of a reviewer ----------------------------------------------------------------------------------------


def append_verdicts(path: Path, verdicts: Iterable[Verdict]) -> None:
    """Append verdicts to a reviewer's file and sync it to the disk; an incomplete last line is removed first."""
    lines = "".join(json.dumps(one.to_json(), ensure_ascii=False) + "\n" for one in verdicts)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            file.seek(0)
            complete = file.read().rfind(b"\n") + 1
            file.truncate(complete)
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())


def read_verdicts(path: Path) -> list[Verdict]:
    """Return the last verdict on each row in a reviewer's file; none where there is no file.

    An incomplete last line, of a killed run, is ignored. Raises ``ReviewError`` with file and line.
    """
    if not path.exists():
        return []
    last_verdicts: dict[str, Verdict] = {}
    complete, _, _ = path.read_bytes().rpartition(b"\n")
    reviewers = set()
    for number, line in enumerate(complete.splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = _valid_verdict(json.loads(line))
        except ValueError as error:
            raise ReviewError(f"{path}, line {number}: {error}; correct or delete the line") from error
        last_verdicts[one.id] = one
        reviewers.add(one.reviewer)
    if len(reviewers) > 1:
        raise ReviewError(f"{path} has verdicts of {', '.join(sorted(reviewers))}, expected one reviewer a file")
    return list(last_verdicts.values())


def read_reviews(paths: Sequence[Path]) -> list[Verdict]:
    """Return the verdicts of several reviewers; ``ReviewError`` for a missing file, or two files of one reviewer."""
    path_of: dict[str, Path] = {}
    verdicts: list[Verdict] = []
    for path in paths:
        if not path.is_file():
            raise ReviewError(f"{path} is not there, expected a file of verdicts, as sabila review writes them")
        of_one = read_verdicts(path)
        for reviewer in {one.reviewer for one in of_one}:
            if reviewer in path_of:
                raise ReviewError(
                    f"{path} and {path_of[reviewer]} both have verdicts of {reviewer}, expected one file each"
                )
            path_of[reviewer] = path
        verdicts += of_one
    return verdicts


# --- in a release --------------------------------------------------------------------------------------------------


def rows_by_id(folder: Path, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the kept rows of a release with these ids, as records."""
    rows = scan(folder).filter(pl.col("id").is_in(list(ids))).collect()
    return {row["id"]: row for row in rows.iter_rows(named=True)}


def of_unchanged_rows(verdicts: Sequence[Verdict], folder: Path) -> list[Verdict]:
    """Return the verdicts on rows that the release in ``folder`` has as the reviewer read them."""
    rows = rows_by_id(folder, {one.id for one in verdicts})
    marks = {id: row_mark(row) for id, row in rows.items()}
    return [one for one in verdicts if marks.get(one.id) == one.mark]


def write_reviews(verdicts: Sequence[Verdict], folder: Path) -> None:
    """Write the verdicts on unchanged rows into a release; no file without verdicts."""
    counted = of_unchanged_rows(verdicts, folder)
    if not counted:
        return
    (folder / FILE).parent.mkdir(exist_ok=True)
    write_table(folder / FILE, verdict_table(counted))


def verdict_table(verdicts: Sequence[Verdict]) -> pl.DataFrame:
    """Return verdicts as a release keeps them, without comments and times."""
    rows = [(one.id, one.mark, one.reviewer, one.verdict, one.reason) for one in verdicts]
    return pl.DataFrame(rows, COLUMNS, orient="row").sort("id", "reviewer")


def released_verdicts(folder: Path) -> list[Verdict]:
    """Return the verdicts in a release; ``ReviewError`` for an invalid one, or two of one reviewer on one row."""
    rows = released_reviews(folder)
    verdicts: dict[tuple[str, str], Verdict] = {}
    for number, row in enumerate([] if rows is None else rows.iter_rows(named=True), 1):
        try:
            one = _valid_verdict(row)
        except ValueError as error:
            raise ReviewError(f"{folder / FILE}, row {number}: {error}") from error
        if verdicts.setdefault((one.id, one.reviewer), one) is not one:
            raise ReviewError(
                f"{folder / FILE}, row {number}: a second verdict of {one.reviewer} on {one.id}, expected one"
            )
    return list(verdicts.values())


def released_reviews(folder: Path) -> pl.DataFrame | None:
    """Return the verdicts in a release, with the columns ``COLUMNS``; None where it has none."""
    path = folder / FILE
    if not path.is_file():
        return None
    rows = read_parquet(path)
    if dict(rows.schema) != COLUMNS:
        raise ReviewError(f"{path} has the columns {rows.schema}, expected {', '.join(COLUMNS)} as text")
    return rows
