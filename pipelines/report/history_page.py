"""The history of a row for the page: the changes of each step, word by word, and its completions."""

from __future__ import annotations

from typing import Any

from pipelines.diff.word_diff import word_diff
from pipelines.report.all_rows import ReleaseView
from pipelines.report.page_text import cut, plain
from pipelines.storage.row_locations import Row
from pipelines.trace.row_event import ChangedField, RowEvent, mask_events
from pipelines.trace.row_history import NOT_ELIGIBLE, NOT_ELIGIBLE_TEXT, row_history
from sources.errors import SabilaError
from sources.fields.json_model import Values

CHARS = 20_000
"""Most characters shown of a text; a row may have a line of a megabyte."""

TABLE_ROWS = 40


def history_json(release: ReleaseView, row_id: str) -> Values:
    """Return ``history``, the events of a row, or ``unavailable``, the reason why there are none."""
    if release.store is None:
        return {"history": [], "unavailable": "The steps are in the store in which the release was built."}
    try:
        events = row_history(row_id, release.store, release=str(release.folder))
    except SabilaError as error:
        return {"history": [], "unavailable": cut(str(error), CHARS)}
    return {"history": [_event(event) for event in mask_events(events, release.screening)]}


def _event(event: RowEvent) -> Values:
    because = event.reason or event.error
    return {
        "step": event.step,
        "status": event.status,
        "because": cut(because, CHARS) if because else "",
        "lines": [cut(line, CHARS) for line in [*_origin(event), *_edits(event), *_not_eligible(event)]],
        "changes": [_change(one) for one in event.changes],
        "tables": [_table(name, rows) for name, rows in event.tables.items()],
    }


def _origin(event: RowEvent) -> list[str]:
    parts = [f"made from {event.made_from}"] if event.made_from else []
    if event.file is not None:
        parts.append(f"read from {event.place}")
    known = (("home", event.home), ("revision", event.revision), ("licence read in", event.license_read))
    return [*parts, *(f"{word} {value}" for word, value in known if value)]


def _not_eligible(event: RowEvent) -> list[str]:
    return [NOT_ELIGIBLE_TEXT] if event.status == NOT_ELIGIBLE else []


def _edits(event: RowEvent) -> list[str]:
    removed = [(edit, f": removed {edit.removed}" if edit.removed else "") for edit in event.edits]
    return [f"{edit.rule} in {edit.field}{took}" for edit, took in removed]


def _change(change: ChangedField) -> Values:
    before, after = (cut(_as_text(value), CHARS) for value in (change.before, change.after))
    return {"field": change.field, "pieces": word_diff(before, after)}


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(item["content"] if isinstance(item, dict) else str(item) for item in value)
    return "" if value is None else str(value)


def _table(name: str, rows: list[Row]) -> Values:
    """Return some rows of a table: without empty fields."""
    shown = [{key: value for key, value in plain(row, CHARS).items() if value not in (None, "", [])} for row in rows]
    return {"name": name, "rows": shown[:TABLE_ROWS], "total": len(rows)}
