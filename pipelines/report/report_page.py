"""The report on a release as one HTML file: origin of its rows, reasons of drops, and a sample."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import UndefinedError

from pipelines.diff.compare_releases import CHANGES, diff
from pipelines.diff.release_diff import ReasonRows, ReleaseDiff, RowChange, WordPiece
from pipelines.release.open_release import reading
from pipelines.report import row_sample
from pipelines.report.all_rows import ReleaseView, all_rows, kept_at, open_view, records, reference_only
from pipelines.report.candidate_tables import candidates, pair_counts
from pipelines.report.funnel import funnel
from pipelines.report.page import as_json, page
from pipelines.report.page_text import safe_text
from pipelines.report.paired_rows import (
    MEMBERS_SHOWN,
    closest_calls,
    clusters,
    duplicates,
    leak_examples,
    leak_figures,
    leaks,
    parsed,
    row_text,
    side_by_side,
)
from pipelines.report.report_figures import FACETS, counts, histogram, mix, reasons, sources, totals
from pipelines.report.reviewed_rows import reviews
from sources.atomic import write_bytes
from sources.releases.read_manifest import MANIFEST, ReleaseError

SAMPLE = 2_000
"""Default number of rows in the page."""

MIXES = (("source", "Source"), ("task", "Task"), ("license", "Licence"), ("lang", "Language"))
LENGTHS = (
    ("prompt_chars", "Prompt, characters"),
    ("response_chars", "Response, characters"),
    ("tokens", "Whole row, tokens (estimated)"),
)
MASKED, UNMASKED = "masked", "unmasked"
"""The page's statement on personal data in its texts; only a masked page may be published."""

SCRIPTS = ("report_rows.js", "report.js")

CHANGED_ROWS = 6
"""Rows shown of each kind of change."""

FIELD_CHARS = 1_500
CHANGE_REASONS = 40


def write_report(
    folder: Path, out: Path, *, sample: int = SAMPLE, against: Path | None = None, unmasked: bool = False
) -> Path:
    """Write the report on the release in ``folder`` to ``out``; the same releases and sample give the same bytes.

    Personal data of dropped and malformed rows is masked, unless ``unmasked``.
    Raises ``ReleaseError`` for a release that is broken or has no ledger, ``StoreError`` where ``out`` cannot be
    written.
    """
    try:
        with reading(folder, *([against] if against else [])):
            text = report(folder, sample=sample, against=against, unmasked=unmasked)
    except UndefinedError as error:
        raise ReleaseError(
            f"{folder / MANIFEST} lacks what the report shows ({error.message}): sabila verify lists what is wrong"
        ) from error
    write_bytes(out, text.encode("utf-8", "replace"))
    return out


def report(folder: Path, *, sample: int = SAMPLE, against: Path | None = None, unmasked: bool = False) -> str:
    """Return the report on the release in ``folder`` as HTML, with ``sample`` rows, compared with ``against``."""
    release = open_view(folder, unmasked=unmasked)
    if "recipe" not in release.manifest.model_fields_set:
        raise ReleaseError(
            f"{folder / MANIFEST} lacks what the report shows (recipe): sabila verify lists what is wrong"
        )
    rows = all_rows(release)
    shown_sample = row_sample.describe_sample(release, rows, sample)
    data = {"rows": shown_sample["rows"], "counts": counts(rows), "facets": FACETS, "strata": shown_sample["strata"]}
    html, _ = page(
        "report.html.jinja",
        SCRIPTS,
        manifest=release.manifest,
        personal_data=UNMASKED if unmasked else MASKED,
        in_store=release.store is not None,
        data=as_json(data),
        drawn={
            "rows": len(shown_sample["rows"]),
            "requested": min(sample, rows.height),
            "limit": shown_sample["limit"],
            "strata": shown_sample["strata"],
        },
        changes=changes(against, folder, unmasked=unmasked) if against else None,
        **figures(release, rows),
        **pairs(release, rows),
    )
    return html


def figures(release: ReleaseView, rows: pl.DataFrame) -> dict[str, Any]:
    """Return every figure of the report that is counted over all rows."""
    return {
        "totals": {**totals(rows), "reference_only": reference_only(release)},
        "funnel": funnel(release.manifest.steps),
        "mixes": [(name, title, mix(rows, name)) for name, title in MIXES],
        "histograms": [histogram(rows, name, title) for name, title in LENGTHS],
        "sources": sources(rows),
        "reasons": reasons(rows),
        "candidates": candidates(release),
        "pairs_made": pair_counts(release),
        "reviews": reviews(release),
    }


def pairs(release: ReleaseView, rows: pl.DataFrame) -> dict[str, Any]:
    """Return the duplicates and leaks, counted over all rows, with examples side by side with their matches."""
    copies, leaking = duplicates(rows), leaks(rows)
    cluster_figures, calls, examples = clusters(copies), closest_calls(copies), leak_examples(leaking)
    compared = [*calls, *(member for group in cluster_figures["largest"] for member in group["members"])]
    keepers: dict[str, set[str]] = {}
    for one in compared:
        keepers.setdefault(one["step"], set()).add(one["keeper"])
    then = kept_at(release, keepers)
    rest = {one["keeper"] for one in compared if (one["step"], one["keeper"]) not in then}
    now = records(release, rest | {one["id"] for one in compared} | set(examples["id"]))
    texts = {id: row_text(row) for id, row in now.items()}
    for one in compared:
        keeper = then.get((one["step"], one["keeper"])) or now.get(one["keeper"])
        one |= side_by_side(texts.get(one["id"]), row_text(keeper))
    shown_leaks = [
        {**row, **side_by_side(texts.get(row["id"]), parsed(now.get(row["id"], {}).get("evidence")).get("item_text"))}
        for row in examples.rows(named=True)
    ]
    return {
        "clusters": cluster_figures,
        "members_shown": MEMBERS_SHOWN,
        "closest": calls,
        "leaks": leak_figures(leaking),
        "leak_examples": shown_leaks,
        "title": safe_text(release.manifest.title),
    }


@dataclass(frozen=True, kw_only=True)
class ShownChange:
    """A changed row, and its fields with the pieces of both texts that are shown."""

    row: RowChange
    fields: list[tuple[str, list[tuple[str, str]]]]


@dataclass(frozen=True, kw_only=True)
class ShownChanges:
    """The comparison with another release, its first reasons, and its first rows by kind of change."""

    diff: ReleaseDiff
    reasons: list[ReasonRows]
    more_reasons: int
    rows: dict[str, list[ShownChange]]


def changes(before: Path, after: Path, *, unmasked: bool = False) -> ShownChanges:
    """Return the summary of the differences of two releases; of their ``rows``, some of each kind.

    Raises ``ReleaseError`` for a folder without a release.
    """
    release_diff = diff(before, after, limit=CHANGED_ROWS, unmasked=unmasked)
    return ShownChanges(
        diff=release_diff,
        reasons=release_diff.reasons[:CHANGE_REASONS],
        more_reasons=max(len(release_diff.reasons) - CHANGE_REASONS, 0),
        rows={
            change: [
                ShownChange(row=row, fields=[(one.field, _cut_words(one.words)) for one in row.fields])
                for row in release_diff.rows
                if row.change == change
            ]
            for change in CHANGES
        },
    )


def _cut_words(words: list[WordPiece]) -> list[tuple[str, str]]:
    """Return the pieces of two texts up to ``FIELD_CHARS`` characters, made safe."""
    pieces: list[tuple[str, str]] = []
    left = FIELD_CHARS
    for word in words:
        if left <= 0:
            return [*pieces, ("=", " ⟦more follows⟧")]
        pieces.append((word["op"], safe_text(word["text"][:left])))
        left -= len(word["text"])
    return pieces
