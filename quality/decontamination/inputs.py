"""The two tables that leak detection compares, rows and benchmark items, made from records or any table.

A row has ``id``, ``question``, ``options``, ``answer``, ``reasoning`` (all its other text: context, rationale,
response, earlier answers) and ``texts``: columns without a known role, each compared alone. An item also has
``benchmark`` and ``context``. Every column except ids and names may be null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

_ROW = {
    "id": pl.String(),
    "question": pl.String(),
    "options": pl.List(pl.String()),
    "answer": pl.String(),
    "reasoning": pl.String(),
    "texts": pl.List(pl.String()),
}

ROW_SCHEMA = pl.Schema(_ROW)
ITEM_SCHEMA = pl.Schema({"benchmark": pl.String(), **_ROW, "context": pl.String()})

ROLES = {
    "question": "question query prompt instruction instructions input stem qtext question_text sent sent1 problem",
    "options": "options choices candidates answer_choices endings opa opb opc opd ope option_a option_b option_c "
    "option_d option_e a b c d e ending0 ending1 ending2 ending3 answer_a answer_b answer_c answer_d",
    "answer": "answer answers gold target output response completion label final_decision correct_answer answer_text "
    "solution reply correct_option right_answer",
    "context": "context contexts abstract passage passages document documents note notes article background evidence",
    "chain": "chain rationale explanation exp long_answer reasoning cot chain_of_thought thought thoughts think",
    "messages": "messages conversations conversation chat dialogue dialog turns",
}
"""Roles of columns, and the usual names of such columns, in any case."""


def rows_of(records: pl.DataFrame) -> pl.DataFrame:
    """Return records (``sources.table.SCHEMA``) as rows (``ROW_SCHEMA``), in order.

    The question is the user turns; other turns and the rejected answer are part of the reasoning.
    """
    turns = pl.col("messages").list
    by_user = turns.filter(pl.element().struct.field("role") == "user")
    by_others = turns.filter(pl.element().struct.field("role") != "user")
    reasoning = (_contents(by_others), "context", "rationale", "response", "rejected")
    return records.select(
        "id",
        question=_contents(by_user),
        options="options",
        answer="answer",
        reasoning=pl.concat_str(reasoning, separator="\n", ignore_nulls=True),
        texts=pl.lit(None),
    ).cast(ROW_SCHEMA)


def _contents(turns: pl.Expr) -> pl.Expr:
    return turns.list.eval(pl.element().struct.field("content")).list.join("\n")


def items_of(records: pl.DataFrame) -> pl.DataFrame:
    """Return the records of benchmarks as items (``ITEM_SCHEMA``); the source of a record is its benchmark."""
    without = rows_of(records.with_columns(context=pl.lit(None, pl.String)))
    return records.select(benchmark="source").hstack(without).hstack(records.select("context"))


def find_roles(schema: Mapping[str, pl.DataType], requested: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return {role: columns}: those ``requested``, and for every other role the columns with a usual name.

    Raises ``ValueError`` where a requested column is missing.
    """
    roles = {}
    taken = {name for names in requested.values() for name in names}
    if missing := sorted(taken - set(schema)):
        raise ValueError(f"column {missing[0]!r} is not there; the columns are {', '.join(schema)}")
    for role, usual in ROLES.items():
        names = {name: at for at, name in enumerate(usual.split())}
        columns = [name for name in schema if name.strip().lower() in names and name not in taken]
        columns.sort(key=lambda name: names[name.strip().lower()])
        roles[role] = list(requested.get(role, ())) or [name for name in columns if schema[name] != pl.Null]
    return roles


def text_rows(
    table: pl.DataFrame, columns: Sequence[str], id_column: str | None = None, roles: Mapping[str, Sequence[str]] = {}
) -> pl.DataFrame:
    """Return rows of any table from its columns by role; ``columns`` are those without a known role.

    Without ``id_column`` the row number is the id. A column may hold texts, lists or objects of texts. Raises
    ``ValueError`` for a missing column.
    """
    parts = {role: list(names) for role, names in roles.items() if names}
    required = [*columns, *([id_column] if id_column else []), *(name for names in parts.values() for name in names)]
    if not (columns or parts) or not set(required) <= set(table.columns):
        raise ValueError(f"text columns {required} are not all among {table.columns}; name one or more that are")
    ids = pl.col(id_column).cast(pl.String) if id_column else pl.int_range(pl.len()).cast(pl.String)
    schema = table.schema
    questions = [flat(pl.col(name), schema[name]) for name in parts.get("question", ())]
    reasoning = [flat(pl.col(name), schema[name]) for role in ("context", "chain") for name in parts.get(role, ())]
    for name in parts.get("messages", ()):
        by_user, by_others = _turns(name, schema[name])
        questions.append(by_user)
        reasoning += [by_others]
    others = [flat(pl.col(name), schema[name]) for name in columns]
    if not questions:
        questions = others
        others = others if len(others) > 1 else []
    return table.select(
        id=ids,
        question=_lines(questions),
        options=_listed(parts.get("options", ()), schema),
        answer=_lines([flat(pl.col(name), schema[name]) for name in parts.get("answer", ())]),
        reasoning=_lines(reasoning),
        texts=pl.concat_list(others) if others else pl.lit(None),
    ).cast(ROW_SCHEMA)


def flat(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Return all texts inside a value of any type, one per line; null where there is none."""
    if isinstance(kind, pl.List | pl.Array):
        value = value.arr.to_list() if isinstance(kind, pl.Array) else value
        inner = kind.inner if isinstance(kind.inner, pl.DataType) else kind.inner()
        return value.list.eval(flat(pl.element(), inner)).list.join("\n", ignore_nulls=True)
    if isinstance(kind, pl.Struct):
        fields = [flat(value.struct.field(field.name), field.dtype) for field in kind.fields]  # type: ignore[arg-type]
        return pl.concat_str(fields, separator="\n", ignore_nulls=True) if fields else pl.lit(None, pl.String)
    return value.cast(pl.String, strict=False) if kind not in (pl.Binary, pl.Object) else pl.lit(None, pl.String)


def _lines(parts: Sequence[pl.Expr]) -> pl.Expr:
    return pl.concat_str(parts, separator="\n", ignore_nulls=True) if parts else pl.lit(None, pl.String)


def _listed(names: Sequence[str], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return the options of all columns as one list."""
    lists = []
    for name in names:
        kind = schema[name]
        if isinstance(kind, pl.List):
            inner = kind.inner if isinstance(kind.inner, pl.DataType) else kind.inner()
            lists.append(pl.col(name).list.eval(flat(pl.element(), inner)))
        elif isinstance(kind, pl.Struct):
            fields = [flat(pl.col(name).struct.field(field.name), field.dtype) for field in kind.fields]  # type: ignore[arg-type]
            lists.append(pl.concat_list(fields))
        else:
            lists.append(pl.concat_list(flat(pl.col(name), kind).str.split("\n")))
    filled = [value.fill_null(pl.lit([], pl.List(pl.String))) for value in lists]
    return pl.concat_list(filled) if filled else pl.lit(None, pl.List(pl.String))


def _turns(name: str, kind: pl.DataType) -> tuple[pl.Expr, pl.Expr]:
    """Return the user turns and the other turns of a conversation; without roles, all turns are the user's."""
    everything = flat(pl.col(name), kind)
    if not isinstance(kind, pl.List) or not isinstance(kind.inner, pl.Struct):
        return everything, pl.lit(None, pl.String)
    fields = {field.name: field.dtype for field in kind.inner.fields}
    role_field = next((field for field in ("role", "from", "speaker") if field in fields), None)
    text_field = next((field for field in ("content", "value", "text") if field in fields), None)
    if role_field is None or text_field is None:
        return everything, pl.lit(None, pl.String)
    by_user = (
        pl.element().struct.field(role_field).cast(pl.String).str.to_lowercase().is_in(["user", "human", "patient"])
    )
    turns = pl.col(name).list
    content = flat(pl.element().struct.field(text_field), fields[text_field])  # type: ignore[arg-type]
    users = turns.filter(by_user.fill_null(True)).list.eval(content).list.join("\n", ignore_nulls=True)
    others = turns.filter(~by_user.fill_null(True)).list.eval(content).list.join("\n", ignore_nulls=True)
    return users, others


def checked(table: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return the columns of ``schema``; ``ValueError`` names a missing column, a wrong type or a null id."""
    if "texts" not in table.columns:
        table = table.with_columns(texts=pl.lit(None, pl.List(pl.String)))
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
