"""The verbs of ``sabila`` as functions: ``from pipelines import build, release, load, trace, diff, deduplicate``.

Arguments are the options of the verb of the same name (``deduplicate`` is ``sabila dedup``), with its defaults and
limits. Failures are ``SabilaError``, with the message that the verb prints. Slow imports are inside the functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipelines.api.frames import CallError, File, Rows, Table, as_files
from pipelines.api.verb_options import like_verb
from pipelines.cli.build_verbs import SEMANTIC_THRESHOLD, decontaminate_files, dedup_files, leak_judge
from pipelines.cli.check_verb import check_paths
from pipelines.cli.teacher_options import requesting, spending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.api.results import (
        Build,
        Check,
        Decontamination,
        Deduplication,
        Diff,
        Export,
        History,
        Plan,
        Release,
        Verification,
    )
    from pipelines.build.choose_engine import EngineName
    from pipelines.build.session import BuildSession, SessionOptions
    from pipelines.completions.budget import Spending

Names = str | Sequence[str]
"""One name, or several."""

FROM_STORE: File = "store"


@like_verb("plan")
def plan(
    recipe: File,
    *,
    store: File = FROM_STORE,
    shared_store: str | None = None,
    mirror: File | None = None,
    lock: File | None = None,
    relock: bool = False,
    overrides: File | None = None,
    prepare: bool = False,
    workers: int | None = None,
    engine: EngineName = "local",
    ray_address: str | None = None,
    memory: float | None = None,
    price: tuple[float, float] | None = None,
    **values: Any,
) -> Plan:
    """Show what a build would do: steps done and to do, rows, requests, tokens, cost, and what is missing.

    ``recipe`` is the name of a shipped one or the path of a file; ``values`` are its keyword arguments.
    """
    from pipelines.api.results import Plan
    from pipelines.build.choose_engine import choose_engine

    options = _session_options(store, shared_store, mirror, lock, relock=relock, overrides=overrides)
    session = _session(recipe, values, options)
    if prepare:
        session.prepare(start_engine=choose_engine(engine, ray_address, workers, Path(store)), memory=memory)
    forecast = session.forecast(spending(None, None, price, None).rates)
    return Plan.model_construct(**vars(forecast))


@like_verb("build")
def build(
    recipe: File,
    *,
    store: File = FROM_STORE,
    shared_store: str | None = None,
    mirror: File | None = None,
    lock: File | None = None,
    relock: bool = False,
    overrides: File | None = None,
    workers: int | None = None,
    engine: EngineName = "local",
    ray_address: str | None = None,
    memory: float | None = None,
    budget_tokens: int | None = None,
    budget_cost: float | None = None,
    price: tuple[float, float] | None = None,
    watts: float | None = None,
    concurrency: int | None = None,
    context_tokens: int | None = None,
    teacher_threads: int | None = None,
    timeout: float | None = None,
    tries: int | None = None,
    leave_out: Names = (),
    **values: Any,
) -> Build:
    """Build a recipe, reusing finished steps.

    ``recipe`` is the name of a shipped one or the path of a file; ``values`` are its keyword arguments.
    """
    from pipelines.api.results import Build
    from pipelines.build.choose_engine import choose_engine

    start_engine = choose_engine(engine, ray_address, workers, Path(store))
    options = _session_options(store, shared_store, mirror, lock, relock=relock, overrides=overrides)
    session = _session(recipe, values, options)
    account = session.build(
        start_engine=start_engine,
        spending=_spending(budget_tokens, budget_cost, price, watts),
        requesting=_requesting(concurrency, context_tokens, teacher_threads, timeout, tries, leave_out),
        memory=memory,
    )
    return Build(folder=Path(account.folder), account=account)


@like_verb("release")
def release(
    recipe: File,
    *,
    version: str,
    reviews: File | Sequence[File] = (),
    store: File = FROM_STORE,
    shared_store: str | None = None,
    mirror: File | None = None,
    lock: File | None = None,
    relock: bool = False,
    overrides: File | None = None,
    workers: int | None = None,
    concurrency: int | None = None,
    context_tokens: int | None = None,
    teacher_threads: int | None = None,
    timeout: float | None = None,
    tries: int | None = None,
    leave_out: Names = (),
    **values: Any,
) -> Release:
    """Freeze a build of a recipe as NAME@VERSION, and return it.

    Without ``values``, those of the recipe's last build are used. An existing version with other content is refused.
    """
    from pipelines.api.results import Release
    from pipelines.build.recipe import load as load_recipe
    from pipelines.build.session import like_last_build
    from pipelines.freeze.freeze_release import release as freeze
    from pipelines.release.review_verdicts import read_reviews

    files = [reviews] if isinstance(reviews, str | Path) else reviews
    verdicts = read_reviews([Path(path) for path in files])
    options = _session_options(store, shared_store, mirror, lock, relock=relock, overrides=overrides)
    if not values:
        values, options = like_last_build(load_recipe(str(recipe)), options)
    session = _session(recipe, values, options)
    how = _requesting(concurrency, context_tokens, teacher_threads, timeout, tries, leave_out)
    session.build(workers=workers or 1, requesting=how)
    freeze(session, version, verdicts)
    return Release.of(session.store.root / "releases" / session.recipe.name / version)


def load(release: Release | File, *, store: File = FROM_STORE) -> Release:
    """Open a release: NAME@VERSION in ``store``, or the path of its folder.

    Its kept rows are ``rows()`` for polars and ``dataset()`` for datasets; ``ledger`` has the outcome of every row.
    """
    from pipelines.api.results import Release

    return Release.of(_folder(release, store))


@like_verb("trace")
def trace(
    id: str,
    *,
    store: File = FROM_STORE,
    recipe: str | None = None,
    release: Release | File | None = None,
    unmasked: bool = False,
) -> History:
    """Return the history of one row: file and line, every step's edits, and the step and reason that dropped it.

    ``id`` of a malformed row is SOURCE:FILE:LINE.
    """
    from pipelines.api.results import History
    from pipelines.release.screening import Screening
    from pipelines.trace.row_event import mask_events
    from pipelines.trace.row_history import row_history

    if recipe and release:
        raise CallError(f"recipe is {recipe} and release {release}, expected one of them")
    folder = str(_folder(release, store)) if release else None
    events = mask_events(row_history(id, Path(store), recipe, folder), Screening.of((), unmasked=unmasked))
    return History(id=id, events=tuple(events))


@like_verb("diff")
def diff(
    before: Release | File,
    after: Release | File,
    *,
    store: File = FROM_STORE,
    out: File | None = None,
    limit: int = 20,
    unmasked: bool = False,
) -> Diff:
    """Compare two releases: rows added, removed and edited with reasons, and changes of steps and settings."""
    from pipelines.api.results import Diff
    from pipelines.diff.compare_releases import diff as compare

    differences = compare(_folder(before, store), _folder(after, store), out=_path(out), limit=limit, unmasked=unmasked)
    return Diff(**vars(differences))


@like_verb("verify")
def verify(release: Release | File, *, store: File = FROM_STORE, hash: str | None = None) -> Verification:
    """Check a release against its manifest: files, rows, ledger, counts, card and hashes.

    Errors are ``findings`` of the result; they raise nothing.
    """
    from pipelines.api.results import Verification
    from pipelines.verify.verify_release import verify as check_release

    return Verification(**vars(check_release(_folder(release, store), hash)))


@like_verb("export")
def export(
    release: Release | File,
    *,
    to: str,
    out: File,
    config: str | None = None,
    model: str = "meta-llama/Llama-3.1-8B-Instruct",
    store: File = FROM_STORE,
) -> Export:
    """Export a release for another trainer: its rows in the trainer's format, with a config to start from."""
    from pipelines.api.results import Export
    from pipelines.freeze.export_release import export as write

    done = write(_folder(release, store), Path(out), to=to, kind=config, model=model)  # type: ignore[arg-type]
    return Export(**vars(done))


@like_verb("dedup")
def deduplicate(
    rows: Rows,
    *,
    out: File | None = None,
    overwrite: bool = False,
    text_column: Names = (),
    id_column: str | None = None,
    threshold: float = 0.72,
    recall: float = 0.995,
    shingle_tokens: int = 5,
    unit: str = "auto",
    threads: int | None = None,
    memory: float | None = None,
    semantic: str | None = None,
    semantic_threshold: float = SEMANTIC_THRESHOLD,
    store: File = FROM_STORE,
) -> Deduplication:
    """Remove near-duplicates from a table or files; the files of the result are kept where ``out`` names a folder."""
    from pipelines.api.results import Deduplication

    settings = {"threshold": threshold, "recall": recall, "shingle_tokens": shingle_tokens, "unit": unit}
    with _places(out) as (scratch, folder):
        account = dedup_files(
            as_files(rows, "rows", scratch),
            folder,
            text=tuple(text_column),
            id=id_column,
            threads=threads,
            memory=memory,
            semantic=semantic,
            semantic_threshold=semantic_threshold,
            store=Path(store),
            overwrite=overwrite,
            settings=settings,
        )
        return Deduplication(
            **_tables(folder, "kept", "dropped", "clusters"), account=_without_scratch_folder(account, out)
        )


@like_verb("decontaminate")
def decontaminate(
    rows: Rows,
    *,
    against: Names | Table,
    out: File | None = None,
    overwrite: bool = False,
    text_column: Names = (),
    question_column: Names = (),
    options_column: Names = (),
    answer_column: Names = (),
    context_column: Names = (),
    chain_column: Names = (),
    messages_column: Names = (),
    item_question_column: Names = (),
    item_options_column: Names = (),
    item_answer_column: Names = (),
    item_context_column: Names = (),
    item_chain_column: Names = (),
    item_messages_column: Names = (),
    id_column: str | None = None,
    embedder: str | None = None,
    similarity: float = 0.9,
    judge: str | None = None,
    store: File = FROM_STORE,
    budget_tokens: int | None = None,
    budget_cost: float | None = None,
    price: tuple[float, float] | None = None,
    watts: float | None = None,
    concurrency: int | None = None,
    context_tokens: int | None = None,
    teacher_threads: int | None = None,
    timeout: float | None = None,
    tries: int | None = None,
    leave_out: Names = (),
    mirror: File | None = None,
) -> Decontamination:
    """Remove rows that contain benchmark items from a table or files.

    ``against`` names benchmarks of the catalog, ``all`` of them, files, or is a table of items.
    """
    from pipelines.api.results import Decontamination

    budget = _spending(budget_tokens, budget_cost, price, watts)
    how = _requesting(concurrency, context_tokens, teacher_threads, timeout, tries, leave_out)
    own = {"question": question_column, "options": options_column, "answer": answer_column}
    own |= {"context": context_column, "chain": chain_column, "messages": messages_column}
    items = {"item_question": item_question_column, "item_options": item_options_column}
    items |= {"item_answer": item_answer_column, "item_context": item_context_column}
    items |= {"item_chain": item_chain_column, "item_messages": item_messages_column}
    with _places(out) as (scratch, folder):
        named = against if isinstance(against, tuple) else tuple(map(str, as_files(against, "against", scratch)))
        columns = {"text": tuple(text_column), "id": id_column, **own, **items}
        settings = {"embedder": embedder, "similarity": similarity, "mirror": _path(mirror)}
        files = as_files(rows, "rows", scratch)
        asked = leak_judge(judge, Path(store), how, budget)
        options = {**columns, **settings, "overwrite": overwrite}
        account = decontaminate_files(files, folder, named, options, asked, Path(store))
        tables = _tables(folder, "kept", "dropped", "leaks", "not_checked")
        return Decontamination(**tables, account=_without_scratch_folder(account, out))


@like_verb("check")
def check(
    rows: Release | Rows,
    *,
    question_column: Names = (),
    answer_column: str | None = None,
    id_column: str | None = None,
    options_column: Names = (),
    gold_column: str | None = None,
    lang: str | None = None,
    license: str | None = None,
    against: Names = (),
    mirror: File | None = None,
    model: str | None = None,
    max_length: int = 4096,
    training_rows: int = 2000,
    skip: Names = (),
    examples: int = 3,
    sarif: File | None = None,
    page: File | None = None,
    baseline: File | None = None,
    write_baseline: File | None = None,
    workers: int | None = None,
    store: File = FROM_STORE,
) -> Check:
    """Find faults in a table, files, folders or a release, and change nothing.

    Findings are ``groups`` of the result, the most serious first; they raise nothing.
    """
    from pipelines.api.results import Check, Release
    from pipelines.cli.check_verb import release_or_path

    columns: dict[str, Sequence[str | None]] = {"question": question_column, "options": options_column}
    columns |= {"answer": (answer_column,), "id": (id_column,), "gold": (gold_column,)}
    with TemporaryDirectory(prefix="sabila-") as scratch:
        files = as_files(rows.folder if isinstance(rows, Release) else rows, "rows", Path(scratch))
        result = check_paths(
            [release_or_path(str(path), Path(store)) for path in files],
            columns=columns,
            lang=lang,
            license=license,
            against=tuple(against),
            mirror=_path(mirror),
            store=Path(store),
            model=model,
            max_length=max_length,
            training_rows=training_rows,
            skip=tuple(skip),
            examples=examples,
            sarif=_path(sarif),
            page=_path(page),
            baseline=_path(baseline),
            write_baseline=_path(write_baseline),
            workers=workers or 1,
        )
    return Check(**vars(result), examples=examples)


# --- shared helpers -----------------------------------------------------------------------------------------------


def _session_options(
    store: File,
    shared_store: str | None,
    mirror: File | None,
    lock: File | None,
    *,
    relock: bool,
    overrides: File | None,
) -> SessionOptions:
    return {
        "store": Path(store),
        "shared_store": shared_store,
        "mirror": _path(mirror),
        "lock": _path(lock),
        "relock": relock,
        "overrides": _path(overrides),
    }


def _session(recipe: File, values: dict[str, Any], options: SessionOptions) -> BuildSession:
    from pipelines.build.recipe import load as load_recipe
    from pipelines.build.session import BuildSession

    loaded = load_recipe(str(recipe))
    knobs = {name: value for name, value in values.items() if value is not None}
    if loaded.takes_own_sources and "source" in knobs:
        knobs["source"] = _own_sources(knobs["source"], options)
    return BuildSession.open(loaded, knobs, **options)


def _own_sources(source: Any, options: SessionOptions) -> list[dict[str, Any]]:
    """Return the definitions of own sources that are given as on the command line, or as definitions."""
    from pipelines.own_files.own_sources import parse_spec, resolve_sources

    several = [source] if isinstance(source, str | Path) else list(source)
    specs = [parse_spec(str(one)) for one in several if not isinstance(one, dict)]
    resolved = resolve_sources(specs, raw=options["store"] / "raw", mirror=options["mirror"], renew=options["relock"])
    return [*(one for one in several if isinstance(one, dict)), *resolved]


def _spending(
    budget_tokens: int | None, budget_cost: float | None, price: tuple[float, float] | None, watts: float | None
) -> Spending:
    """Return the account of a call with these limits."""
    if budget_cost is not None and price is None:
        raise CallError(f"budget_cost is {budget_cost}, expected price with it: what a million tokens cost")
    return spending(budget_tokens, budget_cost, price, watts)


def _requesting(
    concurrency: int | None,
    context: int | None,
    threads: int | None,
    timeout: float | None,
    tries: int | None,
    leave_out: Names,
) -> dict[str, Any]:
    """Return the given settings of requests by the names of ``TeacherOptions``."""
    how = {"concurrency": concurrency, "context_tokens": context, "threads": threads, "timeout_s": timeout}
    return requesting({**how, "max_tries": tries, "leave_out": tuple(leave_out)})


def _folder(release: Release | File, store: File) -> Path:
    from pipelines.api.results import title_of
    from pipelines.release.locate import find

    return find(title_of(release), Path(store))


def _path(path: File | None) -> Path | None:
    return None if path is None else Path(path)


@contextmanager
def _places(out: File | None) -> Iterator[tuple[Path, Path]]:
    """Yield a temporary folder for tables in memory, and the folder of the result: ``out``, or a temporary one."""
    with TemporaryDirectory(prefix="sabila-") as scratch:
        yield Path(scratch), Path(out) if out else Path(scratch) / "result"


def _tables(folder: Path, *names: str) -> dict[str, Any]:
    from sources.formats.literal import read_parquet

    return {name: read_parquet(folder / f"{name}.parquet") for name in names}


def _without_scratch_folder(account: Any, out: File | None) -> Any:
    """Return the account, without the folder of the result if that is temporary."""
    return {name: value for name, value in account.items() if out or name != "folder"}
