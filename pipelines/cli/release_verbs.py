"""The verbs on releases: release, trace, diff, verify, report, export, publish."""

from __future__ import annotations

import signal
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.shared_options import (
    JSON,
    MIRROR,
    SESSION,
    STORE,
    WORKERS,
    main,
    recipe_verb,
)
from pipelines.cli.teacher_options import REQUESTING, requesting
from pipelines.terminal import echo, echo_coloured, echo_json, printable

if TYPE_CHECKING:
    from pipelines.build.recipe import Recipe
    from pipelines.build.session import SessionOptions


UNMASKED = click.option(
    "--unmasked",
    is_flag=True,
    help="Show names, telephone numbers and other personal data of dropped, malformed and edited rows "
    "unmasked.  [default: masked, as in [NAME]]",
)


def version_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse an invalid version name before any work is done."""
    from pipelines.release.locate import check_version
    from sources.releases.read_manifest import ReleaseError

    try:
        check_version(value)
    except ReleaseError as error:
        raise click.BadParameter(str(error)) from error
    return value


@recipe_verb(
    "release",
    *SESSION,
    WORKERS,
    click.option("--version", required=True, callback=version_name, help="Version of the release, as in 2026.11.22."),
    click.option(
        "--reviews",
        multiple=True,
        type=FilePath(dir_okay=False, exists=True),
        help="File of a reviewer's verdicts, as sabila review writes it, for the card; may be given several times. "
        "Verdicts on rows that have changed since are left out.  [default: none]",
    ),
    *REQUESTING,
    JSON,
)
def release_verb(
    recipe: Recipe,
    values: dict[str, Any],
    workers: int,
    version: str,
    reviews: tuple[Path, ...],
    as_json: bool,
    **more: Any,
) -> None:
    """Freeze a build of a recipe as NAME@VERSION.

    Without options of the recipe, the options and mirror of its last build are used. Missing steps are built first; an
    existing version with other content is refused.
    """
    from pipelines.build.config_text import shown_values
    from pipelines.build.session import BuildSession, like_last_build
    from pipelines.cli.print_tables import overrides_text
    from pipelines.freeze.freeze_release import release
    from pipelines.release.review_verdicts import read_reviews, released_verdicts

    verdicts = read_reviews(reviews)
    how = requesting(more)
    options = cast("SessionOptions", more)
    if not values:
        values, options = like_last_build(recipe, options)
    if values:
        echo(f"freezing {recipe.name} with {printable(shown_values(values))}", err=True)
    if options["overrides"]:
        echo(f"with the overrides of {printable(str(options['overrides']))}", err=True)
    session = BuildSession.open(recipe, values, **options)
    account = session.build(workers=workers, requesting=how)
    manifest = release(session, version, verdicts)
    if account.overrides:
        echo(overrides_text(account.overrides), err=True)
    folder = session.store.root / "releases" / recipe.name / version
    if verdicts:
        used = len(released_verdicts(folder))
        gone = len(verdicts) - used
        echo(f"reviews: {used} verdicts; {gone} on rows that changed or are gone are left out", err=True)
    if as_json:
        echo_json(manifest.to_json())
    else:
        echo(folder)


def _warn_of_changed_files(folder: Path, prefixes: tuple[str, ...] = ("data/", "ledger/")) -> None:
    """Print a line on the standard error where a release has other files than those that it was frozen with."""
    from pipelines.release.released_files import changed_note
    from sources.releases.read_manifest import load

    if note := changed_note(folder, load(folder), prefixes):
        echo(f"warning: {note}", err=True)


@main.command()
@click.argument("id")
@STORE
@click.option("--recipe", help="Recipe whose last build is searched.  [default: the latest build]")
@click.option("--release", help="Search this release instead: NAME@VERSION or a folder.  [default: none]")
@UNMASKED
@JSON
def trace(id: str, store: Path, recipe: str | None, release: str | None, unmasked: bool, as_json: bool) -> None:
    """Show the history of one row.

    It lists the file and line, every step's edits, and the step, reason and evidence that dropped the row.

    A malformed row is named SOURCE:FILE:LINE. Removed text is in [-…-], added text in {+…+}.
    """
    from pipelines.release.locate import find
    from pipelines.release.screening import Screening
    from pipelines.trace.history_text import history_text
    from pipelines.trace.row_event import mask_events
    from pipelines.trace.row_history import row_history

    if recipe and release:
        raise click.UsageError(f"--recipe is {recipe} and --release {release}, expected one of them")
    events = mask_events(row_history(id, store, recipe, release), Screening.of((), unmasked=unmasked))
    if release:
        _warn_of_changed_files(find(release, store), ("ledger/",))
    if as_json:
        echo_json([event.to_json() for event in events])
    else:
        echo_coloured(history_text(id, events))


@main.command()
@STORE
@click.option("--recipe", help="Recipe whose last build is listed.  [default: the latest build]")
@click.option(
    "--source", "sources", multiple=True, help="Only rows of this source; may be given several times.  [default: all]"
)
@click.option(
    "--step",
    "steps",
    multiple=True,
    help="Only rows that this step dropped, as in near; may be given several times.  [default: all]",
)
@click.option(
    "--reason", "reasons", multiple=True, help="Only rows with this reason; may be given several times.  [default: all]"
)
@click.option("--text", help="Only rows with this text in id, question or answer, in any case.  [default: all]")
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="Rows to list; all of them are counted."
)
@UNMASKED
@JSON
def dropped(
    store: Path,
    recipe: str | None,
    sources: tuple[str, ...],
    steps: tuple[str, ...],
    reasons: tuple[str, ...],
    text: str | None,
    limit: int,
    unmasked: bool,
    as_json: bool,
) -> None:
    """List the rows that a build dropped, and why.

    Rows are counted by source, step and reason, and the first ones listed with evidence, question and answer. sabila
    override ID puts one back.
    """
    from pipelines.cli.print_tables import dropped_text
    from pipelines.trace.dropped_rows import RowFilter, dropped_rows

    row_filter = RowFilter(sources=sources, steps=steps, reasons=reasons, text=text)
    rows = dropped_rows(store, recipe, row_filter, limit=limit, unmasked=unmasked)
    if as_json:
        echo_json(rows.to_json())
    else:
        echo(dropped_text(rows))


@main.command()
@click.argument("ids", nargs=-1, required=True)
@click.option(
    "--decision",
    type=click.Choice(["keep", "drop", "edit"]),
    default="keep",
    show_default=True,
    help="keep: the row passes the rule that dropped it; drop: the next version is without it; edit: a new text.",
)
@click.option("--reason", required=True, help="Why, in a sentence; it is published with the release.")
@click.option("--by", required=True, help="Name of the person who decided; it is published with the release.")
@click.option("--date", help="Day of the decision, as in 2026-11-29.  [default: today]")
@click.option(
    "--field", help="Field to edit: question, gold, context, answer, rationale, response or rejected.  [default: none]"
)
@click.option(
    "--text",
    help="New text of the field; for gold the text of the right option, or letters.  [default: none]",
)
@click.option(
    "--out",
    type=FilePath(dir_okay=False),
    default=Path("overrides.toml"),
    show_default=True,
    help="File to add to.",
)
@STORE
@click.option("--recipe", help="Recipe whose last build has the rows.  [default: the latest build]")
@click.option(
    "--release", help="Look the rows up in this release: NAME@VERSION or a folder.  [default: the last build]"
)
def override(
    ids: tuple[str, ...],
    decision: Any,
    reason: str,
    by: str,
    date: str | None,
    field: str | None,
    text: str | None,
    out: Path,
    store: Path,
    recipe: str | None,
    release: str | None,
) -> None:
    """Write decisions about rows into an overrides file.

    IDS are rows as sabila trace, diff, dropped and browse name them. The step and the rule that dropped a row are
    looked up. sabila build RECIPE --overrides FILE applies the file.
    """
    from datetime import date as day

    from pipelines.trace.propose_overrides import Decision, add_to_file, propose_overrides

    on = date or day.today().isoformat()
    template = Decision(decision=decision, reason=reason, by=by, date=on, field=field, text=text)
    entries = propose_overrides(tuple(dict.fromkeys(ids)), template, store, recipe, release)
    add_to_file(out, entries)
    for entry in entries:
        over = f", although {entry.step} drops it for {entry.rule}" if entry.rule else ""
        echo(f"{entry.decision} {entry.id}{over}")
    echo(f"{len(entries)} added to {out}; apply them: sabila build RECIPE --overrides {out}", err=True)


TARGETS = (
    *("sharegpt", "alpaca", "trl", "axolotl", "llama-factory", "openrlhf", "grpo", "tool-calls", "csv", "xlsx"),
    "openlineage",
)


@main.command()
@click.argument("release")
@click.option(
    "--to",
    type=click.Choice(TARGETS),
    required=True,
    help="Trainer or format to export for. axolotl, llama-factory and openrlhf also get a config; grpo has questions "
    "with options, gold and checker, for TRL's GRPOTrainer and verifiers; tool-calls has messages with tool_calls and "
    "tools; csv and xlsx are for people; openlineage is one event without rows, for a catalog of lineage: the run, the "
    "sources with revisions and hashes, and the release.",
)
@click.option("--out", type=FilePath(file_okay=False), required=True, help="New folder for the files.")
@click.option(
    "--config",
    "kind",
    type=click.Choice(["sft", "dpo"]),
    help="Export only conversations (sft) or only preference pairs (dpo).  [default: both]",
)
@click.option(
    "--model",
    default="meta-llama/Llama-3.1-8B-Instruct",
    show_default=True,
    help="Model in the trainer's config; its tokenizer needs a chat template.",
)
@STORE
@JSON
def export(release: str, out: Path, store: Path, as_json: bool, **settings: Any) -> None:
    """Export a release for another trainer, or as a table for people.

    RELEASE is NAME@VERSION or a folder. Rows that the format cannot represent are listed with the
    reason in not_exported.jsonl, and ATTRIBUTION.md names sources and licences.

    Example: sabila export aloe_dpo@2026.11.22 --to llama-factory --config dpo --out for_llama_factory
    """
    from pipelines.cli.print_tables import export_text
    from pipelines.freeze.export_release import export as run
    from pipelines.release.locate import find

    done = run(find(release, store), out, **settings)
    if as_json:
        echo_json(asdict(done))
    else:
        echo(export_text(done))


@main.command()
@click.argument("release")
@STORE
@click.option("--hash", "expected", help="Hash that the manifest must have.  [default: the one in the store]")
@JSON
def verify(release: str, store: Path, expected: str | None, as_json: bool) -> None:
    """Check a release against its manifest.

    RELEASE is NAME@VERSION or a folder. Files, rows, ledger, counts, card and hashes are checked; the exit code is 1
    where there is an error, and all errors are listed.
    """
    from pipelines.cli.print_release import verdict_text
    from pipelines.release.locate import find
    from pipelines.verify.verify_release import verify as run

    verdict = run(find(release, store), expected)
    if as_json:
        echo_json(asdict(verdict))
    else:
        echo(verdict_text(verdict))
    if verdict.findings:
        raise click.exceptions.Exit(1)


@main.command()
@click.argument("manifest", type=FilePath(exists=True))
@STORE
@MIRROR
@WORKERS
@click.option(
    "--recipe", help="File of the recipe, where sabila does not ship it, as in my_recipe.py.  [default: none]"
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME=FILE",
    help="File of an own source of the release, as in clinic=clinic.csv, where the mirror has no folder with its name; "
    "may be given several times.  [default: none]",
)
def rebuild(
    manifest: Path, store: Path, mirror: Path | None, workers: int, recipe: str | None, sources: tuple[str, ...]
) -> None:
    """Reproduce a release from its manifest.

    MANIFEST is the file or its folder. The result has the same bytes, or the differences are listed.
    """
    from pipelines.freeze.rebuild import rebuild as run
    from pipelines.own_files.own_sources import parse_spec

    folder = run(
        manifest,
        store=store,
        mirror=mirror,
        workers=workers,
        recipe=recipe,
        own_files={spec.name: Path(spec.location) for spec in map(parse_spec, sources)},
        warn=partial(echo, err=True),
    )
    echo(folder)


REPO = click.option("--repo", required=True, metavar="ORG/NAME", help="Repository on the Hub; created if missing.")
PUBLIC = click.option("--public", is_flag=True, help="Make the repository public.  [default: private]")
USE = click.option(
    "--use",
    type=click.Choice(["any", "commercial"]),
    default="any",
    show_default=True,
    help="Use that every licence must allow: any (redistribution) or commercial (sale).",
)
DRY_RUN = click.option(
    "--dry-run",
    is_flag=True,
    help="Check and list what would be uploaded, without changing anything. Your token is used only to read a private "
    "repository.",
)


@main.command()
@click.argument("release")
@REPO
@PUBLIC
@USE
@click.option(
    "--with-report",
    is_flag=True,
    help="Also publish report.html, which shows dropped rows with masked personal data.",
)
@click.option(
    "--include-completions",
    "with_completions",
    is_flag=True,
    help="Also publish the models' completions, dropped rows included, so that a rebuild elsewhere sends no requests.",
)
@DRY_RUN
@STORE
@JSON
def publish(release: str, repo: str, store: Path, as_json: bool, **options: Any) -> None:
    """Publish a release to the Hub.

    RELEASE is NAME@VERSION or a folder. It is checked first, then uploaded in one commit with its version as the tag.
    """
    from pipelines.hub.publish import publish as run
    from pipelines.hub.publish_output import published_text
    from pipelines.release.locate import find

    say = partial(echo, err=True)
    done = run(find(release, store), repo, say, **options)
    if as_json:
        echo_json(done.to_json())
    else:
        echo(published_text(done))


@main.command()
@click.argument("before")
@click.argument("after")
@STORE
@click.option(
    "--out",
    type=FilePath(),
    help="Write all changes to this parquet file, or folder.  [default: print only]",
)
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Rows printed of each kind.")
@UNMASKED
@JSON
def diff(before: str, after: str, store: Path, as_json: bool, **settings: Any) -> None:
    """Compare two releases.

    BEFORE and AFTER are NAME@VERSION or folders. Added, removed and edited rows are listed with reasons, and changes of
    steps, settings and sources.
    """
    from pipelines.cli.print_release import diff_text
    from pipelines.diff.compare_releases import diff as run
    from pipelines.release.locate import find

    folders = find(before, store), find(after, store)
    differences = run(*folders, **settings)
    for folder in folders:
        _warn_of_changed_files(folder)
    if as_json:
        echo_json(differences.to_json())
    else:
        echo(diff_text(differences))


@main.command()
@click.argument("release")
@click.option(
    "--out",
    type=FilePath(dir_okay=False),
    help="File to write the report to.  [default: report.html in the folder of the release]",
)
@click.option(
    "--sample",
    type=click.IntRange(0, 10_000),
    default=2_000,
    show_default=True,
    help="Number of sample rows in the report.",
)
@click.option(
    "--against",
    metavar="RELEASE",
    help="Earlier version, NAME@VERSION or a folder, to show the changes since.  [default: none]",
)
@click.option("--open", "show", is_flag=True, help="Open the report in the browser.")
@UNMASKED
@STORE
def report(
    release: str, out: Path | None, sample: int, against: str | None, show: bool, unmasked: bool, store: Path
) -> None:
    """Write the HTML report on a release.

    RELEASE is NAME@VERSION or a folder. The report is one file that needs no network.
    """
    from pipelines.release.locate import find
    from pipelines.report.report_page import write_report

    folder = find(release, store)
    if unmasked and (out is None or out.absolute().parent == folder.absolute()):
        raise click.UsageError("--unmasked shows personal data, expected --out with a file outside the release")
    before = find(against, store) if against else None
    out = out or folder / "report.html"
    written = write_report(folder, out, sample=sample, against=before, unmasked=unmasked)
    _warn_of_changed_files(folder)
    echo(written)
    if show:
        click.launch(str(written))


@main.command()
@click.argument("release")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port on this machine to listen on.  [default: any free one]",
)
@click.option("--open/--no-open", "show", default=True, help="Open the page in the browser.  [default: open]")
@UNMASKED
@STORE
def browse(release: str, port: int, show: bool, unmasked: bool, store: Path) -> None:
    """Browse all rows of a release on a local page.

    RELEASE is NAME@VERSION or a folder. The page has filters and search; press Ctrl-C to stop.
    """
    from pipelines.release.locate import find
    from pipelines.report.all_rows import open_view
    from pipelines.report.browse import BrowseApp
    from pipelines.report.server import Server, serve

    folder = find(release, store)
    site = BrowseApp.of(open_view(folder, unmasked=unmasked))
    _warn_of_changed_files(folder)
    try:
        server = Server(site, port)
    except OSError as error:
        raise click.ClickException(f"port {port} of this machine cannot be used: {error}; name another") from error
    echo(server.address)
    echo("press Ctrl-C to stop", err=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in background jobs
    if show:
        click.launch(server.address)
    serve(server)
