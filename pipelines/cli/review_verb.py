"""The verb with which people judge rows of a release."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.release_verbs import UNMASKED
from pipelines.cli.shared_options import JSON, STORE, main
from pipelines.terminal import echo, echo_json

Sampling = tuple[int, tuple[str, ...], int]
"""Number of rows, the columns to stratify by, and the seed."""

SHEET = FilePath(dir_okay=False)


@main.command()
@click.argument("release")
@click.option(
    "--reviewer", help="Your name or a pseudonym; it is on the card of a release with your verdicts.  [default: none]"
)
@click.option(
    "--sample", "size", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Number of rows to judge."
)
@click.option(
    "--by",
    multiple=True,
    type=click.Choice(["source", "task", "lang", "license", "split"]),
    default=("source",),
    show_default=True,
    help="Draw as many rows of each value of this column; may be given several times.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Random seed; every reviewer with the same seed, --sample and --by gets the same rows.",
)
@click.option(
    "--reviews",
    type=FilePath(file_okay=False),
    help="Folder of the verdict files, one a reviewer.  [default: reviews/NAME@VERSION in the store]",
)
@click.option(
    "--out",
    type=SHEET,
    help="Write the rows to this .csv or .xlsx file instead, to judge them in a sheet.  [default: none]",
)
@click.option(
    "--in", "sheet", type=SHEET, help="Read verdicts from this sheet instead, as those of --reviewer.  [default: none]"
)
@click.option("--summary", is_flag=True, help="Print errors by source and the reviewers' agreement instead.")
@click.option(
    "--overrides", type=SHEET, help="With --summary: add an entry that drops it for each wrong row.  [default: none]"
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port on this machine to listen on.  [default: any free one]",
)
@click.option("--open/--no-open", "show", default=True, help="Open the page in the browser.  [default: open]")
@UNMASKED
@STORE
@JSON
def review(
    release: str,
    reviewer: str | None,
    size: int,
    by: tuple[str, ...],
    seed: int,
    reviews: Path | None,
    out: Path | None,
    sheet: Path | None,
    summary: bool,
    overrides: Path | None,
    port: int,
    show: bool,
    unmasked: bool,
    store: Path,
    as_json: bool,
) -> None:
    """Judge a sample of rows, on a local page or in a sheet.

    RELEASE is NAME@VERSION or a folder. The page shows a row with its source and history, and takes a verdict, reason
    and comment by keyboard; each is stored at once in the reviewer's file. Reviewers do not see each other's
    verdicts. Press Ctrl-C to stop; repeat the command to continue.

    sabila release RECIPE --version V --reviews FILE puts verdicts into the next release and on its card.

    Example: sabila review demo@1 --reviewer ann --sample 30
    """
    from pipelines.release.locate import find
    from pipelines.release.open_release import open_release
    from pipelines.release.released_files import refuse_changed_files
    from pipelines.review.review_summary import reviewer_file

    chosen = [name for name, is_set in (("--out", out), ("--in", sheet), ("--summary", summary)) if is_set]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} were given, expected one of them at most")
    if overrides and not summary:
        raise click.UsageError("--overrides needs --summary, expected both")
    if not reviewer and not (out or summary):
        raise click.UsageError("--reviewer is missing, expected your name or a pseudonym, as in --reviewer ann")
    folder = find(release, store)
    manifest = open_release(folder)
    refuse_changed_files(folder, manifest)
    title = manifest.title
    place = reviews or store / "reviews" / title
    file = reviewer_file(place, reviewer) if reviewer else None
    if summary:
        _print_summary(folder, title, place, overrides, store, as_json)
    elif sheet and file and reviewer:
        _read_sheet(sheet, folder, title, reviewer, file)
    elif out:
        _write_sheet(folder, title, (size, by, seed), out, file)
    elif file and reviewer:
        _serve_page(folder, (size, by, seed), reviewer, file, unmasked=unmasked, port=port, show=show)


def _print_summary(folder: Path, title: str, reviews: Path, overrides: Path | None, store: Path, as_json: bool) -> None:
    from pipelines.cli.print_release import review_text
    from pipelines.review.review_summary import override_wrong_rows, summary

    figures, verdicts = summary(folder, title, reviews)
    if as_json:
        echo_json(figures.to_json())
    else:
        echo(review_text(figures))
    if overrides:
        echo(f"{override_wrong_rows(verdicts, overrides, folder, store)} entries added to {overrides}", err=True)


def _read_sheet(sheet: Path, folder: Path, title: str, reviewer: str, file: Path) -> None:
    from pipelines.release.review_verdicts import append_verdicts
    from pipelines.review.review_sheet import read_sheet

    verdicts = read_sheet(sheet, folder, reviewer, title)
    append_verdicts(file, verdicts)
    echo(f"{len(verdicts)} verdicts read", err=True)
    echo(file)


def _write_sheet(folder: Path, title: str, sampling: Sampling, out: Path, file: Path | None) -> None:
    from pipelines.release.review_verdicts import read_verdicts
    from pipelines.review.review_sample import review_sample
    from pipelines.review.review_sheet import check_suffix, write_sheet

    check_suffix(out)
    size, by, seed = sampling
    sample = review_sample(folder, size, by=by, seed=seed)
    write_sheet(sample, out, read_verdicts(file) if file else ())
    echo(f"{len(sample)} rows; read it again with: sabila review {title} --in {out} --reviewer NAME", err=True)
    echo(out)


def _serve_page(
    folder: Path,
    sampling: Sampling,
    reviewer: str,
    file: Path,
    *,
    unmasked: bool,
    port: int,
    show: bool,
) -> None:
    from pipelines.report.all_rows import open_view
    from pipelines.report.server import Server, serve
    from pipelines.review.review_page import ReviewApp
    from pipelines.review.review_sample import review_sample

    size, by, seed = sampling
    sample = review_sample(folder, size, by=by, seed=seed)
    site = ReviewApp.of(open_view(folder, unmasked=unmasked), sample, reviewer, file)
    try:
        server = Server(site, port)
    except OSError as error:
        raise click.ClickException(f"port {port} of this machine cannot be used: {error}; name another") from error
    echo(server.address)
    echo(f"{len(sample)} rows; verdicts are stored in {file}; press Ctrl-C to stop", err=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in background jobs
    if show:
        click.launch(server.address)
    serve(server)
