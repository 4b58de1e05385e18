"""The life of one row, told from the folders of the steps it went through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.store import Store

Event = dict[str, Any]


class TraceError(Exception):
    """A row, or a build, that the store does not know."""


def life(row_id: str, root: Path, recipe: str | None) -> list[Event]:
    """Return what happened to a row in the last build of ``recipe``, one event a step, up to where it is now.

    A malformed row has no id: it is named ``<source>:<file>:<line>``. Raises ``TraceError`` for a row no step read.
    """
    store = Store(root)
    events: list[Event] = []
    row: dict[str, Any] | None = None
    for name in _steps(store, recipe):
        summary = store.summary(name)
        if row is None and not _reads(summary, row_id):
            continue
        if events and not {e["folder"] for e in events} & set(summary["inputs"]):
            continue
        event, row = _at(store.folder(name), summary, row_id, row)
        if event:
            events.append(event)
            if event["status"] != "kept":
                break
    if not events:
        raise TraceError(
            f"no row {row_id!r} in the last build of {recipe or 'this store'}; expected <source>:<id>, "
            "or <source>:<file>:<line> for a malformed row"
        )
    return events


def _steps(store: Store, recipe: str | None) -> list[str]:
    builds = sorted((store.root / "builds").glob(f"{recipe or '*'}.json"), key=lambda path: path.stat().st_mtime_ns)
    if not builds:
        raise TraceError(
            f"{store.root} holds no finished build{f' of {recipe}' if recipe else ''}; run sabila build first"
        )
    steps: list[str] = json.loads(builds[-1].read_text(encoding="utf-8"))["steps"]
    return steps


def _reads(summary: dict[str, Any], row_id: str) -> bool:
    source = summary["identity"].get("source")
    return bool(source) and row_id.startswith(f"{source['name']}:")


def _at(
    folder: Path, summary: dict[str, Any], row_id: str, before: dict[str, Any] | None
) -> tuple[Event | None, dict[str, Any] | None]:
    """Return what the step in ``folder`` did with the row, and the row as it left it."""
    event: Event = {"step": summary["name"], "folder": summary["folder"]}
    for status in ("kept", "dropped"):
        found = _lookup(folder / status, row_id)
        if found:
            event |= {"status": status, **_origin(found, before), "changes": _changes(before, found)}
            event |= {"edits": _edits(folder, row_id)}
            if status == "dropped":
                event |= {"reason": found["reason"], "evidence": found["evidence"]}
            return event, found
    quarantined = _quarantined(folder, row_id)
    return (event | {"status": "quarantined", **quarantined}, None) if quarantined else (None, before)


def _lookup(folder: Path, row_id: str) -> dict[str, Any] | None:
    if not folder.is_dir():
        return None
    found = pl.scan_parquet(sorted(folder.glob("*.parquet"))).filter(pl.col("id") == row_id).collect()
    return found.row(0, named=True) if found.height else None


def _origin(row: dict[str, Any], before: dict[str, Any] | None) -> Event:
    """Tell where the row was read, at the step that read it."""
    return {} if before else {name: row[name] for name in ("source", "license", "split", "file", "line")}


def _changes(before: dict[str, Any] | None, after: dict[str, Any]) -> list[Event]:
    if before is None:
        return []
    return [
        {"field": name, "before": value, "after": after[name]}
        for name, value in before.items()
        if name in after and after[name] != value
    ]


def _edits(folder: Path, row_id: str) -> list[Event]:
    paths = sorted((folder / "edits").glob("*.parquet"))
    if not paths:
        return []
    return pl.scan_parquet(paths).filter(pl.col("id") == row_id).drop("id").collect().rows(named=True)


def _quarantined(folder: Path, row_id: str) -> Event | None:
    path = folder / "quarantine.parquet"
    if not path.exists():
        return None
    place = pl.format("{}:{}:{}", "source", "file", "line")
    found = pl.scan_parquet(path).filter(place == row_id).collect()
    return found.row(0, named=True) if found.height else None
