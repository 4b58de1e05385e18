"""The work on one shard, in whatever process it runs: read, map or sift, write, and count.

A shard is done when its note ``shards/<n>.json`` exists; after an interruption the next build continues from there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.build.changed_rows import CHANGED, changed_rows
from pipelines.build.shard_cache import CachedShard, Known, ShardCounts, content_of, link_file
from pipelines.build.step import CompareRows, GenerateStep, MapRows
from pipelines.completions.failed_requests import Outcomes, TooManyFailedError
from pipelines.storage.stored_step import height
from quality.kept_values import keeping_in
from quality.outcome import Outcome
from quality.overrides import Override, Overrides, named_rows, pass_rules
from sources.atomic import write_json, write_table
from sources.errors import SabilaError
from sources.files import RawFile
from sources.formats.literal import read_parquet, scan_parquet
from sources.license import freer_licenses
from sources.read import read
from sources.record import Malformed, Record
from sources.releases.manifest_model import FailedRequests
from sources.source import Benchmark, Corpus, is_held_out, is_training
from sources.table import SCHEMA, frame, malformed
from synth.redteam import benign_lookalikes
from synth.teachers.teacher import Ask

DROPPED_SCHEMA = pl.Schema([*SCHEMA.items(), ("reason", pl.String), ("evidence", pl.String)])


class LostRowsError(SabilaError):
    """A step that did not account for every input row; the build stops."""


def note(folder: Path, shard: int) -> ShardCounts | None:
    """Return the counts of a finished shard, else None."""
    path = folder / "shards" / f"{shard:05}.json"
    return ShardCounts.of(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def read_shard(corpus: Corpus, files: tuple[RawFile, ...], limit: int | None, folder: Path, shard: int) -> ShardCounts:
    """Read raw files into rows: kept ones, held-out ones that are dropped, malformed ones that are quarantined."""
    raw = islice((row for file in files for row in read(corpus, file)), limit)
    rows: list[Record] = []
    broken: list[Malformed] = []
    for row in raw:
        (rows if isinstance(row, Record) else broken).append(row)  # type: ignore[arg-type]
    table = frame(rows)
    reasons = _reasons_to_hold_out(corpus, table["split"].unique().to_list())
    evidence = pl.col("split").replace_strict(reasons, default=None, return_dtype=pl.String)
    table = table.with_columns(evidence=evidence).with_columns(
        drop_reason=pl.when(pl.col("evidence").is_not_null()).then(pl.lit("held_out_split"))
    )
    if broken:
        write_table(folder / "quarantine" / f"{shard:05}.parquet", malformed(broken))
    rows_in = len(rows) + len(broken)
    return _write(folder, shard, table, ShardCounts(rows_in=rows_in, quarantined=len(broken)))


def _reasons_to_hold_out(corpus: Corpus, splits: Sequence[str]) -> dict[str, str]:
    """Return the splits whose rows must not be trained on, and why; a split of unknown kind is held out too."""
    if isinstance(corpus, Benchmark):
        return {}
    reasons = {split: f"its publisher calls it {split}" for split in splits if is_held_out(split)}
    unknown = {split for split in splits if not is_held_out(split) and not is_training(split)} - set(corpus.files)
    way = "which is no usual name of a training split; list it in the files of the source if it is one"
    return reasons | {split: f"its publisher calls it {split!r}, {way}" for split in unknown}


def map_shard(
    function: MapRows[Any],
    config: Any,
    known: Known,
    passes: tuple[Override, ...],
    path: Path,
    folder: Path,
    shard: int,
) -> ShardCounts:
    """Map the rows of one shard, or reuse an earlier build's result of the step for the same file.

    Rows named by ``passes`` pass the rules that these name. Raises ``LostRowsError`` where the outcome lacks a row or
    changes the order.
    """
    own = named_in((path,), passes)
    input_hash = content_of((path,), own)
    if input_hash in known:
        return _reuse_cached(known[input_hash], folder, shard)
    rows = read_parquet(path)
    outcome = function(rows, config)
    if own:
        outcome = pass_rules(outcome, rows, own, lambda some: function(some, config))
    return _write_outcome(function, rows, outcome, folder, shard, input_hash)


def compare_shard(
    function: CompareRows[Any],
    config: Any,
    references: tuple[Path, ...],
    known: Known,
    passes: tuple[Override, ...],
    kept: Path,
    path: Path,
    folder: Path,
    shard: int,
) -> ShardCounts:
    """Map the rows of one shard, compared with the rows in ``references``; as ``map_shard`` otherwise.

    What is made of all references is kept in the folder ``kept`` for the other shards.
    """
    own = named_in((path,), passes)
    input_hash = content_of((path,), own)
    if input_hash in known:
        return _reuse_cached(known[input_hash], folder, shard)
    rows = read_parquet(path)
    with keeping_in(kept):
        outcome = function(rows, config, references)
        if own:
            outcome = pass_rules(outcome, rows, own, lambda some: function(some, config, references))
    return _write_outcome(function, rows, outcome, folder, shard, input_hash)


def map_named_shard(
    function: MapRows[Overrides], config: Overrides, path: Path, folder: Path, shard: int
) -> ShardCounts:
    """Map the rows of one shard if an override names one of them; pass it on as it is otherwise."""
    own = named_in((path,), config.entries)
    if not own:
        return pass_shard(path, folder, shard)
    rows = read_parquet(path)
    return _write_outcome(function, rows, function(rows, Overrides(entries=own)), folder, shard, "")


def named_in(paths: Sequence[Path], entries: Sequence[Override]) -> tuple[Override, ...]:
    """Return the overrides that name a row of these files, in their order."""
    if not entries:
        return ()
    rows = scan_parquet(list(paths)).select("id", "source", "file", "line").collect()
    named = {entry.key for _, entry in named_rows(rows, entries)}
    return tuple(entry for entry in entries if entry.key in named)


def generate_shard(
    work: GenerateStep,
    config: Any,
    ask: Ask,
    known: Known,
    passes: tuple[Override, ...],
    paths: tuple[Path, ...],
    folder: Path,
    shard: int,
) -> ShardCounts | Outcomes:
    """Map the rows of some files with a teacher, or reuse an earlier result.

    Returns the counts; where more requests failed than allowed, nothing is written, and their outcomes are returned.
    """
    own = named_in(paths, passes)
    input_hash = content_of(paths, own)
    if input_hash in known and known[input_hash].counts.failed is None:
        return _reuse_cached(known[input_hash], folder, shard)
    rows, outcomes = read_parquet(list(paths)), Outcomes()
    try:
        outcome = work.function(rows, config, outcomes.counting(ask, work.max_failed))
    except TooManyFailedError:
        return outcomes
    if outcomes.too_many(work.max_failed):
        return outcomes
    if own:
        outcome = pass_rules(outcome, rows, own)
    return _write_outcome(work.function, rows, outcome, folder, shard, input_hash, outcomes.failures())


def pass_shard(path: Path, folder: Path, shard: int) -> ShardCounts:
    """Pass on a shard as it is, without writing its rows again."""
    link_file(path, folder / "kept" / f"{shard:05}.parquet")
    return _note(folder, shard, ShardCounts(rows_in=height([path])))


def _reuse_cached(cached: CachedShard, folder: Path, shard: int) -> ShardCounts:
    cached.link(folder, shard)
    return _note(folder, shard, cached.counts.with_values(reused=True))


def _write_outcome(
    function: Callable[..., Outcome],
    rows: pl.DataFrame,
    outcome: Outcome,
    folder: Path,
    shard: int,
    input_hash: str,
    failed: FailedRequests | None = None,
) -> ShardCounts:
    """Write a function's outcome of ``rows``: all must be in it, in order; further rows must be derived from them."""
    is_input = outcome.rows["id"].is_in(rows["id"].implode()).fill_null(False)
    derived = outcome.rows.filter(~is_input)
    parents = derived.select(_parent()).to_series()
    name = f"{function.__module__}.{function.__name__}"
    if (
        not outcome.rows.filter(is_input)["id"].equals(rows["id"])
        or not parents.is_in(rows["id"].implode()).fill_null(False).all()
    ):
        raise LostRowsError(
            f"{name} was given {rows.height} rows and returned {outcome.rows.height}, or others, or in another order; "
            "this is a defect of the step"
        )
    check_outcome(name, rows, outcome.rows.with_columns(before=pl.when(is_input).then("id").otherwise(_parent())))
    changed = changed_rows(rows, outcome.rows.filter(is_input))
    if "generators" in outcome.tables:
        check_not_eligible(name, outcome, changed["id"])
    for name, table in {"edits": outcome.edits, CHANGED: changed, **outcome.tables}.items():
        if table.height:
            write_table(folder / name / f"{shard:05}.parquet", table)
    counts = ShardCounts(
        rows_in=rows.height,
        made=derived.height,
        changed=changed.height,
        edits=_counts(outcome.edits["rule"]),
        input_hash=input_hash,
        failed=failed,
    )
    return _write(folder, shard, outcome.rows, counts)


def check_outcome(name: str, rows: pl.DataFrame, outcome: pl.DataFrame) -> None:
    """Raise ``LostRowsError`` for rows that lost their origin, or have a freer licence than before.

    Benign lookalikes, which sabila wrote, are attached to other rows and marked. ``rows`` are the input of a step; the
    column ``before`` of ``outcome`` names the input row of each.
    """
    inputs = rows.select(pl.col("id").alias("before"), *(pl.col(column).alias(f"old_{column}") for column in FIXED))
    ours = (pl.col("source") == benign_lookalikes.SOURCE) & (pl.col("before") != pl.col("id"))
    both = outcome.filter(~ours).join(inputs, on="before", how="left", maintain_order="left")
    for column in ("source", "file", "line", "date", "split"):
        moved = both.filter(pl.col(column).ne_missing(pl.col(f"old_{column}")))
        if moved.height:
            id, old, new = moved.select("id", f"old_{column}", column).row(0)
            raise LostRowsError(
                f"{name} changed {column} of {id} to {new!r}, expected {old!r}; this is a defect of the step"
            )
    for old, new in both.select("old_license", "license").unique(maintain_order=True).iter_rows():
        if new is None or (lost := freer_licenses(new, old)):
            id = both.filter(pl.col("license").eq_missing(new), old_license=old)["id"][0]
            raise LostRowsError(
                f"{name} changed license of {id} to {new!r}, which omits {lost[0] if new else old}; this is a defect "
                "of the step: a row keeps all its licences"
            )
    without_reason = outcome.filter(pl.col("drop_reason").str.strip_chars() == "")
    if without_reason.height:
        raise LostRowsError(f"{name} drops {without_reason['id'][0]} without a reason; this is a defect of the step")
    emptied = both.filter(
        pl.col("drop_reason").is_null(),
        pl.col("response").str.strip_chars() == "",
        pl.col("old_response").ne_missing(""),
    )
    if emptied.height:
        raise LostRowsError(
            f"{name} keeps {emptied['id'][0]} with an empty response, expected a text or null; this is a defect of "
            "the step"
        )


def check_not_eligible(name: str, outcome: Outcome, changed: pl.Series) -> None:
    """Raise ``LostRowsError`` for a row that was dropped or changed although no generator took it."""
    taken = outcome.tables["generators"]["id"].implode()
    touched = pl.col("drop_reason").is_not_null() | pl.col("id").is_in(changed.implode())
    wrong = outcome.rows.filter(touched, ~pl.col("id").is_in(taken), ~_parent().is_in(taken).fill_null(False))
    if wrong.height:
        raise LostRowsError(
            f"{name} changes or drops {wrong['id'][0]}, which no generator took; this is a defect of the step"
        )


FIXED = ("source", "file", "line", "date", "split", "license", "response")
"""Columns of an outcome that are compared with the input rows."""


def _parent() -> pl.Expr:
    """Return the id of the row from which a row was derived."""
    return pl.col("id").str.extract(r"^(.*)/[^/]+$")


def sift_shard(drops: Path, path: Path, folder: Path, shard: int) -> ShardCounts:
    """Split one shard into the rows named by ``drops`` and the others."""
    rows = read_parquet(path)
    dropped = scan_parquet(drops).join(rows.lazy().select("id"), on="id", how="semi").collect()
    sifted = rows.join(dropped, on="id", how="left", maintain_order="left")
    return _write(folder, shard, sifted, ShardCounts(rows_in=rows.height))


def _write(folder: Path, shard: int, rows: pl.DataFrame, counts: ShardCounts) -> ShardCounts:
    """Write kept and dropped rows, then the shard's note."""
    kept = rows.filter(pl.col("drop_reason").is_null()).select(SCHEMA.names())
    dropped = (
        rows.filter(pl.col("drop_reason").is_not_null())
        .rename({"drop_reason": "reason"})
        .select(DROPPED_SCHEMA.names())
    )
    for name, table in (("kept", kept), ("dropped", dropped)):
        if table.height:
            write_table(folder / name / f"{shard:05}.parquet", table)
    return _note(folder, shard, counts)


def _note(folder: Path, shard: int, counts: ShardCounts) -> ShardCounts:
    counts = counts.with_values(shard=shard)
    write_json(folder / "shards" / f"{shard:05}.json", counts.to_json())
    return counts


def _counts(names: pl.Series) -> dict[str, int]:
    return dict(sorted(Counter(names.to_list()).items()))
