"""Questions on passages: of the rows of any table, or of documents in files and folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import polars as pl

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.own_files.conversations import TextColumns, records_of
from pipelines.own_files.document_table import QUARANTINE_SCHEMA, are_documents, passage_table, quarantined_text
from pipelines.own_files.file_tables import RESULT, FileAccount, TableError, refuse_result, write_rows
from pipelines.own_files.row_licenses import bind_licenses, license_column
from pipelines.own_files.score_files import OUTPUTS as SPLIT
from pipelines.own_files.score_files import errors_of, open_rows, refuse_all_failed, write_kept_and_dropped
from sources.documents.passage_cuts import PassageSize
from sources.formats.literal import read_parquet
from synth.passages import passage_questions
from synth.passages.passage_questions import LEAST_CHARS, STAGE_NAME, Passages
from synth.teachers.candidates import CANDIDATE_SCHEMA, author
from synth.teachers.teacher import Teacher

BATCH_ROWS = 2_000
"""Most rows with their texts in memory at once."""

ADDED = ("question", "answer", "support", "support_start", "generated_by")
"""The columns of a question on a passage: texts, where the support begins in the passage, and the model that wrote."""

ADDED_SCHEMA = {name: pl.Int64 if name == "support_start" else pl.String for name in ADDED}

CANDIDATES, QUARANTINED = "candidates.parquet", "quarantined.parquet"
OUTPUTS = (*SPLIT, CANDIDATES, QUARANTINED)


@dataclass(frozen=True, kw_only=True)
class Questioning:
    """How questions are written: the teacher, the tries for each passage, and the store of its replies.

    ``passage`` and ``title`` are columns of a table; documents are cut into passages of ``size``.
    """

    teacher: Teacher
    passage: str = "text"
    title: str | None = None
    samples: int = 1
    size: PassageSize = field(default_factory=PassageSize)
    store: Path = Path("store")
    spending: Spending = field(default_factory=Spending)


def write_questions(files: Sequence[Path], out: Path, *, how: Questioning, overwrite: bool = False) -> FileAccount:
    """Write a question, an answer and the quoted support for each passage of ``files`` to ``out``.

    Rows without a verified question are dropped with the verdicts on all samples; ``candidates.parquet`` has every
    reply, ``quarantined.parquet`` the documents that cannot be read, where there are some. The teacher's licence joins
    that of each row with a question. Raises ``TableError``.
    """
    other: dict[str, int] = {}
    quarantined = pl.DataFrame(schema=QUARANTINE_SCHEMA)
    passage, title = how.passage, how.title
    if are_documents(files):
        refuse_result(out, overwrite=overwrite)
        table, quarantined, other = passage_table(files, how.size)
        passage, title, number = "text", "heading", "row"
        rows, schema = table.with_row_index(number).with_columns(pl.col(number).cast(pl.String)).lazy(), table.schema
    else:
        rows, schema, number = open_rows(files, out, overwrite=overwrite, outputs=OUTPUTS)
    for name in filter(None, (passage, title)):
        if schema.get(name) != pl.String:
            option = "--passage-column" if name == passage else "--title-column"
            raise TableError(
                f"{name!r} is not a text column; the columns are {', '.join(schema)}; name one with {option}"
            )
    if taken := [name for name in ADDED if name in schema]:
        raise TableError(f"column {taken[0]!r} is in the table already; rename it")
    licenses = [how.teacher.license]
    license_name = license_column(schema, licenses)
    questions, candidates = _ask(rows, passage, title, how)
    refuse_all_failed(candidates.select(errors_of()).to_series(), STAGE_NAME)
    written = rows.join(questions.select(pl.col("id").alias(number), *ADDED).lazy(), on=number, maintain_order="left")
    written = bind_licenses(written, license_name, licenses, pl.col("question").is_not_null())
    drops = questions.filter(pl.col("drop_reason").is_not_null()).select("id", "drop_reason", "evidence")
    (out / RESULT).unlink(missing_ok=True)  # of an earlier call: it marks a complete result and is written last
    write_rows(candidates.rename({"id": number}).lazy(), out / CANDIDATES)
    if len(quarantined):
        write_rows(quarantined.lazy(), out / QUARANTINED)
    else:
        (out / QUARANTINED).unlink(missing_ok=True)
    account = write_kept_and_dropped(out, written, drops, number)
    verdicts = candidates.filter(stage=STAGE_NAME)["verdict"].value_counts().sort("verdict").rows()
    if "document" in schema:
        account = {"documents": int(rows.select(pl.col("document").n_unique()).collect().item()), **account}
    account |= {f"questions {verdict}": count for verdict, count in verdicts}
    return {**account, **other, "folder": str(out)}


def quarantine_note(out: Path) -> str | None:
    """Return the documents and pages that are quarantined in a result and why; None where there are none."""
    if not (out / QUARANTINED).is_file():
        return None
    quarantined = read_parquet(out / QUARANTINED)
    return f"quarantined: {len(quarantined):,}, listed in {out / QUARANTINED}: {quarantined_text(quarantined)}"


def _ask(rows: pl.LazyFrame, passage: str, title: str | None, how: Questioning) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return id, the added columns, drop reason and evidence of all rows, and every reply."""
    config = Passages(
        generated_by=author(how.teacher),
        license=how.teacher.license,
        samples=how.samples,
        min_chars=min(LEAST_CHARS, how.size.least),
        form="grounded",
    )
    schema = {"id": pl.String, **ADDED_SCHEMA, "drop_reason": pl.String, "evidence": pl.String}
    questions, candidates = [pl.DataFrame(schema=schema)], [pl.DataFrame(schema=CANDIDATE_SCHEMA)]
    first = 0
    with show_progress(1) as progress:
        progress.started("questions", int(rows.select(pl.len()).collect().item()))
        ask = cached_teacher(how.store / FILE, how.teacher, how.spending, progress)
        for batch in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            records = records_of(batch, TextColumns(question=[title or passage]), first)
            records = records.with_columns(context=batch[passage], task=pl.lit("passage"))
            outcome = passage_questions.STAGE.run(records, config, ask)
            questions.append(_questions(outcome.rows))
            candidates.append(outcome.tables["candidates"])
            first += len(batch)
            progress.advanced("questions", len(batch))
    return pl.concat(questions), pl.concat(candidates)


def _questions(rows: pl.DataFrame) -> pl.DataFrame:
    """Return id, the added columns, drop reason and evidence."""
    read: list[tuple[str | int | None, ...]] = []
    for id, messages, answer, meta, reason, evidence in rows.select(
        "id", "messages", "answer", "meta", "drop_reason", "evidence"
    ).iter_rows():
        note = orjson.loads(meta).get("passage")
        written: tuple[str | int | None, ...] = (None,) * len(ADDED)
        if note:
            facts = [note[name] for name in ("support", "support_start", "teacher")]
            written = (messages[-1]["content"], answer, *facts)
        read.append((id, *written, reason, evidence))
    schema = {"id": pl.String, **ADDED_SCHEMA, "drop_reason": pl.String, "evidence": pl.String}
    return pl.DataFrame(read, schema, orient="row")
