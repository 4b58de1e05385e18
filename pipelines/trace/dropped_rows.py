"""The rows that a build dropped or quarantined: id, step, reason and evidence, as a list to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.release.screening import Screening
from pipelines.storage.quarantine import quarantined
from pipelines.storage.store import Store
from pipelines.trace.row_history import History
from sources.fields.json_model import Count, JsonModel
from sources.formats.literal import scan_parquet
from sources.releases.manifest_model import StepSummary
from sources.table import question_text

MALFORMED = "malformed"

_COLUMNS = pl.Schema(
    dict.fromkeys(("id", "source", "status", "step", "reason", "evidence", "question", "answer"), pl.String())
)


class DroppedRow(JsonModel):
    """A row that a build dropped or quarantined, with the reason."""

    id: str
    status: str
    step: str
    reason: str
    evidence: str | None
    question: str | None
    answer: str | None


class ReasonCount(JsonModel):
    """The number of dropped rows with one reason."""

    source: str
    step: str
    reason: str
    rows: Count


class DroppedRows(JsonModel):
    """All dropped rows by source, step and reason, and the first of them."""

    counts: list[ReasonCount]
    rows: list[DroppedRow]


@dataclass(frozen=True, kw_only=True)
class RowFilter:
    """Filter of dropped rows by source, step and reason, and by a text in question, answer or id."""

    sources: Sequence[str] = ()
    steps: Sequence[str] = ()
    reasons: Sequence[str] = ()
    text: str | None = None

    def filter(self) -> pl.Expr:
        """Return the condition for these rows."""
        of = {"source": self.sources, "step": self.steps, "reason": self.reasons}
        conditions = [pl.col(name).is_in(list(values)) for name, values in of.items() if values]
        if self.text is not None:
            texts = pl.concat_str("id", "question", "answer", separator="\n", ignore_nulls=True)
            conditions.append(texts.str.to_lowercase().str.contains(self.text.lower(), literal=True))
        return pl.all_horizontal(pl.lit(True), *conditions)


def dropped_rows(
    root: Path, recipe: str | None, row_filter: RowFilter, *, limit: int, unmasked: bool = False
) -> DroppedRows:
    """Return the dropped and quarantined rows of the last build of a recipe, or of any.

    Personal data is masked, unless ``unmasked``. Raises ``TraceError`` without a build.
    """
    history = History.of_build(Store(root), recipe)
    tables = [part for step in history.steps for part in _ended(history.store.folder(step.folder), step)]
    rows = pl.concat([pl.LazyFrame(schema=_COLUMNS), *tables]).filter(row_filter.filter())
    counts = rows.group_by("source", "step", "reason").len("rows").sort("rows", "source", "step", "reason").collect()
    shown = rows.head(limit).collect().drop("source").to_dicts()
    masked = Screening(unmasked=unmasked).values(shown)
    return DroppedRows(
        counts=[ReasonCount(**row) for row in counts.reverse().to_dicts()], rows=[DroppedRow(**row) for row in masked]
    )


def _ended(folder: Path, step: StepSummary) -> list[pl.LazyFrame]:
    """Return the rows that a step dropped or quarantined."""
    tables = []
    if paths := sorted(folder.glob("dropped/*.parquet")):
        tables.append(
            scan_parquet(paths).select(
                "id",
                "source",
                pl.lit("dropped").alias("status"),
                pl.lit(step.name).alias("step"),
                "reason",
                "evidence",
                question_text().alias("question"),
                pl.coalesce("response", "answer").alias("answer"),
            )
        )
    if (broken := quarantined(folder)) is not None:
        nothing = pl.lit(None, pl.String)
        tables.append(
            broken.lazy().select(
                "id",
                "source",
                status=pl.lit("quarantined"),
                step=pl.lit(step.name),
                reason=pl.lit(MALFORMED),
                evidence="error",
                question=nothing,
                answer=nothing,
            )
        )
    return tables
