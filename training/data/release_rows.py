"""The rows of a release that a model is trained on, checked against its manifest and mapped from disk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sources.releases.read_manifest import MANIFEST, file_hash, load
from training.settings import Data
from training.training_errors import TrainingError

Kind = Literal["sft", "dpo"]
COLUMNS: dict[Kind, list[str]] = {
    "sft": ["id", "source", "license", "messages"],
    "dpo": ["id", "source", "license", "prompt", "chosen", "rejected"],
}


@dataclass(frozen=True, kw_only=True)
class ReleaseFacts:
    """The release of a training run, as written in its record."""

    name: str
    version: str
    hash: str
    license: str
    sources: tuple[str, ...]


def read_release(folder: Path, kind: Kind, data: Data) -> tuple[ReleaseFacts, list[Path]]:
    """Return the facts of a release and its training files for a stage, checked against the manifest.

    Files of its validation and test splits are not among them. Raises ``ReleaseError`` where there is no valid
    manifest, ``TrainingError`` where the stage has no rows, a source is missing, or a file is not the released one.
    """
    manifest, prefix = load(folder), f"data/{kind}/"
    files = {file.path: file for file in manifest.files if _is_of(file.path, prefix, "train") and file.rows}
    source_of = {path: path.removeprefix(prefix).split("/")[0] for path in sorted(files)}
    sources = sorted(set(source_of.values()))
    if not files:
        if any(file.path.startswith(prefix) and file.rows for file in manifest.files):
            raise TrainingError(
                f"{folder} has no training row for {kind}, all are in validation and test: build it with smaller shares"
            )
        other = "dpo" if kind == "sft" else "sft"
        raise TrainingError(f"{folder} has no row for {kind}, expected files in {prefix}: is it for `train {other}`?")
    if missing := sorted(set(data.sources) - set(sources)):
        raise TrainingError(f"{folder} has no rows of {', '.join(missing)}, expected some of {', '.join(sources)}")
    if not manifest.license:
        raise TrainingError(f"{folder / MANIFEST} has no license, expected that of the rows: release it again")
    facts = ReleaseFacts(
        name=manifest.name,
        version=manifest.version,
        hash=manifest.hash,
        license=manifest.license,
        sources=tuple(data.sources) or tuple(sources),
    )
    taken = [path for path, source in source_of.items() if not data.sources or source in data.sources]
    return facts, [_checked_file(folder / path, files[path].sha256) for path in taken]


def validation_files(folder: Path, kind: Kind, data: Data) -> list[Path]:
    """Return the files of the validation split of a release, of the chosen sources; none where it has no such split."""
    prefix = f"data/{kind}/"
    files = {
        file.path: file.sha256
        for file in load(folder).files
        if _is_of(file.path, prefix, "validation") and file.rows
        if not data.sources or file.path.removeprefix(prefix).split("/")[0] in data.sources
    }
    return [_checked_file(folder / path, files[path]) for path in sorted(files)]


def _is_of(path: str, prefix: str, split: str) -> bool:
    """Return whether a released file is of a kind (``prefix``) and a split, which its name begins with."""
    return path.startswith(prefix) and path.rpartition("/")[2].startswith(f"{split}-")


def _checked_file(path: Path, sha256: str) -> Path:
    """Return the path of a released file after checking its hash."""
    if not path.is_file():
        raise TrainingError(f"{path} is missing, expected as its release's manifest says: fetch it again")
    if (digest := file_hash(path)) != sha256:
        raise TrainingError(f"{path} has sha256 {digest}, expected {sha256} of the manifest: fetch it again")
    return path


def load_rows(files: list[Path], kind: Kind, data: Data, seed: int, cache: Path) -> Any:
    """Return a ``datasets.Dataset`` over parquet files, in their order; with a limit, a sample of them by seed.

    Its Arrow copy is written under ``cache``. Raises ``TrainingError`` for a file without the columns of the stage.
    """
    from datasets import Dataset
    from pyarrow import parquet

    for file in files:
        absent = [name for name in COLUMNS[kind] if name not in parquet.read_schema(file).names]
        if absent:
            raise TrainingError(f"{file} has no column {', '.join(absent)}, expected {', '.join(COLUMNS[kind])}")
    names = [str(file) for file in files]
    rows = Dataset.from_parquet(names, columns=COLUMNS[kind], cache_dir=str(cache), keep_in_memory=False)
    if data.limit is None or data.limit >= len(rows):
        return rows
    return rows.select(sorted(random.Random(seed).sample(range(len(rows)), data.limit)))
