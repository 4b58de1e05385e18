"""A check: every file is read once; workers check rows while this process builds the near-duplicate index."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
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
from pipelines.check.set_findings import SET_FINDINGS, set_findings
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

FINDINGS = pl.Schema(
    {"kind": pl.String, "number": pl.Int64, "file": pl.String, "line": pl.Int64, "detail": pl.String, "text": pl.UInt64}
)
"""A finding: kind, number of the row (null without one), file and line, details, and a hash of the text it is about."""


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """Settings of a check: how files are read, kinds left out, benchmarks, near-duplicates, and training."""

    reading: Reading = field(default_factory=Reading)
    skip: frozenset[str] = frozenset()
    against: tuple[str, ...] = ()
    mirror: Path | None = None
    store: Path | None = None
    near: NearRecords = field(default_factory=NearRecords)
    training: Training | None = None
    workers: int = 1


def check(targets: Sequence[Path], settings: CheckSettings, baseline: Baseline | None = None) -> CheckResult:
    """Return the findings in files, folders of files and releases; nothing is changed.

    Memory holds a few batches of texts, some 100 bytes a row, and about 1 kB a row for near-duplicates. Raises
    ``CheckError`` and ``TableError`` for files that cannot be a table of questions.
    """
    collector = _Collector(settings)
    inputs = []
    for target in targets:
        if is_release(target):
            collector.verify(target)
            inputs += release_inputs(target)
        else:
            inputs += table_inputs([target])
    notes: list[str] = []
    collector.read(record_batches(inputs, settings.reading, notes))
    collector.compare()
    groups = collector.groups(baseline or Baseline())
    return CheckResult(
        targets=tuple(map(str, targets)),
        files=len(inputs),
        rows=collector.rows,
        groups=groups,
        read=tuple(notes),
        not_checked=tuple(_not_checked(settings, collector)),
        training=collector.training_counts,
        baseline=baseline.name if baseline else None,
        marks=collector.marks(),
    )


def _not_checked(settings: CheckSettings, collector: _Collector) -> Iterator[str]:
    """Yield each part that was not checked, with the option that checks it."""
    if not settings.against:
        yield "leaks: no benchmark was named; name some with --against"
    yield from (f"leaks: {what}: {which}" for what, which in collector.benchmark_limits.items())
    if settings.training is None:
        yield "training: the supervised tokens depend on the model; name one with --model"
    elif collector.training_counts and collector.training_counts["rows"] < collector.rows:
        read = collector.training_counts["rows"]
        yield f"training: {read:,} of {collector.rows:,} rows, drawn evenly; --training-rows reads more"
    if settings.skip:
        yield f"left out with --skip: {', '.join(sorted(settings.skip))}"
    yield from collector.limits


class _Collector:
    """The findings of a check while it reads, and the facts of all rows so far."""

    def __init__(self, settings: CheckSettings) -> None:
        self.settings = settings
        self.rows = 0
        self.limits: list[str] = []
        self.benchmark_limits: Mapping[str, str] = {}
        self.training_counts: dict[str, int] | None = None
        self._findings: list[pl.DataFrame] = [pl.DataFrame(schema=FINDINGS)]
        self._facts: list[pl.DataFrame] = []
        self._detailed: Counter[str] = Counter()
        self._clusters: list[pl.DataFrame] = []
        self._conversations: list[Path] = []
        self._of_rows: list[pl.DataFrame] = [pl.DataFrame(schema=SET_FINDINGS)]
        self._sample = pl.DataFrame()
        self._index: LeakIndex | None = None
        if settings.against:
            self._index, self.benchmark_limits = _leak_index(settings)

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
        duplicates = near_duplicates(chain([empty], compared), rules)
        self._clusters.append(duplicates.clusters)
        if duplicates.cut:
            self.limits.append(
                f"near-duplicates: {duplicates.cut:,} groups of similar rows were too large to be compared completely"
            )

    def _checked(
        self, batches: Iterator[RecordBatch], engine: Engine, pool: ThreadPoolExecutor, waiting: int
    ) -> Iterator[pl.DataFrame]:
        """Yield the texts to compare of each batch, while workers check its rows."""
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
        """Return the texts of single questions; those of conversations are stored, their threshold differs."""
        turns = pl.col("messages").list.eval(pl.element().struct.field("role") != "system").list.sum()
        texts = records.select(*compared_columns(), several=turns > 1).with_columns(id=numbers)
        conversations = texts.filter("several").drop("several")
        if conversations.height:
            path = scratch_folder() / f"check-conversations-{len(self._conversations)}.parquet"
            conversations.write_parquet(path)
            self._conversations.append(path)
        return texts.filter(~pl.col("several")).drop("several")

    # --- findings of single rows -----------------------------------------------------------------------------------

    def _add_faults(self, faults: Sequence[tuple[str, str, int, str]]) -> None:
        findings = [
            (kind, None, file, line or None, detail, xxhash.xxh3_64_intdigest(f"{file}\x1d{detail}".encode()))
            for kind, file, line, detail in faults
        ]
        self._add(pl.DataFrame(findings, schema=FINDINGS, orient="row"))

    def _add_checks(self, places: pl.DataFrame, checks: Future[RowChecks]) -> None:
        done = checks.result()
        facts = places.hstack(done.facts)
        self._facts.append(facts)
        where = facts.select("number", "file", "line", text="mark").with_row_index("offset")
        self._add(done.findings.join(where, on="offset", how="inner", maintain_order="left").select(FINDINGS.names()))

    def _add(self, findings: pl.DataFrame) -> None:
        """Add findings; of each kind only the first ``KEPT`` keep their details."""
        findings = findings.with_columns(at=pl.int_range(pl.len()).over("kind"))
        before = pl.col("kind").replace_strict(dict(self._detailed), default=0, return_dtype=pl.Int64)
        few = pl.when(pl.col("at") + before < KEPT).then("detail")
        self._findings.append(findings.with_columns(detail=few).select(FINDINGS.names()))
        self._detailed.update(findings["kind"].to_list())

    def _find_leaks(self, records: pl.DataFrame, numbers: pl.Series) -> None:
        if self._index is None:
            return
        rows = rows_of(records.with_columns(id=numbers.cast(pl.String)))
        drops = drop_table(find_leaks(rows, self._index, Decontaminate()))
        evidence = pl.col("evidence").str.json_path_match
        detail = pl.format("{} of {} ({})", evidence("$.item"), evidence("$.benchmark"), evidence("$.layer"))
        leaks = drops.select(kind=pl.lit("leak"), number=pl.col("id").cast(pl.Int64), detail=detail)
        self._of_rows.append(leaks.sort("number").cast(SET_FINDINGS))

    def _keep_sample(self, records: pl.DataFrame, numbers: pl.Series) -> None:
        """Keep the rows with the smallest hashes of their numbers: a uniform sample that is the same in every run."""
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
        findings = pl.concat([*self._of_rows, set_findings(facts, clusters)])
        if self.settings.training is not None:
            from pipelines.check.training_findings import training_findings

            more, self.training_counts = training_findings(self._sample, self.settings.training)
            findings = pl.concat([findings, more])
        findings = findings.filter(~pl.col("kind").is_in(sorted(self.settings.skip)))
        where = facts.select("number", "file", "line", text="mark")
        all_files = pl.lit("all files")
        joined = findings.join(where, on="number", how="left", maintain_order="left").with_columns(
            file=pl.coalesce("file", all_files), text=pl.coalesce("text", pl.lit(0, pl.UInt64))
        )
        self._add(joined.select(FINDINGS.names()))

    def marks(self) -> dict[str, list[str]]:
        """Return the hashes of all findings by kind."""
        every = pl.concat(self._findings).group_by("kind", maintain_order=True).agg("text")
        return {kind: [f"{text:016x}" for text in texts] for kind, texts in every.iter_rows()}

    def groups(self, baseline: Baseline) -> tuple[FindingGroup, ...]:
        """Return the findings by kind, the most serious and then the most frequent first."""
        every = pl.concat(self._findings)
        every = every.filter(~pl.col("kind").is_in(sorted(self.settings.skip)))
        ids = pl.concat([one.select("number", "id") for one in self._facts]) if self._facts else None
        groups = []
        for name in every["kind"].unique(maintain_order=True).to_list():
            findings = every.filter(kind=name).sort("file", "line", nulls_last=False, maintain_order=True)
            findings = findings.with_columns(known=baseline.known(name, findings["text"]))
            shown = findings.filter(pl.col("detail").is_not_null())
            if ids is not None:
                shown = shown.join(ids, on="number", how="left", maintain_order="left")
            groups.append(
                FindingGroup(
                    kind=KINDS[name],
                    count=findings.height,
                    new=int((~findings["known"]).sum()),
                    instances=tuple(_instances(name, shown)),
                )
            )
        return tuple(sorted(groups, key=lambda one: (ORDER[one.kind.severity], -one.new, -one.count, one.kind.id)))


def _places(records: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    return records.select("file", "line", "id").with_columns(number=numbers)


def _no_clusters() -> pl.DataFrame:
    columns = {"id": pl.Int64, "representative": pl.Int64, "duplicate_of": pl.Int64, "similarity": pl.Float64}
    return pl.DataFrame(schema=columns)


def _instances(kind: str, findings: pl.DataFrame) -> Iterator[Instance]:
    """Yield findings with their details, in which personal data and secrets are masked."""
    details = Screening.of(()).values([{"detail": detail} for detail in findings["detail"]])
    for row, detail in zip(findings.iter_rows(named=True), details, strict=True):
        yield Instance(
            file=row["file"],
            line=row["line"],
            id=row.get("id"),
            detail=without_secrets(detail["detail"]),
            mark=f"{row['text']:016x}",
            known=row["known"],
        )


def _leak_index(settings: CheckSettings) -> tuple[LeakIndex, Mapping[str, str]]:
    """Return the index of the benchmark items, and what rows are not compared with."""
    from pipelines.own_files.leak_files import Columns, benchmark_index, benchmark_items, names_and_files

    named, paths = names_and_files(settings.against)
    benchmarks = benchmark_items(named, paths, settings.mirror, Columns())
    return benchmark_index(benchmarks.items, settings.store), benchmarks.limits()
