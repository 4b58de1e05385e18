"""Items of a benchmark asked with a strategy: samples, votes and worked examples, as results and as a cost curve."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import xxhash

from quality.embeddings import Embed
from sources.record import Message, Record
from sources.table import SCHEMA, frame
from synth.strategies.cost_curve import CostMeter, CurvePoint, Sampled, accuracy_by_calls, sampling_figures
from synth.strategies.solved_examples import ExamplePool, solved_rows, verified_pool, with_examples
from synth.strategies.strategy_stage import STAGE, Strategy, question_turns
from synth.teachers.candidates import FAILED, TRUNCATED
from synth.teachers.teacher import Ask, Completion, Request, Sampling
from training.evaluation.evaluation_record import CurvePart, Score, StrategyScores
from training.evaluation.item_results import CREDIT, Item, ItemResult, Verdict, choice_verdict
from training.evaluation.statistics import wilson

TOO_LONG = re.compile(
    r"context (?:length|size|window)|maximum context|too (?:long|large|many tokens)"
    r"|exceeds?\b.{0,40}\b(?:context|tokens)|tokens.{0,60}\b(?:holds|exceed)",
    re.IGNORECASE,
)
"""Errors of servers and models to a prompt that does not fit."""

PROBE_STAGE = "strategies/probe"
PROBE_TOKENS = 64


@dataclass(frozen=True, kw_only=True)
class ExampleSource:
    """Where worked examples come from: rows of a training corpus, how many of them to solve, and the embedder."""

    rows: tuple[Record, ...]
    size: int
    embed: Embed
    k: int


@dataclass(frozen=True, kw_only=True)
class StrategyRun:
    """The results of all items, one each, and what the strategy took."""

    results: list[ItemResult]
    scores: StrategyScores


def run_strategy(
    items: Sequence[Item], config: Strategy, ask: Ask, examples: ExampleSource | None = None
) -> StrategyRun:
    """Ask about items with a strategy, and return one result for each: the vote, with its share as confidence.

    Worked examples are left out for a model that reasons by itself (arXiv 2411.03590), and are fewer for a question
    whose prompt does not fit into the context; the scores report both.
    """
    meter = CostMeter(ask)
    rows = frame([item_record(item) for item in items])
    notes: list[str] = []
    pool: dict[str, int] = {}
    if examples and reasons_by_itself(items[0], config, ask):
        notes.append("no worked examples: the model reasons by itself, and examples harm such models")
        examples = None
    if examples:
        solved = solve_pool(examples, rows, config, ask)
        pool = dict(sorted(Counter(solved.drops["drop_reason"].to_list()).items())) | {"kept": solved.rows.height}
        rows = with_examples(rows, solved.rows, examples.embed, examples.k) if solved.rows.height else rows
        if not solved.rows.height:
            notes.append("no worked examples: the model solved no row of the pool")
    votes, candidates, shown = _ask_with_fewer(rows, config, meter)
    if any(count < (examples.k if examples else 0) for count in shown):
        notes.append("fewer worked examples for some questions: the prompt did not fit into the model's context")
    texts = {
        (id, sample): (text, verdict, detail)
        for id, sample, text, verdict, detail in candidates.select(
            "id", "sample", "text", "verdict", "detail"
        ).iter_rows()
    }
    by_id = {row["id"]: row for row in votes.iter_rows(named=True)}
    results = [_result(item, by_id[item.id], texts, meter) for item in items]
    return StrategyRun(results=results, scores=_scores(items, by_id, meter, shown, pool, notes))


def item_record(item: Item) -> Record:
    """Return an item as a record, for the stages of synthesis."""
    return Record(
        id=item.id,
        source=item.benchmark,
        license="",
        task=item.task,
        lang=item.lang,
        split="test",
        file="",
        line=0,
        messages=(Message("user", item.question),),
        context=item.context,
        options=item.options,
        gold=item.gold,
        answer=item.answer,
    )


def reasons_by_itself(item: Item, config: Strategy, ask: Ask) -> bool:
    """Return whether the model writes its reasoning separately from its answer, by one question without examples."""
    record = item_record(item)
    turns = question_turns(record, tuple(range(len(record.options))), reason=True)
    sampling = Sampling(temperature=0.0, max_tokens=PROBE_TOKENS, seed=config.seed)
    request = Request(row=item.id, stage=PROBE_STAGE, messages=turns, sampling=sampling)
    return any(isinstance(reply, Completion) and bool(reply.reasoning) for _, reply in ask([request]))


def solve_pool(examples: ExampleSource, test: pl.DataFrame, config: Strategy, ask: Ask) -> ExamplePool:
    """Return the rows that the model solved with a chain of thought, none of which leaks an item of ``test``."""
    ranked = sorted(examples.rows, key=lambda row: (xxhash.xxh64_intdigest(row.id.encode(), config.seed), row.id))
    rows = frame(ranked[: examples.size])
    chain = Strategy.named("cot", config.generated_by, max_tokens=config.max_tokens, seed=config.seed)
    outcome = STAGE.run(rows, chain, ask)
    return verified_pool(solved_rows(rows, outcome.tables["candidates"]), test.select(SCHEMA.names()))


def _ask_with_fewer(
    rows: pl.DataFrame, config: Strategy, ask: Ask
) -> tuple[pl.DataFrame, pl.DataFrame, dict[int, int]]:
    """Run the stage, again with half as many examples for questions whose prompts did not fit, down to none."""
    votes: list[pl.DataFrame] = []
    candidates: list[pl.DataFrame] = []
    shown: dict[int, int] = {}
    pending = rows
    while pending.height:
        outcome = STAGE.run(pending, config, ask)
        stage_votes, replies = outcome.tables["votes"], outcome.tables["candidates"]
        lengths = pending["examples"].list.len().to_list() if "examples" in pending.columns else [0]
        count = max(lengths)
        failed = replies.filter(pl.col("verdict") == FAILED).select("id", "detail").iter_rows()
        again = {id for id, detail in failed if count and TOO_LONG.search(detail or "")}
        done = ~pl.col("id").is_in(list(again))
        votes.append(stage_votes.filter(done))
        candidates.append(replies.filter(done))
        shown[count] = shown.get(count, 0) + votes[-1].height
        pending = pending.filter(~done)
        if pending.height:
            pending = pending.with_columns(pl.col("examples").list.tail(count // 2))
    return pl.concat(votes), pl.concat(candidates), {k: n for k, n in shown.items() if n}


def _result(
    item: Item, row: dict[str, Any], texts: dict[tuple[str, int], tuple[str | None, str, str | None]], meter: CostMeter
) -> ItemResult:
    votes: list[list[int] | None] = row["votes"]
    answer: list[int] | None = row["answer"]
    cost = meter.by_row.get(item.id)
    first = next((place for place, vote in enumerate(votes) if vote == answer), 0)
    text, sample_verdict, detail = texts.get((item.id, first), (None, FAILED, None))
    verdict: Verdict
    if answer is None:
        reasons: dict[str, Verdict] = {TRUNCATED: "truncated", FAILED: "failed", "ambiguous": "ambiguous"}
        verdict, how = reasons.get(sample_verdict, "unparsed"), detail or sample_verdict
    else:
        verdict, how = choice_verdict(item, tuple(answer)), "tied vote" if row["tied"] else "vote"
    return ItemResult(
        item=item.id,
        benchmark=item.benchmark,
        subset=item.subset,
        cluster=item.cluster,
        order=0,
        sample=0,
        verdict=verdict,
        how=how,
        chosen=tuple(answer or ()),
        gold=item.gold,
        shown=tuple(range(len(item.options))),
        score=CREDIT.get(verdict),
        confidence=row["share"] if answer is not None and len(votes) > 1 else None,
        text=text,
        prompt_tokens=cost.prompt_tokens if cost else None,
        completion_tokens=cost.completion_tokens if cost else None,
        request_seconds=cost.request_seconds if cost else 0.0,
    )


def _scores(
    items: Sequence[Item],
    by_id: dict[str, dict[str, Any]],
    meter: CostMeter,
    shown: dict[int, int],
    pool: dict[str, int],
    notes: list[str],
) -> StrategyScores:
    sampled: list[Sampled] = []
    for item in items:
        answers = [None if vote is None else tuple(vote) for vote in by_id[item.id]["votes"]]
        sampled.append((answers, tuple(sorted(item.gold))))
    total = meter.total
    figures = sampling_figures(sampled)
    assert figures is not None, "a benchmark has an item"
    tokens = total.prompt_tokens + total.completion_tokens
    per_call = None if total.uncounted or not total.calls else tokens / total.calls
    return StrategyScores(
        calls=total.calls,
        prompt_tokens=total.prompt_tokens,
        completion_tokens=total.completion_tokens,
        uncounted=total.uncounted,
        request_seconds=total.request_seconds,
        single=figures.single,
        pass_any=figures.pass_any,
        agreement=figures.agreement,
        tied=figures.tied,
        unparsed=figures.unparsed,
        curve=[_curve_part(point, per_call) for point in _curve(sampled)],
        shown=shown,
        pool=pool,
        notes=notes,
    )


def _curve(sampled: Sequence[Sampled]) -> Iterable[CurvePoint]:
    """Yield the points that are known: all of them where every question has all of its samples.

    A vote that stopped early is compared by its first samples, as many as every question has, and by its end.
    """
    fewest = min(len(answers) for answers, _ in sampled)
    if fewest == max(len(answers) for answers, _ in sampled):
        yield from accuracy_by_calls(sampled) if fewest > 1 else accuracy_by_calls(sampled, rules=())
        return
    final_point = accuracy_by_calls(sampled, rules=())[-1]
    mean = sum(len(answers) for answers, _ in sampled) / len(sampled)
    yield from accuracy_by_calls([(answers[:fewest], gold) for answers, gold in sampled], rules=())
    yield replace(final_point, name="as it stopped", calls=mean)


def _curve_part(point: CurvePoint, tokens_per_call: float | None) -> CurvePart:
    accuracy = Score.of(wilson(point.right, point.items), point.items)
    tokens = None if tokens_per_call is None else point.calls * tokens_per_call
    return CurvePart(name=point.name, calls=point.calls, tokens=tokens, accuracy=accuracy, changed=point.changed)
