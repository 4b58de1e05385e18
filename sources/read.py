"""From a raw file to records: every raw row comes out, as a record or as a malformed row that says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from sources.files import RawFile
from sources.record import Draft, Malformed, Record, check
from sources.source import Broken, Corpus, Raw

ROW_ERRORS = (KeyError, IndexError, ValueError, TypeError, AttributeError)
"""What ``parse`` raises on a malformed row; anything else is a defect of the connector and stops the build."""


def read(corpus: Corpus, file: RawFile) -> Iterator[Record | Malformed]:
    """Yield one record or malformed row for each raw row of ``file``, in the file's order.

    Raises ``FileError`` when the file as a whole cannot be used.
    """
    for raw in corpus.rows(file):
        if isinstance(raw, Broken):
            yield Malformed(source=corpus.name, file=file.name, line=raw.line, error=raw.error, text=raw.text)
            continue
        try:
            yield _record(corpus, file, raw)
        except ROW_ERRORS as error:
            text = as_text(raw.value)
            yield Malformed(source=corpus.name, file=file.name, line=raw.line, error=_explain(error, raw), text=text)


def _record(corpus: Corpus, file: RawFile, raw: Raw) -> Record:
    draft = corpus.parse(raw, file)
    check(draft)
    _check_columns(draft)
    return Record(
        id=f"{corpus.name}:{draft.id}",
        source=corpus.name,
        license=draft.license or corpus.license,
        task=draft.task or corpus.task,
        lang=draft.lang or corpus.lang,
        split=draft.split or file.split,
        file=file.name,
        line=raw.line,
        messages=tuple(draft.messages),
        context=draft.context,
        options=tuple(draft.options),
        gold=tuple(draft.gold),
        answer=draft.answer,
        rationale=draft.rationale,
        response=draft.response,
        rejected=draft.rejected,
        meta=draft.meta,
    )


def _check_columns(draft: Draft) -> None:
    """Raise ``TypeError`` for what no column can hold, so that it costs one row and not the shard."""
    for name in ("task", "lang", "split", "license"):
        value = getattr(draft, name)
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}, expected text")
    if any(isinstance(position, bool) for position in draft.gold):
        raise TypeError(f"gold is {list(draft.gold)!r}, expected positions, numbers from 0")


def _explain(error: Exception, raw: Raw) -> str:
    if isinstance(error, KeyError):
        found = f"; found {', '.join(map(str, raw.value))}" if isinstance(raw.value, dict) else ""
        return f"missing field {error.args[0]!r}{found}"
    return f"{error}"


def as_text(value: Any) -> str:
    """Return a raw row as text for the quarantine: JSON, or XML where that is what it is."""
    if isinstance(value, ElementTree.Element):
        return ElementTree.tostring(value, encoding="unicode")
    return json.dumps(value, ensure_ascii=False, default=str)
