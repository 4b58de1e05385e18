"""Checks of facts of a card that no row contains: models, libraries, overrides, sources, duties of licences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from pipelines.build.recipe import RecipeError, load, shipped
from pipelines.build.step import Step as RecipeStep
from pipelines.release.figures import license_facts, origin_facts
from pipelines.release.finding import Finding, in_manifest
from pipelines.release.ledger import DECISIONS, has_branches
from pipelines.release.libraries import built_with
from pipelines.release.step_figures import generation_settings
from pipelines.verify.release_under_test import ReleaseUnderTest
from sources.fields.json_model import JsonModel
from sources.formats.literal import parquet_schema, scan_parquet


def libraries(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find libraries of other versions than those recorded by the steps."""
    steps = release.manifest.steps
    named = {name for step in steps for name in step.identity.libraries}
    built, stated = built_with(step.identity.libraries for step in steps), release.manifest.libraries
    for name in sorted(named):
        if stated.get(name) != built[name]:
            yield in_manifest(f"libraries: {name}: recorded by the steps", built[name], stated.get(name))


def models(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find figures of generated texts that name another step, model or setting than the steps."""
    steps = {step.name: step for step in release.manifest.steps}
    for at, part in enumerate(release.manifest.card_figures.generation):
        place = f"figures: generation[{at}]"
        if (step := steps.get(part.step)) is None:
            yield in_manifest(f"{place}: step", "a step of the manifest", part.step)
            continue
        generators = list(step.identity.generators)
        if part.generator not in (generators or (None,)):
            yield in_manifest(f"{place}: generator, one that {step.name} has", generators, part.generator)
            continue
        for name, value in generation_settings(step, part.generator).to_json().items():
            if (stated := getattr(part, name)) != value:
                yield in_manifest(f"{place}: {name}, as {step.name} has it", value, stated)
        model = set(_models(step.identity.config))
        if (part.teacher, part.revision) not in model:
            stated_model = f"{part.teacher} at {part.revision}"
            yield in_manifest(f"{place}: teacher, a model that {step.name} names", sorted(model), stated_model)
        if not 0 < part.rows <= part.completions:
            yield in_manifest(f"{place}: rows", f"1 to {part.completions}, its completions", part.rows)
    yield from _tokens(release)


def _models(config: Any) -> Iterator[tuple[str, str]]:
    """Yield the models in a config, at any depth, with their revisions."""
    if isinstance(config, dict):
        if isinstance(config.get("name"), str) and isinstance(config.get("revision"), str):
            yield config["name"], config["revision"]
        for value in config.values():
            yield from _models(value)
    elif isinstance(config, list):
        for value in config:
            yield from _models(value)


def _tokens(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find models whose tokens by step do not add up to those of their completions.

    A completion counts in each row whose request it answers: rows with equal requests share one.
    """
    figures = release.manifest.card_figures
    for model in figures.requests:
        parts = [
            part for part in figures.generation if (part.teacher, part.revision) == (model.teacher, model.revision)
        ]
        shared = sum(part.completions for part in parts) > model.requests
        for field in ("prompt_tokens", "completion_tokens"):
            counted, stated = sum(getattr(part, field) for part in parts), getattr(model, field)
            if counted and (counted < stated if shared else counted != stated):
                yield in_manifest(f"figures: generation: {field} of {model.teacher} in all", stated, counted)


def changed(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find steps whose number of changed rows differs from the ledger's."""
    steps = release.manifest.steps
    names = Counter(step.name for step in steps)
    paths = sorted(release.folder.glob("ledger/*.parquet"))
    if not paths or has_branches(steps) or any(times > 1 for times in names.values()):
        return  # the ledger has a row of several branches only once
    by_step = scan_parquet(paths).select(pl.col("changed_by").explode().alias("step")).drop_nulls()
    counted = dict(by_step.group_by("step").len().collect().iter_rows())
    for step in steps:
        stated = step.changed
        if stated is not None and stated != counted.get(step.name, 0):
            yield in_manifest(f"steps: {step.folder}: changed", counted.get(step.name, 0), stated)


def overrides(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find overrides of the manifest without an outcome, and decisions that only figures or ledger have."""
    manifest = release.manifest
    configured = [(one.get("id"), one.get("decision"), one.get("by")) for one in manifest.overrides]
    outcomes = manifest.card_figures.overrides
    recorded = [(one.id, one.decision, one.decided_by) for one in outcomes]
    if configured != recorded:
        yield in_manifest("figures: overrides: one for each override", configured, recorded)
    stated = {(one.decision, one.reason) for one in outcomes if one.status in ("applied", "dropped_later")}
    decisions: set[tuple[str, str]] = set()
    for path in sorted(release.folder.glob("ledger/*.parquet")):
        if DECISIONS.name in parquet_schema(path):
            decided = scan_parquet(path).select(pl.col(DECISIONS.name).explode()).drop_nulls().unnest(DECISIONS.name)
            decisions |= set(decided.select("decision", "reason").unique().collect().iter_rows())
    for decision, reason in sorted(stated ^ decisions):
        what = f"ledger: override {decision} ({reason})"
        yield in_manifest(what, "applied" if (decision, reason) in stated else "not applied", "the other")


# --- compared with the catalog of this sabila ----------------------------------------------------------------------


def origins(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find sources and licences described differently by this sabila."""
    stated = release.manifest.card_figures
    known: list[tuple[str, Sequence[JsonModel], Sequence[JsonModel]]] = [
        ("origins", origin_facts((group.source for group in stated.by_source), release.manifest.steps), stated.origins),
        ("licenses", license_facts(stated.by_license), stated.licenses),
    ]
    for name, facts, stated_facts in known:
        for fact, other in zip(facts, stated_facts, strict=False):
            before, after = fact.to_json(), other.to_json()
            for field in sorted({*before, *after}):
                if before.get(field) != after.get(field):
                    yield in_manifest(f"figures: {name}: {field}", before.get(field), after.get(field))
        if len(facts) != len(stated_facts):
            yield in_manifest(f"figures: {name}: how many", len(facts), len(stated_facts))


def homes(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find sources whose origin differs between lock, steps and this sabila's catalog."""
    from sources.catalog import BENCHMARKS, SOURCES

    corpora = {**BENCHMARKS, **SOURCES}
    lock = release.manifest.lock
    for step in release.manifest.steps:
        if step.source is None or not step.origin:
            continue
        name, origin = step.source.name, step.origin
        if name in lock and lock[name].home != origin.get("home"):
            yield in_manifest(f"lock: {name}: home", origin.get("home"), lock[name].home)
        for field, actual in origin.items():
            expected = getattr(corpora.get(name), field, actual)
            if actual != expected:
                yield in_manifest(f"steps: {step.folder}: {field}", expected, actual)


def values(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find values that a shipped recipe does not accept, and absent steps or sources that it does not have."""
    recipe = release.manifest.recipe
    if not recipe.shipped or recipe.name not in shipped():
        return  # a check never runs the code of a recipe that sabila does not ship
    try:
        last = load(recipe.name).bind(release.manifest.values)
    except RecipeError as error:
        yield in_manifest("values: accepted by the recipe", "those of its knobs", str(error))
        return
    steps = list(_all_steps(last, set()))
    waiting = {step.name: step.work.needs for step in steps if step.work.needs is not None}
    if release.manifest.waiting_for_teacher != waiting:
        yield in_manifest("waiting_for_teacher: steps", waiting, release.manifest.waiting_for_teacher)
    corpora = {step.work.corpus.name for step in steps if step.work.corpus}
    for name in release.manifest.absent:
        if name not in corpora or name in release.manifest.lock:
            yield in_manifest("absent: a source of the recipe that was not read", sorted(corpora), name)


def _all_steps(step: RecipeStep, seen: set[int]) -> Iterator[RecipeStep]:
    if id(step) not in seen:
        seen.add(id(step))
        yield step
        for before in (*step.inputs, *step.reference_inputs):
            yield from _all_steps(before, seen)
