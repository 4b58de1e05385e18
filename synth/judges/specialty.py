"""The medical field of a question, one of 35 or none, from the last line of a model's reply.

The list is our own; Aloe's release ``medical-specialities`` has as many fields (arXiv 2505.04388).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

import orjson
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.record import Record
from sources.shapes.row_shapes import LETTERS
from sources.table import records, to_json
from synth.answers import json_reply
from synth.answers.model_output import plain
from synth.judges.bound_license import bind_license
from synth.prompting import prompt_files
from synth.prompting.generators import question_of
from synth.prompting.turns import render_turns
from synth.teachers.candidates import UNPARSED, Author
from synth.teachers.stage import Reading, Stage, named_sources, of_sources
from synth.teachers.teacher import Completion, Request, Sampling

STAGE_NAME = "specialty"
PROMPT = "labels/specialty.jinja"
FIELD_LIST = "labels/fields.txt"
LABELLED = "labelled"

FIELDS = prompt_files.lines(FIELD_LIST)
NO_FIELD = "None"
KINDS = {"reason": str, "specialty": str}
REPLY_SCHEMA = json_reply.choice_schema("specialty", (*FIELDS, NO_FIELD))

LINE = re.compile(r"^[\s*_#>-]*specialty[\s*_]*:[\s*_]*(.*?)[\s*_.]*$", re.IGNORECASE | re.MULTILINE)


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Specialty:
    """The model that labels the rows of ``sources``, or all rows if none is named; and the licence of its labels."""

    generated_by: Author
    license: str | None = None
    sources: tuple[str, ...] = ()
    max_tokens: Annotated[int, Field(ge=16)] = 200
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT, FIELD_LIST))


def label(text: str) -> str | None:
    """Return the field that a JSON reply, the last line ``Specialty: X``, or else the last line names; None for none.

    A field of two parts may be named by one of them and nothing else.
    """
    reply = json_reply.parse(text, KINDS)
    labels = [reply["specialty"]] if reply else LINE.findall(text)
    named_fields = _spelled(plain(labels[-1] if labels else text.strip().rpartition("\n")[2]))
    named = [name for name in (*FIELDS, NO_FIELD) if re.search(rf"\b{re.escape(_spelled(name))}\b", named_fields)]
    if not named:  # models shorten "Infectious Diseases and Microbiology" to one of its halves
        return next((name for name in FIELDS if named_fields in map(_spelled, name.split(" and "))), None)
    # "Genetics" and "None of these, but nearest to Genetics" differ, so a field together with none is no label.
    return named[0] if len(named) == 1 else None


def _spelled(text: str) -> str:
    """Return ``text`` in one spelling for American and British English."""
    return text.casefold().replace("ae", "e").replace("oe", "e").replace("&", "and")


def eligible_records(rows: pl.DataFrame, config: Specialty) -> Iterator[Record]:
    """Yield the rows to label."""
    return records(of_sources(rows, config.sources))


def label_requests(record: Record, config: Specialty) -> list[Request]:
    """Return the request for one row's field: all fields, the question and its options."""
    options = (f"{letter}. {option}" for letter, option in zip(LETTERS, record.options, strict=False))
    messages = render_turns(PROMPT, fields=FIELDS, question="\n".join((question_of(record), *options)))
    sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens, json_schema=REPLY_SCHEMA)
    return [Request(row=record.id, stage=STAGE_NAME, messages=messages, sampling=sampling, reads_text=True)]


def read_label(record: Record, request: Request, completion: Completion, config: Specialty) -> Reading:
    """Return the label of one completion."""
    named = label(completion.text)
    return Reading(LABELLED, named) if named else Reading(UNPARSED)


def add_labels(rows: pl.DataFrame, eligible: list[Record], candidates: pl.DataFrame, config: Specialty) -> Outcome:
    """Return the rows, in order, with a ``specialty`` and ``specialty_by`` in ``meta``; no row is dropped.

    The label is a name of ``FIELDS`` or "None", and null where no reply could be read.
    """
    labels = dict(candidates.select("id", "parsed").iter_rows())
    ids = {record.id for record in eligible}
    metas = [
        to_json({**orjson.loads(meta), "specialty": labels.get(id), "specialty_by": config.generated_by.name})
        if id in ids
        else meta
        for id, meta in rows.select("id", "meta").iter_rows()
    ]
    nothing = pl.lit(None, pl.String)
    labelled = rows.with_columns(pl.Series("meta", metas, pl.String), drop_reason=nothing, evidence=nothing)
    return Outcome(rows=bind_license(labelled, [id for id, name in labels.items() if name], config.license))


STAGE = Stage(
    items=eligible_records,
    sources=named_sources,
    requests_of=label_requests,
    read=read_label,
    finish=add_labels,
    readable=lambda text, config: label(text) is not None,
    hint="expected a last line 'Specialty: X' with a field of the list; use a model that follows its prompt",
)
