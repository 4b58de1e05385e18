"""The one row type, from raw file to published dataset, and the drafts that connectors write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from sources.fields.dates import check_date

Role = Literal["system", "user", "assistant"]
ROLES: tuple[str, ...] = get_args(Role)

# The task labels of Aloe Beta (arXiv 2505.04388, table of tasks), and below the line what its general and
# preference data need besides.
TASKS = (
    "mcqa",
    "qa",
    "summarization",
    "explanation",
    "diagnosis",
    "text-classification",
    "ner",
    "sentence-composition-analysis",
    "text-completion",
    "treatment-planning",
    "nli",
    "text-retrieval",
    "translation",
    "fact-verification",
    "clinical-note-taking",
    "word-relation-classification",
    "intent-identification",
    "dialogue",
    "wrong-candidate-generation",
    "information-extraction",
    # beyond Aloe's table
    "instruction",
    "math",
    "function-calling",
    "long-context",
    "passage",
    "preference",
    "safety",
)

ChainPrompt = Literal["pubmedqa", "medqa", "medmcqa", "headqa", "mmlu", "polymed"]
"""The prompts of Aloe Beta that generate chains of thought, by the corpus each was written for."""


class Message(NamedTuple):
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(slots=True, kw_only=True)
class Draft:
    """One raw row parsed by its connector; the reader adds source, licence, file and line.

    ``id`` is the corpus's own id. ``gold`` is 0-based positions in ``options``: none for an open question, one for a
    single-answer question, several where a corpus allows that. ``task``, ``lang``, ``split`` and ``license`` override
    the corpus's. ``date`` is when the row was written, published or examined (``sources.fields.dates.parse_date``).
    """

    id: str
    messages: Sequence[Message]
    context: str | None = None
    options: Sequence[str] = ()
    gold: Sequence[int] = ()
    answer: str | None = None
    rationale: str | None = None
    response: str | None = None
    rejected: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    task: str | None = None
    lang: str | None = None
    split: str | None = None
    license: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row, in one schema from raw to published; ``sources.table.SCHEMA`` is the same in polars.

    ``id`` is ``<source>:<native id>`` and never changes. ``license`` is an SPDX id or a ``LicenseRef-…``, or several
    joined by ``AND`` where all apply (``sources.license``). ``split`` is named by the publisher. ``file`` and ``line``
    locate the raw row: a path inside the corpus, without ``.gz``, and the 1-based line or element. ``date`` is a year,
    month or day (``2019``, ``2019-04``, ``2019-04-30``), None where the source gives none. ``messages`` is the prompt,
    ``options`` keep the source's order, ``gold`` is positions in them, ``rationale`` is the source's own, ``response``
    is the training target.
    """

    id: str
    source: str
    license: str
    task: str
    lang: str
    split: str
    file: str
    line: int
    date: str | None = None
    messages: tuple[Message, ...]
    context: str | None = None
    options: tuple[str, ...] = ()
    gold: tuple[int, ...] = ()
    answer: str | None = None
    rationale: str | None = None
    response: str | None = None
    rejected: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A raw row that could not become a record: its location, the error, and its text."""

    source: str
    file: str
    line: int
    error: str
    text: str


def as_position(value: Any) -> Any:
    """Return 2.0 as 2, as tables write integers in a column with empty cells; other values are unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check(draft: Draft) -> None:
    """Raise ``ValueError`` or ``TypeError``, naming value and expectation, where a draft cannot be a record."""
    if not isinstance(draft.id, str) or not draft.id:
        raise ValueError(f"id is {draft.id!r}, expected text")
    if not draft.messages:
        raise ValueError("no message, expected one at least")
    for role, content in draft.messages:
        if role not in ROLES:
            raise ValueError(f"role is {role!r}, expected one of {', '.join(ROLES)}")
        _text("message", content)
    for option in draft.options:
        _text("option", option)
    for name in ("context", "answer", "rationale", "response", "rejected"):
        _text(name, getattr(draft, name), optional=True)
    for position in draft.gold:
        _position(position, len(draft.options))
    if draft.date is not None:
        check_date(draft.date)


def _text(name: str, value: object, *, optional: bool = False) -> None:
    if not isinstance(value, str) and not (optional and value is None):
        raise TypeError(f"{name} is {value!r}, expected text")


def _position(value: object, options: int) -> None:
    if not isinstance(value, int) or not 0 <= value < options:
        raise ValueError(f"gold is {value!r}, expected a position among {options} options, from 0")
