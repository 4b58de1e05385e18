"""Benchmark leaks in any files: read, decide, write the kept and dropped rows with reasons."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipelines.build.fingerprint import code_hash, fingerprint, library_versions
from pipelines.own_files.file_tables import (
    RESULT,
    FileAccount,
    TableError,
    path_names,
    refuse_overwriting,
    refuse_result,
    scan,
    write_rows,
)
from pipelines.storage.stored_step import height
from quality.decontamination.cleaned_items import with_cleaned
from quality.decontamination.find_leaks import Decontaminate, Judge, drop_table, find_leaks, not_checked, report
from quality.decontamination.inputs import ITEM_SCHEMA, find_roles, items_of, text_rows
from quality.decontamination.item_index import LeakIndex, build_index
from quality.decontamination.neighbors import Embed
from quality.decontamination.repeated_questions import repeated_questions
from quality.duplicates.near_duplicates import free_column
from quality.kept_values import keeping_in, kept
from sources.atomic import WriteError, remove_leftovers, write_table
from sources.fetch.mirror import MissingCorpusError, mirrored
from sources.record import Malformed, Record
from sources.table import frame

if TYPE_CHECKING:
    from sources.source import Benchmark

BATCH_ROWS = 50_000
"""Most rows with their texts in memory at once."""

SHOWN = 8
"""Most benchmarks named in a line."""

OUTPUTS = ("kept", "dropped", "leaks", "report", "not_checked", "shared_items")
ADDED = ("reason", "evidence")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Columns named by the caller: by role, those without a role, and the id; of the rows and of benchmark files."""

    text: Sequence[str] = ()
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    item_roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    id: str | None = None


def decontaminate(
    files: Sequence[Path],
    out: Path,
    *,
    against: Sequence[str],
    mirror: Path | None,
    columns: Columns | None = None,
    config: Decontaminate | None = None,
    embed: Embed | None = None,
    judge: Judge | None = None,
    store: Path | None = None,
    overwrite: bool = False,
) -> FileAccount:
    """Split the rows of ``files`` by whether they contain an item of a benchmark; return the account.

    Writes ``kept``, ``dropped`` (with reason and evidence), ``leaks`` (all pairs, both texts), ``report`` (by benchmark
    and layer), ``not_checked`` (items that no rule can find) and ``shared_items`` (questions that several benchmarks
    have) to ``out``. ``against`` are benchmarks of the catalog by name, "all" of those that can be read, or files;
    their index is kept in ``store`` (``benchmark_index``). Raises ``TableError`` and ``MissingCorpusError``.
    """
    columns, config = columns or Columns(), config or Decontaminate()
    named, paths = names_and_files(against)
    _check_files(files, paths, out, overwrite=overwrite)
    rows = scan(files)
    schema = rows.collect_schema()
    roles, others = compared(schema, columns)
    others = list(others) if columns.text else _without_numbers(rows, others)
    if columns.id is not None:
        _check_ids(rows, columns.id)
    number = free_column("row", schema.names())
    benchmarks = benchmark_items(named, paths, mirror, columns)
    index = benchmark_index(benchmarks.items, store)
    numbered = rows.with_row_index(number).with_columns(pl.col(number).cast(pl.String))
    leaks = [
        find_leaks(text_rows(batch, others, number, roles), index, config, embed=embed, judge=judge)
        for batch in numbered.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)
    ]
    pairs = pl.concat([find_leaks(text_rows(_nothing(), ["text"]), index, config), *leaks])
    added = {name: free_column(name, schema.names()) for name in ADDED}
    drops = (
        drop_table(pairs).rename({"id": number, "drop_reason": added["reason"], "evidence": added["evidence"]}).lazy()
    )
    clean = numbered.join(drops, on=number, how="anti", maintain_order="left")
    dropped = numbered.join(drops, on=number, how="inner", maintain_order="left")
    _clear(out)
    write_rows(dropped if columns.id is None else dropped.drop(number), out / "dropped.parquet")
    write_table(out / "leaks.parquet", _with_ids(pairs, numbered, number, columns.id))
    write_table(out / "report.parquet", report(pairs, index, config))
    write_table(out / "not_checked.parquet", unseen := not_checked(index))
    write_table(out / "shared_items.parquet", shared := repeated_questions(index))
    write_rows(clean.drop(number), out / RESULT)
    counts = {name: height([out / f"{name}.parquet"]) for name in ("kept", "dropped")}
    account: FileAccount = {"rows": sum(counts.values()), "items": index.count(), "not checked": unseen.height}
    if not shared.is_empty():
        account["questions in several benchmarks"] = shared["question"].n_unique()
    flagged = {f"{layer} pairs": n for layer, n in sorted(pairs.group_by("layer").len().iter_rows())}
    columns_read = {"compared": _by_role(roles, others)}
    columns_read |= {f"with {name}": read for name, read in benchmarks.columns.items()}
    limits = {**benchmarks.limits(), **_limits(embed, judge)}
    return {**account, **counts, **flagged, **columns_read, **limits, "folder": str(out)}


def _clear(out: Path) -> None:
    """Remove the files of an interrupted call, and ``RESULT`` of an earlier one, whose other files are replaced."""
    remove_leftovers(out)
    (out / RESULT).unlink(missing_ok=True)


def _by_role(roles: Mapping[str, Sequence[str]], texts: Sequence[str]) -> str:
    """Return a description of the columns by role."""
    columns = {**roles, "text": texts}
    return "; ".join(f"{role}: {', '.join(names)}" for role, names in columns.items() if names)


def _without_numbers(rows: pl.LazyFrame, names: list[str]) -> list[str]:
    """Return the columns without numeric ones, such as the row number in a csv."""
    texts = [name for name in names if rows.collect_schema()[name] == pl.String]
    numbers = rows.select(pl.col(texts).str.contains(r"^\s*[-+]?[0-9][0-9.,]*\s*$").all()).collect() if texts else None
    if numbers is None or numbers.is_empty():
        return names
    left = [name for name in names if name not in texts or not numbers[name][0]]
    return left or names


def _limits(embed: Embed | None, judge: Judge | None) -> dict[str, str]:
    """Return what a run without a model cannot find, with the option that finds it."""
    limits = {}
    if embed is None:
        limits["cannot find"] = "translations and free paraphrases; --embedder MODEL compares meanings"
    if judge is None:
        limits["not judged"] = "similar questions without the right answer are kept; --judge SPEC decides on them"
    return limits


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={"text": pl.String})


def compared(schema: pl.Schema, columns: Columns) -> tuple[dict[str, list[str]], list[str]]:
    """Return the columns to compare, by role and without one.

    Named columns exclude all others; where none is named, columns of usual names have their role and other texts none.
    Raises ``TableError`` for a missing column, and where no column is text.
    """
    named_roles = {role: names for role, names in columns.roles.items() if names}
    named = [name for names in [columns.text, *named_roles.values()] for name in names]
    if missing := [name for name in [*named, *([columns.id] if columns.id else [])] if name not in schema]:
        near = get_close_matches(missing[0], schema, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise TableError(f"column {missing[0]!r} is not in the table; its columns are {', '.join(schema)}{hint}")
    if columns.text and not named_roles:
        return {}, list(columns.text)
    roles = find_roles(schema, named_roles)
    if named_roles:
        roles = {role: names for role, names in roles.items() if role in named_roles}
    taken = {name for names in roles.values() for name in names} | {columns.id}
    texts = [name for name, kind in schema.items() if kind in (pl.String, pl.List(pl.String)) and name not in taken]
    others = list(columns.text) or ([] if named_roles else texts)
    if not others and not any(roles.values()):
        raise TableError(f"no column holds text; the columns are {', '.join(schema)}; name one with --text-column")
    return {role: names for role, names in roles.items() if names}, others


def _check_ids(rows: pl.LazyFrame, name: str) -> None:
    """Raise ``TableError`` for a null or repeated id."""
    ids = rows.select(pl.col(name).cast(pl.String)).collect()[name]
    if ids.null_count():
        raise TableError(f"column {name!r} is null in {ids.null_count()} rows, expected an id in each")
    if not (twice := ids.filter(ids.is_duplicated())).is_empty():
        raise TableError(f"id {twice[0]!r} occurs in {(ids == twice[0]).sum()} rows of column {name!r}, expected one")


def _with_ids(pairs: pl.DataFrame, numbered: pl.LazyFrame, number: str, id: str | None) -> pl.DataFrame:
    """Return the pairs with the rows' own ids in place of their numbers."""
    if id is None:
        return pairs
    ids = numbered.select(pl.col(number).alias("id"), own=pl.col(id).cast(pl.String)).collect()
    named = pairs.join(ids, on="id", how="left", maintain_order="left")
    return named.with_columns(id="own").drop("own")


# --- benchmarks ------------------------------------------------------------------------------------------------------


def _check_files(files: Sequence[Path], benchmarks: Sequence[Path], out: Path, *, overwrite: bool) -> None:
    """Raise ``TableError`` where an output is an input or exists, or a benchmark is an input."""
    refuse_overwriting([*files, *benchmarks], [out / f"{name}.parquet" for name in OUTPUTS])
    refuse_result(out, overwrite=overwrite)
    if same := {path.resolve() for path in files} & {path.resolve() for path in benchmarks}:
        raise TableError(f"{min(same)} is both an input and a benchmark: every row would be dropped; name another file")


def names_and_files(against: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Return the names of benchmarks and the paths of files; ``TableError`` for any other text."""
    named = [name for name in against if _is_benchmark(name)]
    paths = [Path(name) for name in against if name not in named]
    for path in paths:
        if not path.suffix and not path.exists():
            raise TableError(_no_benchmark(str(path)))
    return named, paths


def _is_benchmark(name: str) -> bool:
    """Return whether a name is "all" or in the catalog, which is loaded only for names that cannot be table files."""
    if name == "all" or Path(name).suffix:
        return name == "all"
    from sources.catalog import BENCHMARKS

    return name in BENCHMARKS


def _no_benchmark(name: str) -> str:
    """Return a message that there is no such benchmark, with the closest name first."""
    from sources.catalog import BENCHMARKS, SOURCES
    from sources.suggest import some_of

    if name in SOURCES:
        return f"{name} is a corpus to train on, not a benchmark; name a benchmark of the catalog, all, or a file"
    near = get_close_matches(name, BENCHMARKS, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"no benchmark or file is called {name}. {hint}Benchmarks: all, {some_of(BENCHMARKS)}"


@dataclass(frozen=True, kw_only=True)
class BenchmarkItems:
    """The items to compare rows with (``inputs.ITEM_SCHEMA``), and a description of the columns of each file.

    ``absent`` are benchmarks of "all" that the mirror lacks, ``malformed`` counts unreadable items by benchmark.
    """

    items: pl.DataFrame
    columns: Mapping[str, str]
    absent: tuple[str, ...] = ()
    malformed: Mapping[str, int] = field(default_factory=dict)

    def limits(self) -> dict[str, str]:
        """Return which benchmarks and items rows were not compared with."""
        limits = {}
        if self.absent:
            more = f" and {len(self.absent) - SHOWN:,} more" if len(self.absent) > SHOWN else ""
            named = f"{', '.join(self.absent[:SHOWN])}{more}"
            limits["benchmarks not found"] = f"{len(self.absent):,}, left out: {named}"
        if self.malformed:
            counts = ", ".join(f"{count:,} of {name}" for name, count in self.malformed.items())
            limits["items that cannot be read"] = f"{counts}; sabila sources --verify NAME says why"
        return limits


def benchmark_items(
    named: Sequence[str], paths: Sequence[Path], mirror: Path | None, columns: Columns
) -> BenchmarkItems:
    """Return the items of benchmarks and files; ``TableError`` for one without any that can be read."""
    tables, columns_of_files, absent, malformed = [], {}, [], {}
    for path, name in zip(paths, path_names(paths), strict=True):
        items, columns_of_files[name] = _file_items(path, name, columns)
        if items.is_empty():
            raise TableError(f"{path} has no rows, expected benchmark items; name another file")
        tables.append(items)
    for benchmark in _catalog_benchmarks(named):
        try:
            rows = _rows(benchmark, mirror)
        except MissingCorpusError:
            if "all" not in named or benchmark.name in named:
                raise
            absent.append(benchmark.name)
            continue
        records = [row for row in rows if isinstance(row, Record)]
        if wrong := [row for row in rows if isinstance(row, Malformed)]:
            if not records:
                where = f"{wrong[0].file}, line {wrong[0].line}"
                raise TableError(
                    f"no item of {benchmark.name} can be read: {wrong[0].error} ({where}); "
                    f"sabila sources --verify {benchmark.name} tries one file"
                )
            malformed[benchmark.name] = len(wrong)
        tables.append(items_of(frame(records)))
    if not tables:
        raise MissingCorpusError(f"no benchmark to compare rows with in {mirror}; name some, or files")
    return BenchmarkItems(items=pl.concat(tables), columns=columns_of_files, absent=tuple(absent), malformed=malformed)


def benchmark_index(items: pl.DataFrame, store: Path | None) -> LeakIndex:
    """Return the index of a table of items (``inputs.ITEM_SCHEMA``), mapped where ``store`` has it.

    A store that is there keeps it for later calls; one that cannot be written is left as it is.
    """

    @cache
    def make() -> LeakIndex:
        return build_index(with_cleaned(items))

    if store is None or not (store / "store.json").exists():
        return make()
    content = io.BytesIO()
    items.write_ipc(content)
    identity = {
        "items": hashlib.sha256(content.getbuffer()).hexdigest(),
        "code": code_hash(build_index, with_cleaned),
        "libraries": library_versions(build_index, with_cleaned),
    }
    try:
        with keeping_in(store / "memory" / f"benchmark-index-{fingerprint(identity)}"):
            return kept(LeakIndex, make)
    except WriteError:
        return make()


def _catalog_benchmarks(named: Sequence[str]) -> Iterable[Benchmark]:
    if not named:
        return []
    from sources.catalog import BENCHMARKS, HELD_OUT

    return HELD_OUT.values() if "all" in named else [BENCHMARKS[name] for name in named]


def _file_items(path: Path, name: str, columns: Columns) -> tuple[pl.DataFrame, str]:
    """Return the rows of a benchmark file as items, and a description of its columns.

    Raises ``TableError`` where no column is known to be the question.
    """
    table = scan([path]).collect()
    roles, texts = _item_columns(path, table.schema, columns)
    columns_read = _by_role(roles, texts)
    context = {"context": roles.pop("context")}
    rows = text_rows(table, texts, None, roles)
    contexts = text_rows(table, [], None, context)["reasoning"] if context["context"] else pl.lit(None, pl.String)
    items = rows.with_columns(benchmark=pl.lit(name), context=contexts)
    return items.select(ITEM_SCHEMA.names()).cast(ITEM_SCHEMA), columns_read


def _item_columns(path: Path, schema: pl.Schema, columns: Columns) -> tuple[dict[str, list[str]], list[str]]:
    """Return the columns of a benchmark file by role and without one; ``TableError`` as ``_file_items``."""
    named_roles = {role: names for role, names in columns.item_roles.items() if names}
    if missing := [column for names in named_roles.values() for column in names if column not in schema]:
        raise TableError(f"{path} has no column {missing[0]!r}; its columns are {', '.join(schema)}")
    roles = find_roles(schema, named_roles)
    question_columns = [*roles["question"], *roles["messages"]]
    texts = [] if question_columns else [column for column in [*columns.text, "text"] if column in schema][:1]
    if not question_columns and not texts:
        raise TableError(
            f"{path}: which column holds the questions? Its columns are {', '.join(schema)}; "
            "name it with --item-question-column"
        )
    return roles, texts


def _rows(benchmark: Benchmark, mirror: Path | None) -> list[Record | Malformed]:
    if mirror is None:
        raise MissingCorpusError(f"{benchmark.name} is read from a mirror; name one with --mirror, or files")
    from sources.read import read

    return [row for file in mirrored(benchmark, mirror) for row in read(benchmark, file)]
