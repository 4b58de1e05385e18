"""The overrides file: read, checked, and applied to the steps of a recipe.

Right after rows were read, those that overrides name are compared with the rows that were decided about. A kept row
passes its rule in the step that applies it; an edit is a step after the one that reads the row, or after the one it
names; dropped rows are removed at the recipe's ``takedowns``, or at the end.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.build.step import NamedRows, Read, Step
from pipelines.build.toml_text import toml_value
from quality.overrides import Override, Overrides, drop_overridden, edit_overridden, refuse_other_rows
from sources.errors import SabilaError
from sources.fields.json_model import Values

TABLE = "override"
"""Name of the tables of an overrides file: one ``[[override]]`` an entry."""


class OverridesError(SabilaError):
    """An overrides file that cannot be used: file, entry, field, value and what was expected."""

    exit_code = 2


def read_overrides(path: Path) -> tuple[Override, ...]:
    """Return the entries of an overrides file; ``OverridesError`` names the first one that is wrong."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OverridesError(
            f"{path} cannot be read ({error.strerror}); expected a TOML file of [[{TABLE}]] tables"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OverridesError(f"{path} is not a TOML file: {error}") from error
    if unknown := sorted(content.keys() - {TABLE}):
        raise OverridesError(f"{path}: found {unknown[0]!r}, expected only [[{TABLE}]] tables")
    listed = content.get(TABLE, [])
    if not isinstance(listed, list):
        raise OverridesError(f"{path}: {TABLE} is one table, expected [[{TABLE}]] with two brackets")
    return checked_overrides(listed, str(path))


def checked_overrides(listed: Sequence[Any], where: str) -> tuple[Override, ...]:
    """Return overrides from plain values of ``where``; ``OverridesError`` names the first one that is wrong."""
    entries: list[Override] = []
    seen: dict[tuple[str | None, ...], int] = {}
    for number, values in enumerate(listed, start=1):
        at = f"{where}: override {number}"
        entry = _entry(values, at)
        if (before := seen.setdefault(entry.key, number)) != number:
            raise OverridesError(f"{at} decides the same for {entry.id} as override {before}; remove one of them")
        entries.append(entry)
    dropped = {entry.id for entry in entries if entry.decision == "drop"}
    for number, entry in enumerate(entries, start=1):
        if entry.decision != "drop" and entry.id in dropped:
            raise OverridesError(
                f"{where}: override {number} says {entry.decision} of {entry.id}, but another one says drop; remove "
                "one of them"
            )
    return tuple(entries)


def _entry(values: Any, at: str) -> Override:
    fields = dict(values) if isinstance(values, dict) else {}
    if isinstance(fields.get("date"), datetime.date):
        fields["date"] = fields["date"].isoformat()
    named = f" ({fields['id']})" if isinstance(fields.get("id"), str) else ""
    try:
        return Override(**fields)
    except ValidationError as error:
        part = error.errors()[0]
        field = ".".join(map(str, part["loc"]))
        if part["type"] in ("missing", "missing_argument"):
            message = f"{field} is missing"
        elif part["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            known = ", ".join(Override.__dataclass_fields__)
            message = f"found {field!r}, expected some of {known}"
        elif part["type"] == "value_error":
            message = part["msg"].removeprefix("Value error, ")
        else:
            message = f"{field} is {part['input']!r}, expected {part['msg'].removeprefix('Input should be ')}"
        raise OverridesError(f"{at}{named}: {message}") from error


def to_toml(entries: Iterable[Override]) -> str:
    """Return entries as they are written in an overrides file."""
    parts = []
    for entry in entries:
        values: Values = {"id": entry.id, "decision": entry.decision, "step": entry.step, "rule": entry.rule}
        values |= {"field": entry.field, "text": entry.text, "reason": entry.reason, "by": entry.by}
        values["content"] = entry.content
        lines = [f"{name} = {toml_value(value)}" for name, value in values.items() if value is not None]
        date = [f"date = {entry.date}"] if entry.date else []
        parts.append("\n".join([f"[[{TABLE}]]", *lines, *date]))
    return "\n\n".join(parts) + "\n"


# --- in the steps --------------------------------------------------------------------------------------------------


def with_overrides(last: Step, entries: Sequence[Override]) -> Step:
    """Return the last step of a recipe whose steps apply these overrides."""
    if not entries:
        return last
    drops = Overrides(entries=tuple(entry for entry in entries if entry.decision == "drop"))
    known: dict[int, Step] = {}

    def visit(step: Step) -> Step:
        if id(step) not in known:
            known[id(step)] = changed(replace(step, inputs=tuple(map(visit, step.inputs))))
        return known[id(step)]

    def changed(step: Step) -> Step:
        if isinstance(step.work, NamedRows):
            return _dropping(step.name, drops, *step.inputs) if drops.entries else step
        passes = tuple(entry for entry in entries if entry.decision == "keep" and entry.step == step.name)
        edits = tuple(entry for entry in entries if entry.decision == "edit" and _edited_after(entry, step))
        name = step.name
        step = _checked(replace(step, passes=passes), entries)
        if not edits:
            return step
        return Step(
            name=f"edit-{name.removeprefix('read-')}",
            work=NamedRows(function=edit_overridden),
            config=Overrides(entries=edits),
            inputs=(step,),
        )

    overridden = visit(last)
    return _dropping("takedowns-last", drops, overridden) if drops.entries else overridden


def _checked(step: Step, entries: Sequence[Override]) -> Step:
    """Return a step that reads a source, with a check that its named rows are those decided about; any other as is."""
    own = tuple(entry for entry in entries if entry.needs_check and _names_row_of(entry, step))
    if not own:
        return step
    name = f"check-rows-{step.name.removeprefix('read-')}"
    return Step(name=name, work=NamedRows(function=refuse_other_rows), config=Overrides(entries=own), inputs=(step,))


def _names_row_of(entry: Override, step: Step) -> bool:
    return isinstance(step.work, Read) and entry.id.startswith(f"{step.work.corpus.name}:")


def _edited_after(entry: Override, step: Step) -> bool:
    if entry.step is not None:
        return entry.step == step.name
    return _names_row_of(entry, step)


def _dropping(name: str, drops: Overrides, *inputs: Step) -> Step:
    return Step(name=name, work=NamedRows(function=drop_overridden), config=drops, inputs=inputs)
