"""One corpus of the catalog, and the trial of one of its files, as printed by ``sabila sources``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.cli.list_sources import CatalogRow
from pipelines.cli.print_tables import render_text, text_table
from sources.fetch.trial import LIMIT, SourceTrial
from sources.source import Corpus

SHOWN = 300
"""Characters of a value of the first record that are printed."""


def source_text(row: CatalogRow, corpus: Corpus) -> str:
    """Return the catalog entry of one corpus: origin, licence, files, columns, and where they were read."""
    facts = text_table("", "")
    facts.show_header = False
    files = (f"{split}: {pattern}" for split, patterns in corpus.files.items() for pattern in patterns)
    for name, value in {
        "name": row.name,
        "title": row.title,
        "home": row.home,
        "revision": corpus.revision,
        "readable from": row.readable_from or "-",
        "licence": row.license,
        "licence read in": row.license_read,
        "kind, task": f"{row.kind}, {row.task}, {row.lang}",
        "rows": f"{row.rows:,}" if row.rows else "not known",
        "files": "\n".join(files),
        "columns": ", ".join(f"{name}: {kind}" for name, kind in corpus.columns.items()) or "not declared",
    }.items():
        facts.add_row(name, value)
    if corpus.gold:
        hidden = f", hidden where {corpus.gold.hidden}" if corpus.gold.hidden is not None else ""
        facts.add_row("gold", f"{corpus.gold.name}, counted from {corpus.gold.base}{hidden}")
    for claim in corpus.stated_licenses:
        stricter = "" if claim.license == corpus.license else ": less strict, so it does not hold"
        facts.add_row("claimed", f"{claim.license} by {claim.where}{stricter}")
    readings = text_table("checked", "where", "result")
    for one in corpus.schema_read:
        readings.add_row(", ".join(one.checked), one.where, one.result)
    if corpus.unverified:
        readings.add_row(", ".join(corpus.unverified), "-", "unverified")
    return render_text(facts, "", readings)


def trial_text(trial: SourceTrial) -> str:
    """Return the columns, counts, first record and problems of a trial read of one file."""
    more = f", the first {LIMIT:,}" if trial.rows >= LIMIT else ""
    counts = f"{trial.rows:,} rows{more}: {trial.records:,} records, {trial.malformed:,} malformed"
    columns = text_table("column", "expected", "found")
    for name, (expected, actual) in trial.columns.items():
        columns.add_row(name, expected, actual)
    first = _record_text(trial.first_record) if trial.first_record else "no record"
    problems = "\n".join(f"  {problem}" for problem in trial.problems) or "  none"
    return render_text(
        f"{trial.corpus}: {trial.file} from {trial.place}",
        counts,
        "",
        columns,
        "",
        f"first record\n{first}",
        "",
        f"problems\n{problems}",
    )


def _record_text(record: Mapping[str, Any]) -> str:
    lines = []
    for name, value in record.items():
        if value not in (None, "", (), [], {}):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            lines.append(f"  {name}: {text[:SHOWN]}{'…' if len(text) > SHOWN else ''}")
    return "\n".join(lines)
