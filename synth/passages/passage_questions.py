"""Questions from passages: a title and a passage in, a question and its answer out, checked against the passage.

This is the role that Genstruct has in Aloe (arXiv 2405.01886). What the answer rests on must stand in the passage word
for word, and no number may be new; whether the answer is right beyond that is for ``rubric`` or a person to say.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from sources.license import joint
from sources.record import Message, Record
from sources.table import SCHEMA, frame, records, to_json
from synth.answers import json_reply
from synth.answers.model_output import fold
from synth.prompting import templates as prompt_files
from synth.prompting.generators import stem
from synth.prompting.turns import conversation
from synth.teachers.candidates import FAILED, Author, candidate, candidate_table
from synth.teachers.teacher import Answered, Completion, Failure, Request, Sampling
from synth.teachers.thinking import control_marks

STAGE = "passage-question"
PROMPT = "passages/question.jinja"
KINDS = {"question": str, "answer": str, "support": str}
REPLY_SCHEMA = json_reply.object_schema({name: {"type": "string"} for name in KINDS})

KEPT, SPARE, UNPARSED, TRUNCATED = "kept", "spare", "unparsed", "truncated"
ASKS_NOTHING, OF_THE_PASSAGE, UNSUPPORTED, NEW_NUMBER = "asks_nothing", "of_the_passage", "unsupported", "new_number"
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
    """Who writes questions on the contexts of ``sources`` (of all rows, if none is named), from ``samples`` tries each.

    Contexts of other lengths are left alone. ``license`` is that of what ``by`` writes.
    """

    by: Author
    license: str
    sources: tuple[str, ...] = ()
    samples: Annotated[int, Field(ge=1)] = 1
    min_chars: Annotated[int, Field(ge=1)] = 300
    max_chars: Annotated[int, Field(ge=1)] = 12_000
    temperature: Annotated[float, Field(ge=0)] = 0.7
    max_tokens: Annotated[int, Field(ge=64)] = 800
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT))


def requests(rows: pl.DataFrame, config: Passages) -> list[Request]:
    """Return ``samples`` requests for every row with a passage; its title is in ``meta``, or else what the row asks."""
    sampling = Sampling(
        temperature=config.temperature, max_tokens=config.max_tokens, seed=config.seed, json_schema=REPLY_SCHEMA
    )
    return [
        Request(row=record.id, stage=STAGE, messages=_messages(record), sampling=sampling, sample=sample)
        for record in _eligible_rows(rows, config)
        for sample in range(config.samples)
    ]


def judge(rows: pl.DataFrame, answered: Iterable[Answered], config: Passages) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows as questions with answers, ``drop`` and ``evidence``, in order; and all completions.

    The first sample that holds is ``kept`` and the others that do are ``spare``. The row keeps its id: its message is
    the question, ``answer`` and ``response`` the answer, and the passage goes from ``context`` to the support in
    ``meta``. A row of which no sample holds goes (``no_question``), with its verdicts as evidence.
    """
    known = {record.id: record for record in _eligible_rows(rows, config)}
    table = candidate_table(_candidates(known, answered, config))
    kept: dict[str, tuple[int, str]] = {}
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    for id, sample, verdict, text in table.select("id", "sample", "verdict", "text").iter_rows():
        verdicts[id][verdict] += 1
        if verdict == KEPT:
            kept.setdefault(id, (sample, text))
    made = [
        _question_rows(record, kept.get(record.id), verdicts[record.id], record.id in known, config)
        for record in records(rows)
    ]
    reasons = pl.DataFrame([reason for _, *reason in made], {"drop": pl.String, "evidence": pl.String}, orient="row")
    settled = frame([record for record, *_ in made]).hstack(reasons).select(*SCHEMA.names(), "drop", "evidence")
    return settled, _spared(table, kept)


def verdict_of(record: Record, completion: Completion) -> tuple[str, str | None, str | None]:
    """Return (verdict, question, detail) of one completion on the passage of ``record``."""
    if completion.ended != "stop":
        return TRUNCATED, None, completion.finish_reason
    said = json_reply.parse(completion.text, KINDS)
    if said is None:
        return UNPARSED, None, None
    question, answer, support = (said[name] for name in KINDS)
    passage = record.context or ""
    if mark := control_marks(f"{question}{answer}"):
        return CONTROL_MARKS, question, mark
    if "?" not in question:
        return ASKS_NOTHING, question, None
    if spoken := OF_PASSAGE.search(fold(f"{question}\n{answer}")):
        return OF_THE_PASSAGE, question, spoken[0]
    if len(support.split()) < MIN_SUPPORT_WORDS or _spaced(support) not in _spaced(passage):
        return UNSUPPORTED, question, support
    if new := set(NUMBER.findall(answer)) - set(NUMBER.findall(f"{passage}\n{question}")):
        return NEW_NUMBER, question, ", ".join(sorted(new))
    return KEPT, question, None


def _eligible_rows(rows: pl.DataFrame, config: Passages) -> Iterator[Record]:
    named = rows.filter(pl.col("source").is_in(config.sources)) if config.sources else rows
    size = pl.col("context").fill_null("").str.len_chars()
    return records(named.filter(size.is_between(config.min_chars, config.max_chars)))


def _messages(record: Record) -> tuple[Message, ...]:
    return conversation(PROMPT, title=record.meta.get("title") or stem(record), passage=record.context)


def _candidates(known: dict[str, Record], answered: Iterable[Answered], config: Passages) -> Iterator[dict[str, Any]]:
    for request, answer in answered:
        read = (FAILED, None, None) if isinstance(answer, Failure) else verdict_of(known[request.row], answer)
        yield candidate(request, answer, config.by, *read)


def _spared(table: pl.DataFrame, kept: dict[str, tuple[int, str]]) -> pl.DataFrame:
    first = {id: sample for id, (sample, _) in kept.items()}
    verdicts = [
        SPARE if verdict == KEPT and first[id] != sample else verdict
        for id, sample, verdict in table.select("id", "sample", "verdict").iter_rows()
    ]
    return table.with_columns(pl.Series("verdict", verdicts, pl.String))


def _question_rows(
    record: Record, kept: tuple[int, str] | None, verdicts: Counter[str], asked: bool, config: Passages
) -> tuple[Record, str | None, str | None]:
    """Return what becomes of a row, with reason and evidence where it goes."""
    if kept is not None:
        return _question(record, kept[1], config), None, None
    return (record, NO_QUESTION, to_json(verdicts)) if asked else (record, None, None)


def _question(record: Record, text: str, config: Passages) -> Record:
    said = json_reply.parse(text, KINDS)
    assert said is not None, "what was kept was read before"
    answer = said["answer"].strip()
    note = {"support": said["support"], "teacher": config.by.name, "revision": config.by.revision}
    return replace(
        record,
        messages=(Message("user", said["question"].strip()),),
        context=None,
        answer=answer,
        response=answer,
        task="qa",
        license=joint((record.license, config.license)),
        meta={**record.meta, "passage": note},
    )


def _spaced(text: str) -> str:
    return " ".join(text.split())
