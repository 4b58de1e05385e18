"""A config read for a build: a recipe, values of its knobs, and own sources (``pipelines.build.config_text``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.own_files.own_sources import SourceSpec
from sources.fields.names import is_name
from sources.mapping.column_mapping import MappingError, read_toml
from sources.suggest import did_you_mean

KEYS = ("recipe", "name", "knobs", "source")

PLACES = ("file", "hub")
"""Keys of a source that say where it is; all others are those of its mapping."""


@dataclass(frozen=True, kw_only=True)
class RecipeConfig:
    """The content of a config: the recipe's name or file, values of its knobs, and own sources.

    ``name`` is that of its builds and releases, the recipe's where it is empty.
    """

    recipe: str
    name: str
    knobs: Mapping[str, Any]
    sources: Sequence[SourceSpec]


def read_recipe_config(path: Path) -> RecipeConfig:
    """Return the content of a config; ``MappingError`` for an invalid one."""
    values = read_toml(path)
    if unknown := sorted(values.keys() - set(KEYS)):
        hint = did_you_mean(unknown[0], KEYS)
        raise MappingError(f"{path}: found {unknown[0]!r}, expected some of {', '.join(KEYS)}{hint}")
    recipe, knobs, sources = values.get("recipe"), values.get("knobs", {}), values.get("source", {})
    if not isinstance(recipe, str):
        raise MappingError(f'{path}: recipe is {recipe!r}, expected the name of a recipe, as in recipe = "aloe_sft"')
    name = values.get("name", "")
    if not isinstance(name, str) or (name and not is_name(name)):
        raise MappingError(f"{path}: name is {name!r}, expected letters, digits and _ . + @ = -, as in clinic_set")
    if not isinstance(knobs, Mapping) or not isinstance(sources, Mapping):
        raise MappingError(f"{path}: expected the tables [knobs] and [source.NAME]")
    return RecipeConfig(
        recipe=str(path.parent / recipe) if recipe.endswith(".py") else recipe,
        name=name,
        knobs=dict(knobs),
        sources=[_spec(path, name, source) for name, source in sources.items()],
    )


def _spec(path: Path, name: str, source: Any) -> SourceSpec:
    where = f"{path}: source.{name}"
    if not isinstance(source, Mapping):
        raise MappingError(f"{where} is {source!r}, expected a table with file or hub")
    places = [source[place] for place in PLACES if place in source]
    if len(places) != 1 or not isinstance(places[0], str):
        raise MappingError(f'{where}: found {len(places)} of file and hub, expected one, as in file = "clinic.csv"')
    mapping = {key: value for key, value in source.items() if key not in PLACES}
    return SourceSpec(name=name, location=places[0], mapping=mapping or None, folder=path.parent, where=where)
