"""A release: the last step of a recipe frozen under a name and a version, with its data, card and manifest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.build.config_text import own_values
from pipelines.build.fingerprint import fingerprint, plain
from pipelines.build.manifest_diff import contents, differences, libraries
from pipelines.build.manifest_diff import describe as differing
from pipelines.build.session import BuildSession
from pipelines.release.assigned_splits import assigned_splits, held_out
from pipelines.release.card import card
from pipelines.release.completion_files import write_completions
from pipelines.release.config_file import CONFIG, release_config
from pipelines.release.croissant import croissant
from pipelines.release.data_files import license_of, write_data
from pipelines.release.figures import figures
from pipelines.release.finding import listed
from pipelines.release.item_lists import write_item_list
from pipelines.release.ledger import write_ledger
from pipelines.release.libraries import built_with
from pipelines.release.locate import check_version, hash_file, place
from pipelines.release.manifest import environment, seal
from pipelines.release.review_verdicts import Verdict, write_reviews
from pipelines.storage.store import Store
from sources.atomic import write_bytes, writing
from sources.releases.manifest_model import FORMAT, Manifest, StepSummary
from sources.releases.read_manifest import MANIFEST, ReleaseError, load
from synth.teachers.replay import recorded
from synth.teachers.specs import ELSEWHERE, teacher


def release(session: BuildSession, version: str, reviews: Sequence[Verdict] = ()) -> Manifest:
    """Freeze the built recipe of ``session`` as ``<recipe>@<version>`` and return its manifest.

    ``reviews`` are verdicts of people; those on rows that the release has unchanged become part of it.
    Releasing the same content again changes nothing. Raises ``ReleaseError`` where the version has other content or
    is not a folder name, and where no row was kept.
    """
    check_version(version)
    with staged_release(session, version, reviews) as (manifest, partial):
        folder = place(session.store, manifest)
        if (folder / MANIFEST).exists():
            return _same_or_refuse(load(folder), manifest)
        _refuse_unsound(manifest, partial)
        freeze(session.store, manifest, partial)
    return manifest


def _refuse_unsound(manifest: Manifest, folder: Path) -> None:
    """Raise ``ReleaseError`` for a composed release in which ``sabila verify`` finds an error."""
    from pipelines.verify.verify_release import verify

    if findings := verify(folder).findings:
        shown = listed(finding.describe() for finding in findings)
        raise ReleaseError(f"{manifest.title} was not frozen, because its verification fails: {shown}")


@contextmanager
def staged_release(
    session: BuildSession, version: str, reviews: Sequence[Verdict] = ()
) -> Iterator[tuple[Manifest, Path]]:
    """Compose a release in a temporary folder, under the lock of its version; yield its manifest and that folder."""
    store, name = session.store, session.recipe.name
    partial = store.root / "partial" / f"release-{name}-{version}"
    with store.held(f"release-{name}-{version}"):
        shutil.rmtree(partial, ignore_errors=True)
        try:
            yield _compose(session, version, partial, reviews), partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def freeze(store: Store, manifest: Manifest, partial: Path) -> None:
    """Move a composed release to its folder, and write its hash next to it."""
    folder = place(store, manifest)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(hash_file(folder), f"{manifest.hash}\n".encode())
        shutil.rmtree(folder, ignore_errors=True)  # a folder without a manifest, which sabila did not write
        partial.rename(folder)


def _compose(session: BuildSession, version: str, folder: Path, reviews: Sequence[Verdict]) -> Manifest:
    store = session.store
    graph = [store.summary(node.name) for node in session.plan.nodes()]
    for step in graph:
        store.check(step.folder, contents=True)
    splits = assigned_splits(store, graph)
    _write_rows(store, session.plan.last.name, folder, splits)
    write_completions(store, graph, folder)
    write_ledger(store, graph, folder, splits)
    write_item_list(store, graph, folder)
    write_reviews(reviews, folder)
    manifest = _described(session, version, graph, folder)
    write_bytes(folder / "README.md", card(manifest, folder).encode())
    write_bytes(folder / "croissant.json", croissant(manifest, folder).encode())
    write_bytes(folder / CONFIG, release_config(manifest).encode())
    return seal(manifest, folder)


def _described(session: BuildSession, version: str, graph: list[StepSummary], folder: Path) -> Manifest:
    corpora = sorted(step.source.name for step in graph if step.source)
    return Manifest.of(
        {
            "format": FORMAT,
            "name": session.recipe.name,
            "version": version,
            "recipe": session.recipe.identity().to_json(),
            "values": _values(session),
            "fingerprint": fingerprint([step.folder for step in graph]),
            "rows": graph[-1].counts.kept,
            "steps": [step.to_json() for step in graph],
            "lock": {name: session.lock.entries[name].to_json() for name in corpora},
            "absent": sorted(session.plan.absent),
            "waiting_for_teacher": session.plan.waiting,
            **({"overrides": [plain(entry) for entry in session.overrides]} if session.overrides else {}),
            "license": license_of(folder),
            "libraries": built_with(step.identity.libraries for step in graph),
            "environment": environment(session.recipe.folder),
            "figures": figures(session.store, graph, folder, session.overrides).to_json(),
        }
    )


def _values(session: BuildSession) -> dict[str, Any]:
    """Return the values of the recipe's knobs; teachers by name and revision, without their addresses."""
    step_teachers = (node.step.work.teacher for node in session.plan.nodes())
    teachers = {teacher.name: teacher for teacher in step_teachers if teacher}

    def portable(value: Any) -> Any:
        if not isinstance(value, str) or value.partition(":")[0] not in ELSEWHERE:
            return value
        named = teacher(value)
        return recorded(teachers.get(named.name, named))

    values: dict[str, Any] = plain({name: portable(value) for name, value in session.values.items()})
    for source in own_values(values):
        source.pop("path", None)  # a path of this machine
    return values


def _same_or_refuse(frozen: Manifest, manifest: Manifest) -> Manifest:
    contents_differ = contents(frozen, manifest)
    if frozen.fingerprint == manifest.fingerprint and not contents_differ:
        return frozen
    changes = differences(frozen, manifest)
    changes = changes or [*contents_differ, *libraries(frozen.libraries, manifest.libraries)]
    raise ReleaseError(
        f"{frozen.title} is frozen with other content; differences: {differing(changes)}. Choose another version"
    )


# --- the rows --------------------------------------------------------------------------------------------------------


def _write_rows(store: Store, last: str, folder: Path, splits: pl.DataFrame | None) -> None:
    if not store.summary(last).counts.kept:
        raise ReleaseError(f"{last} kept no row, expected one at least; sabila build lists why they were dropped")
    shards = sorted((store.folder(last) / "kept").glob("*.parquet"))
    write_data(shards, folder, None if splits is None else held_out(splits))
