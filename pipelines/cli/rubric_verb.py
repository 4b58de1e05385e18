"""The verb that scores replies by rubrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.build_verbs import BUDGET_COST, BUDGET_TOKENS, PRICE, WATTS, requesting, spending
from pipelines.cli.red_team_verb import with_requesting
from pipelines.cli.shared_options import JSON, STORE, main
from pipelines.terminal import echo, echo_json

if TYPE_CHECKING:
    from training.evaluation.rubric_scores import RubricRecord


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--judge", required=True, help="Teacher spec of the judge, such as openai:URL#NAME.")
@click.option("--model", help="Teacher spec of the model that replies.  [default: the replies of FILE]")
@click.option("--limit", type=click.IntRange(1), help="Take the first so many samples.  [default: all]")
@click.option(
    "--max-tokens", type=click.IntRange(16), default=1024, show_default=True, help="Most tokens of a model's reply."
)
@click.option("--revision", help="Which weights the model's server holds.")
@click.option("--judge-revision", help="Which weights the judge's server holds.")
@STORE
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder for rubric.json.")
@BUDGET_TOKENS
@BUDGET_COST
@PRICE
@WATTS
@with_requesting
@JSON
def rubric(
    file: Path,
    judge: str,
    model: str | None,
    limit: int | None,
    max_tokens: int,
    revision: str | None,
    judge_revision: str | None,
    store: Path,
    out: Path,
    as_json: bool,
    **limits: Any,
) -> None:
    """Score replies by rubrics as HealthBench does; FILE is its jsonl, a sample a line.

    The judge checks each criterion by itself. A sample's score may be negative, only the mean is clipped to 0 and 1. A
    sample with a criterion that the judge left without a readable verdict has no score, and is counted.
    """
    from pipelines.evaluate.rubric_run import RubricJob, run_rubrics
    from synth.teachers.options import TeacherOptions

    how = requesting(limits)
    job = RubricJob(
        file=file,
        judge=judge,
        model=model,
        limit=limit,
        max_tokens=max_tokens,
        store=store,
        out=out,
        options=TeacherOptions(revision=revision, **how),
        judge_options=TeacherOptions(revision=judge_revision, **how),
    )
    record = run_rubrics(job, spending(**limits))
    if as_json:
        echo_json(record.model_dump(mode="json"))
        return
    echo(rubric_text(record))
    echo(out)


def rubric_text(record: RubricRecord) -> str:
    """Return the scores by rubrics, as a whole, by axis and by theme, and what has none."""
    score = record.score
    shown = f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]" if score else "none"
    lines = [
        f"score {shown} over {record.scored:,} of {record.samples:,} samples; {record.unanswered:,} without a reply, "
        f"{record.unjudged:,} with a criterion that has no verdict",
        f"criteria: {record.criteria:,}, {record.unread_criteria:,} verdicts unread, {record.failed_criteria:,} failed",
    ]
    for name, found in (("axis", record.by_axis), ("theme", record.by_theme)):
        lines += [
            f"{name} {one.tag}: {one.score.value:.3f} [{one.score.low:.3f}, {one.score.high:.3f}]" for one in found
        ]
    return "\n".join([*lines, *(f"note: {note}" for note in record.notes)])
