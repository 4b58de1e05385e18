"""Versions of installed distributions."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those distributions that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def sabila_version() -> str:
    """Return the version of sabila, or ``not installed`` where its files are run as they lie."""
    return installed_versions(["sabila"]).get("sabila", "not installed")
