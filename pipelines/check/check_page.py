"""The page of a check: findings by severity with examples, in one HTML file that needs no network."""

from __future__ import annotations

from pathlib import Path

from pipelines.check.check_result import CheckResult
from pipelines.check.finding_kinds import SEVERITIES
from pipelines.report.page import page
from sources.atomic import write_bytes

TEMPLATE = "check.html.jinja"
COLORS = {"error": "dropped", "warning": "quarantined", "note": "kept"}


def write_check_page(result: CheckResult, out: Path, examples: int) -> None:
    """Write the page; details are masked already, and cut."""
    counts = [(severity, result.count(severity), COLORS[severity]) for severity in SEVERITIES]
    html, _ = page(
        TEMPLATE,
        (),
        title=", ".join(result.targets[:3])
        + (f" and {len(result.targets) - 3} more" if len(result.targets) > 3 else ""),
        result=result,
        counts=counts,
        colors=COLORS,
        examples=examples,
    )
    write_bytes(out, html.encode("utf-8", "replace"))
