"""Text output of evaluations and comparisons. Programs read ``--json``."""

from __future__ import annotations

from pipelines.cli.print_tables import render_text, text_table
from training.evaluation.evaluation_record import BenchmarkScore, EvaluationRecord, Score, StrategyScores
from training.evaluation.item_results import NO_ANSWER
from training.evaluation.paired_comparison import Comparison, PairedScore

MOST_SUBSETS = 30

TIME = "request seconds"


def percent(score: Score | None) -> str:
    """Return a score in percent with its interval."""
    if score is None:
        return ""
    return f"{score.value:.1%} [{score.low:.1%}, {score.high:.1%}]"


def scores_text(record: EvaluationRecord) -> str:
    """Return the scores of an evaluation: a line per benchmark, items without an answer, option orders and means."""
    table = text_table("benchmark", "items", "score", "chance", "no answer", TIME, numbers=("items", TIME))
    for one in record.benchmarks:
        chance = "" if one.chance is None else f"{one.chance:.1%}"
        name = one.facts.name if one.metric == "accuracy" else f"{one.facts.name} ({one.metric})"
        items, seconds = f"{one.items:,}", f"{one.request_seconds:,.0f}"
        table.add_row(name, items, percent(one.score), chance, _no_answer(one), seconds)
    lines = [f"{record.model.name} at {record.model.revision[:12]}, {_settings(record)}"]
    notes = [note for one in record.benchmarks for note in _notes(one)]
    if record.summary and len(record.benchmarks) > 1:
        means = {"micro": record.summary.micro, "macro": record.summary.macro, "multimedqa": record.summary.multimedqa}
        notes += [f"{name}: {percent(score)}" for name, score in means.items() if score]
    notes += [f"note: {note}" for note in record.notes]
    notes.append(_spent(record))
    notes.append("[low, high]: 95% interval. An item without an answer counts as not right, but never as wrong.")
    notes.append(f"{TIME}: the sum over all requests; they run concurrently, and stored replies count again.")
    return render_text(*lines, table, *notes)


def _spent(record: EvaluationRecord) -> str:
    one = record.spent
    cost = f", cost {one.cost:,.4f}" if one.cost else ""
    energy = "" if one.kwh is None else f", {one.kwh:.4f} kWh"
    return (
        f"{one.sent:,} requests sent, {one.cached:,} answered before, {one.failed:,} failed; "
        f"{one.prompt_tokens:,} tokens read, {one.completion_tokens:,} written{cost}{energy}; "
        f"wall time {record.wall_seconds:,.0f} s"
    )


def _settings(record: EvaluationRecord) -> str:
    one = record.settings
    parts = [f"{one.mode} of {one.scoring}" if one.scoring else one.mode]
    parts += [f"{one.orders} orders"] if one.orders > 1 else []
    parts += [f"{one.strategy.name}, stop {one.strategy.stop}"] if one.strategy else []
    parts += [f"{one.samples} samples"] if one.samples > 1 else []
    parts += [f"limit {one.limit:,}, seed {one.seed}"] if one.limit else []
    parts += [f"items of {one.after} and later"] if one.after else []
    return ", ".join(parts)


def _strategy_notes(name: str, one: StrategyScores) -> list[str]:
    """Return the lines on a strategy: calls and tokens, samples, the curve of accuracy by calls, and notes."""
    tokens = f"{one.prompt_tokens:,} + {one.completion_tokens:,} tokens" if not one.uncounted else "tokens not counted"
    lines = [
        f"{name}: {one.calls:,} calls, {tokens}, {one.request_seconds:,.0f} {TIME}; "
        f"one sample {one.single:.1%}, any sample {one.pass_any:.1%}, agreement {one.agreement:.1%}, "
        f"tied {one.tied:.1%}, unparsed samples {one.unparsed:.1%}",
    ]
    if len(one.curve) > 1:
        lines += [f"{name}: {part.name}: {part.calls:.1f} calls, {percent(part.accuracy)}" for part in one.curve]
    if one.pool:
        lines.append(f"{name}: pool of examples: " + ", ".join(f"{count:,} {what}" for what, count in one.pool.items()))
    if one.pool:
        lines.append(f"{name}: " + ", ".join(f"{n:,} questions after {k} examples" for k, n in one.shown.items()))
    return [*lines, *(f"{name}: {note}" for note in one.notes)]


def _no_answer(one: BenchmarkScore) -> str:
    return ", ".join(f"{count:,} {verdict}" for verdict, count in one.counts.items() if verdict in NO_ANSWER)


def _notes(one: BenchmarkScore) -> list[str]:
    """Return the lines on one benchmark that have no column."""
    name, notes = one.facts.name, []
    if one.answered and one.answered != one.score:
        decided = "could be read" if not one.counts.get("abstained") else "could be read and did not abstain"
        notes.append(f"{name}: {percent(one.answered)} of the answers that {decided}")
    for figure in one.figures:
        value = percent(figure.score) if figure.score else "not measured, no item of this kind"
        notes.append(f"{name}: {figure.name} {value}: {figure.meaning}")
    if one.unnormalized:
        notes.append(f"{name}: {percent(one.unnormalized)} where option texts are not divided by their length")
    if one.overlap:
        notes.append(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in one.overlap.items()))
    if one.orders:
        each = ", ".join(f"{value:.1%}" for value in one.orders.scores)
        notes.append(
            f"{name}: {each} in {len(one.orders.scores)} orders of the options, worst {one.orders.worst:.1%}; "
            f"the choice changes for {percent(one.orders.flip_rate)} of {one.orders.flip_rate.n:,} items"
        )
    if one.strategy:
        notes += _strategy_notes(name, one.strategy)
    if one.calibration:
        error, brier = one.calibration.expected_calibration_error, one.calibration.brier
        notes.append(f"{name}: calibration error {error:.3f}, Brier score {brier:.3f}")
    notes += [*_judge_notes(one), *_leak_notes(one)]
    if 1 < len(one.by_subset) <= MOST_SUBSETS:
        notes.append(f"{name}: " + "; ".join(f"{part.name} {percent(part.score)}" for part in one.by_subset))
    notes += [f"{name}: {count:,} rows left out: {reason}" for reason, count in one.left_out.items()]
    return notes


def _judge_notes(one: BenchmarkScore) -> list[str]:
    """Return who graded the answers, and the scores by axis."""
    name = one.facts.name
    if one.judge is None:
        return []
    same = " It is of the same family as the judged model." if one.judge.same_family else ""
    notes = [
        f"{name}: graded by {one.judge.name} on {one.judge.criteria:,} criteria, {one.judge.unread:,} without a "
        f"verdict; answers with one of these are in no score ({one.counts.get('unjudged', 0):,}).{same}"
    ]
    if one.judge.by_axis:
        notes.append(f"{name}: " + "; ".join(f"{axis} {percent(part)}" for axis, part in one.judge.by_axis.items()))
    return notes


def _leak_notes(one: BenchmarkScore) -> list[str]:
    """Return the scores by what decontamination found."""
    name = one.facts.name
    if one.leaks is None:
        return []
    parts = {"clean": one.leaks.clean, "contaminated": one.leaks.contaminated, "not checked": one.leaks.unchecked}
    each = "; ".join(f"{percent(score)} of {score.n:,} {key}" for key, score in parts.items() if score)
    more = "" if one.leaks.whole else " (only the strongest match of each dropped row is known)"
    return [f"{name}: {each} items by the ledger of {one.leaks.release}{more}"]


def comparison_text(comparison: Comparison, shown: int) -> str:
    """Return the differences between models by benchmark, and the first ``shown`` items won and lost of each."""
    columns = (
        "benchmark",
        "first",
        "second",
        "items",
        "scores",
        "difference",
        "won",
        "lost",
        "p",
        "p (Holm)",
        "detectable",
    )
    table = text_table(*columns, numbers=("items", "won", "lost", "p", "p (Holm)", "detectable"))
    for one in comparison.pairs:
        gap = one.difference
        table.add_row(
            one.benchmark if one.metric == "accuracy" else f"{one.benchmark} ({one.metric})",
            one.first,
            one.second,
            f"{one.items:,}",
            f"{one.first_score.value:.1%} → {one.second_score.value:.1%}",
            f"{gap.value:+.1%} [{gap.low:+.1%}, {gap.high:+.1%}]",
            f"{len(one.won):,}",
            f"{len(one.lost):,}",
            _p_text(one.p),
            "" if one.p_holm is None else _p_text(one.p_holm),
            f"{one.smallest_detectable:.1%}",
        )
    lines = [line for one in comparison.pairs for line in _pair_lines(one, shown)]
    notes = [f"note: {note}" for note in comparison.notes]
    legend = (
        "won, lost: items that only the second or only the first model has right. p: of "
        f"{' or '.join(sorted({one.test for one in comparison.pairs}))}; Holm: adjusted for all rows. detectable: "
        "least difference that so many items show with power 0.8."
    )
    return render_text(table, *lines, *notes, legend)


def _pair_lines(one: PairedScore, shown: int) -> list[str]:
    lines = []
    if one.no_answer != (0, 0):
        lines.append(
            f"{one.benchmark}: no answer from {one.first} {one.no_answer[0]:,} times, {one.second} {one.no_answer[1]:,}"
        )
    for word, items in (("won", one.won), ("lost", one.lost)):
        if shown and items:
            more = f" and {len(items) - shown:,} more" if len(items) > shown else ""
            lines.append(f"{one.benchmark}: {one.second} {word} {', '.join(items[:shown])}{more}")
    return lines


def _p_text(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<0.001"
