"""Scores for the rows of any files, the lowest rows dropped, and subsets chosen by score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import polars as pl

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.own_files.conversations import TextColumns, read_columns, records_of, without_question
from pipelines.own_files.file_tables import (
    RESULT,
    FileAccount,
    TableError,
    refuse_overwriting,
    refuse_result,
    scan,
    write_rows,
)
from pipelines.own_files.kept_vectors import keeping_embedder
from pipelines.own_files.row_licenses import bind_licenses, license_column
from pipelines.storage.stored_step import height
from quality.duplicates.near_duplicates import free_column
from quality.outcome import DROP_SCHEMA
from quality.scores.score_columns import Above, Lowest
from sources.atomic import remove_leftovers
from synth.judges import rubric
from synth.judges.score_step import RUBRIC, Scores, SelectRows, rows_to_drop, selected_rows
from synth.judges.score_teacher import add_stored_scores, score_teachers
from synth.teachers.candidates import FAILED, author
from synth.teachers.teacher import Ask, Teacher
from synth.teachers.token_counts import quarter_of_characters

BATCH_ROWS = 500
"""Most rows with their texts in memory at once."""

OUTPUTS = ("kept.parquet", "dropped.parquet")
QUANTILES = {"least": 0.0, "10%": 0.1, "median": 0.5, "90%": 0.9, "greatest": 1.0}


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How rows are scored: by models and a judge; the store of scores and replies; and the rules that drop rows."""

    scores: Scores = field(default_factory=Scores)
    judge: Teacher | None = None
    store: Path = Path("store")
    rules: Sequence[Lowest | Above] = ()
    spending: Spending = field(default_factory=Spending)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all scores."""
        return (*self.scores.names, *((RUBRIC,) if self.judge else ()))


def open_rows(
    files: Sequence[Path], out: Path, *, overwrite: bool, outputs: Sequence[str] = OUTPUTS
) -> tuple[pl.LazyFrame, pl.Schema, str]:
    """Return the rows of ``files``, each with its number as text, their own columns, and the number's column.

    Raises ``TableError`` where ``out`` holds a result or one of ``outputs`` is an input.
    """
    refuse_overwriting(files, [out / name for name in outputs])
    refuse_result(out, overwrite=overwrite)
    rows = scan(files)
    schema = rows.collect_schema()
    number = free_column("row", schema.names())
    return rows.with_row_index(number).with_columns(pl.col(number).cast(pl.String)), schema, number


def score(
    files: Sequence[Path], out: Path, *, columns: TextColumns, scoring: Scoring, overwrite: bool = False
) -> FileAccount:
    """Write the rows of ``files`` with a column for each score to ``out`` and return the account.

    A row that cannot be scored has null and a reason in ``NAME_reason``. Rows that a rule drops are in
    ``dropped.parquet`` with reason and evidence. The judge's licence joins that of each row with marks. Raises
    ``TableError`` before anything is written.
    """
    rows, schema, number = open_rows(files, out, overwrite=overwrite)
    added = [column for name in scoring.names for column in _columns_of(name)]
    if taken := [name for name in added if name in schema]:
        raise TableError(f"column {taken[0]!r} is in the table already; rename it, or score another file")
    licenses = [scoring.judge.license] if scoring.judge else []
    license_name = license_column(schema, licenses)
    read = read_columns(schema, columns)
    scores = pl.concat([_nothing(scoring), *_scored(rows, read, scoring)])
    for name in scoring.names:
        if not scores[name].count() and len(scores):
            reason = scores[f"{name}_reason"].value_counts(sort=True).row(0)
            raise TableError(f"no row has a {name} score: {reason[0]} ({reason[1]:,} rows)")
    drops = rows_to_drop(scores, scoring.rules)
    score_columns = scores.rename({"id": number}).lazy()
    scored = rows.join(score_columns, on=number, how="left", maintain_order="left")
    if scoring.judge:
        scored = bind_licenses(scored, license_name, licenses, pl.col(RUBRIC).is_not_null())
    account = write_kept_and_dropped(out, scored, drops, number)
    account |= {"question": ", ".join(read.question), "answer": read.answer or "the last turn of the assistant"}
    for name in scoring.names:
        account[name] = describe_scores(scores[name])
    return {**account, "folder": str(out)}


def describe_scores(scores: pl.Series) -> dict[str, int | float]:
    """Return how many rows have a score and how many have none, and the quantiles."""
    known = scores.drop_nulls()
    quantiles = {name: known.quantile(at, "linear") for name, at in QUANTILES.items()} if len(known) else {}
    rounded = {name: round(value, 4) for name, value in quantiles.items() if value is not None}
    return {"scored": len(known), "unscored": scores.null_count(), **rounded}


def _scored(rows: pl.LazyFrame, columns: TextColumns, scoring: Scoring) -> Iterator[pl.DataFrame]:
    """Yield ids, scores and reasons, a batch of rows at a time."""
    total = -(-int(rows.select(pl.len()).collect().item()) // BATCH_ROWS)
    columns_to_add = [column for name in scoring.names for column in _columns_of(name)]
    first = 0
    teachers = score_teachers(scoring.scores)
    with show_progress(1) as progress:
        progress.started("score", total)
        for batch in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            for part in batch.iter_slices(BATCH_ROWS):
                records = records_of(part, columns, first)
                scored = records
                for teacher in teachers:
                    scorer = cached_teacher(scoring.store / FILE, teacher, Spending(), progress)
                    scored = add_stored_scores(scored, teacher, scorer)
                if scoring.judge:
                    ask = cached_teacher(scoring.store / FILE, scoring.judge, scoring.spending, progress)
                    scored = _with_marks(scored, records, scoring.judge, ask)
                first += len(part)
                progress.advanced("score", len(part))
                yield scored.select("id", *columns_to_add)


def _with_marks(scored: pl.DataFrame, records: pl.DataFrame, judge: Teacher, ask: Ask) -> pl.DataFrame:
    """Return the rows with the mean of a judge's marks, the marks, and the reason where there are none."""
    config = rubric.Rubric(generated_by=author(judge), min_mark=1)
    blank = without_question(records)
    outcome = rubric.STAGE.run(records.with_columns(response=pl.when(~blank).then("response")), config, ask)
    marks = [orjson.loads(meta).get("rubric") for meta in outcome.rows["meta"]]
    answered = records["response"].fill_null("") != ""
    why = dict(outcome.tables["candidates"].select("id", why_no_reply()).iter_rows())
    reasons = [
        None if mark else why.get(id, "the row has no question" if has_answer else "the row has no response")
        for mark, id, has_answer in zip(marks, records["id"], answered, strict=True)
    ]
    columns = {name: [mark[name] if mark else None for mark in marks] for name in rubric.CRITERIA}
    return scored.with_columns(
        pl.Series(RUBRIC, [sum(mark.values()) / len(mark) if mark else None for mark in marks], pl.Float64),
        *(pl.Series(f"{RUBRIC}_{name}", values, pl.Int64) for name, values in columns.items()),
        pl.Series(f"{RUBRIC}_by", [judge.name if mark else None for mark in marks], pl.String),
        pl.Series(f"{RUBRIC}_reason", reasons, pl.String),
    )


def refuse_all_failed(errors: pl.Series, stage: str) -> None:
    """Raise ``TableError`` where all requests of a stage failed; ``errors`` are "" for those with a reply."""
    if len(errors) and (errors != "").all():
        raise TableError(
            f"all {len(errors):,} requests of {stage} failed, expected replies; the first error is: {errors[0]}. "
            "Correct the model or its options, such as --context-tokens, and run again"
        )


def errors_of() -> pl.Expr:
    """Return the error of a candidate, "" for one with a reply."""
    return pl.when(verdict=FAILED).then(pl.col("detail").fill_null(FAILED)).otherwise(pl.lit(""))


def why_no_reply() -> pl.Expr:
    """Return why a candidate has no value: its verdict, or the error of a request that failed."""
    failed = pl.concat_str(pl.lit("the request failed: "), pl.col("detail").fill_null("no reply came"))
    return pl.when(verdict=FAILED).then(failed).otherwise(pl.concat_str(pl.lit("the judge's reply is "), "verdict"))


def _columns_of(name: str) -> list[str]:
    """Return the columns of a score: its value, the single marks and the judge of a rubric, and the reason."""
    marks = [*(f"{RUBRIC}_{criterion}" for criterion in rubric.CRITERIA), f"{RUBRIC}_by"] if name == RUBRIC else []
    return [name, *marks, f"{name}_reason"]


def _nothing(scoring: Scoring) -> pl.DataFrame:
    kinds = {column: pl.Int64 for column in map(f"{RUBRIC}_{{}}".format, rubric.CRITERIA)}
    columns = [column for name in scoring.names for column in _columns_of(name)]
    schema = {c: kinds.get(c, pl.String if c.endswith(("_reason", "_by")) else pl.Float64) for c in columns}
    return pl.DataFrame(schema={"id": pl.String, **schema})


def select(
    files: Sequence[Path],
    out: Path,
    *,
    columns: TextColumns,
    config: SelectRows,
    store: Path = Path("store"),
    overwrite: bool = False,
) -> FileAccount:
    """Write the best rows of ``files`` by a score column, up to a size or token budget, and those left out.

    With an embedding model, whose vectors are kept in ``store``, rows similar to a better one are left out too. Raises
    ``TableError``.
    """
    rows, schema, number = open_rows(files, out, overwrite=overwrite)
    score_column = config.rule.score
    if score_column not in schema:
        raise TableError(f"column {score_column!r} is not in the table; its columns are {', '.join(schema)}")
    read = read_columns(schema, columns)
    texts = pl.concat([_empty_texts(), *_texts(rows, read)])
    ranked = texts.with_columns(_numbers(rows.select(score_column).collect()[score_column]))
    if len(ranked) and not ranked[score_column].count():
        raise TableError(f"no row has a score in column {score_column!r}, expected numbers; name another one with --by")
    embed = keeping_embedder(config.embedder, store) if config.embedder else None
    drops = selected_rows(ranked, config, embed)
    account = write_kept_and_dropped(out, rows, drops, number)
    kept = ranked.join(drops, on="id", how="anti")
    tokens = {"tokens": int(ranked["tokens"].sum()), "tokens_kept": int(kept["tokens"].sum())}
    return {**account, **tokens, "folder": str(out)}


def _numbers(values: pl.Series) -> pl.Series:
    """Return a column of scores as numbers, empty cells and NaN as null; ``TableError`` names the first other value."""
    if not (values.dtype.is_numeric() or values.dtype in (pl.String, pl.Null)):
        raise TableError(f"column {values.name!r} is {values.dtype}, expected numbers; name the column of a score")
    if values.dtype == pl.String:
        values = values.str.strip_chars().replace("", None)
    numbers = values.cast(pl.Float64, strict=False).fill_nan(None)
    wrong = (numbers.is_null() & ~_stated_missing(values)) | numbers.is_infinite().fill_null(value=False)
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise TableError(
            f"column {values.name!r}, row {row + 1}: {values[row]!r}, expected a finite number, or nothing where the "
            "row has no score"
        )
    return numbers


def _stated_missing(values: pl.Series) -> pl.Series:
    """Return where a value is null or NaN, which are no scores."""
    if values.dtype == pl.String:
        return values.is_null() | (values.str.to_lowercase() == "nan").fill_null(value=False)
    return values.is_null() | (values.is_nan().fill_null(value=False) if values.dtype.is_float() else values.is_null())


def _empty_texts() -> pl.DataFrame:
    return pl.DataFrame(schema={"id": pl.String, "text": pl.String, "tokens": pl.Int64})


def _texts(rows: pl.LazyFrame, columns: TextColumns) -> Iterator[pl.DataFrame]:
    """Yield id, text and estimated tokens of the rows."""
    first = 0
    for batch in rows.collect_batches(chunk_size=50_000, maintain_order=True):
        records = records_of(batch, columns, first)
        first += len(batch)
        prompts = pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\n")
        text = records.select("id", text=pl.concat_str(prompts, pl.col("response").fill_null(""), separator="\n"))
        yield text.with_columns(quarter_of_characters(text["text"]).cast(pl.Int64).alias("tokens"))


def write_kept_and_dropped(out: Path, rows: pl.LazyFrame, drops: pl.DataFrame, number: str) -> FileAccount:
    """Write kept and dropped rows and return their counts, by reason too.

    Reason and evidence are ``reason_`` and ``evidence_`` where the rows have columns of these names.
    """
    taken = rows.collect_schema().names()
    names = {"drop_reason": free_column("reason", taken), "evidence": free_column("evidence", taken)}
    named = drops.match_to_schema(DROP_SCHEMA).rename({"id": number, **names}).lazy()
    remove_leftovers(out)
    (out / RESULT).unlink(missing_ok=True)
    write_rows(rows.join(named, on=number, how="inner", maintain_order="left"), out / "dropped.parquet")
    write_rows(rows.join(named, on=number, how="anti", maintain_order="left").drop(number), out / RESULT)
    kept, dropped = height([out / RESULT]), height([out / "dropped.parquet"])
    reasons = dict(drops.group_by("drop_reason").len().sort("drop_reason").iter_rows())
    return {"rows": kept + dropped, "kept": kept, "dropped": dropped, **reasons}
