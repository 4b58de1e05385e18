"""The result of a check: findings by kind, with examples, and what was not checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.check.finding_kinds import KINDS, ORDER, SEVERITIES, FindingKind
from sources.errors import SabilaError

KEPT = 1000
"""Most findings of one kind with details; further ones are only counted."""


class CheckError(SabilaError):
    """A check that cannot be run."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One finding: file, line (or row of a parquet file; None for a whole file or set), id of the row, details.

    ``mark`` is the same for the same finding in the same text, wherever it lies. ``known`` findings are in the
    baseline.
    """

    file: str
    line: int | None
    id: str | None
    detail: str
    mark: str
    known: bool = False

    def place(self) -> str:
        """Return the location as FILE:LINE, with the row's id."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place} ({self.id})" if self.id else place


@dataclass(frozen=True, kw_only=True)
class FindingGroup:
    """All findings of a kind: how many, how many of them are not in the baseline, and the first with details."""

    kind: FindingKind
    count: int
    new: int
    instances: tuple[Instance, ...]

    def to_json(self, examples: int) -> dict[str, Any]:
        """Return the group for programs, with so many examples, new ones first."""
        return {
            **asdict(self.kind),
            "count": self.count,
            "new": self.new,
            "examples": [asdict(one) for one in self.examples(examples)],
        }

    def examples(self, number: int) -> list[Instance]:
        """Return the first instances, those that are not in the baseline before the others."""
        return sorted(self.instances, key=lambda one: one.known)[:number]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """Findings of all kinds, the most serious first; ``read`` says how the files were read, by file.

    ``not_checked`` are checks that were left out or made on a part of the rows, with what to do about it.
    """

    targets: tuple[str, ...]
    files: int
    rows: int
    groups: tuple[FindingGroup, ...]
    read: tuple[str, ...]
    not_checked: tuple[str, ...]
    training: dict[str, int] | None = None
    baseline: str | None = None
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    """Hashes of all findings by kind, for a baseline."""

    def to_json(self, examples: int) -> dict[str, Any]:
        """Return the result for programs."""
        return {
            "format": 1,
            "targets": list(self.targets),
            "files": self.files,
            "rows": self.rows,
            "baseline": self.baseline,
            "counts": {severity: self.count(severity) for severity in SEVERITIES},
            "findings": [group.to_json(examples) for group in self.groups],
            "training": self.training,
            "read": list(self.read),
            "not_checked": list(self.not_checked),
        }

    def count(self, severity: str) -> int:
        """Return the number of findings of a severity that are not in the baseline."""
        return sum(group.new for group in self.groups if group.kind.severity == severity)

    def failing(self, fail_on: Sequence[str]) -> list[FindingGroup]:
        """Return the groups with new findings that fail a check: by a severity (and those above it), or by kind."""
        limit = max((ORDER[one] for one in fail_on if one in ORDER), default=-1)
        return [
            group
            for group in self.groups
            if group.new and (ORDER[group.kind.severity] <= limit or group.kind.id in fail_on)
        ]


def checked_kinds(names: Sequence[str], option: str, also: Sequence[str] = ()) -> tuple[str, ...]:
    """Return ``names`` of kinds; ``CheckError`` for one that is neither a kind nor among ``also``."""
    from sources.suggest import did_you_mean

    for name in names:
        if name not in KINDS and name not in also:
            known = ", ".join([*also, *KINDS])
            raise CheckError(
                f"{option} is {name!r}, expected a kind of finding{did_you_mean(name, [*also, *KINDS])}: {known}"
            )
    return tuple(names)
