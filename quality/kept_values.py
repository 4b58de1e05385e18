"""Values that are costly to make and serve all rows of a step: made once, in files that every process maps.

A value is a dataclass or named tuple of arrays, tables and numbers, or of such. What processes only read of the files
is in memory once for all of them.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import shutil
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from quality.mapped_tables import mapped, write_mapped
from sources.atomic import open_lock, own_number, publish_folder, sync, write_json, writing

Value = TypeVar("Value")

NUMBERS = "numbers.json"
"""The file of a value's plain numbers; it is written last."""

_FOLDER: ContextVar[Path | None] = ContextVar("kept values", default=None)


@contextmanager
def keeping_in(folder: Path) -> Iterator[None]:
    """Have the values that are made within kept in ``folder``, whose name stands for all that they are made of."""
    token = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(token)


def kept(kind: type[Value], make: Callable[[], Value]) -> Value:
    """Return the value of the current folder, made first where it is not there; without a folder it is made.

    Of several processes one makes it, and the others wait. Raises ``WriteError``.
    """
    folder = _FOLDER.get()
    if folder is None:
        return make()
    if not (folder / NUMBERS).exists():
        with open_lock(folder.with_name(f"{folder.name}.lock")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / NUMBERS).exists():
                _write(make(), folder)
    value: Value = _read(kind, "value", folder, json.loads((folder / NUMBERS).read_text(encoding="utf-8")))
    return value


def _write(value: Any, folder: Path) -> None:
    """Write a value to ``folder``, which is there when it is complete; no other process writes it."""
    for left in folder.parent.glob(f"{folder.name}.*.tmp"):
        shutil.rmtree(left)  # of a process that was killed
    partial = folder.with_name(f"{folder.name}.{own_number()}.tmp")
    with writing(folder):
        partial.mkdir(parents=True)
        try:
            numbers: dict[str, Any] = {}
            for name, part in _parts(value, "value"):
                if isinstance(part, np.ndarray):
                    np.save(partial / f"{name}.npy", part)
                elif isinstance(part, pl.DataFrame):
                    write_mapped(part, partial / f"{name}.arrow")
                else:
                    numbers[name] = part
            write_json(partial / NUMBERS, numbers)
            for file in partial.iterdir():
                sync(file)
            publish_folder(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _parts(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the arrays, tables and numbers of a value, by name."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _parts(getattr(value, field.name), f"{name}.{field.name}")
    elif isinstance(value, tuple):
        for number, part in enumerate(value):
            yield from _parts(part, f"{name}.{number}")
    else:
        yield name, value


def _read(kind: Any, name: str, folder: Path, numbers: dict[str, Any]) -> Any:
    """Return a value of a type from the files of its parts."""
    if typing.get_origin(kind) is np.ndarray:
        return _array(folder / f"{name}.npy")
    if kind is pl.DataFrame:
        return mapped(folder / f"{name}.arrow")
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        of = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
        return kind(**{part: _read(inner, f"{name}.{part}", folder, numbers) for part, inner in of.items()})
    if typing.get_origin(kind) is tuple:
        return tuple(_read(inner, f"{name}.{n}", folder, numbers) for n, inner in enumerate(typing.get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, tuple):
        hints = typing.get_type_hints(kind)
        return kind(*(_read(inner, f"{name}.{n}", folder, numbers) for n, inner in enumerate(hints.values())))
    return numbers[name]


def _array(path: Path) -> Any:
    """Return a mapped array as one in memory is: writable, which changes no file; compiled code is made for that."""
    array = np.load(path, mmap_mode=None if path.stat().st_size < 4096 else "c")
    return np.asarray(array)
