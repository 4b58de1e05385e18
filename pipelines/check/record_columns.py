"""The columns of any table as records, by usual names or those that the caller names, without a loop over rows.

Only the right option's position is looked up row by row, since it may be a number, a letter or the option's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pipelines.own_files.conversations import ROLES as SPEAKERS
from pipelines.own_files.file_tables import TableError
from quality.decontamination.inputs import ROLES, flat
from sources.mapping.mapped_rows import WITH_TEXT, options_of
from sources.record import TASKS
from sources.shapes.row_shapes import LETTERS
from sources.suggest import did_you_mean
from sources.table import SCHEMA

GOLD = (
    "gold gold_idx gold_index answer_idx answer_index answer_key answerkey cop label correct_idx correct_index "
    "correct_option correct_choice answer_letter right_answer"
)

NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "_id", "uid", "qid", "question_id", "row_id"),
    "messages": tuple(ROLES["messages"].split()),
    "question": tuple(ROLES["question"].split()),
    "options": tuple(ROLES["options"].split()),
    "gold": tuple(GOLD.split()),
    "answer": ("chosen", *(name for name in ROLES["answer"].split() if name not in GOLD.split())),
    "rejected": ("rejected",),
    "context": tuple(ROLES["context"].split()),
    "rationale": tuple(ROLES["chain"].split()),
    "license": ("license", "licence"),
    "lang": ("lang", "language"),
    "task": ("task",),
}
"""Parts of a row, and the usual names of their columns in any case, the first ones first."""

_TURNS = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


@dataclass(frozen=True, kw_only=True)
class NamedColumns:
    """Columns named by the caller, by part (a key of ``NAMES``)."""

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def find(self, schema: Mapping[str, pl.DataType]) -> dict[str, list[str]]:
        """Return {part: columns} of a table: those named, for every other part those with a usual name."""
        taken = {name for names in self.columns.values() for name in names}
        by_name = {name.strip().lower(): name for name in schema if name not in taken and schema[name] != pl.Null}
        usual = {part: [by_name[name] for name in names if name in by_name] for part, names in NAMES.items()}
        named = {part: [name for name in names if name in schema] for part, names in self.columns.items() if names}
        if named.get("question"):
            usual["messages"] = []
        columns = usual | named
        if len(columns["options"]) > 1 or (columns["options"] and not _is_nested(schema[columns["options"][0]])):
            nested = [name for name in columns["options"] if _is_nested(schema[name])]
            several = len(columns["options"]) > 1
            listed = [name for name in columns["options"] if schema[name] == pl.String]
            columns["options"] = nested[:1] or (columns["options"] if several else listed)
        return columns

    def check(self, schema: Iterable[str], where: str) -> None:
        """Raise ``TableError`` for a named column that the first rows of a file do not have."""
        every = list(schema)
        for name in (name for names in self.columns.values() for name in names):
            if name not in every:
                hint = did_you_mean(name, every)
                raise TableError(f"{where} has no column {name!r}; its columns are {', '.join(every)}{hint}")


def _is_nested(kind: pl.DataType) -> bool:
    return isinstance(kind, pl.List | pl.Array | pl.Struct)


def records_of_table(
    table: pl.DataFrame,
    columns_of: Mapping[str, Sequence[str]],
    *,
    file: str,
    lines: Sequence[int],
    lang: str,
    license: str | None,
) -> pl.DataFrame:
    """Return the rows as records, with ``gold_text``: the right option as it was written, null where none is.

    The id is that of the table, or null. ``gold`` is empty here (``with_gold``).
    """
    schema = table.schema
    chats = [name for part in ("messages", "question") for name in columns_of[part] if _speaks(schema[name])]
    questions = [name for part in ("question", "messages") for name in columns_of[part] if name not in chats]
    question_text = pl.concat_str([_text(name, schema) for name in questions], separator="\n", ignore_nulls=True)
    question = question_text if questions else pl.lit(None, pl.String)
    turn = pl.concat_list(pl.struct(role=pl.lit("user"), content=question))
    empty = pl.lit([], _TURNS)
    single_turn = pl.when(question.str.strip_chars().fill_null("") != "").then(turn).otherwise(empty)
    chats_as_turns = [pl.when(pl.col(name).list.len() > 0).then(_chat(name, schema[name])) for name in chats]
    # A conversation is taken from a column of turns, else it is the question as a single turn.
    answers = [_reply(name, schema) for name in columns_of["answer"]]
    table = table.with_columns(
        _messages=pl.coalesce(*chats_as_turns, single_turn).fill_null(empty) if chats_as_turns else single_turn,
        _answer=pl.coalesce(*(_filled(one) for one in answers)) if answers else pl.lit(None, pl.String),
    )
    # Without a column of answers, the last turn of the assistant is the response.
    last = pl.col("_messages").list.last()
    ends = (pl.col("_messages").list.len() > 1) & (last.struct.field("role") == "assistant")
    has_reply = ends & pl.col("_answer").is_null()
    options = _options(columns_of["options"], schema)
    rejected = [_reply(name, schema) for name in columns_of["rejected"]]
    tasks = [
        pl.when(pl.col(name).is_in(TASKS)).then(pl.col(name))
        for name in columns_of["task"]
        if schema[name] == pl.String
    ]
    default_task = pl.when(options.list.len() > 0).then(pl.lit("mcqa")).otherwise(pl.lit("qa"))
    several = pl.col("_messages").list.eval(pl.element().struct.field("role") == "user").list.sum() > 1
    default_task = pl.when(several).then(pl.lit("dialogue")).otherwise(default_task)
    preference = pl.lit("preference") if rejected else None
    columns: dict[str, pl.Expr | pl.Series] = {
        "id": pl.coalesce(*(pl.col(name).cast(pl.String) for name in columns_of["id"][:1]), pl.lit(None, pl.String)),
        "source": pl.lit("file"),
        "license": _declared(columns_of["license"], schema, license or ("" if columns_of["license"] else None)),
        "task": pl.coalesce(*tasks, *([preference] if preference is not None else []), default_task),
        "lang": _declared(columns_of["lang"], schema, lang),
        "split": pl.lit(""),
        "file": pl.lit(file),
        "line": pl.Series(lines, dtype=pl.Int64),
        "messages": pl.when(has_reply)
        .then(pl.col("_messages").list.head(pl.col("_messages").list.len() - 1))
        .otherwise("_messages"),
        "context": _joined(columns_of["context"], schema),
        "options": options,
        "gold": pl.lit([], pl.List(pl.Int32)),
        "answer": pl.when(has_reply).then(None).otherwise("_answer"),
        "rationale": _joined(columns_of["rationale"], schema),
        "response": pl.when(has_reply).then(last.struct.field("content")),
        "rejected": pl.coalesce(*rejected) if rejected else pl.lit(None, pl.String),
        "meta": pl.lit("{}"),
    }
    gold = [_first_text(name, schema) for name in columns_of["gold"]]
    columns["gold_text"] = pl.coalesce(*(_filled(one) for one in gold)) if gold else pl.lit(None, pl.String)
    columns |= {name: pl.lit(None, kind) for name, kind in SCHEMA.items() if name not in columns}
    return table.select(**columns).cast(SCHEMA)


def _text(name: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    return flat(pl.col(name), schema[name])


def _filled(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.strip_chars() != "").then(text)


def _first_text(name: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return the first value of a column as text; 2.0 as 2."""
    kind = schema[name]
    if isinstance(kind, pl.List):
        return pl.col(name).list.first().cast(pl.String, strict=False)
    return flat(pl.col(name), kind).str.replace(r"^(\d+)\.0$", "$1")


def _joined(names: Sequence[str], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    if not names:
        return pl.lit(None, pl.String)
    return _filled(pl.concat_str([_text(name, schema) for name in names], separator="\n", ignore_nulls=True))


def _declared(names: Sequence[str], schema: Mapping[str, pl.DataType], default: str | None) -> pl.Expr:
    return pl.coalesce(*(_filled(_text(name, schema)) for name in names[:1]), pl.lit(default, pl.String))


# --- conversations ---------------------------------------------------------------------------------------------------


def _turn_fields(kind: pl.DataType) -> tuple[list[str], list[str], dict[str, pl.DataType]]:
    """Return the fields of a turn's speaker and text, and all fields; none where the type is not a list of turns."""
    inner = kind.inner if isinstance(kind, pl.List) else None
    fields = {one.name: one.dtype for one in inner.fields} if isinstance(inner, pl.Struct) else {}
    roles = [name for name in ("role", "from", "speaker") if name in fields]
    texts = [name for name in ("content", "value", "text") if name in fields]
    return roles, texts, fields  # type: ignore[return-value]


def _speaks(kind: pl.DataType) -> bool:
    roles, texts, _ = _turn_fields(kind)
    return bool(roles and texts)


def _chat(name: str, kind: pl.DataType) -> pl.Expr:
    roles, texts, fields = _turn_fields(kind)
    role = pl.coalesce(pl.element().struct.field(one).cast(pl.String) for one in roles)
    content = pl.coalesce(flat(pl.element().struct.field(one), fields[one]) for one in texts).fill_null("")
    speaker = role.str.to_lowercase().replace(SPEAKERS).fill_null("")
    return pl.col(name).list.eval(pl.struct(role=speaker, content=content))


def _reply(name: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return the answer of a column: its text, or the last turn of a list of turns."""
    if _speaks(schema[name]):
        return _chat(name, schema[name]).list.last().struct.field("content")
    if isinstance(schema[name], pl.List):
        return flat(pl.col(name).list.first(), schema[name].inner)  # type: ignore[attr-defined]
    return _text(name, schema)


# --- options ---------------------------------------------------------------------------------------------------------


def _options(names: Sequence[str], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return the options of a row as one list, from a list, an object or several columns."""
    nothing = pl.lit([], pl.List(pl.String))
    if not names:
        return nothing
    kind = schema[names[0]]
    if len(names) == 1 and kind == pl.String:
        return pl.col(names[0]).map_elements(_listed, return_dtype=pl.List(pl.String)).fill_null(nothing)
    if isinstance(kind, pl.Struct):
        fields = {one.name: one.dtype for one in kind.fields}
        texts = next((name for name in ("text", "texts", "options") if isinstance(fields.get(name), pl.List)), None)
        column = pl.col(names[0]).struct
        listed = (
            column.field(texts).list.eval(pl.element().cast(pl.String))
            if texts
            else pl.concat_list([flat(column.field(name), inner) for name, inner in fields.items()])  # type: ignore[arg-type]
        )
        return listed.list.drop_nulls().fill_null(nothing)
    if isinstance(kind, pl.List):
        inner = kind.inner
        if isinstance(inner, pl.Struct):
            known = {one.name: one.dtype for one in inner.fields}
            value = next((name for name in ("value", "text", "content", "option") if name in known), next(iter(known)))
            return pl.col(names[0]).list.eval(flat(pl.element().struct.field(value), known[value])).fill_null(nothing)  # type: ignore[arg-type]
        return pl.col(names[0]).list.eval(flat(pl.element(), inner).fill_null("")).fill_null(nothing)  # type: ignore[arg-type]
    return pl.concat_list([_text(name, schema) for name in names]).list.drop_nulls()


def _listed(text: str) -> list[str]:
    """Return the options of a text that holds a list or object, none for any other text."""
    try:
        return [option or "" for _, option in options_of({"options": text}, "options")]
    except (ValueError, TypeError):
        return []


@dataclass(kw_only=True)
class GoldBase:
    """Whether right options are counted from 0 or 1 in a file, decided by the first rows that show it.

    ``numbers`` says whether the first rows have numbers at all: a letter or a text needs no base.
    """

    base: int | None = None
    numbers: bool = False

    def decide(self, records: pl.DataFrame) -> None:
        """Decide by these rows, where they show it: a 0 means 0, a number equal to that of options means 1."""
        if self.base is not None:
            return
        numbers = records.select(
            number=pl.col("gold_text").cast(pl.Int64, strict=False), options=pl.col("options").list.len()
        ).filter((pl.col("options") > 0) & pl.col("number").is_not_null())
        self.numbers |= numbers.height > 0
        if (numbers["number"] == 0).any():
            self.base = 0
        elif (numbers["number"] == numbers["options"]).any():
            self.base = 1


def with_gold(records: pl.DataFrame, base: int) -> pl.DataFrame:
    """Return the records with ``gold``, and ``gold_fault``: whether the right option is not among the options.

    The right option is a number counted from ``base``, a letter, or the text of an option; without a gold column it
    is the answer. An answer that only names the option becomes the option's text.
    """
    rows = records.select("gold_text", "answer", "options").with_row_index("at")
    choices = rows.filter(pl.col("options").list.len() > 0)
    golds: list[list[int]] = []
    faults: list[bool] = []
    for gold_text, answer, options in choices.select("gold_text", "answer", "options").iter_rows():
        position = _position(gold_text or answer, options, base if gold_text else None)
        if position is None and gold_text and answer:
            position = _position(answer, options, None)
        golds.append([] if position is None else [position])
        faults.append(position is None and bool(gold_text or answer))
    positions = pl.DataFrame(
        {"at": choices["at"], "gold": golds, "gold_fault": faults},
        schema={"at": pl.UInt32, "gold": pl.List(pl.Int32), "gold_fault": pl.Boolean},
    )
    joined = rows.select("at").join(positions, on="at", how="left", maintain_order="left")
    gold = joined["gold"].fill_null(pl.Series([[]], dtype=pl.List(pl.Int32)))
    right = pl.col("options").list.get(pl.col("gold").list.first(), null_on_oob=True)
    return records.with_columns(gold=gold, gold_fault=joined["gold_fault"].fill_null(False)).with_columns(
        answer=pl.when(pl.col("gold").list.len() > 0).then(pl.coalesce(right, "answer")).otherwise("answer")
    )


def _position(text: str | None, options: Sequence[str], base: int | None) -> int | None:
    """Return the position that a text names; a number or letter that is too high gives one past the last option."""
    stripped = (text or "").strip()
    if not stripped:
        return None
    if base is not None and stripped.lstrip("-").isascii() and stripped.lstrip("-").isdigit():
        number = int(stripped[:10]) - base
        return number if 0 <= number < len(options) else len(options)
    folded = stripped.casefold()
    for place, option in enumerate(options):
        if option.strip().casefold() == folded:
            return place
    with_text = WITH_TEXT.fullmatch(stripped)
    if with_text and (place := LETTERS.find(with_text[1].upper())) in range(len(options)):
        return place if options[place].strip().casefold() == with_text[2].casefold() else None
    letter = stripped.strip("().: ").upper()
    return LETTERS.index(letter) if len(letter) == 1 and letter in LETTERS else None
