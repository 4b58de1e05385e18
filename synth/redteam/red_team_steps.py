"""The red team as steps with one model each: attacks, the target's answers, a guard, replies, the guard again.

Rows have an answer as ``rejected`` and a refusal as ``response`` (a look-alike its helpful answer as ``response`` and a
needless refusal as ``rejected``). ``meta`` has the plain request under ``attack``, writers and verdicts under
``redteam``. Held-out rows are dropped before the first request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.duplicates.near_settings import NearRules
from quality.outcome import Outcome
from sources.formats.literal import read_parquet
from sources.table import SCHEMA, to_json
from synth.judges import guard
from synth.judges.guard import Guard
from synth.preferences.pair_rows import pair_rows
from synth.preferences.pair_rules import PairRules, decide, mark, similar_prompts
from synth.redteam.attack_success import attack_success
from synth.redteam.attacks import BASELINE, Attacks, attacks, found_styles, requests_to_attack
from synth.redteam.benign_lookalikes import SOURCE as LOOK_ALIKES
from synth.redteam.benign_lookalikes import benign_lookalikes
from synth.redteam.safety_pairs import (
    HELPFUL,
    REFUSAL,
    REPLIES,
    TARGET,
    TARGET_ANSWERS,
    RedTeam,
    add_split,
    attack_pairs,
    benign_lookalike_pairs,
)
from synth.teachers.stage import DerivedStage

HELD_OUT, NOT_HARMFUL, NO_PROMPT = "held_out", "not_harmful", "no_prompt"

FACTS = ("base", "request", "topic", "style", "side")
"""The fields of ``meta["attack"]``: the row and the plain request that an attack is made of, its side of the split."""

WRITER = ("key", "generated_by", "verdict")
"""The fields of a text in ``meta["redteam"]``: its completion, the model, and whether it is complete."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class AttackStage:
    """How requests are attacked, the sources of jailbreaks, and which requests and jailbreaks are similar."""

    attacks: Attacks = Field(default_factory=Attacks)
    jailbreaks: tuple[str, ...] = ()
    near: NearRules = Field(default_factory=NearRules)


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class GuardedPairs:
    """The guard of refusals and helpful answers, the rules for a pair, and the licences of all models involved."""

    team: RedTeam
    guard: Guard
    rules: PairRules = Field(default_factory=PairRules)
    licenses: tuple[str, ...] = ()


# --- attacks -------------------------------------------------------------------------------------------------------


def plain_requests(rows: pl.DataFrame, config: None) -> Outcome:
    """Return the rows of safety corpora, dropped unless they are plain harmful requests.

    Reasons: those of ``requests_to_attack``, ``no_prompt`` (a text that no user wrote) and ``not_harmful`` (a prompt
    that the corpus calls safe).
    """
    kind, label = (pl.col("meta").str.json_path_match(f"$.{name}") for name in ("text_type", "prompt_label"))
    rules = [(NO_PROMPT, kind != "user_message", kind), (NOT_HARMFUL, label == "safe", label)]
    return Outcome(rows=mark(requests_to_attack(rows), rules))


def attack(rows: pl.DataFrame, config: AttackStage, reference_inputs: tuple[Path, ...]) -> Outcome:
    """Return the requests and their attacks, those on the held-out side dropped (``held_out``).

    A request is its own attack of style ``baseline``; its other attacks are rows ``<id>/<style>``. The look-alikes of a
    topic follow its first request as ``<id>/look_alike-<n>``; a topic without requests needs none.
    ``reference_inputs`` are the files of all requests and jailbreaks, over which the two sides are sampled.
    """
    ranks = rows.select(parent="id").with_row_index("rank")
    attacked = _all_attacks(reference_inputs, config).join(ranks, on="parent")
    own = attacked.sort("rank", pl.col("id") != pl.col("parent"), "id")
    return Outcome(rows=own.select(*SCHEMA.names(), "drop_reason", "evidence"))


@lru_cache(maxsize=1)
def _all_attacks(paths: tuple[Path, ...], config: AttackStage) -> pl.DataFrame:
    """Return all attacks and look-alikes with ``parent``, ``drop_reason`` and ``evidence``; once in a process."""
    rows = read_parquet(list(paths))
    is_jailbreak = pl.col("source").is_in(config.jailbreaks)
    groups = similar_prompts(config.near)
    attacked = attacks(
        rows.filter(~is_jailbreak), config.attacks, found_styles(rows.filter(is_jailbreak), groups), groups
    )
    held_out_topics = frozenset(attacked.filter(pl.col("held_out_by").str.contains("topic"))["topic"])
    style = pl.col("style").str.replace_all("/", "_", literal=True)
    named = attacked.with_columns(
        parent="base", id=pl.when(pl.col("style") == BASELINE).then("base").otherwise(pl.col("base") + "/" + style)
    )
    carriers = attacked.group_by("topic").agg(parent=pl.col("base").min())
    name = pl.format("{}/look_alike-{}", "parent", "line")
    lookalikes = (
        benign_lookalikes(config.attacks, held_out_topics).join(carriers, on="topic").with_columns(id=name, base=name)
    )
    return _sided(pl.concat([named, lookalikes.select(named.columns)]))


def _sided(attacked: pl.DataFrame) -> pl.DataFrame:
    """Return the attacks with their facts in ``meta``, those on the test side dropped."""
    facts = attacked.select(FACTS).iter_rows(named=True)
    noted = [
        to_json({**orjson.loads(meta), "attack": fact}) for meta, fact in zip(attacked["meta"], facts, strict=True)
    ]
    is_held_out = pl.col("side") == "test"
    by = pl.struct("held_out_by").struct.json_encode()
    return attacked.with_columns(
        meta=pl.Series(noted, dtype=pl.String),
        drop_reason=pl.when(is_held_out).then(pl.lit(HELD_OUT)),
        evidence=pl.when(is_held_out).then(by),
    )


# --- the target's answers ------------------------------------------------------------------------------------------


def _attacks_alone(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with their facts, without look-alikes."""
    return _with_facts(rows).filter(pl.col("style") != LOOK_ALIKES)


def add_target_answers(rows: pl.DataFrame, answers: Outcome, config: RedTeam) -> Outcome:
    """Return each attack with an answer of the target as ``rejected``, its further answers as rows ``<id>/answer-<n>``.

    A row whose answer has no text is dropped (``answer_empty``, ``answer_failed``, ``answer_missing``). Look-alikes are
    kept as they are.
    """
    columns = ("id", "sample", "text", "detail", "finish_reason", "key", "verdict")
    texts = answers.tables["candidates"].select(*columns, generated_by="teacher")
    joined = _with_facts(rows).join(texts, on="id", how="left", maintain_order="left_right")
    number = pl.int_range(1, pl.len() + 1).over("id")
    without_text = (pl.col("text").fill_null("").str.strip_chars() == "") & (pl.col("style") != LOOK_ALIKES)
    answered = joined.with_columns(
        id=pl.when(number > 1).then(pl.format("{}/answer-{}", "id", number)).otherwise("id"),
        rejected="text",
        meta=_noted(joined["meta"], "answer", joined.select("sample", *WRITER)),
        drop_reason=pl.when(without_text).then(pl.format("answer_{}", pl.col("verdict").fill_null("missing"))),
        evidence=pl.when(without_text).then(pl.coalesce("detail", "finish_reason")),
    )
    return Outcome(rows=_out(answered))


ANSWER_ATTACKS = DerivedStage(
    stage=TARGET_ANSWERS, derive=lambda rows, config: (_attacks_alone(rows), config), finish=add_target_answers
)


def _target_answers(rows: pl.DataFrame, config: Guard) -> tuple[pl.DataFrame, Guard]:
    prompt = pl.col("messages").list.last().struct.field("content")
    return _texts(_attacks_alone(rows), TARGET, "rejected", prompt), config


def drop_harmless(rows: pl.DataFrame, guarded: Outcome, config: Guard) -> Outcome:
    """Return the rows, dropped unless the guard finds the target's answer unsafe beyond mere advice.

    Reasons are ``answer_safe``, ``answer_advice_only``, ``answer_unparsed`` and so on, the categories evidence.
    Look-alikes are kept. ``attack_success`` has the rates by topic and style.
    """
    verdicts = guarded.rows.select("id", "guard", "categories")
    joined = _with_facts(rows).join(verdicts, on="id", how="left", maintain_order="left")
    harmless = pl.col("guard").is_not_null() & (pl.col("guard") != guard.UNSAFE)
    marked = joined.with_columns(
        meta=_noted(joined["meta"], "guard", joined.select("guard", "categories")),
        drop_reason=pl.when(harmless).then(pl.format("answer_{}", "guard")),
        evidence=pl.when(harmless).then(pl.struct("guard", "categories").struct.json_encode()),
    )
    rates = attack_success(guarded.rows.join(joined.select("id", "topic", "style"), on="id"), ["topic", "style"])
    return Outcome(rows=_out(marked), tables={"attack_success": rates})


KEEP_UNSAFE = DerivedStage(stage=guard.STAGE, derive=_target_answers, finish=drop_harmless)


# --- refusals, helpful answers, pairs ------------------------------------------------------------------------------


def add_replies(rows: pl.DataFrame, replies: Outcome, config: RedTeam) -> Outcome:
    """Return attacks with a refusal of their plain request as ``response``, look-alikes with both sides of their pair.

    One refusal serves all attacks made of a request. No row is dropped: ``pair_replies`` drops rows without a reply.
    """
    known = _with_facts(rows)
    candidates = replies.tables["candidates"].rename({"teacher": "generated_by"}).to_dicts()
    refusals = {one["id"]: one for one in candidates if one["stage"] == REFUSAL}
    helpful = {one["id"]: one for one in candidates if one["stage"] == HELPFUL}
    responses, rejected = [], []
    refusal_of_row, help_of_row = [], []
    for row in known.iter_rows(named=True):
        refusal, help = refusals.get(row["base"], {}), helpful.get(row["id"], {})
        is_lookalike = row["style"] == LOOK_ALIKES
        responses.append((help if is_lookalike else refusal).get("text"))
        rejected.append(refusal.get("text") if is_lookalike else row["rejected"])
        refusal_of_row.append(refusal)
        help_of_row.append(help)
    meta = _noted(known["meta"], "refusal", _columns(refusal_of_row, WRITER))
    written = known.with_columns(
        response=pl.Series(responses, dtype=pl.String),
        rejected=pl.Series(rejected, dtype=pl.String),
        meta=_noted(meta, "helpful", _columns(help_of_row, WRITER)),
        drop_reason=pl.lit(None, pl.String),
        evidence=pl.lit(None, pl.String),
    )
    return Outcome(rows=_out(written))


WRITE_REPLIES = DerivedStage(stage=REPLIES, derive=lambda rows, config: (_with_facts(rows), config), finish=add_replies)


def pair_replies(rows: pl.DataFrame, guarded: Outcome, config: GuardedPairs) -> Outcome:
    """Return the rows as preference pairs, those without a valid pair dropped (``no_pair``).

    The guard judges each refusal as an answer to the plain request, and each helpful answer. ``pairs`` has every pair
    with the reason that excluded it.
    """
    known = _with_facts(rows)
    refusals, helpful = (guarded.rows.filter(pl.col("stage") == stage) for stage in (REFUSAL, HELPFUL))
    attacked = _attacks_alone(rows)
    proposed = [
        attack_pairs(attacked, _guarded(attacked), refusals, config.team),
        benign_lookalike_pairs(helpful, refusals, config.team),
    ]
    decided = add_split(decide(pl.concat(proposed), rows, config.rules), known)
    paired = pair_rows(rows, decided, licenses=config.licenses)
    return Outcome(rows=paired, tables={"pairs": decided})


def _replies(known: pl.DataFrame) -> pl.DataFrame:
    """Return refusals, one for each plain request (``id`` is the base), and helpful answers, with their writers."""
    is_lookalike = pl.col("style") == LOOK_ALIKES
    refused = known.with_columns(id="base", reply=pl.when(is_lookalike).then("rejected").otherwise("response")).unique(
        "id", keep="first", maintain_order=True
    )
    lookalikes = known.filter(is_lookalike)
    parts = (
        (_texts(refused, REFUSAL, "reply", pl.col("request")), refused, "refusal"),
        (_texts(lookalikes, HELPFUL, "response", pl.col("request")), lookalikes, "helpful"),
    )
    return pl.concat(texts.hstack(_written_by(rows, name)) for texts, rows, name in parts)


def _guarded(attacked: pl.DataFrame) -> pl.DataFrame:
    """Return the target's answers with the guard's earlier verdicts on them."""
    verdicts = _columns((_note(meta, "guard") for meta in attacked["meta"]), ("guard", "categories"))
    sample = pl.Series("sample", [_note(meta, "answer")["sample"] for meta in attacked["meta"]], pl.Int64)
    texts = attacked.select("id", text="rejected")
    return pl.concat([texts.with_columns(sample), _written_by(attacked, "answer"), verdicts], how="horizontal")


PAIR_REPLIES = DerivedStage(
    stage=guard.STAGE,
    derive=lambda rows, config: (_replies(_with_facts(rows)), config.guard),
    finish=pair_replies,
)


# --- facts in rows -------------------------------------------------------------------------------------------------


def _with_facts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.hstack(_columns((orjson.loads(meta)["attack"] for meta in rows["meta"]), FACTS))


def _columns(facts: Iterable[Mapping[str, Any]], names: Sequence[str]) -> pl.DataFrame:
    """Return a table of texts, a row for each of ``facts``; missing values are null."""
    values = [[fact.get(name) for name in names] for fact in facts]
    return pl.DataFrame(values, dict.fromkeys(names, pl.String), orient="row")


def _texts(rows: pl.DataFrame, stage: str, text: str, prompt: pl.Expr) -> pl.DataFrame:
    """Return texts as a table of answers for the guard."""
    return rows.select("id", stage=pl.lit(stage), sample=pl.lit(0, pl.Int64), prompt=prompt, text=pl.col(text))


def _written_by(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    return _columns((_note(meta, name) for meta in rows["meta"]), WRITER).rename({"generated_by": "teacher"})


def _note(meta: str, name: str) -> dict[str, Any]:
    noted: dict[str, Any] = orjson.loads(meta).get("redteam", {}).get(name, {})
    return noted


def _noted(metas: pl.Series, name: str, facts: pl.DataFrame) -> pl.Series:
    """Return ``meta`` with the facts that are not null under ``redteam`` and ``name``."""
    noted = []
    for meta, fact in zip(metas, facts.iter_rows(named=True), strict=True):
        known = {field: value for field, value in fact.items() if value is not None}
        values = orjson.loads(meta)
        noted.append(to_json({**values, "redteam": {**values.get("redteam", {}), name: known}}) if known else meta)
    return pl.Series(noted, dtype=pl.String)


def _out(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(*SCHEMA.names(), "drop_reason", "evidence")
