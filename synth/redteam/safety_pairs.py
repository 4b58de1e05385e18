"""Safety pairs: a model's own unsafe answers to attacks against refusals of the plain request, both judged by a guard.

After Egida (arXiv 2502.13603) and MedSafetyBench (arXiv 2403.03744): the rejected answer is the target's own, the
chosen one answers the request without the attack. Look-alikes are paired the other way round with refusals by the same
writer, so that a model learns when to refuse and not how a refusal sounds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any

import polars as pl
import xxhash
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from sources.record import Message
from synth.judges.guard import ADVICE_ONLY, SAFE, UNSAFE
from synth.preferences.propose_pairs import pair_table, side
from synth.prompting import prompt_files
from synth.redteam.attacks import FOLDER
from synth.redteam.benign_lookalikes import MARKS, OPENINGS, SOURCE, declines
from synth.teachers.candidates import TRUNCATED, Author
from synth.teachers.stage import Reading, Stage
from synth.teachers.teacher import Completion, Request, Sampling
from synth.teachers.thinking import control_marks

TARGET, REFUSAL, HELPFUL = "redteam/target", "redteam/refusal", "redteam/helpful"
REFUSAL_PROMPT = f"{FOLDER}/refusal.jinja"
COMPLETE, EMPTY, CONTROL_MARKS = "complete", "empty", "control_marks"


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RedTeam:
    """The model that is attacked, and the one that writes refusals and helpful answers.

    The target gives ``samples`` answers to each attack at ``temperature``; the writer gives one, at temperature 0. A
    refusal of fewer than ``min_refusal_chars`` characters is not used. ``prompts`` is the hash of
    the files, so that a changed one changes the step.
    """

    target: Author
    writer: Author
    samples: Annotated[int, Field(ge=1)] = 2
    temperature: Annotated[float, Field(ge=0)] = 0.8
    max_tokens: Annotated[int, Field(ge=8)] = 512
    min_refusal_chars: Annotated[int, Field(ge=1)] = 60
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    prompts: str = Field(default_factory=lambda: prompt_files.digest(REFUSAL_PROMPT, OPENINGS, MARKS))


def target_requests(attacks: pl.DataFrame, config: RedTeam) -> list[Request]:
    """Return the requests for the target's own answers to every attack."""
    sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens)
    return [
        Request(row=id, stage=TARGET, messages=_user(text), sampling=sampling, sample=sample)
        for id, text in _prompts(attacks)
        for sample in range(config.samples)
    ]


def refusal_requests(attacks: pl.DataFrame, config: RedTeam) -> list[Request]:
    """Return one request for a refusal of each plain request, its opening sampled by ``seed``; the row is ``base``."""
    openings = prompt_files.lines(OPENINGS)
    requests = []
    for base, request in attacks.select("base", "request").unique(maintain_order=True).iter_rows():
        opening = openings[xxhash.xxh64_intdigest(base.encode(), config.seed) % len(openings)]
        prompt = prompt_files.render(REFUSAL_PROMPT, request=request, opening=opening)
        requests.append(Request(row=base, stage=REFUSAL, messages=_user(prompt), sampling=_writing(config)))
    return requests


def helpful_requests(look_alikes: pl.DataFrame, config: RedTeam) -> list[Request]:
    """Return one request for a helpful answer to each look-alike."""
    return [
        Request(row=id, stage=HELPFUL, messages=_user(text), sampling=_writing(config))
        for id, text in _prompts(look_alikes)
    ]


def reply_requests(attacks: pl.DataFrame, config: RedTeam) -> list[Request]:
    """Return the requests for refusals of all plain requests and for helpful answers to the look-alikes."""
    look_alikes = attacks.filter(pl.col("style") == SOURCE)
    return [*refusal_requests(attacks, config), *helpful_requests(look_alikes, config)]


def read_completeness(item: Request, request: Request, completion: Completion, config: RedTeam) -> Reading:
    """Return ``complete``, ``truncated``, ``empty``, or ``control_marks`` for a control token or character inside."""
    if not completion.text.strip():
        return Reading(EMPTY)
    if control_marks(completion.text):
        return Reading(CONTROL_MARKS)
    return Reading(COMPLETE if completion.ended == "stop" else TRUNCATED)


TARGET_ANSWERS = Stage(
    items=target_requests,
    requests_of=lambda request, config: [request],
    read=read_completeness,
    finish=lambda rows, items, candidates, config: Outcome(rows=rows),
    complete_only=False,
    author=lambda item, config: config.target,
)
"""The target's answers to attacks; the rows are unchanged."""

REPLIES = replace(TARGET_ANSWERS, items=reply_requests, author=lambda item, config: config.writer)
"""The writer's refusals and helpful answers; the rows are unchanged."""


def attack_pairs(attacks: pl.DataFrame, guarded: pl.DataFrame, refusals: pl.DataFrame, config: RedTeam) -> pl.DataFrame:
    """Return a pair for each answer of the target (``pairs.PAIR_SCHEMA``): the refusal chosen, the answer rejected.

    ``guarded`` and ``refusals`` are answers with their guard's verdict (``guard.STAGE``). A pair is dropped unless the
    answer is judged unsafe beyond mere advice (``answer_safe``, ``answer_advice_only``, ``answer_unparsed``, …) and the
    refusal is whole, long enough and judged safe (``refusal_unsafe``, ``refusal_truncated``, …).
    """
    base_of = dict(attacks.select("id", "base").iter_rows())
    refusal_of = {refusal["id"]: refusal for refusal in refusals.iter_rows(named=True)}
    pairs = []
    for answer in guarded.iter_rows(named=True):
        refusal = refusal_of.get(base_of[answer["id"]])
        reason = (
            _unless(answer["guard"] == UNSAFE, f"answer_{answer['guard']}")
            or _unless(answer["verdict"] != CONTROL_MARKS, f"answer_{CONTROL_MARKS}")
            or _refusal_fault(refusal, config)
        )
        pairs.append(_pair(answer["id"], answer["sample"], "redteam", (refusal, answer), reason))
    return pair_table(pairs)


def benign_lookalike_pairs(helpful: pl.DataFrame, refusals: pl.DataFrame, config: RedTeam) -> pl.DataFrame:
    """Return a pair for each helpful answer to a look-alike: the answer chosen, a needless refusal rejected.

    The answer must be complete, safe or mere advice, and no refusal; the refusal must begin as a known one does.
    """
    refusal_of = {refusal["id"]: refusal for refusal in refusals.iter_rows(named=True)}
    pairs = []
    for answer in helpful.iter_rows(named=True):
        refusal = refusal_of.get(answer["id"])
        reason = _help_fault(answer) or _refusal_fault(refusal, config)
        if refusal and not reason:
            reason = _unless(declines(refusal["text"]), "refusal_unclear")
        pairs.append(_pair(answer["id"], answer["sample"], "look_alike", (answer, refusal), reason))
    return pair_table(pairs)


def add_split(decided: pl.DataFrame, attacks: pl.DataFrame) -> pl.DataFrame:
    """Return decided pairs (``pair_rules``) with the side of their attack as ``split``."""
    sides = dict(attacks.select("id", "side").iter_rows())
    return decided.with_columns(split=pl.col("id").replace_strict(sides, return_dtype=pl.String))


def _prompts(attacks: pl.DataFrame) -> Iterable[tuple[str, str]]:
    return attacks.select("id", pl.col("messages").list.last().struct.field("content")).iter_rows()


def _user(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def _writing(config: RedTeam) -> Sampling:
    return Sampling(temperature=0.0, max_tokens=config.max_tokens)


def _unless(valid: bool, reason: str) -> str | None:
    return None if valid else reason


def _refusal_fault(refusal: Mapping[str, Any] | None, config: RedTeam) -> str | None:
    if refusal is None:
        return "refusal_missing"
    if refusal["verdict"] != COMPLETE:
        return f"refusal_{refusal['verdict']}"
    if refusal["guard"] != SAFE:
        return f"refusal_{refusal['guard']}"
    return _unless(len(refusal["text"]) >= config.min_refusal_chars, "refusal_short")


def _help_fault(answer: Mapping[str, Any]) -> str | None:
    if answer["verdict"] != COMPLETE:
        return f"answer_{answer['verdict']}"
    if answer["guard"] not in (SAFE, ADVICE_ONLY):
        return f"answer_{answer['guard']}"
    return _unless(not declines(answer["text"]), "answer_refuses")


def _pair(
    id: str,
    rank: int,
    origin: str,
    sides: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None],
    reason: str | None,
) -> dict[str, Any]:
    pair: dict[str, Any] = {"id": id, "origin": origin, "rank": rank, "drop_reason": reason}
    verdicts = {}
    for name, one in zip(("chosen", "rejected"), sides, strict=True):
        if one is not None:
            pair |= side(name, one)
            verdicts[name] = {field: one[field] for field in ("guard", "categories") if one[field]}
    return {**pair, "evidence": json.dumps(verdicts) if reason else None}
