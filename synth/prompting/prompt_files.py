"""Prompts as files: jinja2 templates and lists under ``synth/prompts``, read, rendered and hashed."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

FOLDER = Path(__file__).parents[1] / "prompts"


def render(name: str, **values: Any) -> str:
    """Return the prompt file ``name`` with ``values`` filled in; a missing value raises."""
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
    """Return a hash of these files and of all files in these folders, for configs that depend on prompts."""
    hashed = hashlib.sha256()
    named = [FOLDER / place for place in places]
    files = [file for place in named for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file()]
    for path in sorted(files):
        content = path.read_bytes()
        hashed.update(f"{path.relative_to(FOLDER).as_posix()}\0{len(content)}\0".encode() + content)
    return hashed.hexdigest()[:16]


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
