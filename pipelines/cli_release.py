"""The verbs on releases: freeze, trace, compare, check, show, hand on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.command import JSON, MIRROR, RELOCK, STORE, WORKERS, main, recipe_verb, told

if TYPE_CHECKING:
    from pipelines.recipe import Recipe


def version_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse what cannot name a version before any work is done for it."""
    from pipelines.manifest import ReleaseError
    from pipelines.release import check_version

    try:
        check_version(value)
    except ReleaseError as error:
        raise click.BadParameter(str(error)) from error
    return value


@recipe_verb(
    "release",
    STORE,
    MIRROR,
    RELOCK,
    WORKERS,
    click.option("--version", required=True, callback=version_name, help="The version to freeze, as in 2026.11.22."),
    JSON,
)
def release_verb(
    recipe: Recipe,
    values: dict[str, Any],
    store: Path,
    mirror: Path | None,
    relock: bool,
    workers: int,
    version: str,
    as_json: bool,
) -> None:
    """Build a recipe and freeze it as NAME@VERSION; a version whose content changed is refused."""
    from pipelines.release import release
    from pipelines.workbench import Workbench

    bench = Workbench.open(recipe, values, store=store, mirror=mirror, relock=relock)
    bench.build(workers=workers)
    manifest = release(bench, version)
    click.echo(json.dumps(manifest, indent=2) if as_json else bench.store.root / "releases" / recipe.name / version)


@main.command()
@click.argument("id")
@STORE
@click.option("--recipe", help="The recipe whose last build to look in.  [default: the one built last]")
@JSON
def trace(id: str, store: Path, recipe: str | None, as_json: bool) -> None:
    """Tell one row's life: file and line, every step's edits, or the step, reason and evidence of its end."""
    from pipelines.show import life_text
    from pipelines.trace import life

    events = told(lambda: life(id, store, recipe))
    click.echo(json.dumps(events, indent=2, ensure_ascii=False) if as_json else life_text(id, events))
