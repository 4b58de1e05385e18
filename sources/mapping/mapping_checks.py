"""A mapping compared with the first rows of its file: what contradicts it is refused with the row that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sources.files import RawFile
from sources.mapping.column_mapping import SEVERAL, ColumnMapping, GoldBase, MappingError
from sources.mapping.file_rows import rows_of_file
from sources.mapping.mapped_rows import GoldError, OptionsError, gold_positions, options_of, parse_mapped, shown_row
from sources.record import Draft, check
from sources.source import Broken, Raw
from sources.suggest import did_you_mean

CHECKED_ROWS = 20_000
"""First rows that a mapping is compared with, shared among the files; what comes after is quarantined row by row."""

LEAST_ROWS = 100
"""Rows of each file that are checked, however many files there are."""

MOST_MALFORMED = 0.05
"""Share of the checked rows above which malformed rows speak against the mapping; below it they are quarantined."""

ENOUGH = 100
"""Rows with gold among which the first option must be right once: with four options all miss it by chance in one of
10^12 files."""


class CheckedRow(NamedTuple):
    """A raw row and the draft that the mapping makes of it."""

    file: RawFile
    raw: Raw
    draft: Draft


def first_rows(files: Sequence[RawFile], most: int = CHECKED_ROWS) -> list[tuple[RawFile, Raw | Broken]]:
    """Return the first rows of each file, ``most`` in all."""
    each = max(most // max(len(files), 1), LEAST_ROWS)
    return [(file, raw) for file in files for raw in islice(rows_of_file(file), each)]


def columns_of(rows: Sequence[tuple[RawFile, Raw | Broken]]) -> list[str]:
    """Return the columns that any of some rows has, in the order of the file."""
    return list(dict.fromkeys(name for _, raw in rows if isinstance(raw, Raw) for name in _object(raw)))


def _object(raw: Raw) -> Mapping[str, Any]:
    return raw.value if isinstance(raw.value, dict) else {}


def refuse_two_columns(values: Mapping[str, Any], rows: Sequence[tuple[RawFile, Raw | Broken]], where: str) -> None:
    """Raise ``MappingError`` for values of a mapping that fill one field from two columns."""
    columns = values.get("columns")
    if not isinstance(columns, Mapping):
        return
    named = {field: columns[field] for field in columns if field not in SEVERAL and isinstance(columns[field], list)}
    if columns.get("question") and columns.get("messages"):
        named["prompt (question and messages)"] = [columns["question"], columns["messages"]]
    for field, found in named.items():
        place, row = next(((f"{f.name}:{r.line}", _object(r)) for f, r in rows if isinstance(r, Raw)), ("", {}))
        shown = shown_row({str(name): row.get(str(name)) for name in found})
        raise MappingError(
            f"{where}: columns.{field} names {len(found)} columns, {' and '.join(map(repr, found))}, expected one; "
            f"{place} has {shown}"
        )


def check_mapping(mapping: ColumnMapping, rows: Sequence[tuple[RawFile, Raw | Broken]], where: str) -> list[CheckedRow]:
    """Return the first rows as drafts; ``MappingError`` for a mapping that they contradict, with the row.

    A malformed row that says nothing about the mapping is left out here, and quarantined by the build.
    """
    _check_broken(rows, where)
    _check_columns(mapping, rows, where)
    read, malformed = list[CheckedRow](), list[tuple[str, Exception, Raw]]()
    for file, raw in rows:
        if not isinstance(raw, Raw):
            continue
        try:
            draft = parse_mapped(raw, file, mapping=mapping)
            check(draft)
            read.append(CheckedRow(file, raw, draft))
        except (ValueError, TypeError, KeyError) as error:
            malformed.append((f"{file.name}:{raw.line}", error, raw))
    _check_gold_base(mapping, read, malformed, where)
    no_list = [one for one in malformed if isinstance(one[1], OptionsError)]
    if no_list or len(malformed) > MOST_MALFORMED * len(rows):
        place, reason, raw = (no_list or malformed)[0]
        text = f"no value for {reason.args[0]!r}" if isinstance(reason, KeyError) else str(reason)
        alike = f", and {len(no_list or malformed) - 1:,} more rows" if len(no_list or malformed) > 1 else ""
        raise MappingError(f"{where}: {place}{alike}: {text}; the row is {shown_row(raw.value)}")
    if not read:
        raise MappingError(f"{where}: no row could be read, expected one at least")
    return read


def _check_broken(rows: Sequence[tuple[RawFile, Raw | Broken]], where: str) -> None:
    """Raise ``MappingError`` where many rows cannot be read at all, whatever the mapping says."""
    broken = [(file, raw) for file, raw in rows if isinstance(raw, Broken)]
    if len(broken) > MOST_MALFORMED * len(rows):
        file, first = broken[0]
        way = "; convert the file (iconv -f CP1252 -t UTF-8) and run again" if "UTF-8" in first.error else ""
        raise MappingError(
            f"{where}: {len(broken):,} of {len(rows):,} rows that were checked cannot be read, first "
            f"{file.name}:{first.line}: {first.error}{way}"
        )


def _check_columns(mapping: ColumnMapping, rows: Sequence[tuple[RawFile, Raw | Broken]], where: str) -> None:
    known = columns_of(rows)
    used: dict[str, str] = {}
    for field, names in mapping.columns.named().items():
        for name in names:
            first = next(((f, r) for f, r in rows if isinstance(r, Raw)), None)
            if name not in known:
                shown = f"; {first[0].name}:{first[1].line} is {shown_row(first[1].value)}" if first else ""
                raise MappingError(
                    f"{where}: columns.{field} names {name!r}, which is no column; found {', '.join(known)}"
                    f"{did_you_mean(name, known)}{shown}"
                )
            if name in used and "meta" not in (field, used[name]):
                raise MappingError(
                    f"{where}: columns.{field} and columns.{used[name]} are both {name!r}, expected a column each"
                )
            used[name] = field


def _check_gold_base(
    mapping: ColumnMapping,
    read: Sequence[CheckedRow],
    malformed: Sequence[tuple[str, Exception, Raw]],
    where: str,
) -> None:
    """Raise ``MappingError`` where gold is written by another base than the mapping states."""
    columns, base = mapping.columns, mapping.gold_base
    if not columns.gold or not columns.options:
        return
    wrong = [one for one in malformed if isinstance(one[1], GoldError)]
    raws = [one.raw for one in read] + [raw for _, _, raw in wrong]
    others: tuple[GoldBase, ...] = (0, 1, "letter", "text")
    if wrong:
        place, reason, raw = wrong[0]
        for other in others:
            if other != base and all(_fits(one.value, mapping, other) for one in raws):
                raise MappingError(
                    f"{where}: {place}: {reason}; the row is {shown_row(raw.value)}. All {len(raws):,} rows that were "
                    f"checked fit gold_base = {_toml(other)}: write that"
                )
        return
    golds = [gold for one in read for gold in one.draft.gold]
    if base == 0 and not mapping.gold_checked and len(golds) >= ENOUGH and 0 not in golds:
        first = next(one for one in read if one.draft.gold)
        raise MappingError(
            f"{where}: none of {len(golds):,} golds is the first option, as where they count from 1; "
            f"{first.file.name}:{first.raw.line} has gold {first.raw.value[columns.gold]!r}, which gold_base = 0 reads "
            f"as {first.draft.answer!r}: the row is {shown_row(first.raw.value)}. Write gold_base = 1, or "
            "gold_checked = true if it is right"
        )


def _fits(row: Mapping[str, Any], mapping: ColumnMapping, base: GoldBase) -> bool:
    columns = mapping.columns
    assert columns.gold and columns.options, "there is gold to check"
    try:
        gold_positions(row[columns.gold], options_of(row, columns.options), base)
    except (ValueError, TypeError, KeyError):
        return False
    return True


def _toml(base: GoldBase) -> str:
    return f'"{base}"' if isinstance(base, str) else str(base)
