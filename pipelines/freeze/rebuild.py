"""Rebuilding a release from its manifest: the same bytes, or an error that lists the differences and causes.

Completions of the release are replayed from a temporary store. No model is called, no request carries a token, and only
sabila's own code and the recipe named by the user are run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.build.config_text import SOURCE, own_values
from pipelines.build.manifest_diff import (
    Difference,
    contents,
    describe,
    differences,
    graph_differences,
    graph_of,
    libraries,
)
from pipelines.build.overrides_file import OverridesError, checked_overrides
from pipelines.build.plan import Node, Plan, graph_of_plan
from pipelines.build.recipe import Recipe, RecipeError, shipped
from pipelines.build.recipe import load as load_recipe
from pipelines.build.session import BuildSession
from pipelines.build.step import GenerateStep, Step
from pipelines.freeze.freeze_release import freeze, staged_release
from pipelines.release.completion_files import FOLDER, restore
from pipelines.release.finding import Finding, listed
from pipelines.release.libraries import built_with
from pipelines.release.locate import place
from pipelines.release.open_release import reading
from pipelines.release.released_files import ALL_FILES, changed_files, compare_files
from pipelines.release.review_verdicts import released_verdicts
from pipelines.storage.lock import Lock
from pipelines.storage.store import Store
from pipelines.verify import check_graph
from pipelines.verify.release_under_test import ReleaseUnderTest
from pipelines.verify.verify_release import checked
from sources.fetch.mirror import MissingCorpusError
from sources.fields.json_model import Values
from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import MANIFEST, ReleaseError, load, read
from synth.teachers.embedded import EmbeddedTeacher
from synth.teachers.replay import KIND, RecordedTeacher
from synth.teachers.specs import ELSEWHERE
from synth.teachers.teacher import Failure

NEEDED = {"recipe", "values", "lock", "libraries", "absent", "waiting_for_teacher", "license", "rows", "fingerprint"}
"""Fields that a manifest needs for a rebuild."""

CHECKS = (check_graph.own_hash, check_graph.steps, check_graph.counts, check_graph.lock)


def rebuild(
    manifest: Path,
    *,
    store: Path,
    mirror: Path | None,
    workers: int,
    recipe: str | None = None,
    own_files: Mapping[str, Path] | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> Path:
    """Build the release of a manifest (the file, or its folder) again in ``store`` and return its folder.

    ``recipe`` is the file of a recipe that sabila does not ship, ``own_files`` are the files of own sources by name,
    where no mirror has them; ``warn`` receives, before the build, the differences that change the hash.
    Raises ``ReleaseError`` before the build where the manifest or its completions were edited or where recipe, code or
    raw files differ; after it where the result differs; and any error of a build.
    """
    path = manifest / MANIFEST if manifest.is_dir() else manifest
    original = load(path.parent) if manifest.is_dir() else read(path)
    if lacking := sorted(NEEDED - original.model_fields_set):
        raise ReleaseError(f"{path} is no manifest that can be rebuilt: it lacks {', '.join(lacking)}")
    _refuse_tampered(ReleaseUnderTest(folder=path.parent, manifest=original), path)
    _refuse_live_teachers(original.values, path)
    placed = original.with_values(values=_with_own_files(original, own_files or {}))
    session = _open_session(placed, path, _recipe(original, recipe), store=store, mirror=mirror)
    if also_changed := _surroundings(original, session.recipe, session.plan):
        warn(
            f"{original.title} will have another hash here, although its rows may be the same: {describe(also_changed)}"
        )
    if not any((path.parent / FOLDER).glob("*.parquet")):
        session.build(workers=workers)
        return _freeze_rebuilt(session, original, session.store, path.parent)
    with _scratch(session.store, original) as own:
        with reading(path.parent):
            failures = restore(path.parent, own)
        alone = replace(session, store=own, plan=_failing(session.plan, failures))
        alone.build(workers=workers)
        return _freeze_rebuilt(alone, original, session.store, path.parent)


@contextmanager
def _scratch(store: Store, original: Manifest) -> Iterator[Store]:
    """Open a temporary store for completions shipped with a release, and remove it at the end.

    The completions may be untrusted, so neither they nor rows generated from them enter the user's store. An
    interrupted rebuild resumes in it.
    """
    folder = store.root / "partial" / f"rebuild-{original.hash[:16]}"
    with store.held(folder.name):
        own = Store(folder)
        own.prepare()
        try:
            yield own
        except ReleaseError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _freeze_rebuilt(session: BuildSession, original: Manifest, store: Store, release_folder: Path) -> Path:
    """Compose the release and move it into ``store``; ``ReleaseError`` where it differs from the original.

    Reviews come from ``release_folder``, the folder of the manifest.
    """
    with reading(release_folder):
        reviews = released_verdicts(release_folder)
    with staged_release(session, original.version, reviews) as (rebuilt, partial):
        if rebuilt.hash != original.hash:
            raise ReleaseError(f"{original.title} could not be reproduced; {_explained(original, rebuilt)}")
        folder = place(store, original)
        if not (folder / MANIFEST).exists():
            freeze(store, rebuilt, partial)
        elif wrong := changed_files(folder, original, ALL_FILES):
            raise ReleaseError(
                f"{folder} exists with other content: {', '.join(wrong)}; move it away, or name another folder "
                "with --store"
            )
    return folder


def _explained(original: Manifest, rebuilt: Manifest) -> str:
    rows = contents(original, rebuilt)
    same = "its rows are the same, byte for byte" if not rows else f"differences: {describe(rows)}"
    also_changed = [*differences(original, rebuilt), *libraries(original.libraries, rebuilt.libraries)]
    return f"{same}; {describe(also_changed)}" if also_changed or not rows else same


# --- checks before the build -----------------------------------------------------------------------------------------


def _refuse_tampered(release: ReleaseUnderTest, path: Path) -> None:
    """Raise ``ReleaseError`` for a manifest that contradicts itself, and for completions that do not belong to it."""
    findings = list(checked(release, CHECKS))
    findings += compare_files(release.folder, release.manifest, (f"{FOLDER}/",))
    if findings:
        shown = listed(f"{_where(one)} expected {one.expected}, found {one.found}" for one in findings)
        raise ReleaseError(f"{path} is not the manifest that was frozen: {shown}")


def _where(finding: Finding) -> str:
    return f"{finding.what}:" if finding.file == MANIFEST else f"{finding.file}: {finding.what}:"


def _with_own_files(original: Manifest, own_files: Mapping[str, Path]) -> Values:
    """Return the values of a manifest with the paths of own sources; paths in the manifest itself are not followed."""
    sources = own_values(original.values)
    known = [one["name"] for one in sources]
    if unknown := sorted(own_files.keys() - set(known)):
        raise ReleaseError(f"{original.title} has no own source {unknown[0]!r}, expected one of {known or 'none'}")
    placed = [
        {key: value for key, value in one.items() if key != "path"}
        | ({"path": str(own_files[one["name"]].absolute())} if one["name"] in own_files else {})
        for one in sources
    ]
    return {**original.values, SOURCE: placed} if sources else original.values


def _recipe(original: Manifest, file: str | None) -> Recipe:
    """Return the recipe of a manifest; ``ReleaseError`` for a file that is another recipe."""
    named = original.recipe
    if file is None and not named.shipped:
        raise ReleaseError(
            f"{original.title} was built by a recipe that sabila does not ship: give its file, {named.name}.py, with "
            "--recipe"
        )
    if file is None and named.name not in shipped():
        raise ReleaseError(f"{original.title} names the recipe {named.name!r}, expected one of {', '.join(shipped())}")
    try:
        recipe = load_recipe(file or named.name)
    except RecipeError as error:
        raise ReleaseError(f"{original.title}: {error}") from error
    identity = recipe.identity()
    if file is not None and (identity.name, identity.file_sha256) != (named.name, named.file_sha256):
        raise ReleaseError(
            f"{file} is {identity.name}.py with sha256 {identity.file_sha256}, expected {named.name}.py with "
            f"{named.file_sha256}"
        )
    return recipe.named(original.name)


def _open_session(original: Manifest, path: Path, recipe: Recipe, *, store: Path, mirror: Path | None) -> BuildSession:
    """Open the build session with the lock of the manifest; ``ReleaseError`` where it would build something else."""
    lock = Lock(path, original.name, dict(original.lock), frozen=True)
    try:
        entries = checked_overrides(original.overrides, str(path))
        session = BuildSession.open(
            recipe, original.values, store=store, mirror=mirror, lock=lock, overrides=entries, anonymous=True
        )
    except (RecipeError, OverridesError) as error:
        raise ReleaseError(f"{original.title} cannot be rebuilt by this sabila: {error}") from error
    except MissingCorpusError as error:
        own = [one["name"] for one in own_values(original.values) if "path" not in one]
        way = f", or give the files of own sources: --source {own[0]}=FILE" if own else ""
        raise ReleaseError(f"{error}{way}") from error
    _refuse_other_teachers(session.plan, path)
    if missing := sorted(set(original.lock) & set(session.plan.absent)):
        reasons = "; ".join(session.plan.absent[name] for name in missing)
        raise ReleaseError(f"{original.title} needs inputs that are missing now: {reasons}")
    if changes := list(graph_differences(graph_of(original.steps), graph_of_plan(session.plan.nodes()))):
        changes += _surroundings(original, recipe, session.plan)
        what = f"{original.title} cannot be rebuilt by this sabila; differences: {describe(changes)}"
        raise ReleaseError(f"{what}; {_remedy(original, path)}")
    return session


def _remedy(original: Manifest, path: Path) -> str:
    """Return what to do about a release that another sabila wrote, or this one with other libraries."""
    wrote, here = original.libraries.get("sabila"), version("sabila")
    needed = f"sabila {wrote} (this is {here})" if wrote != here else f"the code and libraries of sabila {here}"
    return f"rebuild with {needed} that wrote it, or check its files without a build: sabila verify {path.parent}"


def _refuse_live_teachers(value: Any, path: Path) -> None:
    """Raise ``ReleaseError`` for a value that names a model to run or a server to call; a rebuild does neither."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _refuse_live_teachers(inner, path)
    elif isinstance(value, str) and value.partition(":")[0].strip().lower() in ELSEWHERE:
        raise ReleaseError(
            f"{path} names the teacher {value!r}, expected {KIND}:NAME@REVISION, as in a frozen release: a rebuild "
            "calls no model or server"
        )


def _refuse_other_teachers(plan: Plan, path: Path) -> None:
    """Raise ``ReleaseError`` for a step with a teacher that is neither recorded nor embedded."""
    for node in plan.nodes():
        teacher = node.step.work.teacher
        if teacher and not isinstance(teacher, RecordedTeacher | EmbeddedTeacher):
            raise ReleaseError(
                f"{path}: {node.step.name} would send requests to {teacher.name}, expected a teacher whose "
                "replies the release has: a rebuild calls no model or server"
            )


def _surroundings(original: Manifest, recipe: Recipe, plan: Plan) -> list[Difference]:
    """Return the differences of the recipe's file and the libraries from those of a manifest."""
    now = built_with(node.identity.libraries for node in plan.nodes())
    before, after = original.recipe.file_sha256, recipe.identity().file_sha256
    changed = [Difference(where="recipe", field="file_sha256", before=before, after=after)] if before != after else []
    return [*changed, *libraries(original.libraries, now)]


# --- failed requests -------------------------------------------------------------------------------------------------


def _failing(plan: Plan, failures: Mapping[str, Failure]) -> Plan:
    """Return the plan with replay teachers that repeat recorded failures, because dropped rows may depend on them."""
    if not failures:
        return plan
    known: dict[str, Node] = {}

    def with_failures(node: Node) -> Node:
        if node.name not in known:
            inputs, reference_inputs = (
                tuple(map(with_failures, node.inputs)),
                tuple(map(with_failures, node.reference_inputs)),
            )
            known[node.name] = replace(
                node, step=_step(node, failures), inputs=inputs, reference_inputs=reference_inputs
            )
        return known[node.name]

    return replace(plan, last=with_failures(plan.last))


def _step(node: Node, failures: Mapping[str, Failure]) -> Step:
    work = node.step.work
    if not isinstance(work, GenerateStep) or not isinstance(work.teacher, RecordedTeacher):
        return node.step
    return replace(node.step, work=replace(work, teacher=replace(work.teacher, failures=failures)))
