"""Checks of the rows of a release against its manifest and its ledger: each once, in its folder, accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.release.finding import Finding, in_manifest
from pipelines.release.ledger import MALFORMED, STATUSES, has_branches, rows_read_or_made
from pipelines.release.license_check import source_licenses
from pipelines.storage.duckdb_session import joining, listed
from pipelines.verify.release_under_test import ReleaseUnderTest
from sources.license import freer_licenses
from synth.redteam import benign_lookalikes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHOWN = 20
"""Rows named under each kind of finding; further ones are counted."""

PLACE = ("source", "license", "file", "line")

LEDGER = "ledger"


def rows(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find rows that are repeated, in the wrong folder or from files that were not read, and a wrong licence."""
    paths = [path for path in release.data() if _has(path, "id", *PLACE)]
    if not paths:
        yield Finding(file="data", what="rows", expected="one at least", found="none that can be read")
        return
    with joining(paths) as join:
        run = join.run
        _open(run, "rows", paths, ("id", *PLACE, "filename"))
        yield from _folders(run, release)
        yield from _doubled(run)
        yield from _origins(run, release)
        yield from _licenses(run, release)


def ledger(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find contradictions between ledger and data, and steps whose counts do not add up."""
    paths = sorted((release.folder / LEDGER).glob("*.parquet"))
    if not paths:
        yield Finding(file=LEDGER, what="ledger", expected="there", found="missing")
        return
    data = [path for path in release.data() if _has(path, "id", *PLACE)]
    with joining([*paths, *data]) as join:
        run = join.run
        _open(run, "ledger", paths, ("id", *PLACE, "status", "step", "reason"))
        _open(run, "rows", data, ("id", *PLACE))
        yield from _words(run, release)
        yield from _both(run)
        yield from _places(run)
        yield from _counted(run, release)


def _has(path: Path, *columns: str) -> bool:
    try:
        return set(columns) <= set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return False  # reported by the check of tables


def _open(run: DuckDBPyConnection, name: str, paths: list[Path], columns: tuple[str, ...]) -> None:
    run.execute(f"CREATE TABLE {name} AS SELECT {', '.join(columns)} FROM read_parquet({listed(paths)}, filename=true)")


def _named(run: DuckDBPyConnection, query: str) -> Iterator[tuple[Any, ...]]:
    """Yield the first ``SHOWN`` rows of a query, sorted, then the number of further ones as a text."""
    rows = run.execute(f"SELECT * FROM ({query}) ORDER BY ALL LIMIT {SHOWN}").fetchall()
    yield from rows
    if len(rows) == SHOWN and (more := _count(run, query) - SHOWN):
        yield (f"and {more} more", *[None] * (len(rows[0]) - 1))


def _count(run: DuckDBPyConnection, query: str) -> int:
    return int(run.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0])


# --- the rows by themselves ----------------------------------------------------------------------------------------


def _folders(run: DuckDBPyConnection, release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find rows in the folder of another source."""
    query = "SELECT filename, source, count(*) FROM rows GROUP BY ALL ORDER BY ALL"
    for filename, source, count in run.execute(query).fetchall():
        path = Path(filename)
        if source != path.parent.name:
            strangers = f"{count} of {source}"
            yield Finding(file=release.name(path), what="source of rows", expected=path.parent.name, found=strangers)


def _doubled(run: DuckDBPyConnection) -> Iterator[Finding]:
    for id, times in _named(run, "SELECT id, count(*) FROM rows GROUP BY id HAVING count(*) > 1"):
        yield Finding(file="data", what=f"row {id}", expected="once", found=times)
    if empty := _count(run, "SELECT id FROM rows WHERE id IS NULL"):
        yield Finding(file="data", what="id", expected="in every row", found=f"missing in {empty}")


def _origins(run: DuckDBPyConnection, release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find rows from a corpus or a file that no step read."""
    read = {
        (step.source.name, name) for step in release.manifest.steps if step.source for _, name, _ in step.identity.files
    }
    read.add((benign_lookalikes.SOURCE, benign_lookalikes.FILE))
    for source, file, count in run.execute(
        "SELECT source, file, count(*) FROM rows GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        if (source, file) not in read:
            expected = f"a file that a step read from {source}"
            yield Finding(file=f"data/*/{source}", what=f"file of {count} rows", expected=expected, found=file)


def _licenses(run: DuckDBPyConnection, release: ReleaseUnderTest) -> Iterator[Finding]:
    from pipelines.release.data_files import license_of

    if unlicensed := _count(run, "SELECT id FROM rows WHERE coalesce(license, '') = ''"):
        yield Finding(file="data", what="license", expected="in every row", found=f"missing in {unlicensed}")
    yield from _freer_rows(run, release)
    if release.manifest.license != (all_rows := license_of(release.folder)):
        yield in_manifest("license: that of all rows together", all_rows, release.manifest.license)


def _freer_rows(run: DuckDBPyConnection, release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find rows with a freer licence than the manifest gives for their source."""
    of_sources = source_licenses(release.manifest)
    query = "SELECT source, license, count(*), min(id) FROM rows GROUP BY ALL ORDER BY ALL"
    for source, license, count, id in run.execute(query).fetchall():
        if license and source in of_sources and (lost := freer_licenses(license, of_sources[source])):
            what = f"license of {count} rows of {source} ({id} first)"
            yield Finding(file="data", what=what, expected=f"{lost[0]}, as its source", found=license)


# --- the rows and the ledger ---------------------------------------------------------------------------------------


def _words(run: DuckDBPyConnection, release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find rows of the ledger that are repeated, out of order, or have an unknown status or step."""
    for id, times in _named(run, "SELECT id, count(*) FROM ledger GROUP BY id HAVING count(*) > 1"):
        yield Finding(file=LEDGER, what=f"row {id}", expected="once", found=times)
    names = {step.name for step in release.manifest.steps}
    for status, step, count in run.execute("SELECT status, step, count(*) FROM ledger GROUP BY ALL").fetchall():
        if status not in STATUSES:
            yield Finding(file=LEDGER, what=f"status of {count} rows", expected=" | ".join(STATUSES), found=status)
        if step not in names:
            yield Finding(file=LEDGER, what=f"step of {count} rows", expected="a step of the manifest", found=step)
    without_reason = "SELECT id FROM ledger WHERE status IN ('dropped', 'quarantined') AND coalesce(reason, '') = ''"
    for (id,) in _named(run, without_reason):
        yield Finding(file=LEDGER, what=f"reason of {id}", expected="reason of the drop", found=None)


def _both(run: DuckDBPyConnection) -> Iterator[Finding]:
    """Find rows of the data that are not kept in the ledger, and kept rows that are not in the data."""
    kept = "SELECT id FROM ledger WHERE status = 'kept'"
    recorded = "(SELECT any_value(status) FROM ledger WHERE ledger.id = rows.id)"
    for id, status in _named(run, f"SELECT id, {recorded} FROM rows WHERE id NOT IN ({kept})"):
        yield Finding(file="data", what=f"row {id}", expected="status kept in the ledger", found=status)
    for (id,) in _named(run, f"{kept} AND id NOT IN (SELECT id FROM rows WHERE id IS NOT NULL)"):
        yield Finding(
            file=LEDGER, what=f"row {id}", expected="in the data, as it is kept in the ledger", found="missing"
        )


def _places(run: DuckDBPyConnection) -> Iterator[Finding]:
    """Find rows whose source, licence, file or line differs between ledger and data."""
    for column in PLACE:
        query = (
            f"SELECT rows.id, ledger.{column}, rows.{column} FROM rows JOIN ledger USING (id) "
            f"WHERE status = 'kept' AND rows.{column} IS DISTINCT FROM ledger.{column}"
        )
        for id, expected, actual in _named(run, query):
            yield Finding(file="data", what=f"{column} of {id}", expected=expected, found=actual)


def _counted(run: DuckDBPyConnection, release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find steps whose row counts differ between ledger and manifest (law 1)."""
    graph = release.manifest.steps
    read = rows_read_or_made(graph)
    if (recorded := _count(run, "SELECT id FROM ledger")) != read:
        yield Finding(file=LEDGER, what="rows: all rows read or generated", expected=read, found=recorded)
    if has_branches(graph):
        return  # a row may be dropped in one branch and kept in another, but the ledger has it once
    ended = "FROM ledger WHERE status IN ('dropped', 'quarantined')"
    query = f"SELECT step, coalesce(reason, ''), count(*) {ended} GROUP BY ALL"
    counts = Counter({(step, reason): count for step, reason, count in run.execute(query).fetchall()})
    expected: Counter[tuple[str, str]] = Counter()
    for step in graph:
        reasons = {**step.reasons, MALFORMED: step.counts.quarantined}
        expected.update({(step.name, reason): count for reason, count in reasons.items()})
    for step, reason in sorted({*counts, *expected}):
        if counts[step, reason] != expected[step, reason]:
            what = f"rows that ended in {step} for {reason}"
            yield Finding(file=LEDGER, what=what, expected=expected[step, reason], found=counts[step, reason])
