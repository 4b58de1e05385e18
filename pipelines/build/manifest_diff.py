"""Differences between two manifests: steps, their settings, code and files, the lock, the terms; old and new values."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

Json = dict[str, Any]

SHOWN = 12
"""Most differences that one message lists; JSON output lists all."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference between two manifests: its path, and both values, None where it is missing."""

    where: str
    field: str
    before: Any
    after: Any

    def text(self) -> str:
        """Return the difference as one line."""
        return f"{self.where}: {self.field} {_shown(self.before)} -> {_shown(self.after)}"


def describe(found: Iterable[Difference]) -> str:
    """Return differences as one text, cut after ``SHOWN`` of them."""
    lines = [difference.text() for difference in found]
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "; ".join([*lines[:SHOWN], *more]) or "nothing that its manifest tells"


def differences(before: Json, after: Json) -> list[Difference]:
    """Return the differences between two manifests, without steps that changed only because an earlier step did."""
    return [
        *graph_differences(before["steps"], after["steps"]),
        *_lock(before["lock"], after["lock"]),
        *_plain("recipe", before["recipe"], after["recipe"]),
        *_plain("value", before["values"], after["values"]),
        *_plain("release", _terms(before), _terms(after)),
    ]


def libraries(before: Json, after: Json) -> list[Difference]:
    """Return the libraries whose versions differ, including those that are part of fingerprints."""
    return _plain("library", before["libraries"], after["libraries"])


def contents(before: Json, after: Json) -> list[Difference]:
    """Return the differences of the released content: files of rows, ledger and completions, and counts of rows."""
    counts = [dict(_by_name(manifest["steps"], "counts")) for manifest in (before, after)]
    return [*_plain("counts of", *counts), *_plain("file", _files(before), _files(after))]


def _files(manifest: Json) -> Json:
    """Return the hashes of the files of rows; card and metadata are derived from them."""
    return {file["path"]: file["sha256"] for file in manifest["files"] if file["path"].endswith(".parquet")}


def _terms(manifest: Json) -> Json:
    return {name: manifest[name] for name in ("license", "absent", "waiting_for_teacher")}


# --- steps ---------------------------------------------------------------------------------------------------------


def graph_differences(before: list[Json], after: list[Json]) -> Iterator[Difference]:
    """Yield the differences between two graphs, without steps that changed only because an earlier step did."""
    for old, new in pairs(before, after):
        if old is None or new is None:
            step = old or new or {}
            yield Difference(
                where=step["name"], field="step", before=old and old["folder"], after=new and new["folder"]
            )
        else:
            yield from _plain(old["name"], own(old), own(new))


def pairs(before: list[Json], after: list[Json]) -> Iterator[tuple[Json | None, Json | None]]:
    """Yield the steps of two graphs with the same name; the branches of a recipe may use a name again."""
    same = {step["folder"] for step in before} & {step["folder"] for step in after}
    old, new = (_grouped(step for step in steps if step["folder"] not in same) for steps in (before, after))
    for name in dict.fromkeys([*old, *new]):
        yield from zip_longest(old.get(name, []), new.get(name, []))


def _grouped(steps: Iterable[Json]) -> dict[str, list[Json]]:
    grouped = defaultdict(list)
    for step in steps:
        grouped[step["name"]].append(step)
    return dict(grouped)


def own(step: Json) -> Json:
    """Return the identity of a step, with the steps before it by name only."""
    identity = step["identity"]
    files = {f"file {split}/{name}": sha256 for split, name, sha256 in identity.get("files", ())}
    files |= {f"companion {name}": sha256 for name, sha256 in identity.get("companions", {}).items()}
    seen = {name: [unnumbered(folder) for folder in identity.get(name, ())] for name in ("inputs", "reference_inputs")}
    plain = {name: identity[name] for name in ("code", "limit") if name in identity}
    terms = {f"source.{name}": value for name, value in identity.get("source", {}).items()}
    versions = {f"library {name}": version for name, version in identity.get("libraries", {}).items()}
    return {**dict(flat(identity["config"], "config")), **plain, **versions, **terms, **files, **seen}


def unnumbered(folder: str) -> str:
    """Return the name of a step from the name of its folder."""
    return folder.rpartition("-")[0]


def flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a config by their dotted names."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}")
    else:
        yield name, value


# --- the rest ------------------------------------------------------------------------------------------------------


def _lock(before: Json, after: Json) -> Iterator[Difference]:
    for corpus in sorted({*before, *after}):
        yield from _plain(f"lock of {corpus}", _entry(before.get(corpus)), _entry(after.get(corpus)))


def _entry(entry: Json | None) -> Json:
    if entry is None:
        return {}
    return {"home": entry["home"], "revision": entry["revision"], **entry["files"]}


def _by_name(steps: list[Json], field: str) -> Iterator[tuple[str, Any]]:
    for step in steps:
        yield step["folder"], step[field]


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
