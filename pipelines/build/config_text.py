"""A recipe, its knobs and its own sources as one TOML text, which ``sabila build --config`` reads."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from pipelines.build.recipe import Recipe
from pipelines.build.toml_text import mapping_text, toml_key, toml_value
from sources.mapping.own_source import OWN_FILE, own_source

SOURCE = "source"
"""The knob of recipes that takes own sources."""


def own_values(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the definitions of own sources among the values of a recipe; none for a knob of another kind."""
    value = values.get(SOURCE)
    listed = value if isinstance(value, list | tuple) else []
    return [one for one in listed if isinstance(one, dict) and {"name", "home", "mapping"} <= one.keys()]


def config_text(recipe: str, name: str, values: Mapping[str, Any], title: str) -> str:
    """Return a config with these values of a recipe's knobs, its own sources, and the name of its releases."""
    own = own_values(values)
    knobs = [_knob(knob, value) for knob, value in values.items() if knob != SOURCE or not own]
    return _whole(recipe, [f"name = {toml_value(name)}"], knobs, values, title)


def commented_config(recipe: Recipe, values: Mapping[str, Any], title: str) -> str:
    """Return a config with every knob of a recipe: its help, and its value or, as a comment, its default."""
    knobs = []
    for name, default in recipe.knobs.items():
        if name == SOURCE and recipe.takes_own_sources:
            continue
        help = "\n".join(f"# {line}" for line in textwrap.wrap(recipe.knob_help.get(name, ""), 110))
        unset = toml_value(default) if default is not None else f'"{recipe.shapes[name]}"'
        own = _knob(name, values[name]) if name in values else f"# {toml_key(name)} = {unset}"
        knobs.append(f"{help}\n{own}\n" + ("" if default is not None or name in values else "# (unset by default)\n"))
    about = "# The name of the builds and releases of this config, where it is not the recipe's:"
    named = [about, f"# name = {toml_value(f'my_{recipe.name}')}"]
    return _whole(recipe.name, named, knobs, values, f"{title}\n# {recipe.summary}")


def _knob(name: str, value: Any) -> str:
    return f"{toml_key(name)} = {toml_value(value)}"


def _whole(recipe: str, name: list[str], knobs: list[str], values: Mapping[str, Any], title: str) -> str:
    tables = [f"\n{_source_table(one)}" for one in own_values(values)]
    head = [f"# {title}", "", f"recipe = {toml_value(recipe)}", *name]
    return "\n".join([*head, "", "[knobs]", *knobs, *tables]).rstrip() + "\n"


def _source_table(value: Mapping[str, Any]) -> str:
    """Return an own source as a table, with its mapping."""
    source = own_source(value)
    if source.home.startswith(OWN_FILE):
        place = {"file": source.path or source.home.removeprefix(OWN_FILE)}
    else:
        place = {"hub": f"{source.home}@{source.revision}:{source.files[0]}"}
    table = f"source.{toml_key(source.name)}"
    return f"[{table}]\n{mapping_text({**place, **source.mapping.to_json()}, table=f'{table}.')}"


def shown_values(values: Mapping[str, Any]) -> str:
    """Return the values of knobs as one line; an own source by its name and file."""
    own = [f"{SOURCE}={one['name']}={one['home'].removeprefix(OWN_FILE)}" for one in own_values(values)]
    shown = {name: value for name, value in values.items() if name != SOURCE or not own}
    return ", ".join([*(f"{name}={value}" for name, value in shown.items()), *own])
