"""Verified chains of thought by rejection sampling: rounds of samples until a chain gives the gold answer.

As in STaR (Zelikman et al. 2022, arXiv 2203.14465) and Aloe Beta (arXiv 2505.04388). After the last failed round a
chain may be requested with gold as a hint; it counts only if a model reaches gold from the chain alone, without the
question and without the chain's last line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from sources.record import Record
from sources.table import records
from synth.cot.chain_settings import HINTED, RECHECK, SAMPLED, Chains, Cot
from synth.cot.chain_verdicts import CASE_SCHEMA, RIGHT, judge_reply, parse_choice, remove_answer
from synth.cot.chosen_chains import KEPT, EligibleRow, choose_chains
from synth.prompting.generators import allows_several, has_letters, letters
from synth.prompting.turns import render_turns
from synth.teachers.candidates import UNPARSED
from synth.teachers.stage import Reading, Stage, of_sources
from synth.teachers.teacher import Completion, Request, Sampling

RECHECK_PROMPT = "cot/recheck.jinja"
RECHECK_TOKENS = 256


def eligible_rows(rows: pl.DataFrame, config: Chains) -> Iterator[EligibleRow]:
    """Yield the rows that a generator takes, each with its generator."""
    for record in records(of_sources(rows, config.sources)):
        generator = config.generator_of(record.source)
        if generator and generator.prompt.takes(record):
            yield EligibleRow(record, generator)


def first_round(row: EligibleRow, config: Chains) -> list[Request]:
    """Return the ``samples`` requests of a row's first round."""
    return _next(row.record, {}, row.generator)


def next_round(
    eligible: list[EligibleRow], candidates: pl.DataFrame, config: Chains
) -> Iterator[tuple[EligibleRow, Request]]:
    """Yield the further requests, given all candidates so far; none once every row is done.

    A row is done with a right chain or when its rounds, hints and rechecks are used up; a failed request is used.
    """
    tried: dict[str, dict[tuple[str, int], Mapping[str, str]]] = {}
    for one in candidates.select("id", "stage", "sample", "verdict", "text").iter_rows(named=True):
        tried.setdefault(one["id"], {})[one["stage"], one["sample"]] = one
    for row in eligible:
        for request in _next(row.record, tried.get(row.record.id, {}), row.generator):
            yield row, request


def read_reply(row: EligibleRow, request: Request, completion: Completion, config: Chains) -> Reading:
    """Return the verdict on a completion.

    Verdicts are those of ``chain_verdicts`` and ``chain_defects``; a recheck ``agrees``, ``disagrees`` or is
    ``unparsed``.
    """
    record, generator = row
    order = generator.order(record, request.stage, request.sample)
    if request.stage != RECHECK:
        read = judge_reply(record, order, completion, generator)
        return Reading(read.verdict, read.parsed, read.detail)
    verdict = parse_choice(record, order, completion.text)
    if verdict.outcome != "parsed" or not verdict.explicit:
        return Reading(UNPARSED, None, verdict.how)
    parsed = letters(verdict.positions) if has_letters(record) else verdict.decision
    return Reading("agrees" if set(verdict.positions) == set(record.gold) else "disagrees", parsed, verdict.how)


def _next(record: Record, tried: Mapping[tuple[str, int], Mapping[str, str]], config: Cot) -> list[Request]:
    done = {stage: {s for at, s in tried if at == stage} for stage in (SAMPLED, HINTED, RECHECK)}
    right = {place for place, one in tried.items() if one["verdict"] in (RIGHT, KEPT)}
    if any(stage == SAMPLED for stage, _ in right):
        return []
    for first in range(0, config.samples * config.rounds, config.samples):
        if missing := [s for s in range(first, first + config.samples) if s not in done[SAMPLED]]:
            return [_chain_request(record, SAMPLED, sample, config) for sample in missing]
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
    """Return the request to answer from a chain alone: with the options, without the question."""
    order = config.order(record, HINTED, sample)
    read = judge_reply(record, order, Completion(text=text, finish_reason="stop"), config)
    messages = render_turns(
        RECHECK_PROMPT,
        options=record.options,
        lettered=has_letters(record),
        several=allows_several(record),
        argument=remove_answer(record, order, read.chain),
    )
    sampling = Sampling(temperature=0.0, max_tokens=RECHECK_TOKENS, seed=config.seed)
    return Request(row=record.id, stage=RECHECK, messages=messages, sampling=sampling, sample=sample)


CHAINS = Stage(
    items=eligible_rows,
    requests_of=first_round,
    follow_up=next_round,
    read=read_reply,
    finish=choose_chains,
    author=lambda row, config: row.generator.generated_by,
    sources=lambda config: config.sources,
    part=lambda row, config: row.generator.generator,
)
"""Chains as responses of the rows, every completion as ``candidates``, and ``generators`` of the eligible rows."""
