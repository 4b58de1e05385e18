"""The command line: a verb, its help, one call into the library. Results on stdout, progress on stderr."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipelines.recipe import Recipe
    from pipelines.spending import Spending

STORE = click.option("--store", type=click.Path(path_type=Path), default=Path("store"), help="Where steps are kept.")
MIRROR = click.option(
    "--mirror",
    envvar="SABILA_MIRROR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Read raw files from this folder, one folder a corpus, instead of the Hub.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sabila")
def main() -> None:
    """Build medical training datasets whose every row can say where it came from, and every missing row why."""


def failures() -> tuple[type[Exception], ...]:
    """Return what a user can cause: told in one line, exit code 1."""
    from pipelines.lock import LockError
    from pipelines.pool import WorkerDiedError
    from pipelines.release import ReleaseError
    from pipelines.shard import LostRowsError
    from pipelines.spending import BudgetReachedError
    from pipelines.store import StoreError
    from pipelines.tables import TableError
    from pipelines.trace import TraceError
    from sources.files import FileError
    from sources.hub import HubError
    from sources.mirror import MissingCorpusError
    from synth.teacher import TeacherError

    of_builds = (LockError, LostRowsError, ReleaseError, StoreError, TableError, TraceError, WorkerDiedError)
    of_teachers = (BudgetReachedError, TeacherError)
    return (*of_builds, *of_teachers, FileError, HubError, MissingCorpusError)


def told(call: Callable[[], Any]) -> Any:
    """Return what ``call`` returns; what a user can cause ends in one line and exit 1, or 2 for a wrong call."""
    from pipelines.recipe import RecipeError

    try:
        return call()
    except RecipeError as error:
        raise click.UsageError(str(error)) from error
    except failures() as error:
        raise click.ClickException(str(error)) from error


# --- verbs that take a recipe: each recipe is a command of its own, with its knobs as options ----------------------


class RecipeGroup(click.Group):
    """A verb whose commands are the recipes: shipped ones by name, others by the path of a file."""

    def __init__(self, verb: Callable[..., None], options: list[Callable[[Any], Any]], **more: Any) -> None:
        super().__init__(**more)
        self._verb, self._options = verb, options

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the shipped recipes."""
        from pipelines.recipe import shipped

        return shipped()

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        """Make the command of a recipe; a name that is none ends with what there is."""
        from pipelines.recipe import RecipeError, load

        try:
            recipe = load(name)
        except RecipeError as error:
            raise click.UsageError(str(error), ctx) from error
        return recipe_command(recipe, self._verb, self._options)


def recipe_command(recipe: Recipe, verb: Callable[..., None], options: list[Callable[[Any], Any]]) -> click.Command:
    """Return the command that calls ``verb(recipe, values, …)`` with the recipe's knobs as options."""

    def callback(**given: Any) -> None:
        values = {knob: value for knob in recipe.knobs if (value := given.pop(knob)) is not None}
        told(lambda: verb(recipe, values, **given))

    command: Any = callback
    for knob, default in reversed(recipe.knobs.items()):
        shown = ",".join(default) if isinstance(default, tuple) else default
        flag = f"--{knob.replace('_', '-')}"
        command = click.option(flag, knob, help=f"Recipe's own.  [default: {'none' if shown is None else shown}]")(
            command
        )
    for option in reversed(options):
        command = option(command)
    return click.command(recipe.name, help=recipe.summary)(command)


def recipe_verb(name: str, *options: Callable[[Any], Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as the verb ``name`` over recipes; its docstring is the help."""

    def register(verb: Callable[..., None]) -> Callable[..., None]:
        main.add_command(
            RecipeGroup(verb, list(options), name=name, help=verb.__doc__, subcommand_metavar="RECIPE [OPTIONS]")
        )
        return verb

    return register


RELOCK = click.option("--relock", is_flag=True, help="Accept raw files that differ from sabila.lock.")
WORKERS = click.option(
    "--workers", type=click.IntRange(1, 256), default=lambda: os.cpu_count() or 1, help="Processes.  [default: cores]"
)


BUDGET_TOKENS = click.option("--budget-tokens", type=click.IntRange(1), help="Tokens at which to stop asking.")
BUDGET_COST = click.option(
    "--budget-cost", type=click.FloatRange(0, min_open=True), help="Cost at which to stop asking."
)
PRICE = click.option(
    "--price",
    nargs=2,
    type=click.FloatRange(0),
    help="What a million tokens cost, in the prompt and in the completion.",
)
WATTS = click.option("--watts", type=click.FloatRange(0, min_open=True), help="Power the teacher draws while it works.")


@recipe_verb("plan", STORE, MIRROR, RELOCK, PRICE, JSON)
def plan_verb(
    recipe: Recipe,
    values: dict[str, Any],
    store: Path,
    mirror: Path | None,
    relock: bool,
    price: tuple[float, float] | None,
    as_json: bool,
) -> None:
    """Show what a build would do: steps done and to do, rows, requests, tokens, cost, and what is absent or waits."""
    from pipelines.show import plan_table
    from pipelines.workbench import Workbench

    bench = Workbench.open(recipe, values, store=store, mirror=mirror, relock=relock)
    forecast = bench.forecast(spending(None, None, price, None).rates)
    click.echo(json.dumps(forecast, indent=2) if as_json else plan_table(forecast))


@recipe_verb("build", STORE, MIRROR, RELOCK, WORKERS, BUDGET_TOKENS, BUDGET_COST, PRICE, WATTS, JSON)
def build_verb(
    recipe: Recipe,
    values: dict[str, Any],
    store: Path,
    mirror: Path | None,
    relock: bool,
    workers: int,
    as_json: bool,
    **limits: Any,
) -> None:
    """Build a recipe, skipping what is built; the last line on stdout is the folder built."""
    from pipelines.show import build_table, examples
    from pipelines.workbench import Workbench

    bench = Workbench.open(recipe, values, store=store, mirror=mirror, relock=relock)
    account = bench.build(workers=workers, spending=spending(**limits))
    if as_json:
        click.echo(json.dumps(account, indent=2))
        return
    click.echo(build_table(account))
    click.echo(examples(account, store / "steps"))
    click.echo(account["folder"])


def spending(
    budget_tokens: int | None, budget_cost: float | None, price: tuple[float, float] | None, watts: float | None
) -> Spending:
    """Return the account of a run with these limits; a budget in cost needs a price."""
    from pipelines.spending import Budget, Spending
    from synth.specs import Rates

    if budget_cost is not None and price is None:
        raise click.UsageError(f"--budget-cost is {budget_cost}, expected --price with it: what tokens cost")
    prompt, completion = price or (0.0, 0.0)
    rates = Rates(prompt_price=prompt, completion_price=completion, watts=watts)
    return Spending(rates=rates, budget=Budget(tokens=budget_tokens, cost=budget_cost))


def version_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse what cannot name a version before any work is done for it."""
    from pipelines.release import ReleaseError, check_version

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


# --- verbs of their own --------------------------------------------------------------------------------------------


@main.command()
@MIRROR
@JSON
def sources(mirror: Path | None, as_json: bool) -> None:
    """List the catalog: licence, task, rows, Hub id, and where each corpus can be read from now."""
    from pipelines.show import sources_table
    from pipelines.workbench import catalog

    rows = catalog(mirror)
    click.echo(json.dumps(rows, indent=2) if as_json else sources_table(rows))


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


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the result.")
@click.option(
    "--text-column", "text", multiple=True, help="Column to compare; give several to join them.  [default: text]"
)
@click.option("--id-column", "id", help="Column that names a row.  [default: its number]")
@click.option("--threshold", type=click.FloatRange(0, 1, min_open=True), default=0.72, show_default=True)
@click.option("--recall", type=click.FloatRange(0, 1, True, True), default=0.995, show_default=True)
@click.option("--shingle-tokens", type=click.IntRange(1, 1000), default=5, show_default=True)
@click.option("--unit", type=click.Choice(["auto", "word", "character"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(1, 256), help="Threads.  [default: cores]")
@JSON
def dedup(
    files: tuple[Path, ...],
    out: Path,
    text: tuple[str, ...],
    id: str | None,
    threads: int | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Remove near-duplicates from FILES: parquet, jsonl or csv, plain or .gz."""
    from pipelines.duplicate_files import dedup as run
    from pipelines.show import account_text
    from quality.near_rules import NearRules

    account = told(lambda: run(files, out, text=text, id=id, rules=NearRules(**settings), threads=threads))
    click.echo(json.dumps(account, indent=2) if as_json else account_text(account))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--against", multiple=True, required=True, help="Benchmark of the catalog, all of them, or a file.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the result.")
@click.option(
    "--text-column", "text", multiple=True, help="Column to compare; give several to join them.  [default: text]"
)
@click.option("--id-column", "id", help="Column that names a row.  [default: its number]")
@MIRROR
@JSON
def decontaminate(files: tuple[Path, ...], out: Path, as_json: bool, **settings: Any) -> None:
    """Remove rows of FILES that hold an item of a benchmark; FILES are parquet, jsonl or csv, plain or .gz."""
    from pipelines.leak_files import decontaminate as run
    from pipelines.show import account_text

    account = told(lambda: run(files, out, **settings))
    click.echo(json.dumps(account, indent=2) if as_json else account_text(account))
