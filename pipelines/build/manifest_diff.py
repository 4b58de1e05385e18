"""Differences between two manifests: steps, their settings, code and files, the lock, the terms; old and new values."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sources.fields.json_model import Values
from sources.releases.manifest_model import Identity, Locked, Manifest, StepSummary

NAMED = 3
"""Most steps, libraries and settings that one message names; ``sabila diff --json`` lists all."""

LONGEST = 40
"""Characters of a value in a message."""


@dataclass(frozen=True, kw_only=True)
class GraphStep:
    """A step of a graph: its name, its folder, and its hashed identity; None for a removed step."""

    name: str
    folder: str
    identity: Identity | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference between two manifests: its path, and both values, None where it is missing."""

    where: str
    field: str
    before: Any
    after: Any


def describe(changes: Iterable[Difference]) -> str:
    """Return differences as one readable line: settings with their values, then steps with other code, then libraries.

    Each kind is cut after ``NAMED`` of them; what differs in many steps is named once.
    """
    code: list[str] = []
    versions: list[str] = []
    others: list[str] = []
    for one in changes:
        values = f"{_short(one.before)} -> {_short(one.after)}"
        if one.field == "code":
            code.append(one.where)
        elif one.where == "library" or one.field.startswith("library "):
            versions.append(f"{one.field.removeprefix('library ')} {values}")
        elif one.field == "step":
            others.append(f"{one.where}: {'new step' if one.before is None else 'no such step now'}")
        else:
            others.append(f"{one.where}: {one.field} {values}")
    parts = [*_first(others)]
    if code:
        parts.append(f"code of {len(code)} {'step' if len(code) == 1 else 'steps'} ({', '.join(_first(code))})")
    if versions:
        parts.append(f"library {', '.join(_first(versions))}")
    return "; ".join(parts) or "nothing recorded in its manifest"


def _first(texts: Iterable[str]) -> list[str]:
    """Return the first texts, each once, and the number of further ones."""
    every = list(dict.fromkeys(texts))
    more = [f"and {len(every) - NAMED} more"] if len(every) > NAMED else []
    return [*every[:NAMED], *more]


def _short(value: Any) -> str:
    """Return a value as it is shown in a message: a hash by its first digits, a long text cut."""
    text = _shown(value)
    if re.fullmatch("[0-9a-f]{40,}", text):
        return f"{text[:12]}…"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def differences(before: Manifest, after: Manifest) -> list[Difference]:
    """Return the differences between two manifests, without steps that changed only because an earlier step did."""
    return [
        *graph_differences(graph_of(before.steps), graph_of(after.steps)),
        *_lock(before.lock, after.lock),
        *_plain("recipe", before.recipe.to_json(), after.recipe.to_json()),
        *_plain("value", before.values, after.values),
        *_plain("release", _terms(before), _terms(after)),
    ]


def libraries(before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    """Return the libraries whose versions differ, including those that are part of fingerprints."""
    return _plain("library", before, after)


def contents(before: Manifest, after: Manifest) -> list[Difference]:
    """Return the differences of the released content: files of rows, ledger and completions, and counts of rows."""
    counts = [{step.folder: step.counts.to_json() for step in manifest.steps} for manifest in (before, after)]
    return [*_plain("counts of", *counts), *_plain("file", _files(before), _files(after))]


def _files(manifest: Manifest) -> dict[str, str]:
    """Return the hashes of the files of rows; card and metadata are derived from them."""
    return {file.path: file.sha256 for file in manifest.files if file.path.endswith(".parquet")}


def _terms(manifest: Manifest) -> Values:
    return {
        "license": manifest.license,
        "absent": manifest.absent,
        "waiting_for_teacher": manifest.waiting_for_teacher,
    }


# --- steps ---------------------------------------------------------------------------------------------------------


def graph_of(steps: Iterable[StepSummary]) -> list[GraphStep]:
    """Return finished steps in the form in which two graphs are compared."""
    return [GraphStep(name=step.name, folder=step.folder, identity=step.identity) for step in steps]


def graph_differences(before: list[GraphStep], after: list[GraphStep]) -> Iterator[Difference]:
    """Yield the differences between two graphs, without steps that changed only because an earlier step did."""
    for old, new in pairs(before, after):
        if old and new and old.identity and new.identity:
            yield from _plain(old.name, own(old.identity), own(new.identity))
        elif step := old or new:
            yield Difference(where=step.name, field="step", before=old and old.folder, after=new and new.folder)


def pairs(before: list[GraphStep], after: list[GraphStep]) -> Iterator[tuple[GraphStep | None, GraphStep | None]]:
    """Yield the steps of two graphs with the same name; the branches of a recipe may use a name again."""
    same = {step.folder for step in before} & {step.folder for step in after}
    old, new = (_grouped(step for step in steps if step.folder not in same) for steps in (before, after))
    for name in dict.fromkeys([*old, *new]):
        yield from zip_longest(old.get(name, []), new.get(name, []))


def _grouped(steps: Iterable[GraphStep]) -> dict[str, list[GraphStep]]:
    grouped = defaultdict(list)
    for step in steps:
        grouped[step.name].append(step)
    return dict(grouped)


def own(identity: Identity) -> Values:
    """Return the identity of a step, with the steps before it by name only."""
    plain: Values = {"code": identity.code}
    if identity.source is not None:
        plain["limit"] = identity.limit
        plain |= {f"source.{name}": value for name, value in identity.source.to_json().items()}
        plain |= dict(flat(identity.mapping, "mapping")) if identity.mapping else {}
    if identity.max_failed is not None:
        plain["max_failed"] = identity.max_failed
    if identity.passes:
        plain["passes"] = identity.passes
    return {
        **dict(flat(identity.config, "config")),
        **plain,
        **{f"library {name}": version for name, version in identity.libraries.items()},
        **{f"file {split}/{name}": sha256 for split, name, sha256 in identity.files},
        **{f"companion {name}": sha256 for name, sha256 in identity.companions.items()},
        "inputs": [unnumbered(folder) for folder in identity.inputs],
        "reference_inputs": [unnumbered(folder) for folder in identity.reference_inputs],
    }


def unnumbered(folder: str) -> str:
    """Return the name of a step from the name of its folder."""
    return folder.rpartition("-")[0]


def flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a config by their dotted names, those of a list of generators by the generator."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}")
    elif isinstance(value, list) and value and all(isinstance(one, Mapping) and "generator" in one for one in value):
        for inner in value:
            yield from flat(inner, f"{name}.{inner['generator']}")
    else:
        yield name, value


# --- the rest ------------------------------------------------------------------------------------------------------


def _lock(before: Mapping[str, Locked], after: Mapping[str, Locked]) -> Iterator[Difference]:
    for corpus in sorted({*before, *after}):
        yield from _plain(f"lock of {corpus}", _entry(before.get(corpus)), _entry(after.get(corpus)))


def _entry(entry: Locked | None) -> dict[str, str]:
    return {"home": entry.home, "revision": entry.revision, **entry.files} if entry else {}


def _plain(where: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(where=where, field=name, before=before.get(name), after=after.get(name))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 120 else f"{text[:119]}…"
