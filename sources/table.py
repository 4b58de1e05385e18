"""Records as polars tables and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from sources.record import Malformed, Message, Record

_MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))

_COLUMNS: dict[str, type[pl.DataType] | pl.DataType] = {
    "id": pl.String,
    "source": pl.String,
    "license": pl.String,
    "task": pl.String,
    "lang": pl.String,
    "split": pl.String,
    "file": pl.String,
    "line": pl.Int64,
    "date": pl.String,
    "messages": _MESSAGES,
    "context": pl.String,
    "options": pl.List(pl.String),
    "gold": pl.List(pl.Int32),
    "answer": pl.String,
    "rationale": pl.String,
    "response": pl.String,
    "rejected": pl.String,
    "meta": pl.String,
}

SCHEMA = pl.Schema(_COLUMNS)
"""``Record`` as columns; ``meta`` is one JSON object as text, its keys sorted."""

MALFORMED_SCHEMA = pl.Schema(
    {"source": pl.String, "file": pl.String, "line": pl.Int64, "error": pl.String, "text": pl.String}
)


def frame(records: Sequence[Record]) -> pl.DataFrame:
    """Return a table of ``SCHEMA``, one row a record, in order."""
    columns: dict[str, Any] = {
        name: pa.array([getattr(r, name) for r in records], pa.int64() if name == "line" else pa.large_string())
        for name in SCHEMA
        if name not in ("messages", "options", "gold", "meta")
    }
    columns["messages"] = _messages([r.messages for r in records])
    columns["options"] = _lists([r.options for r in records], pa.large_string())
    columns["gold"] = _lists([r.gold for r in records], pa.int32())
    columns["meta"] = pa.array([to_json(r.meta) for r in records], pa.large_string())
    table = pl.from_arrow(pa.table({name: columns[name] for name in SCHEMA}))
    assert isinstance(table, pl.DataFrame), "a pyarrow table becomes a frame"
    return table


def hash_fields(row: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Return the hash of some fields of a row, given as a record's columns, in 16 hexadecimal digits."""
    content = {name: row[name] for name in fields}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def _lists(values: Sequence[Sequence[Any]], kind: Any) -> Any:
    offsets = pa.array(list(accumulate(map(len, values), initial=0)), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, pa.array([item for value in values for item in value], kind))


def _messages(values: Sequence[tuple[Message, ...]]) -> Any:
    offsets = pa.array(list(accumulate(map(len, values), initial=0)), pa.int64())
    roles = pa.array([message.role for value in values for message in value], pa.large_string())
    contents = pa.array([message.content for value in values for message in value], pa.large_string())
    return pa.LargeListArray.from_arrays(offsets, pa.StructArray.from_arrays([roles, contents], ["role", "content"]))


def relist(values: pl.Series, like: pl.Series) -> pl.Series:
    """Return ``values`` as lists with the lengths and the name of ``like``."""
    ends = like.list.len().fill_null(0).cum_sum().cast(pl.Int64)
    offsets = pl.concat([pl.Series([0], dtype=pl.Int64), ends.alias("")]).to_arrow()  # pa.array would import pandas
    lists = pl.from_arrow(pa.LargeListArray.from_arrays(offsets, values.to_arrow()))
    assert isinstance(lists, pl.Series), "a pyarrow array becomes a series"
    return lists.alias(like.name)


def records(table: pl.DataFrame) -> Iterator[Record]:
    """Yield the rows of a table of ``SCHEMA`` as records, in order."""
    for row in table.select(SCHEMA.names()).iter_rows(named=True):
        row["messages"] = tuple(Message(**message) for message in row["messages"])
        row["options"], row["gold"] = tuple(row["options"]), tuple(row["gold"])
        row["meta"] = orjson.loads(row["meta"])
        yield Record(**row)


def malformed(rows: Iterable[Malformed]) -> pl.DataFrame:
    """Return the quarantine as a table of ``MALFORMED_SCHEMA``."""
    names = MALFORMED_SCHEMA.names()
    return pl.DataFrame([[getattr(r, n) for n in names] for r in rows], MALFORMED_SCHEMA, orient="row")


def to_json(value: Any) -> str:
    """Return JSON with sorted keys, equal for equal values; values that JSON lacks become text."""
    if not value:
        return "{}"
    try:
        return orjson.dumps(value, option=JSON_OPTIONS, default=str).decode()
    except TypeError:
        return orjson.dumps(_small_numbers(value), option=JSON_OPTIONS, default=str).decode()


JSON_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def _small_numbers(value: Any) -> Any:
    """Return ``value`` with whole numbers of more than 64 bits as text."""
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 64 else str(value)
    if isinstance(value, Mapping):
        return {name: _small_numbers(one) for name, one in value.items()}
    return [_small_numbers(one) for one in value] if isinstance(value, list | tuple) else value


def question_text() -> pl.Expr:
    """Return the question of a row: its messages, without those of the system, joined by line breaks."""
    said = pl.col("messages").list.filter(pl.element().struct.field("role") != "system")
    return said.list.eval(pl.element().struct.field("content")).list.join("\n")
