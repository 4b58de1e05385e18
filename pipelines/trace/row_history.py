"""The history of one row: where it was read, what each step did with it, and its outcome.

A row stays in the same shard number, so a trace reads one file of ids per step, whatever the size of the set. Where
that does not hold, all files of a step are searched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipelines.build.changed_rows import CHANGED
from pipelines.build.rebuild_reasons import read_note
from pipelines.storage.quarantine import quarantined
from pipelines.storage.row_index import PLACES, find_rows
from pipelines.storage.row_locations import Files, Row, RowLocation, shard_file
from pipelines.storage.store import Store
from pipelines.trace.row_event import ChangedField, RowEdit, RowEvent
from quality.overrides import APPLIED
from sources.documents.passage_rows import is_document
from sources.errors import SabilaError
from sources.formats.literal import parquet_schema, scan_parquet
from sources.releases.manifest_model import Locked, Manifest, StepSummary
from sources.suggest import did_you_mean

OWN = ("kept", "dropped", "edits", CHANGED)
"""Folders of a step with a fixed meaning; any other contains tables of findings."""

ORIGIN = ("source", "license", "split", "file", "line", "date")

NOT_ELIGIBLE = "not_eligible"
"""Status in the history of a row that a step passed on as it was, since no generator of the step takes it."""

NOT_ELIGIBLE_TEXT = "no generator of this step takes the row; it was passed on unchanged"


class TraceError(SabilaError):
    """A row, or a build, that is not in the store."""


def row_history(row_id: str, root: Path, recipe: str | None = None, release: str | None = None) -> list[RowEvent]:
    """Return the events of a row, one per step, up to its outcome.

    The steps are those of the last build of ``recipe`` (of any, if it is None), or of ``release``, ``name@version`` or
    a folder. Where the store no longer has a release's steps, the event comes from its ledger. A malformed row has no
    id: it is named ``<source>:<file>:<line>``. Raises ``TraceError`` for an unknown row, ``StoreError`` for a step that
    is gone and ``ReleaseError`` for a missing release.
    """
    store = Store(root)
    if release is None:
        return History.of_build(store, recipe).events(row_id)
    return _events_in_release(row_id, store, release)


def _events_in_release(row_id: str, store: Store, release: str) -> list[RowEvent]:
    from pipelines.release.locate import find
    from pipelines.release.open_release import reading
    from sources.releases.read_manifest import load

    folder = find(release, store.root)
    manifest = load(folder)
    place = manifest.title
    with reading(folder):
        if all(store.done(step.folder) for step in manifest.steps):
            return History(store=store, steps=tuple(manifest.steps), lock=manifest.lock, place=place).events(row_id)
        if event := _event_from_ledger(row_id, folder, manifest):
            return [event]
    raise _unknown(row_id, place, manifest.steps)


@dataclass(frozen=True, kw_only=True)
class History:
    """The steps of a build in order, the lock of its sources, and its name in messages (``place``)."""

    store: Store
    steps: tuple[StepSummary, ...]
    lock: Mapping[str, Locked]
    place: str
    files: Files = field(default_factory=Files)

    @classmethod
    def of_build(cls, store: Store, recipe: str | None) -> History:
        """Return the history of the last build of a recipe, or of any."""
        builds = sorted((store.root / "builds").glob(f"{recipe or '*'}.json"), key=lambda path: path.stat().st_mtime_ns)
        if not builds:
            built = [path.stem for path in (store.root / "builds").glob("*.json")]
            of_recipe = f" of {recipe}" if recipe else ""
            hint = did_you_mean(recipe or "", built)
            raise TraceError(f"{store.root} contains no finished build{of_recipe}; run sabila build first{hint}")
        note = read_note(builds[-1])
        return cls(
            store=store,
            steps=tuple(map(store.summary, note.steps)),
            lock=note.lock,
            place=f"the last build of {recipe or 'this store'}",
        )

    def events(self, row_id: str) -> list[RowEvent]:
        """Return the events of a row, after those of the row it was derived from."""
        events = list(self._events(row_id)) or list(self._malformed(row_id))
        if not events or events[-1][0] != row_id:
            raise _unknown(row_id, self.place, self.steps)
        return [event for _, event in events]

    def _events(self, row_id: str) -> Iterator[tuple[str, RowEvent]]:
        """Yield the events of a row and of its parents, each with the id of the row at that step."""
        row_ids = _family(row_id)
        here: dict[str, RowLocation] = {}
        for step in self.steps:
            before = next((here[name] for name in step.inputs if name in here), None)
            location = self._locate(step, before, row_ids)
            if location is None:
                if referenced := [here[name] for name in step.reference_inputs if name in here and before is None]:
                    yield referenced[0].id, RowEvent(step=step.name, folder=step.folder, status="reference_only")
                continue
            row_ids = [id for id in row_ids if id.startswith(location.id)]
            yield location.id, self._event(step, before, location)
            if location.path.parent.name == "kept":
                here[step.folder] = location

    # --- finding the row ---------------------------------------------------------------------------------------

    def _locate(self, step: StepSummary, before: RowLocation | None, row_ids: list[str]) -> RowLocation | None:
        """Return the location of the row, or of a possible parent, in a step; None if the step did not read it."""
        folder = self.store.folder(step.folder)
        if step.inputs:
            numbers = self._next(step, before) if before else iter(())
        else:
            numbers = self._read_at(step, folder, row_ids)
        for number in numbers:
            locations = (
                self.files.locate(shard_file(folder / status, number), row_ids[::-1]) for status in ("kept", "dropped")
            )
            if matches := [location for location in locations if location]:
                return max(matches, key=lambda location: len(location.id))
        return None

    def _next(self, step: StepSummary, before: RowLocation) -> Iterator[int]:
        """Yield the numbers of the shards that may contain a row: its shard among the inputs, then all others.

        Shards whose requests are sent together become one with the number of the first, so lower numbers come next.
        """
        input_paths = [path for name in step.inputs for path in self.files.shards(self.store.folder(name) / "kept")]
        place = input_paths.index(before.path)
        yield place
        numbers = self._numbers(self.store.folder(step.folder))
        yield from (number for number in reversed(numbers) if number < place)
        yield from (number for number in numbers if number > place)

    def _read_at(self, step: StepSummary, folder: Path, row_ids: list[str]) -> Iterator[int]:
        """Yield the shards of a source that may contain one of the rows: by its index, or all without an index."""
        if not _reads(step, row_ids[-1]):
            return
        if not (folder / PLACES).exists():
            yield from self._numbers(folder)
            return
        places = find_rows(folder, row_ids)
        yield from (places[id] for id in reversed(row_ids) if id in places)

    def _numbers(self, folder: Path) -> list[int]:
        return sorted({int(path.stem) for status in ("kept", "dropped") for path in self.files.shards(folder / status)})

    def _malformed(self, name: str) -> Iterator[tuple[str, RowEvent]]:
        for step in self.steps:
            if _reads(step, name) and (rows := quarantined(self.store.folder(step.folder))) is not None:
                for row in rows.filter(pl.col("id") == name).rows(named=True):
                    event = RowEvent(step=step.name, folder=step.folder, status="quarantined")
                    license = step.source.license if step.source else ""
                    origin = self._origin(step, row["source"])
                    if _is_document(step, row["file"]):
                        row["line"] = None  # a malformed one is a whole document, or a page that the error names
                    yield row.pop("id"), event.with_values(**row, license=license, **origin)

    # --- events ------------------------------------------------------------------------------------------------

    def _event(self, step: StepSummary, before: RowLocation | None, location: RowLocation) -> RowEvent:
        """Return the event of a step: where the row comes from, its changes, its findings."""
        folder, status = self.store.folder(step.folder), location.path.parent.name
        edits = self.files.rows_of(shard_file(folder / "edits", location.shard), [location.id])
        event = RowEvent(
            step=step.name,
            folder=step.folder,
            status=status,
            changes=self._changes(step, folder, before, location) if before else [],
            edits=[RowEdit(field=edit["field"], rule=edit["rule"], removed=edit["removed"]) for edit in edits],
        )
        if before is None:
            event = event.with_values(**location.read(ORIGIN), **self._origin(step, location.id.partition(":")[0]))
            if _is_document(step, event.file or ""):
                where = json.loads(location.read(["meta"])["meta"]).get("passage")
                page = where.get("page") if isinstance(where, dict) else None
                event = event.with_values(passage=event.line, **({} if page is None else {"page": page}))
        elif before.id != location.id:
            event = event.with_values(made_from=before.id)
        if status == "dropped":
            event = event.with_values(**location.read(["reason", "evidence"]))
        tables = self._tables(folder, location)
        if tables:
            event = event.with_values(tables=tables)
        if step.generators is not None and "generators" not in tables:
            event = event.with_values(status=NOT_ELIGIBLE)
        return event

    def _changes(
        self, step: StepSummary, folder: Path, before: RowLocation, location: RowLocation
    ) -> list[ChangedField]:
        """Return the fields changed by a step, before and after.

        A step that keeps ids records the changed fields of each row; without a record all fields are compared.
        """
        fields = [name for name in parquet_schema(before.path) if name != "id"]
        if before.id == location.id and step.changed is not None:
            changed = shard_file(folder / CHANGED, location.shard)
            recorded = self.files.rows_of(changed, [location.id]) if step.changed else []
            fields = recorded[0]["fields"] if recorded else []
        if not fields:
            return []
        old, new = before.read(fields), location.read(fields)
        return [
            ChangedField(field=name, before=old[name], after=new[name]) for name in fields if old[name] != new[name]
        ]

    def _origin(self, step: StepSummary, source: str) -> dict[str, str]:
        """Return the origin of a source, its revision, and where its licence was read, as far as recorded."""
        entry = self.lock.get(source)
        return {**step.origin, **({"revision": entry.revision} if entry else {})}

    def _tables(self, folder: Path, location: RowLocation) -> dict[str, list[Row]]:
        """Return a step's findings about the row and its parents, by table."""
        family = _family(location.id)
        rows: dict[str, list[Row]] = {}
        for path in self._tables_of(folder):
            whole = path.parent == folder  # and a step over the whole set has one table of overrides for all shards
            if whole or path.stem == location.path.stem or path.parent.name == APPLIED:
                rows.setdefault(path.stem if whole else path.parent.name, []).extend(self.files.rows_of(path, family))
        if any("key" in row for row in rows.get("candidates", [])):
            rows["candidates"] = _with_requests(rows["candidates"], self.store)
        return {name: findings for name, findings in rows.items() if findings}

    def _tables_of(self, folder: Path) -> list[Path]:
        tables = [path for path in self.files.shards(folder) if path.name not in ("quarantine.parquet", PLACES)]
        folders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name not in OWN)
        return [*tables, *(path for inner in folders for path in self.files.shards(inner))]


def _unknown(row_id: str, place: str, graph: Iterable[StepSummary]) -> TraceError:
    limits = [
        f"; {step.name} read {limit:,} rows because of --limit, and the row may be beyond them"
        for step in graph
        if _reads(step, row_id) and (limit := step.identity.limit) is not None
        if step.counts.rows_in >= limit
    ]
    return TraceError(
        f"no row {row_id!r} in {place}; expected <source>:<id>, or <source>:<file>:<line> for a malformed row"
        f"{''.join(limits)}"
    )


def _family(row_id: str) -> list[str]:
    """Return the ids of a row's possible parents, eldest first, and its own; a derived row is ``<parent>/<name>``."""
    source, colon, native = row_id.partition(":")
    parts = native.split("/")
    return [f"{source}{colon}{'/'.join(parts[:n])}" for n in range(1, len(parts) + 1)]


def _reads(step: StepSummary, row_id: str) -> bool:
    return step.source is not None and row_id.startswith(f"{step.source.name}:")


def _is_document(step: StepSummary, file: str) -> bool:
    """Return whether a step reads the passages of a document, and no rows of a table, from this file."""
    return bool(step.identity.mapping.get("passages")) and is_document(file)


def _event_from_ledger(row_id: str, folder: Path, manifest: Manifest) -> RowEvent | None:
    """Return the row of the ledger as one event; None for an unknown row."""
    paths = sorted((folder / "ledger").glob("*.parquet"))
    if not paths:
        return None
    rows = scan_parquet(paths).filter(pl.col("id") == row_id).collect().rows(named=True)
    if not rows:
        return None
    row, source = rows[0], rows[0]["source"]
    entry = manifest.lock.get(source)
    step = next((step for step in manifest.steps if step.source and step.source.name == source), None)
    revision = {"revision": entry.revision} if entry else {}
    if step and _is_document(step, row["file"]):
        row |= {"line": None} if row["status"] == "quarantined" else {"passage": row["line"]}
    return RowEvent.of({"recorded_by": "ledger", **row, **(step.origin if step else {}), **revision})


def _with_requests(candidates: list[Row], store: Store) -> list[Row]:
    """Return the candidates with ``messages``, ``sampling`` and ``seed`` where the store has their requests."""
    from pipelines.completions.completion_store import FILE, reading
    from sources.record import Message
    from synth.teachers.teacher import Request, Sampling

    def request_of(row: Row) -> Row:
        messages, sampling = json.loads(row["messages"]), json.loads(row["sampling"])
        request = Request(
            row="",
            stage="",
            messages=tuple(Message(**message) for message in messages),
            sampling=Sampling(seed=sampling["seed"]),
            sample=row["sample"],
        )
        return {"messages": messages, "sampling": sampling, "seed": request.seed}

    path = store.root / FILE
    if not path.exists():
        return candidates
    with reading(path) as completions:
        exported = completions.exported([row["key"] for row in candidates])
    requests = {row["key"]: request_of(row) for row in exported.iter_rows(named=True)}
    return [{**row, **requests.get(row["key"], {})} for row in candidates]
