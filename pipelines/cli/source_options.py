"""Own sources and configs on the command line; on a terminal, a proposed mapping is confirmed first."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.file_path import FilePath
from pipelines.terminal import echo

if TYPE_CHECKING:
    from pipelines.build.recipe import Recipe
    from pipelines.own_files.own_sources import Confirm
    from pipelines.own_files.recipe_config import RecipeConfig

SOURCE = "source"
"""The knob of recipes that takes own sources."""

CONFIG_KEY = "sabila.config"
"""Key of the config in click's context."""

CONFIG = click.option(
    "--config",
    "config_file",
    type=FilePath(dir_okay=False),
    help="TOML with a recipe, its knobs and own sources, in place of RECIPE; options on the command line take "
    "precedence. sabila init RECIPE writes one.  [default: none]",
)


def take_config(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    """Return the arguments without ``--config FILE``, and the file."""
    rest, path = list[str](), None
    waiting = iter(arguments)
    for one in waiting:
        if one == "--config":
            path = next(waiting, None)
            if path is None:
                raise click.UsageError("--config needs a file, as in --config set.toml")
        elif one.startswith("--config="):
            path = one.partition("=")[2]
        else:
            rest.append(one)
    return rest, Path(path) if path is not None else None


def resolved_values(
    recipe: Recipe,
    values: dict[str, Any],
    source_specs: Sequence[str],
    config: RecipeConfig | None,
    options: dict[str, Any],
) -> dict[str, Any]:
    """Return the values of a call: those of the config, those of the command line, and own sources resolved."""
    specs = list(config.sources) if config else []
    if source_specs:
        from pipelines.own_files.own_sources import parse_spec

        mapped = {spec.name: spec for spec in specs}
        for spec in map(parse_spec, source_specs):
            # A source of the config keeps its mapping, and is read from the new location.
            known = mapped.get(spec.name, spec)
            mapped[spec.name] = replace(spec, mapping=known.mapping, where=known.where)
        specs = list(mapped.values())
    merged = {**(config.knobs if config else {}), **values}
    if specs and not recipe.takes_own_sources:
        raise click.UsageError(
            f"{recipe.name} takes no own sources, expected a recipe with the knob source, as aloe_sft, aloe_dpo and "
            "medqa_cot"
        )
    return {**merged, "source": resolve(specs, options)} if specs else merged


def resolve(specs: Sequence[Any], options: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the definitions of own sources, given the options of a verb: store, mirror and relock."""
    from pipelines.own_files.own_sources import resolve_sources, unread_files

    definitions = resolve_sources(
        specs,
        raw=(options.get("store") or Path("store")) / "raw",
        mirror=options.get("mirror"),
        renew=bool(options.get("relock")),
        confirm=_confirmation(),
    )
    for line in unread_files(definitions):
        echo(line, err=True)
    return definitions


def _confirmation() -> Confirm | None:
    """Return the function that asks whether to write a proposed mapping; None without a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def confirm(proposal: str, path: Path) -> bool:
        echo(proposal, err=True)
        return click.confirm(f"Write this mapping to {path} and use it?", err=True)

    return confirm
