"""Checks of what a manifest says of itself: its hash, its steps' names, where rows went, and what was read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.build.fingerprint import fingerprint
from pipelines.build.manifest_diff import unnumbered
from pipelines.release.manifest import content_hash
from pipelines.verify.finding import Finding, ReleaseUnderTest, in_manifest

Step = dict[str, Any]


def own_hash(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find a manifest that was changed after it was sealed."""
    if (found := content_hash(release.manifest)) != release.manifest["hash"]:
        yield in_manifest("hash: of all that the manifest says", release.manifest["hash"], found)


def name_and_version(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find a release that lies in a store under another name or version than it says."""
    if release.manifest["recipe"]["name"] != release.manifest["name"]:
        yield in_manifest("recipe: name", release.manifest["name"], release.manifest["recipe"]["name"])
    folder = release.folder.resolve()
    if folder.parent.parent.name != "releases":
        return  # a copy may lie anywhere
    for what, expected in (("version", folder.name), ("name", folder.parent.name)):
        if release.manifest[what] != expected:
            yield in_manifest(f"{what}: where the release lies", expected, release.manifest[what])


def steps(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find steps whose names are not those of what they are: config, code, files and steps before them."""
    before: set[str] = set()
    for step in release.manifest["steps"]:
        identity, folder = step["identity"], step["folder"]
        if (found := f"{identity['step']}-{fingerprint(identity)}") != folder:
            yield in_manifest(f"steps: {folder}: fingerprint of its identity", folder, found)
        if step["name"] != unnumbered(folder):
            yield in_manifest(f"steps: {folder}: name", unnumbered(folder), step["name"])
        for sight in ("inputs", "reference_inputs"):
            if step[sight] != identity.get(sight, []):
                yield in_manifest(f"steps: {folder}: {sight}", identity.get(sight, []), step[sight])
            for other in set(step[sight]) - before:
                yield in_manifest(f"steps: {folder}: {sight}", "steps that come before it", other)
        before.add(folder)
    folders = [step["folder"] for step in release.manifest["steps"]]
    if (found := fingerprint(folders)) != release.manifest["fingerprint"]:
        yield in_manifest("fingerprint: of the graph", release.manifest["fingerprint"], found)


def counts(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find steps that lose or make rows, and numbers of rows that do not follow from one another (law 1)."""
    kept = {step["folder"]: step["counts"]["kept"] for step in release.manifest["steps"]}
    for step in release.manifest["steps"]:
        yield from _counts(step, kept)
    if release.manifest["rows"] != (last := release.manifest["steps"][-1]["counts"]["kept"]):
        yield in_manifest("rows: what the last step kept", last, release.manifest["rows"])
    listed = sum(file["rows"] for file in release.manifest["files"] if file["path"].startswith("data/"))
    if release.manifest["rows"] != listed:
        yield in_manifest("rows: sum of the files of data", release.manifest["rows"], listed)


def _counts(step: Step, kept: dict[str, int]) -> Iterator[Finding]:
    count, name = step["counts"], step["folder"]
    came, went = count["rows_in"] + count["made"], count["kept"] + count["dropped"] + count["quarantined"]
    if came != went or min(count.values()) < 0:
        yield in_manifest(f"steps: {name}: rows in and made = kept + dropped + quarantined", came, went)
    if sum(step["reasons"].values()) != count["dropped"]:
        yield in_manifest(f"steps: {name}: rows by reason", count["dropped"], sum(step["reasons"].values()))
    given = sum(kept.get(before, 0) for before in step["inputs"])
    if "source" not in step["identity"] and count["rows_in"] != given:
        yield in_manifest(f"steps: {name}: rows in = kept by the steps before", given, count["rows_in"])


def lock(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find files that the lock names otherwise than the steps that read them."""
    locked, read = release.manifest["lock"], _read(release.manifest["steps"])
    for corpus in sorted({*locked, *read}):
        files, expected = locked.get(corpus, {}).get("files", {}), read.get(corpus, {})
        for name in sorted({*files, *expected}):
            if files.get(name) != expected.get(name):
                yield in_manifest(f"lock: {corpus}: {name}", expected.get(name), files.get(name))


def _read(graph: list[Step]) -> dict[str, dict[str, str]]:
    """Return the files that each corpus was read from, and their hashes, by the names of the steps."""
    read = {}
    for step in graph:
        if "source" in (identity := step["identity"]):
            files = {name: sha256 for _, name, sha256 in identity["files"]} | identity["companions"]
            read[identity["source"]["name"]] = files
    return read
