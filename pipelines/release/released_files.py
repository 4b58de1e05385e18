"""The files of a release against its manifest: their differences, and what refuses or warns of a release with some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pipelines.release.completion_files import FOLDER as COMPLETIONS
from pipelines.release.finding import Finding
from pipelines.release.manifest import NOT_LISTED
from sources.releases.manifest_model import ListedFile, Manifest
from sources.releases.read_manifest import MANIFEST, ReleaseError, content_hash, file_hash

ROW_FILES = ("data/", "ledger/")
ALL_FILES = ("",)

NOT_OURS = (".cache", ".git", ".gitattributes")
"""Files that a download from the Hub leaves in a folder."""


def compare_files(folder: Path, manifest: Manifest, prefixes: tuple[str, ...] = ALL_FILES) -> Iterator[Finding]:
    """Yield where files whose names start with ``prefixes`` are not those that the manifest lists.

    Missing and additional files, links (which another file can replace), other sizes and other hashes are findings;
    completions that were left out as a whole and the links of the Hub's cache are none. The manifest is compared when
    all files are, as a file only.
    """
    listed = {file.path: file for file in manifest.files if file.path.startswith(prefixes)}
    present = {name for name in _names(folder) if f"{name}/".startswith(prefixes)}
    for name in sorted((listed.keys() | present) - left_out(folder, manifest)):
        path = folder / name
        if _replaceable(folder, path):
            expected = "a folder" if path.is_dir() else "a file"
            yield Finding(file=name, what="kind", expected=expected, found=f"a link to {path.readlink()}")
        if name not in listed:
            if name not in NOT_LISTED:
                yield Finding(file=name, what="file", expected="no such file in the manifest", found="there")
        elif name not in present:
            yield Finding(file=name, what="file", expected="there", found="missing")
        elif path.is_file():
            yield from _content(path, listed[name])


def _replaceable(folder: Path, path: Path) -> bool:
    """Return whether a file of a release is a link, other than one from a snapshot of the Hub's cache to its blobs."""
    blobs = folder.absolute().parent.parent / "blobs"
    cached = folder.absolute().parent.name == "snapshots" and path.resolve().parent == blobs.resolve()
    return path.is_symlink() and not cached


def _names(folder: Path) -> set[str]:
    """Return the paths of all files and links in ``folder``; links to folders are not followed."""
    paths = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    names = {path.relative_to(folder).as_posix() for path in paths}
    return {name for name in names if PurePosixPath(name).parts[0] not in NOT_OURS}


def _content(path: Path, listed: ListedFile) -> Iterator[Finding]:
    if (size := path.stat().st_size) != listed.bytes:
        yield Finding(file=listed.path, what="bytes", expected=listed.bytes, found=size)
    if (actual := file_hash(path)) != listed.sha256:
        yield Finding(file=listed.path, what="sha256", expected=listed.sha256, found=actual)


def left_out(folder: Path, manifest: Manifest) -> set[str]:
    """Return the listed completions where a release came without all of them, as publishing may omit them."""
    listed = {file.path for file in manifest.files if file.path.startswith(f"{COMPLETIONS}/")}
    return set() if (folder / COMPLETIONS).exists() else listed


def changed_files(folder: Path, manifest: Manifest, prefixes: tuple[str, ...] = ROW_FILES) -> list[str]:
    """Return the manifest and the files of rows that were changed, added or removed since the release was frozen."""
    is_changed = _replaceable(folder, folder / MANIFEST) or content_hash(manifest.to_json()) != manifest.hash
    different = dict.fromkeys(finding.file for finding in compare_files(folder, manifest, prefixes))
    return [*([MANIFEST] if is_changed else []), *different]


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
