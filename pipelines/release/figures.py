"""The figures of a release: every number of its card, in the manifest under ``figures``.

``check_figures`` recounts those of rows, ledger, completions and steps from the release alone; verdicts on generated
texts need the store.
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
from sources.releases.manifest_model import Manifest, StepSummary

Figures = dict[str, Any]


def figures(store: Store, graph: list[StepSummary], folder: Path) -> Figures:
    """Return all figures of a release made by the steps ``graph``, whose data and ledger are in ``folder``."""
    counted = {**_recounted(graph, folder), **stored_figures(store, graph)}
    origins, licenses = origin_facts(counted["by_source"]), license_facts(counted["by_license"])
    return _plain({**counted, "origins": origins, "licenses": licenses})


def check_figures(manifest: Manifest, folder: Path) -> list[str]:
    """Return the errors in the figures of a release and in its card, one line each.

    A line names the figure, its stated value and the value counted from the data. Figures that need the store are
    compared with one another.
    """
    stated = manifest.figures
    if not stated:
        return ["manifest.json has no figures, expected those of its rows and steps"]
    found = _plain(_recounted(manifest.steps, folder))
    wrong = [line for name in found for line in _differences(f"figures.{name}", stated.get(name), found[name])]
    if stated.get("rows", {}).get("all") != manifest.rows:
        wrong.append(f"rows is {manifest.rows!r}, but its figures say {stated.get('rows', {}).get('all')!r}")
    return wrong + list(_disagreeing(stated)) + _edited(manifest, folder)


def _recounted(steps: list[StepSummary], folder: Path) -> Figures:
    """Return the figures that can be counted from a release alone."""
    return {
        **row_figures(folder),
        **teacher_figures(steps),
        **ledger_figures(steps, folder),
        "requests": request_figures(folder),
    }


def _plain(figures: Figures) -> Figures:
    """Return the figures as JSON from a manifest, keys sorted."""
    plain: Figures = json.loads(json.dumps(figures, sort_keys=True))
    return plain


# --- what only the store gives ------------------------------------------------------------------------------------


def _disagreeing(stated: Figures) -> Iterator[str]:
    """Yield figures of generated texts that contradict one another or the recounted ones."""
    for at, part in enumerate(stated.get("generation", ())):
        yield from _differences(
            f"figures.generation[{at}].completions", part["completions"], sum(part["verdicts"].values())
        )
        yield from _differences(f"figures.generation[{at}].pass_rate", part["pass_rate"], pass_rate(part["verdicts"]))
    for at, part in enumerate(stated.get("proposed_pairs", ())):
        whole = part["kept"] + sum(part["reasons"].values())
        yield from _differences(f"figures.proposed_pairs[{at}].proposed", part["proposed"], whole)
    if team := stated.get("red_team"):
        held = sum(step["reasons"].get("held_out", 0) for step in stated["funnel"])
        yield from _differences("figures.red_team.held_out.rows", team["held_out"]["rows"], held)
    licenses = [{name: part[name] for name in ("license", "rows")} for part in stated.get("licenses", ())]
    yield from _differences("figures.licenses", licenses, stated.get("by_license"))


# --- who is to be named --------------------------------------------------------------------------------------------


def origin_facts(by_source: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the sources of the rows with their titles and where their licences were read."""
    from sources.catalog import SOURCES

    facts = []
    for name in sorted({part["source"] for part in by_source}):
        corpus = SOURCES.get(name)
        known = (corpus.title, corpus.license_read) if corpus else (name, None)
        facts.append({"source": name, "title": known[0], "license_read": known[1]})
    return facts


def license_facts(by_license: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the licences of the rows with what each requires of those who redistribute or train on them."""
    facts = []
    for part in by_license:
        [known] = all_terms(part["license"])
        facts.append({**part, "title": known.title, "url": known.url, "duty": known.duty})
    return facts


# --- comparing -----------------------------------------------------------------------------------------------------


def _differences(name: str, stated: Any, found: Any) -> Iterator[str]:
    """Yield the differences of two JSON values, to the depth at which both have the same shape."""
    if isinstance(stated, dict) and isinstance(found, dict) and stated.keys() == found.keys():
        for key in found:
            yield from _differences(f"{name}.{key}", stated[key], found[key])
    elif isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for at, (one, other) in enumerate(zip(stated, found, strict=True)):
            yield from _differences(f"{name}[{at}]", one, other)
    elif stated != found:
        yield f"{name} is {stated!r}, but the release gives {found!r}"


def _edited(manifest: Manifest, folder: Path) -> list[str]:
    """Return the first line of the card that differs from the one made of the figures."""
    path = folder / "README.md"
    if not path.is_file():
        return ["README.md is missing, expected the card"]
    stated = path.read_text(encoding="utf-8").splitlines()
    expected_lines = card(manifest, folder).splitlines()
    for at, (line, expected) in enumerate(zip(stated, expected_lines, strict=False), start=1):
        if line != expected:
            return [f"README.md, line {at}, is {line!r}, but the figures make it {expected!r}"]
    return (
        []
        if len(stated) == len(expected_lines)
        else [f"README.md has {len(stated)} lines, expected {len(expected_lines)}"]
    )
