"""Open answers graded by a judge, criterion by criterion, as in HealthBench; without a verdict there is no score.

An item's score is the points of the criteria that are met over the sum of the positive ones. It may be negative: only
the mean over items is clipped to 0 to 1, unless the benchmark clips each (LiveMedBench). An item without criteria of
its own has one: that the answer agrees with the reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from synth.answers.json_reply import parse
from synth.prompting.turns import digest, render_turns
from synth.teachers.teacher import Ask, Completion, Failure, Request, Sampling, Teacher
from training.evaluation.evaluation_record import JudgeFacts, Score
from training.evaluation.item_results import Criterion, Item, ItemResult
from training.evaluation.judge_agreement import same_family
from training.evaluation.statistics import bootstrap_mean

PROMPT = "evaluation/criterion.jinja"

SAMPLING = Sampling(temperature=0.0, max_tokens=512)

REPLY = {"explanation": str, "criteria_met": bool}

AXIS = "axis:"
"""Begins the tags of a criterion that name what it is about, such as accuracy."""

AGREES = Criterion(
    "The reply states the same answer as this reference, in whatever words, and nothing that contradicts it: {}", 1.0
)


@dataclass(frozen=True, kw_only=True)
class Graded:
    """Results with the judge's scores, and the facts about the judge."""

    results: list[ItemResult]
    judge: JudgeFacts


def criteria_of(item: Item) -> tuple[Criterion, ...]:
    """Return the criteria of an item: its own, or agreement with its reference."""
    return item.criteria or (Criterion(AGREES.text.format(item.answer), AGREES.points),)


def rubric_score(criteria: Sequence[tuple[Criterion, bool]]) -> float:
    """Return the points of the criteria that are met over all positive points; ``ValueError`` where none are."""
    most = sum(criterion.points for criterion, _ in criteria if criterion.points > 0)
    if most <= 0:
        raise ValueError(f"points are {[one.points for one, _ in criteria]}, expected one above 0 at least")
    return sum(criterion.points for criterion, met in criteria if met) / most


def clipped(score: Score) -> Score:
    """Return a mean of rubric scores between 0 and 1; those of single items are not clipped."""
    low, value, high = (min(1.0, max(0.0, end)) for end in (score.low, score.value, score.high))
    return Score(value=value, low=low, high=high, n=score.n)


def grade(items: Iterable[Item], results: Sequence[ItemResult], judge: Teacher, ask: Ask, model: str) -> Graded:
    """Return the results with every answer scored by the judge; one that it did not judge whole is ``unjudged``."""
    of = {item.id: item for item in items}
    answers = [one for one in results if one.verdict == "scored"]
    requests = [request for one in answers for request in _requests(of[one.item], one)]
    verdicts = {(request.row, request.messages): _read(reply) for request, reply in ask(requests)}
    by_axis: dict[str, list[float]] = {}
    graded, unread = [], 0
    for one in results:
        if one.verdict != "scored":
            graded.append(one)
            continue
        met = [verdicts[request.row, request.messages] for request in _requests(of[one.item], one)]
        unread += met.count(None)
        if None in met:
            graded.append(replace(one, verdict="unjudged", how=f"{met.count(None)} of {len(met)} criteria", score=None))
        else:
            pairs = list(zip(criteria_of(of[one.item]), [hit is True for hit in met], strict=True))
            score = rubric_score(pairs)
            score = min(1.0, max(0.0, score)) if of[one.item].clipped else score
            graded.append(replace(one, how="rubric", score=score))
            for axis in {tag for criterion, _ in pairs for tag in criterion.tags if tag.startswith(AXIS)}:
                of_axis = [pair for pair in pairs if axis in pair[0].tags]
                if any(criterion.points > 0 for criterion, _ in of_axis):
                    by_axis.setdefault(axis.removeprefix(AXIS), []).append(rubric_score(of_axis))
    facts = JudgeFacts(
        name=judge.name,
        revision=judge.revision,
        prompt=PROMPT,
        prompt_hash=digest(PROMPT),
        criteria=len(requests),
        unread=unread,
        same_family=same_family(judge.name, model),
        by_axis={axis: clipped(Score.of(bootstrap_mean(values), len(values))) for axis, values in by_axis.items()},
    )
    return Graded(results=graded, judge=facts)


def _requests(item: Item, result: ItemResult) -> Iterator[Request]:
    """Yield one request for each criterion of an item."""
    turns = [f"{turn.role}: {turn.content}" for turn in item.conversation] or [f"user: {item.question}"]
    if item.context:
        turns.insert(0, f"text: {item.context}")
    for criterion in criteria_of(item):
        messages = render_turns(
            PROMPT, conversation="\n\n".join(turns), response=result.text or "", criterion=criterion.text
        )
        yield Request(row=item.id, stage=f"judge {item.benchmark}", messages=messages, sampling=SAMPLING)


def _read(reply: Completion | Failure) -> bool | None:
    """Return whether a criterion is met; None where the judge failed, was cut off or gave no readable verdict."""
    if isinstance(reply, Failure) or reply.ended != "stop":
        return None
    reading = parse(reply.text, REPLY)
    return bool(reading["criteria_met"]) if reading else None
