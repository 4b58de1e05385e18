"""Verified chains of thought: sample, keep what agrees with gold, ask again until something does or a cap is reached.

Rejection sampling as in STaR (Zelikman et al. 2022, arXiv 2203.14465) and Aloe Beta (arXiv 2505.04388). Where gold is
withheld and a question was failed so many times, a rationale may be asked for with gold as a hint; it counts only if a
model reaches gold from it alone, without the question and without its last line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import polars as pl

from sources.record import Record
from sources.table import records
from synth.cot.chain_settings import HINTED, RECHECK, STAGE, Cot
from synth.cot.chain_verdicts import CASE_SCHEMA, RIGHT, TRUNCATED, UNPARSED, argument, chosen, reply
from synth.cot.chosen_chains import KEPT, settle
from synth.prompting.generators import lettered, letters, several
from synth.prompting.option_orders import Order
from synth.prompting.turns import conversation
from synth.teachers.candidates import CANDIDATE_SCHEMA, FAILED, candidate, candidate_table
from synth.teachers.teacher import Answered, Completion, Failure, Request, Sampling

Ask = Callable[[Iterable[Request]], Iterator[Answered]]

RECHECK_PROMPT = "cot/recheck.jinja"
RECHECK_TOKENS = 256


def requests(rows: pl.DataFrame, config: Cot) -> list[Request]:
    """Return the first round: ``samples`` requests for every row that can be asked."""
    return next_requests(rows, pl.DataFrame(schema=CANDIDATE_SCHEMA), config)


def next_requests(rows: pl.DataFrame, candidates: pl.DataFrame, config: Cot) -> list[Request]:
    """Return what is still to be asked, given all candidates so far: nothing, once every row is done.

    A row is done with a right chain or when its rounds, hints and rechecks are used up; a request that failed is used.
    """
    tried: dict[str, dict[tuple[str, int], Mapping[str, str]]] = {}
    for one in candidates.select("id", "stage", "sample", "verdict", "text").iter_rows(named=True):
        tried.setdefault(one["id"], {})[one["stage"], one["sample"]] = one
    return [
        request
        for record in generate_rounds(rows, config)
        for request in _next(record, tried.get(record.id, {}), config)
    ]


def generate_rounds(rows: pl.DataFrame, config: Cot) -> Iterator[Record]:
    """Yield the rows that the generator takes."""
    named = rows.filter(pl.col("source").is_in(config.sources)) if config.sources else rows
    return (record for record in records(named) if config.prompt.takes(record))


def assess(rows: pl.DataFrame, answered: Iterable[Answered], config: Cot) -> pl.DataFrame:
    """Return every completion as a candidate (``CANDIDATE_SCHEMA``) with its verdict, each judged by itself.

    Verdicts are those of ``cot_replies`` and ``chains``; a recheck ``agrees``, ``disagrees`` or is ``unparsed``.
    ``ValueError`` for an answer to a row that is not among ``rows``.
    """
    known = {record.id: record for record in generate_rounds(rows, config)}
    made = []
    for request, answer in answered:
        if request.row not in known:
            raise ValueError(f"an answer for row {request.row!r}, which was not asked; give the rows that were asked")
        made.append(candidate(request, answer, config.by, *_read(known[request.row], request, answer, config)))
    return candidate_table(made)


def judge(rows: pl.DataFrame, answered: Iterable[Answered], config: Cot) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows with their chains as responses, ``drop`` and ``evidence``, and all candidates, settled.

    See ``cot_rows.settle`` for what becomes of rows and verdicts.
    """
    return decide(rows, assess(rows, answered, config), config)


def decide(rows: pl.DataFrame, candidates: pl.DataFrame, config: Cot) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows and candidates as ``judge`` does, from candidates that were assessed before."""
    return settle(rows, candidates, list(generate_rounds(rows, config)), config)


def write(rows: pl.DataFrame, ask: Ask, config: Cot) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ask round by round until nothing is left to ask, and return what ``judge`` does.

    A request that ``ask`` leaves without an answer, as at the end of a budget, is not asked again.
    """
    table = pl.DataFrame(schema=CANDIDATE_SCHEMA)
    sent: set[tuple[str, str, int]] = set()
    while wanted := [one for one in next_requests(rows, table, config) if _sample_index(one) not in sent]:
        sent.update(map(_sample_index, wanted))
        table = pl.concat([table, assess(rows, ask(wanted), config)])
    return decide(rows, table, config)


def _sample_index(request: Request) -> tuple[str, str, int]:
    return request.row, request.stage, request.sample


def _next(record: Record, tried: Mapping[tuple[str, int], Mapping[str, str]], config: Cot) -> list[Request]:
    done = {stage: {s for at, s in tried if at == stage} for stage in (STAGE, HINTED, RECHECK)}
    right = {place for place, one in tried.items() if one["verdict"] in (RIGHT, KEPT)}
    if any(stage == STAGE for stage, _ in right):
        return []
    for first in range(0, config.samples * config.rounds, config.samples):
        if missing := [s for s in range(first, first + config.samples) if s not in done[STAGE]]:
            return [_chain_request(record, STAGE, sample, config) for sample in missing]
    if missing := [s for s in range(config.hints) if s not in done[HINTED]]:
        return [_chain_request(record, HINTED, sample, config) for sample in missing]
    return [
        _recheck_request(record, sample, tried[HINTED, sample]["text"], config)
        for sample in sorted(done[HINTED] - done[RECHECK])
        if (HINTED, sample) in right
    ]


def _chain_request(record: Record, stage: str, sample: int, config: Cot) -> Request:
    sampling = Sampling(
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
        seed=config.seed,
        json_schema=CASE_SCHEMA if config.prompt.case else None,
    )
    given = config.gold == "given" or stage == HINTED
    messages = config.prompt.messages(record, config.order(record, stage, sample), given=given)
    return Request(row=record.id, stage=stage, messages=messages, sampling=sampling, sample=sample)


def _recheck_request(record: Record, sample: int, text: str, config: Cot) -> Request:
    """Return the request to answer from a rationale alone: with the options it speaks of, without the question."""
    seen = config.order(record, HINTED, sample)
    read = reply(record, seen, Completion(text=text, finish_reason="stop"), config)
    messages = conversation(
        RECHECK_PROMPT,
        options=record.options,
        lettered=lettered(record),
        several=several(record),
        argument=argument(record, seen, read.chain),
    )
    sampling = Sampling(temperature=0.0, max_tokens=RECHECK_TOKENS, seed=config.seed)
    return Request(row=record.id, stage=RECHECK, messages=messages, sampling=sampling, sample=sample)


def _read(
    record: Record, request: Request, answer: Completion | Failure, config: Cot
) -> tuple[str, str | None, str | None]:
    """Return (verdict, parsed, detail) of what came back; those of a failure are its own."""
    if isinstance(answer, Failure):
        return FAILED, None, None
    seen = config.order(record, request.stage, request.sample)
    if request.stage == RECHECK:
        return _rechecked(record, seen, answer)
    read = reply(record, seen, answer, config)
    return read.verdict, read.parsed, read.detail


def _rechecked(record: Record, seen: Order, completion: Completion) -> tuple[str, str | None, str | None]:
    if completion.ended != "stop":
        return TRUNCATED, None, completion.finish_reason
    verdict = chosen(record, seen, completion.text)
    if verdict.outcome != "parsed" or not verdict.explicit:
        return UNPARSED, None, verdict.how
    parsed = letters(verdict.positions) if lettered(record) else verdict.decision
    return "agrees" if set(verdict.positions) == set(record.gold) else "disagrees", parsed, verdict.how
