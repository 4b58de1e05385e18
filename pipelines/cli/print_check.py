"""Text output of ``sabila check``: findings, most serious first, why each matters and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.terminal import one_line

if TYPE_CHECKING:
    from pipelines.check.check_result import CheckResult, FindingGroup


def check_text(result: CheckResult, examples: int) -> str:
    """Return a table of the findings, each of them with its examples, and what was not checked."""
    from pipelines.check.finding_kinds import SEVERITIES
    from pipelines.cli.print_tables import render_text, text_table

    columns = ("finding", "severity", "count", *(("new",) if result.baseline else ()), "what it is")
    table = text_table(*columns, numbers=("count", "new"))
    for group in result.groups:
        new = [f"{group.new:,}"] if result.baseline else []
        table.add_row(group.kind.id, group.kind.severity, f"{group.count:,}", *new, group.kind.title)
    parts = [render_text(table)] if result.groups else []
    parts += [_group_text(group, examples) for group in result.groups if examples]
    if training := result.training:
        tokens = f"{training['tokens']:,} tokens, {training['supervised']:,} of them supervised"
        parts.append(f"training: {training['rows']:,} rows have {tokens}")
    notes = [f"read {one_line(note)}" for note in result.read]
    notes += [f"not checked: {one_line(note)}" for note in result.not_checked]
    parts.append("\n".join(notes))
    counts = ", ".join(f"{result.count(one):,} {one}{'' if result.count(one) == 1 else 's'}" for one in SEVERITIES)
    files = f"{result.files:,} file{'' if result.files == 1 else 's'}"
    beyond = f" that are not in {result.baseline}" if result.baseline else ""
    parts.append(f"{result.rows:,} rows in {files}: {counts}{beyond}")
    return "\n\n".join(part for part in parts if part)


def _group_text(group: FindingGroup, examples: int) -> str:
    kind = group.kind
    shown = group.examples(examples)
    lines = [f"{kind.id} ({kind.severity}): {kind.title}", f"  why: {kind.why}", f"  do:  {kind.remedy}"]
    for one in shown:
        known = " [known]" if one.known else ""
        lines.append(f"  {one_line(one.place())}{known}: {one_line(one.detail)}")
    if group.count > len(shown):
        lines.append(f"  and {group.count - len(shown):,} more")
    return "\n".join(lines)
