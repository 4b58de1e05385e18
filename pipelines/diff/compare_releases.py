"""Comparison of two releases: rows added, removed and edited, reasons, and other changes; as summary and in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.build.manifest_diff import differences, libraries
from pipelines.diff.row_differences import Sides, by_license, columns, find_changes, give_reasons
from pipelines.diff.text_differences import Screenings, edits, words
from pipelines.release.open_release import open_release, reading
from pipelines.release.screening import Screening
from pipelines.storage.duckdb_session import joining
from sources.atomic import replacing, write_json
from sources.releases.manifest_model import Manifest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Json = dict[str, Any]

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


def diff(before: Path, after: Path, *, limit: int = SHOWN, out: Path | None = None, unmasked: bool = False) -> Json:
    """Return the changes from one release to another: counts, reasons, and the first ``limit`` rows of each kind.

    All changes are written to ``out``: a parquet file of ``CHANGE_SCHEMA`` or, in a folder, ``changes.parquet`` and
    ``summary.json``. Texts of a release without a privacy step have their personal data masked, unless ``unmasked``.
    Raises ``ReleaseError`` for a missing or broken release.
    """
    sides = (before, after)
    manifests = (open_release(before, whole=False), open_release(after, whole=False))
    screenings = tuple(Screening.of(manifest.steps, unmasked=unmasked) for manifest in manifests)
    files = [path for folder in sides for part in ("data/*/*", "ledger") for path in folder.glob(f"{part}/*.parquet")]
    with joining(files) as join, reading(*sides):
        run, place = join.run, join.folder
        find_changes(run, sides)
        give_reasons(run, sides, *manifests)
        result = {**_summary(run, sides, manifests), "rows": list(_shown(run, sides, screenings, limit, place))}
        if out is not None:
            file = out if out.suffix == ".parquet" else out / "changes.parquet"
            _write(run, sides, screenings, file, place)
            if file != out:
                write_json(out / "summary.json", result)
    return result


def _summary(run: DuckDBPyConnection, sides: Sides, manifests: tuple[Manifest, Manifest]) -> Json:
    found = dict(run.execute("SELECT change, count(*) FROM changes GROUP BY ALL").fetchall())
    counted = {change: found.get(change, 0) for change in CHANGES}
    rows = [manifest.rows for manifest in manifests]
    unchanged = rows[0] - counted["removed"] - counted["edited"]
    return {
        "before": manifests[0].title,
        "after": manifests[1].title,
        "counts": {"before": rows[0], "after": rows[1], **counted, "unchanged": unchanged},
        "sources": _records(run, "SELECT source, change, count(*) AS rows FROM explained GROUP BY ALL ORDER BY ALL"),
        "reasons": _records(run, _REASONS),
        "licenses": _licenses(run, sides),
        "schema": list(_schema(*map(columns, sides))),
        "changed": [asdict(one) for one in differences(*manifests)],
        "libraries": [asdict(one) for one in libraries(*(manifest.libraries for manifest in manifests))],
    }


_REASONS = """
SELECT change, source, step, reason, count(*) AS rows FROM explained
GROUP BY ALL ORDER BY change, rows DESC, source, step, reason
"""


def _records(run: DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> list[Json]:
    found = run.execute(query, values)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _licenses(run: DuckDBPyConnection, sides: Sides) -> list[Json]:
    """Return the rows of each source and licence before and after, where they differ."""
    before, after = (by_license(run, folder) for folder in sides)
    return [
        {
            "source": source,
            "license": license,
            "before": before.get((source, license), 0),
            "after": after.get((source, license), 0),
        }
        for source, license in sorted({*before, *after}, key=str)
        if ((source, license) in before) != ((source, license) in after)
    ]


def _schema(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> Iterator[Json]:
    for kind in dict.fromkeys([*before, *after]):
        old, new = before.get(kind, {}), after.get(kind, {})
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) != new.get(name):
                yield {"kind": kind, "column": name, "before": old.get(name), "after": new.get(name)}


# --- the rows ------------------------------------------------------------------------------------------------------


def _shown(run: DuckDBPyConnection, sides: Sides, screenings: Screenings, limit: int, place: Path) -> Iterator[Json]:
    """Yield the first changes of each kind, by source and id; edited rows with their fields."""
    for change in CHANGES:
        query = "FROM explained WHERE change = ? ORDER BY source, id LIMIT ?"
        rows = {row["id"]: row for row in _records(run, f"SELECT * {query}", [change, limit])}
        if change == "edited" and rows:
            for part in edits(run, sides, screenings, f"SELECT id {query}", [change, limit], place):
                for edit in part.iter_rows(named=True):
                    fields = rows[edit.pop("id")].setdefault("fields", [])
                    fields.append({**edit, "words": words(edit["before"], edit["after"])})
        yield from rows.values()


def _write(run: DuckDBPyConnection, sides: Sides, screenings: Screenings, file: Path, place: Path) -> None:
    """Write every change; the texts of edited rows are read batch by batch."""
    with replacing(file) as temporary, pq.ParquetWriter(temporary, CHANGE_SCHEMA, compression="zstd") as writer:
        for change in ("added", "removed"):
            found = run.sql("SELECT * FROM explained WHERE change = ? ORDER BY id", params=[change])
            for batch in found.to_arrow_reader():
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
    result = pl.from_arrow(run.sql(query, params=ids).to_arrow_table())
    assert isinstance(result, pl.DataFrame), "an arrow table becomes a frame"
    whole = part.join(result, on="id", how="left", maintain_order="left").select(CHANGE_SCHEMA.names[:-1])
    pieces = pa.array([words(*texts) for texts in whole.select("before", "after").iter_rows()], WORDS)
    table = whole.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.schema(list(CHANGE_SCHEMA)[:-1]))
    return table.append_column("words", pieces)
