"""Files of a shared store, on any file system that fsspec knows: read and written whole, tried again after errors.

Object stores write a file whole or not at all. Elsewhere a file is written under a temporary name and renamed.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sources.atomic import NO_ROOM, own_number
from sources.errors import SabilaError

Result = TypeVar("Result")

OPTION = "--shared-store"

PAUSES_S = (0.5, 2.0, 8.0)
"""Seconds before each further try of a call; clients of object stores also retry by themselves."""

OBJECT_STORES = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "memory"))
"""Protocols without folders, whose writes are atomic."""

PERMANENT = (FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError)
PERMANENT_NUMBERS = NO_ROOM | {errno.EROFS}
PERMANENT_NAMES = frozenset(("NoCredentialsError", "PartialCredentialsError", "ParamValidationError"))
"""Errors that another try cannot help; those of botocore by name, since it is an extra."""


class SharedStoreError(SabilaError):
    """A shared store that cannot be used."""


@dataclass(frozen=True)
class SharedFiles:
    """The files below ``root`` on an fsspec file ``system``, by their paths relative to it."""

    url: str
    system: Any
    root: str

    @classmethod
    def open(cls, url: str) -> SharedFiles:
        """Return the files below a URL; nothing is read yet. Raises ``SharedStoreError`` for an unknown protocol."""
        import fsspec

        try:
            system, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except ImportError as error:
            extra = "pip install -e '.[s3]'" if url.startswith("s3") else "install it"
            raise SharedStoreError(
                f"{OPTION} {url} needs a package that is not installed ({error}): {extra}"
            ) from error
        except ValueError as error:
            raise SharedStoreError(
                f"{OPTION} is {url!r} ({error}), expected a folder or a URL of fsspec, as in s3://BUCKET/PREFIX or "
                "file:///shared/steps"
            ) from error
        return cls(url.rstrip("/"), system, root.rstrip("/"))

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none."""
        return self._try("read", path, lambda place: bytes(self.system.cat_file(place)), absent=None)

    def size(self, path: str) -> int | None:
        """Return the bytes of a file, None where there is none."""
        return self._try("look at", path, lambda place: int(self.system.info(place)["size"]), absent=None)

    def names(self, folder: str) -> set[str]:
        """Return the names of the files in a folder; none where there is no such folder."""

        def listed(place: str) -> set[str]:
            return {str(name).rpartition("/")[2] for name in self.system.ls(place, detail=False)}

        return self._try("list", folder, listed, absent=set())

    def download(self, path: str, place: Path) -> bool:
        """Copy a file to ``place`` in an existing folder; False where there is none."""

        def copied(source: str) -> bool:
            self.system.get_file(source, str(place))
            return True

        return self._try("read", path, copied, absent=False)

    def upload(self, place: Path, path: str) -> None:
        """Copy a local file here, whole or not at all."""
        self._write(path, lambda name: self.system.put_file(str(place), name))

    def write(self, path: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        self._write(path, lambda name: self.system.pipe_file(name, content))

    def _write(self, path: str, put: Callable[[str], object]) -> None:
        def written(place: str) -> None:
            if self._is_object_store:
                put(place)
                return
            self.system.makedirs(place.rpartition("/")[0], exist_ok=True)
            temporary = f"{place}.{own_number()}.tmp"
            try:
                put(temporary)
                self.system.mv(temporary, place)
            finally:
                if self.system.exists(temporary):
                    self.system.rm_file(temporary)

        self._try("write", path, written)

    @property
    def _is_object_store(self) -> bool:
        protocol = self.system.protocol
        return not OBJECT_STORES.isdisjoint((protocol,) if isinstance(protocol, str) else protocol)

    def _try(self, doing: str, path: str, call: Callable[[str], Result], **absent: Result) -> Result:
        """Return what ``call`` returns for the full path, tried again after errors that may pass.

        ``absent`` is the result where there is no such file. Raises ``SharedStoreError``.
        """
        tries = 0
        while True:
            tries += 1
            try:
                return call(f"{self.root}/{path}")
            except SabilaError:
                raise
            except Exception as error:  # each file system raises the errors of its own client
                if isinstance(error, FileNotFoundError) and "absent" in absent:
                    return absent["absent"]
                if _is_permanent(error) or tries > len(PAUSES_S):
                    raise SharedStoreError(
                        f"cannot {doing} {self.url}/{path} ({type(error).__name__}: {error}; {tries} "
                        f"{'tries' if tries > 1 else 'try'}): {_remedy(error)}"
                    ) from error
            time.sleep(PAUSES_S[tries - 1])


def _is_permanent(error: Exception) -> bool:
    return (
        isinstance(error, PERMANENT)
        or (isinstance(error, OSError) and error.errno in PERMANENT_NUMBERS)
        or type(error).__name__ in PERMANENT_NAMES
    )


def _remedy(error: Exception) -> str:
    """Return what to do about an error."""
    if isinstance(error, FileNotFoundError):
        return "expected an existing bucket or folder; create it, or correct the URL"
    if isinstance(error, PermissionError) or type(error).__name__ in PERMANENT_NAMES:
        return "check the credentials and what they may read and write there"
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return "make room"
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return "expected a place that can be written"
    return f"try again later, or build without {OPTION}"
