"""Questions and answers that a model writes from a titled passage, as Genstruct does in Aloe (arXiv 2405.01886).

The quoted support must be in the passage word for word, and no number may be new. Whether the answer is right is not
checked here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.license import joint
from sources.record import Message, Record
from sources.table import frame, records, to_json
from synth.answers import json_reply
from synth.answers.model_output import fold
from synth.prompting import prompt_files
from synth.prompting.generators import question_of
from synth.prompting.turns import render_turns
from synth.teachers.candidates import UNPARSED, Author
from synth.teachers.stage import Reading, Stage, named_sources, of_sources, with_reasons
from synth.teachers.teacher import Completion, Request, Sampling
from synth.teachers.thinking import control_marks

STAGE_NAME = "passage-question"
PROMPT = "passages/question.jinja"
KINDS = {"question": str, "answer": str, "support": str}
REPLY_SCHEMA = json_reply.object_schema({name: {"type": "string"} for name in KINDS})

KEPT, SPARE = "kept", "spare"
NOT_A_QUESTION, OF_THE_PASSAGE, UNSUPPORTED, NEW_NUMBER = (
    "not_a_question",
    "of_the_passage",
    "unsupported",
    "new_number",
)
CONTROL_MARKS = "control_marks"
NO_QUESTION = "no_question"

MIN_SUPPORT_WORDS = 4
"""A quotation of fewer words is found in any text and supports nothing."""

OF_PASSAGE = re.compile(
    r"\b(?:this|the|above|following|given) (?:passage|text|article|excerpt|paragraph|section|author)s?\b"
    r"|according to (?:this|the) (?:passage|text|article|author)|as (?:described|mentioned|stated) (?:above|here)"
    r"|\b(?:segun|el|este) (?:el )?(?:pasaje|texto|articulo|fragmento)\b"
    r"|\b(?:selon|le|ce|cet) (?:le |l')?(?:passage|texte)\b"
    r"|\b(?:der|dem|diesem|laut) (?:text|abschnitt|textauszug)\b"
)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Passages:
    """The model that writes questions on contexts of ``sources`` (all rows, if none is named), ``samples`` times each.

    Rows with contexts of other lengths are kept as they are. ``license`` is that of what the model writes.
    """

    generated_by: Author
    license: str
    sources: tuple[str, ...] = ()
    samples: Annotated[int, Field(ge=1)] = 1
    min_chars: Annotated[int, Field(ge=1)] = 300
    max_chars: Annotated[int, Field(ge=1)] = 12_000
    temperature: Annotated[float, Field(ge=0)] = 0.7
    max_tokens: Annotated[int, Field(ge=64)] = 800
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))


def eligible_records(rows: pl.DataFrame, config: Passages) -> Iterator[Record]:
    """Yield the rows with a passage of a fitting length."""
    named = of_sources(rows, config.sources)
    size = pl.col("context").fill_null("").str.len_chars()
    return records(named.filter(size.is_between(config.min_chars, config.max_chars)))


def question_requests(record: Record, config: Passages) -> list[Request]:
    """Return ``samples`` requests for one passage; its title is in ``meta``, or else the row's question."""
    messages = render_turns(PROMPT, title=record.meta.get("title") or question_of(record), passage=record.context)
    sampling = Sampling(
        temperature=config.temperature, max_tokens=config.max_tokens, seed=config.seed, json_schema=REPLY_SCHEMA
    )
    return [
        Request(row=record.id, stage=STAGE_NAME, messages=messages, sampling=sampling, sample=sample)
        for sample in range(config.samples)
    ]


def read_question(record: Record, request: Request, completion: Completion, config: Passages) -> Reading:
    """Return the verdict on a completion, its question, and the text at fault."""
    reply = json_reply.parse(completion.text, KINDS)
    if reply is None:
        return Reading(UNPARSED)
    question, answer, support = (reply[name] for name in KINDS)
    passage = record.context or ""
    if mark := control_marks(f"{question}{answer}"):
        return Reading(CONTROL_MARKS, question, mark)
    if "?" not in question:
        return Reading(NOT_A_QUESTION, question)
    if named := OF_PASSAGE.search(fold(f"{question}\n{answer}")):
        return Reading(OF_THE_PASSAGE, question, named[0])
    if len(support.split()) < MIN_SUPPORT_WORDS or _spaced(support) not in _spaced(passage):
        return Reading(UNSUPPORTED, question, support)
    if new := set(NUMBER.findall(answer)) - set(NUMBER.findall(f"{passage}\n{question}")):
        return Reading(NEW_NUMBER, question, ", ".join(sorted(new)))
    return Reading(KEPT, question)


def write_questions(rows: pl.DataFrame, eligible: list[Record], candidates: pl.DataFrame, config: Passages) -> Outcome:
    """Return the rows as questions with answers, ``drop_reason`` and ``evidence``, in order; and all completions.

    The first valid sample is ``kept``, other valid ones are ``spare``. The row keeps its id: its message is the
    question, ``answer`` and ``response`` the answer, and ``meta`` has the support instead of the passage in
    ``context``. A row without a valid sample is dropped (``no_question``), with its verdicts as evidence.
    """
    kept: dict[str, tuple[int, str]] = {}
    counts: dict[str, Counter[str]] = {record.id: Counter() for record in eligible}
    verdicts = []
    for id, sample, verdict, text in candidates.select("id", "sample", "verdict", "text").iter_rows():
        counts[id][verdict] += 1
        spare = verdict == KEPT and kept.setdefault(id, (sample, text))[0] != sample
        verdicts.append(SPARE if spare else verdict)
    written, reasons = [], []
    for record in records(rows):
        found = kept.get(record.id)
        written.append(_question(record, found[1], config) if found else record)
        without = record.id in counts and not found
        reasons.append((NO_QUESTION, to_json(counts[record.id])) if without else (None, None))
    table = candidates.with_columns(pl.Series("verdict", verdicts, pl.String))
    return Outcome(rows=with_reasons(frame(written), reasons), tables={"candidates": table})


def _question(record: Record, text: str, config: Passages) -> Record:
    reply = json_reply.parse(text, KINDS)
    assert reply is not None, "a kept completion was parsed before"
    answer = reply["answer"].strip()
    note = {"support": reply["support"], "teacher": config.generated_by.name, "revision": config.generated_by.revision}
    return replace(
        record,
        messages=(Message("user", reply["question"].strip()),),
        context=None,
        answer=answer,
        response=answer,
        task="qa",
        license=joint((record.license, config.license)),
        meta={**record.meta, "passage": note},
    )


def _spaced(text: str) -> str:
    return " ".join(text.split())


STAGE = Stage(
    items=eligible_records,
    sources=named_sources,
    requests_of=question_requests,
    read=read_question,
    finish=write_questions,
)
