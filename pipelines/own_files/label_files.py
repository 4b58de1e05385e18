"""Labels of a language model for the rows of any files: the field of medicine, and whether a row is medical at all."""

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
from pipelines.own_files.conversations import TextColumns, read_columns, records_of
from pipelines.own_files.file_tables import FileAccount, TableError
from pipelines.own_files.score_files import open_rows, write_kept_and_dropped
from synth.judges import medical_filter, specialty
from synth.teachers.candidates import author
from synth.teachers.teacher import Teacher

BATCH_ROWS = 2_000
"""Most rows with their texts in memory at once."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The teachers that label rows, the store of their replies, and their budget.

    ``specialty`` adds a column; rows that ``medical`` does not call medical, or does not answer, are dropped.
    """

    specialty: Teacher | None = None
    medical: Teacher | None = None
    store: Path = Path("store")
    spending: Spending = field(default_factory=Spending)


def label(
    files: Sequence[Path], out: Path, *, columns: TextColumns, labels: Labels, overwrite: bool = False
) -> FileAccount:
    """Write the rows of ``files`` with their labels, and those that are dropped, to ``out``; return the account.

    A row whose reply cannot be read has null as its ``specialty``. Raises ``TableError``.
    """
    rows, schema, number = open_rows(files, out, overwrite=overwrite)
    added = (["specialty"] if labels.specialty else []) + (["reason", "evidence"] if labels.medical else [])
    if taken := [name for name in added if name in schema]:
        raise TableError(f"column {taken[0]!r} is in the table already; rename it, or label another file")
    read = read_columns(schema, columns)
    labelled = [pl.DataFrame(schema=dict.fromkeys(("id", "specialty", "drop_reason", "evidence"), pl.String))]
    first = 0
    for batch in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
        labelled.append(_labelled(records_of(batch, read, first), labels))
        first += len(batch)
    table = pl.concat(labelled)
    if labels.specialty:
        fields = table.select(pl.col("id").alias(number), "specialty").lazy()
        rows = rows.join(fields, on=number, how="left", maintain_order="left")
    drops = table.filter(pl.col("drop_reason").is_not_null()).select("id", "drop_reason", "evidence")
    account = write_kept_and_dropped(out, rows, drops, number)
    if labels.specialty:
        account["labelled"], account["unlabelled"] = table["specialty"].count(), table["specialty"].null_count()
    return {**account, "question": ", ".join(read.question), "folder": str(out)}


def _labelled(records: pl.DataFrame, labels: Labels) -> pl.DataFrame:
    """Return id, specialty, drop reason and evidence of some records."""
    columns = {"specialty": pl.Series([None] * len(records), dtype=pl.String)}
    reasons = records.select(drop_reason=pl.lit(None, pl.String), evidence=pl.lit(None, pl.String))
    with show_progress(1) as progress:
        if labels.medical:
            filtering = medical_filter.MedicalFilter(generated_by=author(labels.medical))
            ask = cached_teacher(labels.store / FILE, labels.medical, labels.spending, progress)
            reasons = medical_filter.STAGE.run(records, filtering, ask).rows.select("drop_reason", "evidence")
        if labels.specialty:
            config = specialty.Specialty(generated_by=author(labels.specialty))
            ask = cached_teacher(labels.store / FILE, labels.specialty, labels.spending, progress)
            metas = specialty.STAGE.run(records, config, ask).rows["meta"]
            columns["specialty"] = pl.Series([orjson.loads(meta)["specialty"] for meta in metas], dtype=pl.String)
    return records.select("id").with_columns(**columns).hstack(reasons)
