"""The history of a row for the page: the changes of each step, word by word, and its completions."""

from __future__ import annotations

from typing import Any

from pipelines.diff.word_diff import word_diff
from pipelines.report.all_rows import ReleaseView
from pipelines.report.page_text import cut, plain
from pipelines.trace.row_history import NOT_ELIGIBLE, NOT_ELIGIBLE_TEXT, Event, row_history
from sources.errors import SabilaError

CHARS = 20_000
"""Most characters of a text shown; a row may have a line of a megabyte."""

TABLE_ROWS = 40


def history_json(release: ReleaseView, row_id: str) -> dict[str, Any]:
    """Return ``history``, the events of a row, or ``unavailable``, the reason why there are none."""
    if release.store is None:
        return {"history": [], "unavailable": "The steps are in the store in which the release was built."}
    try:
        events = row_history(row_id, release.store, release=str(release.folder))
    except SabilaError as error:
        return {"history": [], "unavailable": cut(str(error), CHARS)}
    return {"history": [_event(event) for event in release.screening.events(events)]}


def _event(event: Event) -> dict[str, Any]:
    because = event.get("reason") or event.get("error")
    return {
        "step": event["step"],
        "status": event["status"],
        "because": cut(because, CHARS) if because else "",
        "lines": [cut(line, CHARS) for line in [*_origin(event), *_edits(event), *_not_eligible(event)]],
        "changes": [_change(one) for one in event.get("changes", [])],
        "tables": [_table(name, rows) for name, rows in event.get("tables", {}).items()],
    }


def _origin(event: Event) -> list[str]:
    parts = [f"made from {event['made_from']}"] if "made_from" in event else []
    if "file" in event:
        parts.append(f"read from {event['file']}, line {event['line']}")
    for name, word in (("home", "home"), ("revision", "revision"), ("license_read", "licence read in")):
        if event.get(name):
            parts.append(f"{word} {event[name]}")
    return parts


def _edits(event: Event) -> list[str]:
    removed = [(edit, f": removed {edit['removed']}" if edit["removed"] else "") for edit in event.get("edits", [])]
    return [f"{edit['rule']} in {edit['field']}{took}" for edit, took in removed]


def _not_eligible(event: Event) -> list[str]:
    return [NOT_ELIGIBLE_TEXT] if event["status"] == NOT_ELIGIBLE else []


def _change(change: dict[str, Any]) -> dict[str, Any]:
    before, after = (cut(_as_text(change[name]), CHARS) for name in ("before", "after"))
    return {"field": change["field"], "pieces": word_diff(before, after)}


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(item["content"] if isinstance(item, dict) else str(item) for item in value)
    return "" if value is None else str(value)


def _table(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return some rows of a table: long texts separately, the rest as words."""
    shown = [{key: value for key, value in plain(row, CHARS).items() if value not in (None, "", [])} for row in rows]
    return {"name": name, "rows": shown[:TABLE_ROWS], "total": len(rows)}
