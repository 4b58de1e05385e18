"""All checks of a release: manifest, files, rows, ledger, figures and card.

A forger who changes rows and rewrites ledger, card and manifest passes these checks with another hash. That hash is
compared with the one in the store, or the given one; ``sabila rebuild`` compares the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pipelines.release.finding import Finding, in_manifest
from pipelines.release.locate import hash_file
from pipelines.release.open_release import BROKEN
from pipelines.release.released_files import left_out
from pipelines.verify import check_derived, check_facts, check_files, check_graph, check_items, check_rows, check_splits
from pipelines.verify.release_under_test import ReleaseUnderTest
from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import ReleaseError, load

Check = Callable[[ReleaseUnderTest], Iterator[Finding]]

OF_MANIFEST: tuple[Check, ...] = (
    check_graph.own_hash,
    check_graph.name_and_version,
    check_graph.steps,
    check_graph.counts,
    check_graph.lock,
)
"""Checks that need the manifest only."""

OF_FILES: tuple[Check, ...] = (
    check_files.listing,
    check_files.presence_and_content,
    check_files.tables,
    check_files.numbering,
    check_rows.rows,
    check_rows.ledger,
    check_items.item_list,
    check_splits.splits,
    check_derived.figures,
    check_derived.completions,
    check_derived.reviews,
    check_facts.libraries,
    check_facts.models,
    check_facts.changed,
    check_facts.overrides,
)

REGENERATED: tuple[Check, ...] = (
    check_derived.card_text,
    check_derived.metadata,
    check_derived.config,
    check_facts.origins,
    check_facts.homes,
    check_facts.values,
)
"""Checks that regenerate texts with this sabila, which may differ from those of another version."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """All errors of a release.

    ``left_out`` are missing files that may be left out; ``compared_with`` is the hash used for comparison, if any;
    ``unchecked`` lists what could not be checked and why.
    """

    name: str
    hash: str
    files: int
    rows: int
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...] = ()
    compared_with: str | None = None
    unchecked: tuple[str, ...] = ()


def verify(folder: Path, expected: str | None = None) -> Verdict:
    """Check a release; ``expected`` is the hash that its manifest must have.

    Without it the hash is compared with the one in the store, if the release is in one.
    """
    try:
        manifest = load(folder)
    except ReleaseError as error:
        broken = in_manifest("manifest", "the manifest of a release", str(error))
        return Verdict(name=str(folder), hash="", files=0, rows=0, findings=(broken,))
    release = ReleaseUnderTest(folder=folder, manifest=manifest)
    noted = expected or _noted(folder)
    unchecked = _unchecked(manifest)
    checks = (*OF_MANIFEST, *OF_FILES, *(() if unchecked else REGENERATED))
    findings = [*_against(noted, manifest.hash), *checked(release, checks)]
    return Verdict(
        name=manifest.title,
        hash=manifest.hash,
        files=len(manifest.files),
        rows=manifest.rows,
        findings=tuple(findings),
        left_out=tuple(sorted(left_out(folder, manifest))),
        compared_with=noted,
        unchecked=unchecked,
    )


def checked(release: ReleaseUnderTest, checks: tuple[Check, ...]) -> Iterator[Finding]:
    """Yield the findings of these checks; a failure of a check on a broken release is a finding too."""
    import duckdb

    for check in checks:
        try:
            yield from check(release)
        except (*(*BROKEN, OSError, ReleaseError, duckdb.Error),) as error:
            what = f"{check.__name__.replace('_', ' ')}: cannot be checked"
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            yield in_manifest(what, "a release in the form that sabila writes", message)


def _unchecked(manifest: Manifest) -> tuple[str, ...]:
    wrote, here = manifest.libraries.get("sabila"), version("sabila")
    if wrote == here:
        return ()
    return (f"the text of README.md, croissant.json and recipe.toml: sabila {wrote} wrote them, this is {here}",)


def _noted(folder: Path) -> str | None:
    path = hash_file(folder.resolve())
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def _against(expected: str | None, actual: str) -> Iterator[Finding]:
    if expected and expected != actual:
        yield in_manifest("hash: as it was frozen", expected, actual)
