"""Entries of an overrides file for rows of a build: the step and the rule of a drop are looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from pipelines.build.fingerprint import plain
from pipelines.build.overrides_file import OverridesError, checked_overrides, read_overrides, to_toml
from pipelines.storage.store import Store
from pipelines.trace.row_event import RowEvent
from pipelines.trace.row_history import row_history
from quality.overrides import CONTENT, NEVER_PASSED, Override, row_content
from sources.atomic import write_bytes
from sources.formats.literal import scan_parquet

RECORD_FIELD = {"question": "messages"}
"""Fields of a record whose name differs from that of the edit."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do with some rows, why, and who decided; ``field`` and ``text`` belong to an edit."""

    decision: Literal["keep", "drop", "edit"]
    reason: str
    by: str
    date: str | None = None
    field: str | None = None
    text: str | None = None


def propose_overrides(
    ids: Sequence[str], decision: Decision, root: Path, recipe: str | None = None, release: str | None = None
) -> list[Override]:
    """Return an override for each row, as the last build of ``recipe`` (of any) or ``release`` has it.

    Raises ``OverridesError`` for a row that the decision does not fit, ``TraceError`` for an unknown one.
    """
    histories = {id: row_history(id, root, recipe, release) for id in ids}
    contents = _contents(histories, root)
    return [_override(id, decision, events, contents.get(id)) for id, events in histories.items()]


def contents_as_read(ids: Sequence[str], root: Path, release: str) -> dict[str, str]:
    """Return the hashes of rows of a release as they were read, for those whose steps the store still has."""
    return _contents({id: row_history(id, root, release=release) for id in ids}, root)


def _contents(histories: Mapping[str, list[RowEvent]], root: Path) -> dict[str, str]:
    """Return the hash of each row as it was read, where the store has it; a row made of another one has none."""
    ids_of: dict[str, list[str]] = {}
    for id, events in histories.items():
        if events[0].folder:
            ids_of.setdefault(events[0].folder, []).append(id)
    contents: dict[str, str] = {}
    for folder, ids in ids_of.items():
        if paths := sorted((Store(root).folder(folder)).glob("kept/*.parquet")):
            rows = scan_parquet(paths).select("id", *CONTENT).filter(pl.col("id").is_in(ids)).collect()
            contents |= {row["id"]: row_content(row) for row in rows.iter_rows(named=True)}
    return contents


def _override(id: str, decision: Decision, events: list[RowEvent], content: str | None) -> Override:
    last = events[-1]
    if last.status == "quarantined":
        raise OverridesError(
            f"{id} is malformed ({(last.error or '').splitlines()[0]}), so it never became a row that an override can "
            "change: correct the file"
        )
    step = rule = None
    if decision.decision == "keep":
        if last.status != "dropped" or last.reason is None:
            raise OverridesError(f"{id} is {last.status.replace('_', ' ')}, expected a dropped row to put back")
        if last.reason in NEVER_PASSED:
            raise OverridesError(
                f"{id} was dropped by {last.step} because of {last.reason}, which cannot be overruled: "
                f"{NEVER_PASSED[last.reason]}"
            )
        step, rule = last.step, last.reason
    elif decision.decision == "drop" and last.status == "dropped":
        raise OverridesError(f"{id} is dropped already by {last.step}: {last.reason}")
    elif decision.decision == "edit":
        step = _written_by(str(decision.field), events)
    try:
        return Override(
            id=id,
            decision=decision.decision,
            reason=decision.reason,
            by=decision.by,
            date=decision.date,
            step=step,
            rule=rule,
            field=decision.field,
            text=decision.text,
            content=content,
        )
    except ValueError as error:
        message = str(error.errors()[0]["msg"]) if hasattr(error, "errors") else str(error)
        raise OverridesError(f"{id}: {message.removeprefix('Value error, ')}") from error


def _written_by(field: str, events: list[RowEvent]) -> str | None:
    """Return the step that first wrote a field, None where the row was read with it."""
    name = RECORD_FIELD.get(field, field)
    changes = [(event.step, change) for event in events for change in event.changes if change.field == name]
    return next((step for step, change in changes[:1] if not change.before), None)


def add_to_file(path: Path, new: Sequence[Override]) -> None:
    """Append overrides to a file, or create it; its content stays unchanged.

    Raises ``OverridesError`` for an invalid file, or one that already has the same decision.
    """
    existing = read_overrides(path) if path.exists() else ()
    checked_overrides([plain(entry) for entry in (*existing, *new)], str(path))
    before = path.read_text(encoding="utf-8").rstrip("\n") + "\n\n" if existing else ""
    write_bytes(path, (before + to_toml(new)).encode())
