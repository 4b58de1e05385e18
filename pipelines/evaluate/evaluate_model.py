"""One evaluation: items, requests through the store of completions, scores, and the folder of results."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as library_version
from os import cpu_count
from pathlib import Path

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.completions.warning_log import kept_notices
from pipelines.evaluate.release_leaks import leaks_of_model, with_leaks
from pipelines.evaluate.result_folder import check_new, write_results
from sources.errors import SabilaError
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher as teacher_of
from synth.teachers.teacher import Ask, Teacher
from training.evaluation.benchmark_items import SUITE, ItemSet, expand_names, load_items
from training.evaluation.evaluation_record import BenchmarkScore, EvaluationRecord, Mode, ModelFacts, Settings
from training.evaluation.item_prompts import answer_items, askable, item_requests, prompt_of
from training.evaluation.item_results import ItemResult
from training.evaluation.option_likelihood import LikelihoodTeacher
from training.evaluation.score_items import score_benchmark, summarize

SPECS = ("openai", "vllm", "transformers", "llamacpp")
"""Kinds of models that write answers; any other name is a folder or an id of the Hub."""

LIBRARIES = ("sabila", "torch", "transformers", "vllm", "openai")


class EvaluationError(SabilaError):
    """An evaluation that cannot begin: a mode that the model does not have."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What to evaluate: the model, the benchmarks by name, how to ask, and where files are."""

    model: str
    benchmarks: tuple[str, ...]
    settings: Settings
    out: Path
    store: Path
    releases: tuple[str, ...] = ()
    mirror: Path | None = None
    options: TeacherOptions = field(default_factory=TeacherOptions)


def is_spec(model: str) -> bool:
    """Return whether a model is named as a teacher is, such as ``openai:URL#MODEL``."""
    return model.partition(":")[0] in SPECS and not Path(model).exists()


def default_mode(model: str) -> Mode:
    """Return the mode for a model: log-likelihood for a folder or a Hub id, generated answers for a teacher."""
    return "generate" if is_spec(model) else "loglikelihood"


def make_teacher(model: str, mode: Mode, options: TeacherOptions) -> Teacher:
    """Return what answers the requests of a mode. Raises ``EvaluationError`` where the model has no such mode."""
    kind, _, rest = model.partition(":")
    if mode == "generate":
        return teacher_of(model if is_spec(model) else f"transformers:{model}", options)
    if is_spec(model) and kind != "transformers":
        raise EvaluationError(
            f"{model} gives no log-likelihoods, expected the folder or the Hub id of a model for --mode loglikelihood; "
            "or use --mode generate"
        )
    return LikelihoodTeacher(model=rest if is_spec(model) else model, wanted_revision=options.revision)


def evaluate(job: Evaluation, spending: Spending) -> EvaluationRecord:
    """Ask a model about all items that are not answered yet, write the results, and return their record.

    A run that is interrupted resumes: replies are in the store. Raises ``BenchmarkError`` and ``ResultsError`` before
    any request, ``TeacherError`` and ``BudgetReachedError`` where the model or the budget ends.
    """
    since = time.monotonic()
    check_new(job.out)
    names = expand_names(job.benchmarks)
    settings = job.settings
    raw = job.store / "raw"
    sets = [
        askable(load_items(name, mirror=job.mirror, raw=raw, limit=settings.limit, seed=settings.seed), settings)
        for name in names
    ]
    leaks, notes = leaks_of_model(job.model, job.releases, job.store)
    teacher = make_teacher(job.model, settings.mode, job.options)
    scored: list[tuple[ItemSet, BenchmarkScore, list[ItemResult]]] = []
    with show_progress(len(sets)) as progress, kept_notices():
        ask = cached_teacher(job.store / FILE, teacher, spending, progress)
        for found in sets:
            score, results = _evaluate_set(found, settings, ask)
            if leaks is not None:
                score, results = with_leaks(found, score, results, leaks, job.mirror, raw)
            scored.append((found, score, results))
    record = EvaluationRecord(
        sabila=library_version("sabila"),
        model=ModelFacts(name=teacher.name.partition(":")[2], revision=teacher.revision),
        settings=settings,
        benchmarks=[score for _, score, _ in scored],
        summary=summarize(scored, expand_names((SUITE,))),
        notes=notes,
        libraries=_libraries(),
        machine=f"{platform.machine()}, {cpu_count()} cores, Python {platform.python_version()}",
        seconds=time.monotonic() - since,
    )
    write_results(job.out, record, [result for _, _, results in scored for result in results])
    return record


def _evaluate_set(found: ItemSet, settings: Settings, ask: Ask) -> tuple[BenchmarkScore, list[ItemResult]]:
    prompt = prompt_of(found, settings)
    asked = list(item_requests(found.items, prompt[0], settings))
    results = list(answer_items(asked, ask, settings))
    return score_benchmark(found, prompt, results), results


def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = library_version(name)
        except PackageNotFoundError:
            continue
    return found
