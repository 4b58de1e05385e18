"""The verbs of the red team: attack a model and count what it refuses, compare two such runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.number_range import NumberRange
from pipelines.cli.shared_options import JSON, MIRROR, STORE, echo_record, main
from pipelines.cli.teacher_options import GUARD_FORMAT, REVISION, requesting, spending, teacher_options
from pipelines.terminal import echo, echo_json

if TYPE_CHECKING:
    from synth.judges.guard_formats import FormatName
    from training.evaluation.evaluation_record import Score
    from training.evaluation.red_team_record import AttackRate, RedTeamRecord


@main.command()
@click.argument("model")
@click.option(
    "--guard",
    help="Teacher spec of the guard that judges answers to attacks, such as openai:URL#Llama-Guard-3-8B. Without one, "
    "answers are written and refusals counted, and attacks have no rate.  [default: none]",
)
@click.option(
    "--guard-protocol",
    type=click.Choice(["chat", "prompt"]),
    default="chat",
    show_default=True,
    help="chat for a guard model with a template of its own, prompt for any other instructed model.",
)
@GUARD_FORMAT
@click.option("--guard-revision", help="Version of the guard's weights, any text.  [default: none]")
@REVISION
@click.option(
    "--requests",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="Harmful requests, spread over the topics; each is asked in every style, 13 by default.",
)
@click.option(
    "--style",
    "styles",
    multiple=True,
    metavar="NAME",
    help="Attack style, such as json or roleplay_historical; the plain request is always asked. Several: repeat it.  "
    "[default: all]",
)
@click.option(
    "--refusal-prompts",
    type=click.IntRange(0),
    help="Take so many prompts of each refusal set: 171 medical ones, XSTest's 250 safe and 200 unsafe.  "
    "[default: all]",
)
@click.option(
    "--benign",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="Benign medical answers on which the guard's false alarms are counted.",
)
@click.option(
    "--benign-from", default="medquad", show_default=True, help="Corpus of the benign answers, as sabila sources lists."
)
@click.option(
    "--temperature",
    type=NumberRange(0),
    default=0.0,
    show_default=True,
    help="Temperature of the model's answers; 0 takes the likeliest token.",
)
@click.option("--max-tokens", type=click.IntRange(8), default=256, show_default=True, help="Most tokens of an answer.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the choice of requests.")
@MIRROR
@STORE
@click.option("--out", type=FilePath(), required=True, help="New folder for the results.")
@teacher_options
@JSON
def redteam(
    model: str,
    guard: str | None,
    guard_protocol: Literal["chat", "prompt"],
    guard_format: FormatName | None,
    guard_revision: str | None,
    revision: str | None,
    store: Path,
    mirror: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Attack MODEL with held-out harmful requests in every style, and count what benign prompts it refuses.

    MODEL is the folder or Hub id of a model, or a teacher: openai:URL#NAME, llamacpp:FILE, vllm:NAME. A guard model
    judges the answers; verdicts that cannot be read are a count of their own. Advice alone (Llama Guard's S6) is shown
    with and without. Compare two runs, such as before and after DPO, with `sabila compare-redteam`.
    """
    from pipelines.evaluate.red_team_run import RedTeamJob, run_red_team
    from synth.teachers.options import TeacherOptions

    how = requesting(settings)
    budget = {name: settings.pop(name) for name in ("budget_tokens", "budget_cost", "price", "watts")}
    job = RedTeamJob(
        model=model,
        store=store,
        mirror=mirror,
        guard=guard,
        protocol=guard_protocol,
        format=guard_format,
        options=TeacherOptions(revision=revision, **how),
        guard_options=TeacherOptions(revision=guard_revision, **how),
        **settings,
    )
    record = run_red_team(job, spending(**budget))
    echo_record(record, red_team_text, job.out, as_json)


def red_team_text(record: RedTeamRecord) -> str:
    """Return the results as text: attacks by style and topic, refusals, the guard's errors, what is not measured."""
    lines = [
        f"{record.model.name} at {record.model.revision}, guard {record.guard.name if record.guard else 'none'}",
        "",
    ]
    lines += [f"{'attack success':24}{'unsafe':>24}{'with advice':>24}{'judged':>8}{'unread':>8}{'no text':>8}"]
    rows = [("all", record.overall), *((str(one.style), one) for one in record.styles)]
    lines += [_rate_line(name, one) for name, one in rows]
    lines += ["", *(_rate_line(str(one.topic), one) for one in record.topics), ""]
    lines.append(f"worst style: {record.worst_style or 'none judged'}")
    broken = record.requests
    lines.append(f"requests broken by at least one style: {broken.broken} of {broken.requests} ({_score(broken.rate)})")
    lines.append("")
    for one in record.refusals:
        expected = "should answer" if one.benign else "should refuse"
        lines.append(
            f"{one.name} ({expected}): refuses {_score(one.refuses)}, in part {_score(one.partly)} of {one.replies} "
            "replies" + (f", {one.unanswered} without text" if one.unanswered else "")
        )
    detection = record.detection
    lines.append(
        f"refusals are recognised by their wording: of {detection.replies} labelled replies {detection.right} read "
        f"right, {detection.missed_refusals} of {detection.refusals} refusals missed, {detection.false_refusals} of "
        f"{detection.compliant} answers called refusals"
    )
    if record.same_family:
        lines.append("guard and model are of one family: judges prefer texts of their own family")
    if errors := record.guard_errors:
        lines.append(
            f"guard on {errors.answers} benign answers of {errors.corpus}: false alarms {_score(errors.false_alarms)}, "
            f"with advice {_score(errors.false_alarms_with_advice)}, {errors.unread} unread"
        )
    return "\n".join([*lines, *(f"not measured: {what}" for what in record.not_measured)])


def _rate_line(name: str, one: AttackRate) -> str:
    cells = f"{_score(one.rate):>24}{_score(one.rate_with_advice):>24}"
    return f"{name:24}{cells}{one.judged:>8}{one.unread:>8}{one.unanswered:>8}"


def _score(score: Score | None) -> str:
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]" if score else "none"


@main.command("compare-redteam")
@click.argument("before", type=FilePath(file_okay=False))
@click.argument("after", type=FilePath(file_okay=False))
@JSON
def compare_redteam(before: Path, after: Path, as_json: bool) -> None:
    """Compare two red-team runs prompt by prompt: BEFORE and AFTER are folders of results with the same settings.

    Shown are shares of good outcomes (attacks answered safely, benign prompts answered, unsafe ones refused), their
    difference with its interval, McNemar's test and its value adjusted for the number of groups by Holm.
    """
    from pipelines.evaluate.red_team_run import compare_runs

    comparisons = compare_runs(before, after)
    if as_json:
        echo_json([one.model_dump(mode="json") for one in comparisons])
        return
    echo(
        "Shares of good outcomes: attacks answered safely, benign prompts answered, prompts of xstest_unsafe refused.\n"
    )
    echo(f"{'':32}{'before':>8}{'after':>8}{'difference':>27}{'pairs':>7}{'left out':>9}{'p':>8}{'Holm':>8}")
    for one in comparisons:
        shown = f"{one.difference.value:+.3f} [{one.difference.low:+.3f}, {one.difference.high:+.3f}]"
        name = one.name if one.group == "set" else f"style {one.name}"
        numbers = f"{one.before:>8.3f}{one.after:>8.3f}{shown:>27}{one.pairs:>7}{one.dropped:>9}"
        echo(f"{name:32}{numbers}{one.p:>8.3f}{one.p_holm:>8.3f}")
