"""Reading the manifest of a release, and the hashes that it lists."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sources.errors import SabilaError

if TYPE_CHECKING:
    from sources.releases.manifest_model import Manifest

MANIFEST = "manifest.json"

LARGEST = 256 * 1024 * 1024
"""Bytes of a manifest; one of a thousand corpora and steps has a few million."""


class ReleaseError(SabilaError):
    """A release that is refused, missing or broken."""


def load(folder: Path) -> Manifest:
    """Return the manifest of a release; ``ReleaseError`` where it is missing or malformed, or a file is a pipe."""
    _check_kinds(folder)
    return read(folder / MANIFEST)


def _check_kinds(folder: Path) -> None:
    """Raise ``ReleaseError`` for a pipe, a socket or a device, which can be read without end, and for a dead link."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if _is_no_file(path):
                raise ReleaseError(
                    f"{folder} holds {path.relative_to(folder).as_posix()!r}, which is {kind_of(path)}, expected a file"
                )


def _is_no_file(path: Path) -> bool:
    """Return whether ``path`` exists and is no file, a dead link included."""
    return not path.is_file() and (path.exists() or path.is_symlink())


def kind_of(path: Path) -> str:
    """Return the kind of a path that is no file, in words."""
    if not path.exists():
        return "a link that leads nowhere"
    mode = path.stat().st_mode
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def read(path: Path) -> Manifest:
    """Return the manifest in a file; ``ReleaseError`` where it is missing or malformed."""
    from sources.releases.manifest_model import Manifest

    try:
        if _is_no_file(path):
            raise ValueError(f"it is {kind_of(path)}, expected a file")
        if (size := path.stat().st_size) > LARGEST:
            raise ValueError(f"it has {size:,} bytes, expected {LARGEST:,} at most")
        return Manifest.parse(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ReleaseError(f"{path} is no manifest of a release: {error}") from error


def content_hash(manifest: dict[str, Any]) -> str:
    """Return the sha256 of a manifest as JSON, without ``hash`` and ``environment``: equal on every machine."""
    hashed = {name: value for name, value in manifest.items() if name not in ("hash", "environment")}
    return hashlib.sha256(json.dumps(hashed, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
