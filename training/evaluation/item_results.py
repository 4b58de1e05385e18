"""One answer of a model to one item: what it chose, whether that is right, and why it counts as neither."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple, get_args

import polars as pl

from sources.record import Message
from sources.shapes.benchmark_shapes import NumberType

ItemKind = Literal["choice", "open", "number", "error"]
"""``number`` asks for a value between limits, ``error`` for the wrong sentence of a note."""

Verdict = Literal[
    "right", "wrong", "scored", "unjudged", "abstained", "unparsed", "ambiguous", "truncated", "filtered", "failed"
]
"""``scored`` is an open answer with a value in ``score``, ``unjudged`` one that its judge failed to score, which is in
no mean. ``abstained`` chose an option that says one does not know, where another is right. It and the five after it
are no answers, each counted by itself.
"""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

CREDIT: dict[Verdict, float] = {"right": 1.0, "wrong": 0.0}
"""The score of an answer that is right or wrong."""

NO_ANSWER: tuple[Verdict, ...] = ("abstained", "unparsed", "ambiguous", "truncated", "filtered", "failed")
"""Counted as not right in an accuracy over all items, and never as wrong."""


class Criterion(NamedTuple):
    """What a reply must do, its points, negative ones for what it must not do, and its tags (``axis:accuracy``)."""

    text: str
    points: float
    tags: tuple[str, ...] = ()


class NumberLimits(NamedTuple):
    """The limits of a numeric answer, both included, as the publisher writes them, and the type of their values."""

    type: NumberType
    lower: str
    upper: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """One question of a benchmark.

    ``benchmark`` is the name under which it is evaluated, ``task`` the task of its row, ``subset`` its subject or
    category. ``options`` are in the source's order, ``gold`` are positions in them, none for an open question, whose
    reference is ``answer``. ``several`` if items of the benchmark may have several right options. ``cluster`` names
    the passage or vignette that it shares with other items. ``conversation`` are the turns of an item that is more than
    a question, ``criteria`` those by which a judge grades the reply; ``clipped`` if the score of each reply is clipped
    to 0 to 1. ``abstain`` are positions of options that say one does not know. ``number`` are the limits of a numeric
    answer, ``sentences`` those of a note, of which the one numbered ``gold`` is wrong and ``answer`` its correction.
    """

    id: str
    benchmark: str
    kind: ItemKind
    task: str
    lang: str
    question: str
    context: str | None = None
    options: tuple[str, ...] = ()
    gold: tuple[int, ...] = ()
    several: bool = False
    answer: str | None = None
    subset: str | None = None
    cluster: str | None = None
    conversation: tuple[Message, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    clipped: bool = False
    abstain: tuple[int, ...] = ()
    number: NumberLimits | None = None
    sentences: tuple[tuple[int, str], ...] = ()


def choice_verdict(item: Item, chosen: tuple[int, ...]) -> Verdict:
    """Return what a choice of options is: right, abstained, or wrong."""
    if set(chosen) == set(item.gold):
        return "right"
    return "abstained" if chosen and set(chosen) <= set(item.abstain) else "wrong"


@dataclass(frozen=True, kw_only=True)
class ItemResult:
    """One row of ``items.parquet``: an item, in one order of its options, in one sample.

    - ``order``: number of the order, 0 for the source's; ``shown``: for each letter, the source's position
    - ``chosen``: positions in the source's order, or the number of a note's wrong sentence; empty unless the verdict is
      right, wrong or abstained
    - ``how``: how the answer was read, or the reason why there is none
    - ``score``: from 0 to 1 for an open answer by its metric; 1 or 0 for right and wrong; None for no answer
    - ``confidence``: probability of the chosen option among the options; None where it is not known
    - ``logprobs``: log-likelihood of each option, in the source's order
    - ``overlap``: ROUGE-1, ROUGE-2 and ROUGE-L of an open answer
    - ``leaked``: whether decontamination found the item in the model's training release; None where it was not checked
    - ``text``: what the model wrote
    - ``request_seconds``: the time of all requests for the row, added up; requests run at the same time
    """

    item: str
    benchmark: str
    subset: str | None
    cluster: str | None
    order: int
    sample: int
    verdict: Verdict
    how: str
    chosen: tuple[int, ...] = ()
    gold: tuple[int, ...] = ()
    shown: tuple[int, ...] = ()
    score: float | None = None
    confidence: float | None = None
    logprobs: tuple[float, ...] | None = None
    overlap: tuple[float, ...] | None = None
    leaked: bool | None = None
    text: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    request_seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What is compared between models: the same item, order and sample."""
        return self.benchmark, self.item, self.order, self.sample

    @property
    def credit(self) -> float:
        """The score over all items: what is no answer earns nothing."""
        return self.score or 0.0


_COLUMNS: dict[str, type[pl.DataType] | pl.DataType] = {
    "item": pl.String,
    "benchmark": pl.String,
    "subset": pl.String,
    "cluster": pl.String,
    "order": pl.Int32,
    "sample": pl.Int32,
    "verdict": pl.String,
    "how": pl.String,
    "chosen": pl.List(pl.Int32),
    "gold": pl.List(pl.Int32),
    "shown": pl.List(pl.Int32),
    "score": pl.Float64,
    "confidence": pl.Float64,
    "logprobs": pl.List(pl.Float64),
    "overlap": pl.List(pl.Float64),
    "leaked": pl.Boolean,
    "text": pl.String,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "request_seconds": pl.Float64,
}

RESULT_SCHEMA = pl.Schema(_COLUMNS)
"""``ItemResult`` as columns."""

TUPLES = frozenset({"chosen", "gold", "shown", "logprobs", "overlap"})


def result_table(results: Iterable[ItemResult]) -> pl.DataFrame:
    """Return results as a table of ``RESULT_SCHEMA``, by benchmark, item, order and sample."""
    listed: Sequence[ItemResult] = sorted(results, key=lambda one: one.key)
    return pl.DataFrame(
        {
            f.name: pl.Series(f.name, [_cell(getattr(one, f.name)) for one in listed], RESULT_SCHEMA[f.name])
            for f in fields(ItemResult)
        }
    )


def _cell(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def item_results(table: pl.DataFrame) -> Iterator[ItemResult]:
    """Yield the rows of a table of ``RESULT_SCHEMA``."""
    for row in table.select(RESULT_SCHEMA.names()).iter_rows(named=True):
        for name in TUPLES:
            row[name] = None if row[name] is None else tuple(row[name])
        yield ItemResult(**row)
