"""Baselines: files of known findings, so that a check fails only on new ones.

A finding is identified by its kind and a hash of the row's text. Lines may move and files may be renamed; a changed
row has new findings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipelines.check.check_result import CheckError
from sources.atomic import write_json
from sources.formats.json_values import JsonError, parse_json

FORMAT = "sabila-check-baseline-1"


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Known findings by kind: how many there are of each hash."""

    name: str = ""
    marks: Mapping[str, Counter[str]] = field(default_factory=dict)

    def known(self, kind: str, texts: pl.Series) -> pl.Series:
        """Return which findings are known; if there are more equal ones than in the baseline, the last ones are new."""
        marks = self.marks.get(kind)
        if not marks:
            return pl.repeat(False, len(texts), dtype=pl.Boolean, eager=True)
        left = Counter(marks)
        known = []
        for text in texts:
            left[f"{text:016x}"] -= 1
            known.append(left[f"{text:016x}"] >= 0)
        return pl.Series(known, dtype=pl.Boolean)


def read_baseline(path: Path) -> Baseline:
    """Read a baseline; ``CheckError`` for any other file."""
    try:
        content = parse_json(path.read_bytes())
    except (OSError, JsonError) as error:
        raise CheckError(f"{path} is not a baseline ({error}); write one with --write-baseline") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckError(f"{path} is not a baseline, expected one that --write-baseline wrote")
    findings = content.get("findings", {})
    return Baseline(name=str(path), marks={kind: Counter(marks) for kind, marks in findings.items()})


def write_baseline(path: Path, marks: Mapping[str, Sequence[str]]) -> None:
    """Write all findings as a baseline, sorted, so that a new one adds one line to a diff."""
    write_json(path, {"format": FORMAT, "findings": {kind: sorted(marks[kind]) for kind in sorted(marks)}})
