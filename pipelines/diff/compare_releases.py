"""Comparison of two releases: rows added, removed and edited, reasons, and other changes; as summary and in full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.build.manifest_diff import differences, libraries
from pipelines.diff.release_diff import (
    ChangeCounts,
    ColumnChange,
    FieldChange,
    LicenseChange,
    ReasonRows,
    ReleaseDiff,
    RowChange,
    SourceChanges,
)
from pipelines.diff.row_differences import Sides, by_license, columns, find_changes, give_reasons
from pipelines.diff.text_differences import Screenings, edits, words
from pipelines.release.open_release import open_release, reading
from pipelines.release.screening import Screening
from pipelines.storage.duckdb_session import joining
from sources.atomic import replacing, write_json
from sources.releases.manifest_model import Manifest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHANGES = ("added", "removed", "edited")

WORDS = pa.list_(pa.struct([("op", pa.string()), ("text", pa.string())]))

CHANGE_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "source", "change", "step", "reason", "evidence")),
        *((name, pa.string()) for name in ("field", "before", "after")),
        ("words", WORDS),
    ]
)
"""One row per change; for an edited row, one per field. ``words`` holds both texts word by word."""

SHOWN = 20


def diff(
    before: Path, after: Path, *, limit: int = SHOWN, out: Path | None = None, unmasked: bool = False
) -> ReleaseDiff:
    """Return the changes from one release to another: counts, reasons, and the first ``limit`` rows of each kind.

    All changes are written to ``out``: a parquet file of ``CHANGE_SCHEMA`` or, in a folder, ``changes.parquet`` and
    ``summary.json``. Texts of a release without a privacy step have their personal data masked, unless ``unmasked``.
    Raises ``ReleaseError`` for a missing or broken release.
    """
    sides = (before, after)
    manifests = (open_release(before, all_columns=False), open_release(after, all_columns=False))
    screenings = tuple(Screening.of(manifest.steps, unmasked=unmasked) for manifest in manifests)
    files = [path for folder in sides for part in ("data/*/*", "ledger") for path in folder.glob(f"{part}/*.parquet")]
    with joining(files) as join, reading(*sides):
        run, place = join.run, join.folder
        find_changes(run, sides)
        give_reasons(run, sides, *manifests)
        rows = [row for change in CHANGES for row in _first_rows(run, sides, screenings, change, limit, place)]
        result = _summary(run, sides, manifests, rows)
        if out is not None:
            file = out if out.suffix == ".parquet" else out / "changes.parquet"
            _write(run, sides, screenings, file, place)
            if file != out:
                write_json(out / "summary.json", result.to_json())
    return result


def _summary(
    run: DuckDBPyConnection, sides: Sides, manifests: tuple[Manifest, Manifest], rows: list[RowChange]
) -> ReleaseDiff:
    before, after = manifests
    counted = dict(run.execute("SELECT change, count(*) FROM changes GROUP BY ALL").fetchall())
    added, removed, edited = (counted.get(change, 0) for change in CHANGES)
    return ReleaseDiff(
        before=before.title,
        after=after.title,
        counts=ChangeCounts(
            before=before.rows,
            after=after.rows,
            added=added,
            removed=removed,
            edited=edited,
            unchanged=before.rows - removed - edited,
        ),
        sources=[
            SourceChanges(source=source, change=change, rows=n)
            for source, change, n in run.execute(_SOURCES).fetchall()
        ],
        reasons=[
            ReasonRows(change=change, source=source, step=step, reason=reason, rows=n)
            for change, source, step, reason, n in run.execute(_REASONS).fetchall()
        ],
        licenses=_licenses(run, sides),
        schema=list(_schema(*map(columns, sides))),
        changed=differences(before, after),
        libraries=libraries(before.libraries, after.libraries),
        rows=rows,
    )


_SOURCES = "SELECT source, change, count(*) FROM explained GROUP BY ALL ORDER BY ALL"


_REASONS = """
SELECT change, source, step, reason, count(*) AS rows FROM explained
GROUP BY ALL ORDER BY change, rows DESC, source, step, reason
"""


def _licenses(run: DuckDBPyConnection, sides: Sides) -> list[LicenseChange]:
    """Return the rows of each source and licence before and after, where they differ."""
    before, after = (by_license(run, folder) for folder in sides)
    return [
        LicenseChange(
            source=source,
            license=license,
            before=before.get((source, license), 0),
            after=after.get((source, license), 0),
        )
        for source, license in sorted({*before, *after}, key=str)
        if ((source, license) in before) != ((source, license) in after)
    ]


def _schema(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> Iterator[ColumnChange]:
    for kind in dict.fromkeys([*before, *after]):
        old, new = before.get(kind, {}), after.get(kind, {})
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) != new.get(name):
                yield ColumnChange(kind=kind, column=name, before=old.get(name), after=new.get(name))


# --- the rows ------------------------------------------------------------------------------------------------------


def _first_rows(
    run: DuckDBPyConnection, sides: Sides, screenings: Screenings, change: str, limit: int, place: Path
) -> list[RowChange]:
    """Return the first changes of one kind, by source and id; edited rows with their fields."""
    query, values = "FROM explained WHERE change = ? ORDER BY source, id LIMIT ?", [change, limit]
    changed_rows = run.execute(f"SELECT id, source, change, step, reason, evidence {query}", values).fetchall()
    rows = [RowChange(**dict(zip(ROW_COLUMNS, row, strict=True))) for row in changed_rows]
    if change != "edited" or not rows:
        return rows
    fields: dict[str, list[FieldChange]] = {}
    for part in edits(run, sides, screenings, f"SELECT id {query}", values, place):
        for id, field, old, new in part.select("id", "field", "before", "after").iter_rows():
            edit = FieldChange(field=field, before=old, after=new, words=words(old, new))
            fields.setdefault(id, []).append(edit)
    return [row.with_fields(tuple(fields.get(row.id, ()))) for row in rows]


ROW_COLUMNS = ("id", "source", "change", "step", "reason", "evidence")


def _write(run: DuckDBPyConnection, sides: Sides, screenings: Screenings, file: Path, place: Path) -> None:
    """Write every change; the texts of edited rows are read batch by batch."""
    with replacing(file) as temporary, pq.ParquetWriter(temporary, CHANGE_SCHEMA, compression="zstd") as writer:
        for change in ("added", "removed"):
            changed_rows = run.sql("SELECT * FROM explained WHERE change = ? ORDER BY id", params=[change])
            for batch in changed_rows.to_arrow_reader():
                writer.write_table(_padded(pa.Table.from_batches([batch])))
        for part in edits(run, sides, screenings, "SELECT id FROM explained WHERE change = ?", ["edited"], place):
            writer.write_table(_worded(run, part))


def _padded(table: pa.Table) -> pa.Table:
    for name in CHANGE_SCHEMA.names[table.num_columns :]:
        table = table.append_column(name, pa.nulls(table.num_rows, CHANGE_SCHEMA.field(name).type))
    return table.cast(CHANGE_SCHEMA)


def _worded(run: DuckDBPyConnection, part: pl.DataFrame) -> pa.Table:
    """Return the fields of edited rows with the reasons of the edits, and the words."""
    ids = part.select(pl.col("id").min().alias("low"), pl.col("id").max().alias("high")).row(0)
    query = "SELECT * FROM explained WHERE change = 'edited' AND id BETWEEN ? AND ?"
    reasons = pl.from_arrow(run.sql(query, params=ids).to_arrow_table())
    assert isinstance(reasons, pl.DataFrame), "an arrow table becomes a frame"
    joined = part.join(reasons, on="id", how="left", maintain_order="left").select(CHANGE_SCHEMA.names[:-1])
    pieces = pa.array([words(*texts) for texts in joined.select("before", "after").iter_rows()], WORDS)
    table = joined.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.schema(list(CHANGE_SCHEMA)[:-1]))
    return table.append_column("words", pieces)
