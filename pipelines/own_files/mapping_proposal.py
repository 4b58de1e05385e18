"""A mapping proposed from the columns of a file, by their names and values; a person must confirm it."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from quality.cleaning.language import identify
from sources.files import RawFile
from sources.mapping.column_mapping import OWN_LICENSE, ColumnMapping, GoldBase, MappingError, column_mapping
from sources.mapping.mapped_rows import as_text, gold_positions, options_of
from sources.mapping.mapping_checks import ENOUGH, CheckedRow, columns_of
from sources.source import Broken, Raw

USUAL_NAMES: dict[str, str] = {
    "id": "id _id uid qid row_id question_id record_id case_id item_id number nr no key",
    "messages": "messages conversations conversation dialogue dialog turns",
    "question": "question questions query prompt instruction question_text pregunta front patient_question stem input",
    "answer": "answer answers best_answer response output reply completion respuesta back answer_text long_answer",
    "options": "options choices opciones answer_options",
    "gold": "gold correct correct_option correct_answer correct_answers cop label answer_idx answer_index answerkey "
    "answer_key right ra",
    "context": "context contexts passage abstract document background clinical_note input",
    "rationale": "rationale explanation exp reasoning cot",
    "chosen": "chosen preferred",
    "rejected": "rejected dispreferred",
    "language": "language lang idioma",
    "split": "split partition fold",
    "subject": "subject subject_name topic specialty category",
    "license": "license licence",
    "date": "date published publication_date date_of_publication created_at fecha",
}
"""Names of columns by field, the most usual first; compared without case and signs."""

OPTION = re.compile(r"(?:op|opt|option|choice|answer|respuesta|opcion)?[ _-]?([a-j]|10|[1-9])", re.IGNORECASE)
"""A column with one option, as ``opa``, ``option_1`` or ``A``."""

LANGUAGE_ROWS = 200

MOST_WORDS = 5
"""Words of the name of a column; one with more may be the first row of a file without a header."""


def propose(rows: Sequence[tuple[RawFile, Raw | Broken]], where: str) -> tuple[dict[str, Any], list[str]]:
    """Return the values of a mapping, and notes on what to check in it; ``MappingError`` without a question column."""
    objects = [raw.value for _, raw in rows if isinstance(raw, Raw) and isinstance(raw.value, dict)]
    known = columns_of(rows)
    if not objects:
        first = next(
            (raw.error if isinstance(raw, Broken) else "it is not an object" for _, raw in rows), "it is empty"
        )
        raise MappingError(f"{where} has no row with columns ({first}); expected a table, or a list of objects")
    columns = _by_name(known)
    _refine_by_values(objects, columns)
    ids = [as_text(row.get(columns["id"])) for row in objects] if "id" in columns else []
    repeated = len(ids) - len(set(ids))
    if repeated > len(ids) / 100 or "" in ids:  # a few repeated ids are errors of the file and are quarantined
        columns.pop("id")
    columns |= _options(known, columns)
    notes = list(_other_candidates(known, columns))
    if "messages" not in columns and "question" not in columns:
        columns["question"] = _by_value(objects, known, columns)
        notes.append(f"question was guessed by its values: check that it is {columns['question']}")
    if "messages" in columns:
        columns.pop("question", None)
        columns.pop("answer", None)
    if not {"answer", "options", "messages", "chosen"} & columns.keys():
        columns["answer"] = _longest(objects, known, columns)
        notes.append(f"answer was guessed as the longest other text: check that it is {columns['answer']}")
    base = _gold(objects, columns, notes)
    values: dict[str, Any] = {
        "license": OWN_LICENSE,
        "license_read": "not stated",
        **({} if "language" in columns else {"language": _language(objects, columns)}),
        **({"gold_base": base} if base is not None else {}),
        "columns": {name: columns[name] for name in USUAL_NAMES if name in columns},
        **_message_keys(objects, columns.get("messages")),
    }
    column_mapping(values, where)
    return values, notes


def header_notes(known: Sequence[str]) -> list[str]:
    """Return a note where the names of columns read like the first row of a file without a header."""
    long = [name for name in known if len(name.split()) > MOST_WORDS]
    return [f"{long[0]!r} is read as the name of a column: write a line of names first if it is a row"] if long else []


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().casefold()).strip("_")


def _by_name(known: Sequence[str]) -> dict[str, Any]:
    """Return the column of each field by its name; no column is used twice."""
    plain = {_plain(name): name for name in reversed(known)}
    columns: dict[str, Any] = {}
    for field, usual in USUAL_NAMES.items():
        for name in usual.split():
            if name in plain and plain[name] not in columns.values():
                columns[field] = plain[name]
                break
    if ("chosen" in columns) != ("rejected" in columns):
        columns.pop("chosen", None)
        columns.pop("rejected", None)
    return columns


def _refine_by_values(rows: Sequence[Mapping[str, Any]], columns: dict[str, Any]) -> None:
    """Drop ``messages`` without lists of turns; answers that are lists or objects in a table with gold are options."""
    if "messages" in columns and not _is_listed(rows, columns["messages"]):
        columns.pop("messages")
    if "answer" in columns and "options" not in columns and "gold" in columns and _is_listed(rows, columns["answer"]):
        columns["options"] = columns.pop("answer")


def _is_listed(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    """Return whether the first value of a column is a list or an object, or one of them as text."""
    value = next((row[column] for row in rows if row.get(column)), None)
    return isinstance(value, list | dict) or (isinstance(value, str) and value.lstrip().startswith(("[{", "{", '["')))


def _options(known: Sequence[str], columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that hold one option each, where no column lists them."""
    if "options" in columns:
        return {}
    groups: dict[str, list[str]] = {}
    for name in known:
        if (match := OPTION.fullmatch(name.strip())) and name not in columns.values():
            start = name.strip()[: match.start(1)].casefold()
            groups.setdefault(start, []).append(name)
    largest = max(groups.values(), key=len, default=[])
    return {"options": sorted(largest, key=lambda name: (len(name), name.casefold()))} if len(largest) > 1 else {}


def _other_candidates(known: Sequence[str], columns: Mapping[str, Any]) -> Iterator[str]:
    plain = {name: _plain(name) for name in known}
    taken = {name for value in columns.values() for name in (value if isinstance(value, list) else [value])}
    for field, usual in USUAL_NAMES.items():
        others = [name for name in known if plain[name] in usual.split() and name not in taken]
        if field in columns and others:
            yield f"{field} is {columns[field]}; it could also be {', '.join(others)}"
    if unused := [name for name in known if name not in taken]:
        yield f'columns that are left out: {", ".join(unused)}; meta = ["…"] under [columns] keeps some'


def _by_value(rows: Sequence[Mapping[str, Any]], known: Sequence[str], columns: Mapping[str, Any]) -> str:
    """Return the text column most of whose values end in a question mark."""
    question_counts = {
        name: sum(1 for row in rows if isinstance(value := row.get(name), str) and value.strip().endswith("?"))
        for name in known
        if name not in columns.values()
    }
    named = _called(question_counts, "question", "request", "prompt", "query")
    best = max(named or question_counts, key=lambda name: question_counts[name], default="")
    if not best or not (named or question_counts[best]):
        raise MappingError(
            f"no column looks like a question among {', '.join(known)}; a table needs a header, and a mapping written "
            "by hand has question and answer under [columns] (sources/README.md has an example)"
        )
    return best


def _called(columns: Iterable[str], *words: str) -> list[str]:
    """Return the columns whose names contain one of some words."""
    return [name for name in columns if any(word in _plain(name) for word in words) and "incorrect" not in name.lower()]


LEAST_ANSWER = 20
"""Least mean number of characters of a column that is proposed as the answer although its name does not say so."""


def _longest(rows: Sequence[Mapping[str, Any]], known: Sequence[str], columns: Mapping[str, Any]) -> str:
    lengths = {
        name: statistics.fmean([len(value) if isinstance(value := row.get(name), str) else 0 for row in rows] or [0])
        for name in known
        if name not in columns.values()
    }
    named = _called(lengths, "answer", "response", "reply", "output")
    best = max(named or lengths, key=lambda name: lengths[name], default="")
    if not best or lengths[best] < (1 if named else LEAST_ANSWER):
        raise MappingError(
            f"no column looks like an answer among {', '.join(known)}; write the mapping by hand, with question and "
            "answer under [columns] (sources/README.md has an example)"
        )
    return best


def _gold(rows: Sequence[Mapping[str, Any]], columns: dict[str, Any], notes: list[str]) -> GoldBase | None:
    """Return how gold is written, where there are options; the answer is gold if it names an option in every row."""
    options = columns.get("options")
    if not options:
        columns.pop("gold", None)
        return None
    option_columns = tuple(options) if isinstance(options, list) else options
    for field in ("gold", "answer"):
        bases = _fitting_bases(rows, columns.get(field), option_columns)
        if not bases:
            continue
        if field == "answer":
            columns["gold"] = columns.pop("answer")
        if {0, 1} <= set(bases):
            notes.append("gold_base could be 0 or 1, since no row has the first or the last number: check three rows")
        return bases[0]
    if "gold" in columns:
        notes.append(f"gold is {columns.pop('gold')}, which names no option in some rows: it was left out")
    return None


def _fitting_bases(
    rows: Sequence[Mapping[str, Any]], column: str | None, options: str | tuple[str, ...]
) -> list[GoldBase]:
    bases: tuple[GoldBase, ...] = ("letter", "text", 0, 1)
    fits = [base for base in bases if column and _reads_all(rows, column, options, base)]
    return [1, 0] if fits == [0, 1] and len(rows) >= ENOUGH else fits


def _reads_all(rows: Sequence[Mapping[str, Any]], column: str, options: str | tuple[str, ...], base: GoldBase) -> bool:
    """Return whether at least 99 of 100 rows name an option by this base, and most of them have a gold."""
    wrong = with_gold = 0
    for row in rows:
        try:
            with_gold += bool(gold_positions(row.get(column), options_of(row, options), base))
        except (ValueError, TypeError, KeyError):
            wrong += 1
    return wrong <= len(rows) / 100 and with_gold > len(rows) / 2


def _message_keys(rows: Sequence[Mapping[str, Any]], column: str | None) -> dict[str, Any]:
    """Return the keys of ShareGPT turns where a conversation has them; those of a chat are the usual ones."""
    for row in rows[:1] if column else ():
        value = row.get(column or "")
        first = value[0] if isinstance(value, list) and value else {}
        if isinstance(first, dict) and {"from", "value"} <= first.keys():
            return {"messages": {"role": "from", "content": "value"}}
    return {}


def _language(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> str:
    """Return the language of most first questions."""
    names = [columns[name] for name in ("question", "answer") if name in columns]
    texts = [
        " ".join(value for name in names if isinstance(value := row.get(name), str)) for row in rows[:LANGUAGE_ROWS]
    ]
    long = [text for text in texts if len(text) > 20]
    if not long:
        return "en"
    return str(Counter(identify(pl.Series(long))["lang"]).most_common(1)[0][0])


def shown_drafts(rows: Sequence[CheckedRow], mapping: ColumnMapping, most: int = 3) -> str:
    """Return the first mapped rows as text: each field with its value, cut to a line."""
    lines = []
    for file, raw, draft in rows[:most]:
        lines.append(f"{file.name}:{raw.line}")
        prompt = [f"{message.role}: {message.content}" for message in draft.messages]
        options = [f"{'*' if at in draft.gold else ' '} {option}" for at, option in enumerate(draft.options)]
        shown = {
            "id": draft.id,
            "prompt": " | ".join(prompt),
            "context": draft.context,
            "options": " | ".join(options),
            "answer": draft.answer,
            "chosen": draft.response,
            "rejected": draft.rejected,
            "language": draft.lang or mapping.language,
            "split": draft.split,
        }
        lines += [f"  {name:9}{_cut(value)}" for name, value in shown.items() if value]
    return "\n".join(lines)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else f"{line[:99]}…"
