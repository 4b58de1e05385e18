"""The red team as steps, each with one model at most: attacks, the target's answers, a guard, replies, the guard again.

Rows carry what the next step needs: an answer as ``rejected``, a refusal as ``response`` (a look-alike has its helpful
answer as ``response`` and a needless refusal as ``rejected``), and under ``attack`` and ``redteam`` in ``meta`` the
plain request and who wrote what with which verdict. What is held out goes before anything is asked.
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
from sources.literal import read_parquet
from sources.table import SCHEMA, to_json
from synth.judges import guard
from synth.judges.guard import Guard
from synth.preferences.pair_rows import pair_rows
from synth.preferences.pair_rules import PairRules, decide, similar_prompts
from synth.redteam import benign_lookalikes as benign
from synth.redteam import safety_pairs as redteam
from synth.redteam.attack_success import attack_success
from synth.redteam.attacks import BASELINE, Attacks, attacks, found_styles, requests_to_attack
from synth.redteam.safety_pairs import RedTeam
from synth.teachers.teacher import Ask, Request

HELD_OUT, NOT_HARMFUL, NO_PROMPT = "held_out", "not_harmful", "no_prompt"

FACTS = ("base", "request", "topic", "style", "side")
"""What ``meta["attack"]`` says: the row and the plain request that an attack is made of, and its side of the split."""

WRITER = ("key", "by", "verdict")
"""What ``meta["redteam"]`` says of a text: its completion, the model and whether it is complete."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class AttackStage:
    """How requests are attacked, which sources bring jailbreaks, and which requests and jailbreaks are alike."""

    attacks: Attacks = Field(default_factory=Attacks)
    jailbreaks: tuple[str, ...] = ()
    near: NearRules = Field(default_factory=NearRules)


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class GuardedPairs:
    """Who guards refusals and helpful answers, what a pair must be, and the licences of all models involved."""

    team: RedTeam
    guard: Guard
    rules: PairRules = Field(default_factory=PairRules)
    licenses: tuple[str, ...] = ()


# --- attacks -------------------------------------------------------------------------------------------------------


def plain_requests(rows: pl.DataFrame, config: None) -> Outcome:
    """Return the rows of safety corpora, dropped where they are no plain harmful request.

    Reasons: those of ``requests_to_attack``, ``no_prompt`` (a text that no user wrote) and ``not_harmful`` (a prompt
    that the corpus calls safe).
    """
    marked = requests_to_attack(rows)
    kind, label = (pl.col("meta").str.json_path_match(f"$.{name}") for name in ("text_type", "prompt_label"))
    for reason, seen, broken in ((NO_PROMPT, kind, kind != "user_message"), (NOT_HARMFUL, label, label == "safe")):
        goes = pl.col("drop").is_null() & broken.fill_null(False)
        marked = marked.with_columns(
            drop=pl.when(goes).then(pl.lit(reason)).otherwise("drop"),
            evidence=pl.when(goes).then(seen).otherwise("evidence"),
        )
    return Outcome(rows=marked)


def attack(rows: pl.DataFrame, config: AttackStage, beside: tuple[Path, ...]) -> Outcome:
    """Return the requests and their attacks, those on the held-out side dropped (``held_out``).

    A request stands for itself as the attack of style ``baseline``; its others are made rows ``<id>/<style>``. The
    look-alikes of a topic come with its first request, as ``<id>/look_alike-<n>``: a topic without requests needs none.
    ``beside`` are the files of all requests and jailbreaks, over which the two sides are drawn.
    """
    places = rows.select(parent="id").with_row_index("place")
    own = _all_attacks(beside, config).join(places, on="parent").sort("place", pl.col("id") != pl.col("parent"), "id")
    return Outcome(rows=own.select(*SCHEMA.names(), "drop", "evidence"))


@lru_cache(maxsize=1)
def _all_attacks(paths: tuple[Path, ...], config: AttackStage) -> pl.DataFrame:
    """Return all attacks and look-alikes with ``parent``, ``drop`` and ``evidence``; once in a process."""
    rows = read_parquet(list(paths))
    found = pl.col("source").is_in(config.jailbreaks)
    groups = similar_prompts(config.near)
    made = attacks(rows.filter(~found), config.attacks, found_styles(rows.filter(found), groups), groups)
    held = frozenset(made.filter(pl.col("held_out_by").str.contains("topic"))["topic"])
    style = pl.col("style").str.replace_all("/", "_", literal=True)
    named = made.with_columns(
        parent="base", id=pl.when(pl.col("style") == BASELINE).then("base").otherwise(pl.col("base") + "/" + style)
    )
    carriers = made.group_by("topic").agg(parent=pl.col("base").min())
    name = pl.format("{}/look_alike-{}", "parent", "line")
    alike = benign.benign_lookalikes(config.attacks, held).join(carriers, on="topic").with_columns(id=name, base=name)
    return _sided(pl.concat([named, alike.select(named.columns)]))


def _sided(made: pl.DataFrame) -> pl.DataFrame:
    """Return the attacks with their facts in ``meta``, and those on the test side with ``drop`` and ``evidence``."""
    facts = made.select(FACTS).iter_rows(named=True)
    noted = [to_json({**orjson.loads(meta), "attack": fact}) for meta, fact in zip(made["meta"], facts, strict=True)]
    held = pl.col("side") == "test"
    by = pl.struct("held_out_by").struct.json_encode()
    return made.with_columns(
        meta=pl.Series(noted, dtype=pl.String),
        drop=pl.when(held).then(pl.lit(HELD_OUT)),
        evidence=pl.when(held).then(by),
    )


# --- the target's answers ------------------------------------------------------------------------------------------


def answer_attacks(rows: pl.DataFrame, config: RedTeam, ask: Ask) -> Outcome:
    """Return each attack with an answer of the target as ``rejected``, its further answers as rows ``<id>/answer-<n>``.

    A row whose answer has no text goes (``answer_empty``, ``answer_failed``, ``answer_missing``). Look-alikes are not
    asked and pass. ``candidates`` holds every completion.
    """
    known = _with_facts(rows)
    attacked = known.filter(pl.col("style") != benign.SOURCE)
    table = redteam.answers(attacked, ask(redteam.target_requests(attacked, config)), config.target)
    told = table.select("id", "sample", "text", "detail", "finish_reason", "key", "verdict", by="teacher")
    joined = known.join(told, on="id", how="left", maintain_order="left_right")
    number = pl.int_range(1, pl.len() + 1).over("id")
    silent = (pl.col("text").fill_null("").str.strip_chars() == "") & (pl.col("style") != benign.SOURCE)
    answered = joined.with_columns(
        id=pl.when(number > 1).then(pl.format("{}/answer-{}", "id", number)).otherwise("id"),
        rejected="text",
        meta=_noted(joined["meta"], "answer", joined.select("sample", *WRITER)),
        drop=pl.when(silent).then(pl.format("answer_{}", pl.col("verdict").fill_null("missing"))),
        evidence=pl.when(silent).then(pl.coalesce("detail", "finish_reason")),
    )
    return Outcome(rows=_out(answered), tables={"candidates": table.drop("asked")})


def target_requests(rows: pl.DataFrame, config: RedTeam) -> list[Request]:
    """Return what ``answer_attacks`` asks."""
    return redteam.target_requests(_with_facts(rows).filter(pl.col("style") != benign.SOURCE), config)


def keep_unsafe(rows: pl.DataFrame, config: Guard, ask: Ask) -> Outcome:
    """Return the rows, dropped unless the guard finds the target's answer unsafe beyond mere advice.

    Reasons are ``answer_safe``, ``answer_advice_only``, ``answer_unparsed`` and so on, the categories evidence.
    Look-alikes pass. ``candidates`` holds every verdict, ``attack_success`` the rates by topic and style.
    """
    outcome = guard.STAGE.run(_target_answers(rows), config, ask)
    judged, candidates = outcome.rows, outcome.tables["candidates"]
    seen = judged.select("id", "guard", "categories")
    joined = _with_facts(rows).join(seen, on="id", how="left", maintain_order="left")
    harmless = pl.col("guard").is_not_null() & (pl.col("guard") != guard.UNSAFE)
    marked = joined.with_columns(
        meta=_noted(joined["meta"], "guard", joined.select("guard", "categories")),
        drop=pl.when(harmless).then(pl.format("answer_{}", "guard")),
        evidence=pl.when(harmless).then(pl.struct("guard", "categories").struct.json_encode()),
    )
    rates = attack_success(judged.join(joined.select("id", "topic", "style"), on="id"), ["topic", "style"])
    return Outcome(rows=_out(marked), tables={"candidates": candidates, "attack_success": rates})


def unsafe_requests(rows: pl.DataFrame, config: Guard) -> list[Request]:
    """Return what ``keep_unsafe`` asks."""
    return guard.STAGE.requests(_target_answers(rows), config)


def _target_answers(rows: pl.DataFrame) -> pl.DataFrame:
    attacked = _with_facts(rows).filter(pl.col("style") != benign.SOURCE)
    return _texts(attacked, redteam.TARGET, "rejected", pl.col("messages").list.last().struct.field("content"))


# --- refusals, helpful answers, pairs ------------------------------------------------------------------------------


def write_replies(rows: pl.DataFrame, config: RedTeam, ask: Ask) -> Outcome:
    """Return attacks with a refusal of their plain request as ``response``, look-alikes with both sides of their pair.

    A request is refused once for all of its attacks. No row goes: a reply that is missing shows in ``pair_up``.
    """
    known = _with_facts(rows)
    table = redteam.answers(known, ask(reply_requests(rows, config)), config.writer)
    refusals, helpful = (
        {one["id"]: one for one in table.rename({"teacher": "by"}).filter(pl.col("stage") == stage).to_dicts()}
        for stage in (redteam.REFUSAL, redteam.HELPFUL)
    )
    told = [(row, refusals.get(row["base"], {}), helpful.get(row["id"], {})) for row in known.iter_rows(named=True)]
    alike = [row["style"] == benign.SOURCE for row, _, _ in told]
    response = [(help if harmless else no).get("text") for (_, no, help), harmless in zip(told, alike, strict=True)]
    rejected = [
        no.get("text") if harmless else row["rejected"] for (row, no, _), harmless in zip(told, alike, strict=True)
    ]
    meta = _noted(known["meta"], "refusal", _columns((no for _, no, _ in told), WRITER))
    written = known.with_columns(
        response=pl.Series(response, dtype=pl.String),
        rejected=pl.Series(rejected, dtype=pl.String),
        meta=_noted(meta, "helpful", _columns((help for _, _, help in told), WRITER)),
        drop=pl.lit(None, pl.String),
        evidence=pl.lit(None, pl.String),
    )
    return Outcome(rows=_out(written), tables={"candidates": table.drop("asked")})


def reply_requests(rows: pl.DataFrame, config: RedTeam) -> list[Request]:
    """Return what ``write_replies`` asks."""
    known = _with_facts(rows)
    alike = known.filter(pl.col("style") == benign.SOURCE)
    return [*redteam.refusal_requests(known, config), *redteam.helpful_requests(alike, config)]


def pair_up(rows: pl.DataFrame, config: GuardedPairs, ask: Ask) -> Outcome:
    """Return the rows as preference pairs, those whose pair does not hold dropped (``no_pair``).

    The guard sees each refusal as an answer to the plain request, and each helpful answer. ``candidates`` holds its
    verdicts, ``pairs`` every pair with what kept it out.
    """
    known = _with_facts(rows)
    outcome = guard.STAGE.run(_replies(known), config.guard, ask)
    judged, candidates = outcome.rows, outcome.tables["candidates"]
    refusals, helpful = (judged.filter(pl.col("stage") == stage) for stage in (redteam.REFUSAL, redteam.HELPFUL))
    attacked = known.filter(pl.col("style") != benign.SOURCE)
    proposed = [
        redteam.attack_pairs(attacked, _guarded(attacked), refusals, config.team),
        redteam.benign_lookalike_pairs(helpful, refusals, config.team),
    ]
    decided = redteam.hold_out(decide(pl.concat(proposed), rows, config.rules), known)
    paired = pair_rows(rows, decided, licenses=config.licenses)
    return Outcome(rows=paired, tables={"candidates": candidates, "pairs": decided})


def pair_requests(rows: pl.DataFrame, config: GuardedPairs) -> list[Request]:
    """Return what ``pair_up`` asks."""
    return guard.STAGE.requests(_replies(_with_facts(rows)), config.guard)


def _replies(known: pl.DataFrame) -> pl.DataFrame:
    """Return refusals, one for each plain request (``id`` is the base), and helpful answers, with their writers."""
    alike = pl.col("style") == benign.SOURCE
    refused = known.with_columns(id="base", reply=pl.when(alike).then("rejected").otherwise("response")).unique(
        "id", keep="first", maintain_order=True
    )
    parts = (
        (_texts(refused, redteam.REFUSAL, "reply", pl.col("request")), refused, "refusal"),
        (_texts(known.filter(alike), redteam.HELPFUL, "response", pl.col("request")), known.filter(alike), "helpful"),
    )
    return pl.concat(texts.hstack(_written_by(rows, name)) for texts, rows, name in parts)


def _guarded(attacked: pl.DataFrame) -> pl.DataFrame:
    """Return the target's answers with what the guard said of them before."""
    said = _columns((_note(meta, "guard") for meta in attacked["meta"]), ("guard", "categories"))
    sample = pl.Series("sample", [_note(meta, "answer")["sample"] for meta in attacked["meta"]], pl.Int64)
    texts = attacked.select("id", text="rejected")
    return pl.concat([texts.with_columns(sample), _written_by(attacked, "answer"), said], how="horizontal")


# --- rows and what they carry --------------------------------------------------------------------------------------


def _with_facts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.hstack(_columns((orjson.loads(meta)["attack"] for meta in rows["meta"]), FACTS))


def _columns(facts: Iterable[Mapping[str, Any]], names: Sequence[str]) -> pl.DataFrame:
    """Return a table of texts, a row for each of ``facts``; what one lacks is null."""
    values = [[fact.get(name) for name in names] for fact in facts]
    return pl.DataFrame(values, dict.fromkeys(names, pl.String), orient="row")


def _texts(rows: pl.DataFrame, stage: str, text: str, asked: pl.Expr) -> pl.DataFrame:
    """Return texts as a guard is shown them."""
    return rows.select("id", stage=pl.lit(stage), sample=pl.lit(0, pl.Int64), asked=asked, text=pl.col(text))


def _written_by(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    return _columns((_note(meta, name) for meta in rows["meta"]), WRITER).rename({"by": "teacher"})


def _note(meta: str, name: str) -> dict[str, Any]:
    noted: dict[str, Any] = orjson.loads(meta).get("redteam", {}).get(name, {})
    return noted


def _noted(metas: pl.Series, name: str, facts: pl.DataFrame) -> pl.Series:
    """Return ``meta`` with the facts that are known under ``redteam`` and ``name``."""
    noted = []
    for meta, fact in zip(metas, facts.iter_rows(named=True), strict=True):
        known = {field: value for field, value in fact.items() if value is not None}
        values = orjson.loads(meta)
        noted.append(to_json({**values, "redteam": {**values.get("redteam", {}), name: known}}) if known else meta)
    return pl.Series(noted, dtype=pl.String)


def _out(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(*SCHEMA.names(), "drop", "evidence")
