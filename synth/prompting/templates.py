"""Prompts as files: jinja2 templates and lists under ``synth/prompts``, read, rendered and hashed."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

FOLDER = Path(__file__).parents[1] / "prompts"


def render(name: str, **values: Any) -> str:
    """Return the prompt file ``name`` with ``values`` filled in; a value it asks for and lacks raises."""
    return _environment().get_template(name).render(**values).strip()


@cache
def template(text: str) -> Template:
    """Return a template made of ``text``, one line of a list."""
    return _environment().from_string(text)


@cache
def lines(name: str) -> tuple[str, ...]:
    """Return the lines of the list ``name`` that are not blank."""
    return tuple(line for line in (FOLDER / name).read_text(encoding="utf-8").splitlines() if line.strip())


@cache
def names(folder: str, ending: str) -> tuple[str, ...]:
    """Return the names of the files in ``folder`` without ``ending``, sorted."""
    return tuple(sorted(path.name.removesuffix(ending) for path in (FOLDER / folder).glob(f"*{ending}")))


def digest(*places: str) -> str:
    """Return a hash of these files, and of all files in these folders: a config that holds it changes with a prompt."""
    hashed = hashlib.sha256()
    for path in sorted(file for place in places for file in _files(FOLDER / place)):
        content = path.read_bytes()
        hashed.update(f"{path.relative_to(FOLDER).as_posix()}\0{len(content)}\0".encode() + content)
    return hashed.hexdigest()[:16]


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
