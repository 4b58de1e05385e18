"""A release made again from nothing but its manifest: the same bytes, or what differs and why.

What models wrote is not asked for again: the completions of the release go into a store of the rebuild's own. No model
and no server is asked, no request carries a key, and the only code is sabila's own and the recipe that the user names.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.build.manifest_diff import Difference, contents, describe, differences, graph_differences, libraries
from pipelines.build.plan import Node, Plan
from pipelines.build.recipe import Recipe, RecipeError, shipped
from pipelines.build.recipe import load as load_recipe
from pipelines.build.session import BuildSession
from pipelines.build.step import GenerateStep, Step
from pipelines.freeze.freeze_release import freeze, staged_release
from pipelines.release.completion_files import FOLDER, restore
from pipelines.release.libraries import built_with
from pipelines.release.locate import place
from pipelines.release.manifest import MANIFEST, ReleaseError, file_hash, load, read
from pipelines.release.open_release import reading
from pipelines.storage.lock import Lock
from pipelines.storage.store import Store
from pipelines.verify import check_files as verify_files
from pipelines.verify import check_graph as verify_graph
from pipelines.verify.finding import Finding, ReleaseUnderTest
from pipelines.verify.verify_release import checked
from synth.teachers.embedded import EmbeddedTeacher
from synth.teachers.replay import KIND, RecordedTeacher
from synth.teachers.specs import ELSEWHERE
from synth.teachers.teacher import Failure

Json = dict[str, Any]

NEEDED = {"recipe", "values", "lock", "libraries", "absent", "waiting_for_teacher", "license", "rows", "fingerprint"}
"""What a manifest must have besides what every one has."""

CHECKS = (verify_graph.own_hash, verify_graph.steps, verify_graph.counts, verify_graph.lock)


def rebuild(
    manifest: Path,
    *,
    store: Path,
    mirror: Path | None,
    workers: int,
    recipe: str | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> Path:
    """Build the release of a manifest (the file, or the folder it is in) anew in ``store`` and return its folder.

    ``recipe`` is the file of a recipe that sabila does not ship; ``warn`` is told before the work what will make the
    hash another one though the rows may come out the same. Raises ``ReleaseError`` before any work where the
    manifest or its completions were changed, where recipe, code or raw files are not those it names; and after it
    where the result is another, told file by file. Raises what a build raises besides.
    """
    path = manifest / MANIFEST if manifest.is_dir() else manifest
    wanted = load(path.parent) if manifest.is_dir() else read(path)
    if lacking := sorted(NEEDED - wanted.keys()):
        raise ReleaseError(f"{path} is no manifest of a release that could be rebuilt: it has no {', '.join(lacking)}")
    _refuse_tampered(ReleaseUnderTest(folder=path.parent, manifest=wanted), path)
    _refuse_live_teachers(wanted["values"], path)
    bench = _opened(wanted, path, _recipe(wanted, recipe), store=store, mirror=mirror)
    if around := _around(wanted, bench.recipe, bench.plan):
        warn(f"{_name(wanted)} gets another hash here, though its rows may be the same: {describe(around)}")
    if not any((path.parent / FOLDER).glob("*.parquet")):
        bench.build(workers=workers)
        return _frozen(bench, wanted, bench.store)
    with _scratch(bench.store, wanted) as own:
        with reading(path.parent):
            failures = restore(path.parent, own)
        alone = replace(bench, store=own, plan=_failing(bench.plan, failures))
        alone.build(workers=workers)
        return _frozen(alone, wanted, bench.store)


@contextmanager
def _scratch(store: Store, wanted: Json) -> Iterator[Store]:
    """Give a store of the rebuild's own, for what follows from completions that came with a release.

    They may be a stranger's words under the name of the user's model, so that neither they nor the rows made from them
    enter the user's store. A rebuild that was killed resumes in it; one that came to an end removes it.
    """
    folder = store.root / "partial" / f"rebuild-{wanted['hash'][:16]}"
    with store.held(folder.name):
        own = Store(folder)
        own.prepare()
        try:
            yield own
        except ReleaseError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _frozen(bench: BuildSession, wanted: Json, store: Store) -> Path:
    """Compose the release and name it in ``store`` if it is the wanted one; ``ReleaseError`` where it is not."""
    with staged_release(bench, wanted["version"]) as (made, partial):
        if made["hash"] != wanted["hash"]:
            raise ReleaseError(f"{_name(wanted)} could not be made again; {_explained(wanted, made)}")
        folder = place(store, wanted)
        if not (folder / MANIFEST).exists():
            freeze(store, made, partial)
        elif wrong := _other_files(folder, wanted):
            raise ReleaseError(
                f"{folder} is there already and not the same: {', '.join(wrong)}; the release can be made again, but "
                "not over it: move it away, or name another folder with --store"
            )
    return folder


def _name(manifest: Json) -> str:
    return f"{manifest['name']}@{manifest['version']}"


def _explained(wanted: Json, made: Json) -> str:
    rows = contents(wanted, made)
    same = "its rows are the same, byte for byte" if not rows else f"what differs: {describe(rows)}"
    around = [*differences(wanted, made), *libraries(wanted, made)]
    return f"{same}; {describe(around)}" if around or not rows else same


def _other_files(folder: Path, wanted: Json) -> list[str]:
    return [
        file["path"]
        for file in wanted["files"]
        if not (path := folder / file["path"]).is_file() or file_hash(path) != file["sha256"]
    ]


# --- before any work -----------------------------------------------------------------------------------------------


def _refuse_tampered(release: ReleaseUnderTest, path: Path) -> None:
    """Raise ``ReleaseError`` for a manifest that contradicts itself, and for completions that are not its own."""
    findings = list(checked(release, CHECKS))
    findings += [one for one in checked(release, (verify_files.sizes_and_hashes,)) if one.file.startswith(FOLDER)]
    if findings:
        shown = "; ".join(f"{_where(one)} expected {one.expected}, found {one.found}" for one in findings[:5])
        more = f"; and {len(findings) - 5} more" if len(findings) > 5 else ""
        raise ReleaseError(f"{path} is not the manifest that was frozen: {shown}{more}")


def _where(finding: Finding) -> str:
    return f"{finding.what}:" if finding.file == MANIFEST else f"{finding.file}: {finding.what}:"


def _recipe(wanted: Json, file: str | None) -> Recipe:
    """Return the recipe of a manifest; ``ReleaseError`` for a file that is another recipe."""
    told = wanted["recipe"]
    if file is None and not told["shipped"]:
        raise ReleaseError(
            f"{_name(wanted)} was built by a recipe that sabila does not ship: give its file, {told['name']}.py, with "
            "--recipe"
        )
    if file is None and told["name"] not in shipped():
        raise ReleaseError(f"{_name(wanted)} names the recipe {told['name']!r}, expected one of {', '.join(shipped())}")
    try:
        recipe = load_recipe(file or told["name"])
    except RecipeError as error:
        raise ReleaseError(f"{_name(wanted)}: {error}") from error
    found = recipe.identity()
    if file is not None and (found["name"], found["file_sha256"]) != (told["name"], told["file_sha256"]):
        raise ReleaseError(
            f"{file} is {found['name']}.py with sha256 {found['file_sha256']}, expected {told['name']}.py with "
            f"{told['file_sha256']}"
        )
    return recipe


def _opened(wanted: Json, path: Path, recipe: Recipe, *, store: Path, mirror: Path | None) -> BuildSession:
    """Return the bench with the manifest's own lock in force; ``ReleaseError`` where it would build something else."""
    lock = Lock(path, wanted["name"], {name: dict(entry) for name, entry in wanted["lock"].items()}, frozen=True)
    try:
        bench = BuildSession.open(recipe, wanted["values"], store=store, mirror=mirror, lock=lock, anonymous=True)
    except RecipeError as error:
        raise ReleaseError(f"{_name(wanted)} cannot be made by this sabila: {error}") from error
    _refuse_other_teachers(bench.plan, path)
    if gone := sorted(set(wanted["lock"]) & set(bench.plan.absent)):
        reasons = "; ".join(bench.plan.absent[name] for name in gone)
        raise ReleaseError(f"{_name(wanted)} read what is not there now: {reasons}")
    graph = [{"name": node.step.name, "folder": node.name, "identity": node.identity} for node in bench.plan.nodes()]
    if changes := list(graph_differences(wanted["steps"], graph)):
        changes += _around(wanted, recipe, bench.plan)
        raise ReleaseError(f"{_name(wanted)} cannot be made by this sabila; what differs: {describe(changes)}")
    return bench


def _refuse_live_teachers(value: Any, path: Path) -> None:
    """Raise ``ReleaseError`` for a value that names a model to run or a server to ask; a rebuild does neither."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _refuse_live_teachers(inner, path)
    elif isinstance(value, str) and value.partition(":")[0].strip().lower() in ELSEWHERE:
        raise ReleaseError(
            f"{path} names the teacher {value!r}, expected {KIND}:NAME@REVISION, as a release is frozen: a rebuild "
            "asks no model and no server"
        )


def _refuse_other_teachers(plan: Plan, path: Path) -> None:
    """Raise ``ReleaseError`` for a step that would ask a teacher that is neither recorded nor embedded."""
    for node in plan.nodes():
        work = node.step.work
        if isinstance(work, GenerateStep) and not isinstance(work.teacher, RecordedTeacher | EmbeddedTeacher):
            raise ReleaseError(
                f"{path}: {node.step.name} would ask {work.teacher.name}, expected a teacher whose answers the "
                "release has: a rebuild asks no model and no server"
            )


def _around(wanted: Json, recipe: Recipe, plan: Plan) -> list[Difference]:
    """Return how the recipe's file and the libraries differ from those of a manifest."""
    now = {"libraries": built_with([node.identity for node in plan.nodes()])}
    before, after = wanted["recipe"]["file_sha256"], recipe.identity()["file_sha256"]
    changed = [Difference(where="recipe", field="file_sha256", before=before, after=after)] if before != after else []
    return [*changed, *libraries(wanted, now)]


# --- requests that came to nothing ---------------------------------------------------------------------------------


def _failing(plan: Plan, failures: Mapping[str, Failure]) -> Plan:
    """Return the plan with teachers who fail what they failed: what became of a row may follow from it."""
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
