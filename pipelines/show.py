"""What the verbs print for people: tables and texts. Programs read ``--json``."""

from __future__ import annotations

import difflib
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table


def _rendered(*parts: Any) -> str:
    console = Console(file=StringIO(), width=max(Console().width, 100), soft_wrap=False)
    for part in parts:
        console.print(part, markup=False, highlight=False)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.rstrip()


def _table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        right = column in numbers
        table.add_column(column, justify="right" if right else "left", no_wrap=right, overflow="fold")
    return table


def sources_table(rows: list[dict[str, Any]]) -> str:
    """Return the catalog as a table."""
    table = _table("name", "kind", "task", "lang", "license", "rows", "home", "from", numbers=("rows",))
    for row in rows:
        rows_published = f"{row['rows']:,}" if row["rows"] else ""
        cells = (row[name] for name in ("name", "kind", "task", "lang", "license"))
        table.add_row(*cells, rows_published, row["home"].removeprefix("hf://datasets/"), row["readable_from"] or "-")
    readable = sum(1 for row in rows if row["readable_from"])
    return _rendered(table, f"\n{len(rows)} corpora, {readable} of them readable from here")


def plan_table(forecast: dict[str, Any]) -> str:
    """Return the steps of a plan, and what is absent or waiting."""
    table = _table("step", "state", "rows in", "kept", numbers=("rows in", "kept"))
    for step in forecast["steps"]:
        counts = step["counts"] or {}
        rows = (f"{counts[name]:,}" if counts else "" for name in ("rows_in", "kept"))
        table.add_row(step["step"], "done" if step["done"] else "to do", *rows)
    for name, needs in forecast["waiting_for_teacher"].items():
        table.add_row(name, f"waits for a teacher: {needs}", "", "")
    asks = [(step["step"], step["asks"]) for step in forecast["steps"] if "asks" in step]
    return _rendered(table, *(_asks(name, told) for name, told in asks), *_absent(forecast["absent"]))


def _asks(name: str, told: dict[str, Any]) -> str:
    if told["requests"] is None:
        return f"\n{name} asks a teacher; how much is known once a step before it is built"
    asked = f"{told['requests']:,} times in its first round, {told['answered_before']:,} of them answered before"
    tokens = f"{told['prompt_tokens']:,} tokens in, {told['completion_tokens_at_most']:,} out at most"
    cost = f"cost {told['cost_at_most']:,} at most"
    return f"\n{name} asks {asked}: {tokens}, {cost} (from the rows of {told['foretold_from']})"


def build_table(account: dict[str, Any]) -> str:
    """Return where the rows of a build went, by step and reason."""
    table = _table("step", "rows in", "kept", "dropped", "quarantined", "why", numbers=NUMBERS)
    for step in (step for step in account["steps"] if not step["looked_at_only"]):
        counts = [f"{step['counts'][name]:,}" for name in ("rows_in", "kept", "dropped", "quarantined")]
        why = ", ".join(f"{reason} {n:,}" for reason, n in sorted(step["reasons"].items(), key=lambda r: (-r[1], r[0])))
        table.add_row(step["name"], *counts, why)
    waiting = [f"waits for a teacher: {name}, {needs}" for name, needs in account["waiting_for_teacher"].items()]
    return _rendered(
        table, *_looked_at(account["steps"]), *waiting, *_absent(account["absent"]), f"\n{account['rows']:,} rows"
    )


NUMBERS = ("rows in", "kept", "dropped", "quarantined")


def _looked_at(steps: list[dict[str, Any]]) -> list[str]:
    only = [step["counts"]["kept"] for step in steps if step["looked_at_only"]]
    return [f"\nheld against {sum(only):,} rows of {len(only)} benchmarks"] if only else []


def _absent(absent: dict[str, str]) -> list[str]:
    names = list(absent)
    more = f" and {len(names) - 8} more, which --json lists" if len(names) > 8 else ""
    return [f"\nnot there, left out: {', '.join(names[:8])}{more}"] if names else []


def life_text(row_id: str, events: list[dict[str, Any]]) -> str:
    """Return the life of a row, step by step."""
    lines = [row_id]
    for event in events:
        lines.append(f"\n{event['step']}: {event['status']}")
        if "file" in event:
            lines.append(f"  read from {event['file']}, line {event['line']}")
        if "license" in event:
            lines.append(f"  licence {event['license']}, split {event['split']}")
        lines += [f"  {edit['field']}: {edit['rule']}{_removed(edit['removed'])}" for edit in event.get("edits", [])]
        lines += [f"  {line}" for change in event.get("changes", []) for line in _change(change)]
        if event["status"] == "dropped":
            lines.append(f"  because of {event['reason']}: {event['evidence']}")
        if event["status"] == "quarantined":
            lines.append(f"  because {event['error']}")
    return "\n".join(lines)


def _removed(text: str | None) -> str:
    return f" took out {text!r}" if text else ""


def _change(change: dict[str, Any]) -> list[str]:
    """Return a change as the lines that differ."""
    before, after = (_as_text(change[name]).splitlines() for name in ("before", "after"))
    differing = [
        line for line in difflib.unified_diff(before, after, lineterm="", n=0) if line[:2] not in ("--", "++", "@@")
    ]
    return [f"{change['field']}:", *(f"  {line}" for line in differing)]


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(item["content"] if isinstance(item, dict) else str(item) for item in value)
    return "" if value is None else str(value)


def account_text(account: dict[str, Any]) -> str:
    """Return an account, a line a figure."""
    return "\n".join(
        f"{name.replace('_', ' ')}: {value:,}" if isinstance(value, int) else f"{name}: {value}"
        for name, value in account.items()
    )


def examples(account: dict[str, Any], steps: Path) -> str:
    """Return a kept chain of thought, a rejected candidate and a preference pair of a build, where it has them."""
    parts = []
    for step in account["steps"]:
        for name, wanted in (("candidates", EXAMPLES), ("pairs", {"a preference pair": pl.col("drop").is_null()})):
            paths = sorted((steps / step["folder"] / name).glob("*.parquet"))
            if paths:
                found = pl.scan_parquet(paths)
                parts += [_example(title, found.filter(broken).head(1).collect()) for title, broken in wanted.items()]
    return "\n".join(part for part in dict.fromkeys(parts) if part)


EXAMPLE_FIELDS = ("verdict", "parsed", "text", "chosen", "rejected")
EXAMPLES = {
    "a verified chain of thought": pl.col("verdict") == "kept",
    "a rejected candidate": pl.col("verdict") == "wrong",
}


def _example(title: str, rows: pl.DataFrame) -> str:
    if rows.is_empty():
        return ""
    row = rows.row(0, named=True)
    said = {name: row[name] for name in ("teacher", *EXAMPLE_FIELDS) if row.get(name)}
    return "\n".join(
        [f"\n{title}, {row['id']}", *(f"  {name}: {' '.join(str(text).split())[:240]}" for name, text in said.items())]
    )
