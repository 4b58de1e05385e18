"""Prompt files that hold a conversation: every turn begins with a line ``[[system]]``, ``[[user]]`` or such."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import Any

from jinja2 import Environment, Template, meta

from sources.record import ROLES, Message
from synth import prompt_files

MARK = re.compile(r"^\[\[(\w+)\]\]\n", re.MULTILINE)


def conversation(name: str, **values: Any) -> tuple[Message, ...]:
    """Return the turns of the prompt file ``name`` with ``values`` filled in; a value it asks for and lacks raises.

    Turns are parted before anything is filled in, so that no value can add one.
    """
    return tuple(Message(role, template.render(**values).strip()) for role, template in _turns(name))


@cache
def digest(name: str) -> str:
    """Return a hash of the prompt file ``name`` and of the files it takes parts from."""
    source = _source(name)
    hashed = hashlib.sha256(source.encode())
    for part in sorted(filter(None, meta.find_referenced_templates(Environment().parse(source)))):
        hashed.update(digest(part).encode())
    return hashed.hexdigest()[:16]


@cache
def _turns(name: str) -> tuple[tuple[str, Template], ...]:
    head, *parts = MARK.split(_source(name))
    if not parts or (unknown := set(parts[::2]) - set(ROLES)):
        found = sorted(unknown) if parts else "no turn"
        raise ValueError(f"prompt file {name} has {found}, expected lines [[system]], [[user]] or [[assistant]]")
    return tuple((role, prompt_files.template(head + text)) for role, text in zip(parts[::2], parts[1::2], strict=True))


def _source(name: str) -> str:
    return (prompt_files.FOLDER / name).read_text(encoding="utf-8")
