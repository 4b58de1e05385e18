"""Questions and answers in any table as records: conversations, prompts with completions, or named columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
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
    """Return the columns to read: those named, else those of usual names that can be read.

    Raises ``TableError`` for a missing column, one that is named and has neither texts, numbers nor conversations, and
    where no column has questions.
    """
    requested = [*named.question, *filter(None, (named.answer, named.id))]
    if missing := [name for name in requested if name not in schema]:
        raise TableError(f"column {missing[0]!r} is not in the table; its columns are {', '.join(schema)}")
    for name in filter(None, (*named.question, named.answer)):
        if not _is_readable(schema[name]):
            raise TableError(
                f"column {name!r} is {schema[name]}, expected texts, numbers, or conversations: lists of objects with "
                "role and content"
            )
    by_name = {name.strip().lower(): name for name, kind in schema.items() if _is_readable(kind)}
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
        if all(message.role == "user" for message in messages) and len(columns.question) > 1:
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


def without_question(records: pl.DataFrame) -> pl.Series:
    """Return which records have no turn with a text, so that no model can judge or answer them."""
    texts = pl.col("messages").list.eval(pl.element().struct.field("content").str.strip_chars() != "")
    return records.select(~texts.list.any().fill_null(value=False)).to_series()


def _is_readable(kind: Any) -> bool:
    """Return whether a column has texts, numbers or conversations."""
    if isinstance(kind, pl.List):
        return isinstance(kind.inner, pl.Struct | pl.Null)
    return not isinstance(kind, pl.Struct | pl.Array | pl.Binary | pl.Object)


def _messages(value: Any) -> Iterator[Message]:
    """Yield a text or a number as a turn of the user, or the turns of a list of objects with a role and a text.

    The list may be written as JSON, as in the cell of a csv file.
    """
    turns = value if isinstance(value, list) else _written_objects(value, {"role", "from", "speaker"})
    if turns is None:
        if value is not None and (text := value if isinstance(value, str) else json.dumps(value, default=str)).strip():
            yield Message("user", text)
        return
    for turn in turns:
        if isinstance(turn, dict):
            role = str(turn.get("role") or turn.get("from") or turn.get("speaker") or "user").lower()
            yield Message(ROLES.get(role, role), _text(turn.get("content") or turn.get("value") or turn.get("text")))


def _written_objects(value: Any, keys: Set[str]) -> list[Any] | None:
    """Return the objects of a list that is written as JSON, each with one of ``keys``; None for any other value."""
    if not isinstance(value, str) or not value.lstrip().startswith("[{"):
        return None
    try:
        objects = json.loads(value)
    except ValueError:
        return None
    return objects if all(isinstance(one, dict) and keys & one.keys() for one in objects) else None


def _text(content: Any) -> str:
    """Return the content of a turn: a text, or the texts among its parts, a line each.

    The parts are JSON where other turns of the file have texts.
    """
    parts = content if isinstance(content, list) else _written_objects(content, {"type"}) or [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "\n".join(str(text) for text in texts if text)
