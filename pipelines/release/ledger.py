"""The ledger of a release: one row for every row read or generated, with its outcome.

It contains no text of rows, since dropped rows may be private: evidence is reduced to names and numbers. ``sabila
trace`` shows the rest from the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.build.changed_rows import CHANGED
from pipelines.build.override_outcomes import applied_overrides
from pipelines.build.shard import LostRowsError
from pipelines.storage.duckdb_session import joining, listed, quoted
from pipelines.storage.quarantine import quarantined
from pipelines.storage.store import Store
from quality.overrides import DROPPED as OVERRIDDEN
from quality.splits import ASSIGNED
from sources.atomic import replacing
from sources.formats.literal import read_parquet
from sources.releases.manifest_model import StepSummary
from sources.table import SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KEPT, DROPPED, QUARANTINED, REFERENCE_ONLY = STATUSES = ("kept", "dropped", "quarantined", "reference_only")
"""Statuses of a row; a row of several branches has the first that applies."""

TEXTS = ("id", "source", "file", "license", "status", "step", "reason", "evidence")

LEDGER = pa.schema(
    [
        *((name, pa.string()) for name in TEXTS[:3]),
        ("line", pa.int64()),
        *((name, pa.string()) for name in TEXTS[3:]),
        ("changed_by", pa.list_(pa.string())),
    ]
)
"""``step`` is the one that ended the row, the last for kept rows; ``changed_by`` those that changed it, in order."""

DECISIONS = pa.field(
    "overrides",
    pa.list_(
        pa.struct(
            [
                pa.field(name, pa.string())
                for name in ("decision", "step", "rule", "field", "reason", "decided_by", "decided_on")
            ]
        )
    ),
)
"""The column of a ledger with people's decisions about a row, in step order; absent without decisions."""

ASSIGNED_SPLIT, SPLIT_GROUP = (pa.field(name, pa.string()) for name in ("assigned_split", "split_group"))
"""The split of a kept row's data file, and the group of rows that share it; only in a release with splits."""

LEDGER_WITH_MORE = pa.schema([*LEDGER, DECISIONS, ASSIGNED_SPLIT, SPLIT_GROUP])
"""The columns of a ledger, including those that only some releases have."""

MALFORMED = "malformed"

NAMES = frozenset("duplicate_of neighbour similar_to benchmark item layer group guard part source".split())
"""Text fields allowed in evidence: the name of a row, a benchmark, a part; any other text quotes a row."""

ROWS_PER_FILE = 500_000
ROWS_PER_GROUP = 50_000

WORD = 64
"""Steps per column of bits."""


def write_ledger(
    store: Store, graph: list[StepSummary], folder: Path, splits: pl.DataFrame | None = None
) -> dict[str, int]:
    """Write ``ledger/rows-….parquet`` of the steps ``graph`` into ``folder``, by id; return rows by status.

    ``splits`` has the split and the group of every kept row (``quality.splits.ASSIGNED``), where there are splits.
    The same steps give the same bytes. Raises ``LostRowsError`` where the rows in the store are not those that the
    steps counted. Five million rows and ten steps take 3 GB at most.
    """
    with joining(_step_files(store, graph)) as join:
        run = join.run
        run.execute(
            "CREATE TABLE ends (id VARCHAR, source VARCHAR, file VARCHAR, line BIGINT, license VARCHAR, status VARCHAR,"
            " stage USMALLINT, reason VARCHAR, evidence VARCHAR)"
        )
        for at, step in enumerate(graph):
            _insert_ends(run, at, step, graph, store.folder(step.folder))
        _check_steps(run, graph)
        _note_changes(run, graph, store)
        decided = _note_decisions(run, graph, store)
        schema = LEDGER.append(DECISIONS) if decided else LEDGER
        if splits is not None:
            schema = schema.append(ASSIGNED_SPLIT).append(SPLIT_GROUP)
        run.register("assigned", (pl.DataFrame(schema=ASSIGNED) if splits is None else splits).to_arrow())
        written = _write(run, graph, folder, schema)
    _check_all(graph, written)
    return written


def has_branches(graph: list[StepSummary]) -> bool:
    """Return whether a step feeds two others, so that a row may be in several branches."""
    feeds = Counter(before for step in graph for before in step.inputs)
    return any(times > 1 for times in feeds.values())


def rows_read_or_made(graph: list[StepSummary]) -> int:
    """Return the number of rows read from files or generated, as counted by the steps."""
    return sum(step.counts.made + (0 if step.inputs else step.counts.rows_in) for step in graph)


def _step_files(store: Store, graph: list[StepSummary]) -> Iterator[Path]:
    """Yield the files of rows that the ledger is written from."""
    for step in graph:
        for name in (KEPT, DROPPED, CHANGED):
            yield from sorted((store.folder(step.folder) / name).glob("*.parquet"))


# --- where rows end --------------------------------------------------------------------------------------------------


def _insert_ends(run: DuckDBPyConnection, at: int, step: StepSummary, graph: list[StepSummary], folder: Path) -> None:
    """Insert the rows that end in a step."""
    kept = sorted(folder.glob("kept/*.parquet"))
    if (status := _status(step, graph)) and kept:
        run.execute(
            f"INSERT INTO ends SELECT id, source, file, line, license, '{status}', {at}, NULL, NULL "
            f"FROM read_parquet({listed(kept)})"
        )
    for path in sorted(folder.glob("dropped/*.parquet")):
        rows = read_parquet(path, columns=["id", "source", "file", "line", "license", "reason", "evidence"])
        public = [
            text if reason == OVERRIDDEN else _public_evidence(text)
            for reason, text in rows.select("reason", "evidence").iter_rows()
        ]
        evidence = pl.Series(public, dtype=pl.String)
        _insert(run, at, DROPPED, rows.with_columns(evidence=evidence))
    if (broken := quarantined(folder)) is not None:
        terms = step.source.license if step.source else ""
        _insert(
            run, at, QUARANTINED, broken.with_columns(license=pl.lit(terms), reason=pl.lit(MALFORMED), evidence=None)
        )


def _status(step: StepSummary, graph: list[StepSummary]) -> str | None:
    """Return the status of the rows kept by a step; None where they continue into another."""
    if step is graph[-1]:
        return KEPT
    return None if any(step.folder in after.inputs for after in graph) else REFERENCE_ONLY


def _insert(run: DuckDBPyConnection, at: int, status: str, rows: pl.DataFrame) -> None:
    run.register("fresh", rows.select("id", "source", "file", "line", "license", "reason", "evidence").to_arrow())
    run.execute(
        f"INSERT INTO ends SELECT id, source, file, line, license, '{status}', {at}, reason, evidence FROM fresh"
    )
    run.unregister("fresh")


def _public_evidence(evidence: str | None) -> str | None:
    """Return the names and numbers of evidence, without quoted text."""
    if not evidence or not evidence.startswith("{"):
        return None
    seen = {
        name: value
        for name, value in orjson.loads(evidence).items()
        if isinstance(value, int | float) or (name in NAMES and isinstance(value, str))
    }
    return orjson.dumps(seen, option=orjson.OPT_SORT_KEYS).decode() if seen else None


# --- steps that changed rows -----------------------------------------------------------------------------------------


def _note_changes(run: DuckDBPyConnection, graph: list[StepSummary], store: Store) -> None:
    """Make the table ``changed``: id and a bit for each step that changed it, in columns of ``WORD`` steps each."""
    run.execute("CREATE TABLE changes (id VARCHAR, word UTINYINT, bit UBIGINT)")
    for at, step in enumerate(graph):
        if query := _changes(step, store):
            run.execute(f"INSERT INTO changes SELECT id, {at // WORD}, 1::UBIGINT << {at % WORD} FROM ({query})")
    words = ", ".join(f"coalesce(bit_or(bit) FILTER (word = {n}), 0) AS word{n}" for n in _words(graph))
    run.execute(f"CREATE TABLE changed AS SELECT id, {words} FROM changes GROUP BY id")
    run.execute("DROP TABLE changes")


def _words(graph: list[StepSummary]) -> range:
    return range(-(-len(graph) // WORD))


def _changes(step: StepSummary, store: Store) -> str | None:
    """Return a query for the ids changed by a step: as it recorded them, or by comparison where it did not."""
    folder = store.folder(step.folder)
    if not step.inputs or step.changed == 0:
        return None
    if step.changed is not None:
        return f"SELECT id FROM read_parquet({listed(sorted((folder / CHANGED).glob('*.parquet')))})"
    before = [path for name in step.inputs for path in sorted(store.folder(name).glob("kept/*.parquet"))]
    after = [*sorted(folder.glob("kept/*.parquet")), *sorted(folder.glob("dropped/*.parquet"))]
    if not before or not after:
        return None
    names = [name for name in SCHEMA.names() if name != "id"]
    differs = " OR ".join(f"old.{quoted(name)} IS DISTINCT FROM new.{quoted(name)}" for name in names)
    tables = f"read_parquet({listed(before)}) old JOIN read_parquet({listed(after)}, union_by_name=true) new USING (id)"
    return f"SELECT id FROM {tables} WHERE {differs}"


def _name_changes(run: DuckDBPyConnection, graph: list[StepSummary]) -> None:
    """Make the table ``named``: every existing combination of bits, and the names of its steps in order."""
    columns = ", ".join(f"word{n}" for n in _words(graph))
    run.execute(f"CREATE TABLE named AS SELECT DISTINCT {columns}, []::VARCHAR[] AS changed_by FROM changed")
    for bits in run.execute(f"SELECT {columns} FROM named").fetchall():
        names = [step.name for at, step in enumerate(graph) if bits[at // WORD] >> at % WORD & 1]
        same = " AND ".join(f"word{n} = {bit}" for n, bit in enumerate(bits))
        run.execute(f"UPDATE named SET changed_by = ? WHERE {same}", [names])


def _note_decisions(run: DuckDBPyConnection, graph: list[StepSummary], store: Store) -> bool:
    """Make the table ``decisions``: id, and the overrides applied to that row; return whether there is one."""
    done = applied_overrides(store, graph)
    fields = [field.name for field in DECISIONS.type.value_type]
    by_row = done.group_by("id", maintain_order=True).agg(pl.struct(fields).alias(DECISIONS.name))
    run.register("by_row", by_row.to_arrow())
    run.execute("CREATE TABLE decisions AS SELECT * FROM by_row")
    run.unregister("by_row")
    return bool(by_row.height)


# --- the files -------------------------------------------------------------------------------------------------------


def _write(run: DuckDBPyConnection, graph: list[StepSummary], folder: Path, schema: pa.Schema) -> dict[str, int]:
    """Write the files and return rows by status."""
    _name_changes(run, graph)
    once = _once(run, graph)
    counts: dict[str, int] = dict(run.execute(f"SELECT status, count(*) FROM ({once}) GROUP BY 1").fetchall())
    files = max(1, -(-sum(counts.values()) // ROWS_PER_FILE))
    groups = _groups(run, graph, once, schema)
    for n in range(files):
        path = folder / "ledger" / f"rows-{n:05}-of-{files:05}.parquet"
        with (
            replacing(path) as temporary,
            pq.ParquetWriter(temporary, schema, compression="zstd", use_content_defined_chunking=True) as file,
        ):
            for group in islice(groups, ROWS_PER_FILE // ROWS_PER_GROUP):
                file.write_table(group, row_group_size=ROWS_PER_GROUP)
    return counts


def _once(run: DuckDBPyConnection, graph: list[StepSummary]) -> str:
    """Return a query for the outcomes of all rows, one each."""
    if not has_branches(graph):
        return "SELECT * FROM ends"
    first = f"list_position({list(STATUSES)}, status)"
    return f"SELECT * FROM ends QUALIFY row_number() OVER (PARTITION BY id ORDER BY {first}, stage DESC) = 1"


def _groups(run: DuckDBPyConnection, graph: list[StepSummary], once: str, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows by id, ``ROWS_PER_GROUP`` at a time."""
    run.register("steps", pa.table({"stage": range(len(graph)), "step": [step.name for step in graph]}))
    words = ", ".join(f"word{n}" for n in _words(graph))
    rows: Any = run.sql(
        f"SELECT ends.* EXCLUDE (stage), step, coalesce(changed_by, []) AS changed_by, overrides, "
        "CASE WHEN status = 'kept' THEN assigned.split END AS assigned_split, "
        f"CASE WHEN status = 'kept' THEN assigned.split_group END AS split_group FROM ({once}) ends "
        f"JOIN steps USING (stage) LEFT JOIN (changed JOIN named USING ({words})) USING (id) "
        "LEFT JOIN decisions USING (id) LEFT JOIN assigned USING (id) ORDER BY id"
    )
    buffer: list[pa.RecordBatch] = []
    for batch in rows.to_arrow_reader(ROWS_PER_GROUP):
        buffer.append(batch)
        while sum(part.num_rows for part in buffer) >= ROWS_PER_GROUP:
            table = pa.Table.from_batches(buffer)
            yield _typed(table.slice(0, ROWS_PER_GROUP), schema)
            buffer = table.slice(ROWS_PER_GROUP).to_batches()
    if buffer:
        yield _typed(pa.Table.from_batches(buffer), schema)


def _typed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return rows.select(schema.names).cast(schema).combine_chunks()


# --- checks of the counts --------------------------------------------------------------------------------------------


def _check_steps(run: DuckDBPyConnection, graph: list[StepSummary]) -> None:
    """Compare the rows found in each step's files with the step's own counts."""
    counts: dict[int, Counter[str]] = {at: Counter() for at in range(len(graph))}
    for at, status, count in run.execute("SELECT stage, status, count(*) FROM ends GROUP BY ALL").fetchall():
        counts[at][status] = count
    for at, step in enumerate(graph):
        expected = {DROPPED: step.counts.dropped, QUARANTINED: step.counts.quarantined}
        if status := _status(step, graph):
            expected[status] = step.counts.kept
        for name, count in expected.items():
            if counts[at][name] != count:
                raise LostRowsError(
                    f"{step.folder} counted {count} rows {name} when it was built, but its files hold "
                    f"{counts[at][name]}: they were changed since. Remove the folder and build again"
                )


def _check_all(graph: list[StepSummary], written: dict[str, int]) -> None:
    """Compare the rows of the ledger with those read and generated: none may be missing or counted twice."""
    counted = rows_read_or_made(graph)
    if counted != (recorded := sum(written.values())):
        raise LostRowsError(
            f"{counted} rows were read or made, but the ledger has {recorded}: {written}; this is a defect of a step"
        )
