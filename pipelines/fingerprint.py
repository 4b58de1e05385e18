"""Names for what a step does: a hash of its code, its config and what it reads, equal on any machine."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDERS = ("sources", "quality", "synth", "training", "pipelines")


def fingerprint(identity: Any) -> str:
    """Return sixteen hexadecimal digits for a value made of JSON; ``TypeError`` for anything else."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def plain(config: Any) -> Any:
    """Return a config as JSON values; a value without a stable form is refused rather than written as text."""
    value = dataclasses.asdict(config) if dataclasses.is_dataclass(config) and not isinstance(config, type) else config
    try:
        return json.loads(json.dumps(value, sort_keys=True))
    except TypeError as error:
        raise TypeError(f"config {config!r} is not made of JSON values: {error}") from error


def code_hash(*functions: Callable[..., Any]) -> str:
    """Return a hash of the modules that define ``functions`` and of all of ours that these import.

    A changed rule or connector thus renames its own steps and those after them, and no others. The values that a
    ``functools.partial`` binds count too; ``TypeError`` for one that is not made of JSON.
    """
    modules: set[str] = set()
    bound: list[Any] = []
    for function in functions:
        while isinstance(function, partial):
            bound.append(plain([function.args, function.keywords]))
            function = function.func
        modules |= _closure(function.__module__)
    return fingerprint([*([name, _text(name)] for name in sorted(modules)), *bound])


def code_modules(*functions: Callable[..., Any]) -> dict[str, str]:
    """Return the modules that ``code_hash`` looks at, each with a hash of its text."""
    modules: set[str] = set()
    for function in functions:
        while isinstance(function, partial):
            function = function.func
        modules |= _closure(function.__module__)
    return {name: fingerprint(_text(name)) for name in sorted(modules)}


@cache
def _closure(module: str) -> frozenset[str]:
    found, waiting = set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(name)
    return frozenset(found)


@cache
def _imports(module: str) -> tuple[str, ...]:
    if not _path(module):
        return ()
    names = []
    for node in ast.walk(ast.parse(_text(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return tuple(name for name in names if name.split(".")[0] in FOLDERS and _path(name))


@cache
def _text(module: str) -> str:
    path = _path(module)
    return path.read_text(encoding="utf-8") if path else ""


@cache
def _path(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None
