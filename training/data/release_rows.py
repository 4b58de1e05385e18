"""The rows of a release that a model is trained on, checked against its manifest and mapped from disk."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from training.settings import Data
from training.training_errors import TrainingError

Kind = Literal["sft", "dpo"]
COLUMNS: dict[Kind, list[str]] = {
    "sft": ["id", "source", "license", "messages"],
    "dpo": ["id", "source", "license", "prompt", "chosen", "rejected"],
}


@dataclass(frozen=True, kw_only=True)
class ReleaseFacts:
    """The release of a training run, as its record names it."""

    name: str
    version: str
    hash: str
    license: str
    sources: tuple[str, ...]


def read_release(folder: Path, kind: Kind, data: Data) -> tuple[ReleaseFacts, list[Path]]:
    """Return the facts of a release and its files for a stage, checked against the manifest.

    Raises ``TrainingError`` where there is no manifest, no row for the stage, a source that is not there, or a file
    that is not the one that was released.
    """
    manifest = _manifest(folder)
    prefix = f"data/{kind}/"
    files = [entry for entry in manifest["files"] if entry["path"].startswith(prefix) and entry.get("rows")]
    sources = sorted({entry["path"].removeprefix(prefix).split("/")[0] for entry in files})
    if not files:
        other = "dpo" if kind == "sft" else "sft"
        raise TrainingError(f"{folder} has no row for {kind}, expected files in {prefix}: is it for `train {other}`?")
    if missing := sorted(set(data.sources) - set(sources)):
        raise TrainingError(f"{folder} has no rows of {', '.join(missing)}, expected some of {', '.join(sources)}")
    taken = [entry for entry in files if not data.sources or _source(entry, prefix) in data.sources]
    facts = ReleaseFacts(
        name=manifest["name"],
        version=manifest["version"],
        hash=manifest["hash"],
        license=manifest["license"],
        sources=tuple(data.sources) or tuple(sources),
    )
    return facts, [_same_file(folder, entry) for entry in sorted(taken, key=lambda entry: str(entry["path"]))]


def _source(entry: dict[str, Any], prefix: str) -> str:
    return str(entry["path"]).removeprefix(prefix).split("/")[0]


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for key in ("name", "version", "hash", "license", "files"):
            manifest[key]
    except FileNotFoundError as error:
        raise TrainingError(f"{folder} has no manifest.json, expected the folder of a release") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is no manifest of a release ({error!r}): release it again") from error
    return manifest


def _same_file(folder: Path, entry: dict[str, Any]) -> Path:
    """Return the path of a released file after checking its hash."""
    path = folder / str(entry["path"])
    if not path.is_file():
        raise TrainingError(f"{path} is not there, expected as its release's manifest says: fetch it again")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != entry["sha256"]:
        raise TrainingError(f"{path} has sha256 {found}, expected {entry['sha256']} of the manifest: fetch it again")
    return path


def load_rows(files: list[Path], kind: Kind, data: Data, seed: int, cache: Path) -> Any:
    """Return a ``datasets.Dataset`` over parquet files, in their order; with a limit, a draw from all of them by seed.

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
