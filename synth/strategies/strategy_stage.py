"""A strategy as a stage: samples of each question, requested until the vote may stop, and the votes as a table.

The same stage serves synthesis, as a step of a recipe, and evaluation, over benchmark rows. A sample's answer is mapped
back to the source's option order before it is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, Self

import orjson
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.record import Message, Record
from sources.table import SCHEMA, records
from synth.answers.extractor import extract
from synth.prompting import prompt_files
from synth.prompting.generators import allows_several, has_letters, question_of
from synth.prompting.option_orders import Order, distinct_orders, pinned_options
from synth.prompting.turns import render_turns
from synth.strategies.early_stop import StopRule, samples_needed
from synth.strategies.voting import vote
from synth.teachers.candidates import FAILED, TRUNCATED, Author
from synth.teachers.stage import Reading, Stage, with_reasons
from synth.teachers.teacher import Completion, Request, Sampling

StrategyName = Literal["greedy", "cot", "self-consistency", "medprompt"]

FOLDER = "strategies"
DIRECT, REASONED = f"{FOLDER}/answer.jinja", f"{FOLDER}/reason.jinja"
QUESTION_MACROS = "cot/question.jinja"
PARSED = "parsed"
NO_VOTE = "no_answer"

Positions = tuple[int, ...]
"""An answer: places of options in the source's order, ascending."""


class Sample(NamedTuple):
    """One sample's answer, if it has any, its verdict, and the tokens read and written, if they are known."""

    answer: Positions | None
    verdict: str
    prompt_tokens: int | None
    completion_tokens: int | None


VOTE_SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "answer": pl.List(pl.Int32),
        "right": pl.Boolean(),
        "share": pl.Float64(),
        "tied": pl.Boolean(),
        "samples": pl.Int64(),
        "votes": pl.List(pl.List(pl.Int32)),
        "unparsed": pl.Int64(),
        "truncated": pl.Int64(),
        "failed": pl.Int64(),
        "prompt_tokens": pl.Int64(),
        "completion_tokens": pl.Int64(),
        "uncounted": pl.Int64(),
    }
)
"""One question: the vote's winner in the source's order (null without a parsed sample) and whether it equals gold.

``votes`` has every sample's answer in the order of the samples, null where a sample has none; ``unparsed`` counts all
of those, ``truncated`` and ``failed`` the ones that broke off or were never answered. Tokens are those of all samples;
``uncounted`` samples came without a count.
"""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Strategy:
    """How a question with options is put to a model and when its vote stops.

    - ``reason``: ask for steps before the answer, or for the answer alone
    - ``samples``: the most samples of a question, at ``temperature``
    - ``shuffle``: show a different order of the options to each sample
    - ``stop``: the rule that ends a vote early; ``confidence`` is the Beta rule's
    - ``prompts``: the hash of the prompt files
    """

    generated_by: Author
    name: StrategyName = "cot"
    reason: bool = True
    samples: Annotated[int, Field(ge=1, le=1000)] = 1
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    shuffle: bool = False
    stop: StopRule = "decided"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    max_tokens: Annotated[int, Field(ge=4)] = 512
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    prompts: str = Field(default_factory=lambda: prompt_files.digest(DIRECT, REASONED, QUESTION_MACROS))

    @classmethod
    def named(cls, name: StrategyName, generated_by: Author, **changes: Any) -> Self:
        """Return the strategy of this name with its usual settings, but for ``changes``."""
        return cls(generated_by=generated_by, name=name, **{**USUAL[name], **changes})


USUAL: dict[StrategyName, dict[str, Any]] = {
    "greedy": {"reason": False, "max_tokens": 256},
    "cot": {},
    "self-consistency": {"samples": 20, "temperature": 0.7},
    "medprompt": {"samples": 5, "temperature": 0.7, "shuffle": True},
}
"""Settings of each strategy. Medprompt's examples are a column of the rows (``solved_examples.with_examples``)."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question with options, the examples to show before it, and the order of its options in each sample."""

    record: Record
    examples: tuple[tuple[str, str], ...]
    orders: tuple[Order, ...]


def questions(rows: pl.DataFrame, config: Strategy) -> Iterator[Question]:
    """Yield the rows that have options, with the worked examples of their column ``examples`` if there is one."""
    eligible = rows.filter(pl.col("options").list.len() > 1)
    shown = eligible["examples"].to_list() if "examples" in eligible.columns else [None] * eligible.height
    for record, examples in zip(records(eligible.select(SCHEMA.names())), shown, strict=True):
        pairs = tuple((one["prompt"], one["chain"]) for one in examples or ())
        yield Question(record=record, examples=pairs, orders=orders_of(record, config))


def orders_of(record: Record, config: Strategy) -> tuple[Order, ...]:
    """Return the order of the options in each sample; the source's without ``shuffle`` and for yes, no and maybe."""
    places = len(record.options)
    pinned = pinned_options(record.options) if config.shuffle and has_letters(record) else range(places)
    return tuple(distinct_orders(record.id, places, config.samples, seed=config.seed, pinned=pinned))


def question_turns(record: Record, order: Order, *, reason: bool, examples: bool = False) -> tuple[Message, ...]:
    """Return the system's and the user's turn that ask a question with its options in ``order``."""
    return render_turns(
        REASONED if reason else DIRECT,
        stem=question_of(record),
        options=[record.options[place] for place in order],
        context=record.context,
        lettered=has_letters(record),
        several=allows_several(record),
        **({"examples": examples} if reason else {}),
    )


def sample_request(question: Question, sample: int, config: Strategy) -> Request:
    """Return the request of one sample; worked examples are turns before the question, the nearest one last."""
    system, user = question_turns(
        question.record, question.orders[sample], reason=config.reason, examples=bool(question.examples)
    )
    shown = [
        Message(role, text)
        for prompt, chain in question.examples
        for role, text in (("user", prompt), ("assistant", chain))
    ]
    sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens, seed=config.seed)
    return Request(
        row=question.record.id,
        stage=f"{FOLDER}/{config.name}",
        messages=(system, *shown, user),
        sampling=sampling,
        sample=sample,
    )


def first_samples(question: Question, config: Strategy) -> list[Request]:
    """Return the samples that every vote needs."""
    return [sample_request(question, sample, config) for sample in range(_needed({}, 0, config))]


def further_samples(
    questions: list[Question], candidates: pl.DataFrame, config: Strategy
) -> Iterator[tuple[Question, Request]]:
    """Yield the next samples of every question whose vote may still change."""
    answers = _answers(candidates)
    for question in questions:
        known = answers.get(question.record.id, {})
        counts = vote(known[sample].answer for sample in sorted(known)).counts
        used = max(known, default=-1) + 1
        for sample in range(used, used + _needed(counts, used, config)):
            yield question, sample_request(question, sample, config)


def _needed(counts: Any, used: int, config: Strategy) -> int:
    return samples_needed(counts, config.samples - used, config.stop, config.confidence)


def read_sample(question: Question, request: Request, completion: Completion, config: Strategy) -> Reading:
    """Return the answer of a sample as places in the source's order, or why it has none."""
    record, order = question.record, question.orders[request.sample]
    shown = [record.options[place] for place in order]
    answer = extract(completion.text, shown, record.lang, several=allows_several(record))
    if answer.outcome != PARSED:
        return Reading(answer.outcome, detail=answer.how)
    places = sorted(order[position] for position in answer.positions)
    return Reading(PARSED, orjson.dumps(places).decode(), answer.how)


def count_votes(rows: pl.DataFrame, questions: list[Question], candidates: pl.DataFrame, config: Strategy) -> Outcome:
    """Return the rows, those without an answer dropped (``no_answer``), and the table ``votes`` (``VOTE_SCHEMA``)."""
    answers = _answers(candidates)
    votes = [_vote_row(question.record, answers.get(question.record.id, {})) for question in questions]
    table = pl.DataFrame(votes, VOTE_SCHEMA)
    unanswered = {row["id"]: f"{row['unparsed']} of {row['samples']} samples" for row in votes if row["answer"] is None}
    reasons = [(NO_VOTE, unanswered[id]) if id in unanswered else (None, None) for id in rows["id"]]
    return Outcome(rows=with_reasons(rows, reasons), tables={"votes": table})


def _vote_row(record: Record, known: dict[int, Sample]) -> dict[str, Any]:
    samples = [known[sample] for sample in sorted(known)]
    result = vote(one.answer for one in samples)
    verdicts = [one.verdict for one in samples]
    return {
        "id": record.id,
        "answer": None if result.winner is None else list(result.winner),
        "right": result.winner is not None and result.winner == tuple(sorted(record.gold)),
        "share": result.share,
        "tied": result.tied,
        "samples": len(samples),
        "votes": [None if one.answer is None else list(one.answer) for one in samples],
        "unparsed": result.unparsed,
        "truncated": verdicts.count(TRUNCATED),
        "failed": verdicts.count(FAILED),
        "prompt_tokens": sum(one.prompt_tokens or 0 for one in samples),
        "completion_tokens": sum(one.completion_tokens or 0 for one in samples),
        "uncounted": sum(one.prompt_tokens is None or one.completion_tokens is None for one in samples),
    }


def _answers(candidates: pl.DataFrame) -> dict[str, dict[int, Sample]]:
    """Return the samples of each row by their number."""
    samples: dict[str, dict[int, Sample]] = defaultdict(dict)
    columns = ("id", "sample", "parsed", "verdict", "prompt_tokens", "completion_tokens")
    for id, sample, parsed, verdict, prompt, written in candidates.select(columns).iter_rows():
        samples[id][sample] = Sample(tuple(orjson.loads(parsed)) if parsed else None, verdict, prompt, written)
    return samples


STAGE: Stage[Question, Strategy] = Stage(
    items=questions,
    requests_of=first_samples,
    follow_up=further_samples,
    read=read_sample,
    finish=count_votes,
)
"""The stage of a strategy over rows with options."""


def text_of(turns: Iterable[Message]) -> str:
    """Return the user's turn of a question, as an example shows it."""
    return next(turn.content for turn in turns if turn.role == "user")
