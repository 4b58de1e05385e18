"""The summary of a finished step: its rows by outcome, counted from its files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl

from pipelines.build.plan import Node
from pipelines.build.shard import LostRowsError
from pipelines.build.shard_cache import ShardCounts
from pipelines.completions.failed_requests import Outcomes
from pipelines.storage.stored_step import height
from sources.atomic import write_table
from sources.fetch.mirror import named_as_tests
from sources.files import RawFile
from sources.formats.literal import read_parquet, scan_parquet
from sources.license import unknown_parts
from sources.releases.figures_model import MixPart
from sources.releases.manifest_model import Counts, FailedRequests, GeneratorCounts, StepSummary
from sources.source import Benchmark, Corpus


def summarise(node: Node, folder: Path, counts: list[ShardCounts]) -> StepSummary:
    """Count the outcomes of all input rows from the step's files; merge the quarantine into one file.

    Raises ``LostRowsError`` where rows are lost.
    """
    parts = sorted(folder.glob("quarantine/*.parquet"))
    if parts:
        write_table(folder / "quarantine.parquet", read_parquet(parts).sort("file", "line", maintain_order=True))
    total = Counts(
        rows_in=sum(counted.rows_in for counted in counts),
        made=sum(counted.made for counted in counts),
        kept=height(folder.glob("kept/*.parquet")),
        dropped=height(folder.glob("dropped/*.parquet")),
        quarantined=height(folder.glob("quarantine.parquet")),
    )
    if total.rows_in + total.made != total.kept + total.dropped + total.quarantined:
        raise LostRowsError(f"{node.name} loses or makes rows: {total.to_json()}; this is a defect of the step")
    summary = StepSummary(
        name=node.step.name,
        folder=node.name,
        identity=node.identity,
        inputs=[before.name for before in node.inputs],
        reference_inputs=[before.name for before in node.reference_inputs],
        counts=total,
        reasons=_reasons(folder),
        edits=_edits(counts),
        changed=sum(counted.changed for counted in counts),
    )
    if corpus := node.step.work.corpus:
        origin = {"title": corpus.title, "home": corpus.home, "license_read": corpus.license_read}
        summary = summary.with_values(origin=origin)
        if warnings := _warnings(corpus, node.files):
            summary = summary.with_values(warnings=warnings)
    if (account := folder / "account.parquet").exists():
        parts_of_mix = [MixPart.of(part) for part in read_parquet(account).to_dicts()]
        summary = summary.with_values(account=parts_of_mix)
    if generators := _generators(folder):
        summary = summary.with_values(generators=generators)
    if undated := sorted(folder.glob("undated/*.parquet")):
        kept = f"{height(undated):,} rows have no date and were kept, expected undated drop to leave them out"
        summary = summary.with_values(warnings=[*summary.warnings, kept])
    if failed := _failed(counts):
        summary = summary.with_values(failed=failed)
    return summary


def check_ids(node: Node, folder: Path, counts: list[ShardCounts]) -> None:
    """Raise ``LostRowsError`` for a repeated id, where rows were generated or came from several inputs."""
    paths = [*folder.glob("kept/*.parquet"), *folder.glob("dropped/*.parquet")]
    if not paths or not (_meet_again(node) or any(counted.made for counted in counts)):
        return
    ids = scan_parquet(paths, extra_columns="ignore").select("id")
    twice = ids.filter(pl.col("id").is_duplicated()).unique().sort("id").collect()["id"]
    if len(twice):
        raise LostRowsError(
            f"{node.step.name} has {len(twice)} repeated ids, {twice[0]} first; expected each row once. It reads a row "
            "through two inputs, or gives two rows one id"
        )


def _meet_again(node: Node) -> bool:
    """Return whether two inputs of a step have rows of one corpus."""
    seen: set[str] = set()
    for before in node.inputs:
        corpora = _corpora(before)
        if seen & corpora:
            return True
        seen |= corpora
    return False


def _corpora(node: Node) -> frozenset[str]:
    """Return the names of the corpora whose rows pass a node."""
    known: dict[str, frozenset[str]] = {}

    def visit(node: Node) -> frozenset[str]:
        if node.name not in known:
            corpus = node.step.work.corpus
            own = {corpus.name} if corpus else set()
            known[node.name] = frozenset(own).union(*map(visit, node.inputs))
        return known[node.name]

    return visit(node)


def _warnings(corpus: Corpus, files: tuple[RawFile, ...]) -> list[str]:
    """Return warnings about the files and the licence of a corpus whose rows are trained on."""
    if isinstance(corpus, Benchmark):
        return []
    warnings = [
        f"{name} is read as training rows, but is named like a test set" for name in named_as_tests(corpus, files)
    ]
    unknown = unknown_parts(corpus.license)
    return warnings + [f"unknown licence {part}; its rows may not be redistributed" for part in unknown]


def _failed(counts: list[ShardCounts]) -> FailedRequests | None:
    """Return the accepted failed requests, if any."""
    total = Outcomes()
    for one in (counted.failed for counted in counts if counted.failed):
        total.add(Outcomes(total=one.requests, failed=one.failed, errors=Counter(one.errors)))
    return total.failures()


def _generators(folder: Path) -> list[GeneratorCounts]:
    """Return the rows that each generator took, those that got a chain, and those that were dropped."""
    paths = sorted(folder.glob("generators/*.parquet"))
    if not paths:
        return []
    dropped = sorted(folder.glob("dropped/*.parquet"))
    ids = scan_parquet(dropped).select("id") if dropped else pl.LazyFrame(schema={"id": pl.String})
    counted = scan_parquet(paths).join(ids.with_columns(dropped=True), on="id", how="left").group_by("generator")
    table = counted.agg(rows=pl.len(), with_chain=(pl.col("chains") > 0).sum(), dropped=pl.col("dropped").count())
    return [GeneratorCounts(**row) for row in table.sort("generator").collect().to_dicts()]


def _reasons(folder: Path) -> dict[str, int]:
    paths = list(folder.glob("dropped/*.parquet"))
    if not paths:
        return {}
    return dict(scan_parquet(paths).group_by("reason").len().sort("reason").collect().iter_rows())


def _edits(counts: list[ShardCounts]) -> dict[str, int]:
    added: Counter[str] = Counter()
    for counted in counts:
        added.update(counted.edits)
    return dict(sorted(added.items()))
