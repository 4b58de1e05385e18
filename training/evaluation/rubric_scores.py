"""Replies scored by rubrics, as HealthBench does (arXiv 2505.08775): a judge checks each criterion by itself.

A sample's score is the points of the criteria that it meets over the sum of the positive points; it may be negative,
and only the mean over samples is clipped to 0 and 1. A criterion without a readable verdict is not "not met": a sample
with one has no score, and is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sources.record import Message
from synth.answers import json_reply
from synth.prompting import prompt_files
from synth.teachers.teacher import Ask, Completion, Failure, Request, Sampling
from training.evaluation.evaluation_record import ModelFacts, Score
from training.evaluation.statistics import bootstrap_mean

PROMPT = "judges/criterion.jinja"
REPLY_STAGE, JUDGE_STAGE = "rubric reply", "rubric criterion"
KINDS = {"explanation": str, "criteria_met": bool}
SCHEMA = json_reply.object_schema({"explanation": {"type": "string"}, "criteria_met": {"type": "boolean"}})


class Criterion(BaseModel):
    """One criterion, its points (negative for a fault), and its tags, such as ``axis:accuracy``."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    criterion: str
    points: float
    tags: tuple[str, ...] = ()


class RubricSample(BaseModel):
    """A conversation, the criteria of a good reply, and the reply where it is given."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    prompt: tuple[dict[str, str], ...]
    rubrics: tuple[Criterion, ...] = Field(min_length=1)
    tags: tuple[str, ...] = ()
    response: str | None = None

    @field_validator("prompt", mode="before")
    @classmethod
    def _as_turns(cls, value: object) -> object:
        return ({"role": "user", "content": value},) if isinstance(value, str) else value


class CheckedSample(NamedTuple):
    """A sample with the judge's verdict on each criterion; None where it could not be read."""

    sample: RubricSample
    verdicts: tuple[bool | None, ...]


class TagScore(BaseModel):
    """The clipped mean over the samples, or the criteria, of one tag."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tag: str
    score: Score


class RubricRecord(BaseModel):
    """The content of ``rubric.json``.

    ``score`` is the clipped mean over ``scored`` samples with its bootstrap interval; ``unclipped`` the mean itself.
    ``unanswered`` samples have no reply, ``unjudged`` ones a criterion without a readable verdict. ``by_axis`` scores
    the criteria of a tag alone, ``by_theme`` the samples of a tag.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    sabila: str
    model: ModelFacts | None
    judge: ModelFacts
    samples: int
    scored: int
    unanswered: int
    unjudged: int
    criteria: int
    unread_criteria: int
    failed_criteria: int
    score: Score | None
    unclipped: float | None
    by_axis: list[TagScore]
    by_theme: list[TagScore]
    notes: list[str]


def rubric_score(points: Sequence[float], met: Sequence[bool]) -> float | None:
    """Return a sample's score, None where no criterion has positive points."""
    possible = sum(value for value in points if value > 0)
    if possible <= 0:
        return None
    return sum(value for value, hit in zip(points, met, strict=True) if hit) / possible


def clipped_mean(scores: Sequence[float], seed: int = 0) -> Score:
    """Return the mean with its bootstrap interval, all clipped to 0 and 1."""
    found = bootstrap_mean(scores, seed=seed)
    value, low, high = (min(1.0, max(0.0, one)) for one in found)
    return Score(value=value, low=low, high=high, n=len(scores))


# --- requests --------------------------------------------------------------------------------------------------------


def reply_requests(samples: Sequence[RubricSample], max_tokens: int) -> Iterator[Request]:
    """Yield the requests for the replies of a model."""
    for sample in samples:
        turns = tuple(Message(one["role"], one["content"]) for one in sample.prompt)
        yield Request(
            row=sample.id, stage=REPLY_STAGE, messages=turns, sampling=Sampling(temperature=0.0, max_tokens=max_tokens)
        )


def replies(samples: Sequence[RubricSample], ask: Ask, max_tokens: int) -> list[RubricSample]:
    """Return the samples with the replies of a model; None where it gave no text that ended by itself."""
    found = {
        request.row: reply.text
        for request, reply in ask(reply_requests(samples, max_tokens))
        if isinstance(reply, Completion) and reply.ended == "stop" and reply.text.strip()
    }
    return [sample.model_copy(update={"response": found.get(sample.id)}) for sample in samples]


def criterion_requests(samples: Sequence[RubricSample]) -> Iterator[Request]:
    """Yield the request about every criterion of every sample with a reply; ``sample`` is the criterion's place."""
    sampling = Sampling(temperature=0.0, max_tokens=256, json_schema=SCHEMA)
    for one in samples:
        if not one.response:
            continue
        conversation = "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in one.prompt)
        for criterion in one.rubrics:
            prompt = prompt_files.render(
                PROMPT, conversation=conversation, response=one.response, criterion=criterion.criterion
            )
            yield Request(
                row=one.id, stage=JUDGE_STAGE, messages=(Message("user", prompt),), sampling=sampling, sample=0
            )


def check_samples(samples: Sequence[RubricSample], ask: Ask) -> tuple[list[CheckedSample], int]:
    """Return the samples with a reply and their verdicts, and how many requests failed."""
    requests = list(criterion_requests(samples))
    found: dict[tuple[str, tuple[Message, ...]], bool | None] = {}
    failed = 0
    for request, reply in ask(requests):
        failed += isinstance(reply, Failure)
        found[request.row, request.messages] = None if isinstance(reply, Failure) else read_criterion(reply)
    verdicts: dict[str, list[bool | None]] = defaultdict(list)
    for request in requests:
        verdicts[request.row].append(found.get((request.row, request.messages)))
    checked = [CheckedSample(one, tuple(verdicts[one.id])) for one in samples if one.response]
    return checked, failed


def read_criterion(completion: Completion) -> bool | None:
    """Return whether a criterion is met, None for a reply that is not the JSON that was asked for."""
    reply = json_reply.parse(completion.text, KINDS) if completion.ended == "stop" else None
    return None if reply is None else bool(reply["criteria_met"])


# --- scores ----------------------------------------------------------------------------------------------------------


def score_rubrics(
    samples: Sequence[RubricSample],
    checked: Sequence[CheckedSample],
    failed: int,
    *,
    sabila: str,
    model: ModelFacts | None,
    judge: ModelFacts,
    notes: Sequence[str] = (),
) -> RubricRecord:
    """Return the scores of checked samples."""
    whole = [one for one in checked if None not in one.verdicts]
    scored = [(one, value) for one in whole if (value := _score(one)) is not None]
    verdicts = [verdict for one in checked for verdict in one.verdicts]
    by_theme: Mapping[str, list[float]] = _by_tag((tag, value) for one, value in scored for tag in one.sample.tags)
    axes = {tag for one in whole for criterion in one.sample.rubrics for tag in criterion.tags}
    by_axis = {tag: [value for one in whole if (value := _score(one, tag)) is not None] for tag in sorted(axes)}
    values = [value for _, value in scored]
    return RubricRecord(
        sabila=sabila,
        model=model,
        judge=judge,
        samples=len(samples),
        scored=len(scored),
        unanswered=len(samples) - len(checked),
        unjudged=len(checked) - len(whole),
        criteria=len(verdicts),
        unread_criteria=verdicts.count(None) - failed,
        failed_criteria=failed,
        score=clipped_mean(values) if values else None,
        unclipped=sum(values) / len(values) if values else None,
        by_axis=[TagScore(tag=tag, score=clipped_mean(found)) for tag, found in by_axis.items() if found],
        by_theme=[TagScore(tag=tag, score=clipped_mean(found)) for tag, found in by_theme.items()],
        notes=list(notes),
    )


def _score(one: CheckedSample, tag: str | None = None) -> float | None:
    """Return the score over the criteria of a tag, or over all."""
    pairs = [
        (criterion.points, bool(verdict))
        for criterion, verdict in zip(one.sample.rubrics, one.verdicts, strict=True)
        if tag is None or tag in criterion.tags
    ]
    return rubric_score([points for points, _ in pairs], [met for _, met in pairs])


def _by_tag(pairs: Iterator[tuple[str, float]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for tag, value in pairs:
        found[tag].append(value)
    return dict(sorted(found.items()))
