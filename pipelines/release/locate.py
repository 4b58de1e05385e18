"""Location of releases by name and version."""

from __future__ import annotations

from pathlib import Path

from pipelines.storage.store import Store
from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import MANIFEST, ReleaseError


def place(store: Store, manifest: Manifest) -> Path:
    """Return the folder of a release in a store."""
    return store.root / "releases" / str(manifest.name) / str(manifest.version)


def hash_file(folder: Path) -> Path:
    """Return the file next to the folder of a release that contains the hash of its manifest."""
    return folder.with_name(f"{folder.name}.sha256")


def check_version(version: str) -> None:
    """Raise ``ReleaseError`` for a version that cannot be the name of a folder and a tag."""
    if not version or version.startswith(".") or not all(c.isalnum() or c in "._-+" for c in version):
        raise ReleaseError(f"version is {version!r}, expected letters, digits and . _ - + as in 2026.11.22")


def find(spec: str, store: Path) -> Path:
    """Return the folder of a release named ``name@version`` in ``store``, or by the path of its folder.

    Raises ``ReleaseError`` that lists the existing releases.
    """
    name, at, version = spec.rpartition("@")
    folder = store / "releases" / name / version if at and "/" not in version else Path(spec)
    if not (folder / MANIFEST).is_file():
        existing = sorted(
            f"{path.parent.parent.name}@{path.parent.name}" for path in store.glob(f"releases/*/*/{MANIFEST}")
        )
        raise ReleaseError(
            f"no release {spec!r}, expected name@version in {store} ({', '.join(existing) or 'there is none'}) "
            "or the folder of one"
        )
    return folder
