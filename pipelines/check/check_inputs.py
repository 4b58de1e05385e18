"""Inputs of a check: table files, folders and releases, read as batches of records with their reading errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from pipelines.check.check_result import CheckError
from pipelines.check.record_columns import NAMES, GoldBase, NamedColumns, records_of_table
from pipelines.check.table_batches import BATCH_ROWS, Fault, is_table, table_batches
from pipelines.own_files.file_tables import path_names
from pipelines.own_files.own_sources import find_files, mapping_file_of, parse_spec, sheet_notes
from pipelines.release.data_files import KINDS, record_fields
from quality.cleaning.language import COMMON_WORDS, identify
from sources.files import RawFile, plain_name
from sources.formats.literal import scan_parquet
from sources.mapping.column_mapping import column_mapping, read_toml
from sources.mapping.file_rows import SUFFIXES
from sources.releases.read_manifest import MANIFEST
from sources.suggest import did_you_mean
from sources.table import SCHEMA, question_text

LANGUAGE_SAMPLE = 200
"""Rows at the start of a file from which its language is identified."""


@dataclass(frozen=True, kw_only=True)
class CheckInput:
    """A file to check: its path and its name in findings; ``release_kind`` where it is part of a release."""

    path: Path
    name: str
    release_kind: str | None = None


@dataclass(kw_only=True)
class RecordBatch:
    """Records of one file with the faults found while reading; ``base`` is the number of the first option."""

    file: str
    records: pl.DataFrame
    faults: list[Fault] = field(default_factory=list)
    base: int = 0


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How files are read: columns by part, language and licence where the files do not state them.

    Without named columns a file is read by the mapping next to it, if there is one (``sabila init``).
    """

    columns: NamedColumns = field(default_factory=NamedColumns)
    lang: str | None = None
    license: str | None = None


def release_inputs(folder: Path) -> list[CheckInput]:
    """Return the files of rows of a release."""
    return [
        CheckInput(path=path, name=path.relative_to(folder).as_posix(), release_kind=kind)
        for kind in KINDS
        for path in sorted(folder.glob(f"data/{kind}/*/*.parquet"))
    ]


def table_inputs(paths: Sequence[Path]) -> list[CheckInput]:
    """Return files, and the tables in folders; ``CheckError`` for a missing file or one that is not a table."""
    tables: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file() and is_table(one))
            visible = [one for one in inside if not any(part.startswith(".") for part in one.relative_to(path).parts)]
            if not visible:
                raise CheckError(f"{path} has no table, expected files that end in {', '.join(SUFFIXES)}")
            tables += visible
        elif not path.exists():
            siblings = [one.name for one in path.parent.glob("*")] if path.parent.is_dir() else []
            raise CheckError(f"{path} is not there{did_you_mean(path.name, siblings)}")
        elif not is_table(path):
            raise CheckError(f"{path} ends in {path.suffix or 'nothing'}, expected one of {', '.join(SUFFIXES)}")
        else:
            tables.append(path)
    names = [str(path) for path in tables] if all(not path.is_absolute() for path in tables) else path_names(tables)
    return [CheckInput(path=path, name=name) for path, name in zip(tables, names, strict=True)]


def hub_paths(address: str, raw: Path) -> list[Path]:
    """Return the files of ``hf://datasets/ORG/NAME@REVISION:CONFIG/SPLIT``, downloaded to ``raw`` if need be."""
    return [file.path for file in find_files(parse_spec(address), raw).files]


def is_release(path: Path) -> bool:
    """Return whether a folder is that of a release."""
    return (path / MANIFEST).is_file()


def record_batches(inputs: Sequence[CheckInput], reading: Reading, notes: list[str]) -> Iterator[RecordBatch]:
    """Yield the records of all files; how each was read is added to ``notes``."""
    for one in inputs:
        if one.release_kind is not None:
            yield from _release_file(one, one.release_kind)
        else:
            yield from _own_file(one, reading, notes, alone=len(inputs) == 1)


def _release_file(one: CheckInput, kind: str) -> Iterator[RecordBatch]:
    """Yield the records of a file of a release; a damaged one ends with a fault."""
    try:
        yield from _release_rows(one, kind)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        fault = Fault("unreadable-file", 0, str(error).splitlines()[0])
        yield RecordBatch(file=one.name, records=pl.DataFrame(), faults=[fault])


def _release_rows(one: CheckInput, kind: str) -> Iterator[RecordBatch]:
    number = 0
    rows = scan_parquet(one.path).with_columns(**record_fields(kind)).select(SCHEMA.names())
    for batch in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
        lines = pl.int_range(number + 1, number + 1 + batch.height, dtype=pl.Int64, eager=True)
        records = batch.with_columns(file=pl.lit(one.name), line=lines, gold_text=pl.lit(None, pl.String))
        yield RecordBatch(file=one.name, records=records.with_columns(gold_fault=pl.lit(False)))
        number += batch.height


def _mapped(path: Path, reading: Reading) -> tuple[Reading, GoldBase]:
    """Return the reading given by the mapping next to a file; unchanged without one, or if columns are named."""
    place = mapping_file_of(path)
    if any(reading.columns.columns.values()) or not place.is_file():
        return reading, GoldBase()
    mapping = column_mapping(read_toml(place), str(place))
    parts = {"chosen": "answer", "language": "lang"}
    columns = {parts.get(name, name): list(names) for name, names in mapping.columns.named().items()}
    known = {part: names for part, names in columns.items() if part in NAMES}
    mapped = Reading(
        columns=NamedColumns(columns=known),
        lang=reading.lang or mapping.language,
        license=reading.license or mapping.license,
    )
    return mapped, GoldBase(base=mapping.gold_base if isinstance(mapping.gold_base, int) else None)


def _own_file(one: CheckInput, reading: Reading, notes: list[str], *, alone: bool) -> Iterator[RecordBatch]:
    """Yield the records of a file; without a column of questions it is a fault, or an error if it is the only file."""
    reading, base = _mapped(one.path, reading)
    noted = False
    for batch in table_batches(one.path):
        if batch.rows.is_empty():
            yield RecordBatch(file=one.name, records=pl.DataFrame(), faults=batch.faults)
            continue
        columns = reading.columns.find(batch.rows.schema)
        if not noted:
            reading.columns.check(batch.rows.columns, one.name)
            if fault := _no_question(columns, batch.rows.columns):
                if alone:
                    raise CheckError(f"{one.name}: {fault.detail}; name one with --question-column")
                yield RecordBatch(file=one.name, records=pl.DataFrame(), faults=[fault])
                return
        records = records_of_table(
            batch.rows,
            columns,
            file=one.name,
            lines=batch.lines,
            lang=reading.lang or "",
            license=reading.license,
        )
        if not noted:
            if not columns["lang"] and reading.lang is None:
                reading = replace(reading, lang=_language(records))
            if not columns["license"] and reading.license is None:
                batch.faults.append(Fault("license-missing", 0, "it has no column license"))
        known = pl.when(pl.col("lang") == "").then(pl.lit(reading.lang)).otherwise("lang")
        records = records.with_columns(lang=known)
        base.decide(records)
        if not noted:
            notes.append(f"{one.name}: {_described(columns, reading, base)}")
            notes += sheet_notes(RawFile(plain_name(one.path.name), one.path))
            noted = True
        yield RecordBatch(file=one.name, records=records, faults=batch.faults, base=base.base or 0)


def _no_question(columns_of: dict[str, list[str]], columns: list[str]) -> Fault | None:
    if columns_of["question"] or columns_of["messages"]:
        return None
    return Fault("unreadable-file", 0, f"which column holds the questions? Its columns are {', '.join(columns)}")


def _language(records: pl.DataFrame) -> str:
    """Return the most frequent language among the first rows, English where none is known."""
    head = records.head(LANGUAGE_SAMPLE)
    texts = head.select(
        pl.concat_str(question_text(), "response", "answer", separator="\n", ignore_nulls=True)
    ).to_series()
    counts = identify(texts.drop_nulls())["lang"].value_counts(sort=True)
    return next((lang for lang in counts["lang"] if lang in COMMON_WORDS), "en")


def _described(columns: dict[str, list[str]], reading: Reading, base: GoldBase) -> str:
    """Return how a file was read, in words."""
    parts = [f"{part}: {', '.join(names)}" for part, names in columns.items() if names]
    if base.numbers:
        parts.append(f"positions counted from {base.base or 0}{'' if base.base is not None else ' (assumed)'}")
    if not columns["lang"]:
        parts.append(f"language {reading.lang}")
    return "; ".join(parts)
