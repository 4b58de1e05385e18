"""Recipes: found by name or path, called with checked values."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import cloudpickle
from pydantic import ConfigDict, ValidationError, create_model

from pipelines.step import Step

SHIPPED = Path(__file__).parent / "recipes"


class RecipeError(Exception):
    """A recipe that is not there or is none, or a value that it does not take: field, value, expectation."""


@dataclass(frozen=True)
class Recipe:
    """A recipe by name: the function that returns its last step, the lock's folder, and its own mirror if any."""

    name: str
    function: Callable[..., Step]
    folder: Path
    mirror: Path | None = None

    @property
    def summary(self) -> str:
        """The first line of the recipe's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def knobs(self) -> dict[str, Any]:
        """The recipe's keyword arguments and their defaults."""
        return {name: p.default for name, p in inspect.signature(self.function).parameters.items()}

    def bind(self, values: Mapping[str, Any]) -> Step:
        """Return the last step for these values, texts allowed. Raises ``RecipeError`` naming every bad field."""
        if unknown := sorted(set(values) - set(self.knobs)):
            raise RecipeError(f"{unknown[0]}: got {values[unknown[0]]!r}, expected one of {', '.join(self.knobs)}")
        hints = get_type_hints(self.function, include_extras=True)
        fields: dict[str, Any] = {name: (hints.get(name, Any), default) for name, default in self.knobs.items()}
        model = create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)
        try:
            checked = model(**{name: _listed(value, hints.get(name, Any)) for name, value in values.items()})
        except ValidationError as error:
            raise RecipeError("; ".join(map(_explain, error.errors()))) from error
        try:
            return self.function(**{name: getattr(checked, name) for name in self.knobs})
        except ValueError as error:
            raise RecipeError(str(error)) from error


def _listed(value: Any, hint: Any) -> Any:
    """Cut a text at its commas where a recipe takes several values."""
    kinds = {get_origin(kind) for kind in (hint, *get_args(hint))}
    return tuple(value.split(",")) if isinstance(value, str) and tuple in kinds else value


def _explain(error: Any) -> str:
    field = ".".join(map(str, error["loc"]))
    message = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{field}: got {error['input']!r}, expected {message}"


def shipped() -> list[str]:
    """Return the names of the recipes that come with sabila."""
    return sorted(path.stem for path in SHIPPED.glob("*.py") if path.stem != "__init__")


def load(name: str) -> Recipe:
    """Return a shipped recipe by its name, or the one in a file by its path; ``RecipeError`` lists what there is."""
    if name in shipped():
        module = importlib.import_module(f"pipelines.recipes.{name}")
        return Recipe(name, module.recipe, Path.cwd(), getattr(module, "MIRROR", None))
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        raise RecipeError(f"recipe: got {name!r}, expected one of {', '.join(shipped())}, or the path of a .py file")
    module = _module(path)
    if not callable(getattr(module, "recipe", None)):
        raise RecipeError(f"recipe: got {name!r}, expected a file that defines a function called recipe")
    return Recipe(path.stem, module.recipe, path.absolute().parent, getattr(module, "MIRROR", None))


def _module(path: Path) -> ModuleType:
    name = f"recipe_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RecipeError(f"recipe: {path} cannot be imported: {type(error).__name__}: {error}") from error
    cloudpickle.register_pickle_by_value(module)  # workers cannot import it
    return module
