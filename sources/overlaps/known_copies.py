"""Sets of the Hub that are corpora of the catalog, or copies of one: a copy cannot free its rows of their licence."""

from __future__ import annotations

from sources.catalog import BENCHMARKS, SOURCES
from sources.license import freer_licenses
from sources.mapping.column_mapping import OWN_LICENSE
from sources.source import Corpus

HUB = "hf://datasets/"


def original_of(home: str) -> Corpus | None:
    """Return the corpus of the catalog that the set at ``home`` is, or is known to be a copy of."""
    copy = home.removeprefix(HUB)
    for corpus in (*SOURCES.values(), *BENCHMARKS.values()):
        if corpus.home == home or any(claim.copy == copy for claim in corpus.stated_licenses):
            return corpus
    return None


def freed_license(home: str, license: str) -> str | None:
    """Return why ``license`` cannot be that of the set at ``home``; None where it can, or its rows are never shared."""
    original = original_of(home)
    if original is None or license == OWN_LICENSE or not (lost := freer_licenses(license, original.license)):
        return None
    what = "is" if original.home == home else "is a copy of"
    return (
        f"license: found {license!r}, expected {original.license} as the licence of {home}, since it {what} "
        f"{original.name} of the catalog ({original.home}), which is under {lost[0]} (read in: {original.license_read})"
    )
