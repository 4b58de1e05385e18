"""Any parquet, JSON Lines or csv files as one table, and the output files of a verb on them.

A csv cell is text. Every line of a text file is checked before any work, so that errors are reported with file and
line, and columns that first appear late are found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl

from pipelines.own_files.table_checks import CheckedTable, TableError, check_csv, check_json_lines
from sources.atomic import replacing
from sources.files import FileError, RawFile, scratch_folder
from sources.formats.literal import scan_parquet
from sources.suggest import did_you_mean

__all__ = [
    "FileAccount",
    "TableError",
    "path_names",
    "reading",
    "refuse_overwriting",
    "refuse_result",
    "scan",
    "text_columns",
    "write_rows",
]

FileAccount = dict[str, int | str | dict[str, int | float]]
"""Results of a verb on own files, in the order in which they are printed: counts, texts such as columns and the folder,
and the quantiles of a score."""

SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".csv")


def scan(files: Sequence[Path]) -> pl.LazyFrame:
    """Return the rows of ``files`` one after the other, with null for missing columns.

    Paths are literal. An empty file has no rows; categorical columns become text. Raises ``TableError`` for a file
    that is missing, of an unsupported kind, or damaged, with the line if possible.
    """
    tables = [(path, table) for path in files if (table := _checked(path)) is not None]
    if not tables:
        raise TableError(f"{', '.join(map(str, files))}: no rows and no column names, expected a table")
    rows = _joined(tables)
    if without_fields := [name for name, kind in rows.collect_schema().items() if _lacks_fields(kind)]:
        rows = _joined([(path, replace(table, as_text=(*table.as_text, *without_fields))) for path, table in tables])
    return rows


def _joined(tables: Sequence[tuple[Path, CheckedTable]]) -> pl.LazyFrame:
    frames = [(path, _read(path, table)) for path, table in tables]
    rows = pl.concat([frame for _, frame in frames], how="diagonal_relaxed")
    try:
        rows.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{_disagreement(frames) or error}") from error
    return rows


def _lacks_fields(kind: pl.DataType) -> bool:
    """Return whether a column has objects that are all empty, at any depth: no parquet file can hold them."""
    if isinstance(kind, pl.Struct):
        return not kind.fields or any(_lacks_fields(field.dtype) for field in kind.fields)  # type: ignore[arg-type]
    return isinstance(kind, pl.List) and _lacks_fields(kind.inner)  # type: ignore[arg-type]


def _disagreement(tables: Sequence[tuple[Path, pl.LazyFrame]]) -> str | None:
    """Return which column has incompatible types in two files."""
    first: dict[str, tuple[Path, pl.DataType]] = {}
    for path, frame in tables:
        for name, kind in frame.collect_schema().items():
            before, known = first.setdefault(name, (path, kind))
            try:
                pl.concat([pl.LazyFrame(schema={name: k}) for k in (known, kind)], how="diagonal_relaxed").collect()
            except pl.exceptions.PolarsError:
                return f"column {name!r} is {kind} in {path} and {known} in {before}; rename or convert one"
    return None


def _checked(path: Path) -> CheckedTable | None:
    """Return one file, its lines checked, or None for one without rows and columns."""
    name = path.name.removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix not in SUFFIXES:
        raise TableError(
            f"{path} ends in {suffix or 'nothing'}, expected one of {', '.join(SUFFIXES)}, plain or .gz; save it as "
            "one of these"
        )
    if not path.is_file():
        siblings = [one.name for one in path.parent.glob("*") if one.is_file()]
        raise TableError(f"{path} is not there{did_you_mean(path.name, siblings)}")
    file = RawFile(name, path)
    try:
        with reading(path):
            if suffix == ".parquet":
                with file.open():
                    return CheckedTable(path=path)  # a Git LFS pointer or a web page is called one
            return check_csv(file) if suffix == ".csv" else check_json_lines(file)
    except FileError as error:
        raise TableError(str(error)) from error


def _read(path: Path, checked: CheckedTable) -> pl.LazyFrame:
    """Return the rows of a checked file."""
    with reading(path):
        if checked.path.suffix == ".parquet":
            rows = scan_parquet(checked.path)
            names = [n for n, kind in rows.collect_schema().items() if isinstance(kind, pl.Categorical | pl.Enum)]
            return rows.with_columns(pl.col(names).cast(pl.String)) if names else rows
        plain = _plain_path(checked.path)
        if checked.path.suffix == ".csv":
            return pl.scan_csv(plain, infer_schema=False, glob=False)
        overrides = dict.fromkeys(checked.as_text, pl.String)
        return pl.scan_ndjson(plain, infer_schema_length=None, schema_overrides=overrides)


def _plain_path(path: Path) -> Path:
    """Return the path, or a link to it without characters that polars would read as a pattern."""
    if not set(str(path)) & set("*?["):
        return path
    status = path.stat()
    link = scratch_folder() / f"link-{status.st_dev}-{status.st_ino}{path.suffix}"
    if not link.exists():
        link.symlink_to(path.absolute())
    return link


@contextmanager
def reading(path: Path | None = None) -> Iterator[None]:
    """Turn polars' errors on a damaged table into a ``TableError`` that names the file where one is given."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"cannot read {path}" if path else "cannot read the table"
        raise TableError(f"{what}: {str(error).splitlines()[0]}") from error


def text_columns(rows: pl.LazyFrame, named: Sequence[str]) -> list[str]:
    """Return the columns to compare: those named, else ``text``; ``TableError`` for one without text."""
    schema = rows.collect_schema()
    for name in named or ("text",):
        if schema.get(name) != pl.String:
            texts = [column for column, kind in schema.items() if kind == pl.String]
            kind = f" but {schema[name]}" if name in schema else ""
            way = f"name one or more of {', '.join(texts)} with --text-column" if texts else "no column holds text"
            raise TableError(f"{name!r} is not a text column{kind}; {way}")
    return list(named or ("text",))


def refuse_overwriting(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Raise ``TableError`` where an output is one of the inputs, by any path or link."""
    for output in outputs:
        for path in inputs:
            if path.resolve() == output.resolve() or (output.exists() and path.exists() and path.samefile(output)):
                raise TableError(f"{output} would overwrite the input {path}; name another folder with --out")


RESULT = "kept.parquet"
"""Written last: its presence marks a complete result."""


def refuse_result(out: Path, *, overwrite: bool) -> None:
    """Raise ``TableError`` where ``out`` has the complete result of an earlier call."""
    if (out / RESULT).exists() and not overwrite:
        raise TableError(
            f"{out / RESULT} is the result of an earlier call; name another folder with --out, or give --overwrite"
        )


def path_names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file: its base name, or as much of its path as distinguishes it."""
    parts = [path.absolute().parts for path in paths]

    def named(own: tuple[str, ...]) -> str:
        others = [other for other in parts if other != own]
        for length in range(1, len(own)):
            if all(other[-length:] != own[-length:] for other in others):
                return "/".join(own[-length:])
        return str(Path(*own))

    return [named(own) for own in parts]


def write_rows(rows: pl.LazyFrame, path: Path) -> None:
    """Write rows as parquet, a batch at a time, atomically."""
    with reading(), replacing(path) as temporary:
        rows.sink_parquet(temporary, compression="zstd", compression_level=1, maintain_order=True)
