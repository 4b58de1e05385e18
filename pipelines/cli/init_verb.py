"""The verb that writes the files of a new set: the mapping of an own file, or the config of a recipe."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.shared_options import STORE, main
from pipelines.cli.source_options import resolve
from pipelines.terminal import echo


@main.command()
@click.argument("what", metavar="FILE|RECIPE")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME=FILE",
    help="Own source to write into the config of a recipe; may be given several times.  [default: none]",
)
@click.option(
    "--out",
    type=FilePath(dir_okay=False),
    help="Path of the file to write.  [default: the mapping beside FILE, as clinic.toml for clinic.csv; RECIPE.toml]",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@STORE
def init(what: str, sources: tuple[str, ...], out: Path | None, overwrite: bool, store: Path) -> None:
    """Write the mapping of an own file, or the config of a recipe.

    For a FILE, a folder or hf://datasets/ORG/NAME@REVISION:CONFIG/SPLIT, it proposes which column holds what, shows
    three mapped rows, and writes the mapping as TOML. Check it: gold_base and language above all.

    For a RECIPE, it writes every knob with its help and default, and the sources given, for sabila build --config.
    """
    from sources.atomic import write_bytes

    path, text, shown = _recipe_config(what, sources, store) if _is_recipe(what) else _mapping(what, sources, store)
    path = out or path
    if path.exists() and not overwrite:
        raise click.UsageError(f"{path} exists; give --overwrite to replace it, or another file with --out")
    write_bytes(path, text.encode())
    if shown:
        echo(text)
        echo(shown)
    echo(path)


def _is_recipe(what: str) -> bool:
    from pipelines.build.recipe import shipped

    return what in shipped() or what.endswith(".py")


def _mapping(location: str, sources: tuple[str, ...], store: Path) -> tuple[Path, str, str]:
    from pipelines.build.recipe import shipped
    from pipelines.own_files.own_sources import propose_mapping
    from sources.fetch.hub_files import HUB
    from sources.suggest import did_you_mean

    if sources:
        raise click.UsageError("--source is for a RECIPE, as in sabila init aloe_sft --source clinic=clinic.csv")
    name = location.partition("=")[2] or location
    if not location.startswith(HUB) and not Path(name).exists():
        known = ", ".join(shipped())
        hint = did_you_mean(location, shipped())
        raise click.UsageError(f"found neither a file {location} nor a recipe of that name ({known}){hint}")
    proposal = propose_mapping(location, store / "raw")
    return proposal.path, proposal.text, proposal.rows


def _recipe_config(name: str, sources: tuple[str, ...], store: Path) -> tuple[Path, str, str]:
    from pipelines.build.config_text import commented_config
    from pipelines.build.recipe import load
    from pipelines.own_files.own_sources import parse_spec

    recipe = load(name)
    if sources and not recipe.takes_own_sources:
        raise click.UsageError(f"{name} takes no own sources, expected aloe_sft, aloe_dpo or medqa_cot with --source")
    values = {"source": resolve([parse_spec(text) for text in sources], {"store": store})} if sources else {}
    path = Path(f"{recipe.name}.toml")
    return path, commented_config(recipe, values, f"Build it with: sabila build --config {path}"), ""
