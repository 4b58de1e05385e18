"""Reasons to run a step: the differences from the recipe's last build in this store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.build.manifest_diff import own, pairs
from pipelines.build.plan import Node, Plan, modules
from pipelines.build.step import Read
from pipelines.storage.store import Store
from sources.atomic import write_json

Json = dict[str, Any]


RECIPE_FILE = re.compile(r"^recipe_(.*)_[0-9a-f]{12}$")
"""The name under which a recipe's own file is imported."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One reason to run a step.

    ``what`` is ``first`` (the recipe was not built here before), ``gone`` (its folder was removed), ``source`` or
    ``step`` (new in the recipe), ``code`` (``name`` a module, or empty where none of ours changed), ``library``
    (``name`` a distribution), ``file`` (``name`` with its split), ``input``, ``reference_input`` (``name`` was added or
    removed), ``setting`` (``name`` a field of the config, the source's terms or a limit) or ``follows`` (``name`` a
    step with causes of its own). ``before`` and ``after`` are the two values, None where there is none.
    """

    what: str
    name: str = ""
    before: Any = None
    after: Any = None

    def describe(self) -> Json:
        """Return the cause as JSON."""
        return asdict(self)


def note_build(plan: Plan, store: Store, recipe: str, **told: Any) -> None:
    """Save a summary of a build for the next plan and for traces; only the newest build of a recipe is kept."""
    nodes = plan.nodes()
    code = {name: digest for node in nodes for name, digest in modules(node.step).items()}
    write_json(
        store.root / "builds" / f"{recipe}.json",
        {"recipe": recipe, "steps": [node.name for node in nodes], "code": code, **told},
    )


def last_build(store: Store, recipe: str) -> Json | None:
    """Return the summary of the newest build of a recipe in this store; None where there is none."""
    path = store.root / "builds" / f"{recipe}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def causes(plan: Plan, store: Store, recipe: str) -> dict[str, list[Cause]]:
    """Return the reasons to run each unfinished step, by the name of its folder."""
    nodes = plan.nodes()
    todo = [node for node in nodes if not store.done(node.name)]
    last = last_build(store, recipe)
    if last is None:
        return {node.name: [Cause(what="first")] for node in todo}
    told = _of_all(nodes, last, store)
    return {node.name: told.get(node.name) or [Cause(what="gone")] for node in todo}


def _of_all(nodes: list[Node], last: Json, store: Store) -> dict[str, list[Cause]]:
    """Return the causes of all steps that were not in the last build; other steps have none."""
    before = [_last_build(folder, store) for folder in last["steps"]]
    after = [{"name": node.step.name, "folder": node.name, "identity": node.identity} for node in nodes]
    known = {new["folder"]: old for old, new in pairs(before, after) if new is not None}
    found: dict[str, list[Cause]] = {}
    roots: dict[str, list[str]] = {}
    for node in (node for node in nodes if node.name in known):
        mine = list(_own(node, known[node.name], last.get("code", {})))
        above = dict.fromkeys(root for seen in node.sees for root in roots.get(seen.name, []))
        roots[node.name] = [node.step.name] if mine else list(above)
        told = {cause.name for cause in mine}
        new = known[node.name] is None
        found[node.name] = [
            *mine,
            *(Cause(what="follows", name=root) for root in above if not new and root not in told),
        ]
    return found


def _last_build(folder: str, store: Store) -> Json:
    """Return the summary of a step of the last build; for a removed step, its name only."""
    if store.done(folder):
        return store.summary(folder)
    return {"name": folder.rpartition("-")[0], "folder": folder}


def _own(node: Node, old: Json | None, code: Mapping[str, str]) -> Iterator[Cause]:
    """Yield the causes within the step itself."""
    if old is None:
        source = isinstance(node.step.work, Read)
        yield Cause(what="source" if source else "step", name=node.step.name.removeprefix("read-" if source else ""))
        return
    if "identity" not in old:
        yield Cause(what="gone")
        return
    before, after = own(old), own({"identity": node.identity})
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
    elif name.startswith(("file ", "companion ")):
        yield Cause(what="file", name=name.partition(" ")[2], before=before, after=after)
    else:
        yield Cause(what="setting", name=name.removeprefix("config."), before=before, after=after)


# --- in words ------------------------------------------------------------------------------------------------------

NAMED = 3
"""Steps, files or modules that a message names; further ones are counted."""

WORDS = {
    "first": "first build",
    "gone": "its folder is gone",
    "source": "new source",
    "step": "new step",
    "code": "changed code",
    "follows": "follows from",
}


def causes_text(found: list[Json]) -> str:
    """Return causes as one line."""
    grouped: dict[str, list[str]] = {}
    for cause in found:
        title, name = _words(cause)
        grouped.setdefault(title, []).extend([name] if name else [])
    return "; ".join(f"{title} {_named(names)}".strip() for title, names in grouped.items())


def _words(cause: Json) -> tuple[str, str]:
    before, after = cause["before"], cause["after"]
    if cause["what"] == "setting":
        return "", f"{cause['name']} {_value(before)} -> {_value(after)}"
    if cause["what"] == "library":
        return "", f"library {cause['name']} {before or 'not used'} -> {after or 'not used'}"
    if cause["what"] == "file":
        return "new file" if before is None else "file gone" if after is None else "changed file", cause["name"]
    if cause["what"] in ("input", "reference_input"):
        verb = "reads" if cause["what"] == "input" else "looks at"
        return f"also {verb}" if before is None else f"no longer {verb}", cause["name"]
    return WORDS[cause["what"]], "" if cause["what"] in ("source", "step") else cause["name"]


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _value(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
