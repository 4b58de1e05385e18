"""A red-team run: prompts, answers and verdicts through the store of completions, and the folder of results."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import orjson
import polars as pl

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.completions.warning_log import kept_notices
from pipelines.evaluate.evaluate_model import make_teacher
from pipelines.evaluate.guard_model import guard_settings
from pipelines.evaluate.result_folder import new_folder
from sources.atomic import write_json, write_table
from sources.formats.literal import read_parquet
from synth.judges.guard import NO_TEXT
from synth.judges.guard_formats import FormatName
from synth.teachers.candidates import author
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher as teacher_of
from training.evaluation.corpus_rows import CorpusPlace
from training.evaluation.item_results import item_results, result_table
from training.evaluation.red_team import (
    BENIGN_STAGE,
    STAGE,
    Judge,
    Target,
    answer_prompts,
    judge_answers,
    model_facts,
    red_team_record,
    red_team_results,
)
from training.evaluation.red_team_comparison import PairedRates, compare_red_teams
from training.evaluation.red_team_items import (
    ATTACKS,
    RedTeamError,
    attack_prompts,
    benign_answers,
    chosen_styles,
    corpus_topics,
    harmful_requests,
    medical_prompts,
    xstest_prompts,
)
from training.evaluation.red_team_record import RedTeamRecord, RedTeamSettings

RECORD, ANSWERS, ITEMS, BENIGN = "redteam.json", "answers.parquet", "items.parquet", "guard_errors.parquet"


@dataclass(frozen=True, kw_only=True)
class RedTeamJob:
    """A model to attack, the prompts and the guard, and where files are.

    ``requests`` is the number of harmful requests, each in every style of ``styles`` (all by default); ``benign`` the
    number of answers of ``benign_from`` on which the guard's own errors are counted.
    """

    model: str
    out: Path
    store: Path
    guard: str | None = None
    guard_options: TeacherOptions = field(default_factory=TeacherOptions)
    options: TeacherOptions = field(default_factory=TeacherOptions)
    protocol: Literal["chat", "prompt"] = "chat"
    format: FormatName | None = None
    mirror: Path | None = None
    requests: int = 100
    styles: tuple[str, ...] = ()
    refusal_prompts: int | None = None
    benign: int = 100
    benign_from: str = "medquad"
    temperature: float = 0.0
    max_tokens: int = 256
    seed: int = 0


def run_red_team(job: RedTeamJob, spending: Spending) -> RedTeamRecord:
    """Attack the model, have a guard judge it, count refusals of benign prompts, and write the results.

    An interrupted run resumes: replies are in the store. Raises ``RedTeamError`` before any request.
    """
    if job.out.exists():
        raise RedTeamError(f"{job.out} exists, expected the name of a new folder: remove it, or name another --out")
    place = CorpusPlace(mirror=job.mirror, raw=job.store / "raw")
    prompts = red_team_prompts(job, place)
    benign = benign_answers(job.benign_from, place, job.benign, job.seed) if job.guard and job.benign else None
    model = make_teacher(job.model, "generate", job.options)
    target = Target(generated_by=author(model), temperature=job.temperature, max_tokens=job.max_tokens, seed=job.seed)
    guard = teacher_of(job.guard, job.guard_options) if job.guard else None
    config = guard_settings(guard, job.protocol, job.format) if guard else None
    with show_progress(2) as progress, kept_notices():
        answers = answer_prompts(prompts, target, cached_teacher(job.store / FILE, model, spending, progress))
        judge = None
        verdicts = answers.filter(pl.col("set") == ATTACKS)
        if guard and config:
            ask = cached_teacher(job.store / FILE, guard, spending, progress)
            judge = Judge(guard=config, facts=model_facts(guard), ask=ask)
            text = pl.col("messages").list.last().struct.field("content")
            verdicts = judge_answers(verdicts.with_columns(prompt=text), STAGE, judge)
            benign = None if benign is None else judge_answers(benign, BENIGN_STAGE, judge)
        else:
            verdicts = verdicts.with_columns(guard=pl.lit(NO_TEXT), categories=pl.lit(None, pl.String))
    judged = answers.join(verdicts.select("id", "guard", "categories"), on="id", how="left", maintain_order="left")
    record = red_team_record(
        judged,
        benign,
        model=model_facts(model),
        judge=judge,
        target=target,
        corpora=place.read_rows,
        benign_corpus=job.benign_from,
        prompts=prompts_hash(prompts),
    )
    _write(job.out, record, judged, benign)
    return record


def red_team_prompts(job: RedTeamJob, place: CorpusPlace) -> pl.DataFrame:
    """Return the attacks and the benign prompts of a run. Raises ``RedTeamError`` where there is no request."""
    styles = chosen_styles(job.styles)
    requests = harmful_requests(place)
    if not requests and job.requests:
        absent = "; ".join(place.absent.values())
        raise RedTeamError(f"no safety benchmark is available ({absent}), expected one at least: name a --mirror")
    refusals = pl.concat([medical_prompts(), xstest_prompts(place)])
    if job.refusal_prompts is not None:
        refusals = pl.concat(
            part.head(job.refusal_prompts) for part in refusals.partition_by("set", maintain_order=True)
        )
    return pl.concat([attack_prompts(requests, styles, corpus_topics(), job.requests, job.seed), refusals])


def prompts_hash(prompts: pl.DataFrame) -> str:
    """Return a hash of ids and texts, equal for two models that got the same prompts."""
    return hashlib.sha256(orjson.dumps(prompts.select("id", "messages").rows())).hexdigest()


def _write(out: Path, record: RedTeamRecord, answers: pl.DataFrame, benign: pl.DataFrame | None) -> None:
    with new_folder(out) as partial:
        write_table(partial / ANSWERS, answers)
        write_table(partial / ITEMS, result_table(red_team_results(answers)))
        if benign is not None:
            write_table(partial / BENIGN, benign)
        write_json(partial / RECORD, record.model_dump(mode="json"))


def read_record(folder: Path) -> RedTeamRecord:
    """Return the record of a run. Raises ``RedTeamError`` where the folder holds none."""
    try:
        return RedTeamRecord.model_validate_json((folder / RECORD).read_bytes())
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise RedTeamError(
            f"{folder} has no red-team results ({reason}), expected those of `sabila redteam`"
        ) from error


def compare_runs(before: Path, after: Path) -> list[PairedRates]:
    """Return two runs compared prompt by prompt. Raises ``RedTeamError`` where their prompts differ."""
    first, second = read_record(before), read_record(after)
    if first.guard != second.guard:
        names = [one.guard.name if one.guard else "none" for one in (first, second)]
        raise RedTeamError(f"the guards are {names[0]} and {names[1]}, expected the same one: verdicts differ by guard")
    if first.settings != second.settings:
        raise RedTeamError(
            f"{before} and {after} were made with different settings or prompts, expected the same: run both with the "
            f"same options ({_differences(first.settings, second.settings)})"
        )
    return compare_red_teams(*(item_results(read_parquet(folder / ITEMS)) for folder in (before, after)))


def _differences(first: RedTeamSettings, second: RedTeamSettings) -> str:
    one, other = first.model_dump(), second.model_dump()
    return ", ".join(f"{name} {one[name]!r} and {other[name]!r}" for name in one if one[name] != other[name])
