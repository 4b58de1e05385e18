"""The verbs that evaluate a model on benchmarks and compare the results of several."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.number_range import NumberRange
from pipelines.cli.shared_options import JSON, MIRROR, STORE, echo_record, main, read_date
from pipelines.cli.teacher_options import requesting, spending, teacher_options
from pipelines.terminal import echo, echo_json

if TYPE_CHECKING:
    from synth.strategies.strategy_stage import StrategyName
    from training.evaluation.evaluation_record import Mode, Scoring


def _is_default(name: str) -> bool:
    """Return whether an option of this call was left at its default."""
    return click.get_current_context().get_parameter_source(name) == click.core.ParameterSource.DEFAULT


@main.command()
@click.argument("model")
@click.option(
    "--benchmark",
    "benchmarks",
    multiple=True,
    metavar="NAME[:SUBSET]",
    help="Benchmark to evaluate, such as medmcqa or mmlu:anatomy; may be given several times. An unknown name lists "
    "all.  [default: multimedqa, which is medqa, medmcqa, pubmedqa and mmlu_medical]",
)
@click.option(
    "--mode",
    type=click.Choice(["loglikelihood", "generate"]),
    help="loglikelihood compares the probabilities of the options, generate reads the answer that the model writes.  "
    "[default: loglikelihood for a folder or Hub id, generate for a teacher]",
)
@click.option(
    "--scoring",
    type=click.Choice(["letters", "texts"]),
    default="letters",
    show_default=True,
    help="Whose log-likelihood is compared: that of the options' letters, after all options are listed, or that of "
    "their texts, divided by their length, after the question alone.",
)
@click.option(
    "--limit", type=click.IntRange(1), help="Evaluate a sample of so many items of each benchmark.  [default: all]"
)
@click.option(
    "--after",
    callback=read_date,
    metavar="DATE",
    help="Score only items of this date or later, as in 2023 or 2023-06-30, such as exams held after a model was "
    "trained; items without a date are left out and counted.  [default: all items]",
)
@click.option(
    "--orders",
    type=click.IntRange(1, 24),
    default=1,
    show_default=True,
    help="Orders in which the options are shown: the source's, then rotated ones. Scores are means over the orders.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Answers that are generated for each item and order; more than one needs a temperature.",
)
@click.option(
    "--temperature",
    type=NumberRange(0),
    default=0.0,
    show_default=True,
    help="Temperature of generated answers; 0 takes the likeliest token.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(1),
    default=1024,
    show_default=True,
    help="Most tokens of a generated answer; a longer one counts as truncated.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed of the sample of --limit, of orders and of generated answers.",
)
@click.option(
    "--strategy",
    type=click.Choice(["greedy", "cot", "self-consistency", "medprompt"]),
    help="Strategy for multiple choice, which sets samples, temperature and tokens unless they are given: greedy asks "
    "for the answer alone, cot for steps before it, self-consistency takes the vote of 20 samples, medprompt of 5 in "
    "different orders of the options, after the most similar solved examples.  [default: none]",
)
@click.option(
    "--stop",
    type=click.Choice(["never", "decided", "beta"]),
    default="decided",
    show_default=True,
    help="When a strategy's vote stops early: once no sample can change it, or once a Beta posterior is 95% sure.",
)
@click.option(
    "--examples",
    type=click.IntRange(0, 50),
    default=5,
    show_default=True,
    help="Solved examples before each question of medprompt; none are shown to a model that reasons by itself.",
)
@click.option(
    "--pool",
    metavar="CORPUS",
    help="Training corpus of medprompt's examples.  [default: the training part of the benchmark's corpus]",
)
@click.option(
    "--pool-size",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Rows of the pool that the model is asked to solve; the solved ones that leak no item are examples.",
)
@click.option(
    "--embedder",
    help="Embedding model that finds similar questions: a sentence-transformers folder or name.  [default: none]",
)
@click.option(
    "--revision", help="Revision of a model on the Hub, or a name for the weights of a server.  [default: main]"
)
@click.option(
    "--judge",
    metavar="TEACHER",
    help="Model that grades open answers, named like a teacher: by the criteria of healthbench, "
    "healthbench_professional and livemedbench, and elsewhere by whether they agree with the reference.  [default: "
    "none; open answers are scored by ROUGE-L]",
)
@click.option(
    "--release",
    "releases",
    multiple=True,
    metavar="NAME@VERSION|FOLDER",
    help="Release that the model was trained on, whose ledger says which items leaked; may be given several times.  "
    "[default: those that the model's own run.json names, if they are in --store]",
)
@MIRROR
@STORE
@click.option("--out", type=FilePath(), required=True, help="New folder for results.json and items.parquet.")
@teacher_options
@JSON
def evaluate(
    model: str,
    benchmarks: tuple[str, ...],
    mode: Mode | None,
    scoring: Scoring,
    limit: int | None,
    after: str | None,
    orders: int,
    samples: int,
    temperature: float,
    max_tokens: int,
    seed: int,
    strategy: StrategyName | None,
    stop: str,
    examples: int,
    pool: str | None,
    pool_size: int,
    embedder: str | None,
    revision: str | None,
    judge: str | None,
    releases: tuple[str, ...],
    mirror: Path | None,
    store: Path,
    out: Path,
    as_json: bool,
    **limits: Any,
) -> None:
    """Evaluate MODEL on benchmarks, with intervals, and write the results to a new folder.

    MODEL is the folder of a model, its Hub id (ORG/NAME or ORG/NAME@REVISION), or a teacher: openai:URL#NAME,
    llamacpp:FILE, vllm:NAME, transformers:NAME. Replies are stored: an interrupted evaluation resumes when it is
    called again, and no request is sent twice. Answers that could not be read, were truncated, failed or state that
    the model does not know are counted separately: as not right, but never as wrong.
    """
    from pipelines.cli.print_scores import scores_text
    from pipelines.evaluate.evaluate_model import Evaluation, default_mode
    from pipelines.evaluate.evaluate_model import evaluate as run
    from synth.strategies.strategy_stage import USUAL
    from synth.teachers.options import TeacherOptions
    from training.evaluation.evaluation_record import Settings, StrategySettings

    mode = mode or ("generate" if strategy else default_mode(model))
    chosen = None
    if strategy:
        if mode != "generate" or orders > 1:
            raise click.UsageError(
                f"--strategy {strategy} writes answers in orders of its own, expected no other --mode "
                "than generate and no --orders"
            )
        usual = USUAL[strategy]
        samples = usual.get("samples", 1) if _is_default("samples") else samples
        temperature = usual.get("temperature", 0.0) if _is_default("temperature") else temperature
        max_tokens = usual.get("max_tokens", 512) if _is_default("max_tokens") else max_tokens
        has_examples = strategy == "medprompt" and examples > 0
        chosen = StrategySettings(
            name=strategy,
            samples=samples,
            stop=stop,
            shuffle=usual.get("shuffle", False),
            examples=examples if has_examples else 0,
            pool=pool if has_examples else None,
            pool_size=pool_size if has_examples else 0,
            embedder=embedder if has_examples else None,
        )
    generates = mode == "generate"
    if samples > 1 and (temperature == 0 or not generates):
        raise click.UsageError(f"--samples is {samples}, expected --mode generate and a --temperature above 0 with it")
    settings = Settings(
        mode=mode,
        scoring=None if generates else scoring,
        orders=orders,
        samples=samples,
        seed=seed,
        limit=limit,
        after=after,
        temperature=temperature if generates else None,
        max_tokens=max_tokens if generates else None,
        strategy=chosen,
    )
    options = TeacherOptions(revision=revision, **requesting(limits))
    job = Evaluation(
        model=model,
        benchmarks=benchmarks,
        settings=settings,
        out=out,
        store=store,
        judge=judge,
        releases=releases,
        mirror=mirror,
        options=options,
    )
    record = run(job, spending(**limits))
    echo_record(record, scores_text, out, as_json)


@main.command()
@click.argument("results", nargs=-1, required=True, type=FilePath(file_okay=False, exists=True))
@click.option(
    "--items",
    "shown",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Items won and lost to print for each benchmark; --json and --out have all of them.",
)
@click.option(
    "--across-settings",
    is_flag=True,
    help="Compare although mode, prompts or sampling differ; the difference is then that of model and method together.",
)
@click.option(
    "--out",
    type=FilePath(dir_okay=False),
    help="JSON file for the whole comparison.  [default: print only]",
)
@JSON
def compare(results: tuple[Path, ...], shown: int, across_settings: bool, out: Path | None, as_json: bool) -> None:
    """Compare models on the same items: RESULTS are folders of sabila evaluate, the base model's first.

    Every other model is compared with the first one, item by item: McNemar's exact test where items are right or not,
    a paired bootstrap for other scores, each difference with its 95% interval, p-values adjusted over all benchmarks
    by Holm. Results of other prompts, settings or files are refused.
    """
    from pipelines.cli.print_scores import comparison_text
    from pipelines.evaluate.compare_results import compare_folders
    from sources.atomic import write_json

    comparison = compare_folders(results, across_settings=across_settings)
    value = comparison.model_dump(mode="json")
    if out is not None:
        write_json(out, value)
    if as_json:
        echo_json(value)
    else:
        echo(comparison_text(comparison, shown))
