"""A check: every file read once, rows checked in worker processes while the near-duplicate index grows here."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import xxhash

from pipelines.build.engine import Engine
from pipelines.build.local_engine import local_engine
from pipelines.check.baseline import Baseline
from pipelines.check.check_inputs import Reading, RecordBatch, is_release, record_batches, release_inputs, table_inputs
from pipelines.check.check_result import KEPT, CheckResult, FindingGroup, Instance
from pipelines.check.finding_kinds import KINDS, ORDER
from pipelines.check.record_columns import with_gold
from pipelines.check.row_findings import RowChecks, RowSettings, check_rows
from pipelines.check.set_findings import SET_FOUND, set_findings
from pipelines.release.screening import Screening
from pipelines.storage.secrets import without_secrets
from quality.decontamination.find_leaks import Decontaminate, drop_table, find_leaks
from quality.decontamination.inputs import rows_of
from quality.duplicates.near_duplicates import near_duplicates
from quality.duplicates.near_records import NearRecords, compared_columns
from quality.duplicates.near_settings import NearRules
from quality.duplicates.signatures import TEXT_COLUMNS
from sources.files import scratch_folder
from sources.formats.literal import scan_parquet

if TYPE_CHECKING:
    from pipelines.check.training_findings import Training
    from quality.decontamination.item_index import LeakIndex

FOUND = pl.Schema(
    {"kind": pl.String, "number": pl.Int64, "file": pl.String, "line": pl.Int64, "detail": pl.String, "text": pl.UInt64}
)
"""A finding: kind, number of the row (null without one), file and line, details, and a hash of the text it is about."""


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """What is checked: how files are read, kinds that are left out, benchmarks, near-duplicates, and training."""

    reading: Reading = field(default_factory=Reading)
    skip: frozenset[str] = frozenset()
    against: tuple[str, ...] = ()
    mirror: Path | None = None
    near: NearRecords = field(default_factory=NearRecords)
    training: Training | None = None
    workers: int = 1


def check(targets: Sequence[Path], settings: CheckSettings, baseline: Baseline | None = None) -> CheckResult:
    """Return the findings in files, folders of files and releases; nothing is changed.

    Memory holds a few batches of texts, some 100 bytes a row, and about 1 kB a row for near-duplicates. Raises
    ``CheckError`` and ``TableError`` for files that cannot be a table of questions.
    """
    gathering = _Gathering(settings)
    inputs = []
    for target in targets:
        if is_release(target):
            gathering.verify(target)
            inputs += release_inputs(target)
        else:
            inputs += table_inputs([target])
    notes: list[str] = []
    gathering.read(record_batches(inputs, settings.reading, notes))
    gathering.compare()
    groups = gathering.groups(baseline or Baseline())
    return CheckResult(
        targets=tuple(map(str, targets)),
        files=len(inputs),
        rows=gathering.rows,
        groups=groups,
        read=tuple(notes),
        not_checked=tuple(_not_checked(settings, gathering)),
        training=gathering.training_counts,
        baseline=baseline.name if baseline else None,
        marks=gathering.marks(),
    )


def _not_checked(settings: CheckSettings, gathering: _Gathering) -> Iterator[str]:
    """Yield what was left out, and what to do about it."""
    if not settings.against:
        yield "leaks: compared with no benchmark; name some with --against"
    if settings.training is None:
        yield "training: what would be learned depends on the model; name one with --model"
    elif gathering.training_counts and gathering.training_counts["rows"] < gathering.rows:
        read = gathering.training_counts["rows"]
        yield f"training: {read:,} of {gathering.rows:,} rows, drawn evenly; --training-rows reads more"
    if settings.skip:
        yield f"left out with --skip: {', '.join(sorted(settings.skip))}"
    yield from gathering.limits


class _Gathering:
    """The findings of a check while it reads, and the facts of all rows so far."""

    def __init__(self, settings: CheckSettings) -> None:
        self.settings = settings
        self.rows = 0
        self.limits: list[str] = []
        self.training_counts: dict[str, int] | None = None
        self._found: list[pl.DataFrame] = [pl.DataFrame(schema=FOUND)]
        self._facts: list[pl.DataFrame] = []
        self._detailed: Counter[str] = Counter()
        self._clusters: list[pl.DataFrame] = []
        self._conversations: list[Path] = []
        self._of_rows: list[pl.DataFrame] = [pl.DataFrame(schema=SET_FOUND)]
        self._sample = pl.DataFrame()
        self._index: LeakIndex | None = _leak_index(settings) if settings.against else None

    def verify(self, folder: Path) -> None:
        """Add what ``sabila verify`` finds in a release."""
        from pipelines.verify.verify_release import verify

        faults = [("release-error", f"{folder}/{one.file}", 0, one.describe()) for one in verify(folder).findings]
        self._add_faults(faults)

    def read(self, batches: Iterator[RecordBatch]) -> None:
        """Check the rows of all batches, and find near-duplicates among them in the same pass."""
        first = list(islice(batches, 2))
        workers = self.settings.workers if len(first) > 1 else 1
        with local_engine(workers) as engine, ThreadPoolExecutor(workers) as pool:
            compared = self._checked(chain(first, batches), engine, pool, waiting=workers + 1)
            if "near-duplicate" in self.settings.skip:
                deque(compared, maxlen=0)
                return
            self._near(compared, self.settings.near.single)
        if self._conversations:
            stored = (scan_parquet(path).collect() for path in self._conversations)
            self._near(stored, self.settings.near.conversation)

    def _near(self, compared: Iterator[pl.DataFrame], rules: NearRules) -> None:
        empty = pl.DataFrame(schema={"id": pl.Int64, **dict.fromkeys(TEXT_COLUMNS, pl.String)})
        found = near_duplicates(chain([empty], compared), rules)
        self._clusters.append(found.clusters)
        if found.cut:
            self.limits.append(f"near-duplicates: {found.cut:,} groups of similar rows were too large to compare whole")

    def _checked(
        self, batches: Iterator[RecordBatch], engine: Engine, pool: ThreadPoolExecutor, waiting: int
    ) -> Iterator[pl.DataFrame]:
        """Yield the texts to compare of each batch, while its rows are checked elsewhere."""
        pending: deque[tuple[pl.DataFrame, Future[RowChecks]]] = deque()
        for batch in batches:
            faults = [(one.kind, batch.file, one.line, one.detail) for one in batch.faults]
            self._add_faults([one for one in faults if one[0] not in self.settings.skip])
            if batch.records.is_empty():
                continue
            records = batch.records if "gold_fault" in batch.records.columns else with_gold(batch.records, batch.base)
            numbers = pl.int_range(self.rows, self.rows + records.height, dtype=pl.Int64, eager=True).alias("number")
            self.rows += records.height
            checks = pool.submit(engine.run, check_rows, records, RowSettings(skip=self.settings.skip))
            pending.append((_places(records, numbers), checks))
            while len(pending) > waiting or (pending and pending[0][1].done()):
                self._add_checks(*pending.popleft())
            self._find_leaks(records, numbers)
            self._keep_sample(records, numbers)
            if "near-duplicate" not in self.settings.skip:
                yield self._compared(records, numbers)
        while pending:
            self._add_checks(*pending.popleft())

    def _compared(self, records: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
        """Return the texts of single questions; those of conversations are stored, since their threshold differs."""
        turns = pl.col("messages").list.eval(pl.element().struct.field("role") != "system").list.sum()
        texts = records.select(*compared_columns(), several=turns > 1).with_columns(id=numbers)
        conversations = texts.filter("several").drop("several")
        if conversations.height:
            path = scratch_folder() / f"check-conversations-{len(self._conversations)}.parquet"
            conversations.write_parquet(path)
            self._conversations.append(path)
        return texts.filter(~pl.col("several")).drop("several")

    # --- findings on the way ---------------------------------------------------------------------------------------

    def _add_faults(self, faults: Sequence[tuple[str, str, int, str]]) -> None:
        found = [
            (kind, None, file, line or None, detail, xxhash.xxh3_64_intdigest(f"{file}\x1d{detail}".encode()))
            for kind, file, line, detail in faults
        ]
        self._add(pl.DataFrame(found, schema=FOUND, orient="row"))

    def _add_checks(self, places: pl.DataFrame, checks: Future[RowChecks]) -> None:
        done = checks.result()
        facts = places.hstack(done.facts)
        self._facts.append(facts)
        where = facts.select("number", "file", "line", text="mark").with_row_index("offset")
        self._add(done.found.join(where, on="offset", how="inner", maintain_order="left").select(FOUND.names()))

    def _add(self, found: pl.DataFrame) -> None:
        """Add findings; of each kind only the first ``KEPT`` keep their details."""
        found = found.with_columns(at=pl.int_range(pl.len()).over("kind"))
        before = pl.col("kind").replace_strict(dict(self._detailed), default=0, return_dtype=pl.Int64)
        few = pl.when(pl.col("at") + before < KEPT).then("detail")
        self._found.append(found.with_columns(detail=few).select(FOUND.names()))
        self._detailed.update(found["kind"].to_list())

    def _find_leaks(self, records: pl.DataFrame, numbers: pl.Series) -> None:
        if self._index is None:
            return
        rows = rows_of(records.with_columns(id=numbers.cast(pl.String)))
        drops = drop_table(find_leaks(rows, self._index, Decontaminate()))
        evidence = pl.col("evidence").str.json_path_match
        detail = pl.format("{} of {} ({})", evidence("$.item"), evidence("$.benchmark"), evidence("$.layer"))
        found = drops.select(kind=pl.lit("leak"), number=pl.col("id").cast(pl.Int64), detail=detail)
        self._of_rows.append(found.sort("number").cast(SET_FOUND))

    def _keep_sample(self, records: pl.DataFrame, numbers: pl.Series) -> None:
        """Keep the rows with the smallest hashes of their numbers: an even draw that is the same in every run."""
        training = self.settings.training
        if training is None:
            return
        order = [xxhash.xxh3_64_intdigest(str(number).encode()) for number in numbers]
        more = records.with_columns(number=numbers, order=pl.Series(order, dtype=pl.UInt64))
        rows = pl.concat([self._sample, more]) if self._sample.height else more
        self._sample = rows.sort("order").head(training.rows)

    # --- the whole set ---------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Add the findings between rows, and those of training."""
        if not self._facts:
            return
        facts = pl.concat(self._facts).with_columns(place=pl.format("{}:{}", "file", "line"))
        self._facts = [facts]
        clusters = pl.concat(self._clusters) if self._clusters else _no_clusters()
        found = pl.concat([*self._of_rows, set_findings(facts, clusters)])
        if self.settings.training is not None:
            from pipelines.check.training_findings import training_findings

            more, self.training_counts = training_findings(self._sample, self.settings.training)
            found = pl.concat([found, more])
        found = found.filter(~pl.col("kind").is_in(sorted(self.settings.skip)))
        where = facts.select("number", "file", "line", text="mark")
        whole = pl.lit("all files")
        joined = found.join(where, on="number", how="left", maintain_order="left").with_columns(
            file=pl.coalesce("file", whole), text=pl.coalesce("text", pl.lit(0, pl.UInt64))
        )
        self._add(joined.select(FOUND.names()))

    def marks(self) -> dict[str, list[str]]:
        """Return the hashes of all findings by kind."""
        every = pl.concat(self._found).group_by("kind", maintain_order=True).agg("text")
        return {kind: [f"{text:016x}" for text in texts] for kind, texts in every.iter_rows()}

    def groups(self, baseline: Baseline) -> tuple[FindingGroup, ...]:
        """Return the findings by kind, the most serious and then the most frequent first."""
        every = pl.concat(self._found)
        every = every.filter(~pl.col("kind").is_in(sorted(self.settings.skip)))
        ids = pl.concat([one.select("number", "id") for one in self._facts]) if self._facts else None
        groups = []
        for name in every["kind"].unique(maintain_order=True).to_list():
            found = every.filter(kind=name).sort("file", "line", nulls_last=False, maintain_order=True)
            found = found.with_columns(known=baseline.known(name, found["text"]))
            shown = found.filter(pl.col("detail").is_not_null())
            if ids is not None:
                shown = shown.join(ids, on="number", how="left", maintain_order="left")
            groups.append(
                FindingGroup(
                    kind=KINDS[name],
                    count=found.height,
                    new=int((~found["known"]).sum()),
                    instances=tuple(_instances(name, shown)),
                )
            )
        return tuple(sorted(groups, key=lambda one: (ORDER[one.kind.severity], -one.new, -one.count, one.kind.id)))


def _places(records: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    return records.select("file", "line", "id").with_columns(number=numbers)


def _no_clusters() -> pl.DataFrame:
    columns = {"id": pl.Int64, "representative": pl.Int64, "duplicate_of": pl.Int64, "similarity": pl.Float64}
    return pl.DataFrame(schema=columns)


def _instances(kind: str, found: pl.DataFrame) -> Iterator[Instance]:
    """Yield findings with their details, in which personal data and secrets are masked."""
    details = Screening.of(()).values([{"detail": detail} for detail in found["detail"]])
    for row, detail in zip(found.iter_rows(named=True), details, strict=True):
        yield Instance(
            file=row["file"],
            line=row["line"],
            id=row.get("id"),
            detail=without_secrets(detail["detail"]),
            mark=f"{row['text']:016x}",
            known=row["known"],
        )


def _leak_index(settings: CheckSettings) -> LeakIndex:
    from pipelines.own_files.leak_files import Columns, benchmark_items, names_and_files
    from quality.decontamination.cleaned_items import with_cleaned
    from quality.decontamination.item_index import build_index

    named, paths = names_and_files(settings.against)
    items, _ = benchmark_items(named, paths, settings.mirror, Columns())
    return build_index(with_cleaned(items))
