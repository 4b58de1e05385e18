"""What a strategy costs and what it gains: calls, tokens and request seconds, and accuracy against them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from synth.strategies.early_stop import StopRule, samples_needed
from synth.strategies.strategy_stage import Positions
from synth.strategies.voting import vote
from synth.teachers.teacher import Answered, Ask, Completion, Request


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Calls, the tokens read and written, and the seconds of each call added up, though calls run at the same time.

    ``uncounted`` replies state no tokens.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    request_seconds: float = 0.0
    uncounted: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Return the sum of both."""
        return Cost(**{name: getattr(self, name) + getattr(other, name) for name in vars(self)})


@dataclass
class CostMeter:
    """An ``Ask`` that counts what passes through it, by row; stored completions count with their original seconds."""

    ask: Ask
    by_row: dict[str, Cost] = field(default_factory=dict)

    def __call__(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every reply and count it."""
        for request, answer in self.ask(requests):
            if isinstance(answer, Completion):
                counted = answer.prompt_tokens is not None and answer.completion_tokens is not None
                one = Cost(
                    calls=1,
                    prompt_tokens=answer.prompt_tokens or 0,
                    completion_tokens=answer.completion_tokens or 0,
                    request_seconds=answer.seconds,
                    uncounted=int(not counted),
                )
                self.by_row[request.row] = self.by_row.get(request.row, Cost()) + one
            yield request, answer

    @property
    def total(self) -> Cost:
        """What all rows took."""
        return sum(self.by_row.values(), Cost())


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Accuracy of a vote over a number of samples or under a rule, and the mean calls of a question."""

    name: str
    calls: float
    right: int
    items: int
    changed: int = 0
    """Questions whose winner differs from the vote over all samples."""

    @property
    def accuracy(self) -> float:
        """The share of questions whose winner is gold; no answer is wrong."""
        return self.right / self.items if self.items else 0.0


Sampled = tuple[Sequence[Positions | None], Positions]
"""All answers to a question in the order of its samples, and gold."""


def accuracy_by_calls(sampled: Sequence[Sampled], rules: Sequence[StopRule] = ("decided", "beta")) -> list[CurvePoint]:
    """Return the vote over the first 1, 2, 3, 5, 10 … samples, then what each stop rule would have done.

    Every question needs all of its samples; a run that stopped early has a point of its own only.
    """
    most = max((len(answers) for answers, _ in sampled), default=0)
    steps = sorted({count for count in (1, 2, 3, 5, 7, 10, 15, 20, 30, 40) if count < most} | {most} - {0})
    full_winners = [vote(answers).winner for answers, _ in sampled]
    points = []
    for count in steps:
        winners = [vote(answers[:count]).winner for answers, _ in sampled]
        name = f"{count} sample" + "s" * (count > 1)
        points.append(_point(name, [min(count, len(a)) for a, _ in sampled], winners, full_winners, sampled))
    for rule in rules:
        used = [samples_used(answers, rule) for answers, _ in sampled]
        winners = [vote(answers[:count]).winner for (answers, _), count in zip(sampled, used, strict=True)]
        points.append(_point(f"stop: {rule}", used, winners, full_winners, sampled))
    return points


def samples_used(answers: Sequence[Positions | None], rule: StopRule, confidence: float = 0.95) -> int:
    """Return how many of a question's samples a stop rule would have taken."""
    used = 0
    while more := samples_needed(vote(answers[:used]).counts, len(answers) - used, rule, confidence):
        used += more
    return used


def _point(
    name: str,
    used: Sequence[int],
    winners: Sequence[Positions | None],
    full_winners: Sequence[Positions | None],
    sampled: Sequence[Sampled],
) -> CurvePoint:
    return CurvePoint(
        name=name,
        calls=fmean(used) if used else 0.0,
        right=sum(winner == gold for winner, (_, gold) in zip(winners, sampled, strict=True)),
        items=len(sampled),
        changed=sum(winner != full for winner, full in zip(winners, full_winners, strict=True)),
    )


@dataclass(frozen=True, kw_only=True)
class SamplingFigures:
    """Figures of several samples a question, each a share: of samples, or of questions.

    ``single`` is the mean accuracy of one sample, ``pass_any`` the share of questions with a right sample,
    ``agreement`` the mean share of the winner among parsed samples, ``tied`` and ``unparsed`` shares of questions and
    of samples.
    """

    single: float
    pass_any: float
    agreement: float
    tied: float
    unparsed: float


def sampling_figures(sampled: Sequence[Sampled]) -> SamplingFigures | None:
    """Return the figures of samples and their votes; None without a question."""
    samples = [(answer, gold) for answers, gold in sampled for answer in answers]
    if not samples:
        return None
    votes = [vote(answers) for answers, _ in sampled]
    parsed = [one for one in votes if one.winner is not None]
    return SamplingFigures(
        single=fmean(answer == gold for answer, gold in samples),
        pass_any=fmean(gold in answers for answers, gold in sampled),
        agreement=fmean(max(one.counts.values()) / sum(one.counts.values()) for one in parsed) if parsed else 0.0,
        tied=fmean(one.tied for one in votes),
        unparsed=fmean(answer is None for answer, _ in samples),
    )
