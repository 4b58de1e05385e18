"""Code shared by all verbs: options, the verbs over recipes, and the reporting of errors."""

from __future__ import annotations

import errno
import inspect
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.number_range import NumberRange
from pipelines.cli.source_options import CONFIG, CONFIG_KEY, SOURCE, resolved_values, take_config
from pipelines.terminal import echo, echo_json, printable
from sources.errors import SabilaError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pipelines.build.recipe import Recipe
    from pipelines.own_files.file_tables import FileAccount

ResultRecord = TypeVar("ResultRecord", bound="BaseModel")

STORE = click.option(
    "--store",
    type=FilePath(),
    default=Path("store"),
    help="Folder of steps and releases.  [default: store]",
)
KEPT_VECTORS = click.option(
    "--store",
    type=FilePath(),
    default=Path("store"),
    help="Folder that keeps the vectors of an embedding model, so that an interrupted call goes on and the next one "
    "embeds only new texts.  [default: store]",
)
SHARED_STORE = click.option(
    "--shared-store",
    envvar="SABILA_SHARED_STORE",
    metavar="URL",
    help="Folder or URL of finished steps that several machines share, as in s3://BUCKET/PREFIX (extra s3), gs://… or "
    "/nfs/steps: what it has is fetched, and what is built here uploaded.  [default: SABILA_SHARED_STORE, else none]",
)
MIRROR = click.option(
    "--mirror",
    envvar="SABILA_MIRROR",
    type=FilePath(file_okay=False, exists=True),
    help="Read raw files from this folder, one folder per corpus.  [default: SABILA_MIRROR, else the Hub]",
)
LOCK = click.option(
    "--lock",
    type=FilePath(dir_okay=False),
    help="File that pins the raw files by content, the same for Hub and mirrors.  [default: sabila.lock, which has "
    "entries of its own for each mirror]",
)
RELOCK = click.option("--relock", is_flag=True, help="Accept raw files that differ from the lock, and update it.")
OVERRIDES = click.option(
    "--overrides",
    type=FilePath(dir_okay=False, exists=True),
    help="TOML file of decisions about single rows: keep one that a rule drops, drop one, edit a field; "
    "sabila override writes it.  [default: none]",
)
SESSION = (STORE, SHARED_STORE, MIRROR, LOCK, RELOCK, OVERRIDES)
"""Options of the verbs over recipes on where files are, the fields of ``SessionOptions``."""

WORKERS = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=lambda: os.cpu_count() or 1,
    help="Number of worker processes.  [default: cores]",
)
MEMORY = click.option(
    "--memory",
    type=NumberRange(0),
    help="Gigabytes of memory that the comparison of all rows fills before it uses files in the folder of the result.  "
    "[default: a quarter of the machine's]",
)
ENGINE = (
    click.option(
        "--workers",
        type=click.IntRange(1, 4096),
        help="Number of worker processes; with --engine ray, of tasks at a time.  [default: cores; the cluster's CPUs]",
    ),
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        help="Where tasks run: local, processes of this machine; ray, the CPUs of a Ray cluster, whose machines share "
        "store, mirror and code under the same paths. The rows are the same.  [default: local]",
    ),
    click.option(
        "--ray-address",
        help="Ray cluster of --engine ray: HOST:PORT, auto, or local for one on this machine that ends with the "
        "build.  [default: RAY_ADDRESS, else auto: the cluster that this machine belongs to]",
    ),
)
"""Options of the engine, the arguments of ``choose_engine``."""

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
FILES = click.argument("files", nargs=-1, required=True, type=FilePath(dir_okay=False, exists=True))
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace the result of an earlier call in --out.")


def read_date(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the date of an option in ISO 8601, or refuse the call."""
    from sources.fields.dates import parse_date

    try:
        return parse_date(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


SECTIONS = {
    "Build a dataset": {
        "sources": "List the corpora: licence, task, rows, where to read them",
        "init": "Write the mapping of an own file, or a recipe's config",
        "plan": "Show what a build would do, and what it would cost",
        "build": "Run a recipe, reusing finished steps",
        "release": "Freeze a build as NAME@VERSION",
        "publish": "Check a release and upload it to the Hub",
        "rebuild": "Reproduce a release from its manifest",
        "export": "Write a release for another trainer, or as a table",
        "store": "Show what a store holds, and remove what nothing uses",
    },
    "Inspect a dataset": {
        "trace": "Show one row's history, or why it was dropped",
        "dropped": "List the rows that a build dropped, and why",
        "override": "Put rows back, take rows down or edit them",
        "diff": "Compare two releases row by row",
        "report": "Write a release's report as one HTML file",
        "browse": "Search kept and dropped rows on a local page",
        "review": "Have people judge a sample of rows, by page or sheet",
        "verify": "Check the files, rows and counts of a release",
        "check": "Find faults in any files or a release",
        "licenses": "Show what licences of data and models allow",
    },
    "Process your own files": {
        "dedup": "Remove near-duplicates",
        "decontaminate": "Remove rows that contain benchmark items",
        "score": "Score rows with language models",
        "select": "Select the best and most diverse rows",
        "label": "Label rows with a language model",
        "questions": "Write questions and answers on passages",
        "pairs": "Make preference pairs of answers",
        "calibrate": "Find the threshold of an embedding model",
    },
    "Train a model": {
        "train": "Tune or align a model on a release",
        "merge": "Merge models of one architecture",
        "gguf": "Write a model as one GGUF file for llama.cpp",
        "publish-model": "Check a model and upload it to the Hub",
    },
    "Measure a model": {
        "evaluate": "Score a model on benchmarks, with intervals",
        "compare": "Compare models on the same items",
        "redteam": "Attack a model, and count its needless refusals",
        "compare-redteam": "Compare two red-team runs prompt by prompt",
        "bias": "Measure social bias and truthfulness of a model",
        "judge-agreement": "Measure a judge on labelled cases",
        "model-report": "Write one page on models: scores, red team, bias, risks",
        "risk-card": "Write a model's risk card, its measured parts filled in",
    },
}
"""Each verb and its line in `sabila --help`, by section."""


class GuardedGroup(click.Group):
    """The verbs, all under one error handler: every failure ends in one line, never in a traceback."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs by section."""
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()))

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Parse the arguments of a call."""
        with guard():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb of a call."""
        with guard():
            return super().invoke(ctx)


@click.group(cls=GuardedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="sabila")
def main() -> None:
    """Build medical training datasets with a recorded origin for every row and a reason for every missing one."""


def echo_account(account: FileAccount, as_json: bool) -> None:
    """Print the account of a verb on own files."""
    from pipelines.cli.print_tables import account_text

    if as_json:
        echo_json(account)
    else:
        echo(account_text(account))


def echo_record(record: ResultRecord, text: Callable[[ResultRecord], str], out: Path, as_json: bool) -> None:
    """Print the record of a measurement, as JSON or as text that ends with the folder of its results."""
    if as_json:
        echo_json(record.model_dump(mode="json"))
    else:
        echo(text(record))
        echo(out)


TRACEBACK = "SABILA_TRACEBACK"
"""Environment variable that lets errors through with their traceback."""

INTERRUPTED = "interrupted; what is finished and what models answered is kept: run the same command to go on from there"


@contextmanager
def guard() -> Iterator[None]:
    """Report a user's error in one line and exit 1, or 2 for a wrong call; an unexpected one too, with its location."""
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = printable(error.message)  # click declares it Final and offers no hook
        raise
    except (click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:  # importing the error classes would take longer than tracing a row
        if getattr(error, "errno", None) == errno.EPIPE:
            raise  # click ends quietly when the reader of the pipe has closed it
        raise _ended(error) from error
    except KeyboardInterrupt as error:
        raise click.ClickException(INTERRUPTED) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a panic of polars is a BaseException
            raise
        raise _ended(error) from error


def _ended(error: BaseException) -> BaseException:
    """Return the exception that ends the call for ``error``."""
    from pipelines.storage.secrets import own_secrets, without_secrets

    message = printable(without_secrets(str(error), *own_secrets().values()))
    if isinstance(error, SabilaError):
        is_wrong_call = error.exit_code == click.UsageError.exit_code
        return click.UsageError(message) if is_wrong_call else click.ClickException(message)
    if os.environ.get(TRACEBACK):
        return error
    text = (message.strip() or type(error).__name__).splitlines()[0]
    return click.ClickException(
        f"{text} ({type(error).__name__} in {_place(error)}, an unexpected input or a defect of sabila; "
        f"{TRACEBACK}=1 in the environment shows the traceback)"
    )


def _place(error: BaseException) -> str:
    """Return the file and line of the project in which ``error`` was raised."""
    from pipelines.build.fingerprint import FOLDERS

    home = Path(__file__).parents[2]
    places = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    inside = [(path.relative_to(home), line) for path, line in places if path.is_relative_to(home)]
    own = [f"{path}:{line}" for path, line in inside if path.parts[0] in FOLDERS]
    return own[-1] if own else "sabila"


# --- verbs that take a recipe: each recipe is a command of its own, with its knobs as options ----------------------


SEVERAL = " Several: separated by commas, or the option repeated."


def without_effect(option: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return an option of another verb as one that a verb accepts and does not use, and that its help leaves out."""

    def decorate(verb: Any) -> Any:
        decorated = option(verb)
        parameter = decorated.__click_params__[-1]
        parameter.hidden, parameter.expose_value = True, False
        return decorated

    return decorate


class RecipeGroup(click.Group):
    """A verb whose commands are the recipes: shipped ones by name, others by the path of a file."""

    def __init__(self, verb: Callable[..., None], options: list[Callable[[Any], Any]], **more: Any) -> None:
        super().__init__(**more)
        self._verb, self._options = verb, options

    def shared_parameters(self) -> list[click.Parameter]:
        """Return the options that the verb has for every recipe."""
        command: Any = lambda: None  # noqa: E731
        for option in reversed(self._options):
            command = option(command)
        return click.command()(command).params

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the shipped recipes."""
        from pipelines.build.recipe import shipped

        return shipped()

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        """Make the command of a recipe; an unknown name ends with the list of known ones."""
        from pipelines.build.recipe import RecipeError, load

        try:
            recipe = load(name)
        except RecipeError as error:
            raise click.UsageError(str(error), ctx) from error
        if config := ctx.meta.get(CONFIG_KEY):
            recipe = recipe.named(config.name or recipe.name)
        return recipe_command(recipe, self._verb, [*self._options, CONFIG])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; a config names the recipe where they do not."""
        from pipelines.own_files.recipe_config import read_recipe_config

        rest, path = take_config(args)
        if path is not None:
            config = read_recipe_config(path)
            ctx.meta[CONFIG_KEY] = config
            if not rest or rest[0].startswith("-"):
                rest = [config.recipe, *rest]
            elif rest[0] != config.recipe:
                raise click.UsageError(f"the recipe is {rest[0]!r}, but that of {path} is {config.recipe!r}", ctx)
        return super().parse_args(ctx, rest)


def recipe_command(recipe: Recipe, verb: Callable[..., None], options: list[Callable[[Any], Any]]) -> click.Command:
    """Return the command that calls ``verb(recipe, values, …)`` with the recipe's knobs as options."""

    def callback(**arguments: Any) -> None:
        arguments.pop("config_file")
        values = {knob: value for knob in recipe.knobs if (value := arguments.pop(knob)) not in (None, ())}
        own = values.pop(SOURCE, ()) if recipe.takes_own_sources else ()
        values.update({knob: ",".join(values[knob]) for knob in recipe.lists & values.keys()})
        config = click.get_current_context().meta.get(CONFIG_KEY)
        verb(recipe, resolved_values(recipe, values, own, config, arguments), **arguments)

    command: Any = callback
    for knob, default in reversed(recipe.knobs.items()):
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        flag = f"--{knob.replace('_', '-')}"
        several = knob in recipe.lists
        about = recipe.knob_help.get(knob, f"{knob}, a value of the recipe.")
        if knob == SOURCE and recipe.takes_own_sources:
            about += "  [default: none]"
            command = click.option(flag, knob, metavar="NAME=FILE", multiple=True, help=about)(command)
            continue
        if stated := re.search(r" By default ([^.]*)\.$", about):  # a default that other options decide
            about = about[: stated.start()]
        about += SEVERAL if several else ""
        if recipe.shapes[knob] == "FLAG":
            about += f"  [default: {'on' if default else 'off'}]"
            command = click.option(f"{flag}/--no{flag[1:]}", knob, default=None, help=about)(command)
            continue
        about += f"  [default: {stated[1] if stated else 'none' if shown in (None, '') else shown}]"
        command = click.option(flag, knob, metavar=recipe.shapes[knob], multiple=several, help=about)(command)
    for option in reversed(options):
        command = option(command)
    about = f"{inspect.cleandoc(verb.__doc__ or '')}\n\n{recipe.name}: {recipe.about}"
    return click.command(recipe.name, help=about, short_help=recipe.summary)(command)


def recipe_verb(name: str, *options: Callable[[Any], Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as the verb ``name`` over recipes; its docstring is the help."""

    def register(verb: Callable[..., None]) -> Callable[..., None]:
        main.add_command(
            RecipeGroup(
                verb,
                list(options),
                name=name,
                help=verb.__doc__,
                subcommand_metavar="RECIPE [OPTIONS]",
                params=CONFIG(click.Command(name)).params,
            )
        )
        return verb

    return register
