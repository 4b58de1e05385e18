"""Masking of personal data in texts of rows that leave the store for a page, a terminal or a file.

Rows dropped before the privacy step and malformed rows were never masked, and evidence and edits quote earlier texts.
Everything that shows them therefore masks them with this module, whatever step dropped them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from quality.outcome import Outcome
from quality.privacy.nested import list_texts, put_texts
from quality.privacy.people import NUMBERED
from quality.privacy.redaction import Privacy, redact, screen
from sources.catalog import SOURCES
from sources.releases.manifest_model import StepSummary
from sources.table import SCHEMA

Json = dict[str, Any]

FIXED = frozenset(
    "id source license task lang split file line gold role step folder status reason made_from home license_read "
    "revision field rule recorded_by changed_by duplicate_of neighbour similar_to benchmark item layer group guard "
    "part change key teacher stage override decision decided_by decided_on".split()
)
"""Names of values that identify a row, a step, a file or a rule and contain no text of a row."""

_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\"": '"'}


@dataclass(frozen=True, kw_only=True)
class Screening:
    """Masks shown texts; ``released`` means that the rows of the release itself are masked already."""

    unmasked: bool = False
    released: bool = False
    invented: frozenset[str] = frozenset()

    @classmethod
    def of(cls, steps: Sequence[StepSummary], *, unmasked: bool = False) -> Screening:
        """Return the screening of a release with these steps, from its manifest."""
        configs = [step.identity.settings for step in steps if {"action", "kinds"} <= step.identity.settings.keys()]
        invented = {name for config in configs for name in config.get("invented_sources", ())}
        invented |= {name for name, source in SOURCES.items() if not source.real_persons}
        return cls(unmasked=unmasked, released=bool(configs), invented=frozenset(invented))

    def values(self, values: Sequence[Any], *, numbered: bool = True) -> list[Any]:
        """Return values (nested), each about one row, with the personal data in all of their texts masked.

        People are numbered within a value, unless its texts come from several states of a row.
        """
        if self.unmasked:
            return list(values)
        texts = [[] if self._spared(value) else list_texts(value, FIXED) for value in values]
        rows = pl.Series([n for n, mine in enumerate(texts) for _ in mine], dtype=pl.UInt32)
        flat = [text for mine in texts for text in mine]
        masked = redact(pl.Series(flat, dtype=pl.String), Privacy(), rows)[0].to_list()
        if not numbered:
            masked = [_without_numbers(before, after) for before, after in zip(flat, masked, strict=True)]
        left = iter(masked)
        return [put_texts(value, left, FIXED) if mine else value for value, mine in zip(values, texts, strict=True)]

    def malformed(self, rows: Sequence[Json]) -> list[Json]:
        """Return malformed rows, each with the raw ``text``, with their personal data masked."""
        readable = [_readable(row) for row in rows]
        return [_as_written(*states) for states in zip(rows, readable, self.values(readable), strict=True)]

    def events(self, events: Sequence[Json]) -> list[Json]:
        """Return the events of one row's history masked: data found in one of them is masked in all."""
        if self.unmasked or any(map(self._spared, events)):
            return list(events)
        readable = [_readable(event) for event in events]
        masked: list[Json] = self.values([readable], numbered=False)[0]
        return [_as_written(*states) for states in zip(events, readable, masked, strict=True)]

    def table(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows of ``sources.table.SCHEMA`` with their personal data masked; other columns are left out."""
        rows = rows.select(SCHEMA.names())
        if self.unmasked:
            return rows
        outcome: Outcome = screen(rows, Privacy(spared_tasks=(), invented_sources=tuple(sorted(self.invented))))
        return outcome.rows.select(SCHEMA.names())

    def _spared(self, value: Any) -> bool:
        if not isinstance(value, Mapping):
            return False
        source = value.get("source") or str(value.get("id", "")).partition(":")[0]
        return source in self.invented


def _readable(row: Json) -> Json:
    """Return a malformed row with JSON's names and line breaks in plain form, since they are cues."""
    if not isinstance(text := row.get("text"), str):
        return row
    named = re.sub(r'"([\w ]+)"\s*:\s*"?', lambda name: f"{name[1].replace('_', ' ')}: ", text)
    return {**row, "text": re.sub(r"\\[nt\"]", lambda escape: _ESCAPES[escape[0]], named)}


def _as_written(row: Json, readable: Json, masked: Json) -> Json:
    """Return the masked row; a raw text without findings is returned unchanged."""
    return {**masked, "text": row["text"]} if "text" in row and masked["text"] == readable["text"] else masked


def _without_numbers(before: str, after: str) -> str:
    return after if before == after or NUMBERED.search(before) else NUMBERED.sub("[NAME]", after)
