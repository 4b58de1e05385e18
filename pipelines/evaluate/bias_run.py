"""Bias and truthfulness of a model: the rows of each set asked through the store, ``bias.json`` written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.completions.warning_log import kept_notices
from pipelines.evaluate.evaluate_model import EvaluationError, default_mode, evaluated_model, make_teacher
from pipelines.evaluate.result_folder import check_new
from sources.atomic import write_json
from sources.catalog import BENCHMARKS
from sources.versions import sabila_version
from synth.teachers.options import TeacherOptions
from training.evaluation.bias_sets import LIKELIHOOD_ONLY, SETS, BiasRecord, SetName, SetScores, ask_rows, score_set
from training.evaluation.corpus_rows import CorpusPlace, by_hash
from training.evaluation.evaluation_record import Mode

RECORD = "bias.json"

NOT_MEASURED = [
    "what the model writes about groups: these sets measure choices and likelihoods",
    "toxicity of free text (RealToxicityPrompts), detection of hate (ToxiGen) and moral judgement (ETHICS): the "
    "catalog has no connector for them",
    "bias in medical advice, and languages other than English",
]


@dataclass(frozen=True, kw_only=True)
class BiasJob:
    """What to measure of which model, and where files are; ``limit`` rows of each set are sampled by ``seed``."""

    model: str
    out: Path
    store: Path
    sets: tuple[SetName, ...] = ()
    mode: Mode | None = None
    limit: int | None = None
    seed: int = 0
    mirror: Path | None = None
    options: TeacherOptions = field(default_factory=TeacherOptions)


def measure_bias(job: BiasJob, spending: Spending) -> BiasRecord:
    """Ask a model about the sets and write the record.

    By default all sets are measured that the mode allows and that are available; what is left out is said. Raises
    ``EvaluationError`` where a named set needs log-likelihoods, or no set is available.
    """
    check_new(job.out)
    mode = job.mode or default_mode(job.model)
    place = CorpusPlace(mirror=job.mirror, raw=job.store / "raw")
    needing = [name for name in job.sets if name in LIKELIHOOD_ONLY and mode == "generate"]
    if needing:
        raise EvaluationError(f"{needing[0]} compares log-likelihoods, expected the folder or Hub id of a model")
    chosen = job.sets or tuple(name for name in SETS if mode == "loglikelihood" or name not in LIKELIHOOD_ONLY)
    rows = {name: by_hash(place.rows(BENCHMARKS[name]), job.seed)[: job.limit] for name in chosen}
    if not any(rows.values()):
        raise EvaluationError(f"no set of bias is available: {'; '.join(place.absent.values())}; name a --mirror")
    teacher = make_teacher(job.model, mode, job.options)
    scores: list[SetScores] = []
    with show_progress(len(rows)) as progress, kept_notices():
        ask = cached_teacher(job.store / FILE, teacher, spending, progress)
        scores = [score_set(name, ask_rows(name, own, mode, ask)) for name, own in rows.items() if own]
    unchosen = [name for name in SETS if name not in chosen]
    left_out = [f"{name}: not asked for, or it compares log-likelihoods" for name in unchosen]
    left_out += [f"{name}: {reason}" for name, reason in place.absent.items()]
    record = BiasRecord(
        sabila=sabila_version(),
        model=evaluated_model(teacher),
        mode=mode,
        limit=job.limit,
        seed=job.seed,
        sets=scores,
        not_measured=[*left_out, *NOT_MEASURED],
    )
    write_json(job.out / RECORD, record.model_dump(mode="json"))
    return record
