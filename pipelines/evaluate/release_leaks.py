"""The leaks of a model's training releases: found by the model's own records, read from ledgers and stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from pipelines.release.item_lists import CONTAMINATED, ITEM_LIST, LEAKS
from pipelines.release.ledger import REFERENCE_ONLY
from pipelines.release.locate import find
from sources.errors import SabilaError
from sources.formats.literal import read_parquet, scan_parquet
from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import load
from training.evaluation.benchmark_items import ItemSet, benchmark_names, edition_items
from training.evaluation.evaluation_record import BenchmarkScore
from training.evaluation.item_results import ItemResult
from training.evaluation.known_leaks import KnownLeaks, joined_leaks, leak_scores, mark_leaks
from training.lineage import ancestors, trace_model


class ReleaseLeaksError(SabilaError):
    """A release without a record of leaked benchmark items."""


def training_releases(model: Path) -> list[dict[str, str]]:
    """Return name, version and hash of the releases that a model and its ancestors were trained on, by records."""

    def text_of(name: str) -> str | None:
        path = model / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    lineage = trace_model(text_of, str(model), hub=False, revision=None, license="")
    releases = [one["release"] for one in (*ancestors(lineage), lineage) if one["release"]]
    return list({(one["name"], one["version"]): one for one in releases}.values())


def leaks_of_model(model: str, releases: Sequence[str], store: Path) -> tuple[KnownLeaks | None, list[str]]:
    """Return the known leaks of a model's releases, and notes on releases without them.

    ``releases`` are folders or ``name@version``; without any, those that the model's records name are looked for in
    the store. None where no release is known, or one of them is missing: no item can be called clean then.
    """
    if releases:
        return joined_leaks([read_leaks(find(one, store)) for one in releases]), []
    if not Path(model).is_dir():
        return None, []
    leaks, missing = [], []
    for release in training_releases(Path(model)):
        spec = f"{release['name']}@{release['version']}"
        folder = store / "releases" / str(release["name"]) / str(release["version"])
        if not (folder / "manifest.json").is_file():
            missing.append(f"release {spec}, on which the model was trained, is not in {store}: name it with --release")
        elif load(folder).hash != release["hash"]:
            missing.append(f"{folder} has another hash than release {spec}, on which the model was trained")
        else:
            leaks.append(read_leaks(folder))
    return (joined_leaks(leaks) if leaks and not missing else None), missing


def read_leaks(folder: Path) -> KnownLeaks:
    """Return which benchmark items a release was compared with, and which of them its rows contained.

    The release lists them (``benchmark_items.parquet``). For one of an earlier sabila without that list all pairs are
    read from the store that built it; without the store, the ledger has the strongest one of each dropped row. Raises
    ``ReleaseLeaksError`` for a release without a ledger or without decontamination.
    """
    manifest = load(folder)
    if (folder / ITEM_LIST).is_file():
        return _listed_leaks(manifest, read_parquet(folder / ITEM_LIST))
    files = sorted((folder / "ledger").glob("*.parquet"))
    if not files:
        raise ReleaseLeaksError(f"{folder} has no ledger, expected ledger/rows-*.parquet: name the whole release")
    ledger = scan_parquet(files)
    checked = ledger.filter(pl.col("status") == REFERENCE_ONLY).select("id").collect()["id"]
    if checked.is_empty():
        raise ReleaseLeaksError(f"{folder} was compared with no benchmark, so that no item can be called clean")
    pairs = list(_pair_files(manifest, folder))
    if pairs:
        leaked = pl.concat([read_parquet(path, columns=["item"]) for path in pairs])["item"]
    else:
        evidence = ledger.filter(pl.col("reason").str.starts_with("leak:")).select("evidence").collect()["evidence"]
        leaked = evidence.str.json_path_match("$.item").drop_nulls()
    return KnownLeaks(
        release=f"{manifest.name}@{manifest.version}",
        checked=frozenset(checked.to_list()),
        leaked=frozenset(leaked.to_list()),
        whole=bool(pairs),
    )


def _listed_leaks(manifest: Manifest, items: pl.DataFrame) -> KnownLeaks:
    return KnownLeaks(
        release=f"{manifest.name}@{manifest.version}",
        checked=frozenset(items["item"].to_list()),
        leaked=frozenset(items.filter(status=CONTAMINATED)["item"].to_list()),
        whole=True,
    )


def _pair_files(manifest: Manifest, folder: Path) -> Iterator[Path]:
    """Yield the files with all pairs of row and item, if the release is in the store that built it."""
    steps = folder.resolve().parents[2] / "steps"
    for step in manifest.steps:
        yield from sorted((steps / step.folder / LEAKS).glob("*.parquet"))


def with_leaks(
    item_set: ItemSet,
    score: BenchmarkScore,
    results: list[ItemResult],
    leaks: KnownLeaks,
    mirror: Path | None,
    raw: Path,
) -> tuple[BenchmarkScore, list[ItemResult]]:
    """Return the score and the results of a benchmark with the known leaks."""
    sources = {id.partition(":")[0] for id in leaks.leaked}
    names = (item_set.name.partition(":")[0], item_set.corpus.variant_of)
    same = {edition.corpus.name for name in names if name for edition in benchmark_names()[name]}
    sources |= same & {id.partition(":")[0] for id in leaks.checked}
    others = [pair for name in sorted(sources - {item_set.corpus.name}) for pair in edition_items(name, mirror, raw)]
    marked = mark_leaks(item_set, results, leaks, others)
    return score.model_copy(update={"leaks": leak_scores(marked, leaks)}), marked
