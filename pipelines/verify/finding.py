"""A finding of a check: the file, the property, the expected and the found value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import MANIFEST


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One error in a release."""

    file: str
    what: str
    expected: Any
    found: Any

    def describe(self) -> str:
        """Return the finding in words."""
        return f"{self.file}, {self.what}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, kw_only=True)
class ReleaseUnderTest:
    """A release being checked: its folder, and its manifest as read."""

    folder: Path
    manifest: Manifest

    @cached_property
    def tables(self) -> list[Path]:
        """The parquet files in the folder, listed in the manifest or not."""
        return sorted(path for path in self.folder.rglob("*.parquet") if path.is_file())

    def data(self) -> list[Path]:
        """Return the files of rows."""
        return [path for path in self.tables if path.is_relative_to(self.folder / "data")]

    def name(self, path: Path) -> str:
        """Return the name of a file as the manifest lists it."""
        return path.relative_to(self.folder).as_posix()


def in_manifest(what: str, expected: Any, found: Any) -> Finding:
    """Return a finding about the manifest itself."""
    return Finding(file=MANIFEST, what=what, expected=expected, found=found)


def listed(texts: Iterable[str], shown: int = 5) -> str:
    """Return the first texts and the number of further ones."""
    every = list(texts)
    more = f"; and {len(every) - shown} more" if len(every) > shown else ""
    return "; ".join(every[:shown]) + more
