"""The figures of a release: every number that its card tells, counted when it is made, and counted again to check it.

They stand in the manifest under ``figures``. Those of the rows, the ledger, the completions and the steps' own accounts
can be had again from the release alone (``check_figures``); verdicts on what models wrote need the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.release.card import card
from pipelines.release.ledger_figures import ledger_figures
from pipelines.release.row_figures import row_figures
from pipelines.release.step_figures import pass_rate, request_figures, stored_figures, teacher_figures
from pipelines.storage.store import Store
from sources.license import all_terms

Figures = dict[str, Any]


def figures(store: Store, graph: list[dict[str, Any]], folder: Path) -> Figures:
    """Return all figures of a release made by the steps ``graph``, whose data and ledger are in ``folder``."""
    counted = {**_recounted(graph, folder), **stored_figures(store, graph)}
    told = {**counted, "origins": origin_facts(counted["by_source"]), "licenses": license_facts(counted["by_license"])}
    return _plain(told)


def check_figures(manifest: dict[str, Any], folder: Path) -> list[str]:
    """Return what does not hold of the figures of a release, and of the card that tells them; nothing if all does.

    Each line names the figure, what is said and what the data say. Figures that the release alone does not give again
    are checked as far as they must agree with others.
    """
    said = manifest.get("figures")
    if not isinstance(said, dict):
        return ["manifest.json has no figures, expected those of its rows and steps"]
    found = _plain(_recounted(manifest["steps"], folder))
    wrong = [line for name in found for line in _differences(f"figures.{name}", said.get(name), found[name])]
    if said.get("rows", {}).get("all") != manifest.get("rows"):
        wrong.append(f"rows is {manifest.get('rows')!r}, but its figures say {said.get('rows', {}).get('all')!r}")
    return wrong + list(_disagreeing(said)) + _edited(manifest, folder)


def _recounted(steps: list[dict[str, Any]], folder: Path) -> Figures:
    """Return the figures that a release alone gives."""
    return {
        **row_figures(folder),
        **teacher_figures(steps),
        **ledger_figures(steps, folder),
        "asked": request_figures(folder),
    }


def _plain(figures: Figures) -> Figures:
    """Return the figures as a manifest gives them back, keys sorted."""
    plain: Figures = json.loads(json.dumps(figures, sort_keys=True))
    return plain


# --- what only the store gives ------------------------------------------------------------------------------------


def _disagreeing(said: Figures) -> Iterator[str]:
    """Yield figures of what models wrote that do not agree with themselves or with those that can be had again."""
    for at, part in enumerate(said.get("generation", ())):
        yield from _differences(
            f"figures.generation[{at}].completions", part["completions"], sum(part["verdicts"].values())
        )
        yield from _differences(f"figures.generation[{at}].pass_rate", part["pass_rate"], pass_rate(part["verdicts"]))
    for at, part in enumerate(said.get("proposed_pairs", ())):
        whole = part["kept"] + sum(part["reasons"].values())
        yield from _differences(f"figures.proposed_pairs[{at}].proposed", part["proposed"], whole)
    if team := said.get("red_team"):
        held = sum(step["reasons"].get("held_out", 0) for step in said["funnel"])
        yield from _differences("figures.red_team.held_out.rows", team["held_out"]["rows"], held)
    licenses = [{name: part[name] for name in ("license", "rows")} for part in said.get("licenses", ())]
    yield from _differences("figures.licenses", licenses, said.get("by_license"))


# --- who is to be named --------------------------------------------------------------------------------------------


def origin_facts(by_source: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the sources of the rows with their titles and where their licences were read."""
    from sources.catalog import SOURCES

    told = []
    for name in sorted({part["source"] for part in by_source}):
        corpus = SOURCES.get(name)
        known = (corpus.title, corpus.license_read) if corpus else (name, None)
        told.append({"source": name, "title": known[0], "license_read": known[1]})
    return told


def license_facts(by_license: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the licences of the rows with what each asks of who hands the rows on or trains on them."""
    told = []
    for part in by_license:
        [known] = all_terms(part["license"])
        told.append({**part, "title": known.title, "url": known.url, "duty": known.duty})
    return told


# --- comparing -----------------------------------------------------------------------------------------------------


def _differences(name: str, said: Any, found: Any) -> Iterator[str]:
    """Yield where two values made of JSON differ, as deep as both have the same shape."""
    if isinstance(said, dict) and isinstance(found, dict) and said.keys() == found.keys():
        for key in found:
            yield from _differences(f"{name}.{key}", said[key], found[key])
    elif isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
        for at, (one, other) in enumerate(zip(said, found, strict=True)):
            yield from _differences(f"{name}[{at}]", one, other)
    elif said != found:
        yield f"{name} is {said!r}, but the release gives {found!r}"


def _edited(manifest: dict[str, Any], folder: Path) -> list[str]:
    """Return the first line of the card that is not what the figures make of it."""
    path = folder / "README.md"
    if not path.is_file():
        return ["README.md is missing, expected the card"]
    said = path.read_text(encoding="utf-8").splitlines()
    due = card(manifest, folder).splitlines()
    for at, (line, expected) in enumerate(zip(said, due, strict=False), start=1):
        if line != expected:
            return [f"README.md, line {at}, is {line!r}, but the figures make it {expected!r}"]
    return [] if len(said) == len(due) else [f"README.md has {len(said)} lines, expected {len(due)}"]
