"""A release being checked: its folder, its manifest and its files of rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sources.releases.manifest_model import Manifest


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
