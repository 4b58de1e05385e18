"""The rows that differ between two releases, by a hash of each row, and the reasons from both ledgers; in DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from pipelines.build.manifest_diff import Difference, graph_differences, graph_of
from pipelines.release.data_files import KINDS
from pipelines.release.ledger import DECISIONS
from pipelines.storage.duckdb_session import listed, quoted, text_literal
from sources.releases.manifest_model import Manifest, StepSummary
from sources.releases.read_manifest import ReleaseError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Json = dict[str, Any]
Sides = tuple[Path, Path]

UNKNOWN = "unknown"
SOURCE_NOT_READ = "source_not_read"
NOT_IN_SOURCE = "not_in_source"
BEYOND_LIMIT = "beyond_limit_or_not_in_source"
NOT_MADE = "not_made"
FOLLOWS = "follows_from_other_rows"
"""Reasons that are in no ledger, such as: a step derived no row, or no changed step edited the row."""


def columns(folder: Path) -> dict[str, dict[str, str]]:
    """Return the columns of a release and their types, by kind of file."""
    columns_by_kind = {}
    for kind in KINDS:
        for path in sorted(folder.glob(f"data/{kind}/*/*.parquet"))[:1]:
            schema = pq.read_schema(path)
            columns_by_kind[kind] = {name: str(type) for name, type in zip(schema.names, schema.types, strict=True)}
    return columns_by_kind


def find_changes(run: DuckDBPyConnection, sides: Sides) -> None:
    """Make the table ``changes`` (id, source, change) of the rows added, removed or edited.

    A row is edited where the columns that both releases have differ, or its kind does. Rows are compared by 64-bit
    hashes: two versions of one row are mistaken for equal once in 10^19 times.
    """
    shared = _shared(*map(columns, sides))
    for folder in sides:
        if not columns(folder):
            raise ReleaseError(f"{folder} holds no rows, expected data/; sabila verify lists what is missing")
    for name, folder in zip(("before", "after"), sides, strict=True):
        parts = [
            f"SELECT id, source, hash({text_literal(kind)}, {', '.join(shared[kind])}) AS content "
            f"FROM read_parquet({files})"
            for kind, files in _files(folder)
        ]
        run.execute(f"CREATE TABLE rows_{name} AS {' UNION ALL '.join(parts)}")
    run.execute(
        """
        CREATE TABLE changes AS
        SELECT coalesce(a.id, b.id) AS id, coalesce(b.source, a.source) AS source,
            CASE WHEN a.id IS NULL THEN 'added' WHEN b.id IS NULL THEN 'removed' ELSE 'edited' END AS change
        FROM rows_before a FULL JOIN rows_after b ON a.id = b.id
        WHERE a.content IS DISTINCT FROM b.content
        """
    )
    run.execute("DROP TABLE rows_before; DROP TABLE rows_after")


def _shared(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Return the columns to compare by kind: those of both releases, or of the one that has the kind."""
    kinds = {*before, *after}
    every = {
        kind: before.get(kind, after.get(kind, {})).keys() & after.get(kind, before.get(kind, {})).keys()
        for kind in kinds
    }
    return {kind: [quoted(name) for name in sorted(names)] for kind, names in every.items()}


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        if paths := sorted(folder.glob(f"data/{kind}/*/*.parquet")):
            yield kind, listed(paths)


def by_license(run: DuckDBPyConnection, folder: Path) -> dict[tuple[str, str], int]:
    """Return the rows of a release by source and licence."""
    parts = [f"SELECT source, license FROM read_parquet({files})" for _, files in _files(folder)]
    query = f"SELECT source, license, count(*) FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL"
    return {(source, license): count for source, license, count in run.execute(query).fetchall()}


# --- why -----------------------------------------------------------------------------------------------------------


def give_reasons(run: DuckDBPyConnection, sides: Sides, before: Manifest, after: Manifest) -> None:
    """Make the table ``explained`` of ``changes`` with step, reason and evidence of each.

    The reason of a removed row comes from the new ledger, that of an added row from the old one: the step that dropped
    it then, or that it was not read. An edited row names the first changed step that edited it, and the change.
    """
    for name, folder in zip(("before", "after"), sides, strict=True):
        paths = sorted((folder / "ledger").glob("*.parquet"))
        nothing = (
            "SELECT NULL::VARCHAR id, '' status, '' step, '' reason, '' evidence, []::VARCHAR[] changed_by, "
            "NULL::VARCHAR decided LIMIT 0"
        )
        decided = _DECIDED if paths and DECISIONS.name in pq.read_schema(paths[0]).names else "NULL::VARCHAR"
        ledger = (
            f"SELECT id, status, step, reason, evidence, changed_by, {decided} AS decided "
            f"FROM read_parquet({listed(paths)})"
        )
        run.execute(f"CREATE VIEW ledger_{name} AS {ledger if paths else nothing}")
    run.execute(
        "CREATE TABLE explained (id VARCHAR, source VARCHAR, change VARCHAR, step VARCHAR, reason VARCHAR, "
        "evidence VARCHAR)"
    )
    _absences(run, "removed", "after", sides[1], after)
    _absences(run, "added", "before", sides[0], before)
    changes = list(graph_differences(graph_of(before.steps), graph_of(after.steps)))
    _edits(run, sides, changes, after.steps)
    run.execute(
        "UPDATE explained SET evidence = concat_ws('; ', explained.evidence, l.decided) FROM ledger_after l "
        "WHERE explained.id = l.id AND explained.change IN ('added', 'edited') AND l.decided IS NOT NULL"
    )


_DECIDED = (
    "array_to_string(list_transform(overrides, lambda o: format('override {} by {}: {}', "
    "concat_ws(' ', o.decision, coalesce(o.rule, o.field)), o.decided_by, o.reason)), '; ')"
)
"""What people decided about a row, from the column ``overrides`` of a ledger."""


def _absences(run: DuckDBPyConnection, change: str, name: str, folder: Path, manifest: Manifest) -> None:
    """Return the reasons why a release lacks rows of the other one."""
    version = manifest.title
    no_ledger = None if any(folder.glob("ledger/*.parquet")) else f"{version} has no ledger"
    run.execute(
        f"""
        INSERT INTO explained
        WITH absent AS (
            SELECT c.*, l.status, l.step, l.reason, l.evidence,
                CASE WHEN l.id IS NULL AND contains(c.id, '/') THEN regexp_replace(c.id, '/[^/]*$', '') END AS parent
            FROM changes c LEFT JOIN ledger_{name} l ON c.id = l.id WHERE c.change = $change
        )
        SELECT a.id, a.source, a.change,
            CASE WHEN a.reason IS NOT NULL THEN a.step WHEN p.id IS NOT NULL THEN p.step
                WHEN $none IS NULL THEN 'read-' || a.source END,
            CASE WHEN a.reason IS NOT NULL THEN a.reason WHEN p.id IS NOT NULL THEN '{NOT_MADE}'
                WHEN $none IS NOT NULL OR a.status IS NOT NULL THEN '{UNKNOWN}'
                WHEN list_contains($limited, a.source) THEN '{BEYOND_LIMIT}'
                WHEN list_contains($sources, a.source) THEN '{NOT_IN_SOURCE}' ELSE '{SOURCE_NOT_READ}' END,
            CASE WHEN a.reason IS NOT NULL THEN a.evidence
                WHEN p.id IS NOT NULL THEN format('made of {{}}, which is {{}}', p.id, p.status)
                WHEN a.status IS NOT NULL THEN format('the ledger of {{}} says {{}}', $version::VARCHAR, a.status)
                ELSE $none END
        FROM absent a LEFT JOIN ledger_{name} p ON p.id = a.parent
        """,
        {
            "none": no_ledger,
            "limited": _cut_short(manifest.steps),
            "sources": sorted(manifest.lock),
            "change": change,
            "version": version,
        },
    )


def _cut_short(graph: list[StepSummary]) -> list[str]:
    """Return the sources whose rows were cut by a limit."""
    return [
        step.source.name
        for step in graph
        if step.source and step.identity.limit is not None and step.counts.rows_in >= step.identity.limit
    ]


def _edits(run: DuckDBPyConnection, sides: Sides, differences: list[Difference], graph: list[StepSummary]) -> None:
    """Return for edited rows the first changed step that edited them."""
    run.execute("CREATE TABLE moved (step VARCHAR, place INTEGER, reason VARCHAR)")
    if rows := list(_moved(differences, graph)):
        run.executemany("INSERT INTO moved VALUES (?, ?, ?)", rows)
    lacks_ledger = not all(any(folder.glob("ledger/*.parquet")) for folder in sides)
    run.execute(
        f"""
        CREATE TABLE touched AS
        WITH ledgers AS (SELECT id, changed_by FROM ledger_before UNION ALL SELECT id, changed_by FROM ledger_after),
        steps AS (
            SELECT c.id, unnest(l.changed_by) AS step FROM changes c JOIN ledgers l ON c.id = l.id
            WHERE c.change = 'edited'
            UNION ALL SELECT id, 'read-' || source FROM changes WHERE change = 'edited'
        )
        SELECT steps.id, arg_min(moved.step, place) AS step, arg_min(moved.reason, place) AS reason
        FROM steps JOIN moved ON steps.step = moved.step GROUP BY steps.id;
        INSERT INTO explained SELECT c.id, c.source, c.change, t.step,
            coalesce(t.reason, '{UNKNOWN if lacks_ledger else FOLLOWS}'), NULL
        FROM changes c LEFT JOIN touched t ON c.id = t.id WHERE c.change = 'edited'
        """
    )


def _moved(differences: list[Difference], graph: list[StepSummary]) -> Iterator[tuple[str, int, str]]:
    """Yield the changed steps, their position in the graph, and the change."""
    place = {step.name: at for at, step in reversed(list(enumerate(graph)))}
    reasons: dict[str, list[str]] = {}
    for difference in differences:
        reasons.setdefault(difference.where, []).append(difference.field)
    for step, fields in reasons.items():
        yield step, place.get(step, len(graph)), f"changed: {', '.join(fields[:4])}{' …' if len(fields) > 4 else ''}"
