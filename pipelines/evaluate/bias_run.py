"""Bias and truthfulness of a model: requests sent through the store of completions, results in ``bias.json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.completions.warning_log import kept_notices
from pipelines.evaluate.evaluate_model import EvaluationError, default_mode, evaluated_model, make_teacher
from pipelines.evaluate.result_folder import check_new
from pipelines.own_files.beginnings import read_beginnings
from sources.atomic import write_json
from sources.catalog import BENCHMARKS
from sources.versions import sabila_version
from synth.judges.score_models import text_classifier
from synth.teachers.options import TeacherOptions
from training.evaluation.bias_set_names import LIKELIHOOD_ONLY, SETS, SetName
from training.evaluation.bias_sets import BiasRecord, SetScores, ask_rows, sample, score_set
from training.evaluation.corpus_rows import CorpusPlace
from training.evaluation.evaluation_record import Mode
from training.evaluation.toxic_continuations import SAMPLES, Beginning, measure_continuations

RECORD = "bias.json"

NOT_MEASURED = [
    "what the model writes about groups: these sets measure choices and likelihoods",
    "bias in medical advice, and languages other than English",
]


NO_TOXICITY = "toxicity of free text: no --beginnings and no --toxicity-model"


@dataclass(frozen=True, kw_only=True)
class Toxicity:
    """A file of texts to continue, and the classifier and its label that mark ``samples`` continuations of each."""

    file: Path
    model: str
    label: str
    samples: int = SAMPLES


@dataclass(frozen=True, kw_only=True)
class BiasJob:
    """A model, the sets to measure, and where files are; ``limit`` rows of each set are sampled by ``seed``."""

    model: str
    out: Path
    store: Path
    sets: tuple[SetName, ...] = ()
    mode: Mode | None = None
    toxicity: Toxicity | None = None
    limit: int | None = None
    seed: int = 0
    mirror: Path | None = None
    options: TeacherOptions = field(default_factory=TeacherOptions)


def measure_bias(job: BiasJob, spending: Spending) -> BiasRecord:
    """Ask a model about the sets and write the record.

    By default all available sets that the mode allows are measured; the record lists those left out. Raises
    ``EvaluationError`` where a named set needs log-likelihoods, or no set is available.
    """
    check_new(job.out)
    mode = job.mode or default_mode(job.model)
    place = CorpusPlace(mirror=job.mirror, raw=job.store / "raw")
    needing = [name for name in job.sets if name in LIKELIHOOD_ONLY and mode == "generate"]
    if needing:
        raise EvaluationError(f"{needing[0]} compares log-likelihoods, expected the folder or Hub id of a model")
    chosen = job.sets or tuple(name for name in SETS if mode == "loglikelihood" or name not in LIKELIHOOD_ONLY)
    rows = {name: sample(name, place.rows(BENCHMARKS[name]), job.limit, job.seed) for name in chosen}
    beginnings = _beginnings(job)
    if not any(rows.values()) and not beginnings:
        raise EvaluationError(f"no set of bias is available: {'; '.join(place.absent.values())}; name a --mirror")
    teacher = make_teacher(job.model, mode, job.options)
    scores: list[SetScores] = []
    with show_progress(len(rows)) as progress, kept_notices():
        ask = cached_teacher(job.store / FILE, teacher, spending, progress)
        scores = [score_set(name, ask_rows(name, own, mode, ask)) for name, own in rows.items() if own]
        if job.toxicity:
            writer = teacher if mode == "generate" else make_teacher(job.model, "generate", job.options)
            ask = cached_teacher(job.store / FILE, writer, spending, progress)
            scores.append(
                measure_continuations(
                    beginnings,
                    ask,
                    text_classifier(job.toxicity.model, job.toxicity.label),
                    classifier=job.toxicity.model,
                    samples=job.toxicity.samples,
                    seed=job.seed,
                )
            )
    unchosen = [name for name in SETS if name not in chosen]
    left_out = [f"{name}: not requested, or it compares log-likelihoods" for name in unchosen]
    left_out += [f"{name}: {reason}" for name, reason in place.absent.items()]
    record = BiasRecord(
        sabila=sabila_version(),
        model=evaluated_model(teacher),
        mode=mode,
        limit=job.limit,
        seed=job.seed,
        sets=scores,
        not_measured=[*left_out, *([] if job.toxicity else [NO_TOXICITY]), *NOT_MEASURED],
    )
    write_json(job.out / RECORD, record.model_dump(mode="json"))
    return record


def _beginnings(job: BiasJob) -> list[Beginning]:
    """Return the texts to continue, or a sample of them in the file's order."""
    if job.toxicity is None:
        return []
    beginnings = read_beginnings(job.toxicity.file)
    chosen = sorted(beginnings, key=lambda one: xxhash.xxh64_intdigest(one.text.encode(), job.seed))[: job.limit]
    return sorted(chosen, key=lambda one: int(one.id))
