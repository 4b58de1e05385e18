"""One event of a row's history: the work of a step on it, or its row in the ledger of a release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from pipelines.release.screening import Screening
from pipelines.storage.row_locations import Row
from sources.fields.json_model import JsonModel


class RowEdit(JsonModel):
    """An edit by a rule: the field, and the text that was removed, if any."""

    field: str
    rule: str
    removed: str | None


class ChangedField(JsonModel):
    """A field whose value a step changed; ``before`` and ``after`` are values of the row."""

    field: str
    before: Any
    after: Any


class RowEvent(JsonModel):
    """A step, the row's status after it, and the reasons.

    - the first event of a row: its origin, from ``source`` to ``revision``, as far as recorded; in a document its
      ``passage`` and ``page``, and no ``line`` where the document could not be read
    - ``made_from``: the id of the row that it was derived from by the step
    - ``edits``, ``changes``: of rules, and of whole fields; ``tables``: findings of the step about the row, by table
    - ``reason``, ``evidence``: of a dropped row; ``error``, ``text``: of a malformed one
    - ``recorded_by``, ``changed_by``: of an event from the ledger, which has one event per row
    """

    step: str
    status: str
    folder: str = ""
    id: str | None = None
    recorded_by: Literal["ledger"] | None = None
    source: str | None = None
    license: str | None = None
    split: str | None = None
    file: str | None = None
    line: int | None = None
    passage: int | None = None
    page: int | None = None
    date: str | None = None
    title: str | None = None
    home: str | None = None
    license_read: str | None = None
    revision: str | None = None
    made_from: str | None = None
    edits: list[RowEdit] = Field(default_factory=list)
    changes: list[ChangedField] = Field(default_factory=list)
    tables: dict[str, list[Row]] = Field(default_factory=dict)
    reason: str | None = None
    evidence: str | None = None
    error: str | None = None
    text: str | None = None
    changed_by: list[str] = Field(default_factory=list)

    @property
    def place(self) -> str:
        """The file of the row, and its line there; of a document the passage and the page, as far as known."""
        named = (("line", self.line), ("passage", self.passage), ("page", self.page))
        parts = [f"{word} {number}" for word, number in named if number is not None]
        return ", ".join([self.file or "", *(parts if self.passage is None else parts[1:])])


def mask_events(events: Sequence[RowEvent], screening: Screening) -> list[RowEvent]:
    """Return the events of one row with personal data masked: data found in one of them is masked in all."""
    return [RowEvent.of(event) for event in screening.events([event.to_json() for event in events])]
