"""Labels of a language model for the rows of any files: the field of medicine, and whether a row is medical at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.own_files.conversations import TextColumns, read_columns, records_of, without_question
from pipelines.own_files.file_tables import FileAccount, TableError
from pipelines.own_files.row_licenses import bind_licenses, license_column
from pipelines.own_files.score_files import (
    errors_of,
    open_rows,
    refuse_all_failed,
    why_no_reply,
    write_kept_and_dropped,
)
from synth.judges import medical_filter, specialty
from synth.teachers.candidates import author
from synth.teachers.teacher import Teacher

BATCH_ROWS = 2_000
"""Most rows with their texts in memory at once."""

SPECIALTY = ("specialty", "specialty_reason", "specialty_by")
"""The columns of a label: the field, the reason why there is none, and the model."""

ERRORS = ("medical_error", "specialty_error")
"""The errors of failed requests, "" for replies; they are not written."""

NO_QUESTION = "the row has no question"
DROPPED = "the row was dropped before"


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The teachers that label rows, the store of their replies, and their budget.

    ``specialty`` adds the columns ``SPECIALTY``; rows that ``medical`` does not call medical, or does not answer, are
    dropped.
    """

    specialty: Teacher | None = None
    medical: Teacher | None = None
    store: Path = Path("store")
    spending: Spending = field(default_factory=Spending)


def label(
    files: Sequence[Path], out: Path, *, columns: TextColumns, labels: Labels, overwrite: bool = False
) -> FileAccount:
    """Write the rows of ``files`` with their labels, and those that are dropped, to ``out``; return the account.

    A row without a question, or whose reply cannot be read, has null as its ``specialty`` and a reason. The licence of
    the model joins that of each row with a specialty. Raises ``TableError``.
    """
    rows, schema, number = open_rows(files, out, overwrite=overwrite)
    if taken := [name for name in SPECIALTY if labels.specialty and name in schema]:
        raise TableError(f"column {taken[0]!r} is in the table already; rename it, or label another file")
    licenses = [labels.specialty.license] if labels.specialty else []
    license_name = license_column(schema, licenses)
    read = read_columns(schema, columns)
    labelled = [pl.DataFrame(schema=dict.fromkeys(("id", *SPECIALTY, "drop_reason", "evidence", *ERRORS), pl.String))]
    first = 0
    for batch in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
        labelled.append(_labelled(records_of(batch, read, first), labels))
        first += len(batch)
    table = pl.concat(labelled)
    for name, stage in (("medical_error", medical_filter.STAGE_NAME), ("specialty_error", specialty.STAGE_NAME)):
        refuse_all_failed(table[name].drop_nulls(), stage)
    if labels.specialty:
        fields = table.select(pl.col("id").alias(number), *SPECIALTY).lazy()
        rows = rows.join(fields, on=number, how="left", maintain_order="left")
        rows = bind_licenses(rows, license_name, licenses, pl.col("specialty").is_not_null())
    drops = table.filter(pl.col("drop_reason").is_not_null()).select("id", "drop_reason", "evidence")
    account = write_kept_and_dropped(out, rows, drops, number)
    if labels.specialty:
        fields_of_kept = table.filter(pl.col("drop_reason").is_null())["specialty"]
        account["labelled"], account["unlabelled"] = fields_of_kept.count(), fields_of_kept.null_count()
    return {**account, "question": ", ".join(read.question), "folder": str(out)}


def _labelled(records: pl.DataFrame, labels: Labels) -> pl.DataFrame:
    """Return id, ``SPECIALTY``, drop reason, evidence and ``ERRORS`` of some records.

    A row without a question is sent to no model, and one that the medical filter drops gets no specialty.
    """
    blank = without_question(records)
    named = pl.Series([NO_QUESTION if one else None for one in blank], dtype=pl.String)
    nothing = pl.Series([None] * len(records), dtype=pl.String)
    table = records.select("id").with_columns(
        specialty=nothing, specialty_reason=named, specialty_by=nothing, drop_reason=nothing, evidence=nothing,
        medical_error=nothing, specialty_error=nothing,
    )  # fmt: skip
    sent = records.filter(~blank)
    with show_progress(1) as progress:
        if labels.medical:
            filtering = medical_filter.MedicalFilter(generated_by=author(labels.medical))
            ask = cached_teacher(labels.store / FILE, labels.medical, labels.spending, progress)
            outcome = medical_filter.STAGE.run(sent, filtering, ask)
            found = outcome.rows.select("id", "drop_reason", "evidence")
            verdicts = outcome.tables["candidates"].select("id", medical_error=errors_of())
            unknown = pl.when(blank).then(pl.lit("medical_unknown")).alias("drop_reason")
            table = table.with_columns(unknown, evidence=named).update(found, on="id", how="left")
            table = table.update(verdicts, on="id", how="left")
            sent = sent.join(found.drop_nulls("drop_reason"), on="id", how="anti", maintain_order="left")
            dropped = pl.col("drop_reason").is_not_null()
            table = table.with_columns(specialty_reason=pl.when(dropped).then(pl.lit(DROPPED)).otherwise(named))
        if labels.specialty:
            config = specialty.Specialty(generated_by=author(labels.specialty))
            ask = cached_teacher(labels.store / FILE, labels.specialty, labels.spending, progress)
            candidates = specialty.STAGE.run(sent, config, ask).tables["candidates"]
            known = pl.col("parsed").is_not_null()
            found = candidates.select(
                "id",
                specialty="parsed",
                specialty_reason=pl.when(~known).then(why_no_reply()),
                specialty_error=errors_of(),
                specialty_by=pl.when(known).then(pl.lit(config.generated_by.name)),
            )
            table = table.update(found, on="id", how="left")
    return table
