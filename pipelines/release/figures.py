"""The figures of a release: every number of its card, in the manifest under ``figures``.

``check_figures`` recounts those of rows, ledger, completions and steps from the release alone; verdicts on generated
texts need the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pipelines.build.override_outcomes import override_outcomes
from pipelines.release.card import card
from pipelines.release.ledger_figures import ledger_figures
from pipelines.release.review_figures import released_figures
from pipelines.release.row_figures import row_figures
from pipelines.release.step_figures import pass_rate, request_figures, stored_figures, teacher_figures
from pipelines.storage.store import Store
from quality.overrides import Override
from sources.fields.json_model import Values
from sources.license import all_terms
from sources.releases.figures_model import Figures, LicenseFacts, LicenseRows, Origin, RowFigures
from sources.releases.manifest_model import NO_FIGURES, Manifest, StepSummary


def figures(store: Store, graph: list[StepSummary], folder: Path, overrides: Sequence[Override] = ()) -> Figures:
    """Return all figures of a release made by the steps ``graph``, whose data and ledger are in ``folder``."""
    rows, stored = row_figures(folder), stored_figures(store, graph)
    outcomes = override_outcomes(store, graph, overrides)
    counted = {
        **_recounted(rows, graph, folder),
        **stored.to_json(),
        **({"overrides": [one.to_json() for one in outcomes]} if outcomes else {}),
        "origins": [one.to_json() for one in origin_facts((group.source for group in rows.by_source), graph)],
        "licenses": [one.to_json() for one in license_facts(rows.by_license)],
    }
    return Figures.of(_sorted({name: value for name, value in counted.items() if name != "review" or value}))


def check_figures(manifest: Manifest, folder: Path) -> list[str]:
    """Return the errors in the figures of a release and in its card, one line each.

    A line names the figure, its stated value and the value counted from the data. Figures that need the store are
    compared with one another.
    """
    if manifest.figures is None:
        return [NO_FIGURES]
    stated, recounted = manifest.figures.to_json(), _sorted(_recounted(row_figures(folder), manifest.steps, folder))
    wrong = [line for name in recounted for line in _differences(f"figures.{name}", stated.get(name), recounted[name])]
    if (rows := manifest.figures.rows.all) != manifest.rows:
        wrong.append(f"rows is {manifest.rows!r}, but its figures say {rows!r}")
    return wrong + list(_disagreeing(manifest.figures)) + _edited(manifest, folder)


def _recounted(rows: RowFigures, steps: list[StepSummary], folder: Path) -> Values:
    """Return the figures that can be counted from a release alone."""
    return {
        **rows.to_json(),
        **teacher_figures(steps).to_json(),
        **ledger_figures(steps, folder).to_json(),
        "requests": [model.to_json() for model in request_figures(folder)],
        "review": review.to_json() if (review := released_figures(folder)) else None,
    }


def _sorted(figures: Values) -> Values:
    """Return the figures as JSON from a manifest, keys sorted."""
    plain: Values = json.loads(json.dumps(figures, sort_keys=True))
    return plain


# --- figures that need the store ------------------------------------------------------------------------------------


def _disagreeing(stated: Figures) -> Iterator[str]:
    """Yield figures of generated texts that contradict one another or the recounted ones."""
    for at, part in enumerate(stated.generation):
        name = f"figures.generation[{at}]"
        yield from _differences(f"{name}.completions", part.completions, sum(part.verdicts.values()))
        yield from _differences(f"{name}.pass_rate", part.pass_rate, pass_rate(part.verdicts))
    for at, pairs in enumerate(stated.proposed_pairs):
        outcomes = pairs.kept + sum(pairs.reasons.values())
        yield from _differences(f"figures.proposed_pairs[{at}].proposed", pairs.proposed, outcomes)
    if team := stated.red_team:
        held_out = sum(step.reasons.get("held_out", 0) for step in stated.funnel)
        yield from _differences("figures.red_team.held_out.rows", team.held_out.rows, held_out)
    licenses = [{"license": one.license, "rows": one.rows} for one in stated.licenses]
    yield from _differences("figures.licenses", licenses, [one.to_json() for one in stated.by_license])


# --- attribution --------------------------------------------------------------------------------------------


def origin_facts(sources: Iterable[str], steps: Iterable[StepSummary] = ()) -> list[Origin]:
    """Return the sources of the rows with their titles and where their licences were read.

    A source that is not in the catalog is described as recorded by the step that read it.
    """
    from sources.catalog import SOURCES

    own = {step.source.name: step.origin for step in steps if step.source and step.identity.mapping}
    facts = []
    for name in sorted(set(sources)):
        corpus = SOURCES.get(name)
        stated = own.get(name, {})
        title, license_read = stated.get("title", name), stated.get("license_read")
        if corpus:
            title, license_read = corpus.title, corpus.license_read
        facts.append(Origin(source=name, title=title, license_read=license_read))
    return facts


def license_facts(by_license: Iterable[LicenseRows]) -> list[LicenseFacts]:
    """Return the licences of the rows with what each requires of those who redistribute or train on them."""
    facts = []
    for one in by_license:
        [known] = all_terms(one.license)
        facts.append(LicenseFacts(**one.to_json(), title=known.title, url=known.url, duty=known.duty))
    return facts


# --- comparing -----------------------------------------------------------------------------------------------------


def _differences(name: str, stated: Any, recounted: Any) -> Iterator[str]:
    """Yield the differences of two JSON values, to the depth at which both have the same shape."""
    if isinstance(stated, dict) and isinstance(recounted, dict) and stated.keys() == recounted.keys():
        for key in recounted:
            yield from _differences(f"{name}.{key}", stated[key], recounted[key])
    elif isinstance(stated, list) and isinstance(recounted, list) and len(stated) == len(recounted):
        for at, (one, other) in enumerate(zip(stated, recounted, strict=True)):
            yield from _differences(f"{name}[{at}]", one, other)
    elif stated != recounted:
        yield f"{name} is {stated!r}, but the release gives {recounted!r}"


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
