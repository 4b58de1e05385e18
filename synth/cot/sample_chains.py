"""Verified chains of thought by rejection sampling: rounds of samples until a chain gives the gold answer.

As in STaR (Zelikman et al. 2022, arXiv 2203.14465) and Aloe Beta (arXiv 2505.04388). After the last failed round a
wrong chain may be repaired once, and a chain may be requested with gold as a hint; either counts only if a model
reaches gold from the chain alone, without the question and without the chain's last line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from sources.record import Record
from sources.table import records
from synth.cot.chain_settings import HINTED, RECHECKS, REPAIR, REPAIR_RECHECK, SAMPLED, Chains, Cot
from synth.cot.chain_verdicts import CASE_SCHEMA, RIGHT, WRONG, judge_stage_reply, parse_choice, remove_answer
from synth.cot.chosen_chains import KEPT, EligibleRow, choose_chains
from synth.cot.repair import repair_messages
from synth.prompting.generators import allows_several, has_letters, letters
from synth.prompting.turns import render_turns
from synth.teachers.candidates import UNPARSED
from synth.teachers.stage import Reading, Stage, named_sources, of_sources
from synth.teachers.teacher import Completion, Request, Sampling
from synth.teachers.thinking import after_thought

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
    if request.stage not in RECHECKS.values():
        read = judge_stage_reply(record, request.stage, order, completion, generator)
        return Reading(read.verdict, read.parsed, read.detail)
    verdict = parse_choice(record, order, completion.text)
    if verdict.outcome != "parsed" or not verdict.explicit:
        return Reading(UNPARSED, None, verdict.how)
    places = [order[place] for place in verdict.positions]
    parsed = letters(places) if has_letters(record) else verdict.decision
    return Reading("agrees" if set(places) == set(record.gold) else "disagrees", parsed, verdict.how)


def _next(record: Record, tried: Mapping[tuple[str, int], Mapping[str, str]], config: Cot) -> list[Request]:
    """Return the next requests of a row: a round of samples, then a repair, then hints, each with its recheck."""
    verdicts = {place: one["verdict"] for place, one in tried.items()}
    if any(stage == SAMPLED and verdict in (RIGHT, KEPT) for (stage, _), verdict in verdicts.items()):
        return []
    for numbers in config.rounds_of_samples():
        if missing := [sample for sample in numbers if (SAMPLED, sample) not in tried]:
            return [_chain_request(record, SAMPLED, sample, config) for sample in missing]
    wrong = sorted(sample for (stage, sample), verdict in verdicts.items() if (stage, verdict) == (SAMPLED, WRONG))
    if config.repair_share and wrong and (REPAIR, wrong[0]) not in tried:
        return [_repair_request(record, wrong[0], tried[SAMPLED, wrong[0]]["text"], config)]
    for stage, recheck in RECHECKS.items():
        if stage == HINTED and "agrees" in (verdict for (at, _), verdict in verdicts.items() if at == REPAIR_RECHECK):
            return []
        hints = range(config.hints) if stage == HINTED else ()
        if missing := [sample for sample in hints if (HINTED, sample) not in tried]:
            return [_chain_request(record, HINTED, sample, config) for sample in missing]
        unchecked = [
            sample
            for (at, sample), verdict in sorted(verdicts.items())
            if at == stage and verdict in (RIGHT, KEPT) and (recheck, sample) not in tried
        ]
        if unchecked:
            return [_recheck_request(record, stage, one, tried[stage, one]["text"], config) for one in unchecked]
    return []


def _chain_request(record: Record, stage: str, sample: int, config: Cot) -> Request:
    sampling = Sampling(
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
        seed=config.seed,
        json_schema=CASE_SCHEMA if config.prompt.case else None,
    )
    show_gold = config.gold == "given" or stage == HINTED
    messages = config.prompt.messages(record, config.order(record, stage, sample), show_gold=show_gold)
    return Request(row=record.id, stage=stage, messages=messages, sampling=sampling, sample=sample)


def _repair_request(record: Record, sample: int, text: str, config: Cot) -> Request:
    """Return the request to rewrite a wrong chain from its faulty step on."""
    sampling = Sampling(
        temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens, seed=config.seed
    )
    chain = text[after_thought(text) or 0 :].strip()
    messages = repair_messages(record, config.order(record, REPAIR, sample), chain)
    return Request(row=record.id, stage=REPAIR, messages=messages, sampling=sampling, sample=sample)


def _recheck_request(record: Record, stage: str, sample: int, text: str, config: Cot) -> Request:
    """Return the request to answer from a chain alone: with the options, without the question."""
    order = config.order(record, stage, sample)
    read = judge_stage_reply(record, stage, order, Completion(text=text, finish_reason="stop"), config)
    messages = render_turns(
        RECHECK_PROMPT,
        options=[record.options[place] for place in order],
        lettered=has_letters(record),
        several=allows_several(record),
        argument=remove_answer(record, order, read.chain),
    )
    sampling = Sampling(temperature=0.0, max_tokens=RECHECK_TOKENS, seed=config.seed)
    return Request(row=record.id, stage=RECHECKS[stage], messages=messages, sampling=sampling, sample=sample)


CHAINS = Stage(
    items=eligible_rows,
    requests_of=first_round,
    follow_up=next_round,
    read=read_reply,
    finish=choose_chains,
    author=lambda row, config: row.generator.generated_by,
    sources=named_sources,
    part=lambda row, config: row.generator.generator,
    most_requests_of=lambda row, config: row.generator.most_requests,
)
"""Chains as responses of the rows, every completion as ``candidates``, and ``generators`` of the eligible rows."""
