"""All rows of a release, kept, dropped and malformed, as one table for the report and ``browse``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.release.data_files import scan
from pipelines.release.ledger import KEPT, LEDGER, REFERENCE_ONLY
from pipelines.release.open_release import open_release
from pipelines.release.screening import Screening
from pipelines.report.funnel_stages import trunk
from pipelines.storage.quarantine import quarantined
from sources.formats.literal import scan_parquet
from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import ReleaseError
from sources.table import SCHEMA, question_text
from synth.teachers.token_counts import estimate_tokens

MEASURED = ("prompt_chars", "response_chars", "tokens")

_MEASURE_COLUMNS = ("task", "lang", "split", *MEASURED, "has_text")
_ENDED_COLUMNS = ("id", "step", *_MEASURE_COLUMNS)
_TEXT_COLUMNS = ("text", "excerpt")

EXCERPT = 200
"""Characters of a row's question that a list of rows shows."""


@dataclass(frozen=True, kw_only=True)
class ReleaseView:
    """A release opened for reading: manifest, the store that contains it (or None), and the masking of its texts."""

    folder: Path
    manifest: Manifest
    store: Path | None
    screening: Screening

    def parts(self, name: str) -> list[tuple[str, Path]]:
        """Return (step, file) for the files in the folder ``name`` of the release's steps; none without a store."""
        return [(step, path) for step, folder in self.steps() for path in sorted((folder / name).glob("*.parquet"))]

    def steps(self) -> list[tuple[str, Path]]:
        """Return (step, folder) for the steps of the release; none without a store."""
        if self.store is None:
            return []
        return [(step.name, self.store / "steps" / step.folder) for step in self.manifest.steps]


def open_view(folder: Path, *, unmasked: bool = False) -> ReleaseView:
    """Open the release in ``folder``; ``ReleaseError`` where it is not a release or lacks its ledger.

    Personal data is masked in everything read from it, unless ``unmasked``.
    """
    manifest = open_release(folder)
    if not any(folder.glob("ledger/*.parquet")):
        raise ReleaseError(f"{folder} has no ledger/*.parquet, expected the ledger of every release; release it again")
    above = folder.absolute().parents
    store = above[2] if len(above) > 2 and (above[2] / "store.json").is_file() else None
    screening = Screening.of(manifest.steps, unmasked=unmasked)
    return ReleaseView(folder=folder, manifest=manifest, store=store, screening=screening)


def all_rows(release: ReleaseView, *, texts: bool = False) -> pl.DataFrame:
    """Return every row read or generated for training: the kept ones as released, then the others by id.

    Rows of benchmarks are excluded. Columns: those of the ledger; ``task``, ``lang``, ``split``, ``prompt_chars``,
    ``response_chars`` and ``tokens`` (a quarter of the characters of each text, as in the card), null where a row's
    text is not available; ``has_text``; and with ``texts`` all its text in lower case, as ``text``, and the beginning
    of its question, as ``excerpt``. Evidence is the ledger's names and figures; ``records`` has the rest.
    """
    ledger = _scan_ledger(release.folder).filter(_for_training(release)).collect()
    known = ledger.filter(status=KEPT).select("id", "status", "step", "reason", "evidence", "changed_by")
    kept = _joined(_kept(release, texts), known, ["id"])
    ended = _ended(release, texts)
    others = ledger.filter(pl.col("status") != KEPT).join(ended, on=("id", "step"), how="left", maintain_order="left")
    others_shown = others.with_columns(pl.col("has_text").fill_null(False))
    names = [*LEDGER.names, *_MEASURE_COLUMNS, *(_TEXT_COLUMNS if texts else ())]
    empty = [pl.col(name).fill_null("") for name in ("reason", "step")]
    return pl.concat([kept.with_columns(status=pl.lit(KEPT)).select(names), others_shown.select(names)]).with_columns(
        empty
    )


def _joined(rows: pl.DataFrame, known: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Return ``rows`` joined with ``known``, in order, without copying their texts."""
    texts = [rows[name] for name in _TEXT_COLUMNS if name in rows.columns]
    without_texts = rows.drop(_TEXT_COLUMNS, strict=False)
    return without_texts.join(known, on=on, how="left", maintain_order="left").with_columns(texts)


def reference_only(release: ReleaseView) -> int:
    """Return the number of benchmark rows used for comparison only, malformed ones included."""
    return int(_scan_ledger(release.folder).filter(~_for_training(release)).select(pl.len()).collect().item())


def records(release: ReleaseView, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the complete rows of these ids: kept ones from the data, dropped and malformed ones from the store.

    A row is a record of ``sources.table.SCHEMA``, a dropped one with its ``evidence``; a malformed one has ``source``,
    ``file``, ``line``, ``error`` and ``text``.
    """
    selected = pl.col("id").is_in(list(ids))
    dropped = [scan_parquet(path).select(*SCHEMA.names(), "evidence") for _, path in release.parts("dropped")]
    tables = pl.collect_all([table.filter(selected) for table in (*dropped, scan(release.folder))])
    ended, kept = ([row for table in part for row in table.rows(named=True)] for part in (tables[:-1], tables[-1:]))
    broken = [row for _, table in _malformed(release) for row in table.filter(selected).rows(named=True)]
    screening = release.screening
    shown = [*screening.malformed(broken), *screening.values(ended)]
    shown += kept if screening.released else screening.values(kept)
    return {row["id"]: row for row in shown}


def kept_at(release: ReleaseView, ids: dict[str, set[str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return rows as they were in the step that compared them, by (step, id); empty without a store.

    ``ids`` names the rows by step. Later steps may have changed or dropped them.
    """
    rows = [
        (step, scan_parquet(path).select(SCHEMA.names()).filter(pl.col("id").is_in(list(ids[step]))))
        for step, path in release.parts("kept")
        if ids.get(step)
    ]
    tables = pl.collect_all([table for _, table in rows])
    steps = [step for step, _ in rows]
    matches = [(step, row) for step, table in zip(steps, tables, strict=True) for row in table.rows(named=True)]
    shown = release.screening.values([row for _, row in matches])
    return {(step, row["id"]): row for (step, _), row in zip(matches, shown, strict=True)}


def ledger_row(folder: Path, id: str) -> dict[str, Any]:
    """Return the ledger's entry of a row; empty for an unknown id."""
    entries = _scan_ledger(folder).filter(pl.col("id") == pl.lit(id, pl.String)).collect().rows(named=True)
    return entries[0] if entries else {}


# --- parts of the table -----------------------------------------------------------------------------------


def _for_training(release: ReleaseView) -> pl.Expr:
    """Select the rows of the ledger that ended in a step of the training data, not of a benchmark."""
    steps = [step.name for step in trunk(release.manifest.steps)]
    return (pl.col("status") != REFERENCE_ONLY) & pl.col("step").is_in(steps)


def _scan_ledger(folder: Path) -> pl.LazyFrame:
    return scan_parquet(sorted(folder.glob("ledger/*.parquet"))).select(LEDGER.names)


def _measured(rows: pl.LazyFrame, texts: bool, *more: str) -> pl.DataFrame:
    """Return measures of rows of ``SCHEMA``, in order, with their texts only where ``texts``."""
    lengths = {
        "prompt_chars": pl.col("messages").list.eval(pl.element().struct.field("content").str.len_chars()).list.sum(),
        "response_chars": pl.col("response").str.len_chars().fill_null(0),
        "rejected_chars": pl.col("rejected").str.len_chars().fill_null(0),
    }
    measured = rows.select(
        *("id", "source", "license", "task", "lang", "split", "file", "line"),
        *more,
        **{name: length.cast(pl.Int64) for name, length in lengths.items()},
        has_text=pl.lit(True),
        **({"text": _searched(), "excerpt": question_text().str.slice(0, EXCERPT)} if texts else {}),
    )
    tokens = [estimate_tokens(pl.col(name)) for name in lengths]
    return measured.with_columns(tokens=pl.sum_horizontal(tokens)).drop("rejected_chars").collect(engine="streaming")


def _searched() -> pl.Expr:
    """Return all text of a row, its id first, in lower case."""
    texts = [pl.col("id"), question_text(), *(pl.col(name) for name in ("response", "rejected", "answer"))]
    return pl.concat_str(texts, separator="\n", ignore_nulls=True).str.to_lowercase()


def _kept(release: ReleaseView, texts: bool) -> pl.DataFrame:
    """Return measures of the rows of the release, with their texts masked where no step masked them."""
    rows = scan(release.folder)
    known = _measured(rows, texts)
    return known if not texts or release.screening.released else _masked(release, rows, known)


def _masked(release: ReleaseView, rows: pl.LazyFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return measures of ``rows`` with their texts masked; lengths are those of the unmasked rows."""
    masked_texts = _measured(release.screening.table(rows.collect()).lazy(), True).select(_TEXT_COLUMNS)
    return known.with_columns(masked_texts[name] for name in _TEXT_COLUMNS)


def _ended(release: ReleaseView, texts: bool) -> pl.DataFrame:
    """Return measures of dropped and malformed rows from the store, by id and step, with their texts masked."""
    names = [*_ENDED_COLUMNS, *(_TEXT_COLUMNS if texts else ())]
    tables = [_measured(pl.LazyFrame(schema={**SCHEMA, "step": pl.String}), texts, "step").select(names)]
    for step, path in release.parts("dropped"):
        rows = scan_parquet(path).select(*SCHEMA.names(), step=pl.lit(step))
        known = _measured(rows, texts, "step")
        tables.append((_masked(release, rows, known) if texts else known).select(names))
    tables += [_of_malformed(release, step, table).select(names) for step, table in _malformed(release)]
    return pl.concat(tables)


def _malformed(release: ReleaseView) -> list[tuple[str, pl.DataFrame]]:
    quarantines = [(step, quarantined(folder)) for step, folder in release.steps()]
    return [(step, table) for step, table in quarantines if table is not None]


def _of_malformed(release: ReleaseView, step: str, table: pl.DataFrame) -> pl.DataFrame:
    """Return malformed rows in the columns of others: they have a raw text and no other field."""
    nothing = {name: pl.lit(None, pl.String) for name in ("task", "lang", "split")}
    numbers = {name: pl.lit(None, pl.Int64) for name in ("response_chars", "tokens")}
    texts = pl.Series([row["text"] for row in release.screening.malformed(table.rows(named=True))], dtype=pl.String)
    return table.with_columns(
        **nothing,
        **numbers,
        step=pl.lit(step),
        prompt_chars=pl.col("text").str.len_chars().cast(pl.Int64),
        has_text=pl.lit(True),
        excerpt=texts.str.slice(0, EXCERPT),
        text=pl.concat_str("id", texts, separator="\n").str.to_lowercase(),
    )
