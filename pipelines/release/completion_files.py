"""The completions of a release, so that a rebuild elsewhere calls no model.

``completions/*.parquet`` has a row for every request of the release's steps, by key: the teacher and its revision, the
prompt, the sampling parameters, and the reply, or the error of a failed request.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from pipelines.completions.completion_rows import store_rows
from pipelines.completions.completion_store import EXPORTED, FILE, opened
from pipelines.storage.store import Store
from sources.atomic import write_table
from sources.formats.literal import parquet_schema, read_parquet, scan_parquet
from sources.releases.manifest_model import StepSummary
from sources.releases.read_manifest import ReleaseError
from synth.teachers.candidates import FAILED
from synth.teachers.teacher import Failure

FOLDER = "completions"

SCHEMA = pl.Schema({**EXPORTED, "error": pl.String})
"""The columns; a failed request has an ``error`` and no reply, and its prompt is not kept."""

ROWS_PER_FILE = 100_000


def write_completions(store: Store, graph: list[StepSummary], folder: Path) -> None:
    """Write the requests of the steps ``graph`` and their replies, sorted by key, into ``folder/completions``.

    Raises ``ReleaseError`` where the store lacks some of them.
    """
    requests = _requests(store, graph)
    files = -(-requests.height // ROWS_PER_FILE)
    for n, part in enumerate(requests.iter_slices(ROWS_PER_FILE)):
        name = f"completions-{n:05}-of-{files:05}.parquet"
        write_table(folder / FOLDER / name, _with_replies(store, part))


def _requests(store: Store, graph: list[StepSummary]) -> pl.DataFrame:
    """Return the keys of all requests of these steps, each once, with its teacher and, if it failed, the error."""
    columns = {name: SCHEMA[name] for name in ("key", "teacher", "revision", "error")}
    tables = [pl.LazyFrame(schema=columns)]
    for step in graph:
        for path in sorted(store.folder(step.folder).glob("*/*.parquet")):
            if {"key", "verdict", "detail"} <= set(parquet_schema(path)):
                error = pl.when(pl.col("verdict") == FAILED).then(pl.col("detail").fill_null(""))
                tables.append(scan_parquet(path).select("key", "teacher", "revision", error=error))
    every = pl.concat(tables).sort("key", "error", nulls_last=False)
    return every.unique("key", keep="first", maintain_order=True).collect()


def _with_replies(store: Store, requests: pl.DataFrame) -> pl.DataFrame:
    """Return the requests with these keys as a table of ``SCHEMA``, in the same order."""
    failed = requests.filter(pl.col("error").is_not_null()).match_to_schema(SCHEMA, missing_columns="insert")
    keys = requests.filter(pl.col("error").is_null())["key"].to_list()
    with opened(store.root / FILE) as completions:
        answered = completions.exported(keys)
    if lost := len(keys) - answered.height:
        raise ReleaseError(
            f"{store.root} lacks {lost} of {len(keys)} completions of the rows, which a rebuild needs. Restore "
            "completions, or remove the folders of the generating steps to send the requests again"
        )
    return pl.concat([answered.match_to_schema(SCHEMA, missing_columns="insert"), failed]).sort("key")


# --- reading, and restoring into a store -----------------------------------------------------------------------------


def tables(folder: Path) -> Iterator[pl.DataFrame]:
    """Yield the completions of a release, file by file; nothing where it has none.

    Raises ``ReleaseError`` for a table with other columns.
    """
    for path in sorted((folder / FOLDER).glob("*.parquet")):
        if (schema := parquet_schema(path)) != SCHEMA:
            raise ReleaseError(f"{path} has the columns {dict(schema)}, expected {dict(SCHEMA)}")
        yield read_parquet(path)


def answered(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a table of ``SCHEMA`` that have a reply."""
    return rows.filter(pl.col("error").is_null())


def restore(folder: Path, store: Store) -> dict[str, Failure]:
    """Put the completions of a release into a store and return the failed requests, by key.

    Raises ``ReleaseError`` where the store has another answer to one of them.
    """
    failures: dict[str, Failure] = {}
    for rows in tables(folder):
        failed = rows.filter(pl.col("error").is_not_null()).select("key", "error")
        failures |= {key: Failure(error=error, tries=1) for key, error in failed.iter_rows()}
        with opened(store.root / FILE) as completions:
            for row, same in store_rows(answered(rows), completions):
                if not same:
                    raise ReleaseError(
                        f"{completions.path} has another answer of {row['teacher']} to the request {row['key']}: name "
                        "a new folder with --store, so that the release's own is used"
                    )
    return failures
