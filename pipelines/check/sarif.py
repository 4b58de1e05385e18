"""Findings as SARIF 2.1.0, the format of code scanning.

A location is a file and, in a text file, a line; rows of other files are named in the message. The fingerprint is that
of the baseline, so that a finding keeps its identity when lines move.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from pipelines.check.check_result import CheckResult, FindingGroup, Instance

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LINES = (".jsonl", ".ndjson", ".csv")
"""Files whose rows are lines."""

MOST = 5000
"""Results of one run that code scanning shows; more are cut, the most serious first."""


def to_sarif(result: CheckResult) -> dict[str, Any]:
    """Return the findings as a SARIF log of one run."""
    rules = {group.kind.id: number for number, group in enumerate(result.groups)}
    results = [entry for group in result.groups for entry in _results(group, rules[group.kind.id], result)][:MOST]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "sabila check",
                        "semanticVersion": version("sabila"),
                        "rules": [_rule(group) for group in result.groups],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
                "properties": {
                    "rows": result.rows,
                    "counts": {group.kind.id: group.count for group in result.groups},
                    "notChecked": list(result.not_checked),
                },
            }
        ],
    }


def _rule(group: FindingGroup) -> dict[str, Any]:
    kind = group.kind
    return {
        "id": kind.id,
        "name": "".join(word.capitalize() for word in kind.id.split("-")),
        "shortDescription": {"text": kind.title},
        "fullDescription": {"text": kind.why},
        "help": {"text": f"{kind.why} {kind.remedy}"},
        "defaultConfiguration": {"level": kind.severity},
        "properties": {"tags": ["data"], "count": group.count, "new": group.new},
    }


def _results(group: FindingGroup, rule: int, result: CheckResult) -> Iterator[dict[str, Any]]:
    for one in group.instances:
        entry: dict[str, Any] = {
            "ruleId": group.kind.id,
            "ruleIndex": rule,
            "level": group.kind.severity,
            "message": {"text": _message(group, one)},
            "locations": [_location(one, result)],
            "partialFingerprints": {"sabilaRow/v1": f"{group.kind.id}:{one.mark}"},
        }
        if result.baseline:
            entry["baselineState"] = "unchanged" if one.known else "new"
        yield entry


def _message(group: FindingGroup, one: Instance) -> str:
    row = f" (row {one.id})" if one.id else f" (row {one.line})" if one.line and not one.file.endswith(LINES) else ""
    return f"{group.kind.title}{row}: {one.detail}"


def _location(one: Instance, result: CheckResult) -> dict[str, Any]:
    """Return the file and line; a finding about all files is placed in the first of them."""
    file = one.file if one.file != "all files" else result.targets[0]
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(PurePath(file).as_posix())}}
    plain = file.removesuffix(".gz") == file and file.endswith(LINES)
    place["region"] = {"startLine": one.line if one.line and plain else 1}
    return {"physicalLocation": place}
