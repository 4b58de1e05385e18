"""Questions and answers in any table as records: conversations, prompts with completions, or named columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.own_files.file_tables import TableError
from sources.record import Message, Record
from sources.table import frame

CONVERSATIONS = ("messages", "conversations", "conversation")
QUESTIONS = ("instruction", "question", "prompt", "query", "input")
ANSWERS = ("response", "output", "completion", "chosen", "answer", "reply")
OPTIONS = ("options", "choices")

ROLES = {"human": "user", "patient": "user", "gpt": "assistant", "bot": "assistant", "doctor": "assistant"}
"""Other words for the roles of a conversation."""


@dataclass(frozen=True, kw_only=True)
class TextColumns:
    """Columns named by the caller: of questions (several are joined), of the answer, and of ids."""

    question: Sequence[str] = ()
    answer: str | None = None
    id: str | None = None


def read_columns(schema: Mapping[str, Any], named: TextColumns) -> TextColumns:
    """Return the columns to read: those named, else those of usual names.

    Raises ``TableError`` for a missing column, and where no column has questions.
    """
    requested = [*named.question, *filter(None, (named.answer, named.id))]
    if missing := [name for name in requested if name not in schema]:
        raise TableError(f"column {missing[0]!r} is not in the table; its columns are {', '.join(schema)}")
    by_name = {name.strip().lower(): name for name in schema}
    question = list(named.question)
    if not question:
        conversation = [by_name[name] for name in CONVERSATIONS if name in by_name][:1]
        question = conversation or [by_name[name] for name in QUESTIONS if name in by_name]
    if not question:
        raise TableError(
            f"which column holds the questions? The columns are {', '.join(schema)}; name one or more with "
            "--question-column"
        )
    answers = [by_name[name] for name in ANSWERS if name in by_name and by_name[name] not in question]
    return TextColumns(question=question, answer=named.answer or next(iter(answers), None), id=named.id)


def records_of(table: pl.DataFrame, columns: TextColumns, first: int = 0) -> pl.DataFrame:
    """Return the rows of a table as records (``sources.table.SCHEMA``), whose id is the row's number from ``first``.

    A conversation whose last turn is the assistant's, in a row without an answer, is a prompt and its response.
    Options are read from a list column of a usual name.
    """
    by_name = {name.strip().lower(): name for name in table.columns}
    options = [by_name[name] for name in OPTIONS if isinstance(table.schema.get(by_name.get(name, "")), pl.List)]
    records = []
    for number, row in enumerate(table.iter_rows(named=True), first):
        messages = [message for name in columns.question for message in _messages(row[name])]
        if columns.question and all(isinstance(row[name], str) for name in columns.question):
            messages = [Message("user", "\n\n".join(message.content for message in messages))]
        reply = [message.content for message in _messages(row[columns.answer])] if columns.answer else []
        response = reply[-1] if reply else None
        if response is None and len(messages) > 1 and messages[-1].role == "assistant":
            response = messages.pop().content
        records.append(
            Record(
                id=str(number),
                source="file",
                license="LicenseRef-unknown",
                task="qa",
                lang="en",
                split="train",
                file="",
                line=number + 1,
                messages=tuple(messages),
                options=tuple(str(one) for name in options[:1] for one in row[name] or ()),
                response=response,
            )
        )
    return frame(records)


def _messages(value: Any) -> Iterator[Message]:
    """Yield a text as a turn of the user, or the turns of a list of objects with a role and a text."""
    if isinstance(value, str):
        if value.strip():
            yield Message("user", value)
        return
    for turn in value if isinstance(value, list) else ():
        if isinstance(turn, dict):
            role = str(turn.get("role") or turn.get("from") or turn.get("speaker") or "user").lower()
            text = turn.get("content") or turn.get("value") or turn.get("text") or ""
            yield Message(ROLES.get(role, role), str(text))
