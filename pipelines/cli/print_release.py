"""Text output of the verbs that check and compare releases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelines.terminal import one_line, printable

if TYPE_CHECKING:
    from pipelines.build.manifest_diff import Difference
    from pipelines.diff.release_diff import ColumnChange, LicenseChange, ReasonRows, ReleaseDiff, RowChange
    from pipelines.review.review_summary import ReviewSummary
    from pipelines.verify.verify_release import Verdict
    from sources.releases.figures_model import ReviewerPair


SHOWN = 5
"""Most findings printed for one file; a changed file has many at once."""


def verdict_text(verdict: Verdict) -> str:
    """Return the findings of a check of a release, file by file, the first ``SHOWN`` of each file."""
    lines = []
    for file in dict.fromkeys(one.file for one in verdict.findings):
        in_file = [one for one in verdict.findings if one.file == file]
        lines += [
            f"{one_line(file)}: {one_line(one.what)}\n  expected {_value(one.expected)}\n  found    {_value(one.found)}"
            for one in in_file[:SHOWN]
        ]
        if len(in_file) > SHOWN:
            lines.append(f"{one_line(file)}: and {len(in_file) - SHOWN} more, which --json lists")
    if any(one.what == "sha256" and one.file.startswith("data/") for one in verdict.findings):
        lines.append("figures and card were compared with the changed data: restore the data files first")
    if verdict.left_out:
        lines.append(f"left out, which is allowed: {one_line(', '.join(verdict.left_out))}; needed for a rebuild")
    lines += [f"not checked: {what}" for what in verdict.unchecked]
    known = "as frozen" if verdict.compared_with else "compare it with --hash, or with the result of sabila rebuild"
    name = one_line(verdict.name)
    intact = f"{name}: {verdict.files} files and {verdict.rows:,} rows match the manifest"
    files = {one.file for one in verdict.findings}
    faulty = f"{name}: {len(verdict.findings)} errors in {len(files)} file{'s' if len(files) > 1 else ''}"
    return "\n".join([*lines, faulty if verdict.findings else f"{intact}\nhash {verdict.hash} ({known})"])


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    text = one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 300 else f"{text[:299]}…"


def review_text(summary: ReviewSummary) -> str:
    """Return errors by source, with intervals, and the agreement of the reviewers."""
    from pipelines.cli.print_tables import render_text, text_table

    numbers = ("rows", "right", "wrong", "disputed", "unsure", "error rate", "same verdict", "kappa")
    sources = text_table("source", *numbers[:6], "95% interval", numbers=numbers)
    for part in summary.figures.by_source:
        counts = (part.rows, part.right, part.wrong, part.disputed, part.unsure)
        rate = "-" if part.error_rate is None else f"{part.error_rate:.1%}"
        interval = "-" if part.low is None or part.high is None else f"{part.low:.1%} to {part.high:.1%}"
        sources.add_row(one_line(part.source), *(f"{count:,}" for count in counts), rate, interval)
    reviewers = text_table("reviewer", "right", "wrong", "unsure", numbers=numbers)
    for one in summary.figures.reviewers:
        reviewers.add_row(one_line(one.reviewer), *(f"{count:,}" for count in one.verdicts.values()))
    pairs = text_table("reviewers", "rows", "same verdict", "kappa", numbers=numbers)
    for pair in summary.figures.pairs:
        shown = ["-" if value is None else form.format(value) for form, value in _agreement(pair)]
        pairs.add_row(one_line(f"{pair.first}, {pair.second}"), f"{pair.rows:,}", *shown)
    mean = summary.figures.mean_kappa
    notes = [f"\nmean kappa: {mean:.3f}"] if mean is not None and len(summary.figures.pairs) > 1 else []
    if (several := summary.figures.fleiss_kappa) is not None:
        notes.append(f"\nFleiss' kappa: {several:.3f}, over {summary.figures.fleiss_rows:,} rows of all reviewers")
    if summary.left_out:
        notes.append(f"\n{summary.left_out:,} verdicts on rows that changed or are gone are left out")
    return render_text(sources, "", reviewers, *(["", pairs] if summary.figures.pairs else []), *notes)


def _agreement(pair: ReviewerPair) -> list[tuple[str, float | None]]:
    return [("{:.1%}", pair.agreement), ("{:.3f}", pair.kappa)]


# --- two releases compared -----------------------------------------------------------------------------------------


def diff_text(diff: ReleaseDiff) -> str:
    """Return the changes between two releases: counts, reasons, and the first rows, texts word by word."""
    parts = [
        _counts(diff),
        _section("why", [_reason(one) for one in diff.reasons]),
        _section("steps, settings and sources", _changes([*diff.changed, *diff.libraries])),
        _section("licences", [_license(one) for one in diff.licenses]),
        _section("columns", [_column(one) for one in diff.schema]),
        *(_row(row) for row in diff.rows),
    ]
    return "\n".join(filter(None, parts))


def _counts(diff: ReleaseDiff) -> str:
    n = diff.counts
    changes = f"{n.added:,} added, {n.removed:,} removed, {n.edited:,} edited, {n.unchanged:,} unchanged"
    return f"{diff.before} -> {diff.after}: {n.before:,} -> {n.after:,} rows; {changes}"


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([f"\n{title}", *(f"  {line}" for line in lines)]) if lines else ""


def _reason(one: ReasonRows) -> str:
    return one_line(f"{one.rows:,} {one.change} of {one.source}: {_why(one)}")


def _why(one: ReasonRows | RowChange) -> str:
    """Return why a row is only in one release, or differs; an added row has the reason that excluded it before."""
    reason = f"{one.step}, {one.reason}" if one.step else one.reason
    return f"before, {reason}" if one.change == "added" else reason


def _changes(differences: list[Difference]) -> list[str]:
    """Return one line per change, and one for all steps that differ only in their code."""
    code = [one.where for one in differences if one.field == "code"]
    lines = [_changed(one) for one in differences if one.field != "code" or len(code) == 1]
    if len(code) > 1:
        lines.append(one_line(f"code of {len(code)} steps: {', '.join(code)} (--json shows the hashes)"))
    return lines


def _changed(one: Difference) -> str:
    return one_line(f"{one.where}: {one.field} {_value(one.before)} -> {_value(one.after)}")


def _license(one: LicenseChange) -> str:
    return one_line(f"{one.source}, {one.license}: {one.before:,} -> {one.after:,} rows")


def _column(one: ColumnChange) -> str:
    return one_line(f"{one.kind}, {one.column}: {_value(one.before)} -> {_value(one.after)}")


MARKS = {"=": ("", ""), "-": ("[-", "-]"), "+": ("{+", "+}")}
"""Marks around removed and added words, as in wdiff."""

KEPT_CHARS = 60
"""Unchanged characters shown on either side of a change."""


def _row(row: RowChange) -> str:
    seen = f" ({row.evidence})" if row.evidence else ""
    lines = ["", one_line(f"{row.change} {row.id}: {_why(row)}{seen}")]
    for field in row.fields:
        text = "".join(_piece(piece["op"], piece["text"]) for piece in field.words)
        lines += [f"  {field.field}: {text}".replace("\n", "\n    ")]
    return "\n".join(lines)


def _piece(op: str, text: str) -> str:
    if op == "=" and len(text) > 2 * KEPT_CHARS:
        text = f"{text[:KEPT_CHARS]} … {text[-KEPT_CHARS:]}"
    before, after = MARKS[op]
    return f"{before}{printable(text)}{after}"
