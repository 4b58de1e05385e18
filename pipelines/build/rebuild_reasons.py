"""Reasons to run a step: the differences from the recipe's last build in this store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from pipelines.build.manifest_diff import GraphStep, own, pairs, unnumbered
from pipelines.build.plan import Node, Plan, graph_of_plan, modules
from pipelines.storage.store import Store, StoreError
from sources.atomic import write_json
from sources.fields.json_model import JsonModel, Values
from sources.releases.manifest_model import Locked

RECIPE_FILE = re.compile(r"^recipe_(.*)_[0-9a-f]{12}$")
"""The name under which a recipe's own file is imported."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One reason to run a step.

    ``what`` is ``first`` (the recipe was not built here before), ``gone`` (its folder was removed), ``source`` or
    ``step`` (new in the recipe), ``code`` (``name`` a module, or empty where none of ours changed), ``library``
    (``name`` a distribution), ``file`` (``name`` with its split), ``input``, ``reference_input`` (``name`` was added or
    removed), ``setting`` (``name`` a field of the config, the source's terms or a limit), ``overrides`` (numbers of
    those that keep a row) or ``follows`` (``name`` a step with causes of its own). ``before`` and ``after`` are the two
    values, None where there is none.
    """

    what: str
    name: str = ""
    before: Any = None
    after: Any = None


class BuildNote(JsonModel):
    """The last build of a recipe: its steps by folder, the hashes of their modules, and the options of the call."""

    recipe: str
    steps: list[str]
    code: dict[str, str] = Field(default_factory=dict)
    values: Values = Field(default_factory=dict)
    lock: dict[str, Locked] = Field(default_factory=dict)
    lock_file: str | None = None
    mirror: str | None = None
    overrides_file: str | None = None


def note_build(
    plan: Plan,
    store: Store,
    recipe: str,
    *,
    values: Values,
    lock: dict[str, Locked],
    lock_file: Path | None = None,
    mirror: Path | None = None,
    overrides_file: Path | None = None,
) -> None:
    """Save a summary of a build for the next plan and for traces; only the newest build of a recipe is kept."""
    nodes = plan.nodes()
    note = BuildNote(
        recipe=recipe,
        steps=[node.name for node in nodes],
        code={name: digest for node in nodes for name, digest in modules(node.step).items()},
        values=values,
        lock=lock,
        lock_file=str(lock_file.absolute()) if lock_file else None,
        mirror=str(mirror.absolute()) if mirror else None,
        overrides_file=str(overrides_file.absolute()) if overrides_file else None,
    )
    write_json(store.root / "builds" / f"{recipe}.json", note.to_json())


def last_build(store: Store, recipe: str) -> BuildNote | None:
    """Return the summary of the newest build of a recipe in this store; None where there is none."""
    path = store.root / "builds" / f"{recipe}.json"
    return read_note(path) if path.exists() else None


def read_note(path: Path) -> BuildNote:
    """Return what ``note_build`` wrote; ``StoreError`` for a damaged file."""
    try:
        return BuildNote.of(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise StoreError(f"{path} is damaged ({error}); remove it and build again") from error


def causes(plan: Plan, store: Store, recipe: str) -> dict[str, list[Cause]]:
    """Return the reasons to run each unfinished step, by the name of its folder."""
    nodes = plan.nodes()
    todo = [node for node in nodes if not store.done(node.name)]
    last = last_build(store, recipe)
    if last is None:
        return {node.name: [Cause(what="first")] for node in todo}
    known = _of_all(nodes, last, store)
    return {node.name: known.get(node.name) or [Cause(what="gone")] for node in todo}


def _of_all(nodes: list[Node], last: BuildNote, store: Store) -> dict[str, list[Cause]]:
    """Return the causes of all steps that were not in the last build; other steps have none."""
    before = [_last_build(folder, store) for folder in last.steps]
    known = {new.folder: old for old, new in pairs(before, graph_of_plan(nodes)) if new is not None}
    causes_by_folder: dict[str, list[Cause]] = {}
    roots: dict[str, list[str]] = {}
    for node in (node for node in nodes if node.name in known):
        mine = list(_own(node, known[node.name], last.code))
        above = dict.fromkeys(root for seen in node.sees for root in roots.get(seen.name, []))
        roots[node.name] = [node.step.name] if mine else list(above)
        named = {cause.name for cause in mine}
        new = known[node.name] is None
        causes_by_folder[node.name] = [
            *mine,
            *(Cause(what="follows", name=root) for root in above if not new and root not in named),
        ]
    return causes_by_folder


def _last_build(folder: str, store: Store) -> GraphStep:
    """Return the summary of a step of the last build; for a removed step, its name only."""
    identity = store.summary(folder).identity if store.done(folder) else None
    return GraphStep(name=unnumbered(folder), folder=folder, identity=identity)


def _own(node: Node, old: GraphStep | None, code: Mapping[str, str]) -> Iterator[Cause]:
    """Yield the causes within the step itself."""
    if old is None:
        corpus = node.step.work.corpus
        yield Cause(what="source", name=corpus.name) if corpus else Cause(what="step", name=node.step.name)
        return
    if old.identity is None:
        yield Cause(what="gone")
        return
    before, after = own(old.identity), own(node.identity)
    for name in [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]:
        yield from _different(node, name, before.get(name), after.get(name), code)


def _different(node: Node, name: str, before: Any, after: Any, code: Mapping[str, str]) -> Iterator[Cause]:
    """Yield the causes that correspond to one differing field of a step's identity."""
    if name in ("inputs", "reference_inputs"):
        what = name.removesuffix("s")
        yield from (Cause(what=what, name=gone, before=gone) for gone in before if gone not in after)
        yield from (Cause(what=what, name=new, after=new) for new in after if new not in before)
    elif name == "code":
        changed = [module for module, digest in modules(node.step).items() if code.get(module) != digest]
        yield from (Cause(what="code", name=RECIPE_FILE.sub(r"\1.py", module)) for module in changed or [""])
    elif name.startswith("library "):
        yield Cause(what="library", name=name.removeprefix("library "), before=before, after=after)
    elif name == "passes":
        yield Cause(what="overrides", before=len(before or ()), after=len(after or ()))
    elif name.startswith(("file ", "companion ")):
        yield Cause(what="file", name=name.partition(" ")[2], before=before, after=after)
    else:
        yield Cause(what="setting", name=name.removeprefix("config."), before=before, after=after)


# --- in words ------------------------------------------------------------------------------------------------------

NAMED = 3
"""Steps, files or modules that a message names; further ones are counted."""

WORDS = {
    "first": "first build",
    "gone": "its folder was removed",
    "source": "new source",
    "step": "new step",
    "code": "changed code",
    "follows": "follows from",
}


def causes_text(causes: list[Cause]) -> str:
    """Return causes as one line."""
    grouped: dict[str, list[str]] = {}
    for cause in causes:
        title, name = _words(cause)
        grouped.setdefault(title, []).extend([name] if name else [])
    return "; ".join(f"{title} {_named(names)}".strip() for title, names in grouped.items())


def _words(cause: Cause) -> tuple[str, str]:
    before, after = cause.before, cause.after
    if cause.what == "setting":
        return "", f"{cause.name} {_value(before)} -> {_value(after)}"
    if cause.what == "overrides":
        return "", f"overrides that keep rows {before} -> {after}"
    if cause.what == "library":
        return "", f"library {cause.name} {before or 'not used'} -> {after or 'not used'}"
    if cause.what == "file":
        return "new file" if before is None else "file gone" if after is None else "changed file", cause.name
    if cause.what in ("input", "reference_input"):
        verb = "reads" if cause.what == "input" else "looks at"
        return f"also {verb}" if before is None else f"no longer {verb}", cause.name
    return WORDS[cause.what], "" if cause.what in ("source", "step") else cause.name


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _value(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
