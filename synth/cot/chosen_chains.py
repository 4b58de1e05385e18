"""The choice of chains for each row after the last request, and the rows that result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import polars as pl
import xxhash

from quality.outcome import Outcome
from sources.license import joint
from sources.record import Message, Record
from sources.table import frame, records
from synth.cot.chain_defects import chain_similarity, word_grams
from synth.cot.chain_settings import HINTED, RECHECKS, REPAIR, SAMPLED, Chains, Cot
from synth.cot.chain_verdicts import AGREES, RIGHT, Reply, format_response, judge_stage_reply
from synth.cot.difficulty import difficulty
from synth.prompting.option_orders import Order
from synth.prompting.turns import digest
from synth.teachers.candidates import FAILED
from synth.teachers.stage import with_reasons
from synth.teachers.teacher import Completion

KEPT, RECHECK_FAILED = "kept", "recheck_failed"
OVER_SHARE = {HINTED: "hinted_over_share", REPAIR: "repaired_over_share"}
ORIGINS = {SAMPLED: "sampled", HINTED: "hinted", REPAIR: "repaired"}
"""How a chain came about whose gold answer was withheld, by stage."""

NO_REPLY, NO_RIGHT_CHAIN = "no_reply", "no_right_chain"
REQUESTS_FAILED = "requests_failed"

GENERATOR_SCHEMA = pl.Schema({"id": pl.String, "generator": pl.String, "chains": pl.Int64})
"""An eligible row, the generator that took it, and the number of its chains that were kept."""

Candidate = Mapping[str, Any]
Grams = frozenset[tuple[str, ...]]


class EligibleRow(NamedTuple):
    """A row and the generator that takes it."""

    record: Record
    generator: Cot


@dataclass(frozen=True, kw_only=True)
class _Chain:
    candidate: Candidate
    order: Order
    reply: Reply


@dataclass(kw_only=True)
class _Choice:
    """The chains kept for a row, the first as its response; new verdicts by stage and sample, with their details."""

    record: Record
    config: Cot
    tried: Sequence[Candidate]
    kept: list[_Chain] = field(default_factory=list)
    verdicts: dict[tuple[str, int], tuple[str, str | None]] = field(default_factory=dict)
    over_share: str | None = None

    @property
    def stage(self) -> str | None:
        """The stage of the chains kept: sampled, hinted or repaired; None without one."""
        return next((chain.candidate["stage"] for chain in self.kept), None)


def choose_chains(rows: pl.DataFrame, eligible: list[EligibleRow], candidates: pl.DataFrame, config: Chains) -> Outcome:
    """Return the rows with ``drop_reason`` and ``evidence``, in order, and the candidates with their last verdicts.

    - A row that no generator takes is unchanged; ``generators`` lists the others.
    - A right chain is ``kept``, or ``right`` if it is too similar to a kept one or beyond the number to keep. A hinted
      or repaired chain from which gold cannot be read is ``recheck_failed``, one beyond its share
      ``hinted_over_share`` or ``repaired_over_share``.
    - A row's first chain is its response; its options and gold are put in the order of the chain's prompt. Further
      chains are in copies of the row, whose ids end in ``/cot-2`` and so on. ``meta`` has the pass rates under ``cot``.
    - A row without a chain is dropped (``no_right_chain``, ``no_reply`` or a share) with its verdicts as evidence. If
      such rows pass, one with failed requests is dropped all the same (``requests_failed``).
    """
    groups: dict[str, list[Candidate]] = {}
    for one in candidates.iter_rows(named=True):
        groups.setdefault(one["id"], []).append(one)
    choices = [_choose(record, groups.get(record.id, []), generator) for record, generator in eligible]
    for generator in config.generators:
        own = [one for one in choices if one.config == generator]
        _cap_share(own, HINTED, generator.hinted_share, generator.seed)
        _cap_share(own, REPAIR, generator.repair_share, generator.seed)
    verdicts = {(one.record.id, *place): verdict for one in choices for place, verdict in one.verdicts.items()}
    generators = [(one.record.id, one.config.generator, len(one.kept)) for one in choices]
    return Outcome(
        rows=_finished(rows, choices),
        tables={
            "candidates": _with_verdicts(candidates, verdicts),
            "generators": pl.DataFrame(generators, GENERATOR_SCHEMA, orient="row"),
        },
    )


def in_row_order(rows: pl.DataFrame, candidates: pl.DataFrame, config: Cot) -> pl.DataFrame:
    """Return the candidates whose prompt had the options in the order that their finished row has.

    Only these can be paired with a row's response: the letters of others mean other options.
    """
    known = {record.id: record for record in records(rows)}
    fits = []
    for id, stage, sample in candidates.select("id", "stage", "sample").iter_rows():
        record = known.get(id)
        order = tuple(record.meta.get("cot", {}).get("order", range(len(record.options)))) if record else ()
        fits.append(record is not None and config.order(record, stage, sample) == order)
    return candidates.filter(pl.Series(fits, dtype=pl.Boolean))


def _choose(record: Record, tried: Sequence[Candidate], config: Cot) -> _Choice:
    choice = _Choice(record=record, config=config, tried=tried)
    right = [_chain(record, one, config) for one in tried if one["stage"] == SAMPLED and one["verdict"] == RIGHT]
    right = right or list(_rechecked(choice, config))
    right.sort(key=lambda chain: (chain.order != tuple(sorted(chain.order)), chain.candidate["sample"]))
    kept_grams: list[Grams] = []
    for chain in right:
        _rank(choice, chain, kept_grams, config)
    return choice


def _chain(record: Record, one: Candidate, config: Cot) -> _Chain:
    order = config.order(record, one["stage"], one["sample"])
    completion = Completion(text=one["text"], finish_reason=one["finish_reason"])
    return _Chain(candidate=one, order=order, reply=judge_stage_reply(record, one["stage"], order, completion, config))


def _rechecked(choice: _Choice, config: Cot) -> Iterator[_Chain]:
    """Yield the right hinted and repaired chains from which a model read gold; a recheck that is missing is none."""
    checks = {(one["stage"], one["sample"]): one for one in choice.tried}
    for one in choice.tried:
        if one["stage"] not in RECHECKS or one["verdict"] != RIGHT:
            continue
        check = checks.get((RECHECKS[one["stage"]], one["sample"]))
        if check and check["verdict"] == "agrees":
            yield _chain(choice.record, one, config)
        else:
            recheck = f"{check['verdict']} {check['parsed'] or ''}".strip() if check else "missing"
            choice.verdicts[one["stage"], one["sample"]] = RECHECK_FAILED, recheck


def _rank(choice: _Choice, chain: _Chain, kept_grams: list[Grams], config: Cot) -> None:
    """Keep a chain, or record why not; ``kept_grams`` are those of the chains kept so far."""
    place = chain.candidate["stage"], chain.candidate["sample"]
    own = word_grams(chain.reply.chain)
    for other, grams in zip(choice.kept, kept_grams, strict=True):
        similarity = chain_similarity(own, grams)
        if similarity >= config.max_similarity:
            choice.verdicts[place] = RIGHT, f"like sample {other.candidate['sample']} ({similarity:.2f})"
            return
    if len(choice.kept) == config.keep:
        choice.verdicts[place] = RIGHT, f"beyond the {config.keep} to keep"
        return
    choice.verdicts[place] = KEPT, chain.reply.detail
    choice.kept.append(chain)
    kept_grams.append(own)


def _cap_share(choices: Sequence[_Choice], stage: str, share: float, seed: int) -> None:
    """Drop chains of a stage, sampled by seed, until they are at most their share of the rows with a chain."""
    own = [one for one in choices if one.stage == stage]
    others = sum(one.stage not in (None, stage) for one in choices)
    allowed = int(share * others / (1 - share) + 1e-9)
    own.sort(key=lambda one: (xxhash.xxh64_intdigest(one.record.id.encode(), seed), one.record.id))
    for one in own[allowed:]:
        for chain in one.kept:
            one.verdicts[stage, chain.candidate["sample"]] = OVER_SHARE[stage], chain.reply.detail
        one.kept, one.over_share = [], OVER_SHARE[stage]


def _with_verdicts(
    candidates: pl.DataFrame, verdicts: Mapping[tuple[str, str, int], tuple[str, str | None]]
) -> pl.DataFrame:
    places = candidates.select("id", "stage", "sample").iter_rows()
    before = candidates.select("verdict", "detail").iter_rows()
    after = [verdicts.get(place, old) for place, old in zip(places, before, strict=True)]
    columns = pl.DataFrame(after, {"verdict": pl.String, "detail": pl.String}, orient="row")
    return candidates.with_columns(columns)


# --- rows ----------------------------------------------------------------------------------------------------------


def _finished(rows: pl.DataFrame, choices: Sequence[_Choice]) -> pl.DataFrame:
    """Return all rows in order: those with a choice rewritten, each followed by its copies, the others as they are."""
    written = [(one.record.id, *after) for one in choices for after in _after(one)]
    rewritten = with_reasons(frame([record for _, record, _, _ in written]), [reason for _, _, *reason in written])
    others = rows.filter(~pl.col("id").is_in([one.record.id for one in choices]))
    place = {id: at for at, id in enumerate(rows["id"])}
    at = pl.Series("at", [place[id] for id, *_ in written] + [place[id] for id in others["id"]], pl.Int64)
    untouched = with_reasons(others, [(None, None)] * others.height)
    table = pl.concat([rewritten, untouched.select(rewritten.columns)])
    return table.with_columns(at).sort("at", maintain_order=True).drop("at")


def _after(choice: _Choice) -> Iterator[tuple[Record, str | None, str | None]]:
    """Yield the row, or the row and copies with further chains, each with its drop reason and evidence."""
    record, config = choice.record, choice.config
    facts = _facts(choice, config)
    for number, chain in enumerate(choice.kept, 1):
        yield _with_chain(record, chain, number, facts, config), None, None
    if not choice.kept:
        counts = Counter(f"{one['stage']}:{one['verdict']}" for one in choice.tried)
        noted = replace(record, meta={**record.meta, "cot": facts})
        reason = _why_none(choice, config)
        yield noted, reason, json.dumps(counts, sort_keys=True) if reason else None


def _why_none(choice: _Choice, config: Cot) -> str | None:
    """Return the drop reason of a row without a chain; None where such rows are kept."""
    failed = [one["verdict"] == FAILED for one in choice.tried]
    if config.unanswered == "pass":
        return REQUESTS_FAILED if any(failed) else None
    if choice.over_share:
        return choice.over_share
    return NO_REPLY if all(failed) else NO_RIGHT_CHAIN


def _with_chain(record: Record, chain: _Chain, number: int, facts: Mapping[str, Any], config: Cot) -> Record:
    """Return the row in the chain's order of options, with the chain as its response, under both licences."""
    stage, sample, key = (chain.candidate[name] for name in ("stage", "sample", "key"))
    origin = {"origin": "guided" if config.gold == "given" else ORIGINS[stage], "sample": sample, "key": key}
    if chain.order != tuple(sorted(chain.order)):
        origin["order"] = list(chain.order)
    if chain.reply.faulty_step is not None:
        origin["faulty_step"] = chain.reply.faulty_step
    row = replace(
        record,
        options=tuple(record.options[place] for place in chain.order),
        gold=tuple(place for place, source in enumerate(chain.order) if source in record.gold),
        response=format_response(record, chain.order, chain.reply.chain),
        license=joint((record.license, config.license)),
        meta={**record.meta, "cot": {**facts, **origin}},
    )
    if chain.reply.question is not None:
        row = replace(row, messages=(Message("user", chain.reply.question),), context=None)
    return replace(row, id=f"{record.id}/cot-{number}") if number > 1 else row


def _facts(choice: _Choice, config: Cot) -> dict[str, Any]:
    """Return the facts for ``meta``: the teacher, the prompt, the share of right samples, and the difficulty.

    Where gold was shown, the pass rate does not measure the question, which then has no difficulty.
    """
    replies = [one for one in choice.tried if one["stage"] == SAMPLED and one["verdict"] != FAILED]
    permuted: list[Candidate] = []
    source: list[Candidate] = []
    for one in replies:
        (permuted if _permuted(choice.record, one, config) else source).append(one)
    groups = {"pass_rate": replies, "pass_rate_source_order": source, "pass_rate_shuffled": permuted}
    tier = difficulty(sum(one["verdict"] in AGREES for one in replies), len(replies))
    agree = {name: sum(one["verdict"] in AGREES for one in group) for name, group in groups.items()}
    return {
        "teacher": config.generated_by.name,
        "revision": config.generated_by.revision,
        "prompt": f"{config.prompt.prompt}@{digest(config.prompt.prompt)}",
        "gold": config.gold,
        "samples": len(replies),
        **({"difficulty": tier} if config.gold == "withheld" and tier else {}),
        **{name: round(agree[name] / len(group), 4) for name, group in groups.items() if group},
    }


def _permuted(record: Record, one: Candidate, config: Cot) -> bool:
    order = config.order(record, one["stage"], one["sample"])
    return order != tuple(sorted(order))
