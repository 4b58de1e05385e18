"""Files of a release that are not those that its manifest lists: refused by what hands rows on, else warned of.

``verify`` lists all that is wrong; this finds out that something is, by hashes alone.
"""

from __future__ import annotations

from pathlib import Path

from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import MANIFEST, ReleaseError, content_hash, file_hash

ROW_FILES = ("data/", "ledger/")


def changed_files(folder: Path, manifest: Manifest, prefixes: tuple[str, ...] = ROW_FILES) -> list[str]:
    """Return the manifest and the files of rows that were changed, added or removed since the release was frozen."""
    changed = [MANIFEST] if content_hash(manifest.to_json()) != manifest.hash else []
    listed = {file.path: file.sha256 for file in manifest.files if file.path.startswith(prefixes)}
    parts = [folder / prefix for prefix in prefixes]
    present = {path.relative_to(folder).as_posix() for part in parts for path in part.rglob("*.parquet")}
    odd = listed.keys() ^ present
    different = [path for path in listed.keys() & present if file_hash(folder / path) != listed[path]]
    return changed + sorted([*odd, *different])


def refuse_changed_files(folder: Path, manifest: Manifest) -> None:
    """Raise ``ReleaseError`` where rows are not those that were frozen."""
    if note := changed_note(folder, manifest):
        raise ReleaseError(f"{note}; fetch the release again")


def changed_note(folder: Path, manifest: Manifest, prefixes: tuple[str, ...] = ROW_FILES) -> str:
    """Return a line on files that differ from the manifest, empty where none does."""
    changed = changed_files(folder, manifest, prefixes)
    if not changed:
        return ""
    files = f"{changed[0]} and {len(changed) - 1} more files differ" if len(changed) > 1 else f"{changed[0]} differs"
    return f"{files} from what {manifest.title} was frozen with: sabila verify {folder} lists what is wrong"
