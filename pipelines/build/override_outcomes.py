"""Outcomes of the overrides of a build: which were applied, and why the others were not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.storage.quarantine import quarantined
from pipelines.storage.store import Store
from quality.overrides import APPLIED, APPLIED_SCHEMA, DROPPED, Override, location
from sources.formats.literal import scan_parquet
from sources.releases.figures_model import OverrideOutcome
from sources.releases.manifest_model import StepSummary
from sources.suggest import did_you_mean


def override_outcomes(store: Store, steps: Sequence[StepSummary], entries: Sequence[Override]) -> list[OverrideOutcome]:
    """Return the outcome of each override in the finished steps of a build, in the order of the file."""
    if not entries:
        return []
    rows = _find(store, steps, entries)
    return [_outcome(entry, rows, steps) for entry in entries]


def applied_overrides(store: Store, steps: Sequence[StepSummary]) -> pl.DataFrame:
    """Return the overrides that the steps applied, with the name of each step, in the order of the steps."""
    tables = [
        scan_parquet(path).select(APPLIED_SCHEMA.names()).with_columns(step=pl.lit(step.name)).collect()
        for step in steps
        for path in sorted((store.folder(step.folder) / APPLIED).glob("*.parquet"))
    ]
    return pl.concat([pl.DataFrame(schema={**APPLIED_SCHEMA, "step": pl.String}), *tables])


@dataclass(frozen=True, kw_only=True)
class _NamedRows:
    """The rows that overrides name: ids by name, steps and reasons by id, errors of malformed rows by name."""

    ids: dict[str, list[str]]
    ends: dict[str, tuple[str, str]]
    malformed: dict[str, str]
    done: set[tuple[str | None, ...]]
    kept: set[str]


def _find(store: Store, steps: Sequence[StepSummary], entries: Sequence[Override]) -> _NamedRows:
    names = list(dict.fromkeys(entry.id for entry in entries))
    ids: dict[str, list[str]] = {}
    malformed: dict[str, str] = {}
    for step in (step for step in steps if step.source):
        own = [name for name in names if step.source and name.startswith(f"{step.source.name}:")]
        if not own:
            continue
        folder = store.folder(step.folder)
        for id, place in _named(folder, own, "kept", "dropped"):
            for name in {id, place} & set(own):
                ids.setdefault(name, []).append(id)
        if (broken := quarantined(folder)) is not None:
            malformed |= dict(broken.filter(pl.col("id").is_in(own)).select("id", "error").iter_rows())
    last = store.folder(steps[-1].folder)
    unread = [name for name in names if name not in ids]
    for step in steps:  # rows that a step derived have no file and line of their own
        for id, _ in _named(store.folder(step.folder), unread, "dropped") if step.inputs else ():
            ids.setdefault(id, [id])
    for id, _ in _named(last, unread, "kept"):
        ids.setdefault(id, [id])
    rows = [id for ids_of_name in ids.values() for id in ids_of_name]
    done = applied_overrides(store, steps)
    return _NamedRows(
        ids=ids,
        ends=_ends(store, steps, rows),
        malformed=malformed,
        done={
            (name, decision, step if decision == "keep" else None, rule, field)
            for name, decision, step, rule, field in done.select(
                "override", "decision", "step", "rule", "field"
            ).iter_rows()
        },
        kept={id for id, _ in _named(last, rows, "kept")},
    )


def _named(folder: Path, names: Sequence[str], *parts: str) -> list[tuple[str, str]]:
    """Return id and location of the rows in some files of a step that have one of these names."""
    paths = [path for part in parts for path in sorted((folder / part).glob("*.parquet"))]
    if not paths or not names:
        return []
    rows = scan_parquet(paths, extra_columns="ignore").select("id", location())
    is_named = pl.col("id").is_in(names) | pl.col("location").is_in(names)
    return list(rows.filter(is_named).sort("id").collect().iter_rows())


def _ends(store: Store, steps: Sequence[StepSummary], rows: list[str]) -> dict[str, tuple[str, str]]:
    """Return the step and the reason of each of these rows that was dropped."""
    ends: dict[str, tuple[str, str]] = {}
    for step in steps:
        paths = sorted((store.folder(step.folder) / "dropped").glob("*.parquet"))
        if paths and rows:
            dropped = scan_parquet(paths).select("id", "reason").filter(pl.col("id").is_in(rows)).collect()
            ends |= {id: (step.name, reason) for id, reason in dropped.iter_rows()}
    return ends


def _outcome(entry: Override, named: _NamedRows, steps: Sequence[StepSummary]) -> OverrideOutcome:
    ids = sorted(set(named.ids.get(entry.id, ())))
    key = (entry.id, entry.decision, entry.step if entry.decision == "keep" else None, entry.rule, entry.field)
    ended = next((named.ends[id] for id in ids if id in named.ends and id not in named.kept), None)
    dropped = f"dropped by {ended[0]}: {ended[1]}" if ended else ""
    if key in named.done:
        later = ended is not None and entry.decision != "drop"
        status, detail = ("dropped_later", dropped) if later else ("applied", "")
    else:
        status, detail = _why_not(entry, ids, ended, named, [step.name for step in steps])
    values = {"step": entry.step, "rule": entry.rule, "field": entry.field, "decided_on": entry.date}
    return OverrideOutcome.of(
        {
            "id": entry.id,
            "decision": entry.decision,
            "status": status,
            **({"detail": detail} if detail else {}),
            **{name: value for name, value in values.items() if value is not None},
            "reason": entry.reason,
            "decided_by": entry.by,
        }
    )


def _why_not(
    entry: Override, ids: list[str], ended: tuple[str, str] | None, named: _NamedRows, steps: list[str]
) -> tuple[str, str]:
    """Return the status of an override that no step applied, and the explanation."""
    if not ids and entry.id in named.malformed:
        error = named.malformed[entry.id].splitlines()[0]
        return "quarantined", f"{error}; it never became a row: correct the file, or remove the override"
    if not ids:
        return "no_row", "no row of this build has this id; look for it with sabila trace"
    if entry.step is not None and entry.step not in steps:
        return "no_step", f"this build has no step {entry.step}{did_you_mean(entry.step, steps)}"
    if ended is not None:
        already = ended == (entry.step, entry.rule) or ended[1] == DROPPED
        other = "" if already else f", not by {entry.step}: {entry.rule}" if entry.decision == "keep" else " already"
        return "no_effect", f"dropped by {ended[0]}: {ended[1]}{other}"
    if entry.decision == "keep":
        return "no_effect", f"{entry.step} does not drop it for {entry.rule} any more; remove the override"
    if entry.decision == "edit":
        return "no_effect", f"its {entry.field} already has this text; remove the override"
    return "no_effect", "a step derived other rows from it; name those"
