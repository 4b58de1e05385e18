"""The comparison of two releases as values: what the verbs print, the report shows and ``--json`` writes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TypedDict

from pipelines.build.manifest_diff import Difference
from sources.fields.json_model import Values


@dataclass(frozen=True, kw_only=True)
class ChangeCounts:
    """Rows of both releases, and of those how many were added, removed, edited and left unchanged."""

    before: int
    after: int
    added: int
    removed: int
    edited: int
    unchanged: int


@dataclass(frozen=True, kw_only=True)
class SourceChanges:
    """Changed rows of one source."""

    source: str
    change: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class ReasonRows:
    """Changed rows with one reason; an added row has the reason that excluded it before."""

    change: str
    source: str
    step: str | None
    reason: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class LicenseChange:
    """Rows of a source under a licence that only one of the releases has."""

    source: str
    license: str
    before: int
    after: int


@dataclass(frozen=True, kw_only=True)
class ColumnChange:
    """A column whose type differs; None where a release lacks it."""

    kind: str
    column: str
    before: str | None
    after: str | None


class WordPiece(TypedDict):
    """A piece of two texts: in both (``=``), only in the first (``-``) or only in the second (``+``)."""

    op: str
    text: str


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """A field of an edited row: both texts, and the same word by word."""

    field: str
    before: str | None
    after: str | None
    words: list[WordPiece]


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """A changed row, with the step and reason of the change; an edited one has its fields."""

    id: str
    source: str
    change: str
    step: str | None
    reason: str
    evidence: str | None
    fields: tuple[FieldChange, ...] = ()

    def with_fields(self, fields: tuple[FieldChange, ...]) -> RowChange:
        """Return the row with its changed fields."""
        return replace(self, fields=fields)


@dataclass(frozen=True, kw_only=True)
class ReleaseDiff:
    """All changes from one release to another; ``rows`` are the first of each kind."""

    before: str
    after: str
    counts: ChangeCounts
    sources: list[SourceChanges]
    reasons: list[ReasonRows]
    licenses: list[LicenseChange]
    schema: list[ColumnChange]
    changed: list[Difference]
    libraries: list[Difference]
    rows: list[RowChange]

    def to_json(self) -> Values:
        """Return the JSON of ``sabila diff --json``; rows that were not edited have no ``fields``."""
        values = asdict(self)
        for row in values["rows"]:
            if fields := row.pop("fields"):
                row["fields"] = list(fields)
        return values
