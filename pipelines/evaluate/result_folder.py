"""The folder of an evaluation: ``results.json`` and ``items.parquet``, written atomically."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from sources.atomic import publish_folder, write_json, write_table, writing
from sources.errors import SabilaError
from sources.formats.literal import parquet_schema, read_parquet
from training.evaluation.evaluation_record import FORMAT, EvaluationRecord
from training.evaluation.item_results import RESULT_SCHEMA, ItemResult, item_results, result_table

RESULTS = "results.json"
ITEMS = "items.parquet"


class ResultsError(SabilaError):
    """A folder of results that cannot be written, or without results."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """An evaluation as it was written: its record and its items."""

    folder: Path
    record: EvaluationRecord
    items: list[ItemResult]


def check_new(out: Path) -> None:
    """Raise ``ResultsError`` where ``out`` exists: results are never overwritten."""
    if out.exists():
        raise ResultsError(
            f"{out} exists, expected the name of a new folder: remove it, or name another one with --out"
        )


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a temporary folder to write to; on success it is renamed to ``out``, otherwise removed."""
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    try:
        with writing(out):
            partial.mkdir(parents=True)
            yield partial
            publish_folder(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_results(out: Path, record: EvaluationRecord, items: Iterable[ItemResult]) -> None:
    """Write an evaluation into a new folder, complete or not at all."""
    check_new(out)
    with new_folder(out) as partial:
        write_table(partial / ITEMS, result_table(items))
        write_json(partial / RESULTS, record.model_dump(mode="json"))


def read_results(folder: Path) -> Results:
    """Return the evaluation in ``folder``. Raises ``ResultsError`` where there is none, or one of another version."""
    path = folder / RESULTS
    try:
        value = json.loads(path.read_bytes())
        if isinstance(value, dict) and value.get("format") != FORMAT:
            raise ResultsError(
                f"{path} has format {value.get('format')!r}, expected {FORMAT}: evaluate the model again"
            )
        record = EvaluationRecord.model_validate(value)
        if dict(parquet_schema(folder / ITEMS)) != dict(RESULT_SCHEMA):
            raise ResultsError(
                f"{folder / ITEMS} has other columns than results of this version: evaluate the model again"
            )
        items = list(item_results(read_parquet(folder / ITEMS)))
    except (OSError, ValidationError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ResultsError(
            f"{folder} holds no results that can be read ({reason}), expected what `sabila evaluate` wrote"
        ) from error
    return Results(folder=folder, record=record, items=items)
