"""Scores of a benchmark from its items' results, with intervals; outputs without an answer are counted separately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from training.evaluation.benchmark_items import BenchmarkError, ItemSet, chance_of
from training.evaluation.evaluation_record import (
    BenchmarkFacts,
    BenchmarkScore,
    Calibration,
    JudgeFacts,
    OrderScores,
    Score,
    SubsetScore,
    Summary,
)
from training.evaluation.item_results import NO_ANSWER, VERDICTS, ItemKind, ItemResult
from training.evaluation.paper_figures import paper_figures
from training.evaluation.rubric_grading import clipped
from training.evaluation.statistics import (
    bootstrap_mean,
    bootstrap_weighted,
    brier_score,
    expected_calibration_error,
    reliability_bins,
    risk_coverage_area,
    selective_accuracy,
    wilson,
)

ACCURACY = "accuracy"
ROUGE_L = "rouge_l"
RUBRIC, CLIPPED_RUBRIC = "rubric", "rubric, each clipped"
METRICS: dict[ItemKind, str] = {
    "choice": ACCURACY,
    "number": ACCURACY,
    "error": "error sentence accuracy",
    "open": ROUGE_L,
}
"""The metric of each kind of item, without a judge."""

OVERLAPS = ("rouge_1", "rouge_2", "rouge_l")


def score_benchmark(
    item_set: ItemSet, prompt: tuple[str, str], results: list[ItemResult], judge: JudgeFacts | None = None
) -> BenchmarkScore:
    """Return the scores of one benchmark from the results of all its items; ``judge`` graded the open ones.

    Raises ``BenchmarkError`` where the judge scored none of them: a judge that fails yields no score at all.
    """
    items = item_set.items
    by_item = group_by_item(results)
    answers = [one for one in results if one.verdict not in (*NO_ANSWER, "unjudged")]
    if not by_item or (judge and not answers and any(one.verdict == "unjudged" for one in results)):
        raise BenchmarkError(
            f"{item_set.name} has no score: {judge.name if judge else 'the judge'} gave no verdict on any of "
            f"{len(results):,} answers, expected JSON with criteria_met; use another --judge"
        )
    counts = Counter(one.verdict for one in results)
    chances = [chance for item in items if (chance := chance_of(item)) is not None]
    overlaps = [one.overlap for one in answers if one.overlap is not None]
    subsets = sorted({ones[0].subset for ones in by_item.values() if ones[0].subset})
    return BenchmarkScore(
        facts=BenchmarkFacts(
            name=item_set.name,
            corpus=item_set.corpus.name,
            title=item_set.corpus.title,
            split=item_set.corpus.evaluated_split,
            license=item_set.corpus.license,
            revision=item_set.revision,
            files=item_set.files,
            prompt=prompt[0],
            prompt_hash=prompt[1],
            items_hash=item_set.hash,
        ),
        metric=(CLIPPED_RUBRIC if items[0].clipped else RUBRIC) if judge else METRICS[items[0].kind],
        items=len(items),
        total=item_set.total,
        left_out=item_set.left_out,
        counts={verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]},
        score=clipped(mean_score(by_item)) if judge else mean_score(by_item),
        answered=mean_score(group_by_item(answers)) if answers else None,
        judge=judge,
        unnormalized=_unnormalized(results),
        overlap={name: float(np.mean([values[place] for values in overlaps])) for place, name in enumerate(OVERLAPS)}
        if overlaps
        else {},
        figures=paper_figures(item_set, results),
        chance=float(np.mean(chances)) if len(chances) == len(items) else None,
        by_subset=[
            SubsetScore(name=name, score=mean_score({k: v for k, v in by_item.items() if v[0].subset == name}))
            for name in subsets
        ],
        orders=_order_scores(by_item),
        calibration=_calibration(answers),
        prompt_tokens=sum(one.prompt_tokens or 0 for one in results),
        completion_tokens=sum(one.completion_tokens or 0 for one in results),
        request_seconds=sum(one.request_seconds for one in results),
    )


def group_by_item(results: Sequence[ItemResult]) -> dict[str, list[ItemResult]]:
    """Return the results of each item, by order and sample, without those that a judge failed to score."""
    by_item: dict[str, list[ItemResult]] = {}
    for one in sorted(results, key=lambda one: one.key):
        if one.verdict == "unjudged":
            continue
        by_item.setdefault(one.item, []).append(one)
    return by_item


def mean_score(by_item: dict[str, list[ItemResult]]) -> Score:
    """Return the mean over items of their mean credit: Wilson's interval where each is right or not, else bootstrap.

    Items that share a passage are resampled together.
    """
    credits = [float(np.mean([one.credit for one in results])) for results in by_item.values()]
    clusters = [results[0].cluster or item for item, results in by_item.items()]
    if len(set(clusters)) == len(clusters) and all(credit in (0.0, 1.0) for credit in credits):
        return Score.of(wilson(sum(credits), len(credits)), len(credits))
    return Score.of(bootstrap_mean(credits, clusters), len(credits))


def _unnormalized(results: Sequence[ItemResult]) -> Score | None:
    """Return the accuracy by plain likelihood where options were compared by their texts."""
    texts = [one for one in results if one.how == "texts" and one.logprobs is not None]
    if not texts:
        return None
    right = sum(one.logprobs.index(max(one.logprobs)) in one.gold for one in texts if one.logprobs)
    return Score.of(wilson(right, len(results)), len(results))


def _order_scores(by_item: dict[str, list[ItemResult]]) -> OrderScores | None:
    """Return scores by order; an item with fewer orders has the result of its last one in the others."""
    most = max(one.order for results in by_item.values() for one in results) + 1
    if most == 1:
        return None
    sums = np.zeros(most)
    flipped = changeable = 0
    for results in by_item.values():
        orders: dict[int, list[ItemResult]] = {}
        for one in results:
            orders.setdefault(one.order, []).append(one)
        last = max(orders)
        sums += [np.mean([one.credit for one in orders[min(number, last)]]) for number in range(most)]
        if last:
            changeable += 1
            first_samples = [min(ones, key=lambda one: one.sample) for ones in orders.values()]
            flipped += len({(one.chosen, one.verdict in NO_ANSWER) for one in first_samples}) > 1
    scores = [float(value) / len(by_item) for value in sums]
    flips = Score.of(wilson(flipped, changeable), changeable)
    return OrderScores(scores=scores, mean=float(np.mean(scores)), worst=min(scores), flip_rate=flips)


def _calibration(answers: Sequence[ItemResult]) -> Calibration | None:
    known = [(one.confidence, one.verdict == "right") for one in answers if one.confidence is not None]
    if not known:
        return None
    confidence = [value for value, _ in known]
    right = [float(hit) for _, hit in known]
    return Calibration(
        n=len(known),
        expected_calibration_error=expected_calibration_error(confidence, right),
        brier=brier_score(confidence, right),
        risk_coverage_area=risk_coverage_area(confidence, right),
        bins=[tuple(one) for one in reliability_bins(confidence, right)],
        selective=[tuple(one) for one in selective_accuracy(confidence, right)],
    )


def summarize(
    scored: Sequence[tuple[ItemSet, BenchmarkScore, list[ItemResult]]], suite: Sequence[str]
) -> Summary | None:
    """Return micro and macro accuracy, and MultiMedQA's if all benchmarks of ``suite`` are there; None for none."""
    groups = {
        item_set.name: (
            item_set.total,
            [float(np.mean([one.credit for one in ones])) for ones in group_by_item(r).values()],
        )
        for item_set, score, r in scored
        if score.metric == ACCURACY
    }
    if not groups:
        return None
    credits = [values for _, values in groups.values()]
    n = sum(map(len, credits))
    has_suite = set(suite) <= groups.keys()
    weighted = [groups[name] for name in suite] if has_suite else []
    return Summary(
        micro=Score.of(bootstrap_weighted(credits, [len(values) for values in credits]), n),
        macro=Score.of(bootstrap_weighted(credits, [1] * len(credits)), n),
        multimedqa=Score.of(
            bootstrap_weighted([values for _, values in weighted], [total for total, _ in weighted]),
            sum(len(values) for _, values in weighted),
        )
        if has_suite
        else None,
    )
