"""How a step of each kind reads its rows and writes its own: shard by shard, over the whole set, or with a teacher."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.build.build_context import BuildContext
from pipelines.build.fingerprint import fingerprint, plain
from pipelines.build.plan import Node
from pipelines.build.repeated_ids import quarantine_repeated_ids
from pipelines.build.shard import (
    LostRowsError,
    compare_shard,
    generate_shard,
    map_named_shard,
    map_shard,
    named_in,
    note,
    pass_shard,
    read_shard,
    sift_shard,
)
from pipelines.build.shard_cache import ShardCounts, cached_shard, content_of, note_shards
from pipelines.build.signature_memory import Memory
from pipelines.build.sketch import decide_part, part_file, parts_for, sketches, write_sketch
from pipelines.build.step import CompareRows, Decide, DecideOnNew, GenerateStep, MakeSketch, MapRows, ReferenceSketch
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.completions.failed_requests import Outcomes, not_complete
from pipelines.completions.shard_groups import shard_groups
from pipelines.storage.row_index import write_row_index
from pipelines.storage.store import Store
from pipelines.storage.stored_step import height
from quality.outcome import Decision, Shards
from quality.overrides import APPLIED, Overrides, applied, named_rows
from quality.scratch import Scratch, using
from sources.atomic import write_table
from sources.files import FileError, RawFile
from sources.formats.literal import read_parquet, scan_parquet
from sources.source import Corpus

ShardTask = Callable[[Path, int], ShardCounts]
"""Does one shard, given the folder to write into and the number of the shard."""


@dataclass(kw_only=True)
class StepRunner:
    """Runs the step of ``node`` into ``folder``; ``counts`` are those of its shards, in order."""

    node: Node
    folder: Path
    context: BuildContext
    counts: list[ShardCounts] = field(default_factory=list)

    def read_files(self, corpus: Corpus, limit: int | None) -> None:
        """Read the raw files, in windows unless there is a limit, and put repeated ids into the quarantine."""
        groups: list[tuple[RawFile, ...]] = [self.node.files]
        if limit is None:
            groups = [(window,) for file in self.node.files for window in file.windows]
        self._each([partial(read_shard, corpus, group, limit) for group in groups])
        seen: Counter[Path] = Counter()
        for group, counted in zip(groups, self.counts, strict=True):
            seen[group[0].path] += counted.rows_in - counted.quarantined
        for group, counted in zip(groups, self.counts, strict=True):
            allowed = corpus.empty_files and any(seen.values())
            if counted.rows_in and not seen[group[0].path] and not allowed:
                self._refuse(group)
        quarantine_repeated_ids(self.folder)
        write_row_index(self.folder)

    def map_shards(self, function: MapRows[Any], *, in_this_process: bool = False) -> None:
        """Map shard by shard, reusing what an earlier build made of the same content."""
        known = cached_shard(self.context.store, self.node.identity)
        config = self.node.step.config
        passes = self.node.step.passes
        tasks: list[ShardTask] = [partial(map_shard, function, config, known, passes, path) for path in self._shards()]
        self._each(tasks, in_this_process=in_this_process)
        note_shards(self.folder, self.counts)

    def compare_shards(self, function: CompareRows[Any], sketch: ReferenceSketch[Any] | None) -> None:
        """Map shard by shard, with the files of the reference inputs."""
        known = cached_shard(self.context.store, self.node.identity)
        config, references = self.node.step.config, tuple(shards_of(self.node.reference_inputs, self.context.store))
        if sketch is not None:
            references += self._kept_sketches(sketch, references)
        passes, kept = self.node.step.passes, self._kept_folder("-references", references=content_of(references))
        self._each(
            [partial(compare_shard, function, config, references, known, passes, kept, path) for path in self._shards()]
        )
        note_shards(self.folder, self.counts)

    def map_named(self, function: MapRows[Overrides]) -> None:
        """Map the shards that contain a row named by the config, and pass on the others."""
        config = self.node.step.config
        self._each([partial(map_named_shard, function, config, path) for path in self._shards()])

    def drop_rows(self, decide: Decide[Any], sketch: MakeSketch[Any] | None, key: str | None) -> None:
        """Decide over all shards or over what workers make of each of them, and drop."""
        shards, config = self._shards(), self.node.step.config

        def decision() -> Decision:
            if sketch is None:
                return decide(lambda: map(read_parquet, shards), config)
            parts = parts_for(len(shards)) if key else 1
            self._run(
                {number: partial(write_sketch, sketch, config, key, parts, path) for number, path in enumerate(shards)}
            )
            if key is None:
                return decide(sketches(self.folder, range(len(shards))), config)
            self._run(dict.fromkeys(range(parts), partial(decide_part, decide, config, len(shards))))
            return Decision(drops=pl.concat([read_parquet(part_file(self.folder, part)) for part in range(parts)]))

        self._drop(shards, decision)

    def drop_rows_incrementally(
        self, decide: DecideOnNew[Any], sketch: MakeSketch[Any] | None, *, by_model: bool
    ) -> None:
        """Decide over the shards that are new since the step was last built, and drop."""
        shards, config, identity = self._shards(), self.node.step.config, self.node.identity
        memory = Memory(self._kept_folder(step=identity.step, config=identity.config))

        def decision() -> Decision:
            known, new = memory.recall(shards)
            tables: Shards = lambda: map(read_parquet, new)  # noqa: E731
            if sketch is not None and (by_model or self.context.engine.spreads):
                places = {path: number for number, path in enumerate(shards)}
                tasks = {places[path]: partial(write_sketch, sketch, config, None, 1, path) for path in new}
                if self.context.engine.spreads:
                    self._run(tasks)
                else:
                    self._run_here({shards[n]: partial(task, self.folder, n) for n, task in tasks.items()})
                tables = sketches(self.folder, tasks)
            with using(Scratch(folder=memory.folder, limit=self.context.memory)):
                decided = decide(tables, config, known)
            memory.keep(decided.memory, known, shards)
            return decided

        self._drop(shards, decision)

    def generate(self, work: GenerateStep) -> None:
        """Send the requests group by group, in this process, where the connections or the model are.

        Raises ``RequestsFailedError`` at the end, after all groups, where more requests failed than allowed.
        """
        groups = shard_groups(self._shards(), work.sources)
        store, progress, name = self.context.store, self.context.progress, self.node.step.name
        progress.started(name, len(groups))
        teacher = self.context.teacher(work.teacher)
        cached = cached_teacher(store.root / FILE, teacher, self.context.spending, progress)
        ask = self.context.until_interrupted(cached)
        known = cached_shard(store, self.node.identity)
        failed = Outcomes()
        for group in groups:
            shard, paths = group.number, group.paths
            counted: ShardCounts | Outcomes | None = note(self.folder, shard)
            if counted is None and group.passes:
                counted = pass_shard(paths[0], self.folder, shard)
            elif counted is None:
                step = self.node.step
                counted = generate_shard(work, step.config, ask, known, step.passes, paths, self.folder, shard)
            if isinstance(counted, Outcomes):
                failed.add(counted)
            else:
                progress.advanced(name, counted.rows_in)
                self.counts.append(counted)
        if failed.failed:
            raise not_complete(name, failed, work.max_failed)
        note_shards(self.folder, self.counts)

    def _kept_sketches(self, sketch: ReferenceSketch[Any], files: tuple[Path, ...]) -> tuple[Path, ...]:
        """Return the sketch of each file, made by this build or an earlier one."""
        folder = self._kept_folder(config=plain(sketch.config))
        places = {file: folder / f"{content_of((file,))}.parquet" for file in files}

        def make(file: Path) -> None:
            write_table(places[file], sketch.make(read_parquet(file), sketch.config))

        self._run_here({file: partial(make, file) for file, place in places.items() if not place.exists()})
        return tuple(places[file] for file in files)

    def _kept_folder(self, suffix: str = "", **made_of: Any) -> Path:
        """Return where the store keeps for later builds what this step's code makes of ``made_of``."""
        identity = self.node.identity
        own = fingerprint({"code": identity.code, "libraries": identity.libraries, **made_of})
        return self.context.store.root / "memory" / f"{self.node.step.name}{suffix}-{own}"

    def _run(self, tasks: Mapping[int, Callable[[Path, int], None]]) -> None:
        """Run tasks by number; each gets the folder and its number, and returns at once if it is done already."""
        with ThreadPoolExecutor(self.context.engine.workers) as threads:
            list(threads.map(lambda n: self.context.engine.run(tasks[n], self.folder, n), tasks))

    def _run_here(self, tasks: Mapping[Path, Callable[[], None]]) -> None:
        """Run tasks by the file of their rows, one after the other in this process, whose model takes all cores."""
        name, progress = self.node.step.name, self.context.progress
        progress.started(name, len(tasks))
        for file, task in tasks.items():
            if self.context.interrupted.is_set():
                raise CancelledError
            task()
            progress.advanced(name, height([file]))

    def _shards(self) -> list[Path]:
        return shards_of(self.node.inputs, self.context.store)

    def _each(self, tasks: list[ShardTask], *, in_this_process: bool = False) -> None:
        """Run the tasks of a step, one per shard, except those finished by an interrupted build."""
        name, progress = self.node.step.name, self.context.progress
        progress.started(name, len(tasks))

        def one(shard: int, task: ShardTask) -> ShardCounts:
            before = note(self.folder, shard)
            counted: ShardCounts = before or (
                task(self.folder, shard) if in_this_process else self.context.engine.run(task, self.folder, shard)
            )
            progress.advanced(name, counted.rows_in)
            return counted

        if in_this_process or len(tasks) == 1:
            self.counts.extend(one(shard, task) for shard, task in enumerate(tasks))
            return
        with ThreadPoolExecutor(self.context.engine.workers) as threads:
            self.counts.extend(threads.map(one, range(len(tasks)), tasks))

    def _drop(self, shards: list[Path], decision: Callable[[], Decision]) -> None:
        """Write the decision, unless an interrupted build had, and split every shard by it."""
        drops, name = self.folder / "decided" / "drops.parquet", self.node.step.name
        if not drops.exists():
            decided = decision()
            for table, content in decided.tables.items():
                write_table(self.folder / f"{table}.parquet", content)
            if decided.drops["id"].is_duplicated().any() or decided.drops["drop_reason"].has_nulls():
                raise LostRowsError(f"{name} returned a row to drop twice, or without a reason")
            write_table(drops, self._without_passed(decided.drops, shards).sort("id"))
        self._each([partial(sift_shard, drops, path) for path in shards])
        named, dropped = height([drops]), height(self.folder.glob("dropped/*.parquet"))
        if named != dropped:
            raise LostRowsError(
                f"{name} returned {named} rows to drop, but only {dropped} of their ids are among its input rows"
            )

    def _without_passed(self, drops: pl.DataFrame, shards: list[Path]) -> pl.DataFrame:
        """Return the rows to drop without those that an override keeps; write the applied overrides."""
        if not self.node.step.passes:
            return drops
        matches = [
            (rows["id"][at], entry)
            for path in shards
            if (own := named_in((path,), self.node.step.passes))
            for rows in [scan_parquet(path).select("id", "source", "file", "line").collect()]
            for at, entry in named_rows(rows, own)
        ]
        named = pl.DataFrame(
            {"id": [id for id, _ in matches], "drop_reason": [entry.rule for _, entry in matches]},
            {"id": pl.String, "drop_reason": pl.String},
        ).with_row_index("n")
        passed = named.join(drops, on=["id", "drop_reason"], maintain_order="left")
        if passed.height:
            done = [matches[n] for n in passed["n"]]
            write_table(self.folder / APPLIED / "00000.parquet", applied(done, passed["evidence"].to_list()))
        return drops.join(passed, on=["id", "drop_reason"], how="anti", maintain_order="left")

    def _refuse(self, group: tuple[RawFile, ...]) -> None:
        """Raise for a file whose rows are all malformed: it is not the file its connector was written for."""
        paths = {file.name: file.path for file in group}
        quarantine = scan_parquet(sorted((self.folder / "quarantine").glob("*.parquet")))
        first = quarantine.filter(pl.col("file").is_in(list(paths))).head(1).collect().row(0, named=True)
        raise FileError(f"{paths[first['file']]}: every row is malformed; line {first['line']}: {first['error']}")


def shards_of(nodes: tuple[Node, ...], store: Store) -> list[Path]:
    """Return the files of the rows that some finished steps kept, in order."""
    return [path for node in nodes for path in sorted((store.folder(node.name) / "kept").glob("*.parquet"))]
