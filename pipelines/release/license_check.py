"""Conflicts that forbid redistributing a release: rows whose licences forbid it, with the reason and a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path

import polars as pl

from pipelines.release.open_release import open_release
from sources.formats.literal import scan_parquet
from sources.known_licenses import LICENSES
from sources.license import USES, Use, all_terms, contradiction, covers, freer_licenses, joint, parts, terms
from sources.releases.manifest_model import Manifest
from sources.suggest import did_you_mean
from synth.teachers.embedded import LICENSE as EMBEDDED_LICENSE
from synth.teachers.embedded import NAME as EMBEDDED

NAMED = 20
"""Most ids listed in a conflict; all rows are counted."""

SHOWN = 3
"""Most ids named in the message of a conflict."""

WRITERS = (
    "$.cot.teacher",
    "$.passage.teacher",
    "$.pair.chosen_by",
    "$.pair.rejected_by",
    "$.specialty_by",
    "$.rubric_by",
    "$.redteam.answer.generated_by",
    "$.redteam.refusal.generated_by",
    "$.redteam.helpful.generated_by",
)
"""Fields of ``meta`` with the model that wrote a text, a label or marks of the row."""

ORIGIN_OF = {"$.cot.teacher": "$.cot.origin", "$.specialty_by": "$.specialty"}
"""Where the origin of a model's text is; a row without one names the model, but kept no text of it."""


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Rows that may not be redistributed: their licence, the rule, the reason, and a remedy.

    ``ids`` are the first of them by id, ``NAMED`` at most; ``rows`` is their number. ``license`` is the rows'
    expression, or for rule ``declared`` the licence declared by the release.
    """

    ids: tuple[str, ...]
    rows: int
    license: str
    rule: str
    why: str
    remedy: str

    def describe(self) -> str:
        """Return the conflict in one line."""
        shown = self.ids[:SHOWN]
        more = f" and {self.rows - len(shown):,} more" if self.rows > len(shown) else ""
        return f"{self.license}: {self.why} ({', '.join(shown)}{more}). {self.remedy}"


def conflicts(folder: Path, *, use: Use = "any", private: bool = False) -> list[Conflict]:
    """Return the reasons against redistributing the release in ``folder`` for ``use``, in the same order on every call.

    Own rows may be uploaded to a ``private`` repository (``License.own``).

    Rules: ``embedded`` (written by the embedded teacher), ``teacher`` (a model wrote it and its terms are missing),
    ``freed`` (freer than the source in the manifest or in this sabila's catalog), ``unknown`` (no licence allows it),
    ``outputs`` (the model's terms forbid training others on it), ``joined`` (incompatible licences), ``commercial`` (no
    commercial use, in a release for it), ``derivatives`` (no adaptation, yet a step changed it) and ``declared`` (the
    release declares a freer licence than its rows). Raises ``ReleaseError`` for a folder without a release,
    ``ValueError`` for an unknown use.
    """
    if use not in USES:
        raise ValueError(f"use is {use!r}, expected one of {', '.join(USES)}")
    manifest = open_release(folder, all_columns=False)
    rows = _rows(folder)
    groups = _grouped(rows)
    all_conflicts = [*_demonstration(rows), *_without_teachers_terms(rows, manifest)]
    all_conflicts += [conflict for group in groups for conflict in _by_terms(group, use, private=private)]
    all_conflicts += _freer_rows(rows, manifest)
    all_conflicts += _changed(folder, [group for group in groups if _closed(group.license)])
    all_conflicts += _declared(groups, manifest.license)
    return sorted(all_conflicts, key=lambda one: (RULES.index(one.rule), one.license, one.why))


RULES = (
    "embedded",
    "demonstration",
    "teacher",
    "freed",
    "unknown",
    "outputs",
    "joined",
    "commercial",
    "derivatives",
    "declared",
)

DEMONSTRATION = "LicenseRef-demonstration"
OF_DEMONSTRATIONS = (EMBEDDED_LICENSE, DEMONSTRATION)


@dataclass(frozen=True)
class _Group:
    """The rows under one expression: how many, and the first by id."""

    license: str
    rows: int
    ids: tuple[str, ...]

    def conflict(self, rule: str, why: str, remedy: str) -> Conflict:
        return Conflict(ids=self.ids, rows=self.rows, license=self.license, rule=rule, why=why, remedy=remedy)


def _rows(folder: Path) -> pl.LazyFrame:
    kinds = sorted(path for path in (folder / "data").iterdir() if path.is_dir())
    license = pl.col("license").fill_null("")
    return pl.concat(
        scan_parquet(sorted(kind.glob("*/*.parquet"))).select("id", "source", license, "meta") for kind in kinds
    )


def _grouped(rows: pl.LazyFrame) -> list[_Group]:
    """Return the rows of each expression, sorted by it."""
    ids = pl.col("id").sort().head(NAMED)
    table = rows.group_by("license").agg(pl.len(), ids).sort("license").collect(engine="streaming")
    return [_Group(license, rows, tuple(ids)) for license, rows, ids in table.iter_rows()]


# --- models that wrote texts -----------------------------------------------------------------------------------------


def _demonstration(rows: pl.LazyFrame) -> Iterator[Conflict]:
    """Name the rows written for a demonstration, by their licence, or by the embedded teacher's name in ``meta``."""
    licenses = pl.col("license").str.split(" AND ")
    embedded = licenses.list.contains(EMBEDDED_LICENSE) | _written_by(EMBEDDED)
    for group in _grouped(rows.filter(embedded)):
        yield group.conflict(
            "embedded",
            "the embedded teacher wrote these rows, which show how the stages work and mean nothing",
            "Build with a real teacher (--teacher)",
        )
    for group in _grouped(rows.filter(licenses.list.contains(DEMONSTRATION) & ~embedded)):
        yield group.conflict(
            "demonstration",
            "a model that is too small to be right wrote these rows, for a demonstration",
            "Build with a larger model (--teacher), or give this one's own licence (--teacher-license) if you mean it",
        )


def _written_by(name: str) -> pl.Expr:
    """Return which rows have a text by the model ``name``; a text search for its name avoids most of the parsing."""
    meta = pl.col("meta").fill_null("")
    named = pl.when(meta.str.contains(f'"{name}"', literal=True)).then(meta)

    def writes(path: str) -> pl.Expr:
        wrote = named.str.json_path_match(path).eq(name).fill_null(False)
        return wrote & named.str.json_path_match(ORIGIN_OF[path]).is_not_null() if path in ORIGIN_OF else wrote

    return reduce(or_, map(writes, WRITERS))


def _without_teachers_terms(rows: pl.LazyFrame, manifest: Manifest) -> Iterator[Conflict]:
    for name, license in sorted(_teachers(manifest)):
        for group in _grouped(rows.filter(_written_by(name))):
            if lacking := sorted(set(parts(license)) - set(parts(group.license)) - _permissive(license)):
                yield group.conflict(
                    "teacher",
                    f"{name} wrote a text of these rows, which omit its terms, {' AND '.join(lacking)}",
                    "Release again: a row is under the licences of its source and of the model",
                )


def _permissive(license: str) -> set[str]:
    return {one.id for one in all_terms(license) if one.strictness == 0}


def _teachers(manifest: Manifest) -> set[tuple[str, str]]:
    """Return the models that write texts of rows, by the configs of steps, and the licences of their texts."""
    configs = [step.identity.settings for step in manifest.steps]
    configs += [config["chains"] for config in configs if isinstance(config.get("chains"), dict)]
    configs += [one for step in manifest.steps for one in step.identity.generators.values()]
    alone = {
        (config["generated_by"]["name"], config["license"])
        for config in configs
        if isinstance(config.get("generated_by"), dict) and config.get("license")
    }
    teams = {
        (config["team"][role]["name"], joint(config["licenses"]))
        for config in configs
        if isinstance(config.get("team"), dict) and config.get("licenses")
        for role in ("target", "writer")
    }
    return alone | teams


# --- sources ---------------------------------------------------------------------------------------------------------


def source_licenses(manifest: Manifest) -> dict[str, str]:
    """Return the licence of each source in a manifest, as recorded by the step that read it."""
    return {step.source.name: step.source.license for step in manifest.steps if step.source}


def _freer_rows(rows: pl.LazyFrame, manifest: Manifest) -> Iterator[Conflict]:
    """Return the rows that omit terms of their source, relabelled by a step or by hand."""
    from sources.catalog import SOURCES

    stated = source_licenses(manifest)
    for source, license in rows.select("source", "license").unique().sort("source", "license").collect().iter_rows():
        known = [stated[source]] if source in stated else []
        known += [SOURCES[source].license] if source in SOURCES else []
        lost = sorted({id for original in known for id in freer_licenses(license, original)})
        for group in _grouped(rows.filter(source=source, license=license)) if lost else ():
            yield group.conflict(
                "freed",
                f"{source} is under {' AND '.join(lost)}, which these rows omit",
                "Release again with steps that keep licences: a row stays under the licence of its source",
            )


# --- terms of the licences -------------------------------------------------------------------------------------------


def _by_terms(group: _Group, use: Use, *, private: bool) -> Iterator[Conflict]:
    """Yield the reasons against redistributing rows under one expression, whatever their content."""
    for conflict in (_unknown(group, private=private), _outputs(group), _joined(group)):
        if conflict:
            yield conflict
    barred = [license.id for license in all_terms(group.license) if not license.commercial]
    if use == "commercial" and barred:
        yield group.conflict(
            "commercial", f"{barred[0]} forbids commercial use", 'Build with --license commercial, or publish for "any"'
        )


WAYS_OUT = (
    "Build with --license share, which drops such rows and says so; or ask the publisher and enter the answer in the "
    "source's connector. Where a model wrote in the rows, name its terms with --teacher-license"
)


OWN_ROWS = "Publish rows of your own without --public: they may be uploaded to a private repository"


def _unknown(group: _Group, *, private: bool) -> Conflict | None:
    for id in parts(group.license):
        license = terms(id)
        if license.id != id:
            why = f"{id or 'an empty text'} is not a known licence, so that nothing allows redistribution"
            hint = did_you_mean(id, LICENSES)
            remedy = f"Use an SPDX id, LicenseRef-proprietary for rows of your own, or build with --license share{hint}"
            return group.conflict("unknown", why, remedy)
        if not license.redistribution and id not in OF_DEMONSTRATIONS and not (private and license.own):
            remedy = OWN_ROWS if license.own else WAYS_OUT
            return group.conflict("unknown", f"{license.title}: nothing allows redistribution of the rows", remedy)
    return None


def _outputs(group: _Group) -> Conflict | None:
    for license in all_terms(group.license):
        if license.outputs in ("own_family", "forbidden") and license.id not in OF_DEMONSTRATIONS:
            why = f"{license.title}: {license.duty}, and a release is for training any model"
            return group.conflict("outputs", why, "Use a teacher whose terms allow training other models on its output")
    return None


def _joined(group: _Group) -> Conflict | None:
    why = contradiction(group.license)
    remedy = "Combine compatible licences only: use another teacher, or leave a source out"
    return group.conflict("joined", why, remedy) if why else None


# --- rows that must not change ---------------------------------------------------------------------------------------


def _closed(license: str) -> bool:
    return not all(one.derivatives for one in all_terms(license))


def _changed(folder: Path, closed: list[_Group]) -> Iterator[Conflict]:
    """Return the rows under a no-derivatives licence that a step changed or generated, or that no ledger lists.

    A row derived by a step has its parent's id and a suffix after a slash.
    """
    if not closed:
        return
    licenses = [group.license for group in closed]
    closed_rows = _rows(folder).filter(pl.col("license").is_in(licenses)).select("id", "license")
    ledger = sorted((folder / "ledger").glob("*.parquet"))
    if not ledger:
        remedy = "Release again, so that the ledger records what was changed"
        yield from (
            group.conflict("derivatives", _against(group, "there is no ledger that records it"), remedy)
            for group in closed
        )
        return
    recorded = scan_parquet(ledger).select("id", "changed_by")
    known = closed_rows.with_columns(parent=pl.col("id").str.replace(r"/[^/]*$", "")).join(
        recorded, on="id", how="left"
    )
    derived = known.filter(pl.col("parent") != pl.col("id")).join(recorded, left_on="parent", right_on="id", how="semi")
    edited = known.filter(pl.col("changed_by").list.len().fill_null(1) > 0)
    changed = pl.concat([edited, derived]).unique("id")
    for group in _grouped(changed):
        remedy = "Leave the source out, or build with steps that do not change its rows"
        yield group.conflict("derivatives", _against(group, _steps(changed, group.license)), remedy)


def _against(group: _Group, how: str) -> str:
    forbidding = next(license.id for license in all_terms(group.license) if not license.derivatives)
    return f"{forbidding} allows no adapted copies, and the rows were changed: {how}"


def _steps(changed: pl.LazyFrame, license: str) -> str:
    steps = changed.filter(license=license).select(pl.col("changed_by").explode().unique().sort())
    return ", ".join(step or "made of another row, or in no ledger" for step in steps.collect()["changed_by"])


# --- the declared licence --------------------------------------------------------------------------------------------


def _declared(groups: list[_Group], declared: str) -> Iterator[Conflict]:
    for id in sorted({id for group in groups for id in parts(group.license)}):
        if declared and covers(declared, id):
            continue
        affected = [group for group in groups if id in parts(group.license)]
        yield Conflict(
            ids=tuple(sorted(id for group in affected for id in group.ids)[:NAMED]),
            rows=sum(group.rows for group in affected),
            license=declared or "none declared",
            rule="declared",
            why=f"the licence of the release omits {id}, which applies to these rows",
            remedy="Release again: the licence of a release is joined from those of its rows",
        )
