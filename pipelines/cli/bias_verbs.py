"""The verbs on bias and on judges: a model's bias, truthfulness and toxicity, a judge on labelled cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.shared_options import JSON, MIRROR, STORE, echo_record, main
from pipelines.cli.teacher_options import GUARD_FORMAT, REVISION, requesting, spending, teacher_options
from training.evaluation.bias_set_names import LIKELIHOOD_ONLY, SETS

if TYPE_CHECKING:
    from synth.judges.guard_formats import FormatName
    from training.evaluation.bias_set_names import SetName
    from training.evaluation.bias_sets import BiasRecord
    from training.evaluation.evaluation_record import Mode
    from training.evaluation.judge_agreement import AgreementScore, JudgeRecord, Kind


@main.command()
@click.argument("model")
@click.option(
    "--set",
    "sets",
    multiple=True,
    type=click.Choice(SETS),
    help="Set to measure; several: repeat it.  [default: all that are available]",
)
@click.option(
    "--mode",
    type=click.Choice(["loglikelihood", "generate"]),
    help=f"How sets with options are asked; {' and '.join(sorted(LIKELIHOOD_ONLY))} compare log-likelihoods.  "
    "[default: loglikelihood for a folder or Hub id]",
)
@click.option(
    "--beginnings",
    type=FilePath(dir_okay=False),
    help="File of texts to continue, such as prompts.jsonl of RealToxicityPrompts: column prompt or text, and maybe "
    "toxicity.  [default: no toxicity is measured]",
)
@click.option(
    "--toxicity-model",
    metavar="MODEL",
    help="Classifier that marks the continuations of --beginnings, a folder or Hub id.  [default: none]",
)
@click.option(
    "--toxicity-label",
    default="toxic",
    show_default=True,
    help="Label of --toxicity-model whose probability is the mark.",
)
@click.option(
    "--continuations",
    type=click.IntRange(1),
    default=25,
    show_default=True,
    help="Continuations of each text of --beginnings.",
)
@click.option("--limit", type=click.IntRange(1), help="Take a sample of so many rows of each set.  [default: all]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the sample of --limit.")
@REVISION
@MIRROR
@STORE
@click.option("--out", type=FilePath(), required=True, help="New folder for bias.json.")
@teacher_options
@JSON
def bias(
    model: str,
    sets: tuple[SetName, ...],
    mode: Mode | None,
    beginnings: Path | None,
    toxicity_model: str | None,
    toxicity_label: str,
    continuations: int,
    limit: int | None,
    seed: int,
    revision: str | None,
    mirror: Path | None,
    store: Path,
    out: Path,
    as_json: bool,
    **limits: Any,
) -> None:
    """Measure bias, truthfulness and toxicity of MODEL, each set as its paper defines it.

    BBQ, CrowS-Pairs, TruthfulQA, ETHICS and ToxiGen are read from the mirror or the Hub. MODEL is the folder or Hub id
    of a model, or a teacher such as openai:URL#NAME, which can be asked the sets with options. With --beginnings and
    --toxicity-model texts are continued and marked. Every number is printed with what it means.
    """
    from pipelines.evaluate.bias_run import BiasJob, Toxicity, measure_bias
    from pipelines.evaluate.evaluate_model import EvaluationError
    from synth.teachers.options import TeacherOptions

    options = TeacherOptions(revision=revision, **requesting(limits))
    if (beginnings is None) != (toxicity_model is None):
        raise EvaluationError(
            "toxicity needs both --beginnings with texts to continue and --toxicity-model to mark them"
        )
    toxicity = None
    if beginnings and toxicity_model:
        toxicity = Toxicity(file=beginnings, model=toxicity_model, label=toxicity_label, samples=continuations)
    job = BiasJob(
        model=model,
        sets=sets,
        mode=mode,
        toxicity=toxicity,
        limit=limit,
        seed=seed,
        mirror=mirror,
        store=store,
        out=out,
        options=options,
    )
    record = measure_bias(job, spending(**limits))
    echo_record(record, bias_text, out, as_json)


def bias_text(record: BiasRecord) -> str:
    """Return the figures on bias, each with its meaning, and what is not measured."""
    lines = [f"{record.model.name} at {record.model.revision[:12]}, {record.mode}"]
    for one in record.sets:
        left_out = ", ".join(f"{count:,} {reason}" for reason, count in one.left_out.items())
        lines.append(f"\n{one.name}: {one.rows:,} rows" + (f", left out: {left_out}" if left_out else ""))
        for figure in one.figures:
            score = figure.score
            value = f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}] of {score.n:,}" if score else "none"
            lines.append(f"  {figure.name.partition('.')[2]:26}{value}\n    {figure.meaning}")
    return "\n".join([*lines, "", *(f"not measured: {what}" for what in record.not_measured)])


@main.command("judge-agreement")
@click.argument("file", type=FilePath(dir_okay=False))
@click.option("--judge", required=True, help="Teacher spec of the judge, such as openai:URL#NAME.")
@click.option(
    "--kind",
    type=click.Choice(["guard", "pair"]),
    required=True,
    help="guard: columns prompt, response, label (safe or unsafe); pair: prompt, first, second, label (first, second, "
    "tie).",
)
@click.option(
    "--guard-protocol",
    type=click.Choice(["chat", "prompt"]),
    default="prompt",
    show_default=True,
    help="chat for a guard model with a template of its own, prompt for any other model.",
)
@GUARD_FORMAT
@click.option(
    "--judged",
    metavar="MODEL",
    help="Name of the model it will judge; a judge of the same family is reported.  [default: none]",
)
@click.option("--revision", help="Version of the judge's weights, any text.  [default: none]")
@STORE
@click.option("--out", type=FilePath(), required=True, help="New folder for judge.json.")
@teacher_options
@JSON
def judge_agreement(
    file: Path,
    judge: str,
    kind: Kind,
    guard_protocol: Literal["chat", "prompt"],
    guard_format: FormatName | None,
    judged: str | None,
    revision: str | None,
    store: Path,
    out: Path,
    as_json: bool,
    **limits: Any,
) -> None:
    """Measure a judge on FILE, labelled cases (parquet, jsonl or csv): agreement with labels and with itself.

    Every case is asked twice, pairs in both orders. Verdicts that cannot be read and failed requests are counted,
    but excluded from the agreement.
    """
    from pipelines.evaluate.judge_run import JudgeJob, run_judge
    from synth.teachers.options import TeacherOptions

    options = TeacherOptions(revision=revision, **requesting(limits))
    job = JudgeJob(
        judge=judge,
        file=file,
        kind=kind,
        protocol=guard_protocol,
        format=guard_format,
        judged=judged,
        store=store,
        out=out,
        options=options,
    )
    record = run_judge(job, spending(**limits))
    echo_record(record, judge_text, out, as_json)


def judge_text(record: JudgeRecord) -> str:
    """Return the agreement of a judge with labels and with itself, base rates and notes."""
    lines = [
        f"{record.judge.name} as {record.kind}: {record.cases:,} cases, {record.read:,} read, {record.unread:,} unread"
        f", {record.failed:,} failed"
    ]
    parts = {"labels": record.labels, "itself, asked again": record.retest, "both orders": record.orders}
    lines += [f"agreement with {name}: {_agreement(part)}" for name, part in parts.items() if part]
    if record.labels:
        rates = ", ".join(
            f"{label} {one:.1%} by people, {other:.1%} by the judge"
            for label, (one, other) in record.labels.base_rates.items()
        )
        lines.append(f"base rates: {rates}")
    if score := record.first_share:
        lines.append(f"the reply shown first wins {score.value:.1%} [{score.low:.1%}, {score.high:.1%}]; 50% is fair")
    return "\n".join([*lines, *(f"note: {note}" for note in record.notes)])


def _agreement(score: AgreementScore) -> str:
    kappa = "none (one label alone)" if score.kappa is None else f"{score.kappa:.3f}"
    share = score.share
    return (
        f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}] of {score.n:,}, kappa {kappa}, "
        f"by chance {score.chance:.1%}, macro F1 {score.macro_f1:.3f}"
    )
