"""Packages that can be called: ``pipelines.build`` is a room of modules, and the function that builds a recipe.

A name below ``pipelines`` is one thing to Python, and a package that is imported takes it from a function of that name.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


class CallableRoom(ModuleType):
    """A package that passes a call on to the function of its name in ``pipelines.api.functions``."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function."""
        return self.__wrapped__(*arguments, **options)

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        from pipelines.api import functions

        function: Callable[..., Any] = getattr(functions, self.__name__.rpartition(".")[2])
        return function

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.__wrapped__)

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.__wrapped__.__doc__


def make_callable(package: str) -> None:
    """Make a package callable; its ``__init__`` calls this with its name."""
    sys.modules[package].__class__ = CallableRoom
