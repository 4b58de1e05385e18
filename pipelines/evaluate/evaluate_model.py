"""One evaluation: items, requests through the store of completions, scores, and the folder of results."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, field, replace
from os import cpu_count
from pathlib import Path
from typing import cast

from pipelines.build.progress import show_progress
from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import cached_teacher
from pipelines.completions.completion_store import FILE
from pipelines.completions.warning_log import kept_notices
from pipelines.evaluate.release_leaks import leaks_of_model, with_leaks
from pipelines.evaluate.result_folder import check_new, write_results
from sources.catalog import SOURCES
from sources.errors import SabilaError
from sources.source import Source
from sources.suggest import did_you_mean
from sources.versions import installed_versions, sabila_version
from synth.strategies.strategy_stage import DIRECT, REASONED, Strategy, StrategyName
from synth.teachers.candidates import author
from synth.teachers.embedders import embedder
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import ELSEWHERE
from synth.teachers.specs import teacher as teacher_of
from synth.teachers.teacher import Ask, Teacher
from training.evaluation.benchmark_items import SUITE, ItemSet, expand_names, load_items
from training.evaluation.corpus_rows import CorpusPlace
from training.evaluation.evaluation_record import BenchmarkScore, EvaluationRecord, Mode, ModelFacts, Settings, Spent
from training.evaluation.item_prompts import answer_items, askable, item_requests, prompt_of
from training.evaluation.item_results import ItemResult
from training.evaluation.option_likelihood import LikelihoodTeacher
from training.evaluation.rubric_grading import grade
from training.evaluation.score_items import score_benchmark, summarize
from training.evaluation.shared_questions import shared_question_notes
from training.evaluation.strategy_items import ExampleSource, run_strategy

LIBRARIES = ("sabila", "torch", "transformers", "vllm", "openai")


class EvaluationError(SabilaError):
    """An evaluation that cannot begin: a mode that the model does not have."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """An evaluation to run: the model, the benchmarks by name, the settings, and where files are."""

    model: str
    benchmarks: tuple[str, ...]
    settings: Settings
    out: Path
    store: Path
    judge: str | None = None
    releases: tuple[str, ...] = ()
    mirror: Path | None = None
    options: TeacherOptions = field(default_factory=TeacherOptions)


def worked_examples(name: str, job: Evaluation) -> ExampleSource | None:
    """Return the source of a benchmark's worked examples, None for a strategy without any.

    By default that is the training part of the benchmark's corpus. Raises ``EvaluationError`` where there is none, or
    no embedder, and ``EmbedderError`` where it cannot be loaded.
    """
    strategy = job.settings.strategy
    if strategy is None or not strategy.examples:
        return None
    if strategy.embedder is None:
        raise EvaluationError(
            "medprompt looks for similar questions, expected --embedder: the folder or Hub name of a "
            "sentence-transformers model, model2vec:FOLDER or openai:URL#MODEL; or --examples 0"
        )
    embed = embedder(strategy.embedder)
    place = CorpusPlace(mirror=job.mirror, raw=job.store / "raw")
    for chosen in pool_sources(name, strategy.pool):
        if rows := tuple(row for row in place.rows(chosen) if row.options and row.gold):
            return ExampleSource(rows=rows, size=strategy.pool_size, embed=embed, k=strategy.examples)
    absent = "; ".join(place.absent.values()) or "it has no row with options and a right one"
    raise EvaluationError(f"worked examples of {name} cannot be read: {absent}; name another --pool")


def pool_sources(benchmark: str, pool: str | None) -> list[Source]:
    """Return the training corpora for a benchmark's worked examples: ``pool``, or all that chains are written for."""
    if pool is not None and pool not in SOURCES:
        hint = did_you_mean(pool, SOURCES)
        raise EvaluationError(f"--pool is {pool!r}{hint}, expected a training corpus that `sabila sources` lists")
    if pool is not None:
        return [SOURCES[pool]]
    corpus = benchmark.partition(":")[0].partition("_")[0]
    own = [one for one in SOURCES.values() if one.chain_prompt == corpus]
    if not own:
        raise EvaluationError(
            f"{benchmark} has no training part in the catalog, expected --pool with a training corpus"
        )
    return own


def is_spec(model: str) -> bool:
    """Return whether a model is named as a teacher is, such as ``openai:URL#MODEL``."""
    return model.partition(":")[0] in ELSEWHERE and not Path(model).exists()


def default_mode(model: str) -> Mode:
    """Return the mode for a model: log-likelihood for a folder or a Hub id, generated answers for a teacher."""
    return "generate" if is_spec(model) else "loglikelihood"


def make_teacher(model: str, mode: Mode, options: TeacherOptions) -> Teacher:
    """Return what answers the requests of a mode. Raises ``EvaluationError`` where the model has no such mode."""
    kind, _, rest = model.partition(":")
    if not is_spec(model) and not Path(model).exists() and "@" in model:
        model, _, revision = model.partition("@")
        options = replace(options, revision=options.revision or revision)
    if mode == "generate":
        return teacher_of(model if is_spec(model) else f"transformers:{model}", options)
    if is_spec(model) and kind != "transformers":
        raise EvaluationError(
            f"{model} gives no log-likelihoods, expected the folder or the Hub id of a model for --mode loglikelihood; "
            "or use --mode generate"
        )
    return LikelihoodTeacher(model=rest if is_spec(model) else model, wanted_revision=options.revision)


def evaluated_model(teacher: Teacher) -> ModelFacts:
    """Return a model as a part of a record, without the kind of its teacher."""
    return ModelFacts(name=teacher.name.partition(":")[2], revision=teacher.revision)


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
        load_items(name, mirror=job.mirror, raw=raw, limit=settings.limit, seed=settings.seed, after=settings.after)
        for name in names
    ]
    sets = [askable(item_set, settings) for item_set in sets]
    if job.judge is None and (rubrics := [item_set.name for item_set in sets if item_set.items[0].criteria]):
        raise EvaluationError(
            f"{', '.join(rubrics)} is graded by criteria, expected --judge: a teacher that says which are met"
        )
    leaks, notes = leaks_of_model(job.model, job.releases, job.store)
    notes = [*notes, *shared_question_notes(sets)]
    pools = {item_set.name: worked_examples(item_set.name, job) for item_set in sets}
    teacher = make_teacher(job.model, settings.mode, job.options)
    scored: list[tuple[ItemSet, BenchmarkScore, list[ItemResult]]] = []
    with show_progress(len(sets)) as progress, kept_notices():
        ask = cached_teacher(job.store / FILE, teacher, spending, progress)
        grader = teacher_of(job.judge, replace(job.options, revision=None)) if job.judge else None
        judge = (grader, cached_teacher(job.store / FILE, grader, spending, progress)) if grader else None
        for item_set in sets:
            if settings.strategy and item_set.items[0].kind == "choice":
                score, results = _apply_strategy(item_set, settings, teacher, ask, pools[item_set.name])
            else:
                score, results = _evaluate_set(item_set, settings, ask, judge, job)
            if leaks is not None:
                score, results = with_leaks(item_set, score, results, leaks, job.mirror, raw)
            scored.append((item_set, score, results))
    record = EvaluationRecord(
        sabila=sabila_version(),
        model=evaluated_model(teacher),
        settings=settings,
        benchmarks=[score for _, score, _ in scored],
        summary=summarize(scored, expand_names((SUITE,))),
        notes=notes,
        spent=_spent(spending),
        libraries=installed_versions(LIBRARIES),
        machine=f"{platform.machine()}, {cpu_count()} cores, Python {platform.python_version()}",
        wall_seconds=time.monotonic() - since,
    )
    write_results(job.out, record, [result for _, _, results in scored for result in results])
    return record


def _evaluate_set(
    item_set: ItemSet, settings: Settings, ask: Ask, judge: tuple[Teacher, Ask] | None, job: Evaluation
) -> tuple[BenchmarkScore, list[ItemResult]]:
    prompt = prompt_of(item_set, settings)
    requests = list(item_requests(item_set.items, prompt[0], settings))
    results = list(answer_items(requests, ask, settings))
    if judge is None or item_set.items[0].kind != "open":
        return score_benchmark(item_set, prompt, results), results
    graded = grade(item_set.items, results, *judge, job.model)
    return score_benchmark(item_set, prompt, graded.results, graded.judge), graded.results


def _apply_strategy(
    item_set: ItemSet, settings: Settings, teacher: Teacher, ask: Ask, examples: ExampleSource | None
) -> tuple[BenchmarkScore, list[ItemResult]]:
    """Return the scores and results of a benchmark asked with a strategy."""
    chosen = settings.strategy
    assert chosen is not None, "only called with a strategy"
    config = Strategy.named(
        cast(StrategyName, chosen.name),
        author(teacher),
        samples=chosen.samples,
        stop=chosen.stop,
        shuffle=chosen.shuffle,
        temperature=settings.temperature or 0.0,
        max_tokens=settings.max_tokens or 512,
        seed=settings.seed,
    )
    run = run_strategy(item_set.items, config, ask, examples)
    score = score_benchmark(item_set, (REASONED if config.reason else DIRECT, config.prompts), run.results)
    return score.model_copy(update={"strategy": run.scores}), run.results


def _spent(spending: Spending) -> Spent:
    """Return the requests, tokens, cost and energy of all stages of a run."""
    accounts = list(spending.accounts.values())
    return Spent(
        sent=sum(one.sent for one in accounts),
        cached=sum(one.cached for one in accounts),
        failed=sum(one.failed for one in accounts),
        prompt_tokens=sum(one.prompt_tokens for one in accounts),
        completion_tokens=sum(one.completion_tokens for one in accounts),
        cost=sum(one.cost for one in accounts),
        kwh=sum(one.kwh or 0.0 for one in accounts) if spending.rates.watts is not None else None,
    )
