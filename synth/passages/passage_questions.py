"""Questions and answers that a model writes from a titled passage, as Genstruct does in Aloe (arXiv 2405.01886).

The quoted support must be in the passage word for word, no number may be new, and the question must not contain its
answer. Then the model answers the question from the passage again, without having seen the answer, and says whether the
two answers agree; a reply that cannot be read is no agreement.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

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

STAGE_NAME, ANSWER_STAGE, AGREEMENT_STAGE = "passage-question", "passage-answer", "passage-agreement"
PROMPT = "passages/question.jinja"
ANSWER_PROMPT = "passages/answer.jinja"
AGREEMENT_PROMPT = "passages/agreement.jinja"
KINDS = {"question": str, "answer": str, "support": str}
ANSWER_KINDS = {"answerable": bool, "answer": str}
AGREEMENT_KINDS = {"remark": str, "agree": bool}
JSON_TYPES = {str: "string", bool: "boolean"}


def _schema(kinds: Mapping[str, type]) -> dict[str, Any]:
    return json_reply.object_schema({name: {"type": JSON_TYPES[kind]} for name, kind in kinds.items()})


REPLY_SCHEMA = _schema(KINDS)
ANSWER_SCHEMA, AGREEMENT_SCHEMA = _schema(ANSWER_KINDS), _schema(AGREEMENT_KINDS)

KEPT, SPARE = "kept", "spare"
NOT_A_QUESTION, OF_THE_PASSAGE, UNSUPPORTED, NEW_NUMBER = (
    "not_a_question",
    "of_the_passage",
    "unsupported",
    "new_number",
)
CONTROL_MARKS = "control_marks"
ANSWER_IN_QUESTION = "answer_in_question"
"""The question contains its answer or the support, whole or for ``LEAKED_WORDS`` words."""

ANSWERED, NOT_ANSWERABLE = "answered", "not_answerable"
AGREES, DIFFERS = "agrees", "answers_differ"
UNVERIFIED = "unverified"
"""A question whose second answer, or whose comparison, did not come or could not be read."""

NO_QUESTION, PASSAGE_LENGTH = "no_question", "passage_length"
LEAKED_WORDS = 8

LEAST_CHARS = 300
"""Characters of a passage on which a question can be written, unless its source cuts smaller ones."""

Form = Literal["closed", "grounded"]
"""Where the passage of a row is kept: in ``meta``, for a question alone, or as the context before the question."""

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
WORD = re.compile(r"\w+")


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Passages:
    """The model that writes questions on contexts of ``sources`` (all rows, if none is named), ``samples`` times each.

    Rows with contexts of other lengths are kept as they are, but for those of the task ``passage``. ``license`` is that
    of what the model writes. ``check_tokens`` is the most of a second answer and of a comparison.
    """

    generated_by: Author
    license: str
    sources: tuple[str, ...] = ()
    samples: Annotated[int, Field(ge=1)] = 1
    min_chars: Annotated[int, Field(ge=1)] = LEAST_CHARS
    max_chars: Annotated[int, Field(ge=1)] = 12_000
    temperature: Annotated[float, Field(ge=0)] = 0.7
    max_tokens: Annotated[int, Field(ge=64)] = 800
    check_tokens: Annotated[int, Field(ge=64)] = 400
    form: Form = "closed"
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    prompts: str = Field(default_factory=lambda: prompt_files.digest(PROMPT, ANSWER_PROMPT, AGREEMENT_PROMPT))


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


def read_reply(record: Record, request: Request, completion: Completion, config: Passages) -> Reading:
    """Return the verdict on a completion of any of the three stages."""
    if request.stage == ANSWER_STAGE:
        return read_second_answer(completion)
    return read_agreement(completion) if request.stage == AGREEMENT_STAGE else read_question(record, completion)


def read_second_answer(completion: Completion) -> Reading:
    """Return whether the model found an answer in the passage, and the answer."""
    reply = json_reply.parse(completion.text, ANSWER_KINDS)
    if reply is None:
        return Reading(UNPARSED)
    return Reading(ANSWERED if reply["answerable"] else NOT_ANSWERABLE, reply["answer"])


def read_agreement(completion: Completion) -> Reading:
    """Return whether two answers agree, with the remark on them."""
    reply = json_reply.parse(completion.text, AGREEMENT_KINDS)
    return Reading(UNPARSED) if reply is None else Reading(AGREES if reply["agree"] else DIFFERS, reply["remark"])


def read_question(record: Record, completion: Completion) -> Reading:
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
    if leaked := _shared_words(question, answer) or _shared_words(question, support):
        return Reading(ANSWER_IN_QUESTION, question, leaked)
    return Reading(KEPT, question)


def _shared_words(question: str, answer: str) -> str | None:
    """Return the words of an answer that its question contains, the whole answer or ``LEAKED_WORDS`` in a row."""
    question_words, words = f" {' '.join(WORD.findall(fold(question)))} ", WORD.findall(fold(answer))
    size = min(len(words), LEAKED_WORDS)
    runs = (" ".join(words[start : start + size]) for start in range(len(words) - size + 1))
    return next((run for run in runs if run and f" {run} " in question_words), None)


Replies = Mapping[tuple[str, str, int], tuple[str, str | None, str | None]]
"""Verdict, parsed value and text of completions by row, stage and sample."""


def _replies(candidates: pl.DataFrame) -> Replies:
    columns = ("id", "stage", "sample", "verdict", "parsed", "text")
    return {(id, stage, sample): tuple(rest) for id, stage, sample, *rest in candidates.select(columns).iter_rows()}


def check_requests(
    eligible: list[Record], candidates: pl.DataFrame, config: Passages
) -> Iterator[tuple[Record, Request]]:
    """Yield the next check of each passage without a verified question: a second answer, or a comparison of both."""
    replies = _replies(candidates)
    for record in eligible:
        for sample in range(config.samples):
            verdict, question = _verified(record.id, sample, replies)
            if verdict == KEPT:
                break
            if verdict is None and question is not None:
                yield record, _check_request(record, sample, question, replies, config)
                break


def _verified(id: str, sample: int, replies: Replies) -> tuple[str | None, str | None]:
    """Return the verdict on a question after its checks, None where one is missing, and the model's reply."""
    if (id, STAGE_NAME, sample) not in replies:
        return None, None
    verdict, _, text = replies[id, STAGE_NAME, sample]
    if verdict != KEPT:
        return verdict, text
    for stage, passed in ((ANSWER_STAGE, ANSWERED), (AGREEMENT_STAGE, AGREES)):
        if (id, stage, sample) not in replies:
            return None, text
        checked = replies[id, stage, sample][0]
        if checked != passed:
            return checked if checked in (NOT_ANSWERABLE, DIFFERS) else UNVERIFIED, text
    return KEPT, text


def _check_request(record: Record, sample: int, text: str, replies: Replies, config: Passages) -> Request:
    written = _parsed(text)
    second = replies.get((record.id, ANSWER_STAGE, sample))
    if second is None:
        messages = render_turns(ANSWER_PROMPT, passage=record.context, question=written["question"])
        stage, schema = ANSWER_STAGE, ANSWER_SCHEMA
    else:
        answers = {"first": written["answer"], "second": second[1]}
        messages = render_turns(AGREEMENT_PROMPT, question=written["question"], **answers)
        stage, schema = AGREEMENT_STAGE, AGREEMENT_SCHEMA
    sampling = Sampling(temperature=0.0, max_tokens=config.check_tokens, json_schema=schema)
    return Request(row=record.id, stage=stage, messages=messages, sampling=sampling, sample=sample)


def _parsed(text: str) -> dict[str, Any]:
    reply = json_reply.parse(text, KINDS)
    assert reply is not None, "a question that is checked was parsed before"
    return reply


def write_questions(rows: pl.DataFrame, eligible: list[Record], candidates: pl.DataFrame, config: Passages) -> Outcome:
    """Return the rows as questions with answers, ``drop_reason`` and ``evidence``, in order; and all completions.

    The first verified sample is ``kept``, other valid ones are ``spare``. The row keeps its id: its message is the
    question, without options, ``answer`` and ``response`` the answer; ``meta["passage"]`` has the support, its place,
    and where the passage is from. A row without a verified sample is dropped (``no_question``), with its verdicts as
    evidence.
    """
    replies = _replies(candidates)
    kept: dict[str, tuple[int, str]] = {}
    verdicts: dict[tuple[str, int], str] = {}
    counts: dict[str, Counter[str]] = {record.id: Counter() for record in eligible}
    for record in eligible:
        for sample in range(config.samples):
            verdict, text = _verified(record.id, sample, replies)
            if text is not None and verdict == KEPT:
                kept[record.id] = (sample, text)
            elif (record.id, STAGE_NAME, sample) not in replies:
                continue
            elif verdict is None:
                verdict = SPARE if record.id in kept else UNVERIFIED
            verdicts[record.id, sample] = str(verdict)
            counts[record.id][str(verdict)] += 1
    written, reasons = [], []
    for record in records(rows):
        question = kept.get(record.id)
        written.append(_question(record, question[1], config) if question else record)
        reason: tuple[str | None, str | None] = (None, None)
        if record.id in counts and not question:
            reason = (NO_QUESTION, to_json(counts[record.id]))
        elif record.id not in counts and record.task == "passage":  # it has no question of its own
            length = f"{len(record.context or ''):,} characters, expected {config.min_chars:,} to {config.max_chars:,}"
            reason = (PASSAGE_LENGTH, length)
        reasons.append(reason)
    of_questions = [
        verdicts.get((id, sample), verdict) if stage == STAGE_NAME else verdict
        for id, stage, sample, verdict in candidates.select("id", "stage", "sample", "verdict").iter_rows()
    ]
    table = candidates.with_columns(pl.Series("verdict", of_questions, pl.String))
    return Outcome(rows=with_reasons(frame(written), reasons), tables={"candidates": table})


def _question(record: Record, text: str, config: Passages) -> Record:
    reply = _parsed(text)
    answer = reply["answer"].strip()
    return replace(
        record,
        messages=(Message("user", reply["question"].strip()),),
        context=record.context if config.form == "grounded" else None,
        options=(),
        gold=(),
        answer=answer,
        rationale=None,
        response=answer,
        task="qa",
        license=joint((record.license, config.license)),
        meta={**record.meta, "passage": _citation(record, reply["support"], config)},
    )


def _citation(record: Record, support: str, config: Passages) -> dict[str, Any]:
    """Return where a row's passage is from, the support with its place in the passage, and who wrote the question."""
    passage = record.context or ""
    known = record.meta.get("passage")
    facts = dict(known) if isinstance(known, Mapping) else {} if known is None else {"span": known}
    place = re.search(r"\s+".join(map(re.escape, support.split())), passage)
    note = {
        "support": support,
        "support_start": place.start() if place else None,
        "teacher": config.generated_by.name,
        "revision": config.generated_by.revision,
    }
    return {**facts, **({} if config.form == "grounded" else {"text": passage}), **note}


def _spaced(text: str) -> str:
    return " ".join(text.split())


STAGE = Stage(
    items=eligible_records,
    sources=named_sources,
    requests_of=question_requests,
    read=read_reply,
    finish=write_questions,
    follow_up=check_requests,
    most_requests_of=lambda record, config: 3 * config.samples,
)
