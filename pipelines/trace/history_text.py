"""The history of a row as text: step by step, edits word by word, prompts and candidates with verdicts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

import click

from pipelines.diff.word_diff import ADDED, KEPT, REMOVED, Piece, word_diff
from pipelines.storage.row_locations import Row
from pipelines.terminal import printable
from pipelines.trace.row_event import ChangedField, RowEvent
from pipelines.trace.row_history import NOT_ELIGIBLE, NOT_ELIGIBLE_TEXT
from quality.overrides import APPLIED, DROPPED, NEVER_PASSED

AROUND = 60
"""Unchanged characters shown on either side of an edit."""

MARKS = {REMOVED: ("[-", "-]", "red"), ADDED: ("{+", "+}", "green")}
"""Marks around removed and added words, and their colour on a terminal."""


def history_text(row_id: str, events: list[RowEvent]) -> str:
    """Return the history of a row, step by step; ``click.echo`` drops its colours outside a terminal."""
    row_id, events = _harmless(row_id), [RowEvent.of(_harmless(event.to_json())) for event in events]
    if events[0].recorded_by == "ledger":
        return "\n".join([row_id, "", *_of_ledger(events[0])])
    lines = [row_id]
    last = events[-1]
    for event in events:
        lines += ["", f"{event.step}: {event.status.replace('_', ' ')}"]
        lines += [f"  {line}" for line in _of(event)]
    if last.status == "dropped" and last.reason not in (*NEVER_PASSED, DROPPED):
        lines += [f"  to put it back: sabila override {shlex.quote(row_id)} --by NAME --reason WHY"]
    return "\n".join(lines)


def _harmless(value: Any) -> Any:
    """Return a value whose texts are safe for a terminal."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_harmless(name): _harmless(inner) for name, inner in value.items()}
    return [_harmless(inner) for inner in value] if isinstance(value, list) else value


def _of(event: RowEvent) -> Iterator[str]:
    """Yield the lines of one event."""
    yield from _origin(event)
    if event.made_from:
        yield f"made from {event.made_from}"
    for edit in event.edits:
        yield f"{edit.field}: {edit.rule}" + (f" removed {edit.removed!r}" if edit.removed else "")
    for change in event.changes:
        yield from _change(change)
    for name, rows in event.tables.items():
        if name == APPLIED:
            yield from map(_override, rows)
        else:
            yield from _candidates(rows) if name == "candidates" else _table(name, rows)
    if event.status == NOT_ELIGIBLE:
        yield NOT_ELIGIBLE_TEXT
    if event.status == "dropped":
        yield f"because of {event.reason}{_evidence(event.evidence)}"
    if event.status == "quarantined":
        yield f"because {event.error}"
        yield from _indented("text", event.text or "")


def _of_ledger(event: RowEvent) -> Iterator[str]:
    """Yield the lines of an event from the ledger of a release."""
    yield f"{event.step}: {event.status.replace('_', ' ')}"
    yield from (f"  {line}" for line in _origin(event))
    yield f"  changed by {', '.join(event.changed_by) or 'no step'}"
    if event.reason:
        yield f"  because of {event.reason}{_evidence(event.evidence)}"
    yield "  from the ledger of the release; the texts before and after are in the store it was built in"


def _override(row: Row) -> str:
    """Return an applied override in one line."""
    what = row["rule"] or row["field"]
    over = f" although {what}{_evidence(row['evidence'])}" if row["rule"] else f" {what}" if what else ""
    on = f" on {row['decided_on']}" if row["decided_on"] else ""
    return f"override: {row['decision']}{over}; decided by {row['decided_by']}{on}: {_one_line(row['reason'])}"


def _origin(event: RowEvent) -> Iterator[str]:
    recorded = event.model_fields_set
    if "file" not in recorded:
        return
    home = f", of {event.home}" if event.home else ""
    revision = f" at revision {event.revision}" if event.revision else ""
    yield f"read from {event.place}{home}{revision}"
    where = f", read in: {event.license_read}" if event.license_read else ""
    yield f"licence {event.license}{where}"
    if "split" in recorded:
        dated = f", dated {event.date}" if event.date else ""
        yield f"split {event.split}{dated}"


def _evidence(evidence: str | None) -> str:
    """Return a colon and the evidence, a JSON object as its fields; an empty text without evidence."""
    text = _fields(_harmless(json.loads(evidence))) if evidence and evidence.startswith("{") else evidence
    return f": {text}" if text else ""


def _fields(values: Row) -> str:
    parts = (f"{name} {_one_line(value)}" for name, value in values.items() if value is not None)
    return ", ".join(parts)


def _one_line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 2 * AROUND else f"{text[: 2 * AROUND - 1]}…"


# --- changes -------------------------------------------------------------------------------------------------------


def _change(change: ChangedField) -> Iterator[str]:
    """Yield a change of a field, or of the parts of one that contains JSON."""
    before, after = change.before, change.after
    if change.field != "meta":
        old_text, new_text = _as_text(before), _as_text(after)
        if old_text.split() == new_text.split():
            yield f"{change.field}: only white space changed, {len(old_text):,} -> {len(new_text):,} characters"
        else:
            yield from _indented(change.field, _words(word_diff(old_text, new_text)))
        return
    old, new = _harmless(json.loads(before)), _harmless(json.loads(after))
    for name in [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]:
        pieces = word_diff(*(_as_text(meta[name]) if name in meta else "" for meta in (old, new)))
        yield from _indented(f"meta.{name}", _words(pieces))


def _as_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        return "\n".join(item["content"] if isinstance(item, dict) else str(item) for item in value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _words(pieces: list[Piece]) -> str:
    """Return a comparison as one text: unchanged text shortened, removed and added text marked."""
    parts = []
    for at, (kind, text) in enumerate(pieces):
        if kind == KEPT:
            parts.append(_shortened(text, first=at == 0, last=at == len(pieces) - 1))
        else:
            before, after, colour = MARKS[kind]
            parts.append(click.style(f"{before}{text}{after}", fg=colour))
    return "".join(parts)


def _shortened(text: str, *, first: bool, last: bool) -> str:
    """Return the ends of a long text that are next to an edit."""
    head, tail = ("" if first else text[:AROUND]), ("" if last else text[-AROUND:])
    return text if len(text) <= len(head) + len(tail) + AROUND else f"{head}…{tail}"


def _indented(title: str, text: str) -> Iterator[str]:
    """Yield a text after its title, or below it where it has several lines."""
    lines = text.splitlines() or [""]
    if len(lines) == 1:
        yield f"{title}: {lines[0]}"
        return
    yield f"{title}:"
    yield from (f"  {line}" for line in lines)


# --- requests and findings -----------------------------------------------------------------------------------------


def _candidates(rows: Iterable[Row]) -> Iterator[str]:
    """Yield every completion with its prompt: the first prompt in full, of the others only the differences."""
    first: str | None = None
    for row in rows:
        yield _requests(row)
        prompt = _prompt(row)
        if first is None and prompt:
            yield from (f"  {line}" for line in _indented("prompt", prompt))
        elif first is not None and prompt and prompt != first:
            yield from (f"  {line}" for line in _indented("prompt, differences", _words(word_diff(first, prompt))))
        first = first or prompt
        yield from (f"  {line}" for line in _indented("reply", row["text"] or ""))
        read = {name: row[name] for name in ("parsed", "detail") if row.get(name)}
        yield f"  verdict {row['verdict']}" + (f" ({_fields(read)})" if read else "")


def _requests(row: Row) -> str:
    sampling = {name: value for name, value in row.get("sampling", {}).items() if value and name != "seed"}
    sampled = f"; seed {row['seed']}, {_fields(sampling)}" if "seed" in row else "; the request is not in the store"
    return f"{row['stage']}, sample {row['sample']}: {row['teacher']} at revision {row['revision']}{sampled}"


def _prompt(row: Row) -> str:
    return "\n".join(f"{message['role']}: {message['content']}" for message in row.get("messages", []))


def _table(name: str, rows: list[Row]) -> Iterator[str]:
    """Yield the rows of any other table, one line each."""
    for row in rows:
        yield f"{name}: {_fields({field: value for field, value in row.items() if field != 'id'})}"
