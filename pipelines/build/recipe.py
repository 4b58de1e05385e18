"""Recipes: found by name or path, called with checked values."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import cloudpickle
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from pipelines.build.step import Step
from sources.errors import SabilaError
from sources.fields.names import is_name
from sources.mapping.own_source import OwnSource
from sources.releases.manifest_model import RecipeFacts
from sources.suggest import did_you_mean
from synth.teachers.teacher import TeacherError

SHIPPED = Path(__file__).parents[1] / "recipes"


class RecipeError(SabilaError):
    """A missing or invalid recipe, or an invalid value: field, value, expectation."""

    exit_code = 2


@dataclass(frozen=True)
class Recipe:
    """A recipe by name: the function that returns its last step, the lock's folder, and its own mirror if any.

    ``name`` is that of its builds and releases; ``loaded_as`` is the recipe's own where a config names them otherwise.
    """

    name: str
    function: Callable[..., Step]
    folder: Path
    mirror: Path | None = None
    loaded_as: str | None = None

    def named(self, name: str) -> Recipe:
        """Return the recipe with another name of its builds and releases."""
        return replace(self, name=name, loaded_as=self.name) if name != self.name else self

    @property
    def summary(self) -> str:
        """The first line of the recipe's docstring, without the backquotes."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0].replace("``", "")

    @property
    def about(self) -> str:
        """The recipe's docstring up to its ``Args:``, without the backquotes."""
        return (inspect.getdoc(self.function) or "").partition("\nArgs:\n")[0].replace("``", "").strip()

    @property
    def knob_help(self) -> dict[str, str]:
        """The help of each keyword argument: from ``Args:`` of the recipe's docstring, else from the shared knob."""
        listed = (inspect.getdoc(self.function) or "").partition("\nArgs:\n")[2]
        entries = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", listed, re.MULTILINE)
        own = {name: " ".join(text.replace("``", "").split()) for name, text in entries}
        hints = get_type_hints(self.function, include_extras=True)
        return {name: text for name in self.knobs if (text := own.get(name) or _description(hints.get(name, Any)))}

    @property
    def lists(self) -> frozenset[str]:
        """The keyword arguments that take several values."""
        hints = get_type_hints(self.function)
        return frozenset(name for name in self.knobs if get_origin(hints.get(name)) is tuple)

    @property
    def takes_own_sources(self) -> bool:
        """Whether the recipe has the knob for own files and sets of the Hub, ``source: knobs.OwnSources``."""
        return bool(get_type_hints(self.function).get("source") == tuple[OwnSource, ...])

    @property
    def shapes(self) -> dict[str, str]:
        """The form of each keyword argument's value: its choices, ``INTEGER``, ``NUMBER``, ``TEXT`` or ``FLAG``."""
        hints = get_type_hints(self.function)
        return {name: _shape(hints.get(name, Any)) for name in self.knobs}

    @property
    def knobs(self) -> dict[str, Any]:
        """The recipe's keyword arguments and their defaults."""
        return {name: p.default for name, p in inspect.signature(self.function).parameters.items()}

    def identity(self) -> RecipeFacts:
        """Return the manifest's entry of the recipe: its name, whether sabila ships it, and the hash of its file."""
        file = Path(inspect.getsourcefile(self.function) or "")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        facts = RecipeFacts(name=self.loaded_as or self.name, shipped=file.parent == SHIPPED, file_sha256=digest)
        return facts.with_values(released_as=self.name) if self.loaded_as else facts

    def bind(self, values: Mapping[str, Any]) -> Step:
        """Return the last step for these values, texts allowed. Raises ``RecipeError`` naming every bad field."""
        if unknown := sorted(set(values) - set(self.knobs)):
            hint = did_you_mean(unknown[0], self.knobs)
            raise RecipeError(
                f"{unknown[0]}: got {values[unknown[0]]!r}, expected one of {', '.join(self.knobs)}{hint}"
            )
        hints = get_type_hints(self.function, include_extras=True)
        checked, wrong = {}, []
        for name, value in values.items():
            try:
                checked[name] = _checked(value, hints.get(name, Any))
            except ValidationError as error:
                wrong += [_explain(part, name) for part in error.errors()]
        if wrong:
            raise RecipeError("; ".join(wrong))
        return self._call(checked)

    def _call(self, values: dict[str, Any]) -> Step:
        try:
            step = self.function(**values)
        except ValidationError as error:
            raise RecipeError("; ".join(map(_explain, error.errors()))) from error
        except (ValueError, TeacherError) as error:
            raise RecipeError(str(error)) from error
        if not isinstance(step, Step):
            raise RecipeError(f"recipe: {self.name} returned {step!r}, expected its last Step")
        return step


FLAG = "FLAG"
"""The shape of a keyword argument that is true or false."""


def _description(hint: Any) -> str:
    """Return the description in the type of a shared knob (``pipelines.build.knobs``), empty where it has none."""
    facts = (fact for fact in getattr(hint, "__metadata__", ()) if isinstance(fact, FieldInfo))
    return next((fact.description for fact in facts if fact.description), "")


def _shape(hint: Any) -> str:
    if hint is bool:
        return FLAG
    kinds = [kind for kind in (hint, *get_args(hint)) if kind in (int, float) or get_origin(kind) is Literal]
    if get_origin(hint) is tuple or not kinds:
        return "TEXT"
    return (
        "|".join(get_args(kinds[0])) if get_origin(kinds[0]) is Literal else {int: "INTEGER", float: "NUMBER"}[kinds[0]]
    )


def _checked(value: Any, hint: Any) -> Any:
    """Return ``value`` in the type of a recipe's type hint: a text is parsed, anything else must be of that type."""
    kinds = {get_origin(kind) for kind in (hint, *get_args(hint))}
    parsed = isinstance(value, str)
    if tuple in kinds and isinstance(value, str | list):
        value = tuple(value.split(",") if isinstance(value, str) else value)
    return TypeAdapter(hint).validate_python(value, strict=not parsed)


def _explain(error: Any, *within: str) -> str:
    field = ".".join(map(str, (*within, *error["loc"])))
    message = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{field}: got {error['input']!r}, expected {message}"


def shipped() -> list[str]:
    """Return the names of the recipes shipped with sabila."""
    return sorted(path.stem for path in SHIPPED.glob("*.py") if path.stem != "__init__")


def load(name: str) -> Recipe:
    """Return a shipped recipe by its name, or one by the path of its file; ``RecipeError`` lists the known ones."""
    if name in shipped():
        module = importlib.import_module(f"pipelines.recipes.{name}")
        return Recipe(name, module.recipe, Path.cwd(), getattr(module, "MIRROR", None))
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        hint = did_you_mean(name, shipped())
        raise RecipeError(
            f"recipe: got {name!r}, expected one of {', '.join(shipped())}, or the path of a .py file{hint}"
        )
    if not is_name(path.stem):
        raise RecipeError(
            f"recipe: {path} is called {path.stem!r}, expected letters, digits and _ . + @ = - in the name of its "
            "file, since its releases are named after it"
        )
    module = _module(path)
    if not callable(getattr(module, "recipe", None)):
        raise RecipeError(f"recipe: got {name!r}, expected a file that defines a function called recipe")
    for knob, parameter in inspect.signature(module.recipe).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY or parameter.default is parameter.empty:
            raise RecipeError(f"recipe: {path} takes {knob!r}, expected only keyword arguments with defaults")
    return Recipe(path.stem, module.recipe, path.absolute().parent, getattr(module, "MIRROR", None))


def _module(path: Path) -> ModuleType:
    """Import the file under a name that changes with its content, since fingerprints refer to code by module name."""
    name = f"recipe_{path.stem}_{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
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
