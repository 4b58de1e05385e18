"""Prompt files with several turns, each after a line such as ``[[system]]`` or ``[[user]]``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, Template, meta

from sources.record import ROLES, Message
from synth.prompting import prompt_files

SWITCHES = frozenset({"given", "lettered"})
"""Values that are true or false; a turn that uses these alone is the same for thousands of rows."""

MARK = re.compile(r"^\[\[(\w+)\]\]\n", re.MULTILINE)


def render_turns(name: str, **values: Any) -> tuple[Message, ...]:
    """Return the turns of the prompt file ``name`` with ``values`` filled in; a missing value raises.

    The file is split into turns before values are filled in, so that no value can add a turn.
    """
    switches = tuple((key, values[key]) for key in sorted(SWITCHES & values.keys()))
    return tuple(
        _switched(name, place, switches) if turn.switched else turn.message(values)
        for place, turn in enumerate(_turns(name))
    )


@cache
def digest(name: str) -> str:
    """Return a hash of the prompt file ``name`` and of the files it takes parts from."""
    source = _source(name)
    hashed = hashlib.sha256(source.encode())
    for part in sorted(filter(None, meta.find_referenced_templates(Environment().parse(source)))):
        hashed.update(digest(part).encode())
    return hashed.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """One turn; ``switched`` if it uses no values but switches, as worked examples do."""

    role: str
    template: Template
    switched: bool

    def message(self, values: Mapping[str, Any]) -> Message:
        return Message(self.role, self.template.render(**values).strip())


@cache
def _switched(name: str, place: int, switches: tuple[tuple[str, bool], ...]) -> Message:
    """Return a turn that is the same for all rows; it is filled in once for each position of the switches."""
    return _turns(name)[place].message(dict(switches))


@cache
def _turns(name: str) -> tuple[_Turn, ...]:
    head, *parts = MARK.split(_source(name))
    if not parts or (unknown := set(parts[::2]) - set(ROLES)):
        roles = sorted(unknown) if parts else "no turn"
        raise ValueError(f"prompt file {name} has {roles}, expected lines [[system]], [[user]] or [[assistant]]")
    turns = []
    for role, text in zip(parts[::2], parts[1::2], strict=True):
        variables = meta.find_undeclared_variables(Environment().parse(head + text))
        turns.append(_Turn(role=role, template=prompt_files.template(head + text), switched=variables <= SWITCHES))
    return tuple(turns)


def _source(name: str) -> str:
    return (prompt_files.FOLDER / name).read_text(encoding="utf-8")
