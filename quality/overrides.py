"""Decisions of people about single rows: keep one that a rule drops, drop one, or edit a field.

A row is named by its id, or as ``<source>:<file>:<line>``. Another row may have this name once a raw file changes, so
an override carries the hash of its row's content, and a build stops where the named row has another one. What an
override did is a row of the table ``overrides`` (``APPLIED_SCHEMA``) of the step that applied it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import polars as pl
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from quality.outcome import EDIT_SCHEMA, PASSES, Outcome
from sources.errors import SabilaError
from sources.record import Message, Record
from sources.shapes.row_shapes import LETTERS, letter
from sources.table import SCHEMA, frame, hash_fields, records

DROPPED = "override"
"""The reason of a row that an override drops, and the rule of an edit that one makes."""

APPLIED = "overrides"
"""Name of the table of applied overrides."""

TEXT_FIELDS = ("context", "answer", "rationale", "response", "rejected")
EDITABLE = ("question", "gold", *TEXT_FIELDS)
"""Fields that an override can edit: ``question`` is the last message of the user, ``gold`` the text of the right option
or letters, as in B or A, C.
"""

CONTENT = ("messages", "context", "options", "gold", "answer", "rationale", "response", "rejected")
"""Fields of a row as it was read that tell it from another row of the same name."""

NEVER_PASSED = {
    "held_out_split": "its publisher calls its split a test set, and such rows never reach training",
    "split_conflict": "a near-duplicate of it is in another split, and it would leak from there",
    "license": "its licence does not allow the use that --license asks for",
}
"""Reasons that no override can set aside, and why."""

APPLIED_SCHEMA = pl.Schema(
    dict.fromkeys(
        ("id", "override", "decision", "rule", "field", "evidence", "reason", "decided_by", "decided_on"), pl.String()
    )
)
"""An applied override: the row, the id that the override gives, the decision, what the rule had found, who and why."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Override:
    """One decision.

    ``keep`` names the ``step`` and the ``rule`` (the reason that the step gives for the drop) that the row passes, and
    no others. ``edit`` gives ``field`` its new ``text``, after the row was read or after ``step``. ``reason``, ``by``
    and ``date`` (as in 2026-11-29) say why, who decided and when. ``content`` is the hash of the row as it was read.
    Raises ``ValueError``.
    """

    id: str
    decision: Literal["keep", "drop", "edit"]
    reason: str
    by: str
    date: str | None = None
    step: str | None = None
    rule: str | None = None
    field: str | None = None
    text: str | None = None
    content: str | None = None

    def __post_init__(self) -> None:
        for name in ("id", "reason", "by"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} is empty, expected {EXPECTED[name]}")
        needed, allowed = KEYS[self.decision]
        present = {name for name in ("step", "rule", "field", "text") if getattr(self, name) is not None}
        if lacking := sorted(needed - present):
            raise ValueError(f"{lacking[0]} is missing, expected {EXPECTED[lacking[0]]} with decision {self.decision}")
        if extra := sorted(present - needed - allowed):
            raise ValueError(f"{extra[0]} is given, expected none with decision {self.decision}")
        if self.rule in NEVER_PASSED:
            raise ValueError(f"rule is {self.rule!r}, which cannot be overruled: {NEVER_PASSED[self.rule]}")
        if self.field is not None and self.field not in EDITABLE:
            raise ValueError(f"field is {self.field!r}, expected one of {', '.join(EDITABLE)}")
        if self.content is not None and not re.fullmatch("[0-9a-f]{16}", self.content):
            raise ValueError(f"content is {self.content!r}, expected the 16 digits that sabila override writes")
        if self.date is not None and not _is_day(self.date):
            raise ValueError(f"date is {self.date!r}, expected a day, as in 2026-11-29")

    @property
    def key(self) -> tuple[str | None, ...]:
        """What a second override of the same row may not decide again."""
        return (self.id, self.decision, self.step, self.rule, self.field)

    @property
    def needs_check(self) -> bool:
        """Whether the row as read must be compared: its content is known, or it is named by its line."""
        return self.content is not None or BY_LINE.fullmatch(self.id) is not None


BY_LINE = re.compile(r"[^:]+:.+:\d+", re.DOTALL)
"""The form of ``<source>:<file>:<line>``, which an id may have too."""


def _is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


KEYS: dict[str, tuple[set[str], set[str]]] = {
    "keep": ({"step", "rule"}, set()),
    "drop": (set(), set()),
    "edit": ({"field", "text"}, {"step"}),
}
"""Keys that each decision needs, and those that it may have."""

EXPECTED = {
    "id": "the id of a row, or SOURCE:FILE:LINE",
    "reason": "why, in a sentence",
    "by": "the name of who decided",
    "step": "the step that drops the row, as sabila trace names it",
    "rule": "the reason that this step gives, as sabila trace names it",
    "field": f"one of {', '.join(EDITABLE)}",
    "text": "the new text of the field",
}


class OtherRowError(SabilaError):
    """An override whose name is now that of another row than the one that was decided about."""


class EditError(SabilaError):
    """An edit that its row cannot take."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Overrides:
    """The overrides that one step applies."""

    entries: tuple[Override, ...] = ()


def named_rows(rows: pl.DataFrame, entries: Sequence[Override]) -> list[tuple[int, Override]]:
    """Return the overrides of rows of this table, each with the number of its row, in the order of the rows."""
    by_name: dict[str, list[Override]] = {}
    for entry in entries:
        by_name.setdefault(entry.id, []).append(entry)
    names = list(by_name)
    named = (
        rows.select("id", location(), offset=pl.int_range(pl.len()))
        .filter(pl.col("id").is_in(names) | pl.col("location").is_in(names))
        .sort("offset")
    )
    return [
        (offset, entry)
        for id, place, offset in named.iter_rows()
        for entry in (*by_name.get(id, ()), *(by_name.get(place, ()) if place != id else ()))
    ]


def location() -> pl.Expr:
    """Return ``<source>:<file>:<line>`` of a row."""
    return pl.format("{}:{}:{}", "source", "file", "line").alias("location")


def refuse_other_rows(rows: pl.DataFrame, config: Overrides) -> Outcome:
    """Return the rows as they are; ``OtherRowError`` where an override names another row than the one decided about.

    A row named by its line needs its content in the override: the line may hold another row by now.
    """
    for offset, entry in named_rows(rows, config.entries):
        row = rows.row(offset, named=True)
        content = row_content(row)
        if entry.content == content or (entry.content is None and entry.id == row["id"]):
            continue
        if entry.content is None:
            raise OtherRowError(
                f"override {entry.decision} {entry.id} names a row by its line, which may hold another row than "
                f"the one decided about, and has no content; now it holds {row['id']}, {_shown(row)!r}: if that is "
                f"the row, add content = {content!r} to the override, else remove it"
            )
        raise OtherRowError(
            f"override {entry.decision} {entry.id} is about another row, with content {entry.content!r}; now this name "
            f"is that of {row['id']}, {_shown(row)!r}, with content {content!r}: if the decision holds for it, write "
            "this content into the override, else remove the override"
        )
    nothing = pl.lit(None, pl.String)
    return Outcome(rows=rows.with_columns(drop_reason=nothing, evidence=nothing))


def row_content(row: Mapping[str, Any]) -> str:
    """Return the hash of the content of a row as it was read."""
    return hash_fields(row, CONTENT)


def _shown(row: Mapping[str, Any]) -> str:
    text = " ".join((row["messages"] or [{"content": ""}])[-1]["content"].split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def applied(pairs: Sequence[tuple[str, Override]], evidence: Sequence[str | None] | None = None) -> pl.DataFrame:
    """Return the table of applied overrides (``APPLIED_SCHEMA``), given by the ids of their rows."""
    seen = evidence or [None] * len(pairs)
    table_rows = [
        (id, one.id, one.decision, one.rule, one.field, text, one.reason, one.by, one.date)
        for (id, one), text in zip(pairs, seen, strict=True)
    ]
    return pl.DataFrame(table_rows, APPLIED_SCHEMA, orient="row")


def drop_overridden(rows: pl.DataFrame, config: Overrides) -> Outcome:
    """Return the rows, the named ones dropped with reason ``override``; the evidence says who decided and why."""
    by_offset = dict(named_rows(rows, config.entries))
    evidence = pl.Series([None] * rows.height, dtype=pl.String)
    evidence = evidence.scatter(list(by_offset), [evidence_of(entry) for entry in by_offset.values()])
    reason = pl.when(pl.lit(evidence).is_not_null()).then(pl.lit(DROPPED))
    pairs = [(rows["id"][at], entry) for at, entry in by_offset.items()]
    return Outcome(rows=rows.with_columns(drop_reason=reason, evidence=evidence), tables={APPLIED: applied(pairs)})


def evidence_of(entry: Override) -> str:
    """Return the evidence of a row that an override drops."""
    from json import dumps

    fields = {"reason": entry.reason, "decided_by": entry.by, "decided_on": entry.date}
    return dumps({name: value for name, value in fields.items() if value}, ensure_ascii=False)


def edit_overridden(rows: pl.DataFrame, config: Overrides) -> Outcome:
    """Return the rows, the named ones with their new texts; each changed field is an edit under the rule ``override``.

    Raises ``EditError`` for a text that the field cannot have.
    """
    named = named_rows(rows, config.entries)
    offsets = list(dict.fromkeys(offset for offset, _ in named))
    edited = dict(zip(offsets, records(rows[offsets]), strict=True))
    done: list[tuple[str, Override]] = []
    edits: list[tuple[str, str, str, str | None]] = []
    fields: dict[tuple[int, str | None], Override] = {}
    for offset, entry in named:
        before = edited[offset]
        if (other := fields.setdefault((offset, entry.field), entry)) is not entry:
            raise EditError(f"{other.id} and {entry.id} are one row and both edit its {entry.field}; remove one")
        after = with_field(before, entry)
        if after != before:
            edited[offset] = after
            done.append((before.id, entry))
            edits.append((before.id, str(entry.field), DROPPED, None))
    nothing = pl.lit(None, pl.String)
    written = _replaced(rows, edited) if done else rows
    return Outcome(
        rows=written.with_columns(drop_reason=nothing, evidence=nothing),
        edits=pl.DataFrame(edits, EDIT_SCHEMA, orient="row"),
        tables={APPLIED: applied(done)},
    )


def _replaced(rows: pl.DataFrame, edited: dict[int, Record]) -> pl.DataFrame:
    new = frame(list(edited.values())).with_columns(offset=pl.Series(list(edited), dtype=pl.UInt32))
    others = rows.select(SCHEMA.names()).with_row_index("offset").filter(~pl.col("offset").is_in(list(edited)))
    return pl.concat([others, new.select(others.columns)]).sort("offset").drop("offset")


def with_field(row: Record, entry: Override) -> Record:
    """Return a row with the new text of an edit; ``EditError`` where the row has no such field or option."""
    text = entry.text or ""
    if entry.field == "question":
        turns = [at for at, message in enumerate(row.messages) if message.role == "user"]
        if not turns:
            raise EditError(f"{entry.id}: field is 'question', but the row has no message of a user")
        messages = list(row.messages)
        messages[turns[-1]] = Message("user", text)
        return replace(row, messages=tuple(messages))
    if entry.field == "gold":
        gold = _gold(row, entry)
        return replace(row, gold=gold, answer="; ".join(row.options[at] for at in gold))
    if entry.field == "rejected" and not row.rejected:
        raise EditError(f"{entry.id}: field is 'rejected', but the row is no preference pair; edit another field")
    right = "; ".join(row.options[at] for at in row.gold)
    if entry.field == "answer" and row.gold and row.answer == right and text != right:
        raise EditError(f"{entry.id}: field is 'answer', which is the right option {right!r}; edit gold in place of it")
    changed: dict[str, Any] = {str(entry.field): text}
    return replace(row, **changed)


def _gold(row: Record, entry: Override) -> tuple[int, ...]:
    """Return the positions of the right options, given as the text of one or as letters."""
    text, known = (entry.text or "").strip(), LETTERS[: len(row.options)]
    if not known:
        raise EditError(f"{entry.id}: field is 'gold', but the row has no options; edit its answer")
    if same := [at for at, option in enumerate(row.options) if option.strip() == text]:
        return tuple(same[:1])
    try:
        return tuple(sorted({letter(part.strip().upper(), known) for part in text.split(",")}))
    except ValueError:
        raise EditError(
            f"{entry.id}: text is {text!r}, expected the text of an option, or letters of its {len(known)} options in "
            f"the order of the source, as in {known[-1]}"
        ) from None


# --- rules that a row passes ---------------------------------------------------------------------------------------


def pass_rules(
    outcome: Outcome,
    rows: pl.DataFrame,
    entries: Sequence[Override],
    again: Callable[[pl.DataFrame], Outcome] | None = None,
) -> Outcome:
    """Return the outcome of a step in which the named rows pass the rules that their overrides name.

    ``again`` runs the step on some rows again, with a column ``PASSES`` of the rules that each passes, so that a row
    which breaks a second rule is dropped for that one; without it the drop alone is taken back. A row whose response is
    empty stays dropped.
    """
    keeps: dict[str, list[Override]] = {}
    for offset, entry in named_rows(rows, entries):
        keeps.setdefault(rows["id"][offset], []).append(entry)
    passed: dict[str, list[str]] = {}
    done: list[tuple[str, Override]] = []
    evidence: list[str | None] = []
    judged = outcome.rows
    while True:
        hit = _passing(judged, keeps, passed)
        if not hit:
            break
        for id, (entry, rule_evidence) in hit.items():
            passed.setdefault(id, []).append(str(entry.rule))
            done.append((id, entry))
            evidence.append(rule_evidence)
        judged = _judged_again(judged, rows, {id: passed[id] for id in hit}, again)
    return replace(outcome, rows=judged, tables={**outcome.tables, APPLIED: applied(done, evidence)})


def _passing(
    judged: pl.DataFrame, keeps: dict[str, list[Override]], passed: dict[str, list[str]]
) -> dict[str, tuple[Override, str | None]]:
    """Return the rows that are dropped for a rule which they pass: the override, and what the rule found."""
    dropped = judged.filter(
        pl.col("id").is_in(list(keeps)),
        pl.col("drop_reason").is_not_null(),
        pl.col("response").is_null() | (pl.col("response").str.strip_chars() != ""),
    )
    hit = {}
    for id, reason, evidence in dropped.select("id", "drop_reason", "evidence").iter_rows():
        for entry in keeps[id]:
            if entry.rule == reason and reason not in passed.get(id, []):
                hit[id] = (entry, evidence)
    return hit


def _judged_again(
    judged: pl.DataFrame,
    rows: pl.DataFrame,
    passing: dict[str, list[str]],
    again: Callable[[pl.DataFrame], Outcome] | None,
) -> pl.DataFrame:
    """Return the rows with new reasons for those in ``passing``: none, or that of a rule which they do not pass."""
    reasons = pl.DataFrame({"id": list(passing), "new_reason": None, "new_evidence": None}, _NEW)
    if again is not None:
        some = rows.filter(pl.col("id").is_in(list(passing)))
        allowed = pl.col("id").replace_strict(passing, return_dtype=pl.List(pl.String))
        rejudged = again(some.with_columns(allowed.alias(PASSES))).rows.select("id", "drop_reason", "evidence")
        # A step that does not know the column drops the row for the same rule again.
        kept = pl.col("drop_reason").is_in(pl.col("id").replace_strict(passing, return_dtype=pl.List(pl.String)))
        reasons = rejudged.select(
            "id",
            new_reason=pl.when(kept.fill_null(False)).then(None).otherwise("drop_reason"),
            new_evidence=pl.when(kept.fill_null(False)).then(None).otherwise("evidence"),
        ).match_to_schema(_NEW)
    is_rejudged = pl.col("id").is_in(list(passing))
    joined = judged.join(reasons, on="id", how="left", maintain_order="left").with_columns(
        drop_reason=pl.when(is_rejudged).then("new_reason").otherwise("drop_reason"),
        evidence=pl.when(is_rejudged).then("new_evidence").otherwise("evidence"),
    )
    return joined.drop("new_reason", "new_evidence")


_NEW = pl.Schema({"id": pl.String, "new_reason": pl.String, "new_evidence": pl.String})
