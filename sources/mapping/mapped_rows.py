"""A row of any file to a draft, by the mapping of its columns."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sources.fields.dates import parse_date
from sources.files import RawFile
from sources.formats.json_values import JsonError, parse_json
from sources.formats.python_values import parse_python
from sources.mapping.column_mapping import ColumnMapping, GoldBase, MessageKeys
from sources.mapping.file_rows import NumberedRow
from sources.record import Draft, Message
from sources.shapes.row_shapes import LETTERS, SPEAKERS, user
from sources.source import Raw


class GoldError(ValueError):
    """A gold that names no option, by the base that the mapping states."""


class OptionsError(ValueError):
    """A value of the options' column that is no list of options."""


def parse_mapped(raw: Raw, file: RawFile, *, mapping: ColumnMapping) -> Draft:
    """Turn one row into a draft; ``ValueError`` or ``KeyError`` for one that the mapping does not fit."""
    row, columns = raw.value, mapping.columns
    if not isinstance(row, dict):
        raise TypeError(f"the row is {row!r}, expected an object")
    messages, said = _prompt(row, mapping)
    options = options_of(row, columns.options) if columns.options else []
    kept = [text for _, text in options if text is not None]
    gold = gold_positions(row[columns.gold], options, mapping.gold_base) if columns.gold else []
    answer = text_of(row, columns.answer) or said
    if gold:
        answer = "; ".join(kept[position] for position in gold)
    subject = text_of(row, columns.subject) or mapping.subject
    meta = {name: _plain(row.get(name)) for name in columns.meta}
    return Draft(
        id=_id(row, raw, file, columns.id),
        messages=messages,
        context=_joined_text(row, columns.context),
        options=kept,
        gold=gold,
        answer=answer,
        rationale=text_of(row, columns.rationale),
        response=text_of(row, columns.chosen),
        rejected=text_of(row, columns.rejected),
        meta=meta | ({"subject": subject} if subject else {}),
        lang=text_of(row, columns.language),
        split=text_of(row, columns.split),
        license=text_of(row, columns.license),
        date=parse_date(text_of(row, columns.date)),
    )


def _id(row: Mapping[str, Any], raw: Raw, file: RawFile, column: str | None) -> str:
    """Return the row's own id, or the split (the file's name where a split has several files) and its number."""
    if column:
        id = as_text(row[column])
        if not id:
            raise ValueError(f"{column} is empty, expected an id")
        return id
    number = row.number if isinstance(row, NumberedRow) else raw.line
    return f"{file.name if file.siblings else file.split}-{number}"


def text_of(row: Mapping[str, Any], column: str | None) -> str | None:
    """Return the text of a column, None where it is empty or missing."""
    return as_text(row.get(column)) or None if column else None


def as_text(value: Any) -> str:
    """Return a cell as text, the same from every format: 3.0 as 3, a date in ISO form, an empty cell as nothing."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float | Decimal) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"found {_shown(value)}, a {type(value).__name__}, expected text or a number")


def _joined_text(row: Mapping[str, Any], column: str | None) -> str | None:
    """Return the text of a column that may hold a list of texts."""
    value = row.get(column) if column else None
    return "\n\n".join(map(as_text, value)) or None if isinstance(value, list) else text_of(row, column)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


# --- prompts -------------------------------------------------------------------------------------------------------


def _prompt(row: Mapping[str, Any], mapping: ColumnMapping) -> tuple[tuple[Message, ...], str | None]:
    """Return the prompt, and what the assistant says last in a conversation."""
    columns = mapping.columns
    if not columns.messages:
        assert columns.question, "a mapping has one of them"
        value = row[columns.question]
        if isinstance(value, list | dict):
            raise TypeError(f"{columns.question} is {_shown(value)}, expected the text of the question")
        return user(as_text(value)), None
    messages = _turns(row[columns.messages], columns.messages, mapping.messages)
    if messages[-1].role != "assistant":
        return messages, None
    if columns.answer or columns.chosen:
        other = columns.answer or columns.chosen
        raise ValueError(
            f"{columns.messages} ends with the assistant, and {other} is an answer too; expected messages that end "
            "with the user, or no other column for the answer"
        )
    return messages[:-1], messages[-1].content


def _turns(value: Any, column: str, keys: MessageKeys) -> tuple[Message, ...]:
    listed_turns = _from_text(value) if isinstance(value, str) else value
    if (
        not isinstance(listed_turns, list)
        or not listed_turns
        or not all(isinstance(turn, dict) for turn in listed_turns)
    ):
        raise TypeError(f"{column} is {_shown(value)}, expected a list of turns with {keys.role} and {keys.content}")
    roles = {**SPEAKERS, **keys.roles}
    turns = []
    for turn in listed_turns:
        if keys.role not in turn or keys.content not in turn:
            raise ValueError(
                f"a turn of {column} has {', '.join(map(str, turn))}, expected {keys.role} and {keys.content}; name "
                "the keys under [messages]"
            )
        if turn[keys.role] not in roles:
            raise ValueError(
                f"a turn of {column} is by {turn[keys.role]!r}, expected one of {', '.join(roles)}; say who that is "
                'under [messages.roles], as in doctor = "assistant"'
            )
        turns.append(Message(roles[turn[keys.role]], as_text(turn[keys.content])))
    if all(turn.role == "assistant" for turn in turns):
        raise ValueError(f"{column} has turns of the assistant alone, expected one of the user at least")
    return tuple(turns)


# --- options and gold ----------------------------------------------------------------------------------------------

Options = list[tuple[str, str | None]]
"""The letter and the text of each option; None for an empty one, which keeps the letters of those after it."""


def options_of(row: Mapping[str, Any], columns: str | tuple[str, ...]) -> Options:
    """Return the options of a row: from one column each, or from a list, or from a list or object in JSON."""
    if not isinstance(columns, str):
        return _lettered([as_text(row[name]) for name in columns])
    value = row[columns]
    found = _from_text(value) if isinstance(value, str) else value
    if isinstance(found, dict) and found.keys() == {"text", "label"}:
        return [
            (as_text(label), as_text(text) or None) for label, text in zip(found["label"], found["text"], strict=True)
        ]
    if isinstance(found, dict):
        return [(str(key), as_text(text) or None) for key, text in found.items() if text is not None]
    if not isinstance(found, list):
        raise OptionsError(
            f"{columns} is {_shown(value)}, expected a list of options, or a JSON list or object as text, as in the "
            "other rows; mend the row, or name one column an option"
        )
    if found and all(isinstance(one, dict) for one in found):
        return [_labelled(one, columns) for one in found]
    return _lettered(list(map(as_text, found)))


def _lettered(texts: list[str]) -> Options:
    return [(LETTERS[at] if at < len(LETTERS) else str(at + 1), text or None) for at, text in enumerate(texts)]


def _labelled(option: dict[str, Any], column: str) -> tuple[str, str | None]:
    label = next((option[name] for name in ("key", "label", "letter", "id") if name in option), None)
    text = next((option[name] for name in ("value", "text", "content", "option") if name in option), None)
    if label is None or text is None:
        raise OptionsError(f"an option of {column} has {', '.join(option)}, expected key and value, or label and text")
    return str(label), as_text(text) or None


QUOTED = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
ARRAY = re.compile(rf"\[\s*{QUOTED}(?:\s+{QUOTED})*\s*\]", re.DOTALL)


def _from_text(text: str) -> Any:
    """Return the list or object that a text holds, as JSON or as Python or NumPy prints it; other texts as they are.

    NumPy prints ``['a' 'b']`` without commas, which Python would read as one text.
    """
    start = text.strip()
    if not start.startswith(("[", "{")):
        return text
    if ARRAY.fullmatch(start):
        return [parse_python(one) for one in re.findall(QUOTED, start, re.DOTALL)]
    try:
        return parse_json(start.encode())
    except JsonError:
        pass
    if _lacks_comma(start):
        return text
    try:
        return parse_python(start)
    except ValueError:
        return text


def _lacks_comma(text: str) -> bool:
    """Return whether two quoted texts follow each other, which Python would read as one."""
    found = list(re.finditer(QUOTED, text, re.DOTALL))
    return any(not text[one.end() : other.start()].strip() for one, other in pairwise(found))


LETTER = re.compile(r"\W*(\w+)\W*")
WITH_TEXT = re.compile(r"\W*(\w+)[).:\]\s-]+(\S.*)", re.DOTALL)
"""A letter and the text of its option: "B. Heparin"."""

LISTED = re.compile(r"\s*[,;/]\s*")


def gold_positions(value: Any, options: Options, base: GoldBase | None) -> list[int]:
    """Return the positions of the right options among those that are not empty; none where no gold is given.

    Raises ``GoldError`` for a gold that is none of the options by ``base``.
    """
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return []
    if isinstance(value, str) and base != "text" and value.strip().startswith("["):
        value = _from_text(value)
    if isinstance(value, list):
        several = _marked_positions(value, options, base) if value and set(map(type, value)) == {bool} else value
    elif isinstance(value, str) and base != "text":
        several = LISTED.split(value.strip())
    else:
        several = [value]
    places = [_place(one, options, base) for one in several]
    if len(set(places)) < len(places):
        raise GoldError(
            f"gold is {_shown(value)}, which names an option twice, expected each right option once; a list with 1 for "
            "each right option and 0 for the others must be true and false, or positions"
        )
    filled = [at for at, (_, text) in enumerate(options) if text is not None]
    if empty := [place for place in places if place not in filled]:
        raise GoldError(f"gold is {_shown(value)}, which names the empty option {options[empty[0]][0]}")
    return sorted({filled.index(place) for place in places})


def _marked_positions(marks: list[bool], options: Options, base: GoldBase | None) -> list[Any]:
    """Return the right options of a list that says true or false of each one, written by ``base``."""
    if len(marks) != len(options):
        raise GoldError(f"gold is {_shown(marks)} for {len(options)} options, expected true or false for each of them")
    right = [at for at, mark in enumerate(marks) if mark]
    if base == "letter":
        return [options[at][0] for at in right]
    return [options[at][1] for at in right] if base == "text" else [at + (base or 0) for at in right]


def _place(value: Any, options: Options, base: GoldBase | None) -> int:
    """Return the position of one gold among all options."""
    if base == "text":
        return _place_of_text(as_text(value), options)
    if base == "letter":
        said = as_text(value)
        letters = [letter.casefold() for letter, _ in options]
        found = LETTER.fullmatch(said)
        with_text = None if found else WITH_TEXT.fullmatch(said.strip())
        if with_text and with_text[1].casefold() in letters:
            place = letters.index(with_text[1].casefold())
            if _place_of_text(with_text[2], options) == place:
                return place
            raise GoldError(f"gold is {_shown(value)}, which is not the text of option {options[place][0]}")
        if not found or found[1].casefold() not in letters:
            raise GoldError(f"gold is {_shown(value)}, expected a letter, one of {', '.join(x for x, _ in options)}")
        return letters.index(found[1].casefold())
    text = as_text(value).strip()
    number = int(float(text)) if re.fullmatch(r"-?\d{1,9}(\.0+)?", text) else None
    least = 1 if base == 1 else 0
    if number is None or not least <= number < len(options) + least:
        raise GoldError(
            f"gold is {_shown(value)} among {len(options)} options, expected {least} to {len(options) - 1 + least}, "
            f"as gold_base = {least} says"
        )
    return number - least


def _place_of_text(text: str, options: Options) -> int:
    texts = [(option or "").strip() for _, option in options]
    for form in (str, str.casefold):
        same = [at for at, option in enumerate(texts) if form(option) == form(text.strip())]
        if len(same) == 1 or (same and form is str):
            return same[0]
    raise GoldError(f"gold is {_shown(text)}, expected the text of an option: {_shown(list(filter(None, texts)))}")


def shown_row(row: Any) -> str:
    """Return a row as one short text for messages."""
    try:
        text = json.dumps(row, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = repr(row)
    return text if len(text) <= 300 else f"{text[:299]}…"
