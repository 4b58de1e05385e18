"""From raw files to records: every raw row becomes a record, or a malformed row with its error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any
from xml.etree import ElementTree

import orjson

from sources.files import LINE_SUFFIXES, FileError, RawFile
from sources.license import freer_licenses
from sources.record import Draft, Malformed, Message, Record, as_position, check
from sources.schema.drift import SAMPLE, DriftError, find_drift
from sources.shapes.row_shapes import json_rows, parquet
from sources.source import Benchmark, Broken, Corpus, Raw, Rows
from sources.table import JSON_OPTIONS, to_json

STANDARD = (
    "sources.shapes.row_shapes",
    "sources.formats.csv_rows",
    "sources.formats.elements",
    "sources.formats.archives",
    "sources.mapping.file_rows",
)
"""Modules whose shapes give a row for every line; a connector's own function may skip some."""

_ROWS, _MESSAGES, _WORDS = frozenset({Raw, Broken}), frozenset({Message}), frozenset({str, type(None)})


def read(corpus: Corpus, file: RawFile) -> Iterator[Record | Malformed]:
    """Yield one record or malformed row for each raw row of ``file``, in the file's order.

    An error of ``parse`` costs its row only; lines for which a connector's own shape gives no row come last, as
    malformed rows. Raises ``FileError`` when the file as a whole cannot be used.
    """
    standard = _standard_shape(corpus, file)
    given: set[int] = set()
    for raw in _raw_rows(corpus, file):
        if standard:
            given.add(raw.line)
        if isinstance(raw, Broken):
            yield _malformed(corpus, file, raw.line, raw.error, raw.text)
            continue
        try:
            yield _record(corpus, file, raw)
        except Exception as error:
            if isinstance(error, FileError | MemoryError):
                raise
            yield _malformed(corpus, file, raw.line, _explain(error, raw), as_text(raw.value))
    if standard:
        yield from _passed_over(corpus, file, standard, given)


def _standard_shape(corpus: Corpus, file: RawFile) -> Rows | None:
    """Return the standard shape that checks the lines read by a connector's own shape, None where none can."""
    if isinstance(corpus, Benchmark) or corpus.joins_lines or getattr(corpus.rows, "__module__", "") in STANDARD:
        return None
    if file.name.endswith(LINE_SUFFIXES):
        return json_rows
    return parquet if file.name.endswith(".parquet") else None


def _passed_over(corpus: Corpus, file: RawFile, standard: Rows, given: set[int]) -> Iterator[Malformed]:
    """Yield the lines without a row; ``FileError`` where rows name lines that do not exist."""
    found, missing = 0, []
    for raw in standard(file):
        if raw.line in given:
            found += 1
        else:
            missing.append(raw)
    if len(given) >= found + len(missing):
        return
    if found < len(given):
        raise FileError(
            f"{file.path}: the reader of {corpus.name} gives rows for {len(given):,} of {found + len(missing):,} "
            f"lines, and {len(given) - found:,} of them name a line that does not exist; expected the line in the file"
        )
    error = f"the reader of {corpus.name} returned no row for this line; expected a row, or Broken with the reason"
    for raw in missing:
        text = raw.text if isinstance(raw, Broken) else as_text(raw.value)
        yield _malformed(corpus, file, raw.line, error, text)


def _raw_rows(corpus: Corpus, file: RawFile) -> Iterator[Raw | Broken]:
    """Return the raw rows; ``DriftError`` where the first ones lack the columns of ``corpus``."""
    rows = _shape_rows(corpus, file)
    if not corpus.columns:
        return rows
    first = list(islice(rows, SAMPLE))
    drifts = find_drift(corpus.columns, corpus.gold, [raw.value for raw in first if isinstance(raw, Raw)])
    if drifts:
        shown = "\n".join(f"  {drift}" for drift in drifts)
        raise DriftError(
            f"{file.path} no longer has the shape that {corpus.name} reads:\n{shown}\n"
            f"Set revision to the commit that had it (sabila sources {corpus.name} shows where the shape was read), or "
            f"map the columns in {corpus.parse.__module__.replace('.', '/')}.py; "
            f"sabila sources --verify {corpus.name} tries one file"
        )
    return chain(first, rows)


def _shape_rows(corpus: Corpus, file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the raw rows; an error of the shape becomes a ``FileError``."""
    last = 0
    try:
        for raw in corpus.rows(file):
            if type(raw) not in _ROWS:
                raise TypeError(f"it gives {raw!r}, expected a row")
            yield raw
            last = raw.line
    except (FileError, MemoryError):
        raise
    except Exception as error:
        raise FileError(
            f"{file.path}: the reader of {corpus.name} ends after line {last} with {type(error).__name__}: {error}; "
            "the file has another format than the reader expects"
        ) from error


def _record(corpus: Corpus, file: RawFile, raw: Raw) -> Record:
    draft = corpus.parse(raw, file)
    if not isinstance(draft, Draft):
        raise TypeError(f"the connector gives {draft!r}, expected a draft")
    draft.id = _id(draft.id)
    draft.messages, draft.options, draft.gold = tuple(draft.messages), tuple(draft.options), tuple(draft.gold)
    if not _MESSAGES.issuperset(map(type, draft.messages)):
        draft.messages = tuple(Message(*message) for message in draft.messages)
    if float in map(type, draft.gold):
        draft.gold = tuple(map(as_position, draft.gold))
    check(draft)
    _check_columns(draft)
    return Record(
        id=f"{corpus.name}:{draft.id}",
        source=corpus.name,
        license=_license(draft, corpus),
        task=draft.task or corpus.task,
        lang=draft.lang or corpus.lang,
        split=draft.split or file.split,
        file=file.name,
        line=raw.line,
        date=draft.date,
        messages=draft.messages,
        context=draft.context,
        options=draft.options,
        gold=draft.gold,
        answer=draft.answer,
        rationale=draft.rationale,
        response=draft.response,
        rejected=draft.rejected,
        meta=draft.meta,
    )


def _id(value: Any) -> Any:
    """Return an integer id of any size as text."""
    return str(value) if type(value) is int else value


def _license(draft: Draft, corpus: Corpus) -> str:
    """Return the licence of a row; ``ValueError`` where it is freer than that of its corpus."""
    if draft.license and (lost := freer_licenses(draft.license, corpus.license)):
        raise ValueError(
            f"license is {draft.license!r}, freer than {lost[0]}, which {corpus.name} is under; expected its terms, "
            "or a corpus that states the licence of its freest rows"
        )
    return draft.license or corpus.license


def _check_columns(draft: Draft) -> None:
    """Raise ``TypeError`` or ``ValueError`` for values that no column can store, so that only their row is lost."""
    if not _WORDS.issuperset(map(type, (draft.task, draft.lang, draft.split, draft.license))):
        found = {name: getattr(draft, name) for name in ("task", "lang", "split", "license")}
        name, value = next((n, v) for n, v in found.items() if type(v) not in _WORDS)
        raise TypeError(f"{name} is {value!r}, expected text")
    if draft.gold and bool in map(type, draft.gold):
        raise TypeError(f"gold is {list(draft.gold)!r}, expected positions, numbers from 0")
    if type(draft.meta) is not dict and not isinstance(draft.meta, Mapping):
        raise TypeError(f"meta is {draft.meta!r}, expected an object")
    fields = [draft.id, draft.context, draft.answer, draft.rationale, draft.response, draft.rejected, draft.split]
    texts = [*fields, *[content for _, content in draft.messages], *draft.options]
    try:
        orjson.dumps([texts, draft.meta, draft.task, draft.lang, draft.license], option=JSON_OPTIONS, default=str)
    except TypeError:  # says less than those that follow
        for text in texts:
            (text or "").encode()
        to_json(draft.meta)


def _explain(error: Exception, raw: Raw) -> str:
    if not isinstance(raw.value, dict | list | ElementTree.Element) or (
        isinstance(raw.value, list) and "list indices must be" in str(error)
    ):
        shown = "null" if raw.value is None else f"{raw.value!r}"[:80]
        return f"the row is {shown}, expected an object"
    if isinstance(error, KeyError):
        found = f"; found {', '.join(map(str, raw.value))}" if isinstance(raw.value, dict) else ""
        return f"missing field {error.args[0]!r}{found}" if error.args else "missing field"
    if isinstance(error, UnicodeEncodeError):
        return f"half a character (surrogate {error.object[error.start]!r}) in the text, expected Unicode"
    return f"{error}" or type(error).__name__


def _malformed(corpus: Corpus, file: RawFile, line: int, error: str, text: str) -> Malformed:
    """Return a row for the quarantine; the error may quote the row."""
    return Malformed(source=corpus.name, file=file.name, line=line, error=_whole(error), text=_whole(text))


def _whole(text: str) -> str:
    """Return encodable text: lone surrogates become escapes."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def as_text(value: Any) -> str:
    """Return a raw row as text for the quarantine: XML for XML elements, JSON for all else."""
    try:
        if isinstance(value, ElementTree.Element):
            return ElementTree.tostring(value, encoding="unicode")
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):  # nested too deep, in a circle, or with keys that JSON lacks
        return repr(value)[:SHOWN]


SHOWN = 10_000
"""Characters of a row without a text form that the quarantine keeps."""
