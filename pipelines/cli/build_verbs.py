"""The verbs that make rows: sources, plan, build, and deduplication and decontamination of own files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.number_range import NumberRange
from pipelines.cli.shared_options import (
    ENGINE,
    FILES,
    JSON,
    KEPT_VECTORS,
    MEMORY,
    MIRROR,
    OVERWRITE,
    SESSION,
    STORE,
    echo_account,
    main,
    recipe_verb,
    without_effect,
)
from pipelines.cli.teacher_options import (
    BUDGET_COST,
    BUDGET_TOKENS,
    PRICE,
    REQUESTING,
    SPENDING,
    WATTS,
    requesting,
    spending,
    teacher_options,
)
from pipelines.terminal import echo, echo_json

if TYPE_CHECKING:
    from pipelines.build.choose_engine import EngineName
    from pipelines.build.recipe import Recipe
    from pipelines.build.session import SessionOptions
    from pipelines.completions.budget import Spending
    from pipelines.own_files.file_tables import FileAccount
    from quality.decontamination.find_leaks import Judge
    from sources.source import Corpus
    from synth.teachers.teacher import Answered, Request


PREPARE = click.option(
    "--prepare",
    is_flag=True,
    help="First build the steps that come before the first request to a model, so that the requests about their rows "
    "are counted.  [default: nothing is built]",
)

ASKING = (BUDGET_TOKENS, BUDGET_COST, WATTS, *REQUESTING)
"""Options of ``build`` on requests that change no forecast: ``plan`` takes the command line of a build."""


@recipe_verb("plan", *SESSION, PREPARE, *ENGINE, MEMORY, PRICE, *map(without_effect, ASKING), JSON)
def plan_verb(
    recipe: Recipe,
    values: dict[str, Any],
    prepare: bool,
    workers: int | None,
    engine: EngineName,
    ray_address: str | None,
    memory: float | None,
    price: tuple[float, float] | None,
    as_json: bool,
    **options: Unpack[SessionOptions],
) -> None:
    """Show what a build would do.

    It lists the steps done and to do, rows, requests, tokens, cost, and missing sources and teachers. It takes all
    options of build; those on workers and memory count with --prepare, those on requests not at all.
    """
    from pipelines.build.choose_engine import choose_engine
    from pipelines.build.session import BuildSession
    from pipelines.cli.print_tables import plan_table

    session = BuildSession.open(recipe, values, **options)
    if prepare:
        start_engine = choose_engine(engine, ray_address, workers, options["store"])
        session.prepare(start_engine=start_engine, memory=memory)
    forecast = session.forecast(spending(None, None, price, None).rates)
    corpora = [corpus for node in session.plan.nodes() if (corpus := node.step.work.corpus)]
    point_out_licenses((corpus.name, corpus.license) for corpus in corpora)
    point_out_shared_items([corpus.name for corpus in corpora])
    if as_json:
        echo_json(forecast.to_json())
    else:
        echo(plan_table(forecast))


@recipe_verb("build", *SESSION, *ENGINE, MEMORY, *SPENDING, *REQUESTING, JSON)
def build_verb(
    recipe: Recipe,
    values: dict[str, Any],
    workers: int | None,
    engine: EngineName,
    ray_address: str | None,
    memory: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Build a recipe, reusing finished steps.

    The last line on stdout is the folder of the result.

    A step with failed requests to a teacher is incomplete: the build ends with exit code 1 and the reasons, and the
    next one sends the failed requests again. The recipe's --max-failed accepts a share of them.
    """
    from pipelines.build.choose_engine import choose_engine
    from pipelines.build.session import BuildSession
    from pipelines.cli.print_tables import build_table, examples

    how = requesting(options)
    limits = spending(*(options.pop(name) for name in ("budget_tokens", "budget_cost", "price", "watts")))
    start_engine = choose_engine(engine, ray_address, workers, options["store"])
    session = BuildSession.open(recipe, values, **options)
    account = session.build(start_engine=start_engine, spending=limits, requesting=how, memory=memory)
    if as_json:
        echo_json(account.to_json())
        return
    echo(build_table(account))
    echo(examples(account, session.store.root / "steps"))
    echo(account.folder)


def point_out_licenses(corpora: Iterable[tuple[str, str]]) -> None:
    """Print the names of corpora whose licence is unknown; ``corpora`` are pairs of name and licence."""
    from sources.license import unknown_parts

    for name, license in corpora:
        for unknown in unknown_parts(license):
            echo(f"{name}: unknown licence {unknown}; its rows may not be redistributed", err=True)


def point_out_shared_items(names: Collection[str]) -> None:
    """Print the training corpora among these names that share questions with a hold-out among them."""
    from sources.catalog import SOURCES
    from sources.overlaps.shared_items import shared_among

    for rule, others in shared_among(names):
        if training := [name for name in others if name in SOURCES]:
            echo(f"{', '.join(training)} shares questions with the hold-out {rule.hold_out}: {rule.what}", err=True)


# --- verbs of their own --------------------------------------------------------------------------------------------


@main.command("store")
@STORE
@click.option(
    "--remove-unused",
    is_flag=True,
    help="Remove what no release and no last build of a recipe uses; a build that needs it rebuilds it.  "
    "[default: only show it]",
)
@JSON
def store_verb(store: Path, remove_unused: bool, as_json: bool) -> None:
    """Show what a store holds, and remove what nothing uses.

    Steps of releases and of the last build of each recipe are used. Models' answers, raw files and releases are never
    removed.
    """
    from pipelines.build.store_contents import remove_unused as remove
    from pipelines.build.store_contents import store_contents
    from pipelines.cli.print_tables import store_table
    from pipelines.storage.store import Store

    contents = remove(Store(store)) if remove_unused else store_contents(Store(store))
    if as_json:
        echo_json(contents.to_json())
    else:
        echo(store_table(contents))


@main.command()
@click.argument("name", required=False)
@click.option(
    "--evidence", is_flag=True, help="Print where the schema of each corpus was read.  [default: the catalog]"
)
@click.option(
    "--verify",
    metavar="NAME",
    help="Read one file of this corpus (from --mirror, an earlier download in --store, or the Hub), print its columns, "
    "first record, counts and problems, and exit with 1 if there are problems.  [default: no file is read]",
)
@click.option(
    "--source",
    "own",
    multiple=True,
    metavar="NAME=FILE",
    help="Own file, folder or set of the Hub to list too, as for sabila build; may be given several times.  "
    "[default: none]",
)
@STORE
@MIRROR
@JSON
def sources(
    name: str | None,
    evidence: bool,
    verify: str | None,
    own: tuple[str, ...],
    store: Path,
    mirror: Path | None,
    as_json: bool,
) -> None:
    """List the corpora of the catalog, or show the one called NAME.

    Columns are licence, task, rows, Hub id, where each corpus can be read from now, and whether its schema (columns,
    gold base, splits, licence) was read in a public place: "read", "partly" or "unverified".
    """
    from pipelines.cli.list_sources import evidence_table, find_corpus, list_evidence, list_sources
    from pipelines.cli.print_sources import source_text
    from pipelines.cli.print_tables import sources_table
    from pipelines.cli.source_options import resolve
    from pipelines.own_files.own_sources import parse_spec

    if (name is not None) + (verify is not None) + evidence > 1:
        raise click.UsageError("NAME, --verify and --evidence exclude each other; give one")
    if evidence:
        if as_json:
            echo_json([asdict(row) for row in list_evidence()])
        else:
            echo(evidence_table())
        return
    if verify is not None:
        if own:
            raise click.UsageError("--verify reads corpora of the catalog; sabila check FILE reads an own file")
        verify_source(find_corpus(verify), mirror, store / "raw", as_json=as_json)
        return
    mine = resolve(list(map(parse_spec, own)), {"store": store, "mirror": mirror}) if own else ()
    if name is not None:
        corpus = find_corpus(name, mine)
        (row,) = (row for row in list_sources(mirror, mine) if row.name == corpus.name)
        if as_json:
            stated = [asdict(one) for one in corpus.stated_licenses]
            readings = [asdict(one) for one in corpus.schema_read]
            echo_json({**asdict(row), "stated_licenses": stated, "schema_read": readings})
        else:
            echo(source_text(row, corpus))
        return
    rows = list_sources(mirror, mine)
    point_out_licenses((row.name, row.license) for row in rows)
    if as_json:
        echo_json([asdict(row) for row in rows])
    else:
        echo(sources_table(rows))


def verify_source(corpus: Corpus, mirror: Path | None, raw: Path, *, as_json: bool) -> None:
    """Print the trial read of one file of a corpus, and exit with 1 where it has problems."""
    from pipelines.cli.print_sources import trial_text
    from sources.fetch.trial import trial_of

    trial = trial_of(corpus, mirror, raw)
    if as_json:
        echo_json(asdict(trial))
    else:
        echo(trial_text(trial))
    if trial.problems:
        raise SystemExit(1)


RESULT_FOLDER = click.option(
    "--out",
    type=FilePath(file_okay=False),
    required=True,
    help="Folder for the result: kept.parquet, dropped.parquet and more.",
)

SEMANTIC_THRESHOLD = 0.95
"""Least cosine of rows with the same meaning, calibrated on all-MiniLM-L6-v2 (``synth.judges.semantic_step``)."""


@main.command()
@FILES
@RESULT_FOLDER
@OVERWRITE
@click.option(
    "--text-column", "text", multiple=True, help="Column to compare; give several to join them.  [default: text]"
)
@click.option("--id-column", "id", help="Column that names a row.  [default: its number]")
@click.option(
    "--threshold",
    type=NumberRange(0, 1, min_open=True),
    default=0.72,
    show_default=True,
    help="Jaccard similarity of word n-grams from which rows are duplicates; lower drops more rows.",
)
@click.option(
    "--recall",
    type=NumberRange(0, 1, True, True),
    default=0.995,
    show_default=True,
    help="Share of the pairs at the threshold that must be found; higher is slower.",
)
@click.option(
    "--shingle-tokens",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Length of the n-grams, in words or characters.",
)
@click.option(
    "--unit",
    type=click.Choice(["auto", "word", "character"]),
    default="auto",
    show_default=True,
    help="Tokens of the n-grams: auto uses characters in scripts without spaces, as in Chinese, and words elsewhere.",
)
@click.option("--threads", type=click.IntRange(1, 256), help="Number of worker threads.  [default: cores]")
@MEMORY
@click.option(
    "--semantic",
    metavar="MODEL[@THRESHOLD]",
    help="Compare rows by meaning too, with this embedding model: the folder or Hub name of a sentence-transformers "
    "model, model2vec:FOLDER, llamacpp:FILE.gguf or openai:URL#MODEL. Finds rewrites and translations. A threshold "
    "after @ replaces --semantic-threshold.  [default: none]",
)
@click.option(
    "--semantic-threshold",
    type=NumberRange(0, 1, min_open=True),
    default=SEMANTIC_THRESHOLD,
    show_default=True,
    help="Least cosine of rows with the same meaning; it differs from model to model. With all-MiniLM-L6-v2, 0.85 "
    "drops many rows that only have the same topic.",
)
@KEPT_VECTORS
@JSON
def dedup(
    files: tuple[Path, ...],
    out: Path,
    text: tuple[str, ...],
    id: str | None,
    threads: int | None,
    memory: float | None,
    semantic: str | None,
    semantic_threshold: float,
    store: Path,
    overwrite: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Remove near-duplicates from files.

    FILES are parquet, jsonl or csv, plain or .gz.

    Duplicates share most n-grams, have the same subject and no opposite statement. Name the question's column first.
    """
    account = dedup_files(
        files,
        out,
        text=text,
        id=id,
        threads=threads,
        memory=memory,
        semantic=semantic,
        semantic_threshold=semantic_threshold,
        store=store,
        overwrite=overwrite,
        settings=settings,
    )
    echo_account(account, as_json)


def dedup_files(
    files: Sequence[Path],
    out: Path,
    *,
    text: tuple[str, ...],
    id: str | None,
    threads: int | None,
    memory: float | None,
    semantic: str | None,
    semantic_threshold: float,
    store: Path,
    overwrite: bool,
    settings: dict[str, Any],
) -> FileAccount:
    """Remove near-duplicates from files, by words with ``settings`` and by meaning where ``semantic`` names a model."""
    from pipelines.own_files.duplicate_files import dedup as run
    from quality.duplicates.near_settings import NearRules

    meaning = None
    if semantic:
        from quality.duplicates.semantic import Semantic
        from synth.teachers.embedders import model_and_threshold

        model, least = model_and_threshold("--semantic", semantic, semantic_threshold)
        meaning = Semantic(model=model, threshold=least)
    rules = NearRules(**settings)
    return run(
        files,
        out,
        text=text,
        id=id,
        rules=rules,
        threads=threads,
        memory=memory,
        semantic=meaning,
        store=store,
        overwrite=overwrite,
    )


def column_options(prefix: str, whose: str) -> Callable[[Any], Any]:
    """Return a decorator that adds the options that name columns by role."""

    def add(command: Any) -> Any:
        for role in reversed(("question", "options", "answer", "context", "chain", "messages")):
            name = f"{prefix.replace('-', '_')}{role}"
            about = f"{whose} with the {role}; may be given several times.  [default: usual names]"
            command = click.option(f"--{prefix}{role}-column", name, multiple=True, help=about)(command)
        return command

    return add


@main.command()
@FILES
@click.option(
    "--against",
    multiple=True,
    required=True,
    help="Benchmark of the catalog, all, or a file; may be given several times.",
)
@RESULT_FOLDER
@OVERWRITE
@click.option(
    "--text-column", "text", multiple=True, help="Column to compare as text.  [default: all texts without a role]"
)
@column_options("", "Columns of FILES")
@column_options("item-", "Columns of files given by --against")
@click.option("--id-column", "id", help="Column that names a row.  [default: its number]")
@click.option(
    "--embedder",
    metavar="MODEL[@THRESHOLD]",
    help="Also compare meanings with this embedding model, named as for sabila dedup --semantic. A threshold after @ "
    "replaces --similarity.  [default: none]",
)
@click.option(
    "--similarity", type=NumberRange(0, 1, min_open=True), default=0.9, show_default=True,
    help="Least cosine of a leak found by --embedder; it depends on the model.",
)  # fmt: skip
@click.option(
    "--judge",
    help="Let this teacher judge similar pairs, as in openai:http://localhost:8000/v1#model; its replies are kept in "
    "the store.  [default: none]",
)
@STORE
@teacher_options
@MIRROR
@JSON
def decontaminate(
    files: tuple[Path, ...],
    out: Path,
    against: tuple[str, ...],
    judge: str | None,
    store: Path,
    budget_tokens: int | None,
    budget_cost: float | None,
    price: tuple[float, float] | None,
    watts: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Remove rows of files that contain benchmark items.

    FILES are parquet, jsonl or csv, plain or .gz.

    Columns of usual names (question, options, answer, context, rationale, messages, …) are compared by their role,
    other texts by themselves. A store that is there keeps the index of the benchmarks for later calls, and
    every store the vectors of an embedder.
    """
    budget = spending(budget_tokens, budget_cost, price, watts)
    asked = leak_judge(judge, store, requesting(options), budget)
    echo_account(decontaminate_files(files, out, against, options, asked, store), as_json)


def leak_judge(spec: str | None, store: Path, how: dict[str, Any], budget: Spending) -> Judge | None:
    """Return the judge of a spec, if there is one: ``how`` it is asked, and its replies are kept in the store."""
    if spec is None:
        return None
    from pipelines.build.progress import show_progress
    from pipelines.completions.cached_teacher import cached_teacher
    from pipelines.completions.completion_store import FILE
    from synth.judges.leak_judge import judge_of
    from synth.teachers.options import TeacherOptions
    from synth.teachers.specs import teacher

    judge = teacher(spec, TeacherOptions(**how))

    def ask(requests: Iterable[Request]) -> Iterator[Answered]:
        with show_progress(1) as progress:
            yield from cached_teacher(store / FILE, judge, budget, progress)(requests)

    return judge_of(ask)


def decontaminate_files(
    files: Sequence[Path],
    out: Path,
    against: Sequence[str],
    options: dict[str, Any],
    judge: Judge | None,
    store: Path,
) -> FileAccount:
    """Remove rows that contain benchmark items from files; ``options`` are the verb's other arguments by name."""
    from pipelines.own_files.leak_files import Columns
    from pipelines.own_files.leak_files import decontaminate as run
    from quality.decontamination.find_leaks import Decontaminate
    from quality.decontamination.inputs import ROLES

    embed, similarity = None, options["similarity"]
    if options["embedder"]:
        from pipelines.own_files.kept_vectors import keeping_embedder
        from synth.teachers.embedders import model_and_threshold

        model, similarity = model_and_threshold("--embedder", options["embedder"], similarity)
        embed = keeping_embedder(model, store)
    columns = Columns(
        text=options["text"],
        roles={role: options[role] for role in ROLES},
        item_roles={role: options[f"item_{role}"] for role in ROLES},
        id=options["id"],
    )
    return run(
        files,
        out,
        against=against,
        mirror=options["mirror"],
        columns=columns,
        config=Decontaminate(similarity=similarity),
        embed=embed,
        judge=judge,
        store=store,
        overwrite=options["overwrite"],
    )
