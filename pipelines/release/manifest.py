"""Writing the manifest of a release."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from sources.atomic import write_json
from sources.releases.read_manifest import MANIFEST, content_hash, file_hash

if TYPE_CHECKING:
    from sources.releases.manifest_model import Manifest

NOT_LISTED = (MANIFEST, "report.html")
"""Files that a manifest does not list: itself, and the report, which is written later."""


def seal(manifest: Manifest, folder: Path) -> Manifest:
    """List the files of ``folder`` in the manifest, add its hash, write it as the last file, and return it."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in NOT_LISTED]
    listed = manifest.to_json() | {"files": [_listed(path, folder) for path in paths]}
    listed["hash"] = content_hash(listed)
    write_json(folder / MANIFEST, listed)
    return type(manifest).of(listed)


def _listed(path: Path, folder: Path) -> dict[str, Any]:
    listed = {
        "path": path.relative_to(folder).as_posix(),
        "bytes": path.stat().st_size,
        "sha256": file_hash(path),
    }
    if path.suffix == ".parquet":
        listed["rows"] = pq.read_metadata(path).num_rows
    return listed


def environment(folder: Path) -> dict[str, str | None]:
    """Return the manifest's entry of the machine: Python, platform, and git's commit in ``folder``."""
    return {"python": platform.python_version(), "platform": platform.platform(), "git_commit": _git_commit(folder)}


def _git_commit(folder: Path) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # git is missing or hangs; the commit is optional
        return None
    return done.stdout.strip() or None
