"""The medical field of a question: one of 35, or none, as a model says in its last line.

The list is our own; Aloe's release ``medical-specialities`` has as many fields (arXiv 2505.04388).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

import orjson
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from sources.record import Message, Record
from sources.shapes.row_shapes import LETTERS
from sources.table import records, to_json
from synth.answers.model_output import plain
from synth.judges.readable_verdicts import require_readable
from synth.prompting import templates as prompt_files
from synth.prompting.generators import stem
from synth.prompting.turns import conversation
from synth.teachers.candidates import FAILED, Author, candidate, candidate_table
from synth.teachers.teacher import Answered, Completion, Failure, Request, Sampling

STAGE = "specialty"
PROMPT = "labels/specialty.jinja"
FIELD_LIST = "labels/fields.txt"
LABELLED, UNPARSED, TRUNCATED = "labelled", "unparsed", "truncated"

FIELDS = prompt_files.lines(FIELD_LIST)
NO_FIELD = "None"

HINT = "expected a last line 'Specialty: X' with a field of the list; use a model that follows its prompt"
LINE = re.compile(r"^[\s*_#>-]*specialty[\s*_]*:[\s*_]*(.*?)[\s*_.]*$", re.IGNORECASE | re.MULTILINE)


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Specialty:
    """Who labels the rows of ``sources``, or all rows if none is named."""

    by: Author
    sources: tuple[str, ...] = ()
    max_tokens: Annotated[int, Field(ge=16)] = 200
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT, FIELD_LIST))


def requests(rows: pl.DataFrame, config: Specialty) -> list[Request]:
    """Return one request for every row to be labelled."""
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens)
    return [
        Request(row=record.id, stage=STAGE, messages=_messages(record), sampling=sampling)
        for record in records(_eligible_rows(rows, config))
    ]


def judge(rows: pl.DataFrame, answered: Iterable[Answered], config: Specialty) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows with a ``specialty`` in ``meta``, in order, and the completions (``CANDIDATE_SCHEMA``).

    The label is a name of ``FIELDS`` or "None", and null where no reply could be read: that is another thing than
    "None". No row goes.
    """
    readable = require_readable(answered, lambda text: label(text) is not None, config.by.name, HINT)
    table = candidate_table(candidate(request, answer, config.by, *_verdict(answer)) for request, answer in readable)
    labels = dict(table.select("id", "parsed").iter_rows())
    asked = set(_eligible_rows(rows, config)["id"])
    metas = [
        to_json({**orjson.loads(meta), "specialty": labels.get(id)}) if id in asked else meta
        for id, meta in rows.select("id", "meta").iter_rows()
    ]
    nothing = pl.lit(None, pl.String)
    return rows.with_columns(pl.Series("meta", metas, pl.String), drop=nothing, evidence=nothing), table


def label(text: str) -> str | None:
    """Return the field that the last line ``Specialty: X``, or else the last line, names; None for none or several."""
    found = LINE.findall(text)
    said = _spelled(plain(found[-1] if found else text.strip().rpartition("\n")[2]))
    named = [name for name in (*FIELDS, NO_FIELD) if re.search(rf"\b{re.escape(_spelled(name))}\b", said)]
    # "Genetics" and "None of these, but nearest to Genetics" differ, so a field beside none is no label.
    return named[0] if len(named) == 1 else None


def _spelled(text: str) -> str:
    """Return ``text`` as American and British English spell it alike."""
    return text.casefold().replace("ae", "e").replace("oe", "e").replace("&", "and")


def _eligible_rows(rows: pl.DataFrame, config: Specialty) -> pl.DataFrame:
    return rows.filter(pl.col("source").is_in(config.sources)) if config.sources else rows


def _messages(record: Record) -> tuple[Message, ...]:
    options = (f"{letter}. {option}" for letter, option in zip(LETTERS, record.options, strict=False))
    return conversation(PROMPT, fields=FIELDS, question="\n".join((stem(record), *options)))


def _verdict(answer: Completion | Failure) -> tuple[str, str | None, str | None]:
    """Return (verdict, parsed, detail); those of a failure are its own."""
    if isinstance(answer, Failure):
        return FAILED, None, None
    if answer.ended != "stop":
        return TRUNCATED, None, answer.finish_reason
    named = label(answer.text)
    return (LABELLED, named, None) if named else (UNPARSED, None, None)
