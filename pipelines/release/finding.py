"""A finding of a check of a release: the file, the property, the expected and the found value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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


def in_manifest(what: str, expected: Any, found: Any) -> Finding:
    """Return a finding about the manifest itself."""
    return Finding(file=MANIFEST, what=what, expected=expected, found=found)


def listed(texts: Iterable[str], shown: int = 5) -> str:
    """Return the first texts and the number of further ones."""
    every = list(texts)
    more = f"; and {len(every) - shown} more" if len(every) > shown else ""
    return "; ".join(every[:shown]) + more
