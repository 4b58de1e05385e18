"""The verb that finds faults in any files or a release, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.score_verbs import ANSWER, QUESTION
from pipelines.cli.shared_options import JSON, MIRROR, STORE, WORKERS, main
from pipelines.terminal import echo, echo_json

if TYPE_CHECKING:
    from pipelines.check.check_result import CheckResult

PAGE_EXAMPLES = 20
"""The least examples of a finding on a page."""


@main.command()
@click.argument("targets", nargs=-1, required=True)
@QUESTION
@ANSWER
@click.option("--id-column", "id", help="Column with the row's id.  [default: usual names, as id, qid]")
@click.option(
    "--options-column",
    "options",
    multiple=True,
    help="Column with the options: a list, or one column an "
    "option, the flag repeated.  [default: usual names, as options, choices, opa to ope]",
)
@click.option(
    "--gold-column",
    "gold",
    help="Column with the right option: its position, letter or text.  "
    "[default: usual names, as answer_idx, cop, gold, label; else the answer]",
)
@click.option(
    "--lang",
    help="Language of rows without a column lang, as in es.  [default: the most frequent among the first 200 rows]",
)
@click.option(
    "--license", help="Licence of rows without a column license, as in CC-BY-4.0.  [default: none, which is a finding]"
)
@click.option(
    "--against",
    multiple=True,
    help="Look for leaks of this benchmark: a name of the catalog, a file, or all (that the mirror has). May be given "
    "several times.  [default: none]",
)
@MIRROR
@click.option(
    "--model",
    help="Tokenise rows with this model's tokenizer and chat template, and check what training would supervise: a "
    "folder or Hub id; needs the extra local or train.  [default: none]",
)
@click.option(
    "--max-length", type=click.IntRange(1), default=4096, show_default=True, help="Tokens of a row, with --model."
)
@click.option(
    "--training-rows",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="The most rows that are tokenised with --model, drawn evenly.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar="FINDING",
    help="Leave this kind of finding out; near-duplicate and "
    "personal-data take most of the time. May be given several times.  [default: none]",
)
@click.option(
    "--examples",
    type=click.IntRange(0, 1000),
    default=3,
    show_default=True,
    help="Examples shown of each finding, and at least 20 on a page.",
)
@click.option(
    "--sarif",
    type=FilePath(dir_okay=False),
    help="Write the findings to this file as SARIF 2.1.0, for code scanning.  [default: none]",
)
@click.option(
    "--page",
    type=FilePath(dir_okay=False),
    help="Write the findings to this file as one HTML page.  [default: none]",
)
@click.option(
    "--fail-on",
    multiple=True,
    metavar="SEVERITY|FINDING",
    help="End with exit code 1 for a finding of this severity or a worse one (error, warning, note), or of this kind, "
    "or never: only where the check itself fails. May be given several times.  [default: error]",
)
@click.option(
    "--baseline",
    type=FilePath(dir_okay=False, exists=True),
    help="Count only findings that are not in this file.  [default: none]",
)
@click.option(
    "--write-baseline",
    type=FilePath(dir_okay=False),
    help="Write all findings to this file, for a later --baseline.  [default: none]",
)
@WORKERS
@STORE
@JSON
def check(
    targets: tuple[str, ...],
    question: tuple[str, ...],
    answer: str | None,
    id: str | None,
    options: tuple[str, ...],
    gold: str | None,
    lang: str | None,
    license: str | None,
    against: tuple[str, ...],
    mirror: Path | None,
    model: str | None,
    max_length: int,
    training_rows: int,
    skip: tuple[str, ...],
    examples: int,
    sarif: Path | None,
    page: Path | None,
    fail_on: tuple[str, ...],
    baseline: Path | None,
    write_baseline: Path | None,
    workers: int,
    store: Path,
    as_json: bool,
) -> None:
    """Find faults in files or releases, and change nothing.

    TARGETS are parquet, arrow, jsonl, json, csv, tsv or xlsx files, plain, .gz or .zst, folders of them, releases
    (NAME@VERSION or a folder), or sets of the Hub (hf://datasets/ORG/NAME@REVISION:CONFIG/SPLIT). A mapping beside a
    file (sabila init) says which column is what.

    Looked for are rows that cannot be read, empty and broken ones, refusals, answers that break off, duplicates, leaks,
    personal data, secrets, licences, and right options at one position. Each finding says why it matters and what to
    do.

    A store that is there keeps the index of the benchmarks of --against for later calls.

    Exit code 0: no finding of --fail-on. 1: there is one, or the check failed. 2: a wrong call.

    Example: sabila check data/*.parquet --against careqa --mirror ../shared/data --sarif findings.sarif
    """
    from pipelines.check.check_result import checked_kinds
    from pipelines.check.finding_kinds import SEVERITIES
    from pipelines.cli.print_check import check_text

    failing = checked_kinds(fail_on or ("error",), "--fail-on", (*SEVERITIES, "never"))
    result = check_paths(
        [path for target in targets for path in paths_of(target, store)],
        columns={"question": question, "answer": (answer,), "id": (id,), "options": options, "gold": (gold,)},
        lang=lang,
        license=license,
        against=against,
        mirror=mirror,
        store=store,
        model=model,
        max_length=max_length,
        training_rows=training_rows,
        skip=skip,
        examples=examples,
        sarif=sarif,
        page=page,
        baseline=baseline,
        write_baseline=write_baseline,
        workers=workers,
    )
    if as_json:
        echo_json(result.to_json(examples))
    else:
        echo(check_text(result, examples))
    if result.failing(failing):
        raise click.exceptions.Exit(1)


def check_paths(
    targets: Sequence[Path],
    *,
    columns: Mapping[str, Sequence[str | None]],
    lang: str | None,
    license: str | None,
    against: tuple[str, ...],
    mirror: Path | None,
    store: Path,
    model: str | None,
    max_length: int,
    training_rows: int,
    skip: tuple[str, ...],
    examples: int,
    sarif: Path | None,
    page: Path | None,
    baseline: Path | None,
    write_baseline: Path | None,
    workers: int,
) -> CheckResult:
    """Check files and releases, write the SARIF file, page and baseline that are named, and return the findings."""
    from pipelines.check import baseline as baselines
    from pipelines.check.check_inputs import Reading
    from pipelines.check.check_page import write_check_page
    from pipelines.check.check_result import checked_kinds
    from pipelines.check.record_columns import NamedColumns
    from pipelines.check.run_check import CheckSettings
    from pipelines.check.run_check import check as run
    from pipelines.check.sarif import to_sarif
    from pipelines.check.training_findings import Training
    from sources.atomic import write_json

    named = {part: [name for name in names if name] for part, names in columns.items()}
    settings = CheckSettings(
        reading=Reading(
            columns=NamedColumns(columns={part: names for part, names in named.items() if names}),
            lang=lang,
            license=license,
        ),
        skip=frozenset(checked_kinds(skip, "--skip")),
        against=against,
        mirror=mirror,
        store=store,
        training=Training(model=model, max_length=max_length, rows=training_rows) if model else None,
        workers=workers,
    )
    known = baselines.read_baseline(baseline) if baseline else None
    result = run(targets, settings, known)
    if write_baseline:
        baselines.write_baseline(write_baseline, result.marks)
    if sarif:
        write_json(sarif, to_sarif(result))
    if page:
        write_check_page(result, page, max(examples, PAGE_EXAMPLES))
    return result


def paths_of(target: str, store: Path) -> list[Path]:
    """Return the paths of a target: the downloaded files of a set of the Hub, a release, a file or a folder."""
    if not target.startswith("hf://"):
        return [release_or_path(target, store)]
    from pipelines.check.check_inputs import hub_paths

    return hub_paths(target, store / "raw")


def release_or_path(target: str, store: Path) -> Path:
    """Return a file or folder by its path, or a release named NAME@VERSION by its folder in the store."""
    from pipelines.release.locate import find

    path = Path(target)
    return path if path.exists() or "@" not in target else find(target, store)
