"""Finished steps in a place that several machines share: an object store, or a folder on any file system.

    store.json                     the format
    files/<xx>/<sha256>            files of steps, by content: equal ones are stored once, and none is ever changed
    steps/<step>-<fingerprint>.json    a finished step: its files with sizes and hashes; written last

No locks are needed: two machines that finish one step write the same files, or other files next to them, and the
list that is written last names files of one machine only.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipelines.storage.shared_files import OPTION, SharedFiles, SharedStoreError
from pipelines.storage.store import MARKER
from sources.atomic import sync, writing
from sources.fields.json_model import InnerPath, JsonModel, Name, Size
from sources.releases.read_manifest import file_hash

FORMAT = 1


class DamagedUploadError(SharedStoreError):
    """A step in a shared store that is torn, incomplete or changed."""


class SharedFile(JsonModel):
    """The size and the hash of one file of a step."""

    bytes: Size
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def path(self) -> str:
        """The path of the file in the shared store."""
        return f"files/{self.sha256[:2]}/{self.sha256}"


class SharedStep(JsonModel):
    """A finished step: all its files, by their paths in its folder."""

    name: Name
    files: dict[InnerPath, SharedFile]


@dataclass(frozen=True)
class SharedStore:
    """Finished steps below a URL."""

    files: SharedFiles
    _damaged: set[str] = field(default_factory=set)
    """Paths of damaged files, which the next upload replaces."""

    @classmethod
    def open(cls, url: str) -> SharedStore:
        """Open a shared store and check its format, writing it where there is none yet.

        Raises ``SharedStoreError`` where it cannot be read, or is empty and cannot be written.
        """
        files = SharedFiles.open(url)
        content = files.read("store.json")
        if content is None:
            files.write("store.json", json.dumps({"format": FORMAT}).encode())
            return cls(files)
        try:
            number = int(json.loads(content)["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise SharedStoreError(
                f"{files.url}/store.json does not say the format ({error!r}), expected the number {FORMAT}; name an "
                f"empty folder with {OPTION}"
            ) from error
        if number > FORMAT:
            raise SharedStoreError(
                f"{files.url} has format {number}, expected {FORMAT} or less: a newer sabila wrote it; "
                f"upgrade, or name another place with {OPTION}"
            )
        return cls(files)

    def steps(self) -> set[str]:
        """Return the names of the finished steps."""
        return {name.removesuffix(".json") for name in self.files.names("steps") if name.endswith(".json")}

    def fetch(self, name: str, folder: Path) -> bool:
        """Download a step into a new ``folder``, its marker last; False where the step is not there.

        Raises ``DamagedUploadError`` for a step that is not what was uploaded.
        """
        content = self.files.read(f"steps/{name}.json")
        if content is None:
            return False
        step = self._parsed(name, content)
        shutil.rmtree(folder, ignore_errors=True)
        for path in sorted(step.files, key=lambda path: (path == MARKER, path)):
            self._fetch_file(name, path, step.files[path], folder / path)
        return True

    def share(self, name: str, folder: Path) -> bool:
        """Upload a finished step, its list of files last; False where it is there already."""
        if f"steps/{name}.json" not in self._damaged and self.files.size(f"steps/{name}.json") is not None:
            return False
        step = SharedStep(name=name, files=dict(_list_files(folder)))
        for path, file in step.files.items():
            if file.path in self._damaged or self.files.size(file.path) != file.bytes:
                self.files.upload(folder / path, file.path)
                self._damaged.discard(file.path)
        self.files.write(f"steps/{name}.json", json.dumps(step.to_json(), sort_keys=True).encode())
        self._damaged.discard(f"steps/{name}.json")
        return True

    def refuse(self, name: str) -> None:
        """Have the next upload replace the list of files of a step that was not taken."""
        self._damaged.add(f"steps/{name}.json")

    def _parsed(self, name: str, content: bytes) -> SharedStep:
        try:
            step = SharedStep.of(json.loads(content))
            if step.name != name or MARKER not in step.files:
                raise ValueError(f"it is the list of {step.name} with {len(step.files)} files")
        except (ValueError, AttributeError) as error:
            self.refuse(name)
            raise DamagedUploadError(
                f"{self.files.url}/steps/{name}.json is not a list of its files ({error})"
            ) from error
        return step

    def _fetch_file(self, name: str, path: str, file: SharedFile, place: Path) -> None:
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
        damage = "is missing"
        if self.files.download(file.path, place):
            if file_hash(place) == file.sha256:
                sync(place)
                return
            damage = f"has {place.stat().st_size:,} bytes of other content than its name says"
        self._damaged.add(file.path)
        self.refuse(name)
        raise DamagedUploadError(
            f"{name} in {self.files.url} is damaged: {path} ({file.path}, {file.bytes:,} bytes) {damage}"
        )


def _list_files(folder: Path) -> Iterator[tuple[str, SharedFile]]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        file = SharedFile(bytes=path.stat().st_size, sha256=file_hash(path))
        yield path.relative_to(folder).as_posix(), file
