"""Checks of the manifest against itself: its hash, its steps' names, counts of rows, and the files read."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.build.fingerprint import fingerprint
from pipelines.build.manifest_diff import unnumbered
from pipelines.release.finding import Finding, in_manifest
from pipelines.verify.release_under_test import ReleaseUnderTest
from sources.releases.manifest_model import StepSummary
from sources.releases.read_manifest import content_hash


def own_hash(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find a manifest that was changed after its hash was written."""
    if (computed := content_hash(release.manifest.to_json())) != release.manifest.hash:
        yield in_manifest("hash: of the whole manifest", release.manifest.hash, computed)


def name_and_version(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find a release stored under another name or version than its own."""
    recipe = release.manifest.recipe
    if (recipe.released_as or recipe.name) != release.manifest.name:
        yield in_manifest("recipe: name", release.manifest.name, recipe.released_as or recipe.name)
    folder = release.folder.resolve()
    if folder.parent.parent.name != "releases":
        return  # a copy may be anywhere
    names = (("version", folder.name, release.manifest.version), ("name", folder.parent.name, release.manifest.name))
    for what, expected, stated in names:
        if stated != expected:
            yield in_manifest(f"{what}: folder of the release", expected, stated)


def steps(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find steps whose names do not match their config, code, files and inputs."""
    before: set[str] = set()
    for step in release.manifest.steps:
        identity, folder = step.identity, step.folder
        if (computed := f"{identity.step}-{fingerprint(identity.to_json())}") != folder:
            yield in_manifest(f"steps: {folder}: fingerprint of its identity", folder, computed)
        if step.name != unnumbered(folder):
            yield in_manifest(f"steps: {folder}: name", unnumbered(folder), step.name)
        for field, expected, names in (
            ("inputs", identity.inputs, step.inputs),
            ("reference_inputs", identity.reference_inputs, step.reference_inputs),
        ):
            if names != expected:
                yield in_manifest(f"steps: {folder}: {field}", expected, names)
            for other in set(names) - before:
                yield in_manifest(f"steps: {folder}: {field}", "steps that come before it", other)
        before.add(folder)
    folders = [step.folder for step in release.manifest.steps]
    if (computed := fingerprint(folders)) != release.manifest.fingerprint:
        yield in_manifest("fingerprint: of the graph", release.manifest.fingerprint, computed)


def counts(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find steps that lose or add rows, and inconsistent numbers of rows (law 1)."""
    kept = {step.folder: step.counts.kept for step in release.manifest.steps}
    for step in release.manifest.steps:
        yield from _counts(step, kept)
    if release.manifest.rows != (last := release.manifest.steps[-1].counts.kept):
        yield in_manifest("rows: rows that the last step kept", last, release.manifest.rows)
    listed = sum(file.rows for file in release.manifest.files if file.path.startswith("data/"))
    if release.manifest.rows != listed:
        yield in_manifest("rows: sum over the data files", release.manifest.rows, listed)


def _counts(step: StepSummary, kept: dict[str, int]) -> Iterator[Finding]:
    count, name = step.counts, step.folder
    entering, leaving = count.rows_in + count.made, count.kept + count.dropped + count.quarantined
    if entering != leaving or min(count.rows_in, count.made, count.kept, count.dropped, count.quarantined) < 0:
        yield in_manifest(f"steps: {name}: rows in and made = kept + dropped + quarantined", entering, leaving)
    if sum(step.reasons.values()) != count.dropped:
        yield in_manifest(f"steps: {name}: rows by reason", count.dropped, sum(step.reasons.values()))
    if step.generators is not None:
        taken, dropped = (sum(getattr(one, what) for one in step.generators) for what in ("rows", "dropped"))
        if taken > count.rows_in:
            yield in_manifest(f"steps: {name}: rows that generators took", f"at most {count.rows_in}", taken)
        if dropped != count.dropped:
            yield in_manifest(f"steps: {name}: rows dropped by generator", count.dropped, dropped)
    kept_before = sum(kept.get(before, 0) for before in step.inputs)
    if step.source is None and count.rows_in != kept_before:
        yield in_manifest(f"steps: {name}: rows in = kept by the steps before", kept_before, count.rows_in)


def lock(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find files whose lock entry differs from that of the step that read them."""
    locked, read = release.manifest.lock, _read(release.manifest.steps)
    for corpus in sorted({*locked, *read}):
        files, expected = locked[corpus].files if corpus in locked else {}, read.get(corpus, {})
        for name in sorted({*files, *expected}):
            if files.get(name) != expected.get(name):
                yield in_manifest(f"lock: {corpus}: {name}", expected.get(name), files.get(name))


def _read(graph: list[StepSummary]) -> dict[str, dict[str, str]]:
    """Return the files read for each corpus, and their hashes, by the steps' identities."""
    read = {}
    for step in graph:
        if step.source:
            files = {name: sha256 for _, name, sha256 in step.identity.files}
            read[step.source.name] = files | step.identity.companions
    return read
