"""The mapping of a file: which column holds which field, and the facts of the file; a small TOML beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from sources.errors import SabilaError
from sources.fields.json_model import explain_errors
from sources.known_licenses import LICENSES
from sources.license import parts
from sources.record import ROLES, TASKS, ChainPrompt
from sources.source import is_held_out
from sources.suggest import did_you_mean

FORBID = ConfigDict(extra="forbid")

OWN_LICENSE = "LicenseRef-proprietary"
"""The licence of an own file that states none: its rows are never redistributed publicly."""

STATED = ("license", "license_read", "language")
"""Facts of a mapping that are written even where they are the default."""

GoldBase = Literal[0, 1, "letter", "text"]

SEVERAL = ("options", "meta")
"""Fields that several columns may fill."""


class MappingError(SabilaError):
    """A mapping that is missing, that cannot be read, or that the rows of its file contradict."""

    exit_code = 2


@checked(frozen=True, kw_only=True, config=FORBID)
class Columns:
    """The column of each field; None for a field that the file lacks.

    ``options`` is one column with a list (or a JSON list or object as text), or one column an option. ``chosen`` and
    ``rejected`` are the two replies of a preference pair. The columns of ``meta`` are kept as they are.
    """

    id: str | None = None
    question: str | None = None
    messages: str | None = None
    context: str | None = None
    options: str | tuple[str, ...] | None = None
    gold: str | None = None
    answer: str | None = None
    rationale: str | None = None
    chosen: str | None = None
    rejected: str | None = None
    language: str | None = None
    split: str | None = None
    subject: str | None = None
    license: str | None = None
    date: str | None = None
    meta: tuple[str, ...] = ()

    def named(self) -> dict[str, tuple[str, ...]]:
        """Return the columns of each field that has some."""
        given = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: (value,) if isinstance(value, str) else tuple(value) for name, value in given if value}


@checked(frozen=True, kw_only=True, config=FORBID)
class MessageKeys:
    """How a conversation is written: the keys of a turn's role and content, and what each role is called."""

    role: str = "role"
    content: str = "content"
    roles: Mapping[str, str] = field(default_factory=dict)


@checked(frozen=True, kw_only=True, config=FORBID)
class ColumnMapping:
    """How the rows of a file become records.

    - ``license``, ``license_read``: an SPDX id, and where it was read; the licence of the freest row
    - ``language``: ISO 639-1 code of the rows, unless a column names it
    - ``task``: by default mcqa with options, preference with a rejected reply, dialogue with messages, else qa
    - ``subject``: completes the instructions that are put before the questions
    - ``split``: the split of the rows, unless a column names it
    - ``gold_base``: how gold is written: 0 or 1 for positions that count from it, letter, or text of the option
    - ``gold_checked``: accept a gold that never is the first option
    - ``chain_prompt``: the prompt that generates chains of thought for multiple-choice rows
    - ``real_persons``: false where every person is invented; names are not masked then
    - ``passages``: the rows are passages, which need no answer since questions are written on them; so are those of
      documents, cut to ``passage_chars`` at least and at most
    """

    title: str = ""
    license: str = OWN_LICENSE
    license_read: str = "not stated"
    language: str = "en"
    task: str | None = None
    subject: str | None = None
    split: str = "train"
    gold_base: GoldBase | None = None
    gold_checked: bool = False
    chain_prompt: ChainPrompt | None = None
    real_persons: bool = True
    passages: bool = False
    passage_chars: tuple[int, int] = (300, 1_500)
    columns: Columns = field(default_factory=Columns)
    messages: MessageKeys = field(default_factory=MessageKeys)

    def __post_init__(self) -> None:
        for fault in (*_column_faults(self.columns, self.passages), *_fact_faults(self)):
            raise ValueError(fault)

    @property
    def row_task(self) -> str:
        """The task of the rows."""
        if self.task:
            return self.task
        if self.passages:
            return "passage"
        named = self.columns
        return "preference" if named.rejected else "mcqa" if named.options else "dialogue" if named.messages else "qa"

    def to_json(self) -> dict[str, Any]:
        """Return the values that are not those of an empty mapping, as JSON; the licence and language always."""
        empty = _without_empty({one.name: one.default for one in fields(self) if one.name not in STATED})
        values: dict[str, Any] = _without_empty(asdict(self))
        if self.messages == MessageKeys():
            del values["messages"]
        return {name: value for name, value in values.items() if value != empty.get(name, ...)}


def _column_faults(columns: Columns, passages: bool) -> Iterable[str]:
    """Yield what is wrong with the columns of a mapping, whatever its file holds."""
    if not columns.question and not columns.messages:
        yield "columns: found neither question nor messages, expected the column of one of them"
    if columns.question and columns.messages:
        yield (
            f"columns: question is {columns.question!r} and messages is {columns.messages!r}, two columns for the "
            "prompt; expected one of them"
        )
    if passages and not columns.context:
        yield "columns: found no context, expected the column of the passages"
    if not passages and not any((columns.answer, columns.options, columns.messages, columns.chosen)):
        yield "columns: found no answer, options, messages or chosen, expected what answers the question"
    if bool(columns.chosen) != bool(columns.rejected):
        yield "columns: chosen and rejected are a pair, expected both or neither"
    if columns.gold and not columns.options:
        yield f"columns: gold is {columns.gold!r} without options, expected the column or columns of the options"


def _fact_faults(mapping: ColumnMapping) -> Iterable[str]:
    least, most = mapping.passage_chars
    if not 1 <= least <= most:
        yield f"passage_chars: found {least}, {most}, expected the least and the most characters of a passage"
    columns = mapping.columns
    if columns.gold and mapping.gold_base is None:
        bases = ", ".join(map(str, get_args(GoldBase)))
        yield f"gold_base: nothing found, expected one of {bases}: how {columns.gold!r} names the right option"
    if mapping.gold_base is not None and not columns.gold:
        yield f"gold_base: found {mapping.gold_base!r} and no column for gold, expected both or neither"
    if mapping.task is not None and mapping.task not in TASKS:
        yield f"task: found {mapping.task!r}, expected one of {', '.join(TASKS)}{did_you_mean(mapping.task, TASKS)}"
    if is_held_out(mapping.split):
        yield (
            f"split: found {mapping.split!r}, expected a training split: held-out rows are never trained on; give "
            "them to sabila decontaminate --against"
        )
    if wrong := [role for role in mapping.messages.roles.values() if role not in ROLES]:
        yield f"messages.roles: found {wrong[0]!r}, expected one of {', '.join(ROLES)}"
    if unknown := [id for id in parts(mapping.license) if id not in LICENSES]:
        hint = did_you_mean(unknown[0], LICENSES) or f"; {OWN_LICENSE} where none is stated"
        yield f"license: found {unknown[0]!r}, expected an SPDX id that sabila licenses knows{hint}"


def _without_empty(value: Any) -> Any:
    """Return a JSON value without what is None or empty, in lists as they are."""
    if isinstance(value, Mapping):
        inner = {name: _without_empty(one) for name, one in value.items()}
        return {name: one for name, one in inner.items() if one is not None and one != {} and one != [] and one != ""}
    return [_without_empty(one) for one in value] if isinstance(value, list | tuple) else value


ADAPTER = TypeAdapter(ColumnMapping)


def column_mapping(values: Mapping[str, Any], where: str) -> ColumnMapping:
    """Return the mapping of some values, as TOML gives them; ``MappingError`` names ``where``, field and value."""
    known = {one.name for one in fields(ColumnMapping)}
    if unknown := sorted(values.keys() - known):
        hint = did_you_mean(unknown[0], known)
        if unknown[0] in {one.name for one in fields(Columns)}:
            hint = "; it is the name of a column's field: write it under [columns]"
        raise MappingError(f"{where}: found {unknown[0]!r}, expected some of {', '.join(sorted(known))}{hint}")
    columns = values.get("columns")
    names = {one.name for one in fields(Columns)}
    if isinstance(columns, Mapping) and (unknown := sorted(columns.keys() - names)):
        hint = did_you_mean(unknown[0], names)
        raise MappingError(f"{where}: columns: found {unknown[0]!r}, expected some of {', '.join(sorted(names))}{hint}")
    try:
        return ADAPTER.validate_python(dict(values))
    except ValidationError as error:
        raise MappingError(f"{where}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    own = [part["msg"].removeprefix("Value error, ") for part in error.errors() if part["type"] == "value_error"]
    return own[0] if own else explain_errors(error)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the values of a TOML file; ``MappingError`` where it is none, as with a key that is given twice."""
    if not path.is_file():
        siblings = [one.name for one in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        raise MappingError(f"{path} is not there, expected a TOML file{did_you_mean(path.name, siblings)}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MappingError(f"{path} is not readable TOML: {reason}; each key may be given once") from error
