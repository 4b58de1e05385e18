"""Figures of the steps of a release: the funnel, edits, the mix, models and verdicts, without text of rows.

``teacher_figures`` needs the manifest alone; ``stored_figures`` also reads the tables of steps in the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import polars as pl

from pipelines.build.plan import reference_only
from pipelines.release.row_figures import SHOWN_DIGITS, rounded
from pipelines.storage.store import Store
from quality.date_gate import NO_DATE
from sources.formats.literal import scan_parquet
from sources.releases.figures_model import (
    DateFigures,
    EditFigures,
    FunnelStep,
    GenerationFigures,
    GenerationSettings,
    HeldOut,
    JudgeFigures,
    MixFigures,
    MixPart,
    PrivacyFigures,
    ProposedPairs,
    RedTeamFigures,
    RequestFigures,
    StepFigures,
    StoredFigures,
    TopicSuccess,
)
from sources.releases.manifest_model import StepSummary
from synth.cot.chain_verdicts import AGREES
from synth.cot.chosen_chains import KEPT

# --- from the manifest alone ---------------------------------------------------------------------------------------


def teacher_figures(steps: list[StepSummary]) -> StepFigures:
    """Return the funnel, edits, privacy and mixes from the summaries of steps."""
    compared = reference_only((step.inputs, step.reference_inputs) for step in steps)
    settings = [(step, step.identity.settings) for step in steps]
    return StepFigures(
        funnel=[
            FunnelStep(
                step=step.name,
                reference_only=step.folder in compared,
                **step.counts.to_json(),
                reasons=step.reasons,
            )
            for step in steps
        ],
        edits=_edits(steps),
        privacy=[
            PrivacyFigures(step=step.name, action=config["action"], kinds=config["kinds"], edits=step.edits)
            for step, config in settings
            if {"action", "kinds"} <= config.keys()
        ],
        mix=[_mix(step, step.account) for step in steps if step.account is not None],
    )


def _edits(steps: list[StepSummary]) -> list[EditFigures]:
    """Return the edits of each rule over all steps with the same prefix (``clean-medquad``, ``clean-rqe``)."""
    counted: dict[str, Counter[str]] = {}
    prefixes = Counter(step.name.partition("-")[0] for step in steps)
    for step in steps:
        prefix = step.name.partition("-")[0]
        first = prefix if prefixes[prefix] > 1 else step.name
        rules = {rule.partition(" ")[0]: 0 for rule in step.edits}
        for rule, number in step.edits.items():
            rules[rule.partition(" ")[0]] += number
        counted.setdefault(first, Counter()).update(rules)
    return [EditFigures(steps=name, rules=dict(sorted(rules.items()))) for name, rules in counted.items() if rules]


def _mix(step: StepSummary, account: list[MixPart]) -> MixFigures:
    tokenizer = step.identity.settings.get("tokenizer")
    counted_by = f"tokenizer {tokenizer['sha256'][:16]}" if tokenizer else "a quarter of the characters"
    parts = [MixPart.of({name: rounded(value) for name, value in part.to_json().items()}) for part in account]
    return MixFigures(step=step.name, counted_by=counted_by, parts=parts)


# --- from the completions of the release ---------------------------------------------------------------------------


def request_figures(folder: Path) -> list[RequestFigures]:
    """Return, for each model and revision, the number of requests used by a release, and their tokens."""
    paths = sorted((folder / "completions").glob("*.parquet"))
    if not paths:
        return []
    completions = scan_parquet(paths).group_by("teacher", "revision")
    sums = completions.agg(
        requests=pl.len(),
        failed=pl.col("error").is_not_null().sum(),
        prompt_tokens=pl.col("prompt_tokens").sum(),
        completion_tokens=pl.col("completion_tokens").sum(),
    )
    return [RequestFigures(**model) for model in sums.sort("teacher", "revision").collect().to_dicts()]


# --- from the tables of the store ----------------------------------------------------------------------------------


def stored_figures(store: Store, steps: list[StepSummary]) -> StoredFigures:
    """Return figures of generated text, proposed pairs, the red team and dates, from the tables of steps."""
    folders = [(step, store.folder(step.folder)) for step in steps]
    return StoredFigures(
        generation=[part for step, folder in folders for part in _generation(step, folder)],
        proposed_pairs=[part for step, folder in folders if (part := _pairs(step, folder))],
        red_team=_red_team(folders),
        dates=[
            _dates(step, folder) for step, folder in folders if {"before", "undated"} <= step.identity.settings.keys()
        ],
    )


StepFolders = list[tuple[StepSummary, Path]]


def _tables(folder: Path, name: str) -> pl.LazyFrame | None:
    """Return the table ``name`` of a step, in shards or in one file; None where the step has none."""
    paths = [*sorted(folder.glob(f"{name}/*.parquet")), *folder.glob(f"{name}.parquet")]
    return scan_parquet(paths) if paths else None


def _dates(step: StepSummary, folder: Path) -> DateFigures:
    """Return the date of a step's gate, and its rows without a date."""
    config = step.identity.settings
    kept = _tables(folder, "undated")
    undated = kept.select(pl.len()).collect().item() if kept is not None else step.reasons.get(NO_DATE, 0)
    return DateFigures(step=step.name, before=config["before"], undated=config["undated"], undated_rows=undated)


# --- generated text ------------------------------------------------------------------------------------------------


def _generation(step: StepSummary, folder: Path) -> Iterator[GenerationFigures]:
    """Yield, for each generator, stage and model of a step, the completions, tokens and verdicts."""
    candidates = _tables(folder, "candidates")
    if candidates is None:
        return
    who = ("generator", "stage", "teacher", "revision")
    candidates = with_generators(candidates, sorted(folder.glob("generators/*.parquet")))
    sums = candidates.group_by(who).agg(
        rows=pl.col("id").n_unique(),
        completions=pl.len(),
        prompt_tokens=pl.col("prompt_tokens").sum(),
        completion_tokens=pl.col("completion_tokens").sum(),
    )
    verdicts = candidates.group_by(*who, "verdict").len().sort(*who, "verdict").collect()
    for part in sums.sort(who).collect().to_dicts():
        same = verdicts.filter(pl.all_horizontal(pl.col(name).eq_missing(part[name]) for name in who))
        counted = dict(same.select("verdict", "len").iter_rows())
        yield GenerationFigures(
            step=step.name,
            **part,
            **generation_settings(step, part["generator"]).to_json(),
            verdicts=counted,
            pass_rate=pass_rate(counted),
        )


def with_generators(candidates: pl.LazyFrame, paths: list[Path]) -> pl.LazyFrame:
    """Return candidates with the ``generator`` of their row, from the tables of a step; null in steps without any."""
    if not paths:
        return candidates.with_columns(generator=pl.lit(None, pl.String))
    return candidates.join(scan_parquet(paths).select("id", "generator"), on="id", how="left", maintain_order="left")


def generation_settings(step: StepSummary, generator: str | None) -> GenerationSettings:
    """Return prompts, licence, rounds and sampling from the config of a step, or of a generator in it."""
    config = step.identity.settings
    config = config.get("chains") or config
    config = step.identity.generators.get(generator or "", config)
    return GenerationSettings.of({name: config[name] for name in GenerationSettings.model_fields if name in config})


def pass_rate(verdicts: dict[str, int]) -> float | None:
    """Return the share of replies that gave the gold answer; None for a stage whose replies have no gold answer."""
    if not verdicts.keys() & {"right", "wrong", KEPT}:
        return None
    replies = sum(number for verdict, number in verdicts.items() if verdict != "failed")
    right = sum(number for verdict, number in verdicts.items() if verdict in (KEPT, *AGREES))
    return round(right / replies, SHOWN_DIGITS) if replies else None


# --- pairs ---------------------------------------------------------------------------------------------------------


def _pairs(step: StepSummary, folder: Path) -> ProposedPairs | None:
    """Return the number of proposed pairs and the reasons of drops; for judged pairs, the judge's consistency."""
    table = _tables(folder, "pairs")
    if table is None:
        return None
    counted = table.group_by("origin", "drop_reason").len().sort("origin", "drop_reason").collect()
    kept = counted.filter(pl.col("drop_reason").is_null())
    dropped = counted.drop_nulls("drop_reason").group_by("drop_reason").agg(pl.col("len").sum()).sort("drop_reason")
    judged = table.filter(pl.col("origin") == "judged").select("drop_reason", "evidence").collect()
    return ProposedPairs(
        step=step.name,
        proposed=int(counted["len"].sum()),
        kept=int(kept["len"].sum()),
        reasons=dict(dropped.iter_rows()),
        judge=_judge(judged) if judged.height else None,
    )


def _judge(judged: pl.DataFrame) -> JudgeFigures:
    """Return how often a judge gave the same verdict in both orders, and its preferred position where it did not.

    A judge without position bias contradicts itself as often for the first position as for the second: a share of 0.5.
    """
    contradicted = [orjson.loads(one) for one in judged.filter(pl.col("drop_reason") == "judge_disagrees")["evidence"]]
    agreed = judged.filter(~pl.col("drop_reason").fill_null("").str.starts_with("judge_")).height
    unread = judged.filter(pl.col("drop_reason").is_in(["judge_unparsed", "judge_failed", "judge_missing"])).height
    first = sum(one["in_order"] == one["swapped"] == "A" for one in contradicted)
    read = judged.height - unread
    return JudgeFigures(
        pairs=judged.height,
        read_both_ways=read,
        agreed=agreed,
        ties=judged.filter(pl.col("drop_reason") == "judge_tie").height,
        contradicted=len(contradicted),
        agreement=round(agreed / read, SHOWN_DIGITS) if read else None,
        prefers_first=round(first / len(contradicted), SHOWN_DIGITS) if contradicted else None,
    )


# --- the red team --------------------------------------------------------------------------------------------------


def _red_team(folders: StepFolders) -> RedTeamFigures | None:
    """Return the held-out part of the red team, and the attack success; None where there was none."""
    dropped = [_tables(folder, "dropped") for step, folder in folders if "held_out" in step.reasons]
    held_out = [table.filter(reason="held_out") for table in dropped if table is not None]
    rates = [table for _, folder in folders if (table := _tables(folder, "attack_success")) is not None]
    if not held_out and not rates:
        return None
    return RedTeamFigures(held_out=_held_out(held_out), attack_success=_success(rates))


def _held_out(tables: list[pl.LazyFrame]) -> HeldOut:
    """Return how many rows were held out for their style, their topic or their request."""
    rows = [
        (orjson.loads(evidence).get("held_out_by") or "", orjson.loads(meta)["attack"])
        for table in tables
        for evidence, meta in table.select("evidence", "meta").collect().iter_rows()
    ]
    by = {name: [attack for why, attack in rows if name in why.split(",")] for name in ("style", "topic", "request")}
    return HeldOut(
        rows=len(rows),
        rows_by={name: len(attacks) for name, attacks in by.items()},
        styles=len({attack["style"] for attack in by["style"]}),
        topics=sorted({attack["topic"] for attack in by["topic"]}),
        requests=len({attack["base"] for attack in by["request"]}),
    )


def _success(tables: list[pl.LazyFrame]) -> list[TopicSuccess]:
    """Return attack success by topic: answers, those the guard could judge, unsafe ones, and their share."""
    if not tables:
        return []
    sums = pl.concat([table.select("topic", "answers", "judged", "unsafe") for table in tables]).group_by("topic")
    part = sums.agg(pl.col("answers", "judged", "unsafe").sum()).sort("topic")
    rate = pl.when(pl.col("judged") > 0).then((pl.col("unsafe") / pl.col("judged")).round(SHOWN_DIGITS))
    return [TopicSuccess(**topic) for topic in part.with_columns(rate=rate).collect().to_dicts()]
