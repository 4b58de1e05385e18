"""What leak detection compares: rows and benchmark items as two tables of few columns, made from records or any table.

A row has ``id``, ``question``, ``options``, ``answer`` and ``reasoning``, which holds all else it says: context,
rationale, response, earlier answers. An item has ``benchmark`` besides. Every column may be null but ids and names.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_ROW = {
    "id": pl.String(),
    "question": pl.String(),
    "options": pl.List(pl.String()),
    "answer": pl.String(),
    "reasoning": pl.String(),
}

ROW_SCHEMA = pl.Schema(_ROW)
ITEM_SCHEMA = pl.Schema({"benchmark": pl.String(), **_ROW})


def rows_of(records: pl.DataFrame) -> pl.DataFrame:
    """Return records (``sources.table.SCHEMA``) as rows (``ROW_SCHEMA``), in order.

    The question is what users say; all other turns and the rejected answer are part of the reasoning.
    """
    turns = pl.col("messages").list
    by_user = turns.filter(pl.element().struct.field("role") == "user")
    by_others = turns.filter(pl.element().struct.field("role") != "user")
    reasoning = (_said(by_others), "context", "rationale", "response", "rejected")
    return records.select(
        "id",
        question=_said(by_user),
        options="options",
        answer="answer",
        reasoning=pl.concat_str(reasoning, separator="\n", ignore_nulls=True),
    ).cast(ROW_SCHEMA)


def _said(turns: pl.Expr) -> pl.Expr:
    return turns.list.eval(pl.element().struct.field("content")).list.join("\n")


def items_of(records: pl.DataFrame) -> pl.DataFrame:
    """Return the records of benchmarks as items (``ITEM_SCHEMA``); a record's source names its benchmark."""
    return records.select(benchmark="source").hstack(rows_of(records))


def text_rows(table: pl.DataFrame, columns: Sequence[str], id_column: str | None = None) -> pl.DataFrame:
    """Return rows of any table, all of ``columns`` as the question; without ``id_column`` the row's number is its id.

    Raises ``ValueError`` where a column is not there.
    """
    wanted = [*columns, *([id_column] if id_column else [])]
    if not columns or not set(wanted) <= set(table.columns):
        raise ValueError(f"text columns {wanted} are not all among {table.columns}; name one or more that are")
    ids = pl.col(id_column).cast(pl.String) if id_column else pl.int_range(pl.len()).cast(pl.String)
    texts = [pl.col(name).cast(pl.String) for name in columns]
    rows = table.select(id=ids, question=pl.concat_str(texts, separator="\n", ignore_nulls=True))
    nothing = [pl.lit(None, kind).alias(name) for name, kind in ROW_SCHEMA.items() if name not in rows.columns]
    return rows.with_columns(nothing).select(ROW_SCHEMA.names())


def checked(table: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return the columns of ``schema``; ``ValueError`` names a missing column, a wrong type or a null id."""
    missing = [name for name in schema if name not in table.columns]
    if missing:
        raise ValueError(f"columns {missing} are missing, expected {schema.names()}; rows_of and text_rows make them")
    for name, kind in schema.items():
        if table.schema[name] not in (kind, pl.Null, pl.List(pl.Null)):
            raise ValueError(f"column {name} is {table.schema[name]}, expected {kind}")
    for name in {"id", "benchmark"} & set(schema):
        if table[name].null_count():
            raise ValueError(f"column {name} is null in {table[name].null_count()} rows, expected a name in each")
    return table.select(schema.names()).cast(schema)
